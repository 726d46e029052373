//! A comparison as people read it: a table of the two sides, one of their environments, and one
//! for each environment.

use super::super::style::{Style, add_line, count, duration};
use super::super::table::{Cell, Lean, Table};
use super::super::{clean, moment};
use super::{
    CheckPair, Comparison, EnvironmentPair, GroupPair, OneCheck, OneEnvironment, OneGroup, OneStep, Side,
};
use crate::model::{ImageId, Outcome, Verdict};

/// The most characters of a cell.
const WIDEST: usize = 48;

impl Comparison {
    /// The text, ended by a newline.
    pub fn text(&self, color: bool) -> String {
        let mut text = String::new();
        add_line(&mut text, &self.sides().render(color));
        let mut table = table("environment", true);
        for environment in &self.environments {
            table.row(row_of_environment(environment));
        }
        text += &table.render(color);
        for environment in self.environments.iter().filter(|one| !one.groups.is_empty()) {
            let mut table = super::text::table(&clean::line(environment.name.as_str()), true);
            for group in &environment.groups {
                rows_of_group(&mut table, group);
            }
            text.push('\n');
            text += &table.render(color);
        }
        text
    }

    fn sides(&self) -> Table {
        let mut table = table("", false);
        let mut row = |what: &str, of: &dyn Fn(&Side) -> String| {
            table.row(vec![Cell::new(what), cell(&of(&self.a)), cell(&of(&self.b))]);
        };
        row("journals", &|side| match side.journals.as_slice() {
            [only] => only.clone(),
            several => format!(
                "{} and {}",
                several.first().map_or("", String::as_str),
                count(several.len() - 1, "more")
            ),
        });
        row("step", &|side| side.commands.join(", "));
        row("family", &|side| side.family.clone());
        row("build", &|side| side.build.clone().unwrap_or_else(|| "-".to_owned()));
        let images = self.a.images.len().max(self.b.images.len());
        for at in 0..images {
            row(if at == 0 { "images" } else { "" }, &|side| {
                side.images.get(at).map_or_else(String::new, |image| format!("{} {}", image.id, image.name))
            });
        }
        row("began", &|side| side.began.map_or_else(|| "-".to_owned(), |at| moment(at, &self.zone)));
        row("took", &|side| match (side.began, side.last) {
            (Some(began), Some(last)) => {
                duration(u64::try_from(last.duration_since(began).as_millis()).unwrap_or(0))
            }
            _ => "-".to_owned(),
        });
        row("end", &|side| match (side.exit, side.cut_off) {
            (_, true) => "not finished: a journal is cut off".to_owned(),
            (Some(code), false) => format!("exit {code}"),
            (None, false) => "not finished".to_owned(),
        });
        if self.a.simulated || self.b.simulated {
            row("where", &|side| if side.simulated { "SIMULATION" } else { "AWS" }.to_owned());
        }
        table
    }
}

fn table(what: &str, difference: bool) -> Table {
    let mut columns = vec![(what, Lean::Left), ("A", Lean::Left), ("B", Lean::Left)];
    if difference {
        columns.push(("B - A", Lean::Right));
    }
    Table::new(&columns)
}

fn cell(text: &str) -> Cell {
    Cell::new(clean::line_within(text, WIDEST))
}

/// What a side has nothing of.
fn absent() -> Cell {
    Cell::styled("absent", Style::Dim)
}

fn row_of_environment(pair: &EnvironmentPair) -> Vec<Cell> {
    let side = |one: Option<&OneEnvironment>| one.map_or_else(absent, environment_cell);
    let took = |one: Option<&OneEnvironment>| one.filter(|one| one.reached).map(|one| one.took_ms);
    vec![
        cell(pair.name.as_str()),
        side(pair.a.as_ref()),
        side(pair.b.as_ref()),
        difference(took(pair.a.as_ref()), took(pair.b.as_ref())),
    ]
}

fn environment_cell(one: &OneEnvironment) -> Cell {
    let (word, style) = match (one.verdict, one.reached) {
        (Some(verdict), _) => (verdict.as_str(), Style::of(verdict)),
        (None, true) => ("not finished", Style::Odd),
        (None, false) => (Verdict::NotReached.as_str(), Style::Dim),
    };
    let took = if one.took_ms > 0 { format!("  {}", duration(one.took_ms)) } else { String::new() };
    Cell::styled(format!("{word}{took}"), style)
}

fn rows_of_group(table: &mut Table, pair: &GroupPair) {
    let (a, b) = (pair.a.as_ref(), pair.b.as_ref());
    let side = |one: Option<&OneGroup>| one.map_or_else(absent, group_cell);
    let took = |one: Option<&OneGroup>| one.map(|one| one.took_ms).filter(|took| *took > 0);
    table.row(vec![cell(pair.name.as_str()), side(a), side(b), difference(took(a), took(b))]);
    let mut row = |what: &str, of: &dyn Fn(&OneGroup) -> String| {
        let text = |one: Option<&OneGroup>| one.map_or_else(String::new, of);
        if !(text(a).is_empty() && text(b).is_empty()) {
            table.row(vec![Cell::new(format!("  {what}")), cell(&text(a)), cell(&text(b))]);
        }
    };
    row("image", &|one| change(&name(one.image_before.as_ref()), &name(one.image_planned.as_ref())));
    row("version", &|one| change(&number(one.version_before), &number(one.version_planned)));
    row("failed launches", &|one| match one.launch_failures.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first, more @ ..] => format!("{} more, and: {first}", more.len()),
    });
    for step in &pair.steps {
        let text = |one: Option<OneStep>| {
            one.map_or_else(absent, |one| {
                let style = Style::of_status(one.status);
                let word = super::super::record::status_word(one.status);
                Cell::styled(format!("{word}  {}", duration(one.took_ms)), style)
            })
        };
        let what = format!("  {}", step.step.as_str());
        let took = |one: Option<OneStep>| one.map(|one| one.took_ms);
        table.row(vec![Cell::new(what), text(step.a), text(step.b), difference(took(step.a), took(step.b))]);
    }
    for check in &pair.checks {
        table.row(row_of_check(check));
    }
}

fn row_of_check(pair: &CheckPair) -> Vec<Cell> {
    let side = |one: Option<&OneCheck>| {
        one.map_or_else(absent, |one| {
            let word = super::super::record::status_word(one.status);
            let text = clean::line_within(&format!("{word}: {}", one.message), WIDEST);
            Cell::styled(text, Style::of_status(one.status))
        })
    };
    let name = Cell::new(format!("  check {}", clean::line_within(&pair.check, WIDEST)));
    vec![name, side(pair.a.as_ref()), side(pair.b.as_ref())]
}

fn group_cell(one: &OneGroup) -> Cell {
    let (word, style) = match &one.end {
        None => ("not finished", Style::Odd),
        Some(Outcome::Refreshed { .. }) => ("refreshed", Style::Good),
        Some(Outcome::Skipped { .. }) => ("skipped", Style::Dim),
        Some(Outcome::RolledBack { .. }) => ("rolled back", Style::Bad),
        Some(Outcome::Refused { .. }) => ("refused", Style::Bad),
        Some(Outcome::NeedsPerson { .. }) => ("needs a person", Style::Bad),
        Some(Outcome::Left { .. }) => ("left to AWS", Style::Odd),
        Some(Outcome::Deferred { .. }) => ("not due", Style::Dim),
        Some(Outcome::NotStarted { .. }) => ("not started", Style::Dim),
    };
    let took = if one.took_ms > 0 { format!("  {}", duration(one.took_ms)) } else { String::new() };
    Cell::styled(format!("{word}{took}"), style)
}

fn name(image: Option<&ImageId>) -> String {
    image.map_or_else(String::new, ToString::to_string)
}

fn number(version: Option<u64>) -> String {
    version.map_or_else(String::new, |version| version.to_string())
}

fn change(before: &str, after: &str) -> String {
    match (before.is_empty(), after.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!("{before}, unchanged"),
        (true, false) => format!("-> {after}"),
        (false, false) => format!("{before} -> {after}"),
    }
}

/// `+1m 02s`, `-12s`, nothing where it is the same or a side has none.
fn difference(a: Option<u64>, b: Option<u64>) -> Cell {
    let (Some(a), Some(b)) = (a, b) else { return Cell::new("") };
    let sign = if b >= a { '+' } else { '-' };
    match a.abs_diff(b) {
        0..500 => Cell::new(""),
        ms => Cell::new(format!("{sign}{}", duration(ms))),
    }
}
