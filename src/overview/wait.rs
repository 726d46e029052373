//! How long a pipeline sleeps until an environment's next window opens.

use jiff::Timestamp;

use super::windows::{EnvironmentWindows, State};
use crate::model::Problem;

/// The seconds until the next opening that matters, rounded up: 0 when a group is due, or
/// when none is left that needs anything.
///
/// Groups that are done, opted out, unreadable or of another family do not count.
///
/// # Errors
/// When groups wait, and no opening of any of them is known.
pub fn seconds(windows: &EnvironmentWindows, now: Timestamp) -> Result<u64, Problem> {
    let state = |wanted| windows.groups.iter().filter(move |group| group.state == wanted);
    if state(State::Due).next().is_some() || state(State::NotDue).next().is_none() {
        return Ok(0);
    }
    let Some(opens) = state(State::NotDue).filter_map(|group| group.opens).min() else {
        let environment = &windows.environment;
        let why = state(State::NotDue).map(|group| format!("{}: {}", group.group, group.why));
        return Err(Problem::new(
            format!("when the next window of {environment} opens is not known"),
            why.collect::<Vec<_>>().join("; "),
            format!(
                "see that a day and a time are found, and that they do not lie in a freeze for ever, \
                 with 'ami-refresh schedule --env {environment}'"
            ),
        ));
    };
    let left = opens.duration_since(now);
    let rounded = left.as_secs() + i64::from(left.subsec_nanos() > 0);
    Ok(u64::try_from(rounded).unwrap_or(0))
}
