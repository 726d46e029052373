//! The checks of one group: asked before its refresh, as far as they are baselines, and after it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::before::{Before, failed_wholly, is_bad, told_before};
use super::super::machine::Seen;
use super::super::patience::patiently;
use super::super::prepare::set_marker;
use super::Driver;
use crate::config::{Check, Protected};
use crate::event::{CheckResult, Event};
use crate::model::Member;
use crate::plan::{Baseline, Decision};
use crate::smoke::Expectation;

impl<'a> Driver<'a> {
    /// Asks the baseline checks, before anything of the group is replaced, and notes on its marker
    /// what failed: a run that goes on finds it there. Says whether it took the time to ask.
    pub(super) async fn ask_before(&mut self) -> bool {
        let checks = with_needed(self.checks());
        if checks.is_empty() || self.marker.baseline.is_some() {
            return false;
        }
        if self.has_new().await {
            self.note_unknown(&checks);
            return false;
        }
        // Whatever it runs: that is what is to be compared with.
        let expect = Expectation { launches: None, ..self.expectation(false) };
        let results = self.run.probes.run(self.account, &expect, &checks, |_| {}).await;
        let baselines = results.iter().zip(&checks).filter(|(_, check)| check.baseline);
        let bad = baselines.map(|(result, _)| result).filter(|result| is_bad(result.status));
        let bad: Vec<&CheckResult> = bad.collect();
        // Somebody's refresh may have gone on meanwhile: then it was the new image that failed.
        if !bad.is_empty() && self.has_new().await {
            self.note_unknown(&checks);
            return true;
        }
        let failed = bad.iter().filter(|result| failed_wholly(result));
        let names = failed.map(|result| result.check.clone()).collect();
        for told in told_before(&bad) {
            self.note(&told);
        }
        self.marker.baseline = Some(Baseline { failed: names, more: false, holds: false });
        if let Err(error) = set_marker(self.run, self.account, &self.at().group, &self.marker).await {
            self.note(&format!("what failed before its refresh could not be noted on it: {error}"));
        }
        true
    }

    /// Notes on the marker that nothing but what failed before keeps the group's rollout from being
    /// done: whoever is refused because of it is told so.
    pub(super) async fn note_held(&mut self) {
        let Some(baseline) = self.marker.baseline.as_mut().filter(|_| !self.held.is_empty()) else { return };
        if baseline.holds {
            return;
        }
        baseline.holds = true;
        if let Err(error) = set_marker(self.run, self.account, &self.at().group, &self.marker).await {
            self.note(&format!("that only what failed before holds it could not be noted on it: {error}"));
        }
    }

    /// Asks the checks of the group as it is now, or of the part that is replaced.
    pub(super) async fn check(&mut self, in_part: bool) -> Seen {
        let checks = self.checks();
        let names: Vec<String> = checks.iter().map(|check| check.name.clone()).collect();
        let group = self.at().clone();
        self.run.events.emit(Event::ChecksStarted { group: group.clone(), checks: names });
        let before = Before { checks: &checks, baseline: self.marker.baseline.as_ref() };
        let done = |result: &CheckResult| {
            let result = before.seen(result.clone()).0;
            self.run.events.emit(Event::CheckEnded { group: group.clone(), result });
        };
        let expect = self.expectation(in_part);
        let results = self.run.probes.run(self.account, &expect, &checks, done).await;
        let judged = before.judge(results);
        self.held = judged.held;
        let bad = |result: &CheckResult| format!("check {}: {}", result.check, result.message);
        let bad: Vec<String> = judged.bad.iter().map(bad).collect();
        if bad.is_empty() { Seen::ChecksPassed } else { Seen::ChecksFailed(bad.join("; ")) }
    }

    fn checks(&self) -> Vec<&'a Check> {
        self.run.fleet.checks_of(self.environment(), &self.plan.at.group)
    }

    fn expectation(&self, in_part: bool) -> Expectation {
        let group = self.at().clone();
        Expectation {
            launches: Some(self.change.launches(self.target)),
            any_version: self.plan.keeps_instances(),
            in_part,
            spares_protected: self.plan.policy.preferences.protected == Protected::Ignore,
            tags: self.plan.group.tags.clone(),
            deadline: self.run.fleet.checks_deadline(self.environment(), &group.group),
            group,
        }
    }

    /// Whether some of it may be on the new image already: then it is no baseline any more. It is
    /// seen as it is now, for it may have waited for its turn beside a refresh that somebody began.
    async fn has_new(&self) -> bool {
        if self.plan.keeps_instances() && matches!(self.plan.decision, Decision::Resume(_)) {
            return true;
        }
        let name = &self.at().group;
        let now = patiently(self.run.clock, async || self.account.sight(name).await).await;
        // Where nobody can see it, what it was planned with is the best there is.
        let (members, instances) = now.map_or_else(
            |_| (self.plan.group.members.clone(), BTreeMap::new()),
            |seen| (seen.group.members, seen.instances),
        );
        let launches = self.change.launches(self.target);
        let is_new = |member: &Member| {
            let image = instances.get(&member.id).map(|instance| &instance.image);
            launches.iter().any(|launch| {
                let from = member.launched_from.as_ref();
                let is_from = from.is_some_and(|(template, version)| {
                    *template == launch.template && *version == launch.version
                });
                // Where instances are kept, or overrides alone name the image, the version is the same
                // before and after.
                is_from && image.is_none_or(|image| *image == launch.image)
            })
        };
        members.iter().any(is_new)
    }

    /// Tells that the baseline checks have no record, and what that means.
    fn note_unknown(&self, checks: &[&Check]) {
        let baselines = checks.iter().filter(|check| check.baseline);
        let names: Vec<&str> = baselines.map(|check| check.name.as_str()).collect();
        self.note(&format!(
            "it was begun already, and what {} answered before is not known: a failure counts",
            names.join(", ")
        ));
    }

    fn note(&self, text: &str) {
        let (environment, text) =
            (Some(self.at().environment.clone()), format!("{}: {text}", self.at().group));
        self.run.events.emit(Event::Note { environment, text });
    }
}

/// The baseline checks, with those that capture what they name.
fn with_needed(checks: Vec<&Check>) -> Vec<&Check> {
    let mut uses: BTreeSet<&str> = BTreeSet::new();
    let mut wanted = Vec::new();
    for check in checks.into_iter().rev() {
        let captures = check.kind.captures().iter().any(|capture| uses.contains(capture.name.as_str()));
        if check.baseline || captures {
            uses.extend(check.uses.iter().map(String::as_str));
            wanted.push(check);
        }
    }
    wanted.reverse();
    wanted
}
