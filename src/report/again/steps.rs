//! The steps of one rollout as one run: a pipeline's stages leave a journal each.

use std::borrow::Cow;

use super::super::cases::single_step;
use super::super::collect::Run;
use super::Folded;

/// The runs in order of time, single steps of one candidate that follow one another put together.
pub(in super::super) fn rollouts(runs: &[Folded]) -> Vec<Cow<'_, Folded>> {
    let chains =
        runs.chunk_by(|before, run| is_step(&before.run) && is_step(&run.run) && is_of_one(before, run));
    chains.filter_map(rollout).collect()
}

fn rollout(chain: &[Folded]) -> Option<Cow<'_, Folded>> {
    let (first, more) = chain.split_first()?;
    let mut whole = Cow::Borrowed(first);
    // What one step began another ends: its events go on what became of those before.
    for event in more.iter().flat_map(|step| &step.events) {
        whole.to_mut().run.apply(event);
    }
    Some(whole)
}

pub(super) fn is_step(run: &Run) -> bool {
    single_step(&run.command).is_some()
}

/// Whether both are of the same candidate, and both on AWS or both rehearsed.
fn is_of_one(before: &Folded, run: &Folded) -> bool {
    before.simulated == run.simulated && before.run.images == run.run.images
}
