//! What of ANSI's terminals a live view makes use of, for tests: it remembers what was on it.
//!
//! The sequence `ESC ] 777 ; ROWS ; COLUMNS BEL`, which is none of a terminal's, makes it another size.

/// A terminal's screen.
pub(crate) struct Screen {
    rows: usize,
    columns: usize,
    /// Whether rows that are too wide for a new size are broken into several, and become one again.
    breaks_anew: bool,
    /// All rows from the beginning, the last of them are on the screen; and whether the next goes on
    /// with the same line.
    lines: Vec<(Vec<char>, bool)>,
    row: usize,
    column: usize,
    /// The screen as it was each time that a row was finished.
    pub(crate) seen: Vec<Vec<String>>,
}

impl Screen {
    pub(crate) fn new(rows: usize, columns: usize, breaks_anew: bool) -> Self {
        let lines = vec![(Vec::new(), false)];
        Self { rows, columns, breaks_anew, lines, row: 0, column: 0, seen: Vec::new() }
    }

    /// Shows everything that was written to the terminal.
    pub(crate) fn show(&mut self, text: &str) {
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
            self.resize(rows.parse().unwrap(), columns.parse().unwrap());
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
            "K" if sequence[..end] == *"2" => self.lines[self.row] = (Vec::new(), false),
            "K" => self.lines[self.row].0.truncate(self.column),
            "m" | "h" | "l" => {}
            other => panic!("{other} is not known here"),
        }
        &sequence[end + 1..]
    }

    fn resize(&mut self, rows: usize, columns: usize) {
        (self.rows, self.columns) = (rows, columns);
        if !self.breaks_anew {
            self.lines.iter_mut().for_each(|(line, _)| line.truncate(columns));
            self.column = self.column.min(columns);
            return;
        }
        let mut broken: Vec<(Vec<char>, bool)> = Vec::new();
        let mut whole: Vec<char> = Vec::new();
        let (mut cursor, mut at) = ((0, 0), None);
        for (number, (line, goes_on)) in std::mem::take(&mut self.lines).into_iter().enumerate() {
            if number == self.row {
                at = Some(whole.len() + self.column);
            }
            whole.extend(line);
            if goes_on {
                continue;
            }
            if let Some(at) = at.take() {
                cursor = (broken.len() + at / columns, at % columns);
            }
            let parts: Vec<Vec<char>> = whole.chunks(columns).map(<[char]>::to_vec).collect();
            let last = parts.len().saturating_sub(1);
            if parts.is_empty() {
                broken.push((Vec::new(), false));
            } else {
                broken.extend(parts.into_iter().enumerate().map(|(at, part)| (part, at != last)));
            }
            whole.clear();
        }
        (self.row, self.column) = cursor;
        self.lines = broken;
        if self.row >= self.lines.len() {
            self.lines.resize(self.row + 1, (Vec::new(), false));
        }
    }

    fn put(&mut self, c: char) {
        // The cursor stays behind the last column until the next character comes.
        if self.column >= self.columns {
            self.lines[self.row].1 = true;
            self.column = 0;
            self.down();
        }
        let line = &mut self.lines[self.row].0;
        if line.len() <= self.column {
            line.resize(self.column + 1, ' ');
        }
        line[self.column] = c;
        self.column += 1;
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row >= self.lines.len() {
            self.lines.push((Vec::new(), false));
        }
        let shown = self.shown();
        if self.seen.last() != Some(&shown) {
            self.seen.push(shown);
        }
    }

    /// What is on the screen, without empty rows.
    pub(crate) fn shown(&self) -> Vec<String> {
        self.text()
            .split_off(self.lines.len().saturating_sub(self.rows))
            .into_iter()
            .filter(|row| !row.is_empty())
            .collect()
    }

    /// Everything that was ever on it and was not taken away.
    pub(crate) fn text(&self) -> Vec<String> {
        self.lines.iter().map(|(line, _)| line.iter().collect::<String>().trim_end().to_owned()).collect()
    }
}
