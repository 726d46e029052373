//! What failed before a refresh too: told, not blamed on the image, and no reason to go back.
//!
//! It still holds the gate, unless the check allows it. Pure: which checks failed before is
//! noted on the group's marker.

use crate::config::Check;
use crate::event::{CheckResult, Probe, Status};
use crate::plan::Baseline;

/// What is known from before a group's refresh.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    pub(super) checks: &'a [&'a Check],
    pub(super) baseline: Option<&'a Baseline>,
}

/// How a result counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// It is as it should be, or was not to be asked.
    Good,
    /// It failed before too, and holds the gate.
    Held,
    /// It fails, and did not before as far as is known.
    Bad,
}

/// The results of a group's checks, as they count.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Those that fail.
    pub(super) bad: Vec<CheckResult>,
    /// The names of those that failed before too, where that is not allowed.
    pub(super) held: Vec<String>,
}

impl Before<'_> {
    /// The result as it is told, and how it counts.
    pub(super) fn seen(&self, mut result: CheckResult) -> (CheckResult, Counts) {
        if !is_bad(result.status) {
            return (result, Counts::Good);
        }
        let check = self.checks.iter().find(|check| check.name == result.check && check.baseline);
        let known = self.baseline.is_some_and(|before| before.failed.contains(&result.check));
        match check.filter(|_| known) {
            None => (result, Counts::Bad),
            Some(check) if check.allow_preexisting => {
                result.message =
                    format!("failed before the refresh too, which is allowed: {}", result.message);
                result.status = Status::Skipped;
                (result, Counts::Good)
            }
            Some(_) => {
                result.message = format!("failed before the refresh too: {}", result.message);
                (result, Counts::Held)
            }
        }
    }

    /// All results as they count.
    pub(super) fn judge(&self, results: Vec<CheckResult>) -> Judged {
        let mut judged = Judged::default();
        for (result, counts) in results.into_iter().map(|result| self.seen(result)) {
            match counts {
                Counts::Good => {}
                Counts::Held => judged.held.push(result.check),
                Counts::Bad => judged.bad.push(result),
            }
        }
        judged
    }
}

/// Whether a check that ended so is not as it should be.
pub(super) fn is_bad(status: Status) -> bool {
    match status {
        Status::Failed | Status::Errored => true,
        Status::Passed | Status::Skipped => false,
    }
}

/// Whether a check failed at everybody who was asked, or the machine said that nothing listens there:
/// the application does not run. Only then is the same later known to be none of the image's: what
/// failed at some may spread, and what could not be asked for other reasons says nothing.
pub(super) fn failed_wholly(result: &CheckResult) -> bool {
    let bad = |probe: &Probe| match probe.status {
        Status::Failed | Status::Skipped => true,
        Status::Errored => probe.refused,
        Status::Passed => false,
    };
    is_bad(result.status) && !result.probes.is_empty() && result.probes.iter().all(bad)
}

/// What is told of those that were bad before the refresh: of those that failed wholly, and of the
/// others.
pub(super) fn told_before(bad: &[&CheckResult]) -> Vec<String> {
    let told = |words: &str, wholly: bool| {
        let some = bad.iter().filter(|result| failed_wholly(result) == wholly);
        let all: Vec<String> = some.map(|result| format!("{}: {}", result.check, result.message)).collect();
        (!all.is_empty()).then(|| format!("{words}: {}", all.join("; ")))
    };
    let wholly = told("failed before its refresh", true);
    let partly =
        told("not as it should be before its refresh, but it did not fail everywhere, and will count", false);
    wholly.into_iter().chain(partly).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::config::{CheckKind, RetryPolicy, Scope};

    fn check(name: &str, baseline: bool, allow_preexisting: bool) -> Check {
        let retry = RetryPolicy { within: Duration::ZERO, every: Duration::from_secs(1), consecutive: 1 };
        Check {
            name: name.into(),
            kind: CheckKind::Targets,
            on: Scope::Group,
            retry,
            deadline: None,
            baseline,
            allow_preexisting,
            uses: BTreeSet::new(),
        }
    }

    fn result(check: &str, status: Status) -> CheckResult {
        CheckResult { check: check.into(), status, message: "503".into(), probes: Vec::new(), took_ms: 1 }
    }

    #[test]
    fn only_what_failed_everywhere_is_known_from_before() {
        use Status::{Errored, Failed, Passed, Skipped};
        let of = |status, probes: &[(Status, bool)]| {
            let probe = |(status, refused): &(Status, bool)| Probe {
                refused: *refused,
                subject: "i-1".into(),
                status: *status,
                message: "503".into(),
                attempts: 1,
                latency_ms: 1,
                evidence: String::new(),
                output: String::new(),
            };
            CheckResult { probes: probes.iter().map(probe).collect(), ..result("app", status) }
        };
        let [failed, passed, skipped, errored] = [Failed, Passed, Skipped, Errored].map(|one| (one, false));
        let refused = (Errored, true);
        for (status, probes, wholly) in [
            (Failed, &[failed, failed][..], true),
            (Failed, &[failed, skipped], true),
            (Failed, &[failed, passed], false),
            (Errored, &[failed, errored], false),
            (Errored, &[errored, errored], false),
            (Errored, &[refused, refused], true),
            (Errored, &[refused, failed], true),
            (Errored, &[refused, errored], false),
            (Errored, &[refused, passed], false),
            (Errored, &[], false),
        ] {
            let result = of(status, probes);
            assert_eq!(failed_wholly(&result), wholly, "{status:?} {probes:?}");
            let told = told_before(&[&result]);
            assert_eq!((told.len(), told[0].starts_with("failed before its refresh: app: ")), (1, wholly));
        }
        assert!(told_before(&[]).is_empty());
    }

    #[test]
    fn what_failed_before_is_told_and_only_a_new_failure_is_bad() {
        use Status::{Errored, Failed, Passed, Skipped};
        let all = [
            check("app", true, false),
            check("old", true, true),
            check("new", true, false),
            check("other", false, false),
        ];
        let checks: Vec<&Check> = all.iter().collect();
        // A check that is no baseline any more is judged as one that never was.
        let failed = ["app", "old", "other"].map(str::to_owned).into();
        let baseline = Baseline { failed, more: false, holds: false };
        let before = Before { checks: &checks, baseline: Some(&baseline) };
        let seen = |name, status| {
            let (result, counts) = before.seen(result(name, status));
            (result.status, result.message, counts)
        };
        let words = |text: &str| format!("{text}: 503");
        assert_eq!(seen("app", Failed), (Failed, words("failed before the refresh too"), Counts::Held));
        assert_eq!(seen("app", Errored), (Errored, words("failed before the refresh too"), Counts::Held));
        assert_eq!(
            seen("old", Failed),
            (Skipped, words("failed before the refresh too, which is allowed"), Counts::Good)
        );
        assert_eq!(seen("new", Failed), (Failed, "503".into(), Counts::Bad));
        assert_eq!(seen("other", Failed), (Failed, "503".into(), Counts::Bad));
        assert_eq!(seen("app", Passed), (Passed, "503".into(), Counts::Good));
        let judged = before.judge(vec![result("app", Failed), result("old", Failed), result("new", Errored)]);
        assert_eq!((judged.held, judged.bad), (vec!["app".to_owned()], vec![result("new", Errored)]));
        let unknown = Before { checks: &checks, baseline: None };
        assert_eq!(unknown.seen(result("app", Failed)).1, Counts::Bad);
    }
}
