//! What is decided for one group by itself.

use super::refusals::{
    bad_marker, moved_elsewhere, needs_processes, other_rollout, supported, template_gone,
};
use super::resume::{floats_elsewhere, resumed};
use super::{Change, Decision, Deferral, GroupPlan, Marker, Survey};
use crate::config::{Busy, Environment, Family, Fleet, glob_matches};
use crate::event::GroupRef;
use crate::model::{
    Candidate, Group, GroupTemplate, Image, ImageId, ImageState, Member, Problem, Refresh, Version,
};
use crate::schedule::{Agenda, Standing};

/// Why a refused group is skipped: the plan's problems say more.
pub(super) const REFUSED: &str = "refused";

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
    /// What windows and freezes say; `None` where they do not matter.
    pub(super) agenda: Option<Agenda<'a>>,
}

/// Why a group can't be decided on: refused, busy, or not ours to touch.
pub(super) enum Stop {
    Refuse(Problem),
    Wait(Problem),
    Skip(String),
    /// Its tags can't be read: it is skipped, and that is told.
    Unreadable(Vec<Problem>),
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
            decision: Decision::Skip(String::new()),
            under_way: false,
            names_new: false,
            is_current: false,
            marked: None,
            deferral: None,
            stays: false,
            until: None,
            unreadable: Vec::new(),
        });
        match self.decide_in_time(group, &mut plan) {
            Ok(decision) => plan.decision = decision,
            Err(Stop::Skip(why)) => plan.decision = Decision::Skip(why),
            Err(Stop::Refuse(problem)) => {
                plan.decision = Decision::Skip(REFUSED.into());
                return Judged::Refused(plan, problem);
            }
            Err(Stop::Wait(problem)) => return Judged::Busy(plan, problem),
            Err(Stop::Unreadable(problems)) => {
                let why = problems.first().map(|problem| problem.what.clone()).unwrap_or_default();
                plan.decision = Decision::Skip(why);
                plan.unreadable = problems;
            }
        }
        Judged::Decided(plan)
    }

    /// The group's template and the version that it resolves to now, when both exist.
    fn present<'g>(&'g self, group: &'g Group) -> Option<(&'g GroupTemplate, &'g Version)> {
        let template = group.template.as_ref()?;
        let number = self.survey.resolve(&template.id, template.tracking)?;
        Some((template, self.survey.versions.get(&(template.id.clone(), number))?))
    }

    /// What is decided of the group, if this is the time for it.
    ///
    /// What an earlier run moved goes on at any time: windows and freezes are for beginnings.
    /// A group that is not due refuses nothing: what is wrong with it is told when it is.
    fn decide_in_time(&self, group: &Group, plan: &mut GroupPlan) -> Result<Decision, Stop> {
        let decided = self.decide(group, plan);
        let there = plan.image.as_ref().is_some_and(|image| self.candidate.contains(image));
        plan.is_current = there && matches!(decided, Ok(Decision::Skip(_)));
        let Some(agenda) = self.agenda.filter(|_| !plan.under_way) else { return decided };
        let standing = agenda.judge(group.name.as_str(), &group.tags);
        // What is on the image already may be held still beside others that change.
        plan.stays = !plan.is_current && !matches!(standing, Standing::Due { .. });
        match decided {
            Ok(Decision::Skip(_) | Decision::HoldStill(..) | Decision::Defer(_)) | Err(Stop::Skip(_)) => {
                return decided;
            }
            Ok(Decision::Refresh(_) | Decision::Resume(_))
            | Err(Stop::Refuse(_) | Stop::Wait(_) | Stop::Unreadable(_)) => {}
        }
        if let (Ok(Decision::Resume(change)), true) = (&decided, plan.stays) {
            plan.marked = Some(change.clone());
        }
        match standing {
            Standing::Due { until, .. } => {
                plan.until = until;
                decided
            }
            Standing::NotDue { why, next } => {
                Ok(Decision::Defer(Deferral { why, next: next.map(|next| next.from) }))
            }
            Standing::OptedOut { why } => Err(Stop::Skip(why)),
            Standing::Unreadable(problems) => Err(Stop::Unreadable(problems)),
        }
    }

    fn decide(&self, group: &Group, plan: &mut GroupPlan) -> Result<Decision, Stop> {
        supported(group)?;
        let marker = Marker::of(&group.tags).map_err(|text| Stop::Refuse(bad_marker(group, &text)))?;
        let (template, version) = self.present(group).ok_or_else(|| Stop::Refuse(template_gone(group)))?;
        if let Some(marker) = marker {
            return self.resume(group, &marker, plan);
        }
        let image = self.present_image(group, version)?;
        let to = self.new_image(group, image)?;
        if image.id == to {
            return already_there(group, &to, self.survey).map(Decision::Skip);
        }
        if group.desired == 0 && group.members.is_empty() {
            return Err(Stop::Skip("it has no instances: nothing to replace, and nothing to prove".into()));
        }
        needs_processes(group)?;
        let copies = self.survey.copies_with_image(version, &to);
        let active = self.survey.active.get(&group.name);
        let aimed =
            active.and_then(|active| active.target.as_ref()).filter(|target| target.template == template.id);
        let aimed = aimed.map(|target| target.version).filter(|number| copies.contains(number));
        let change = Change {
            template: template.id.clone(),
            source: version.number,
            tracking: template.tracking,
            from: image.id.clone(),
            existing: aimed.or(copies.last().copied()),
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

    /// Goes on with a rollout of this candidate that was begun before.
    fn resume(&self, group: &Group, marker: &Marker, plan: &mut GroupPlan) -> Result<Decision, Stop> {
        let resumed =
            resumed(group, marker, self.survey).ok_or_else(|| Stop::Refuse(template_gone(group)))?;
        if marker.to == marker.from {
            // The rollout only held it still while another group's version was made.
            return Ok(Decision::HoldStill(resumed.change, "held still while its template changed".into()));
        }
        if !self.candidate.contains(&marker.to) {
            return Err(Stop::Refuse(other_rollout(group, marker)));
        }
        if let Some(number) = floats_elsewhere(group, &resumed, self.survey) {
            return Err(Stop::Refuse(moved_elsewhere(group, marker, number)));
        }
        if let Some(active) = self.survey.active.get(&group.name) {
            let ours = active.target.as_ref().is_some_and(|target| {
                target.template == resumed.change.template
                    && (resumed.copies.contains(&target.version) || target.version == resumed.change.source)
            });
            if !ours {
                return Err(self.busy(group, active, plan.policy.busy));
            }
        }
        plan.under_way = resumed.under_way;
        plan.names_new = resumed.names_new;
        Ok(Decision::Resume(resumed.change))
    }
}

/// A group whose template names the image already: fine when its instances run it too,
/// from whatever version.
fn already_there(group: &Group, image: &ImageId, survey: &Survey) -> Result<String, Stop> {
    let runs_image = |member: &Member| {
        let version = member.launched_from.as_ref().and_then(|from| survey.versions.get(from));
        version.and_then(|version| version.image.as_ref()) == Some(image)
    };
    let older: Vec<&str> =
        group.in_service().filter(|member| !runs_image(member)).map(|member| member.id.as_str()).collect();
    if older.is_empty() {
        return Ok("already on the image".into());
    }
    Err(Stop::Refuse(Problem::new(
        format!("group {} names the image already, but {} do not run it", group.name, older.join(", ")),
        "nobody recorded a version to go back to",
        "start an instance refresh on it by hand, or pin it to the version that its instances run",
    )))
}
