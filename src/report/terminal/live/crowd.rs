//! The live view of hundreds of groups, as a terminal shows what is written to it.

use std::sync::{Arc, Mutex};

use jiff::tz::TimeZone;

use super::*;
use crate::event::{Event, PlannedAction, RollbackRoute};
use crate::model::{RefreshStatus, Target};
use crate::report::samples::{Stream, env, group, planned};
use crate::report::terminal::{Detail, TerminalMode};

#[path = "../../../../tests/it/cli/screen.rs"]
mod screen;

/// What was written, shared with the test.
#[derive(Debug, Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal and a view on it, which is drawn as often as anything changes.
struct Shown {
    live: Live,
    run: Run,
    written: Written,
    size: Arc<Mutex<(u16, u16)>>,
}

impl Shown {
    fn new(rows: u16, columns: u16) -> Self {
        let settings = Settings {
            report_dir: "reports".into(),
            terminal: TerminalMode::Live,
            detail: Detail::Steps,
            color: true,
            timezone: TimeZone::UTC,
            simulated: false,
        };
        let (written, size) = (Written::default(), Arc::new(Mutex::new((rows, columns))));
        let told = Arc::clone(&size);
        let size_now = Size::new(move || *told.lock().unwrap());
        let screen = Screen::new(written.clone(), size_now.clone());
        let target = ProgressDrawTarget::term_like(Box::new(screen));
        let mut live = Live::drawing_to(&settings, target, Some(size_now));
        live.expect(Box::new(|_| std::time::Duration::from_secs(3600)));
        Self { live, run: Run::default(), written, size }
    }

    /// Takes all in, and draws the last few only: drawing each takes its time.
    fn hear(&mut self, events: &[Stamped]) {
        let (before, events) = events.split_at(events.len().saturating_sub(8));
        for event in before {
            self.run.apply(event);
            let _unprinted = self.live.plain.event(event, &self.run);
            self.live.paces.hear(event);
            self.live.follow(&event.event);
        }
        for event in events {
            self.run.apply(event);
            let out = self.written.clone();
            self.live.event(event, &self.run, |text| {
                // As a terminal has it of a program: a new line begins at its first column.
                out.0.lock().unwrap().extend_from_slice(text.replace('\n', "\r\n").as_bytes());
            });
        }
    }

    fn resize(&mut self, rows: u16, columns: u16) {
        *self.size.lock().unwrap() = (rows, columns);
        let told = format!("\u{1b}]777;{rows};{columns}\u{7}");
        self.written.0.lock().unwrap().extend_from_slice(told.as_bytes());
        self.live.resized();
    }

    fn screen(&self, rows: usize, columns: usize, breaks_anew: bool) -> screen::Screen {
        let mut screen = screen::Screen::new(rows, columns, breaks_anew);
        screen.show(&String::from_utf8(self.written.0.lock().unwrap().clone()).unwrap());
        screen
    }
}

/// A run in which so many groups are refreshed, a second after one another, and the last goes back.
fn crowd(count: usize) -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa", "prod"], None);
    let name = |at: usize| format!("a-service-with-a-long-name-{at:03}-qa");
    let plan = |at| planned("qa", &name(at), PlannedAction::Refresh);
    stream.start("qa", (0..count).map(plan).collect());
    for at in 0..count {
        let group = group("qa", &name(at));
        stream.push(Event::RefreshStarted {
            group: group.clone(),
            refresh: "r".into(),
            target: Target::plain("lt-0".into(), 7),
            adopted: false,
        });
        stream.moved(&group, RefreshStatus::InProgress, 40);
    }
    let last = group("qa", &name(count - 1));
    let (route, why) =
        (RollbackRoute::Native, "app-health: 503 Service Unavailable of 4 instances".to_owned());
    stream.push(Event::RollbackStarted { group: last, route, why });
    stream.events
}

#[test]
fn of_five_hundred_groups_as_many_are_shown_as_there_is_room_for() {
    for (rows, columns) in [(24, 80), (24, 40)] {
        let mut shown = Shown::new(rows, columns);
        shown.hear(&crowd(500));
        let screen = shown.screen(rows.into(), columns.into(), false);
        let now = screen.shown();
        assert!(now.iter().all(|row| row.chars().count() <= columns.into()), "{now:#?}");
        let view =
            &now[now.iter().rposition(|row| row.starts_with("qa (1 of 2)  ")).expect("the environment")..];
        assert!(view[0].starts_with("qa (1 of 2)  0 of 500 groups ended, 500"), "{view:#?}");
        assert_eq!(view.len(), 17, "the environment, 15 groups, and how many more: {view:#?}");
        assert!(
            view[1].starts_with("  40%  a-service-w…-name-499-qa  rollin"),
            "what goes back is first: {view:#?}"
        );
        assert!(view[2].starts_with("  40%  a-service-w…-name-000-qa  refres"), "{view:#?}");
        assert_eq!(view[16], "  and 485 more groups running");
        if columns == 80 {
            assert!(view[0].contains("500 running  1"), "since when: {view:#?}");
            assert!(view[2].contains("refreshing  16m 40s"), "since when: {view:#?}");
            assert!(view[2].contains("min left"), "for how long: {view:#?}");
        }
        // The line of the rollback stands above, broken between words.
        let above = now[..now.len() - view.len()].join(" ");
        assert!(above.contains("Service") && above.contains("instances"), "{now:#?}");
        shown.live.closing(&shown.run, &[], |_| ());
        let left = shown.screen(rows.into(), columns.into(), false).text();
        assert!(left.iter().all(|row| !row.contains("%  a-service")), "{left:#?}");
    }
}

#[test]
fn a_terminal_that_breaks_lines_anew_keeps_nothing_of_a_view_that_fits_the_new_width() {
    let mut shown = Shown::new(24, 120);
    shown.hear(&crowd(30));
    for (rows, columns) in [(24, 100), (20, 90), (24, 120), (24, 88)] {
        shown.resize(rows, columns);
    }
    let screen = shown.screen(24, 120, true);
    let rows = screen.shown().iter().filter(|row| row.contains("%  a-service")).count();
    assert_eq!(rows, 15, "once each: {:#?}", screen.shown());
    assert!(screen.seen.iter().flatten().any(|row| row.contains("%  a-service")));
}

#[test]
fn a_view_that_is_taller_than_the_terminal_ends_where_it_does() {
    let mut shown = Shown::new(8, 60);
    shown.hear(&crowd(30));
    let rows = shown.screen(8, 60, false).text();
    let view = rows.iter().filter(|row| row.contains("%  a-service")).count();
    assert_eq!(view, 6, "7 rows, and one for the cursor: {rows:#?}");
}

#[test]
fn environments_that_wait_are_counted_where_they_are_many() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut stream = Stream::new(&names, None);
    for name in names {
        let (until, message) = ("2026-11-23T15:00:00Z".parse().unwrap(), "its window".to_owned());
        stream.push(Event::EnvironmentWaits { environment: env(name), until, message });
    }
    let mut shown = Shown::new(24, 80);
    shown.hear(&stream.events);
    let now = shown.screen(24, 80, false).shown();
    // Those of the log say what for.
    let is_of_view = |row: &&String| row.contains(" waits until ") && !row.contains("its window");
    let waits: Vec<&String> = now.iter().filter(is_of_view).collect();
    assert_eq!(waits.len(), 4, "{now:#?}");
    assert_eq!(now.last().unwrap(), "and 2 more environments wait");
}
