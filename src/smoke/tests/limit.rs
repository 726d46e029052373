//! The one limit over all askings.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::network::{answer, request, server};
use super::*;

#[tokio::test]
async fn two_thousand_probes_stay_under_the_limit_and_come_back_in_order() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let address = server(|mut stream| async move {
        let now = NOW.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(now, Ordering::SeqCst);
        let head = request(&mut stream).await;
        tokio::time::sleep(Duration::from_millis(u64::from(head.as_bytes()[7] % 5))).await;
        let path = head.split(' ').nth(1).unwrap().to_owned();
        // Before the answer, so that the next probe can't come before this one is counted out.
        NOW.fetch_sub(1, Ordering::SeqCst);
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer("200 OK", &path).as_bytes()).await;
    })
    .await;
    let ids: Vec<String> = (0..2000).map(|n| format!("i-{n:04}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let group = sighting(&ids, "127.0.0.1");
    let mut http = get(&format!("http://{{private_ip}}:{}/{{instance_id}}", address.port()));
    http.within = Duration::from_secs(1000);
    let health = check("health", CheckKind::Http(http), Scope::Instance, once());
    let runner = runner().with_limit(64);
    let result = run_one(&runner, calls(move |_| Ok(group.clone())), &health).await;

    assert_eq!((result.status, result.message.as_str()), (Status::Passed, "2000 of 2000 instances passed"));
    assert!(result.probes.iter().map(|probe| probe.subject.as_str()).eq(ids));
    assert!(result.probes.iter().all(|probe| probe.evidence.ends_with(&format!("/{}", probe.subject))));
    let most = MOST.load(Ordering::SeqCst);
    assert!((32..=64).contains(&most), "{most}");
}

#[tokio::test]
async fn a_limit_of_nothing_is_one() {
    let address = network::answers(answer("200 OK", "")).await;
    let http = get(&format!("http://{address}/"));
    let health = check("health", CheckKind::Http(http), Scope::Group, once());
    let result = run_one(&runner().with_limit(0), calls(|_| Err(throttled())), &health).await;
    assert_eq!(result.status, Status::Passed);
}

#[tokio::test]
async fn a_run_can_be_spawned() {
    let task = tokio::spawn(async {
        let (runner, expect) = (runner(), expectation());
        let instances = check("instances", CheckKind::Instances, Scope::Instance, once());
        runner.run_with(calls(|_| Ok(sighting(&["i-1"], "127.0.0.1"))), &expect, &[&instances], |_| ()).await
    });
    assert_eq!(task.await.unwrap()[0].status, Status::Passed);
}
