//! `rollback`: takes the groups of an environment back, whatever state they are in.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt};

use super::super::ends::{Ended, GroupEnd, Side, told};
use super::super::patience::patiently;
use super::super::smoke::nobody;
use super::super::{Run, Stop, prepare, record, settle, survey};
use super::drive_back;
use super::finished;
use crate::aws::Account;
use crate::config::Environment;
use crate::event::{Event, PlannedAction, PlannedGroup};
use crate::gate::{self, State};
use crate::model::{
    Candidate, Group, GroupName, GroupTemplate, ImageId, Outcome, Problem, Refresh, Region, Target, Verdict,
};
use crate::plan::{Change, Decision, GroupPlan, Marker, Survey, TemplateChange, resumed};

/// What the record of a gate says first that a rollback revoked.
pub const TAKEN_BACK: &str = "rolled back by hand";

/// Takes every group of the environment that a rollout touched, or that runs the
/// candidate, back to the version that it had; `only` narrows it to one group.
pub async fn rollback(run: &Run<'_>, environment: &Environment, only: Option<&GroupName>) -> Verdict {
    let which = Which { only, among: None, builds: std::slice::from_ref(run.candidate) };
    told(run, environment, Box::pin(attempt(run, environment, which))).await
}

/// Takes these groups back to the version that they had; `builds` are the candidates that they
/// were given, and together the run's.
pub async fn rollback_to_previous(
    run: &Run<'_>,
    environment: &Environment,
    groups: &BTreeSet<(Region, GroupName)>,
    builds: &[Candidate],
) -> Verdict {
    let which = Which { only: None, among: Some(groups), builds };
    told(run, environment, Box::pin(attempt(run, environment, which))).await
}

/// Which groups go back, and from what.
#[derive(Clone, Copy)]
struct Which<'a> {
    only: Option<&'a GroupName>,
    among: Option<&'a BTreeSet<(Region, GroupName)>>,
    builds: &'a [Candidate],
}

impl Which<'_> {
    fn holds(&self, group: &Group) -> bool {
        let among = |groups: &BTreeSet<_>| groups.contains(&(group.region.clone(), group.name.clone()));
        self.only.is_none_or(|only| *only == group.name) && self.among.is_none_or(among)
    }
}

/// One group that is to go back: what it had, and what it was given.
struct Back {
    plan: GroupPlan,
    target: Target,
    /// Whether any instance, or the group itself, may be on the new version.
    moved: bool,
}

impl Back {
    /// What is to happen: the change, the other way round.
    fn told(&self, run: &Run<'_>) -> PlannedGroup {
        let told = self.plan.told(&[], &run.fleet.notify.teams.tag);
        let Some(change) = self.plan.change() else { return told };
        let named = run.candidate.images.iter().find(|image| image.id == change.to);
        PlannedGroup {
            image: Some(change.to.clone()),
            image_name: named.map(|image| image.name.clone()).unwrap_or_default(),
            new_image: Some(change.from.clone()),
            action: if self.moved { PlannedAction::Refresh } else { PlannedAction::Skip },
            why: format!("back to version {}", change.own.source),
            ..told
        }
    }
}

async fn attempt(run: &Run<'_>, environment: &Environment, which: Which<'_>) -> Result<Ended, Stop> {
    let only = which.only;
    let accounts = run.accounts(environment);
    let (mut backs, mut problems, mut looked_at) = (Vec::new(), Vec::new(), 0);
    let mut dragged = Vec::new();
    for account in accounts.values() {
        let survey = survey::look_in_right_account(run, environment, account).await?;
        let before = backs.len();
        let groups = survey.groups.iter().filter(|group| environment.select.matches(&group.tags));
        for group in groups.filter(|group| which.holds(group)) {
            looked_at += 1;
            match back_of(run, environment, account, &survey, group, only.is_some()).await? {
                Ok(back) => backs.extend(back),
                Err(problem) => problems.push(problem),
            }
        }
        dragged.extend(dragged_along(&survey, &backs[before..]));
    }
    if looked_at == 0 {
        return Err(Stop::Refused(vec![nobody(environment, only)]));
    }
    if backs.is_empty() && !problems.is_empty() {
        return Err(Stop::Refused(problems));
    }
    if !dragged.is_empty() {
        return Err(Stop::Refused(dragged));
    }
    let groups = backs.iter().map(|back| back.told(run)).collect();
    run.events.emit(Event::Planned { environment: environment.name.clone(), groups });
    begin(run, environment, &accounts, &backs, which.builds).await?;
    let at_once = environment.refresh.groups_at_once;
    let ends = stream::iter(&backs).map(async |back| go_back(run, &accounts, back).await);
    let mut ends: Vec<GroupEnd<'_>> = ends.buffered(at_once).collect().await;
    settle::tracking(run, &accounts, &mut ends).await;
    let mut ended = record::conclude_rollback(run, environment, &accounts, &ends, &problems).await;
    if ended.verdict == Verdict::Partial {
        ended.next.extend(quarantine_offered(run, &backs, which.builds).await);
    }
    Ok(ended)
}

/// The way to stop what was taken back everywhere else too, where it is not stopped already.
async fn quarantine_offered(run: &Run<'_>, backs: &[Back], builds: &[Candidate]) -> Vec<String> {
    let mut ways = Vec::new();
    for build in builds {
        let gone: Option<&ImageId> =
            backs.iter().filter_map(|back| Some(&back.plan.change()?.to)).find(|image| build.contains(image));
        // What can't be looked at is offered: putting it there twice does no harm.
        let records = gate::read(&run.homes(), build).await.unwrap_or_default();
        if let Some(image) = gone.filter(|_| records.quarantined.is_empty()) {
            ways.push(format!(
                "ami-refresh quarantine add {image} --reason \"…\", if no environment is to get it"
            ));
        }
    }
    ways
}

/// What must be recorded before the first group goes back: that the gate is not passed any
/// more, and what each group had, so that a run that is killed can be gone on with.
async fn begin(
    run: &Run<'_>,
    environment: &Environment,
    accounts: &BTreeMap<Region, Account>,
    backs: &[Back],
    builds: &[Candidate],
) -> Result<(), Stop> {
    if backs.is_empty() {
        return Ok(());
    }
    for build in builds {
        // Each build has a record of its own.
        let (probes, events) = (run.probes.clone(), run.events.clone());
        let part = Run::new(run.fleet, build, run.cloud, run.clock, probes, events);
        if record::counts(&part, environment).await.map_err(Stop::from_home)? {
            record::keep(&part, environment, State::Revoked, TAKEN_BACK).await.map_err(Stop::from_home)?;
        }
    }
    for back in backs {
        if let Some(account) = accounts.get(&back.plan.at.region) {
            prepare::mark(run, account, &back.plan).await?;
        }
    }
    Ok(())
}

async fn go_back<'a>(run: &Run<'_>, accounts: &BTreeMap<Region, Account>, back: &'a Back) -> GroupEnd<'a> {
    let why = "asked for by hand".to_owned();
    let target = Some(back.target.clone());
    let Some(account) = accounts.get(&back.plan.at.region).filter(|_| back.moved) else {
        let outcome = Outcome::RolledBack { why: "it was never refreshed".into() };
        run.events.emit(Event::GroupEnded {
            group: back.plan.at.clone(),
            outcome: outcome.clone(),
            images: BTreeMap::new(),
            stragglers: Vec::new(),
            took_ms: 0,
        });
        return GroupEnd { plan: &back.plan, target, outcome, side: Side::Old, blames_image: false };
    };
    let (outcome, side) = drive_back(run, account, &back.plan, &back.target, why).await;
    GroupEnd { plan: &back.plan, target, outcome, side, blames_image: false }
}

/// The groups that stay on the new image, and would follow a template back with those that go.
fn dragged_along(survey: &Survey, backs: &[Back]) -> Vec<Problem> {
    let changes: Vec<&Change> = backs.iter().filter_map(|back| back.plan.change()).collect();
    let goes = |group: &Group| backs.iter().any(|back| back.plan.group.name == group.name);
    let moved = |template: &GroupTemplate| {
        let number = survey.resolve(&template.id, template.tracking);
        let image =
            number.and_then(|number| survey.versions.get(&(template.id.clone(), number))?.image.clone());
        let of_template = |one: &TemplateChange| {
            one.template == template.id && one.tracking.floats() && image.is_some() && one.to == image
        };
        template.tracking.floats() && changes.iter().any(|change| change.changing().any(of_template))
    };
    let staying = survey.groups.iter().filter(|group| !goes(group));
    let named =
        staying.filter_map(|group| Some((group, group.templates().find(|template| moved(template))?)));
    let problem = |(group, template): (&Group, &GroupTemplate)| {
        Problem::new(
            format!("group {} follows {} of {} too", group.name, template.tracking, template.id),
            "it is not taken back, and would launch the old image from then on",
            format!("take it back with the others, or pin {} first", group.name),
        )
    };
    named.map(problem).collect()
}

/// What a group had; `None` when no rollout touched it and it does not run the candidate.
async fn back_of(
    run: &Run<'_>,
    environment: &Environment,
    account: &Account,
    survey: &Survey,
    group: &Group,
    by_name: bool,
) -> Result<Result<Option<Back>, Problem>, Stop> {
    if group.template.is_none() {
        return Ok(Ok(None));
    }
    let marker = match Marker::of(&group.tags) {
        Ok(marker) => marker,
        Err(text) => return Ok(Err(unreadable(group, &text))),
    };
    let held = marker.as_ref().is_some_and(|marker| marker.from == marker.to);
    let other = marker.as_ref().filter(|marker| !held && !run.candidate.contains(&marker.to));
    if let Some(marker) = other.filter(|_| !by_name) {
        return Ok(Err(another_candidate(group, marker)));
    }
    let present = |template: &GroupTemplate| {
        let number = survey.resolve(&template.id, template.tracking)?;
        survey.versions.get(&(template.id.clone(), number))
    };
    let own_images =
        group.policy.iter().flat_map(|policy| &policy.overrides).filter_map(|one| one.image.as_ref());
    let named = group.templates().filter_map(|template| present(template)?.image.as_ref());
    let runs_candidate = named.chain(own_images).any(|image| run.candidate.contains(image));
    if marker.is_none() && !runs_candidate {
        return Ok(Ok(None));
    }
    let mut all = survey.clone();
    let templates: BTreeSet<_> = group.templates().map(|template| template.id.clone()).collect();
    for template in templates {
        for version in patiently(run.clock, async || account.versions(&template).await).await? {
            all.versions.insert((template.clone(), version.number), version);
        }
    }
    let marker = marker.or_else(|| finished::marker(group, run.candidate, &all));
    let Some(resumed) = marker.as_ref().and_then(|marker| resumed(group, marker, &all)) else {
        return Ok(Err(nothing_recorded(group)));
    };
    let by_attributes = survey.chooses_by_attributes(group);
    let active = survey.active.get(&group.name).filter(|active| by_attributes && !active.has_desired);
    let theirs = |active: &&Refresh| marker.as_ref().is_none_or(|marker| !marker.began(active));
    if let Some(active) = active.filter(theirs) {
        return Ok(Err(refreshed_by_others(group, active)));
    }
    let change = resumed.change;
    // Without the new version nothing can have moved to it.
    let target = change.target(|one| Some(one.existing.unwrap_or(one.source)));
    let target = target.unwrap_or_else(|| change.back());
    let own = group.template.as_ref().and_then(present);
    let image = own.and_then(|version| version.image.clone());
    let decision = if held {
        Decision::HoldStill(change, "it was only held still".into())
    } else {
        Decision::Resume(change)
    };
    let policy = run.fleet.policy(environment, &group.name);
    let plan = GroupPlan {
        version: own.map(|version| version.number),
        image,
        decision,
        under_way: resumed.under_way,
        names_new: resumed.names_new,
        by_attributes,
        ..GroupPlan::undecided(group, &environment.name, policy)
    };
    let moved = plan.under_way;
    Ok(Ok(Some(Back { plan, target, moved })))
}

/// Which configuration a refresh goes to that has none of its own can't be seen: only when it began.
fn refreshed_by_others(group: &Group, active: &Refresh) -> Problem {
    Problem::new(
        format!("group {} is busy: refresh {} is {}", group.name, active.id, active.status),
        "it has no desired configuration, and no rollout began it: nothing of anyone else's is cancelled",
        "wait until it has ended, or cancel it yourself, and run this again",
    )
}

fn unreadable(group: &Group, text: &str) -> Problem {
    Problem::new(
        format!("the rollout tag of group {} can't be read", group.name),
        format!("it says {text:?}"),
        "look what the group runs and how it names its version, then remove the tag",
    )
}

fn nothing_recorded(group: &Group) -> Problem {
    let mut overrides = group.policy.iter().flat_map(|policy| &policy.overrides);
    if overrides.any(|one| one.image.is_some()) {
        return Problem::new(
            format!("nobody recorded what the overrides of group {} named before", group.name),
            "its rollout is over, and no version tells which image an override had of its own",
            format!(
                "put the images of {}'s policy back, and start an instance refresh of it by hand",
                group.name
            ),
        );
    }
    Problem::new(
        format!("nobody recorded what group {} had before", group.name),
        "it has no marker whose version exists, and its version's description names no source",
        "start an instance refresh to the version you want by hand",
    )
}

fn another_candidate(group: &Group, marker: &Marker) -> Problem {
    Problem::new(
        format!("the rollout under way on group {} is of {}, not of this candidate", group.name, marker.to),
        "it is another build's, which may still be at work",
        format!(
            "name that build's --candidate, or take this group back all the same with --group {}",
            group.name
        ),
    )
}
