//! A plan as people read it: a table of groups, and what would be refused.

use super::problems;
use super::style::Style;
use super::table::{Cell, Lean, Table};
use crate::event::{PlannedAction, PlannedGroup, RollbackRoute};
use crate::model::{EnvironmentName, Problem};

/// What a plan says of one environment.
#[derive(Debug, Clone)]
pub struct PlanText<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// What its gates say, in a line.
    pub gate: String,
    /// Its groups.
    pub groups: &'a [PlannedGroup],
    /// What would be refused, and what would be waited for.
    pub problems: &'a [Problem],
}

/// The plan of one environment, ended by a newline.
pub fn plan(text: &PlanText<'_>, color: bool) -> String {
    let changing = text.groups.iter().filter(|group| group.new_image.is_some()).count();
    let heading = Style::Bold.paint(text.environment.as_str(), color);
    let mut out = format!("{heading}: {changing} of {} groups change; {}\n", text.groups.len(), text.gate);
    if !text.groups.is_empty() {
        let mut table = Table::new(&[
            ("", Lean::Left),
            ("group", Lean::Left),
            ("image now -> then", Lean::Left),
            ("version", Lean::Right),
            ("tracking", Lean::Left),
            ("size", Lean::Right),
            ("rollback", Lean::Left),
            ("why", Lean::Left),
        ]);
        for group in text.groups {
            table.row(row(group));
        }
        out += &table.render(color);
    }
    for group in text.groups {
        for note in &group.notes {
            let line = format!("  {}: {note}\n", group.group.group);
            out += &Style::Dim.paint(&line, color);
        }
    }
    for problem in text.problems {
        out += &problems::block(problem, color);
    }
    out
}

fn row(group: &PlannedGroup) -> Vec<Cell> {
    let (mark, style) = match group.action {
        PlannedAction::Refresh => ("~", Style::Odd),
        PlannedAction::Resume => (">", Style::Odd),
        PlannedAction::Defer => ("z", Style::Dim),
        PlannedAction::Skip => (" ", Style::Dim),
    };
    let now = group.image.as_ref().map_or("-", |image| image.as_str());
    let images = match &group.new_image {
        Some(image) => format!("{now} -> {image}"),
        None => now.to_owned(),
    };
    let rollback = match (&group.new_image, group.rollback) {
        (None, _) => "",
        (Some(_), Some(RollbackRoute::Native) | None) => "native, in the bake",
        (Some(_), Some(RollbackRoute::NewRefresh)) => "a new refresh back",
    };
    vec![
        Cell::styled(mark, style),
        Cell::styled(group.group.group.as_str(), style),
        Cell::new(images),
        Cell::new(group.version.map_or_else(String::new, |version| version.to_string())),
        Cell::new(group.tracking.map_or_else(String::new, |tracking| tracking.to_string())),
        Cell::new(group.desired.to_string()),
        Cell::new(rollback),
        Cell::styled(group.why.clone(), Style::Dim),
    ]
}
