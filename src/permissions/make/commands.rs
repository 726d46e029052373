//! What `ssm` checks need: nothing where there are none.

use std::collections::BTreeSet;

use super::{Statement, actions, partition};
use crate::aws::{Access, Part};
use crate::config::{CheckKind, Environment, Fleet};
use crate::model::Region;

/// The tag that Auto Scaling puts on every instance of a group.
const OF_A_GROUP: &str = "ssm:resourceTag/aws:autoscaling:groupName";

/// The statements for an environment's `ssm` checks.
///
/// A command needs both its document and its instances; only instances carry the tag.
pub(super) fn statements(fleet: &Fleet, environment: &Environment, suffix: &str) -> Vec<Statement> {
    let documents = documents(fleet, environment);
    let (Some(send), Some(follow)) =
        (actions(Access::Environment, Part::Commands), actions(Access::Environment, Part::CommandResults))
    else {
        return Vec::new();
    };
    if documents.is_empty() {
        return Vec::new();
    }
    let regions: BTreeSet<&Region> = environment.regions.iter().collect();
    let (partition, account) = (partition(&regions), &environment.account);
    let instance = |region: &&Region| format!("arn:{partition}:ec2:{region}:{account}:instance/*");
    let document = |name: &String| -> Vec<String> {
        if name.starts_with("arn:") {
            return vec![name.clone()];
        }
        // Documents of AWS's own are in no account.
        let amazons = name.starts_with("AWS") || name.starts_with("Amazon");
        let owner = if amazons { "" } else { account.as_str() };
        regions.iter().map(|region| format!("arn:{partition}:ssm:{region}:{owner}:document/{name}")).collect()
    };
    vec![
        Statement::of(Part::Commands, suffix, send.clone()).on(regions.iter().map(instance)).when(
            "StringLike",
            OF_A_GROUP,
            ["*"],
        ),
        Statement { sid: format!("RunDocuments{suffix}"), ..Statement::of(Part::Commands, "", send) }
            .on(documents.iter().flat_map(document)),
        Statement::of(Part::CommandResults, suffix, follow).on(["*".to_owned()]).in_regions(&regions),
    ]
}

/// The documents that the environment's checks run.
fn documents(fleet: &Fleet, environment: &Environment) -> BTreeSet<String> {
    let document = |check: &crate::config::Check| match &check.kind {
        CheckKind::Ssm(ssm) => Some(ssm.document.clone()),
        CheckKind::Instances
        | CheckKind::Targets
        | CheckKind::Http(_)
        | CheckKind::Tcp(_)
        | CheckKind::Command(_)
        | CheckKind::Alarm(_) => None,
    };
    fleet.checks_of_any(environment).into_iter().filter_map(document).collect()
}
