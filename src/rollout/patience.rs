//! Asking again when AWS could not answer, for calls that may be made twice.

use std::time::Duration;

use crate::aws::Error;
use crate::clock::Clock;

/// How often a call is made at most, each time with the SDK's own retries inside.
const TRIES: u32 = 4;
/// How long to wait between two.
const PAUSE: Duration = Duration::from_secs(10);

/// Makes a call until it is answered, at most four times half a minute.
///
/// Only for calls that have the same effect however often they are made.
///
/// # Errors
/// The last error; at once when AWS's answer will not change.
pub(super) async fn patiently<T>(
    clock: Clock,
    mut call: impl AsyncFnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let mut tried = 1;
    loop {
        match call().await {
            Err(error) if error.may_pass() && tried < TRIES => tried += 1,
            answer => return answer,
        }
        clock.sleep(PAUSE).await;
    }
}

/// Asks until the answer is as it should be, for AWS may show the old state for a while.
///
/// Gives the last answer when `within` has passed, right or not.
///
/// # Errors
/// As [`patiently`].
pub(super) async fn until<T>(
    clock: Clock,
    within: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, Error>,
    right: impl Fn(&T) -> bool,
) -> Result<T, Error> {
    let begun = clock.now();
    loop {
        let answer = patiently(clock, &mut ask).await?;
        if right(&answer) || clock.since(begun) >= within {
            return Ok(answer);
        }
        clock.sleep(Duration::from_secs(3)).await;
    }
}
