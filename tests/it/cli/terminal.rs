//! The live view on a real pseudo-terminal, as `script` makes one: what is left on the screen.
//!
//! The shell on it stops the program while it changes the terminal's size, and says so in a
//! sequence of its own, so that the screen here changes at the same moment.

use std::process::Stdio;

use super::screen::Screen;
use super::simulator::Simulator;

/// How fast the simulator's time goes: a rollout in some fifteen seconds.
const SPEED: u32 = 60;

/// Runs a rollout on a terminal of these rows and columns, which is resized to others meanwhile, and
/// breaks its lines anew then or does not.
fn rollout(sizes: &[(usize, usize)], breaks_anew: bool) -> Screen {
    let (place, _simulator) = Simulator::with_candidate(SPEED, "--seed 4");
    let ((rows, columns), others) = sizes.split_first().expect("a size");
    let resizes = others.iter().map(|(rows, columns)| {
        format!(
            "sleep 3; kill -STOP $run; printf '\\033]777;{rows};{columns}\\007'; \
             stty rows {rows} columns {columns}; kill -CONT $run; "
        )
    });
    let shell = format!(
        "stty rows {rows} columns {columns}; {} rollout --env sandbox & run=$!; {} wait $run",
        env!("CARGO_BIN_EXE_ami-refresh"),
        resizes.collect::<Vec<_>>().concat(),
    );
    let mut command = place.program("script", &["-q", "-e", "-c", &shell, "/dev/null"]);
    command.env("TERM", "xterm-256color").stderr(Stdio::null());
    let output = command.output().expect("script runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let mut screen = Screen::new(*rows, *columns, breaks_anew);
    screen.show(&String::from_utf8(output.stdout).expect("UTF-8"));
    screen
}

/// Whether a row is one of the live view.
fn is_live(row: &str) -> bool {
    let is_environment = row.strip_prefix("sandbox  ").is_some_and(|rest| {
        // The table at the end has a row of it, too.
        !rest.starts_with(' ') && !rest.starts_with("passed")
    });
    is_environment || row.contains("%  ")
}

fn is_left_clean(screen: &Screen) {
    let text = screen.text();
    let remnants: Vec<&String> = text.iter().filter(|row| is_live(row)).collect();
    assert!(remnants.is_empty(), "{remnants:#?} in {text:#?}");
}

#[test]
fn a_live_view_goes_with_its_terminal_and_leaves_the_ending_behind() {
    let screen = rollout(&[(24, 100), (24, 40), (12, 20), (24, 100)], false);
    is_left_clean(&screen);
    let views = |columns: std::ops::Range<usize>| {
        let fits = move |row: &&String| is_live(row) && columns.contains(&row.chars().count());
        screen.seen.iter().flatten().filter(fits).count()
    };
    assert!(views(41..101) > 0, "it used the width: {:#?}", screen.seen.last());
    assert!(views(1..21) > 0, "it was cut where there was none");
    let shown = screen.shown();
    for wanted in ["sandbox passed in", "environment  verdict", "done (exit 0)", "reports: journal.jsonl"] {
        assert!(shown.iter().any(|row| row.contains(wanted)), "no {wanted:?} in {shown:#?}");
    }
    // Templates are prepared faster than a person looks, and maybe faster than it is drawn.
    let phases = ["refreshing", "baking", "min left"];
    for wanted in phases {
        assert!(screen.seen.iter().flatten().any(|row| row.contains(wanted)), "{wanted:?} was never shown");
    }
}

#[test]
fn a_terminal_that_breaks_its_lines_anew_keeps_nothing_of_the_view() {
    let screen = rollout(&[(24, 120), (24, 80), (20, 100), (24, 76)], true);
    is_left_clean(&screen);
    assert!(screen.seen.iter().flatten().any(|row| is_live(row)), "it was shown");
}

#[test]
fn a_live_view_fits_into_a_small_terminal() {
    for (rows, columns) in [(24, 80), (10, 40), (6, 20)] {
        let screen = rollout(&[(rows, columns)], false);
        is_left_clean(&screen);
        let most = screen.seen.iter().map(|rows| rows.iter().filter(|row| is_live(row)).count()).max();
        assert!(most.is_some_and(|most| (1..=rows).contains(&most)), "{most:?} rows of {rows}");
        let text = screen.text();
        assert!(text.concat().contains("done (exit 0)"), "{text:#?}");
        // Lines are broken between words, and go on below their times.
        let broken = text.iter().filter(|row| row.starts_with("    ") && !row.trim().is_empty()).count();
        assert!(columns > 40 || broken > 3, "{text:#?}");
        assert!(text.iter().any(|row| row.starts_with("environment  verdict")), "{text:#?}");
    }
}
