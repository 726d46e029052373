//! What is decided for one group by itself.

use super::notes::notes;
use super::places::{Found, not_named};
use super::refusals::{
    bad_marker, marker_misfits, moved_elsewhere, other_rollout, runs_others, supported, template_gone,
};
use super::resume::{leads_back, leads_to, named_now, names_elsewhere, resumed};
use super::{Change, Decision, Deferral, GroupPlan, Marker, Survey};
use crate::config::{Busy, Environment, Family, Fleet};
use crate::model::{Candidate, Group, ImageId, Lifecycle, Member, Problem, Refresh, Target, Version};
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
        let version = self.present(group);
        // Of a policy whose own template names none, the first override's stands for it.
        let mut overrides = group.policy.iter().flat_map(|policy| &policy.overrides);
        let own = version.and_then(|version| version.image.clone());
        let image = own.or_else(|| overrides.find_map(|one| one.image.clone()));
        let known = image.as_ref().and_then(|id| self.survey.images.get(id));
        let policy = self.fleet.policy(self.environment, &group.name);
        let mut plan = Box::new(GroupPlan {
            version: version.map(|version| version.number),
            image_name: known.map(|image| image.name.clone()).unwrap_or_default(),
            image,
            launched: self.survey.launched(group),
            by_attributes: self.survey.chooses_by_attributes(group),
            ..GroupPlan::undecided(group, &self.environment.name, policy)
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

    /// The version that the group's own template resolves to now, when it exists.
    fn present<'g>(&'g self, group: &'g Group) -> Option<&'g Version> {
        let template = group.template.as_ref()?;
        let number = self.survey.resolve(&template.id, template.tracking)?;
        self.survey.versions.get(&(template.id.clone(), number))
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
        if let Some(marker) = marker {
            return self.resume(group, &marker, plan);
        }
        let change = match self.places(group, plan)? {
            Found::Changes(change) => change,
            Found::There(image) => return already_there(group, &image, self.survey).map(Decision::Skip),
            Found::NotOurs(why) => return Err(Stop::Skip(why)),
        };
        plan.image = Some(change.from.clone());
        plan.image_name =
            self.survey.images.get(&change.from).map(|image| image.name.clone()).unwrap_or_default();
        let aside = group.members.iter().all(|member| member.lifecycle == Lifecycle::Standby);
        if group.desired == 0 && aside && group.warm_pool.is_none_or(|size| size == 0) {
            // With none desired AWS puts nothing in the place of what is in standby, and waits.
            let what =
                if group.members.is_empty() { "it has no instances" } else { "nothing of it is to serve" };
            return Err(Stop::Skip(format!("{what}: nothing to replace, and nothing to prove")));
        }
        self.can_be_refreshed(group, &change, plan)?;
        let active = self.survey.active.get(&group.name);
        let change = aimed_at(change, active, self.survey);
        self.not_busy(group, active, &change, plan.policy.busy)?;
        Ok(Decision::Refresh(change))
    }

    fn not_busy(
        &self,
        group: &Group,
        active: Option<&Refresh>,
        change: &Change,
        busy: Busy,
    ) -> Result<(), Stop> {
        let Some(active) = active else { return Ok(()) };
        let same = active.target.is_some() && active.target == change.known_target();
        // What is to be pinned, or to name its old images again, can't be told so while the refresh
        // is active, so that can't be adopted either.
        if same && group.naming().as_ref() == Some(&change.pinned()) {
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
        if marker.to != marker.from && !self.candidate.contains(&marker.to) {
            return Err(Stop::Refuse(other_rollout(group, marker, &self.environment.name)));
        }
        let misfits = || {
            let named = named_now(group, self.survey);
            let there = |target: &Target| {
                target.versions().all(|(id, number)| self.survey.versions.contains_key(&(id.clone(), number)))
            };
            let problem = if named.as_ref().is_some_and(there) {
                marker_misfits(group, marker)
            } else {
                template_gone(group)
            };
            Stop::Refuse(problem)
        };
        let resumed = resumed(group, marker, self.survey).ok_or_else(misfits)?;
        if marker.to == marker.from {
            // The rollout only held it still while another group's version was made.
            return Ok(Decision::HoldStill(resumed.change, "held still while its template changed".into()));
        }
        if let Some(number) = names_elsewhere(group, &resumed, self.survey) {
            return Err(Stop::Refuse(moved_elsewhere(group, marker, number)));
        }
        if let Some(active) = self.survey.active.get(&group.name) {
            // AWS takes no desired configuration where types are chosen by attributes: of such refreshes
            // those are ours that began after the group was told what to launch.
            let undirected = plan.by_attributes && marker.began(active);
            let ours = active.target.as_ref().map_or(undirected, |target| {
                leads_to(&resumed.change, target, self.survey) || leads_back(&resumed.change, target)
            });
            if !ours {
                return Err(self.busy(group, active, plan.policy.busy));
            }
        }
        plan.notes.extend(notes(group, &resumed.change, plan));
        plan.under_way = resumed.under_way;
        plan.names_new = resumed.names_new;
        Ok(Decision::Resume(resumed.change))
    }
}

/// The change with the version that an active refresh aims at, where that is one of ours.
fn aimed_at(mut change: Change, active: Option<&Refresh>, survey: &Survey) -> Change {
    let Some(target) = active.and_then(|active| active.target.as_ref()) else { return change };
    if !leads_to(&change, target, survey) {
        return change;
    }
    if change.own.changes() {
        change.own.existing = Some(target.version);
    }
    for (one, target) in change.overrides.iter_mut().flatten().zip(&target.overrides) {
        if let (Some(one), Some((_, version))) = (one.template.as_mut(), target.template.as_ref()) {
            one.existing = Some(*version);
        }
    }
    change
}

/// A group whose template names the image already: fine when its instances run it too,
/// from whatever version.
fn already_there(group: &Group, image: &ImageId, survey: &Survey) -> Result<String, Stop> {
    let named = named_now(group, survey);
    let others = not_named(group, survey);
    let runs_image = |member: &Member| {
        if survey.runs.contains_key(&member.id) {
            return others.iter().all(|(other, _)| other.id != member.id);
        }
        let Some(from) = &member.launched_from else { return false };
        let version = survey.versions.get(from).and_then(|version| version.image.as_ref());
        // Which image an override of its own gave an instance, its group does not say.
        let named = named.iter().flat_map(|target| target.versions().collect::<Vec<_>>());
        version == Some(image)
            || (group.policy.is_some()
                && named.into_iter().any(|(id, number)| *id == from.0 && number == from.1))
    };
    let older: Vec<&Member> = group.in_service().filter(|member| !runs_image(member)).collect();
    if older.is_empty() {
        return Ok("already on the image".into());
    }
    Err(Stop::Refuse(runs_others(group, older)))
}
