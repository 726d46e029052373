//! The steps of one rollout as one run: a pipeline's stages leave a journal each.

use super::super::cases::single_step;
use super::{Folded, Past, fold};
use crate::event::{Event, Stamped};

/// The runs in order of time, single steps of one candidate that follow one another put together.
pub(in super::super) fn rollouts(runs: &[Folded]) -> Vec<Folded> {
    let mut rollouts: Vec<Past> = Vec::new();
    let mut before: Option<&Folded> = None;
    for run in runs {
        let goes_on = before.is_some_and(|before| is_step(before) && is_step(run) && is_of_one(before, run));
        match rollouts.last_mut().filter(|_| goes_on) {
            Some(last) => last.events.extend(run.past.events.iter().cloned()),
            None => rollouts.push(run.past.clone()),
        }
        before = Some(run);
    }
    fold(rollouts)
}

fn is_step(run: &Folded) -> bool {
    single_step(&run.run.command).is_some()
}

/// Whether both are of the same candidate, and both on AWS or both rehearsed.
fn is_of_one(before: &Folded, run: &Folded) -> bool {
    let images = |events: &[Stamped]| {
        events.iter().find_map(|stamped| match &stamped.event {
            Event::RunStarted { images, .. } => Some(images.clone()),
            _ => None,
        })
    };
    before.simulated == run.simulated && images(&before.past.events) == images(&run.past.events)
}
