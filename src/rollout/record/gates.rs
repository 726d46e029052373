//! The gate's own record: written with what else is to be remembered on the candidate's images, and
//! read again.

use super::super::Run;
use super::super::ends::tell_environment_step;
use super::super::patience::patiently;
use super::ways::{Ways, shown};
use crate::aws::Error;
use crate::config::Environment;
use crate::event::{Status, Step};
use crate::gate::{self, Record, State};
use crate::model::Group;
use crate::plan::GroupPlan;

/// Takes back what the gate's record says, on every image of the candidate, and tells it; with what
/// the groups that go back had, which their markers say no more when they are back.
pub(in crate::rollout) async fn revoke<'a>(
    run: &Run<'_>,
    environment: &Environment,
    (backs, all): (impl IntoIterator<Item = &'a GroupPlan>, impl IntoIterator<Item = &'a Group>),
    detail: &str,
) -> Result<(), Error> {
    let ways = Ways::new(backs, all);
    keep(run, environment, State::Revoked, detail, &ways).await
}

/// Writes the gate's record on every image of the candidate, in one call with the ways back that
/// are to be recorded there, and tells it.
pub(super) async fn keep(
    run: &Run<'_>,
    environment: &Environment,
    state: State,
    detail: &str,
    ways: &Ways<'_>,
) -> Result<(), Error> {
    let begun = run.clock.now();
    let build =
        run.candidate.build.number.as_ref().map_or_else(String::new, |number| format!(" build {number}"));
    let overridden = run
        .overridden
        .borrow()
        .get(&environment.name)
        .map_or_else(String::new, |by| format!(" freeze overridden by {}: {}", by.who, by.reason));
    let record = Record { state, at: run.clock.now(), detail: format!("{detail}{build}{overridden}") };
    let written = write(run, environment, &record, ways).await;
    let told = match &written {
        Ok(()) => (Status::Passed, record.to_tag(), Vec::new()),
        Err(error) => (Status::Errored, format!("the gate could not be recorded: {error}"), Vec::new()),
    };
    tell_environment_step(run, &environment.name, Step::Record, begun, told);
    written
}

async fn write(
    run: &Run<'_>,
    environment: &Environment,
    record: &Record,
    ways: &Ways<'_>,
) -> Result<(), Error> {
    let (homes, name) = (run.homes(), &environment.name);
    let mut tags = ways.tags(run, environment, &homes).await?;
    for image in &run.candidate.images {
        let of_image = tags.entry((image.region.clone(), image.id.clone())).or_default();
        of_image.extend([gate::gate_tag(name, record)]);
    }
    patiently(run.clock, async || gate::write_tags(&homes, &tags).await).await?;
    ways.written();
    run.kept.borrow_mut().insert(name.clone(), record.clone());
    shown(run, &homes, &tags).await
}

/// What the environment's own gate says of this candidate.
pub(in crate::rollout) async fn recorded(
    run: &Run<'_>,
    environment: &Environment,
) -> Result<Option<State>, Error> {
    let homes = run.homes();
    let records = patiently(run.clock, async || run.gates(&homes).await).await?;
    Ok(records.get(&environment.name).map(|record| record.state))
}

/// Whether a part of the environment was proved on this candidate before.
pub(super) async fn was_partial(run: &Run<'_>, environment: &Environment) -> bool {
    // What can't be read proves nothing.
    recorded(run, environment).await.is_ok_and(|state| state == Some(State::Partial))
}

/// Whether the environment's own gate is passed for this candidate.
pub(in crate::rollout) async fn passed(run: &Run<'_>, environment: &Environment) -> Result<bool, Error> {
    Ok(recorded(run, environment).await? == Some(State::Passed))
}
