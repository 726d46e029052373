//! What a group is made with that has no part in which image it launches.

use crate::model::Region;

/// Where a group launches, how it is checked, and what it terminates first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its subnets' ids, with commas; may be empty.
    pub subnets: String,
    /// The availability zones that it launches in, at least one.
    pub zones: Vec<String>,
    /// Where its health checks come from: `EC2`, `ELB`, …, with commas.
    pub health_check: String,
    /// Its default cooldown in seconds.
    pub cooldown: u32,
    /// Its termination policies, in order. Kept and shown; the default one is what is followed.
    pub termination_policies: Vec<String>,
    /// Whether its new instances are protected from scale-in.
    pub protects_new: bool,
    /// The longest that an instance may live, in seconds. Kept and shown; nothing goes by it.
    pub longest_life: Option<u32>,
    /// Whether it replaces spot instances ahead of time. Kept and shown; nothing goes by it.
    pub rebalances: Option<bool>,
    /// How it spreads over its zones. Kept and shown; it spreads by chance.
    pub distribution: String,
}

impl Settings {
    /// What a group has in three zones of a region; `balanced` behind a load balancer.
    pub(super) fn usual(region: &Region, balanced: bool) -> Self {
        Self {
            subnets: "subnet-0a1,subnet-0b1,subnet-0c1".to_owned(),
            zones: zones(region, 3),
            health_check: if balanced { "ELB" } else { "EC2" }.to_owned(),
            ..Self::bare()
        }
    }

    /// What AWS takes for everything that a new group does not say, nowhere yet.
    pub(crate) fn bare() -> Self {
        Self {
            subnets: String::new(),
            zones: Vec::new(),
            health_check: "EC2".to_owned(),
            cooldown: 300,
            termination_policies: vec!["Default".to_owned()],
            protects_new: false,
            longest_life: None,
            rebalances: None,
            distribution: "balanced-best-effort".to_owned(),
        }
    }
}

/// The first zones of a region: as many, but three at most.
pub(crate) fn zones(region: &Region, count: usize) -> Vec<String> {
    ["a", "b", "c"].into_iter().take(count).map(|letter| format!("{region}{letter}")).collect()
}
