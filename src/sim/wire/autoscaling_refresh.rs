//! Auto Scaling: instance refreshes.

use super::autoscaling_policy as policy;
use super::errors::Error;
use super::paging::Size;
use super::query::Params;
use super::xml::Xml;
use super::{Answer, Ask};
use crate::model::RefreshId;
use crate::sim::scenario::ForeignStart;
use crate::sim::world::{Group, Preferences, Refresh, Reserved, StartRequest, Strategy};

const SIZE: Size = Size { parameter: "MaxRecords", token: "NextToken", usual: 50, most: 100 };

pub(super) fn start(ask: &mut Ask<'_>) -> Answer {
    let key = ask.group_key()?;
    let strategy = ask.params.get("Strategy").map(|text| {
        let unknown = || Error::new("ValidationError", format!("Strategy can't be {text}"));
        Strategy::parse(text).ok_or_else(unknown)
    });
    let strategy = strategy.transpose()?.unwrap_or_default();
    let desired = policy::read(ask, &ask.params.structure("DesiredConfiguration"))?;
    let usual = ask.world.groups.get(&key).map(Group::usual_preferences).unwrap_or_default();
    let preferences = read_preferences(&ask.params.structure("Preferences"), &usual)?;
    let id = ask.world.start_refresh(&key, StartRequest { strategy, desired, preferences })?;
    Ok(only_id(&id))
}

fn only_id(id: &RefreshId) -> Xml {
    let mut xml = Xml::new();
    xml.leaf("InstanceRefreshId", id);
    xml
}

fn read_preferences(params: &Params, usual: &Preferences) -> Result<Preferences, Error> {
    let small = |name| -> Result<Option<u8>, Error> {
        let number = params.number(name)?;
        // A number beyond the type's range is beyond every percentage's too.
        Ok(number.map(|number| u8::try_from(number).unwrap_or(u8::MAX)))
    };
    let reserved = |name, replace| match params.get(name) {
        None => Ok(Reserved::Wait),
        Some(text) => Reserved::parse(text, replace)
            .ok_or_else(|| Error::new("ValidationError", format!("{name} can't be {text}"))),
    };
    let checkpoints = params.list("CheckpointPercentages.member").into_iter().map(|text| {
        text.parse().map_err(|_| Error::new("ValidationError", "CheckpointPercentages must be numbers"))
    });
    Ok(Preferences {
        min_healthy: small("MinHealthyPercentage")?.unwrap_or(usual.min_healthy),
        max_healthy: match (small("MaxHealthyPercentage")?, params.get("MinHealthyPercentage")) {
            (Some(_), None) => {
                return Err(Error::new("ValidationError", "MaxHealthyPercentage needs MinHealthyPercentage"));
            }
            (max, _) => max.or(usual.max_healthy),
        },
        warmup: params.number("InstanceWarmup")?,
        skip_matching: params.flag("SkipMatching").unwrap_or(usual.skip_matching),
        auto_rollback: params.flag("AutoRollback").unwrap_or(usual.auto_rollback),
        checkpoints: checkpoints.collect::<Result<_, _>>()?,
        checkpoint_delay: params.number("CheckpointDelay")?.unwrap_or(usual.checkpoint_delay),
        bake: params.number("BakeTime")?.unwrap_or(usual.bake),
        protected: reserved("ScaleInProtectedInstances", "Refresh")?,
        standby: reserved("StandbyInstances", "Terminate")?,
        alarms: params.list("AlarmSpecification.Alarms.member").into_iter().map(str::to_owned).collect(),
    })
}

pub(super) fn roll_back(ask: &mut Ask<'_>) -> Answer {
    let key = ask.group_key()?;
    Ok(only_id(&ask.world.roll_back_refresh(&key)?))
}

pub(super) fn cancel(ask: &mut Ask<'_>) -> Answer {
    let key = ask.group_key()?;
    let wait = ask.params.flag("WaitForTransitioningInstances").unwrap_or(true);
    Ok(only_id(&ask.world.cancel_refresh(&key, wait)?))
}

pub(super) fn describe(ask: &mut Ask<'_>) -> Answer {
    let key = ask.group_key()?;
    ask.world.foreign_refresh(&key, ForeignStart::LookedAt);
    let ids = ask.params.list("InstanceRefreshIds.member");
    let group = ask.group()?;
    let wanted = |refresh: &&Refresh| ids.is_empty() || ids.contains(&refresh.id.as_str());
    // Newest first: the active one, if there is one, is the newest.
    let found: Vec<&Refresh> = group.refreshes.iter().rev().filter(wanted).collect();
    let page = ask.page(found, SIZE)?;
    let mut xml = Xml::new();
    xml.list("InstanceRefreshes", "member", page.items, |xml, refresh| {
        xml.leaf("AutoScalingGroupName", &key.name);
        write(xml, refresh);
    });
    xml.maybe("NextToken", page.next);
    Ok(xml)
}

fn write(xml: &mut Xml, refresh: &Refresh) {
    xml.leaf("InstanceRefreshId", &refresh.id)
        .leaf("Status", refresh.status)
        .text("StatusReason", &refresh.reason)
        .time("StartTime", refresh.started);
    if let Some(ended) = refresh.ended {
        xml.time("EndTime", ended);
    }
    xml.leaf("PercentageComplete", refresh.percent()).leaf("InstancesToUpdate", refresh.remaining());
    xml.node("ProgressDetails", |xml| write_progress(xml, refresh.pools()));
    xml.leaf("Strategy", refresh.strategy.as_str());
    xml.node("Preferences", |xml| write_preferences(xml, &refresh.preferences));
    if let Some(desired) = &refresh.desired {
        xml.node("DesiredConfiguration", |xml| {
            policy::write(xml, desired.target());
        });
    }
    if let Some(rollback) = &refresh.rollback {
        xml.node("RollbackDetails", |xml| {
            xml.leaf("RollbackReason", &rollback.reason)
                .time("RollbackStartTime", rollback.started)
                .leaf("PercentageCompleteOnRollback", rollback.percent)
                .leaf("InstancesToUpdateOnRollback", rollback.remaining)
                .node("ProgressDetailsOnRollback", |xml| {
                    write_progress(xml, rollback.pools);
                });
        });
    }
}

/// The progress of the group, and of its warm pool.
fn write_progress(xml: &mut Xml, pools: [Option<(u8, u32)>; 2]) {
    for (name, pool) in ["LivePoolProgress", "WarmPoolProgress"].into_iter().zip(pools) {
        if let Some((percent, remaining)) = pool {
            xml.node(name, |xml| {
                xml.leaf("PercentageComplete", percent).leaf("InstancesToUpdate", remaining);
            });
        }
    }
}

fn write_preferences(xml: &mut Xml, preferences: &Preferences) {
    xml.leaf("MinHealthyPercentage", preferences.min_healthy)
        .maybe("MaxHealthyPercentage", preferences.max_healthy)
        .maybe("InstanceWarmup", preferences.warmup)
        .leaf("SkipMatching", preferences.skip_matching)
        .leaf("AutoRollback", preferences.auto_rollback)
        .leaf("BakeTime", preferences.bake)
        .leaf("ScaleInProtectedInstances", preferences.protected.as_str("Refresh"))
        .leaf("StandbyInstances", preferences.standby.as_str("Terminate"));
    if !preferences.checkpoints.is_empty() {
        xml.list("CheckpointPercentages", "member", &preferences.checkpoints, |xml, percent| {
            xml.value(percent);
        });
        xml.leaf("CheckpointDelay", preferences.checkpoint_delay);
    }
    if !preferences.alarms.is_empty() {
        xml.node("AlarmSpecification", |xml| {
            xml.list("Alarms", "member", &preferences.alarms, |xml, alarm| {
                xml.value(alarm);
            });
        });
    }
}
