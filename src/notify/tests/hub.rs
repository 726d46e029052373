//! Queues, deadlines, and what is told of sinks that did not come to their end.

use super::super::tally::{Inbox, Tally};
use super::server::{Does, Server};
use super::webhook::{fleet, note, webhook};
use super::*;
use crate::model::Problem;

const LONG: Duration = Duration::from_secs(3600);

/// A notifier with one sink that works so.
fn with<W: Future<Output = ()> + Send + 'static>(
    clock: Clock,
    work: impl FnOnce(Inbox, Tally) -> W,
) -> Notifier {
    let mut notifier = Notifier::start(&fleet(Vec::new()), clock, Outlet::Network);
    notifier.add("slack".to_owned(), Ok(work));
    notifier
}

#[tokio::test]
async fn without_a_sink_nothing_happens() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("reports");
    let notifier = Notifier::start(&fleet(Vec::new()), fast(), Outlet::Files(path.clone()));
    notifier.tell(&note(1));
    assert_eq!(notifier.finish(LONG).await, []);
    assert!(!path.exists());
}

#[tokio::test(start_paused = true)]
async fn a_sink_may_take_everything_that_waits_at_once() {
    let clock = Clock::starting_at(begin(), 1.0);
    let taken = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sizes = std::sync::Arc::clone(&taken);
    let notifier = with(clock, |mut inbox, _| async move {
        loop {
            let events = inbox.drain().await;
            sizes.lock().unwrap().push(events.len());
            if events.is_empty() {
                return;
            }
            clock.sleep(seconds(1)).await;
        }
    });
    tell_all(&notifier, (0..5).map(note));
    clock.sleep(seconds(1) / 2).await;
    tell_all(&notifier, (5..12).map(note));
    assert_eq!(notifier.finish(LONG).await, []);
    assert_eq!(*taken.lock().unwrap(), [5, 7, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_the_time_is_over_is_told() {
    let clock = Clock::starting_at(begin(), 1.0);
    let notifier = with(clock, |mut inbox, tally| async move {
        inbox.drain().await;
        tally.failed("start of qa", Problem::new("no_such_channel", "", "make it"));
        inbox.drain().await;
        tally.waiting(vec!["end of qa".to_owned()]);
        std::future::pending::<()>().await;
    });
    notifier.tell(&note(1));
    tokio::task::yield_now().await;
    tell_all(&notifier, (2..5).map(note));
    tokio::task::yield_now().await;
    tell_all(&notifier, (5..7).map(note));
    let undelivered = notifier.finish(seconds(10)).await;
    assert_eq!(clock.since(begin()), seconds(10));
    assert_eq!(
        told(&undelivered),
        [
            "slack: start of qa: no_such_channel",
            "slack: end of qa: there was no time left",
            "slack: 5 events: there was no time left",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_breaks_is_told_and_the_others_go_on() {
    let clock = Clock::starting_at(begin(), 1.0);
    let mut notifier = with(clock, |mut inbox, _| async move {
        inbox.next().await;
        panic!("a mistake in a sink");
    });
    let count = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = std::sync::Arc::clone(&count);
    notifier.add(
        "tickets".to_owned(),
        Ok(|mut inbox: Inbox, _| async move {
            while inbox.next().await.is_some() {
                counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }),
    );
    tell_all(&notifier, (0..3).map(note));
    tokio::task::yield_now().await;
    // One that is gone loses what comes, and holds up nothing.
    notifier.tell(&note(3));
    let undelivered = notifier.finish(LONG).await;
    assert!(undelivered.iter().all(|one| one.sink == "slack"), "{undelivered:?}");
    assert!(
        told(&undelivered).contains(&"slack: 3 events: the sink broke off".to_owned()),
        "{undelivered:?}"
    );
    assert_eq!(count.load(std::sync::atomic::Ordering::Relaxed), 4);
    assert!(clock.since(begin()) < LONG);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_never_holds_up_the_run() {
    let notifier = with(fast(), |mut inbox, _| async move { while inbox.next().await.is_some() {} });
    tell_all(&notifier, (0..10_007).map(note));
    let undelivered = notifier.finish(LONG).await;
    assert_eq!(told(&undelivered), ["slack: 7 events: more events came than it could take"]);
}

#[tokio::test]
async fn the_end_waits_for_no_server_longer_than_its_deadline() {
    for deed in [Does::NeverAnswers, Does::Drips, Does::Resets, Does::NeverEnds] {
        let server = Server::start(vec![deed.clone()]).await;
        let directory = tempfile::tempdir().unwrap();
        let clock = fast();
        let hooks = vec![webhook(directory.path(), &server.url(), "secret")];
        let notifier = Notifier::start(&fleet(hooks), clock, Outlet::Network);
        tell_all(&notifier, (0..50).map(note));
        let before = clock.now();
        let undelivered = notifier.finish(seconds(25)).await;
        let took = clock.since(before);
        assert!(took < seconds(90), "{deed:?}: {took:?}");
        let told = told(&undelivered).join("; ");
        match deed {
            // 64 KiB of each are enough: the status was there.
            Does::NeverEnds => assert!(took < seconds(25) || told.contains("events"), "{told}"),
            Does::Resets => assert_eq!(told, "webhook 1: 50 events: the connection broke: connection reset"),
            Does::NeverAnswers => assert_eq!(told, "webhook 1: 50 events: no answer within 10s"),
            _ => assert_eq!(told, "webhook 1: 50 events: the answer was not whole within 10s"),
        }
    }
}

#[tokio::test]
async fn a_signal_ends_the_wait_at_once() {
    let server = Server::start(vec![Does::NeverAnswers]).await;
    let directory = tempfile::tempdir().unwrap();
    let hooks = vec![webhook(directory.path(), &server.url(), "secret")];
    let notifier = Notifier::start(&fleet(hooks), Clock::starting_at(begin(), 1.0), Outlet::Network);
    notifier.tell(&note(1));
    let before = std::time::Instant::now();
    let undelivered = notifier.finish_by(tokio::task::yield_now()).await;
    assert!(before.elapsed() < seconds(2), "{:?}", before.elapsed());
    assert_eq!(told(&undelivered), ["webhook 1: 1 event: there was no time left"]);
}
