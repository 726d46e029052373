//! Auto Scaling groups and their members.

use std::collections::BTreeMap;
use std::fmt;

use super::{GroupName, InstanceId, Region, TemplateId, Tracking};

/// The template that a group launches from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTemplate {
    /// The template's id.
    pub id: TemplateId,
    /// The template's name.
    pub name: String,
    /// How the group names the version.
    pub tracking: Tracking,
}

/// Where an instance is in its life in the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lifecycle {
    /// Launching: `Pending`, `Pending:Wait`, `Pending:Proceed`.
    Pending,
    /// Serving.
    InService,
    /// Being taken out of service: `Terminating*`.
    Terminating,
    /// Set aside by somebody: `EnteringStandby`, `Standby`.
    Standby,
    /// Any other state, such as `Warmed:Stopped`, as AWS names it.
    Other(String),
}

impl Lifecycle {
    /// Reads the API's name of the state.
    pub fn parse(text: &str) -> Self {
        match text {
            "InService" => Self::InService,
            "Standby" | "EnteringStandby" => Self::Standby,
            _ if text.starts_with("Pending") => Self::Pending,
            _ if text.starts_with("Terminat") => Self::Terminating,
            _ => Self::Other(text.to_owned()),
        }
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "Pending",
            Self::InService => "InService",
            Self::Terminating => "Terminating",
            Self::Standby => "Standby",
            Self::Other(text) => text,
        })
    }
}

/// One instance of a group, as Auto Scaling sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: InstanceId,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Whether Auto Scaling calls it healthy.
    pub healthy: bool,
    /// The template and version it was launched from; `None` for a launch configuration.
    pub launched_from: Option<(TemplateId, u64)>,
    /// Whether it is protected from scale-in.
    pub protected: bool,
}

/// An Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// The region it is in.
    pub region: Region,
    /// Its tags, by key.
    pub tags: BTreeMap<String, String>,
    /// The template it launches from; `None` for a launch configuration or a mixed policy.
    pub template: Option<GroupTemplate>,
    /// The launch configuration it launches from, if it does.
    pub launch_configuration: Option<String>,
    /// Whether it has a mixed instances policy.
    pub mixed: bool,
    /// Every template that its mixed instances policy and the overrides in it name.
    pub policy_templates: Vec<GroupTemplate>,
    /// How many instances it should have.
    pub desired: u32,
    /// The smallest number of instances it may have.
    pub min: u32,
    /// The largest number of instances it may have.
    pub max: u32,
    /// Its instances, by id.
    pub members: Vec<Member>,
    /// Its suspended processes, such as `Launch`.
    pub suspended: Vec<String>,
    /// The ARNs of its target groups.
    pub target_groups: Vec<String>,
    /// Whether it is being deleted.
    pub deleting: bool,
}

impl Group {
    /// The instances that serve.
    pub fn in_service(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.lifecycle == Lifecycle::InService)
    }
}
