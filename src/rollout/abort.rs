//! What a signal leaves: every group told, the refreshes left or asked to roll back.
//!
//! The run's future has been dropped by then; the board says where it stood.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::Run;
use super::board::Standing;
use crate::config::OnAbort;
use crate::event::{Event, GroupRef};
use crate::model::{EnvironmentName, Outcome, Verdict};

/// How long AWS is given to take the requests: Jenkins allows five seconds in all.
const WITHIN: Duration = Duration::from_secs(2);

/// Ends a run that a signal stopped. Takes about two seconds at most, in real time.
pub async fn abandon(run: &Run<'_>, names: &[EnvironmentName], signal: &str) {
    let (under_way, groups) = run.board.under_way();
    let environment = under_way.as_ref().and_then(|name| run.fleet.environment(name.as_str()));
    let policy = environment.map_or(OnAbort::Leave, |environment| environment.refresh.on_abort);
    let on_abort = match policy {
        OnAbort::Leave => "leave",
        OnAbort::Rollback => "rollback",
    };
    run.events.emit(Event::Aborting { signal: signal.to_owned(), on_abort: on_abort.to_owned() });
    let asked = if policy == OnAbort::Rollback { ask_rollbacks(run, &groups).await } else { BTreeMap::new() };
    for (at, standing) in &groups {
        tell(run, at, standing, asked.get(at));
    }
    if let Some(name) = under_way {
        let touched = groups.values().any(|standing| *standing != Standing::Waiting);
        let next = if touched {
            vec![
                format!("{} to go on", run.go_on(&name)),
                format!("ami-refresh rollback --env {name} to take it back"),
            ]
        } else {
            vec![run.go_on(&name)]
        };
        run.events.emit(Event::EnvironmentEnded {
            environment: name.clone(),
            verdict: Verdict::Aborted,
            message: format!("{signal} ended the run"),
            next,
            took_ms: 0,
        });
        run.board.finish(&name);
    }
    for name in names.iter().filter(|name| !run.board.is_finished(name)) {
        if run.board.waits(name) {
            // Something may have been done there, and the rest was still to come.
            run.events.emit(Event::EnvironmentEnded {
                environment: name.clone(),
                verdict: Verdict::Aborted,
                message: format!("{signal} ended the run while it waited"),
                next: vec![format!("{} to go on", run.go_on(name))],
                took_ms: 0,
            });
            continue;
        }
        super::order::not_reached(run, name, &format!("{signal} ended the run before"));
    }
}

fn tell(run: &Run<'_>, at: &GroupRef, standing: &Standing, asked: Option<&String>) {
    let outcome = match standing {
        Standing::Ended => return,
        Standing::Waiting => Outcome::NotStarted { why: "the run was aborted".into() },
        Standing::Running { what, .. } => {
            let state = asked.map_or_else(|| what.clone(), |asked| format!("{what}; {asked}"));
            Outcome::Left { state, next: run.go_on(&at.environment) }
        }
    };
    let (images, stragglers) = (BTreeMap::new(), Vec::new());
    run.events.emit(Event::GroupEnded { group: at.clone(), outcome, images, stragglers, took_ms: 0 });
}

/// Asks AWS to roll back every refresh that goes forward; says of each what became of it.
///
/// Never one that leads back: undoing that would lead to the new image.
async fn ask_rollbacks(run: &Run<'_>, groups: &BTreeMap<GroupRef, Standing>) -> BTreeMap<GroupRef, String> {
    let running =
        groups.iter().filter(|(_, standing)| matches!(standing, Standing::Running { forward: true, .. }));
    let asked = running.map(async |(at, _)| {
        let Some(environment) = run.fleet.environment(at.environment.as_str()) else {
            return (at.clone(), "its environment is not known any more".to_owned());
        };
        let account = run.cloud.assume(environment, &at.region);
        let answer = tokio::time::timeout(WITHIN, account.rollback_refresh(&at.group)).await;
        let said = match answer {
            Ok(Ok(())) => "AWS was asked to roll it back".to_owned(),
            Ok(Err(error)) if error.is("ActiveInstanceRefreshNotFound") => {
                "no refresh of it was active".to_owned()
            }
            Ok(Err(error)) => format!("AWS would not roll it back: {error}"),
            Err(_) => "AWS did not answer in time whether it rolls it back".to_owned(),
        };
        (at.clone(), said)
    });
    join_all(asked).await.into_iter().collect()
}
