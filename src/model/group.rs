//! Auto Scaling groups and their members.

use std::collections::BTreeMap;
use std::fmt;

use super::policy::{Named, Naming, OverrideNaming, Policy, PolicyOverride};
use super::{GroupName, ImageId, InstanceId, Region, TemplateId, Tracking};

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
    /// How many units of capacity it counts for; 1 where instances are not weighted.
    pub weight: u32,
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
    /// The template it launches from, its own or its mixed instances policy's; `None` for a
    /// launch configuration.
    pub template: Option<GroupTemplate>,
    /// The rest of its mixed instances policy, if it has one.
    pub policy: Option<Policy>,
    /// The launch configuration it launches from, if it does.
    pub launch_configuration: Option<String>,
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
    /// The names of its classic load balancers, and the other traffic sources that are not
    /// target groups.
    pub other_balancers: Vec<String>,
    /// Its instance maintenance policy: the least and the most healthy, in percent.
    pub maintenance: Option<(u8, u8)>,
    /// How many instances its warm pool holds; `None` when it has none.
    pub warm_pool: Option<u32>,
    /// Whether it is being deleted.
    pub deleting: bool,
}

impl Group {
    /// The instances that serve.
    pub fn in_service(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.lifecycle == Lifecycle::InService)
    }

    /// Every reference to a template: its own or its policy's, then those of the overrides.
    pub fn templates(&self) -> impl Iterator<Item = &GroupTemplate> {
        let overrides = self.policy.iter().flat_map(|policy| &policy.overrides);
        self.template.iter().chain(overrides.filter_map(|one| one.template.as_ref()))
    }

    /// The images that overrides of its policy name themselves, in order.
    pub fn own_images(&self) -> impl Iterator<Item = &ImageId> {
        self.policy.iter().flat_map(|policy| &policy.overrides).filter_map(|one| one.image.as_ref())
    }

    /// The overrides that name this image themselves, in order.
    pub fn overrides_with(&self, image: &ImageId) -> Vec<&PolicyOverride> {
        let overrides = self.policy.iter().flat_map(|policy| &policy.overrides);
        overrides.filter(|one| one.image.as_ref() == Some(image)).collect()
    }

    /// Whether an override chooses instance types by attributes: AWS then takes no desired
    /// configuration, skips nothing, and rolls nothing back. Versions of templates may do so too.
    pub fn chooses_by_attributes(&self) -> bool {
        self.policy.iter().flat_map(|policy| &policy.overrides).any(|one| one.by_attributes)
    }

    /// How it names what it launches from; `None` without a template.
    pub fn naming(&self) -> Option<Naming> {
        let own = self.template.as_ref()?;
        let named =
            |template: &GroupTemplate| Named { template: template.id.clone(), tracking: template.tracking };
        let overrides = self.policy.as_ref().map(|policy| {
            let one = |one: &PolicyOverride| OverrideNaming {
                template: one.template.as_ref().map(named),
                image: one.image.clone(),
            };
            policy.overrides.iter().map(one).collect()
        });
        Some(Naming { own: named(own), overrides })
    }
}
