//! Why a group may not be rolled, in words that say what to do about it.

use super::group::Stop;
use super::{MARKER_TAG, MARKER_TAGS, Marker};
use crate::model::{
    AccountId, Architecture, Candidate, EnvironmentName, Group, GroupTemplate, Image, ImageId, Member,
    Problem,
};

/// Refuses the kinds of group that can't be rolled.
pub(super) fn supported(group: &Group) -> Result<(), Stop> {
    let name = &group.name;
    let refuse = |what: String, why: &str, next: &str| Err(Stop::Refuse(Problem::new(what, why, next)));
    if group.deleting {
        return refuse(
            format!("group {name} is being deleted"),
            "AWS refreshes no such group",
            "run this again when it is gone",
        );
    }
    if let Some(configuration) = &group.launch_configuration {
        return refuse(
            format!("group {name} uses launch configuration {configuration}"),
            "launch configurations can't be changed, and AWS rolls no refresh of them back",
            "move the group to a launch template",
        );
    }
    if group.template.is_none() {
        return refuse(
            format!("group {name} names no launch template"),
            "there is nothing to update",
            "give it a launch template",
        );
    }
    Ok(())
}

/// Of several templates, all are named: which one is gone shows in EC2.
pub(super) fn template_gone(group: &Group) -> Problem {
    let one =
        |template: &GroupTemplate| format!("{} {} version {}", template.name, template.id, template.tracking);
    let named: Vec<String> = group.templates().map(one).collect();
    Problem::new(
        format!("{} template of group {} is gone", if named.len() > 1 { "a" } else { "the" }, group.name),
        format!("it names {}, which EC2 does not know", named.join(", ")),
        "give the group a template version that exists",
    )
}

pub(super) fn parameter_image(who: &str) -> Problem {
    Problem::new(
        format!("{who} takes its image from Parameter Store"),
        "AWS can't roll such a refresh back",
        "name an image id in its template, or leave the group out of the environment",
    )
}

pub(super) fn names_no_image(who: &str, template: &GroupTemplate, number: u64) -> Problem {
    Problem::new(
        format!("version {number} of {}, the template of {who}, names no image", template.id),
        "there is no image to replace",
        "name an image id in its template, or leave the group out of the environment",
    )
}

pub(super) fn image_gone(who: &str, id: &ImageId) -> Problem {
    Problem::new(
        format!("{who} runs {id}, which is gone or not shared with its account"),
        "there would be no way back",
        "share or restore the image, or roll the group by hand once",
    )
}

pub(super) fn no_architecture(
    candidate: &Candidate,
    group: &Group,
    who: &str,
    architecture: &Architecture,
) -> Problem {
    let has = candidate.images.iter().map(|image| format!("{} {}", image.region, image.architecture));
    Problem::new(
        format!("the candidate has no {architecture} image in {} for {who}", group.region),
        format!("it has {}", has.collect::<Vec<_>>().join(", ")),
        "build for that region and architecture too",
    )
}

pub(super) fn not_shared(who: &str, id: &ImageId, account: &AccountId) -> Problem {
    Problem::new(
        format!("image {id} is not shared with account {account}"),
        format!("{who} could not launch it"),
        "share the image with the account (ami_users in Packer)",
    )
}

pub(super) fn not_available(who: &str, image: &Image) -> Problem {
    Problem::new(
        format!("image {} is not available but {}", image.id, image.state),
        format!("{who} could not launch it"),
        "wait until EC2 calls it available, or build it again",
    )
}

pub(super) fn too_much_to_remember(group: &Group) -> Problem {
    Problem::new(
        format!("the mixed instances policy of group {} names too many versions", group.name),
        "what it has must be recorded in tags before anything changes, and would not fit",
        "let its overrides share versions of their templates, or roll the group by hand",
    )
}

/// Nobody knows one version or image that the group could be taken back to.
pub(super) fn runs_others<'a>(group: &Group, older: impl IntoIterator<Item = &'a Member>) -> Problem {
    let older: Vec<&str> = older.into_iter().map(|member| member.id.as_str()).collect();
    Problem::new(
        format!("group {} names the image already, but {} do not run it", group.name, older.join(", ")),
        "nobody recorded a version to go back to",
        "start an instance refresh on it by hand, or pin it to the version that its instances run",
    )
}

pub(super) fn bad_marker(group: &Group, text: &str) -> Problem {
    Problem::new(
        format!("the tag {} of group {} can't be read", MARKER_TAG, group.name),
        format!("it says {text:?}"),
        format!(
            "look what the group runs and how it names its version, then remove {}",
            MARKER_TAGS.join(", ")
        ),
    )
}

/// What a marker speaks of and what the group names now don't go together.
pub(super) fn marker_misfits(group: &Group, marker: &Marker) -> Problem {
    Problem::new(
        format!("group {} names other templates or images than when its rollout began", group.name),
        format!(
            "a rollout of {} was begun on it, when it had {} (version {})",
            marker.to, marker.from, marker.version
        ),
        format!("put back what it named then, or look what it runs and remove {}", MARKER_TAGS.join(", ")),
    )
}

pub(super) fn other_rollout(group: &Group, marker: &Marker, environment: &EnvironmentName) -> Problem {
    let name = &group.name;
    if let Some(before) = marker.baseline.as_ref().filter(|before| before.holds) {
        let failed: Vec<&str> = before.failed.iter().map(String::as_str).collect();
        return Problem::new(
            format!(
                "group {name} is held on {} by what failed before it too: {}",
                marker.to,
                failed.join(", ")
            ),
            format!(
                "the group had {} (version {}, tracking {})",
                marker.from, marker.version, marker.tracking
            ),
            format!(
                "mend that and run 'ami-refresh rollout --env {environment}' with that build's --candidate, which \
                 passes its gate; or take it back with 'ami-refresh rollback --env {environment} --group {name}'"
            ),
        );
    }
    Problem::new(
        format!("a rollout of {} was begun on group {name} and never ended", marker.to),
        format!("the group had {} (version {}, tracking {})", marker.from, marker.version, marker.tracking),
        format!(
            "take it back with 'ami-refresh rollback --env {environment} --group {name}', or finish it with \
             that build's --candidate"
        ),
    )
}

pub(super) fn moved_elsewhere(group: &Group, marker: &Marker, number: u64) -> Problem {
    Problem::new(
        format!(
            "group {} names version {number} of its template, which its rollout did not make",
            group.name
        ),
        format!("it had version {} when the rollout of {} was begun", marker.version, marker.to),
        format!(
            "pin it to version {} to go on; or, when what it names now is meant, remove {}, and run this again",
            marker.version,
            MARKER_TAGS.join(", ")
        ),
    )
}
