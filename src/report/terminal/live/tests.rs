//! The live view on a screen that remembers.

use std::io;
use std::sync::{Arc, Mutex};

use indicatif::TermLike;
use jiff::tz::TimeZone;

use super::*;
use crate::report::samples;
use crate::report::terminal::{Detail, TerminalMode};

const WIDTH: u16 = 120;

/// A terminal's rows, and where the cursor is.
#[derive(Debug, Default)]
struct Rows {
    rows: Vec<String>,
    row: usize,
}

impl Rows {
    fn at(&mut self) -> &mut String {
        if self.rows.len() <= self.row {
            self.rows.resize(self.row + 1, String::new());
        }
        &mut self.rows[self.row]
    }
}

#[derive(Debug, Clone, Default)]
struct Screen(Arc<Mutex<Rows>>);

impl Screen {
    fn shown(&self) -> Vec<String> {
        let rows = self.0.lock().unwrap();
        rows.rows.iter().map(|row| row.trim().to_owned()).filter(|row| !row.is_empty()).collect()
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        WIDTH
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        let mut rows = self.0.lock().unwrap();
        rows.row = rows.row.saturating_sub(n);
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.lock().unwrap().row += n;
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        self.move_cursor_down(1)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        let mut rows = self.0.lock().unwrap();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            // Colours take no room.
            if c == '\u{1b}' {
                let _end = chars.by_ref().find(char::is_ascii_alphabetic);
                continue;
            }
            // As terminals do: the cursor wraps when the next character comes.
            if c == '\n' || rows.at().chars().count() >= usize::from(WIDTH) {
                rows.row += 1;
            }
            if c != '\n' {
                rows.at().push(c);
            }
        }
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.lock().unwrap().at().clear();
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

fn view(screen: &Screen, color: bool) -> Live {
    let settings = Settings {
        report_dir: "reports".into(),
        terminal: TerminalMode::Live,
        detail: Detail::Steps,
        color,
        timezone: TimeZone::UTC,
        simulated: false,
    };
    let mut live = Live::drawing_to(&settings, ProgressDrawTarget::term_like(Box::new(screen.clone())), None);
    live.expect(Box::new(|_| std::time::Duration::from_secs(600)));
    live
}

#[test]
fn running_groups_are_shown_with_their_phase_and_gone_when_the_environment_ends() {
    for color in [false, true] {
        let screen = Screen::default();
        let (mut live, mut run, mut seen) = (view(&screen, color), Run::default(), Vec::new());
        for event in samples::failed_check() {
            run.apply(&event);
            live.event(&event, &run, |_| ());
            seen.extend(screen.shown());
        }
        live.closing(&run, &[], |_| ());
        for wanted in [
            ["qa (1 of 2)  looking at the groups", ""],
            ["qa (1 of 2)  preparing templates", ""],
            ["qa (1 of 2)  0 of 2 groups ended, 1 running, 1 waiting", ""],
            ["50%  payments-qa  refreshing", "about"],
            ["100%  payments-qa  baking", "about"],
            ["100%  payments-qa  baking, checks", ""],
            ["0%  payments-qa  rolling back", ""],
        ] {
            let found = seen.iter().any(|row| row.starts_with(wanted[0]) && row.contains(wanted[1]));
            assert!(found, "{wanted:?} in {seen:#?}");
        }
        assert_eq!(screen.shown(), Vec::<String>::new());
    }
}

#[test]
fn lines_are_printed_while_the_view_is_away() {
    let screen = Screen::default();
    let (mut live, mut run, mut lines) = (view(&screen, false), Run::default(), 0);
    for event in samples::clean(None) {
        run.apply(&event);
        live.event(&event, &run, |text| {
            assert_eq!(screen.shown(), Vec::<String>::new(), "{text}");
            lines += 1;
        });
    }
    assert!(lines > 10, "{lines}");
}
