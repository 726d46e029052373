//! A module per step: its arguments and its run, nothing else's.
//!
//! The only users of clap besides `cli`. What a step prints of its own goes through
//! [`Output`]; what a rollout tells goes through events to the reporters.

pub mod announce;
pub mod candidate;
pub mod completions;
pub mod environments;
pub mod gate;
pub mod iam_policy;
pub mod plan;
pub mod quarantine;
pub mod refresh;
pub mod rehearse;
pub mod report;
pub mod rollback;
pub mod rollout;
pub mod schedule;
pub mod simulator;
pub mod smoke;
pub mod snapshot;
pub mod status;
pub mod update_templates;
pub mod validate;

mod context;
mod failure;
mod output;
mod signals;
mod told;

pub use failure::Failure;
pub use output::Output;

use crate::cli::{Cli, Global, Step};
use crate::model::Exit;

/// Runs the step, to its exit code.
///
/// # Errors
/// Whatever stopped it, with the exit code that it asks for.
pub fn run(cli: &Cli) -> Result<Exit, Failure> {
    let global = &cli.global;
    output::log(global.verbose);
    match &cli.step {
        Step::Candidate(args) => on_clock(global, candidate::run(global, args)),
        Step::Validate(args) => on_clock(global, validate::run(global, args)),
        Step::Environments(args) => environments::run(global, args),
        Step::Plan(args) => on_clock(global, plan::run(global, args)),
        Step::UpdateTemplates(args) => on_clock(global, update_templates::run(global, args)),
        Step::Refresh(args) => on_clock(global, refresh::run(global, args)),
        Step::Smoke(args) => on_clock(global, smoke::run(global, args)),
        Step::Rollback(args) => on_clock(global, rollback::run(global, args)),
        Step::Gate(args) => on_clock(global, gate::run(global, args)),
        Step::Quarantine(args) => on_clock(global, quarantine::run(global, args)),
        Step::Rollout(args) => on_clock(global, rollout::run(global, args)),
        Step::Schedule(args) => on_clock(global, schedule::run(global, args)),
        Step::Status(args) => on_clock(global, status::run(global, args)),
        Step::Announce(args) => on_clock(global, announce::run(global, args)),
        Step::Snapshot(args) => on_clock(global, snapshot::run(global, args)),
        Step::Rehearse(args) => rehearse::run(global, args),
        Step::Report(args) => report::run(global, args),
        Step::IamPolicy(args) => iam_policy::run(global, args),
        Step::Simulator(args) => on_clock(global, simulator::run(global, args)),
        Step::Completions(args) => completions::run(global, args),
    }
}

/// Runs a step that waits for the world, on a runtime of one thread.
fn on_clock(_global: &Global, step: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end = runtime.block_on(step);
    // A name that is being looked up can't be called back, and must not hold up the end.
    runtime.shutdown_background();
    end
}
