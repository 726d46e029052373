//! What is decided for one group by itself.

use super::{Change, Decision, GroupPlan, Marker, Survey};
use crate::config::{Busy, Environment, Family, Fleet, glob_matches};
use crate::event::GroupRef;
use crate::model::{
    Candidate, Group, GroupTemplate, Image, ImageId, ImageState, Problem, Refresh, Tracking, Version,
};

/// The processes that a refresh can't do without. Source: "Suspend and resume processes".
const NEEDED: [&str; 3] = ["Launch", "Terminate", "AddToLoadBalancer"];

/// What came of looking at one group.
pub(super) enum Judged {
    /// This is what happens.
    Decided(Box<GroupPlan>),
    /// Nothing may happen in the environment, for this.
    Refused(Box<GroupPlan>, Problem),
    /// Somebody else's refresh must end first.
    Busy(Box<GroupPlan>, Problem),
}

/// Everything that a group is judged by.
pub(super) struct Judge<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) environment: &'a Environment,
    pub(super) family: &'a Family,
    pub(super) candidate: &'a Candidate,
    pub(super) survey: &'a Survey,
}

/// Why a group can't be decided on: refused, busy, or not ours to touch.
enum Stop {
    Refuse(Problem),
    Wait(Problem),
    Skip(String),
}

impl Judge<'_> {
    pub(super) fn judge(&self, group: &Group) -> Judged {
        let version = self.present(group).map(|(_, version)| version);
        let image = version.and_then(|version| version.image.clone());
        let known = image.as_ref().and_then(|id| self.survey.images.get(id));
        let mut plan = Box::new(GroupPlan {
            group: group.clone(),
            at: GroupRef {
                environment: self.environment.name.clone(),
                region: group.region.clone(),
                group: group.name.clone(),
            },
            policy: self.fleet.policy(self.environment, &group.name),
            version: version.map(|version| version.number),
            image_name: known.map(|image| image.name.clone()).unwrap_or_default(),
            image,
            begun: false,
            decision: Decision::Skip(String::new()),
        });
        match self.decide(group, &plan) {
            Ok(decision) => {
                plan.begun = self.begun(group, plan.version, &decision);
                plan.decision = decision;
            }
            Err(Stop::Skip(why)) => plan.decision = Decision::Skip(why),
            Err(Stop::Refuse(problem)) => {
                plan.decision = Decision::Skip("refused".into());
                return Judged::Refused(plan, problem);
            }
            Err(Stop::Wait(problem)) => return Judged::Busy(plan, problem),
        }
        Judged::Decided(plan)
    }

    /// The group's template and the version that it resolves to now, when both exist.
    fn present<'g>(&'g self, group: &'g Group) -> Option<(&'g GroupTemplate, &'g Version)> {
        let template = group.template.as_ref()?;
        let number = self.survey.resolve(&template.id, template.tracking)?;
        Some((template, self.survey.versions.get(&(template.id.clone(), number))?))
    }

    fn decide(&self, group: &Group, plan: &GroupPlan) -> Result<Decision, Stop> {
        supported(group)?;
        let marker = Marker::of(&group.tags).map_err(|text| Stop::Refuse(bad_marker(group, &text)))?;
        let (template, version) = self.present(group).ok_or_else(|| Stop::Refuse(template_gone(group)))?;
        let active = self.survey.active.get(&group.name);
        if let Some(marker) = marker {
            return self.resume(group, template, &marker, active, plan.policy.busy);
        }
        let image = self.present_image(group, version)?;
        let to = self.new_image(group, image)?;
        if image.id == to {
            return already_there(group, version).map(Decision::Skip);
        }
        if group.desired == 0 && group.members.is_empty() {
            return Err(Stop::Skip("it has no instances: nothing to replace, and nothing to prove".into()));
        }
        needs_processes(group)?;
        let change = Change {
            template: template.id.clone(),
            source: version.number,
            tracking: template.tracking,
            from: image.id.clone(),
            existing: self.reusable(version, template.tracking, &to),
            to,
        };
        self.not_busy(group, active, &change, plan.policy.busy)?;
        Ok(Decision::Refresh(change))
    }

    /// The image that the version names, when it is one of the family's and can be gone back to.
    fn present_image(&self, group: &Group, version: &Version) -> Result<&Image, Stop> {
        let name = &group.name;
        if version.image_is_parameter() {
            return Err(Stop::Refuse(Problem::new(
                format!("group {name} takes its image from Parameter Store"),
                "AWS can't roll such a refresh back",
                "name an image id in its template, or leave the group out of the environment",
            )));
        }
        let Some(id) = &version.image else {
            return Err(Stop::Refuse(Problem::new(
                format!("version {} of group {name}'s template names no image", version.number),
                "there is no image to replace",
                "name an image id in its template, or leave the group out of the environment",
            )));
        };
        let found = self.survey.images.get(id).filter(|image| image.state == ImageState::Available);
        let Some(image) = found else {
            return Err(Stop::Refuse(Problem::new(
                format!("group {name} runs {id}, which is gone or not shared with its account"),
                "there would be no way back",
                "share or restore the image, or roll the group by hand once",
            )));
        };
        let ours = self.candidate.contains(id) || glob_matches(&self.family.name_glob, &image.name);
        if !ours {
            let why = format!("not ours: {} ({id}) is not of family {}", image.name, self.candidate.family);
            return Err(Stop::Skip(why));
        }
        Ok(image)
    }

    /// The candidate's image for the region and architecture, as the account sees it.
    fn new_image(&self, group: &Group, present: &Image) -> Result<ImageId, Stop> {
        let architecture = &present.architecture;
        let Some(image) = self.candidate.image(&group.region, architecture) else {
            let has: Vec<String> = self
                .candidate
                .images
                .iter()
                .map(|image| format!("{} {}", image.region, image.architecture))
                .collect();
            return Err(Stop::Refuse(Problem::new(
                format!(
                    "the candidate has no {architecture} image in {} for group {}",
                    group.region, group.name
                ),
                format!("it has {}", has.join(", ")),
                "build for that region and architecture too",
            )));
        };
        let why = format!("group {} could not launch it", group.name);
        let Some(seen) = self.survey.images.get(&image.id) else {
            return Err(Stop::Refuse(Problem::new(
                format!("image {} is not shared with account {}", image.id, self.environment.account),
                why,
                "share the image with the account (ami_users in Packer)",
            )));
        };
        if seen.state != ImageState::Available {
            return Err(Stop::Refuse(Problem::new(
                format!("image {} is not available but {}", image.id, seen.state),
                why,
                "wait until EC2 calls it available, or build it again",
            )));
        }
        Ok(image.id.clone())
    }

    /// The version with the image that is there already, when the group may be refreshed to it.
    ///
    /// A group on `$Latest` will follow the newest version again: one older than its source won't do.
    fn reusable(&self, source: &Version, tracking: Tracking, image: &ImageId) -> Option<u64> {
        let existing = self.survey.copy_with_image(source, image);
        existing.filter(|number| tracking != Tracking::Latest || *number > source.number)
    }

    /// Whether a rollout that goes on has begun this group's refresh, or only marked it.
    fn begun(&self, group: &Group, version: Option<u64>, decision: &Decision) -> bool {
        let Decision::Resume(change) = decision else { return false };
        let Some(new) = change.existing else { return false };
        let target = (change.template.clone(), new);
        self.survey.active.contains_key(&group.name)
            || version == Some(new)
            || group.members.iter().any(|member| member.launched_from.as_ref() == Some(&target))
    }

    fn not_busy(
        &self,
        group: &Group,
        active: Option<&Refresh>,
        change: &Change,
        busy: Busy,
    ) -> Result<(), Stop> {
        let Some(active) = active else { return Ok(()) };
        let same = active.target.as_ref().is_some_and(|target| {
            target.template == change.template && Some(target.version) == change.existing
        });
        // A floating group can't be pinned while the refresh is active, so it can't be adopted either.
        if same && !change.tracking.floats() {
            return Ok(());
        }
        Err(self.busy(group, active, busy))
    }

    fn busy(&self, group: &Group, active: &Refresh, policy: Busy) -> Stop {
        let target =
            active.target.as_ref().map_or_else(|| "a target of its own".to_owned(), ToString::to_string);
        let problem = Problem::new(
            format!("group {} is busy: refresh {} is {}", group.name, active.id, active.status),
            format!("it is not ours: it goes to {target}"),
            format!(
                "wait until it has ended, cancel it yourself, or set 'busy: wait' for {}",
                self.environment.name
            ),
        );
        match policy {
            Busy::Wait => Stop::Wait(problem),
            Busy::Refuse => Stop::Refuse(problem),
        }
    }

    fn resume(
        &self,
        group: &Group,
        template: &GroupTemplate,
        marker: &Marker,
        active: Option<&Refresh>,
        busy: Busy,
    ) -> Result<Decision, Stop> {
        if !self.candidate.contains(&marker.to) {
            return Err(Stop::Refuse(other_rollout(group, marker)));
        }
        let source = self.survey.versions.get(&(template.id.clone(), marker.version));
        let source = source.ok_or_else(|| Stop::Refuse(template_gone(group)))?;
        let change = Change {
            template: template.id.clone(),
            source: marker.version,
            tracking: marker.tracking,
            from: marker.from.clone(),
            to: marker.to.clone(),
            existing: self.reusable(source, marker.tracking, &marker.to),
        };
        if marker.to == marker.from {
            // The rollout only held it still while another group's version was made.
            return Ok(Decision::HoldStill(change, "held still while its template changed".into()));
        }
        let Some(active) = active else { return Ok(Decision::Resume(change)) };
        let ours = active.target.as_ref().is_some_and(|target| {
            target.template == change.template
                && (Some(target.version) == change.existing || target.version == change.source)
        });
        if ours { Ok(Decision::Resume(change)) } else { Err(self.busy(group, active, busy)) }
    }
}

/// Refuses the kinds of group that can't be rolled.
fn supported(group: &Group) -> Result<(), Stop> {
    let name = &group.name;
    let refuse = |what: String, why: &str, next: &str| Err(Stop::Refuse(Problem::new(what, why, next)));
    if group.deleting {
        return refuse(
            format!("group {name} is being deleted"),
            "AWS refreshes no such group",
            "run this again when it is gone",
        );
    }
    if group.mixed {
        return refuse(
            format!("group {name} has a mixed instances policy"),
            "every template and override in it would have to change with it, which is not supported yet",
            "leave the group out of the environment, and roll it by hand",
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

fn needs_processes(group: &Group) -> Result<(), Stop> {
    let suspended: Vec<&str> =
        group.suspended.iter().map(String::as_str).filter(|process| NEEDED.contains(process)).collect();
    if suspended.is_empty() {
        return Ok(());
    }
    let processes = suspended.join(", ");
    Err(Stop::Refuse(Problem::new(
        format!("group {} has suspended {processes}", group.name),
        "a refresh can't replace instances without",
        format!("resume {processes}, or leave the group out of the environment"),
    )))
}

/// A group whose template names the image already: fine when its instances came from there.
fn already_there(group: &Group, version: &Version) -> Result<String, Stop> {
    let target = (version.template.clone(), version.number);
    let strays: Vec<&str> = group
        .in_service()
        .filter(|member| member.launched_from.as_ref().is_none_or(|from| from.0 != target.0))
        .map(|member| member.id.as_str())
        .collect();
    let older = group.in_service().filter(|member| member.launched_from.as_ref() != Some(&target)).count();
    if older == 0 {
        return Ok("already on the image".into());
    }
    Err(Stop::Refuse(Problem::new(
        format!(
            "group {} names the image already, but {older} of its instances are of another version",
            group.name
        ),
        format!(
            "nobody recorded a version to go back to{}",
            if strays.is_empty() { String::new() } else { format!("; {}", strays.join(", ")) }
        ),
        "start an instance refresh on it by hand, or pin it to the version that its instances run",
    )))
}

fn template_gone(group: &Group) -> Problem {
    let named = group.template.as_ref().map_or_else(String::new, |template| {
        format!("{} {} version {}", template.name, template.id, template.tracking)
    });
    Problem::new(
        format!("the template of group {} is gone", group.name),
        format!("it names {named}, which EC2 does not know"),
        "give the group a template version that exists",
    )
}

fn bad_marker(group: &Group, text: &str) -> Problem {
    Problem::new(
        format!("the tag {} of group {} can't be read", super::MARKER_TAG, group.name),
        format!("it says {text:?}"),
        "look what the group runs and how it names its version, then remove the tag",
    )
}

fn other_rollout(group: &Group, marker: &Marker) -> Problem {
    Problem::new(
        format!("a rollout of {} was begun on group {} and never ended", marker.to, group.name),
        format!("the group had {} (version {}, tracking {})", marker.from, marker.version, marker.tracking),
        "finish it with that candidate, or take it back with 'ami-refresh rollback' and that candidate",
    )
}
