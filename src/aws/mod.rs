//! The only place that talks to AWS: our vocabulary in, our vocabulary out.

use crate::model::{GroupName, Sighting, TargetHealth};

/// What AWS answered instead of a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {code}: {message}")]
pub struct Error {
    /// The API operation, such as `DescribeTargetHealth`.
    pub operation: &'static str,
    /// AWS's error code.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

/// One account in one region.
#[derive(Debug, Clone)]
pub struct Account;

impl Account {
    /// The group and its instances, seen now.
    pub async fn sight(&self, group: &GroupName) -> Result<Sighting, Error> {
        Err(Error { operation: "DescribeAutoScalingGroups", code: String::new(), message: group.to_string() })
    }

    /// The health of every target of these target groups.
    pub async fn target_health(&self, target_groups: &[String]) -> Result<Vec<TargetHealth>, Error> {
        Err(Error {
            operation: "DescribeTargetHealth",
            code: String::new(),
            message: target_groups.join(" "),
        })
    }
}
