//! Text tables: columns as wide as their widest cell, two spaces between.
//!
//! [`Table`] lays out what it is given. Colour is put on after the padding, so that the
//! escape sequences don't count as width.

use super::style::{Style, add_line};

/// To which side a column's cells lean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lean {
    Left,
    Right,
}

/// A cell and its colour.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: Style::Plain }
    }

    pub(super) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

/// Rows under a head.
#[derive(Debug)]
pub(super) struct Table {
    leans: Vec<Lean>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table of these columns.
    pub(super) fn new(columns: &[(&str, Lean)]) -> Self {
        let head = columns.iter().map(|(name, _)| Cell::styled(*name, Style::Dim)).collect();
        Self { leans: columns.iter().map(|(_, lean)| *lean).collect(), rows: vec![head] }
    }

    /// Adds a row; cells beyond the columns are not shown.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The lines, each ended by a newline and without trailing blanks.
    pub(super) fn render(&self, color: bool) -> String {
        self.render_within(color, usize::MAX)
    }

    /// The lines with as many columns as fit into so many characters: the last are left out first,
    /// the first two never.
    pub(super) fn render_within(&self, color: bool, longest: usize) -> String {
        let mut widths: Vec<usize> = (0..self.leans.len())
            .map(|at| self.rows.iter().filter_map(|row| row.get(at)).map(width).max().unwrap_or(0))
            .collect();
        while widths.len() > 2 && widths.iter().sum::<usize>() + 2 * (widths.len() - 1) > longest {
            widths.pop();
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, lean), width) in row.iter().zip(&self.leans).zip(&widths) {
                let pad = " ".repeat(width - self::width(cell));
                let shown = cell.style.paint(&cell.text, color);
                let (left, right) = match lean {
                    Lean::Left => (shown, pad),
                    Lean::Right => (pad, shown),
                };
                line += &left;
                line += &right;
                line += "  ";
            }
            add_line(&mut text, line.trim_end());
        }
        text
    }
}

fn width(cell: &Cell) -> usize {
    cell.text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_whatever_the_colour() {
        let mut table = Table::new(&[("name", Lean::Left), ("n", Lean::Right), ("end", Lean::Left)]);
        table.row(vec![Cell::styled("é", Style::Good), Cell::new("10"), Cell::new("x")]);
        table.row(vec![Cell::new("longer"), Cell::new("1"), Cell::new("")]);
        assert_eq!(table.render(false), "name     n  end\né       10  x\nlonger   1\n");
        let colored = table.render(true);
        assert!(colored.contains("\u{1b}[32mé\u{1b}[0m       10  x\n"), "{colored:?}");
    }

    #[test]
    fn where_there_is_no_room_the_last_columns_are_left_out() {
        let mut table = Table::new(&[("name", Lean::Left), ("n", Lean::Right), ("end", Lean::Left)]);
        table.row(vec![Cell::new("longer"), Cell::new("1"), Cell::new("x")]);
        assert_eq!(table.render_within(false, 14), table.render(false));
        assert_eq!(table.render_within(false, 13), "name    n\nlonger  1\n");
        assert_eq!(table.render_within(false, 1), "name    n\nlonger  1\n");
    }
}
