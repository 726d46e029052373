//! Proof: what every in-service instance of a group really runs.
//!
//! [`judge`] is pure; [`prove`] asks until it is so, or for long enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Run;
use super::capacity::Capacity;
use super::patience::until;
use crate::aws::{Account, Error};
use crate::config::{Preferences, Protected, Standby};
use crate::model::{
    Group, GroupName, ImageId, InstanceId, Launch, Lifecycle, Member, OverrideTarget, Policy, PolicyOverride,
    Sighting, Target, Tracking,
};

/// How long a proof is waited for: a new instance may still be on its way in.
const WITHIN: Duration = Duration::from_secs(180);

/// What a group must run.
pub(super) struct Wanted<'a> {
    /// Every way in which its instances may have been launched: template, version and image.
    pub(super) launches: &'a [Launch],
    /// What the group names, where it names numbers.
    pub(super) target: &'a Target,
    /// Whether instances launched from another version with the same image will do.
    pub(super) any_version: bool,
    /// Its policy as it was when the rollout began, which must be the same but for versions and
    /// images; `None` where it had none.
    pub(super) policy: Option<&'a Policy>,
    /// Which instances AWS was told to leave alone.
    pub(super) preferences: &'a Preferences,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Proof {
    /// How many in-service instances run each image.
    pub(super) images: BTreeMap<ImageId, u32>,
    /// What the group ran then, all in all.
    pub(super) capacity: Capacity,
    /// The instances that were proved.
    pub(super) proved: BTreeSet<InstanceId>,
    /// The instances that run something else, and are not allowed to.
    pub(super) stragglers: Vec<InstanceId>,
    /// Everything that is wrong, a line each; empty when it is proved.
    pub(super) wrong: Vec<String>,
}

/// Looks at the group until it is as wanted; gives the last look.
pub(super) async fn prove(
    run: &Run<'_>,
    account: &Account,
    group: &GroupName,
    wanted: &Wanted<'_>,
) -> Result<Proof, Error> {
    let ask = async || account.sight(group).await;
    let sighting = until(run.clock, WITHIN, ask, |sighting| judge(sighting, wanted).wrong.is_empty()).await?;
    Ok(judge(&sighting, wanted))
}

/// The same, of its instances alone, however many there are and whatever the group says.
pub(super) async fn prove_members(
    run: &Run<'_>,
    account: &Account,
    group: &GroupName,
    wanted: &Wanted<'_>,
) -> Result<Proof, Error> {
    let ask = async || account.sight(group).await;
    let right = |sighting: &Sighting| judge_members(sighting, wanted).wrong.is_empty();
    let sighting = until(run.clock, WITHIN, ask, right).await?;
    Ok(judge_members(&sighting, wanted))
}

/// Looks at the group once.
pub(super) async fn prove_now(
    account: &Account,
    group: &GroupName,
    wanted: &Wanted<'_>,
) -> Result<Proof, Error> {
    Ok(judge(&account.sight(group).await?, wanted))
}

/// How many in-service instances run each image, without wanting anything.
fn images(sighting: &Sighting) -> BTreeMap<ImageId, u32> {
    let mut images = BTreeMap::new();
    for member in sighting.group.in_service() {
        if let Some(instance) = sighting.instances.get(&member.id) {
            *images.entry(instance.image.clone()).or_insert(0) += 1;
        }
    }
    images
}

fn judge(sighting: &Sighting, wanted: &Wanted<'_>) -> Proof {
    let mut proof = judge_members(sighting, wanted);
    let group = &sighting.group;
    proof.wrong.extend(too_few(group));
    let named = group.naming();
    if let Some(Tracking::Pinned(version)) = named.as_ref().map(|named| named.own.tracking)
        && version != wanted.target.version
        && !wanted.any_version
    {
        proof.wrong.push(format!("the group names version {version}, not {}", wanted.target.version));
    }
    proof.wrong.extend(wrong_policy(group, wanted));
    proof
}

/// What the instances run, those that serve and those that wait to.
fn judge_members(sighting: &Sighting, wanted: &Wanted<'_>) -> Proof {
    let mut proof = Proof { images: images(sighting), ..Proof::default() };
    let group = &sighting.group;
    proof.capacity = Capacity::of(group, |member| Some(&sighting.instances.get(&member.id)?.image));
    let serving =
        group.members.iter().filter(|m| matches!(m.lifecycle, Lifecycle::InService | Lifecycle::Standby));
    for member in serving {
        match runs_another(member, sighting, wanted) {
            None => {
                proof.proved.insert(member.id.clone());
            }
            Some(_) if allowed(member, wanted.preferences) => {}
            Some(what) => {
                proof.stragglers.push(member.id.clone());
                proof.wrong.push(what);
            }
        }
    }
    for member in sighting.warm.iter().filter(|member| !is_leaving(member)) {
        if let Some(what) = runs_another(member, sighting, wanted) {
            proof.stragglers.push(member.id.clone());
            proof.wrong.push(format!("{what} (warm pool)"));
        }
    }
    proof
}

/// What is wrong with the policy: another field than before, or another version or image.
fn wrong_policy(group: &Group, wanted: &Wanted<'_>) -> Option<String> {
    let before = wanted.policy?;
    let Some(now) = &group.policy else { return Some("its mixed instances policy is gone".to_owned()) };
    let fields = now.differing_fields(before);
    if !fields.is_empty() {
        return Some(format!("its mixed instances policy is another in {}", fields.join(", ")));
    }
    let right = |(one, target): (&PolicyOverride, &OverrideTarget)| {
        let version = target.template.as_ref().map(|(_, version)| Tracking::Pinned(*version));
        let named = one.template.as_ref().map(|template| template.tracking);
        // What floats is put right, and looked at, later.
        named.is_none_or(Tracking::floats) || named == version
    };
    let images = |(one, target): (&PolicyOverride, &OverrideTarget)| one.image == target.image;
    let both = || now.overrides.iter().zip(&wanted.target.overrides);
    let wrong = both().position(|pair| !images(pair) || (!wanted.any_version && !right(pair)))?;
    Some(format!("override {} of its policy names something else", wrong + 1))
}

/// Whether a member of the warm pool is on its way out.
fn is_leaving(member: &Member) -> bool {
    match &member.lifecycle {
        Lifecycle::Terminating => true,
        Lifecycle::Other(state) => state.contains("Terminat"),
        Lifecycle::Pending | Lifecycle::InService | Lifecycle::Standby => false,
    }
}

/// Why its capacity is not there, in instances, or in units where they are weighted.
fn too_few(group: &Group) -> Option<String> {
    let in_service: u32 = group.in_service().map(|member| member.weight).sum();
    let what = if group.in_service().any(|member| member.weight > 1) { "units" } else { "instances" };
    (in_service < group.desired).then(|| format!("{in_service} of {} {what} are in service", group.desired))
}

/// What the instance runs, when that is not what is wanted.
fn runs_another(member: &Member, sighting: &Sighting, wanted: &Wanted<'_>) -> Option<String> {
    let Some(instance) = sighting.instances.get(&member.id) else {
        return Some(format!("{} is not known to EC2", member.id));
    };
    let mut of_image = wanted.launches.iter().filter(|launch| launch.image == instance.image).peekable();
    if of_image.peek().is_none() {
        return Some(format!("{} runs {}{}", member.id, instance.image, standing(member)));
    }
    let version = member.launched_from.as_ref();
    let right = of_image.any(|launch| {
        version.is_some_and(|(id, number)| *id == launch.template && *number == launch.version)
    });
    if right || wanted.any_version {
        return None;
    }
    let named =
        version.map_or_else(|| "no version".to_owned(), |(id, number)| format!("{id} version {number}"));
    Some(format!("{} was launched from {named}{}", member.id, standing(member)))
}

fn standing(member: &Member) -> &'static str {
    match (&member.lifecycle, member.protected) {
        (Lifecycle::Standby, _) => " (standby)",
        (_, true) => " (protected from scale-in)",
        (Lifecycle::Pending | Lifecycle::InService | Lifecycle::Terminating | Lifecycle::Other(_), false) => {
            ""
        }
    }
}

/// Whether the configuration told AWS to leave the instance alone.
fn allowed(member: &Member, preferences: &Preferences) -> bool {
    let standby = member.lifecycle == Lifecycle::Standby && preferences.standby == Standby::Ignore;
    standby || (member.protected && preferences.protected == Protected::Ignore)
}

#[cfg(test)]
mod tests;
