//! Answers that say the same, so that they are said once.
//!
//! [`alike`] puts the probes of a check together whose status, message and evidence differ in
//! nothing but times, addresses and the subject's own name. Never drops a subject.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::record::status_word;
use super::style::count;
use crate::event::{Probe, Status};

/// How many subjects stand in a line.
const A_LINE: usize = 8;

/// Probes that answered alike, in the order they came; at least one.
#[derive(Debug)]
pub(super) struct Alike<'a> {
    pub(super) probes: Vec<&'a Probe>,
}

/// The probes in groups, in the order of each group's first.
pub(super) fn alike<'a>(probes: impl IntoIterator<Item = &'a Probe>) -> Vec<Alike<'a>> {
    let mut groups: Vec<Alike<'a>> = Vec::new();
    let mut known: HashMap<(Status, String, String), usize> = HashMap::new();
    for probe in probes {
        let key = (probe.status, general(&probe.message, probe), general(&probe.evidence, probe));
        let at = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.probes.push(probe),
            None => groups.push(Alike { probes: vec![probe] }),
        }
    }
    groups
}

/// The text without what differs from subject to subject.
fn general(text: &str, probe: &Probe) -> String {
    let text =
        if probe.subject.is_empty() { text.to_owned() } else { text.replace(&probe.subject, "<subject>") };
    let text = replaced(&TIME, &text, " in <time>");
    replaced(&ADDRESS, &text, "<address>")
}

fn replaced(regex: &LazyLock<Option<Regex>>, text: &str, by: &str) -> String {
    regex.as_ref().map_or_else(|| text.to_owned(), |regex| regex.replace_all(text, by).into_owned())
}

static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r" in \d+ ms\b").ok());
static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b").ok());

impl Alike<'_> {
    /// `20 instances failed: status 503, expected 200 (asked 3 times, 12 to 40 ms)`; of a single
    /// subject its name instead of the number.
    pub(super) fn line(&self) -> String {
        let Some(first) = self.probes.first() else { return String::new() };
        let who = match self.probes.as_slice() {
            [only] => only.subject.clone(),
            several => count(several.len(), self.noun()),
        };
        format!("{who} {}: {} ({})", status_word(first.status), self.message(), self.asked())
    }

    /// What they answered, in a line; what differs is left general.
    pub(super) fn message(&self) -> String {
        let Some(first) = self.probes.first() else { return String::new() };
        if self.probes.iter().all(|probe| probe.message == first.message) {
            return first.message.clone();
        }
        let message = replaced(&TIME, &first.message, &format!(" in {}", self.took()));
        let message = replaced(&ADDRESS, &message, "<address>");
        if first.subject.is_empty() { message } else { message.replace(&first.subject, "<instance>") }
    }

    /// Who they are, in lines of a few.
    pub(super) fn subjects(&self) -> Vec<String> {
        let names: Vec<&str> = self.probes.iter().map(|probe| probe.subject.as_str()).collect();
        names.chunks(A_LINE).map(|some| some.join(", ")).collect()
    }

    /// `instance` where all of them are.
    pub(super) fn noun(&self) -> &'static str {
        let are_instances = self.probes.iter().all(|probe| probe.subject.starts_with("i-"));
        if are_instances { "instance" } else { "subject" }
    }

    fn asked(&self) -> String {
        let (least, most) = self.range(|probe| u64::from(probe.attempts));
        let asked = match (least, most) {
            (1, 1) => "asked once".to_owned(),
            (least, most) if least == most => format!("asked {most} times"),
            (least, most) => format!("asked {least} to {most} times"),
        };
        format!("{asked}, {}", self.took())
    }

    /// `12 to 40 ms`, or the time that all of them took.
    fn took(&self) -> String {
        let (least, most) = self.range(|probe| probe.latency_ms);
        if least == most { format!("{most} ms") } else { format!("{least} to {most} ms") }
    }

    fn range(&self, of: impl Fn(&Probe) -> u64) -> (u64, u64) {
        let all = || self.probes.iter().map(|probe| of(probe));
        (all().min().unwrap_or(0), all().max().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::probe;

    #[test]
    fn answers_that_differ_in_times_addresses_and_names_only_are_one() {
        let probes: Vec<Probe> = (1..=20_u64)
            .map(|n| {
                let id = format!("i-{n:02}");
                let message = format!("503 from 10.0.0.{n}:8080 in {n} ms");
                let evidence = format!("{{\"host\":\"{id}\"}}");
                Probe { latency_ms: n, ..probe(&id, Status::Failed, &message, &evidence) }
            })
            .collect();
        let groups = alike(&probes);
        assert_eq!(groups.len(), 1);
        assert_eq!(
            groups[0].line(),
            "20 instances failed: 503 from <address>:8080 in 1 to 20 ms (asked 3 times, 1 to 20 ms)"
        );
        let subjects = groups[0].subjects();
        assert_eq!(subjects.len(), 3);
        let named: Vec<&str> = subjects.iter().flat_map(|line| line.split(", ")).collect();
        assert!(named.iter().eq(probes.iter().map(|probe| &probe.subject)), "{named:?}");
    }

    #[test]
    fn answers_that_took_as_long_as_one_another_say_one_time() {
        let probes = ["10.0.0.1", "10.0.0.2"].map(|address| {
            let message = format!("503 from {address}:8080 in 12 ms");
            probe(address, Status::Failed, &message, "")
        });
        let groups = alike(&probes);
        assert_eq!(
            groups[0].line(),
            "2 subjects failed: 503 from <address>:8080 in 12 ms (asked 3 times, 12 ms)"
        );
    }

    #[test]
    fn answers_that_differ_stay_apart_and_nobody_is_lost() {
        let probes = [
            probe("i-1", Status::Failed, "status 503", ""),
            probe("i-2", Status::Failed, "status 500", ""),
            probe("i-3", Status::Failed, "status 503", ""),
            probe("i-4", Status::Failed, "status 503", "a body"),
            probe("i-5", Status::Passed, "status 503", ""),
        ];
        let groups = alike(&probes);
        let lines: Vec<String> = groups.iter().map(Alike::line).collect();
        assert_eq!(lines[0], "2 instances failed: status 503 (asked 3 times, 12 ms)");
        assert_eq!(lines[1], "i-2 failed: status 500 (asked 3 times, 12 ms)");
        assert_eq!(groups.iter().map(|group| group.probes.len()).sum::<usize>(), probes.len());
        assert_eq!(groups.len(), 4);
    }
}
