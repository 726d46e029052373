//! The environments of several runs together, under names that tell them apart.
//!
//! An environment keeps its name where one run only had it; otherwise the name says of which run
//! it is, and which is the latest. Such names are for people, never for test cases.

use super::super::record::EnvironmentRecord;
use super::{Folded, command, reached};

/// Every environment of every run, in order of time, with its run and the name that it is shown by.
pub(super) fn labelled(runs: &[Folded]) -> Vec<(&Folded, &EnvironmentRecord, String)> {
    let of = |folded| move |record| (folded, record, label(record, folded, runs));
    runs.iter().flat_map(|folded| folded.run.environments.iter().map(of(folded))).collect()
}

fn label(record: &EnvironmentRecord, folded: &Folded, runs: &[Folded]) -> String {
    let with_it = || runs.iter().filter(|other| other.run.environment(&record.name).is_some());
    if with_it().count() == 1 {
        return record.name.to_string();
    }
    // One that a later run did not come to is no older for that.
    let last = with_it().max_by_key(|other| (reached(other, &record.name), other.number));
    let is_last = last.is_some_and(|last| last.number == folded.number);
    let age = match (is_last, reached(folded, &record.name)) {
        (true, _) => ", latest",
        (false, true) => ", earlier",
        (false, false) => "",
    };
    format!("{} (run {}, {}{age})", record.name, folded.number, command(&folded.run))
}
