//! Why a group can't be taken back, and what a person can do.

use crate::model::{Group, GroupName, ImageId, Problem, Refresh};
use crate::plan::Marker;

pub(super) fn unreadable(group: &Group, text: &str) -> Problem {
    Problem::new(
        format!("the rollout tag of group {} can't be read", group.name),
        format!("it says {text:?}"),
        "look what the group runs and how it names its version, then remove the tag",
    )
}

/// Which configuration a refresh goes to that has none of its own can't be seen: only when it began.
pub(super) fn refreshed_by_others(group: &Group, active: &Refresh) -> Problem {
    Problem::new(
        format!("group {} is busy: refresh {} is {}", group.name, active.id, active.status),
        "it has no desired configuration, and no rollout began it: nothing of anyone else's is cancelled",
        "wait until it has ended, or cancel it yourself, and run this again",
    )
}

pub(super) fn nothing_recorded(group: &Group) -> Problem {
    Problem::new(
        format!("nobody recorded what group {} had before", group.name),
        "it has no marker whose version exists, and its version names no source that it is a copy of",
        "start an instance refresh to the version you want by hand",
    )
}

/// Overrides name the image themselves, and it does not tell what they named before.
pub(super) fn overrides_not_recorded(group: &Group, image: &ImageId) -> Problem {
    Problem::new(
        format!("nobody recorded what the overrides of group {} named before {image}", group.name),
        "its rollout is over, and the image's tags don't tell it of these overrides: a rollout did not put \
         the image there, there was no room, or the overrides are others now",
        format!(
            "put the images of {}'s policy back, and start an instance refresh of it by hand",
            group.name
        ),
    )
}

/// What it had must not come back.
pub(super) fn quarantined_before(group: &GroupName, image: &ImageId) -> Problem {
    Problem::new(
        format!("group {group} was not taken back: it would go to {image}"),
        "that image is in quarantine",
        "take it to a good one: 'ami-refresh candidate --from-lookup', then a rollout",
    )
}

pub(super) fn another_candidate(group: &Group, marker: &Marker) -> Problem {
    Problem::new(
        format!("the rollout under way on group {} is of {}, not of this candidate", group.name, marker.to),
        "it is another build's, which may still be at work",
        format!(
            "name that build's --candidate, or take this group back all the same with --group {}",
            group.name
        ),
    )
}
