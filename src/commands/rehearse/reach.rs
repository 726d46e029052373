//! Whether a scenario can hit anything: one that can't would look like one that the rollout
//! withstands. Pure.

use crate::aws::CALLS;
use crate::cli::Global;
use crate::commands::{Failure, Output};
use crate::config::{CheckKind, Environment, Fleet, glob_matches};
use crate::model::{AccountId, Exit, Problem};
use crate::sim::{
    AlarmChange, Effect, EffectKind, FleetSpec, GroupKey, GroupSpec, PipelineSpec, Place, Scenario,
};

/// What a scenario is let loose on.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) enum Ground<'a> {
    /// The rollout of these environments, and nothing else.
    Rollout(&'a Fleet, &'a [&'a Environment]),
    /// Whatever is asked of the simulator.
    Everything,
}

/// Refuses a scenario of which no effect can hit anything, and warns of single ones.
pub(in crate::commands) fn check(
    global: &Global,
    scenario: &Scenario,
    spec: &FleetSpec,
    ground: Ground<'_>,
) -> Result<(), Failure> {
    let mut idle: Vec<Problem> = Vec::new();
    let mut missing = 0;
    for effect in &scenario.effects {
        let Some((why, next)) = ground.misses(effect, spec) else { continue };
        missing += 1;
        let problem = Problem::new(format!("scenario {} can hit nothing", scenario.name), why, next);
        if !idle.contains(&problem) {
            idle.push(problem);
        }
    }
    if missing == scenario.effects.len() && missing > 0 {
        return Err(Failure::Told(Exit::Usage, idle));
    }
    let output = Output::new(global);
    for problem in idle {
        output.note(&format!(
            "warning: an effect of scenario {} can hit nothing: {}; {}",
            scenario.name, problem.why, problem.next
        ));
    }
    Ok(())
}

impl Ground<'_> {
    /// Why an effect can hit nothing, and what to do about it; `None` when it can.
    fn misses(self, effect: &Effect, spec: &FleetSpec) -> Option<(String, String)> {
        match &effect.kind {
            EffectKind::ImageBuild(_) => self.builds_nothing(effect, spec),
            EffectKind::Calls(trouble) => {
                let calls = |operation: &str| glob_matches(&trouble.actions, operation);
                match self {
                    Ground::Rollout(..) if !CALLS.iter().any(|call| calls(call.operation)) => Some((
                        format!("the rollout makes no call that its actions {:?} match", trouble.actions),
                        "name actions as AWS does, such as 'Describe*' or StartInstanceRefresh".to_owned(),
                    )),
                    Ground::Rollout(..) | Ground::Everything => self.names_nothing(effect, spec),
                }
            }
            EffectKind::Limits(_) | EffectKind::StaleReads(_) => self.names_nothing(effect, spec),
            EffectKind::Alarm(change) => {
                self.no_group(effect, spec).or_else(|| self.no_alarm(effect, change, spec))
            }
            EffectKind::LaunchFails(_)
            | EffectKind::Unhealthy(_)
            | EffectKind::Application(_)
            | EffectKind::Boot(_)
            | EffectKind::Stuck(_)
            | EffectKind::RollbackFails(_)
            | EffectKind::Scale(_)
            | EffectKind::Foreign(_)
            | EffectKind::InstanceDies(_)
            | EffectKind::Tracking(_)
            | EffectKind::Policy(_)
            | EffectKind::WarmPool(_)
            | EffectKind::Hooks(_)
            | EffectKind::Maintenance(_)
            | EffectKind::Standby(_)
            | EffectKind::Protected(_)
            | EffectKind::Launching(_)
            | EffectKind::Desired(_)
            | EffectKind::Suspended(_)
            | EffectKind::ParameterImage(_)
            | EffectKind::LaunchConfiguration(_)
            | EffectKind::Deleting(_) => self.no_group(effect, spec),
            EffectKind::Program(_) => self.no_group(effect, spec).or_else(|| self.no_program(effect, spec)),
        }
    }

    /// The groups of the ground, each with its environment where it has one.
    fn groups<'s>(self, spec: &'s FleetSpec) -> impl Iterator<Item = (&'s GroupSpec, Option<&'s Environment>)>
    where
        Self: 's,
    {
        spec.groups.iter().filter_map(move |group| match self {
            Ground::Everything => Some((group, None)),
            Ground::Rollout(_, environments) => environments
                .iter()
                .copied()
                .find(|environment| is_of(environment, group))
                .map(|environment| (group, Some(environment))),
        })
    }

    fn no_group(self, effect: &Effect, spec: &FleetSpec) -> Option<(String, String)> {
        if self.groups(spec).any(|(group, _)| hits(effect, group)) {
            return None;
        }
        let some: Vec<&str> = self.groups(spec).take(3).map(|(group, _)| group.name.as_str()).collect();
        let there = match some.as_slice() {
            [] => "there is no group".to_owned(),
            some => format!("there are {}, …", some.join(", ")),
        };
        Some((
            format!("it is about groups {}; {there}", scope(effect)),
            "let it hit groups that are there with --groups, such as --groups '*'".to_owned(),
        ))
    }

    /// Calls name groups, templates, or pipelines; every call is hit where all groups are.
    fn names_nothing(self, effect: &Effect, spec: &FleetSpec) -> Option<(String, String)> {
        let named = |name: &str| glob_matches(&effect.groups, name);
        let there = |account: &AccountId| {
            *account == spec.home || self.groups(spec).any(|(group, _)| group.account == *account)
        };
        let is_named = (effect.groups == "*" && effect.account.as_ref().is_none_or(there))
            || self.groups(spec).any(|(group, _)| named(group.name.as_str()) || named(&group.template))
            || (matches!(self, Ground::Everything)
                && spec.pipelines.iter().any(|pipeline| named(&pipeline.name)));
        if is_named { None } else { self.no_group(effect, spec) }
    }

    fn builds_nothing(self, effect: &Effect, spec: &FleetSpec) -> Option<(String, String)> {
        if let Ground::Rollout(..) = self {
            return Some((
                "it is about builds of image pipelines, and a rehearsal builds no image".to_owned(),
                "serve it with 'ami-refresh simulator --scenario …', and build an image there with \
                 'ami-refresh candidate --from-image-builder ARN --start' (docs/simulator.md)"
                    .to_owned(),
            ));
        }
        let hit = |pipeline: &PipelineSpec| {
            glob_matches(&effect.groups, &pipeline.name)
                && effect.account.as_ref().is_none_or(|account| *account == pipeline.account)
                && effect.tags.is_empty()
        };
        if spec.pipelines.iter().any(hit) {
            return None;
        }
        let names: Vec<&str> = spec.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
        Some(match names.as_slice() {
            [] => (
                "it is about builds of image pipelines, and the fleet has none".to_owned(),
                "serve the default fleet, without --fleet".to_owned(),
            ),
            names => (
                format!("it is about image pipelines {}; there are {}", scope(effect), names.join(", ")),
                "give --groups a glob over whole names of pipelines, or leave it out".to_owned(),
            ),
        })
    }

    /// Where no check runs anything, no program can end in another way.
    fn no_program(self, effect: &Effect, spec: &FleetSpec) -> Option<(String, String)> {
        let runs = |(group, _): (&GroupSpec, Option<&Environment>)| !group.programs.is_empty();
        if matches!(self, Ground::Everything)
            || self.groups(spec).filter(|(group, _)| hits(effect, group)).any(runs)
        {
            return None;
        }
        Some((
            format!("it is about programs, and no check of groups {} runs any", scope(effect)),
            "add a check of the kind 'command' or 'ssm' to the environment".to_owned(),
        ))
    }

    /// An alarm that no refresh is watched by stops none.
    fn no_alarm(self, effect: &Effect, change: &AlarmChange, spec: &FleetSpec) -> Option<(String, String)> {
        let fires = |name: &str| glob_matches(&change.name, name);
        let stands = |group: &GroupSpec| {
            spec.alarms.iter().any(|alarm| {
                fires(&alarm.name) && (&alarm.account, &alarm.region) == (&group.account, &group.region)
            })
        };
        let watched = |(group, environment): (&GroupSpec, Option<&Environment>)| match (self, environment) {
            (Ground::Rollout(fleet, _), Some(environment)) => {
                let watches = fleet.policy(environment, &group.name).preferences.alarms;
                // The fleet has every alarm that the checks name.
                watches.iter().any(|name| fires(name)) || (asks_alarms(fleet, environment) && stands(group))
            }
            (Ground::Rollout(..) | Ground::Everything, _) => stands(group),
        };
        // A plain name makes the alarm, for whoever looks at it.
        let is_made = matches!(self, Ground::Everything) && !change.name.contains(['*', '?']);
        if is_made || self.groups(spec).filter(|(group, _)| hits(effect, group)).any(watched) {
            return None;
        }
        let (name, scope) = (&change.name, scope(effect));
        Some((
            format!(
                "it is about alarms {name:?}, and none of that name watches refreshes of groups {scope} or is \
                 asked by their checks"
            ),
            "name alarms in the configuration, such as 'refresh: { alarms: [orders-5xx] }' for an environment"
                .to_owned(),
        ))
    }
}

/// Whether any of the environment's checks asks alarms.
fn asks_alarms(fleet: &Fleet, environment: &Environment) -> bool {
    fleet.checks_of_any(environment).iter().any(|check| matches!(check.kind, CheckKind::Alarm(_)))
}

/// Whether a group is one of the environment's.
fn is_of(environment: &Environment, group: &GroupSpec) -> bool {
    environment.account == group.account
        && environment.regions.contains(&group.region)
        && environment.select.matches(&group.tags)
}

fn hits(effect: &Effect, group: &GroupSpec) -> bool {
    let place = Place { account: group.account.clone(), region: group.region.clone() };
    effect.hits(&GroupKey { place, name: group.name.clone() }, &group.tags)
}

/// Whom an effect is about, in words: `"*-qa" in account 111111111111 with Team=payments`.
fn scope(effect: &Effect) -> String {
    let account = effect.account.iter().map(|account| format!(" in account {account}"));
    let tags = effect.tags.iter().map(|(name, glob)| format!(" with {name}={glob}"));
    format!("{:?}", effect.groups) + &account.chain(tags).collect::<String>()
}
