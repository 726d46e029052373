//! The gate's own record: written with what else is to be remembered on the candidate's images, and
//! read again.

use super::super::Run;
use super::super::ends::tell_environment_step;
use super::super::patience::{patiently, until};
use super::super::prepare::SETTLES_WITHIN;
use super::ways::{Ways, shown};
use crate::aws::{Account, Error};
use crate::config::Environment;
use crate::event::{Status, Step};
use crate::gate::{self, OTHERS_WRITE_WITHIN, Record, State, TRIES, Tags, show};
use crate::model::{EnvironmentName, Group};
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
    let ways_back = ways.tags(run, environment, &homes).await?;
    for _ in 0..TRIES {
        let tags = beside_what_is_there(run, &homes, &ways_back, (name, record)).await?;
        patiently(run.clock, async || gate::write_tags(&homes, &tags).await).await?;
        ways.written();
        run.kept.borrow_mut().insert(name.clone(), record.clone());
        shown(run, &homes, &tags).await?;
        if !tags.values().any(|tags| tags.keys().any(|key| gate::is_shared(key))) {
            return Ok(());
        }
        // Another run may have written the shared tag between our reading and our writing.
        run.clock.sleep(OTHERS_WRITE_WITHIN).await;
        let ask = async || gate::read_tags(&homes, run.candidate).await;
        let there = until(run.clock, SETTLES_WITHIN, ask, |there| show(there, name, record)).await?;
        if show(&there, name, record) {
            return Ok(());
        }
    }
    Err(gate::lost(name))
}

/// The tags to write on each image: the ways back, and the gate's record over what is there. What is
/// there must show all that this run wrote, for several records may share a tag.
async fn beside_what_is_there(
    run: &Run<'_>,
    homes: &[Account],
    ways_back: &Tags,
    (name, record): (&EnvironmentName, &Record),
) -> Result<Tags, Error> {
    let ask = async || gate::read_tags(homes, run.candidate).await;
    let own = |there: &Tags| run.kept.borrow().iter().all(|(name, kept)| show(there, name, kept));
    let there = until(run.clock, SETTLES_WITHIN, ask, own).await?;
    let mut tags = ways_back.clone();
    for (image, there) in there {
        let written = tags.entry(image).or_default();
        let over = there.into_iter().chain(written.clone()).collect();
        let environments = run.fleet.environments.iter().map(|environment| &environment.name);
        written.extend([gate::gate_tag(&over, name, record, environments)]);
    }
    Ok(tags)
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
