//! Rate limits: how many calls AWS takes from an account in a region, and which are too many.
//!
//! Buckets on the world's clock, in whole numbers. Never answers: what is too much becomes a
//! fault of the call.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::faults::in_scope;
use super::scenario::{Effect, EffectKind, RateLimit, RateLimits, Scenario};
use super::wire::{Asker, Service};
use crate::model::{AccountId, Region};

/// What a call costs, in the parts that a bucket is counted in: those that come back in a
/// microsecond at a rate of one call a second.
const COST: u64 = 1_000_000;

/// What is left in every bucket that was ever drawn from.
#[derive(Debug, Default)]
pub(super) struct Buckets(BTreeMap<Key, Bucket>);

/// The calls that are counted together.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    account: AccountId,
    region: Region,
    service: Service,
    /// The action, where each has a bucket of its own.
    action: Option<String>,
}

#[derive(Debug)]
struct Bucket {
    left: u64,
    at: Timestamp,
}

impl Buckets {
    /// Counts a call, and gives whether it is one too many. Such a call costs nothing.
    pub(super) fn over(
        &mut self,
        scenario: &Scenario,
        asker: &Asker,
        action: &str,
        names: &[String],
        now: Timestamp,
    ) -> bool {
        let hits = |effect: &&Effect| {
            in_scope(&effect.groups, names)
                && effect.account.as_ref().is_none_or(|account| *account == asker.account)
        };
        let mut effects = scenario.effects.iter().rev().filter(hits).map(|effect| &effect.kind);
        let Some(limits) = effects.find_map(EffectKind::limits) else { return false };
        let Some((limit, action)) = limits.of(asker.service, action) else { return false };
        let (account, region) = (asker.account.clone(), asker.region.clone());
        let key = Key { account, region, service: asker.service, action: action.map(str::to_owned) };
        let full = Bucket { left: u64::from(limit.burst.get()) * COST, at: now };
        !self.0.entry(key).or_insert(full).draw(limit, now)
    }
}

impl RateLimits {
    /// The limit of a call, and the action where each has a bucket of its own.
    fn of<'a>(&self, service: Service, action: &'a str) -> Option<(RateLimit, Option<&'a str>)> {
        match service {
            Service::AutoScaling => self.autoscaling.map(|limit| (limit, None)),
            Service::Ec2 => {
                let writes = if action.starts_with("Describe") { None } else { self.ec2_writes };
                writes.or(self.ec2).map(|limit| (limit, Some(action)))
            }
            // What these take is not known either, and they are asked little.
            Service::LoadBalancing
            | Service::CloudWatch
            | Service::Sts
            | Service::ImageBuilder
            | Service::Ssm => None,
        }
    }
}

impl Bucket {
    /// Takes a call out, if there is one.
    fn draw(&mut self, limit: RateLimit, now: Timestamp) -> bool {
        let passed = now.as_microsecond() - self.at.as_microsecond();
        let back = u64::try_from(passed).unwrap_or(0).saturating_mul(limit.rate.get().into());
        self.left = self.left.saturating_add(back).min(u64::from(limit.burst.get()) * COST);
        self.at = now;
        let rest = self.left.checked_sub(COST);
        self.left = rest.unwrap_or(self.left);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: &str = "
name: x
about: x
effects:
  - limits: { autoscaling: { burst: 3, rate: 2 }, ec2: { burst: 2, rate: 1 }, ec2_writes: { burst: 1, rate: 1 } }
";

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + milliseconds).expect("a time")
    }

    fn asker(service: Service, account: &str) -> Asker {
        Asker { service, account: account.into(), region: "eu-west-2".into(), key: String::new() }
    }

    /// How many of `count` calls at that time are taken.
    fn taken(buckets: &mut Buckets, scenario: &Scenario, who: &Asker, action: &str, when: i64) -> usize {
        (0..9).filter(|_| !buckets.over(scenario, who, action, &[], at(when))).count()
    }

    #[test]
    fn auto_scaling_counts_all_calls_together_and_ec2_each_action() {
        let scenario = Scenario::from_yaml(LIMITS).expect("a scenario");
        let mut buckets = Buckets::default();
        let scaling = asker(Service::AutoScaling, "1");
        assert_eq!(taken(&mut buckets, &scenario, &scaling, "DescribeInstanceRefreshes", 0), 3);
        assert_eq!(taken(&mut buckets, &scenario, &scaling, "StartInstanceRefresh", 0), 0);
        assert_eq!(taken(&mut buckets, &scenario, &scaling, "StartInstanceRefresh", 1_000), 2);
        assert_eq!(taken(&mut buckets, &scenario, &scaling, "StartInstanceRefresh", 60_000), 3);
        let ec2 = asker(Service::Ec2, "1");
        for action in ["DescribeInstances", "DescribeImages"] {
            assert_eq!(taken(&mut buckets, &scenario, &ec2, action, 0), 2, "{action}");
        }
        assert_eq!(taken(&mut buckets, &scenario, &ec2, "CreateTags", 0), 1);
        assert_eq!(taken(&mut buckets, &scenario, &asker(Service::Sts, "1"), "AssumeRole", 0), 9);
    }

    #[test]
    fn accounts_do_not_draw_from_each_other() {
        let scenario = Scenario::from_yaml(LIMITS).expect("a scenario");
        let mut buckets = Buckets::default();
        for account in ["1", "2"] {
            let who = asker(Service::AutoScaling, account);
            assert_eq!(taken(&mut buckets, &scenario, &who, "DescribeInstanceRefreshes", 0), 3);
        }
    }

    #[test]
    fn without_the_effect_nothing_is_too_much() {
        let who = asker(Service::AutoScaling, "1");
        assert_eq!(taken(&mut Buckets::default(), &Scenario::clean(), &who, "StartInstanceRefresh", 0), 9);
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_takes_more_than_the_burst_and_the_rate(
            gaps in prop::collection::vec(0_i64..2_000, 1..200),
        ) {
            let scenario = Scenario::from_yaml(LIMITS).expect("a scenario");
            let (mut buckets, who) = (Buckets::default(), asker(Service::AutoScaling, "1"));
            let mut now = 0;
            let mut taken = Vec::new();
            for gap in gaps {
                now += gap;
                if !buckets.over(&scenario, &who, "StartInstanceRefresh", &[], at(now)) {
                    taken.push(now);
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, to) in taken.iter().enumerate().skip(first) {
                    let count = i64::try_from(last - first + 1).expect("few");
                    prop_assert!(count <= 3 + (to - from) * 2 / 1_000);
                }
            }
        }
    }
}
