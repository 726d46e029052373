//! `smoke --list`: what would be asked of whom. Reads only, and asks no application.

use serde::Serialize;

use super::super::patience::patiently;
use super::super::{Run, Stop};
use super::{Asked, expectation, find};
use crate::config::Environment;
use crate::event::GroupRef;
use crate::model::GroupName;
use crate::smoke::{self, Listed};

/// The checks of one group.
#[derive(Debug, Clone, Serialize)]
pub struct ListedGroup {
    /// The group.
    #[serde(flatten)]
    pub group: GroupRef,
    /// Its checks, in order.
    pub checks: Vec<Listed>,
}

/// What `smoke` would ask in the environment now, group by group in the order of regions and names.
///
/// # Errors
/// Nobody to ask; an account that is not the environment's; AWS out of reach.
pub async fn list(
    run: &Run<'_>,
    environment: &Environment,
    only: Option<&GroupName>,
) -> Result<Vec<ListedGroup>, Stop> {
    let mut listed = Vec::new();
    for asked in find(run, environment, only).await? {
        let Asked { account, group, at, .. } = &asked;
        let sighting = patiently(run.clock, async || account.sight(&group.name).await).await?;
        let checks = run.fleet.checks_of(environment, &group.name);
        let checks = smoke::list(&expectation(run, environment, &asked), &checks, &sighting);
        listed.push(ListedGroup { group: at.clone(), checks });
    }
    Ok(listed)
}
