//! The home account, in every region that the configuration names.

use crate::aws::{Account, Cloud};
use crate::config::Fleet;
use crate::model::Region;

/// The home account in each of the configuration's regions, in their order of appearance.
pub fn homes(cloud: &Cloud, fleet: &Fleet) -> Vec<Account> {
    let mut regions: Vec<&Region> = Vec::new();
    for region in fleet.environments.iter().flat_map(|environment| &environment.regions) {
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    regions.into_iter().map(|region| cloud.home(region)).collect()
}
