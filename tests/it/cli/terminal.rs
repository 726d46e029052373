//! The live view on a real pseudo-terminal, as `script` makes one: what is left on the screen.
//!
//! The shell on it stops the program while it changes the terminal's size, and says so in a
//! sequence of its own, so that the screen here changes at the same moment.

use std::process::Stdio;

use super::simulator::Simulator;

/// How fast the simulator's time goes: a rollout in some fifteen seconds.
const SPEED: u32 = 60;

/// What of ANSI's terminals the view makes use of. Lines are not broken anew when it is resized.
struct Screen {
    rows: usize,
    columns: usize,
    /// All rows from the beginning; the last of them are on the screen.
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// The screen as it was each time the view was drawn.
    seen: Vec<Vec<String>>,
}

impl Screen {
    fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns, lines: vec![Vec::new()], row: 0, column: 0, seen: Vec::new() }
    }

    /// Shows everything that was written to the terminal.
    fn show(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '\r' => self.column = 0,
                '\n' => self.down(),
                '\u{1b}' => rest = self.escape(rest),
                c if c.is_control() => {}
                c => self.put(c),
            }
        }
    }

    fn escape<'t>(&mut self, rest: &'t str) -> &'t str {
        if let Some(rest) = rest.strip_prefix("]777;") {
            let (size, rest) = rest.split_once('\u{7}').expect("the end of the sequence");
            let (rows, columns) = size.split_once(';').expect("rows and columns");
            (self.rows, self.columns) = (rows.parse().unwrap(), columns.parse().unwrap());
            for line in &mut self.lines {
                line.truncate(self.columns);
            }
            self.column = self.column.min(self.columns);
            return rest;
        }
        let Some(sequence) = rest.strip_prefix('[') else { return rest };
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).expect("the end of the sequence");
        let number = sequence[..end].parse().unwrap_or(1);
        match &sequence[end..=end] {
            // It can't be moved out of the screen.
            "A" => self.row = self.row.saturating_sub(number).max(self.lines.len().saturating_sub(self.rows)),
            "B" => (0..number).for_each(|_| self.down()),
            "C" => self.column = (self.column + number).min(self.columns - 1),
            "D" => self.column = self.column.saturating_sub(number),
            "K" if sequence[..end] == *"2" => self.lines[self.row].clear(),
            "K" => self.lines[self.row].truncate(self.column),
            "m" | "h" | "l" => {}
            other => panic!("{other} is not known here"),
        }
        &sequence[end + 1..]
    }

    fn put(&mut self, c: char) {
        // The cursor stays behind the last column until the next character comes.
        if self.column >= self.columns {
            self.column = 0;
            self.down();
        }
        let line = &mut self.lines[self.row];
        if line.len() <= self.column {
            line.resize(self.column + 1, ' ');
        }
        line[self.column] = c;
        self.column += 1;
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row >= self.lines.len() {
            self.lines.push(Vec::new());
        }
        let shown = self.shown();
        if self.seen.last() != Some(&shown) {
            self.seen.push(shown);
        }
    }

    /// What is on the screen, without empty rows.
    fn shown(&self) -> Vec<String> {
        self.text()
            .split_off(self.lines.len().saturating_sub(self.rows))
            .into_iter()
            .filter(|row| !row.is_empty())
            .collect()
    }

    /// Everything that was ever on it and was not taken away.
    fn text(&self) -> Vec<String> {
        self.lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect()
    }
}

/// Runs a rollout on a terminal of these rows and columns, which is resized to others meanwhile.
fn rollout(sizes: &[(usize, usize)]) -> Screen {
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
    let mut screen = Screen::new(*rows, *columns);
    screen.show(&String::from_utf8(output.stdout).expect("UTF-8"));
    screen
}

/// Whether a row is one of the live view.
fn is_live(row: &str) -> bool {
    let is_environment = row.strip_prefix("sandbox  ").is_some_and(|rest| !rest.starts_with(' '));
    is_environment || row.contains("%  ")
}

fn is_left_clean(screen: &Screen) {
    let text = screen.text();
    let remnants: Vec<&String> = text.iter().filter(|row| is_live(row)).collect();
    assert!(remnants.is_empty(), "{remnants:#?} in {text:#?}");
}

#[test]
fn a_live_view_goes_with_its_terminal_and_leaves_the_ending_behind() {
    let screen = rollout(&[(24, 100), (24, 40), (12, 20), (24, 100)]);
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
fn a_live_view_fits_into_a_small_terminal() {
    for (rows, columns) in [(24, 80), (10, 40), (6, 20)] {
        let screen = rollout(&[(rows, columns)]);
        is_left_clean(&screen);
        let most = screen.seen.iter().map(|rows| rows.iter().filter(|row| is_live(row)).count()).max();
        assert!(most.is_some_and(|most| (1..=rows).contains(&most)), "{most:?} rows of {rows}");
        let text = screen.text().concat();
        assert!(text.contains("done (exit 0)"), "{text}");
    }
}
