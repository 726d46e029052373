//! Runs whose texts try to break out of XML and of terminals, for tests.

use jiff::Timestamp;
use proptest::prelude::*;

use super::samples::{Stream, check, env, group, planned, probe};
use crate::event::{Event, GroupRef, PlannedAction, RollbackRoute, Stamped, Status, Step};
use crate::model::{Exit, Outcome, Problem, RefreshStatus, Verdict};

/// A run in which every free text, and the names of group and check, are the given one.
pub(crate) fn hostile(text: &str) -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa"], None);
    let words = || text.to_owned();
    let web = GroupRef { group: text.into(), ..group("qa", "") };
    let mut plan = planned("qa", text, PlannedAction::Refresh);
    plan.checks = vec![words()];
    (plan.template, plan.image_name, plan.why) = (words(), words(), words());
    plan.image = Some(text.into());
    stream.start("qa", vec![plan]).refresh(&web);
    stream.push(Event::LaunchFailed { group: web.clone(), started: Timestamp::UNIX_EPOCH, message: words() });
    stream.push(Event::RefreshMoved {
        group: web.clone(),
        status: RefreshStatus::Failed,
        percent: 255,
        remaining: 0,
        reason: words(),
    });
    let probes = vec![probe(text, Status::Errored, text, text), probe(text, Status::Passed, text, text)];
    stream.checks(&web, vec![check(text, Status::Errored, text, probes)]);
    stream.push(Event::RollbackStarted { group: web.clone(), route: RollbackRoute::Native, why: words() });
    for (step, status) in [
        (Step::Refresh, Status::Failed),
        (Step::Prove, Status::Skipped),
        (Step::Rollback, Status::Errored),
        (Step::Tracking, Status::Passed),
    ] {
        stream.push(Event::GroupStep {
            group: web.clone(),
            step,
            status,
            message: words(),
            evidence: vec![words(), words()],
            took_ms: 1,
        });
    }
    stream.push(Event::Note { environment: Some(env("qa")), text: words() });
    stream.push(Event::Aborting { signal: words(), on_abort: words() });
    stream.end(&web, Outcome::NeedsPerson { why: words(), next: words() }, Some(text));
    let problems = vec![Problem::new(words(), words(), words())];
    stream.push(Event::Refused { environment: env("qa"), problems });
    stream.environment_ended("qa", Verdict::NeedsPerson, text, &[text]);
    stream.run_ended(Exit::NeedsPerson, text)
}

/// Any text, with what breaks XML and terminals more often than chance has it.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "]]>",
        "]]",
        ">",
        "<![CDATA[",
        "\u{1b}[31m",
        "\u{1b}]0;",
        "\u{0}",
        "\u{fffe}",
        "\u{ffff}",
        "&",
        "<",
        "\"",
        "'",
        "\r\n",
        "\u{85}",
        "\u{9b}",
        "\u{1fffe}",
        "&#0;",
    ]);
    let piece = prop_oneof![odd.prop_map(str::to_owned), any::<char>().prop_map(String::from)];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}
