//! A build that is under way, looked at until it has ended.

use std::time::Duration;

use jiff::Timestamp;

use super::Patience;
use crate::aws::{self, Account};
use crate::candidate::{Error, Progress};
use crate::model::{BuildState, ImageBuild, Problem};

/// How soon and how late a build is looked at again.
const SOONEST: Duration = Duration::from_secs(10);
const LATEST: Duration = Duration::from_secs(60);
/// After so long without a change a sign of life is told.
const SILENCE: Duration = Duration::from_secs(600);
/// For so long a build that was just begun may not be found.
const SETTLES: Duration = Duration::from_secs(120);

/// Waits until the build has come to its end, and returns it when that is a good one. Calls that
/// fail in passing are told and made again.
pub(super) async fn follow(
    home: &Account,
    arn: &str,
    patience: Patience,
    tell: &dyn Fn(&Progress),
) -> Result<ImageBuild, Error> {
    let Patience { clock, timeout } = patience;
    let begun = clock.now();
    let mut seen: Option<(BuildState, Timestamp)> = None;
    let mut told = begun;
    let mut troubled = false;
    loop {
        match home.image_build(arn).await {
            Ok(build) => {
                let is_new = seen.as_ref().is_none_or(|(state, _)| *state != build.state);
                if is_new {
                    seen = Some((build.state.clone(), clock.now()));
                }
                if is_new || troubled || clock.since(told) >= SILENCE {
                    tell(&Progress::State { build: build.clone(), waited: clock.since(begun) });
                    told = clock.now();
                }
                troubled = false;
                if !build.state.is_under_way() {
                    return ended(build);
                }
            }
            Err(error) if may_pass(&error, clock.since(begun)) => {
                if !troubled {
                    tell(&Progress::Trouble { arn: arn.to_owned(), error });
                }
                troubled = true;
            }
            Err(error) => return Err(error.into()),
        }
        let left = timeout.saturating_sub(clock.since(begun));
        if left.is_zero() {
            let state = seen.map_or_else(|| "not known".to_owned(), |(state, _)| state.to_string());
            return Err(Error::Failed(vec![too_long(arn, &state, timeout)]));
        }
        let in_state = seen.as_ref().map_or(Duration::ZERO, |(_, since)| clock.since(*since));
        clock.sleep(pause(in_state).min(left)).await;
    }
}

fn may_pass(error: &aws::Error, waited: Duration) -> bool {
    error.may_pass() || (error.is("ResourceNotFoundException") && waited < SETTLES)
}

/// When to look again: often at first, for the short states, and seldom in the long ones.
fn pause(in_state: Duration) -> Duration {
    in_state.div_f64(3.0).clamp(SOONEST, LATEST)
}

fn short(arn: &str) -> &str {
    arn.split_once(":image/").map_or(arn, |(_, rest)| rest)
}

fn too_long(arn: &str, state: &str, timeout: Duration) -> Problem {
    let minutes = timeout.as_secs().div_ceil(60);
    Problem::new(
        format!("the image build {} is not done after {minutes} minutes", short(arn)),
        format!("it is {state}, and goes on in Image Builder"),
        "run the same command again to wait on: it goes on with the same build",
    )
}

fn ended(build: ImageBuild) -> Result<ImageBuild, Error> {
    let next = match build.state {
        BuildState::Available => return Ok(build),
        BuildState::Failed => {
            "look at its log in Image Builder and put right what failed; then run this with another build's number, for this build's is used up"
        }
        BuildState::Cancelled => {
            "somebody cancelled it: ask who; to build again, run this with another build's number, for this build's is used up"
        }
        BuildState::Deprecated | BuildState::Deleted | BuildState::Disabled => {
            "somebody took it out of use after it was built: build another one, with another build's number"
        }
        // Those that are under way never get here.
        BuildState::Pending
        | BuildState::Creating
        | BuildState::Building
        | BuildState::Testing
        | BuildState::Distributing
        | BuildState::Integrating
        | BuildState::Other(_) => "run this again to wait on",
    };
    let why = if build.reason.is_empty() {
        "Image Builder gives no reason".to_owned()
    } else {
        build.reason.clone()
    };
    Err(Error::Failed(vec![Problem::new(
        format!("the image build {} ended {}", build.short(), build.state),
        why,
        next,
    )]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_frequent_in_a_new_state_and_rare_in_a_long_one() {
        let pauses: Vec<u64> =
            [0, 30, 100, 200, 3600].map(|secs| pause(Duration::from_secs(secs)).as_secs()).to_vec();
        assert_eq!(pauses, [10, 10, 33, 60, 60]);
    }
}
