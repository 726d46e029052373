//! IAM policies with the least that a role needs, from the list of calls and the configuration.
//!
//! Pure: asks nobody. [`home`] is for the role that the pipeline has, [`environment()`] for the
//! role that it assumes, [`trust`] for who may assume that.

mod make;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

pub use make::{Options, environment, home, trust};

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    /// The version of IAM's policy language.
    pub version: &'static str,
    /// What is allowed.
    pub statement: Vec<Statement>,
}

/// One statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// What it is for: letters and digits, unique in its policy.
    pub sid: String,
    /// Always `Allow`.
    pub effect: &'static str,
    /// Who is allowed: in trust policies only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<BTreeMap<&'static str, Vec<String>>>,
    /// The actions, sorted.
    pub action: Vec<String>,
    /// The resources, sorted; not in trust policies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource: Vec<String>,
    /// What must hold, by operator and key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub condition: Conditions,
}

/// Conditions by operator and key: all must hold, each for any one of its values.
pub type Conditions = BTreeMap<&'static str, BTreeMap<String, Vec<String>>>;

impl Policy {
    fn new(statement: Vec<Statement>) -> Self {
        Self { version: "2012-10-17", statement }
    }
}
