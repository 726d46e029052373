//! Several runs as one: what a page or a table of all of them is made from.
//!
//! Environments keep their names where one run only had them; otherwise the name says of which
//! run it is, and which is the latest. Such names are for people, never for test cases.

use super::super::collect::Run;
use super::super::record::EnvironmentRecord;
use super::{Folded, command, reached};
use crate::model::EnvironmentName;

/// The runs as one, in order of time; a single run is itself.
pub(in super::super) fn merged(runs: &[Folded]) -> Run {
    if let [only] = runs {
        return only.run.clone();
    }
    let mut all = Run::default();
    for folded in runs {
        let run = &folded.run;
        all.command = if all.command.is_empty() || all.command == run.command {
            run.command.clone()
        } else {
            "report".to_owned()
        };
        all.version.clone_from(&run.version);
        all.simulation = run.simulation.clone().or(all.simulation);
        all.family = joined(&all.family, &run.family);
        let new = run.images.iter().filter(|image| !all.images.contains(image)).cloned();
        let new: Vec<_> = new.collect();
        all.images.extend(new);
        all.build = run.build.clone();
        all.started = all.started.or(run.started);
        all.latest = all.latest.max(run.latest);
        all.aborting.clone_from(&run.aborting);
        all.ended.clone_from(&run.ended);
        all.described.extend(run.described.clone());
        all.notes.extend(run.notes.iter().map(|note| format!("run {}: {note}", folded.number)));
        all.undelivered.extend(run.undelivered.iter().cloned());
        all.environments.extend(run.environments.iter().map(|record| labelled(record, folded, runs)));
    }
    all
}

fn joined(all: &str, one: &str) -> String {
    match (all, one) {
        ("", one) => one.to_owned(),
        (all, "") => all.to_owned(),
        (all, one) if all.split(", ").any(|known| known == one) => all.to_owned(),
        (all, one) => format!("{all}, {one}"),
    }
}

/// The record under a name that no other of the set has.
fn labelled(record: &EnvironmentRecord, folded: &Folded, runs: &[Folded]) -> EnvironmentRecord {
    let mut record = record.clone();
    let with_it = || runs.iter().filter(|other| other.run.environment(&record.name).is_some());
    if with_it().count() > 1 {
        // One that a later run did not come to is no older for that.
        let last = with_it().max_by_key(|other| (reached(other, &record.name), other.number));
        let is_last = last.is_some_and(|last| last.number == folded.number);
        let age = match (is_last, reached(folded, &record.name)) {
            (true, _) => ", latest",
            (false, true) => ", earlier",
            (false, false) => "",
        };
        let label = format!("{} (run {}, {}{age})", record.name, folded.number, command(&folded.run));
        rename(&mut record, &EnvironmentName::from(label.as_str()));
    }
    record
}

fn rename(record: &mut EnvironmentRecord, name: &EnvironmentName) {
    record.name = name.clone();
    for group in &mut record.groups {
        group.group.environment = name.clone();
        if let Some(planned) = &mut group.planned {
            planned.group.environment = name.clone();
        }
    }
}
