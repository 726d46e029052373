//! What there is, as it was found: everything that a snapshot of a fleet holds. Read-only.
//!
//! More of a group and of a template than a rollout needs. User data never leaves this
//! module: a digest stands for it.

mod answer;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::types::{
    AutoScalingGroup, Instance, InstanceReusePolicy, LifecycleHook, WarmPoolConfiguration,
};
use aws_sdk_ec2::types::LaunchTemplateVersion;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use self::answer::{Answer, Element};
use super::policies::read_template;
use super::{Account, Error, count, timestamp};
use crate::model::{GroupName, GroupTemplate, ImageId, InstanceId, TemplateId};

/// AWS gives at most this many groups at once.
const PAGE: i32 = 100;
/// As many launch configurations are asked for by name at once.
const CONFIGURATIONS: usize = 50;

/// A group as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundGroup {
    /// Its name.
    pub name: GroupName,
    /// Its tags, by key.
    pub tags: BTreeMap<String, String>,
    /// How many instances it has at least, should have, and has at most.
    pub capacity: (u32, u32, u32),
    /// The template it launches from, unless it has a mixed instances policy or a launch configuration.
    pub template: Option<GroupTemplate>,
    /// Its mixed instances policy whole, by the API's request names; empty when it has none.
    pub policy: BTreeMap<String, String>,
    /// The name of its launch configuration.
    pub launch_configuration: Option<String>,
    /// The ARNs of its target groups.
    pub target_groups: Vec<String>,
    /// Its suspended processes.
    pub suspended: BTreeSet<String>,
    /// Its warm pool.
    pub warm_pool: Option<FoundWarmPool>,
    /// Its instance maintenance policy: the least and the most healthy, in percent.
    pub maintenance: Option<(u32, u32)>,
    /// Its default instance warmup in seconds.
    pub default_warmup: Option<u32>,
    /// Its health check grace period in seconds.
    pub grace: u32,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Its instances, and those of its warm pool.
    pub instances: Vec<FoundInstance>,
}

/// A warm pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundWarmPool {
    /// How many instances it keeps at least.
    pub min: u32,
    /// How many instances it and its group are prepared for at most.
    pub prepared: Option<u32>,
    /// What its instances wait in: `Stopped`, `Running` or `Hibernated`.
    pub state: String,
    /// Whether instances go back to it on scale-in.
    pub reuse: bool,
    /// How many instances it holds now.
    pub size: u32,
}

/// One instance of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundInstance {
    /// Its id.
    pub id: InstanceId,
    /// Auto Scaling's name of its state.
    pub state: String,
    /// Whether it is protected from scale-in.
    pub protected: bool,
    /// The template and the version that it was launched from.
    pub launched_from: Option<(TemplateId, u64)>,
    /// Its type.
    pub instance_type: String,
}

/// A lifecycle hook. Who is notified, and of what, is nobody's business here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundHook {
    /// Its name.
    pub name: String,
    /// What it holds up: `autoscaling:EC2_INSTANCE_LAUNCHING` or `…_TERMINATING`.
    pub transition: String,
    /// After how many seconds it is over by itself.
    pub heartbeat: u32,
    /// What happens then: `CONTINUE` or `ABANDON`.
    pub default_result: String,
}

/// A version of a launch template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundVersion {
    /// The template.
    pub template: TemplateId,
    /// The template's name.
    pub template_name: String,
    /// Its number.
    pub number: u64,
    /// Whether it is the template's default version.
    pub is_default: bool,
    /// Its description; may be empty.
    pub description: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Its data by the API's request names. In place of user data there is its digest.
    pub data: BTreeMap<String, String>,
}

impl Account {
    /// Every group of the account in this region as it was found, ordered by name.
    pub async fn found_groups(&self) -> Result<Vec<FoundGroup>, Error> {
        const OPERATION: &str = "DescribeAutoScalingGroups";
        let mut groups = Vec::new();
        let mut token = None;
        loop {
            let kept = Answer::default();
            let request = self.autoscaling.describe_auto_scaling_groups();
            let request = request.max_records(PAGE).set_next_token(token);
            let answer = request.customize().interceptor(kept.clone()).send().await;
            let answer = answer.map_err(|error| Error::from_sdk(OPERATION, error))?;
            let tree = kept.tree().ok_or_else(|| Error::unexpected(OPERATION, "no XML"))?;
            let policies = policies(&tree);
            groups.extend(answer.auto_scaling_groups().iter().map(|group| read_group(group, &policies)));
            token = answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(groups)
    }

    /// The lifecycle hooks of a group, ordered by name.
    pub async fn hooks(&self, group: &GroupName) -> Result<Vec<FoundHook>, Error> {
        let request = self.autoscaling.describe_lifecycle_hooks().auto_scaling_group_name(group.as_str());
        let answer = request.send().await;
        let answer = answer.map_err(|error| Error::from_sdk("DescribeLifecycleHooks", error))?;
        let mut hooks: Vec<FoundHook> = answer.lifecycle_hooks().iter().map(read_hook).collect();
        hooks.sort();
        Ok(hooks)
    }

    /// The images that launch configurations name, by the configurations' names. Their user
    /// data is in the answer, and goes no further.
    pub async fn configuration_images(&self, names: &[String]) -> Result<BTreeMap<String, ImageId>, Error> {
        let mut found = BTreeMap::new();
        for names in names.chunks(CONFIGURATIONS) {
            let request = self.autoscaling.describe_launch_configurations();
            let request = request.set_launch_configuration_names(Some(names.to_vec()));
            let mut pages = request.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| Error::from_sdk("DescribeLaunchConfigurations", error))?;
                found.extend(page.launch_configurations().iter().filter_map(|one| {
                    Some((one.launch_configuration_name()?.to_owned(), one.image_id()?.into()))
                }));
            }
        }
        Ok(found)
    }

    /// The newest and the default version of every template here, ordered by template and number.
    pub async fn found_floating_versions(&self) -> Result<Vec<FoundVersion>, Error> {
        self.found_versions(&VersionsAsked::Floating).await
    }

    /// The versions of a template between two numbers that there are, ordered by number.
    pub async fn found_versions_between(
        &self,
        template: &TemplateId,
        bounds: (u64, u64),
    ) -> Result<Vec<FoundVersion>, Error> {
        match self.found_versions(&VersionsAsked::Between(template, bounds)).await {
            // A group may still name a template that is gone.
            Err(error) if error.is("InvalidLaunchTemplateId.NotFound") => Ok(Vec::new()),
            answer => answer,
        }
    }

    async fn found_versions(&self, asked: &VersionsAsked<'_>) -> Result<Vec<FoundVersion>, Error> {
        const OPERATION: &str = "DescribeLaunchTemplateVersions";
        let mut versions = Vec::new();
        let mut token = None;
        loop {
            let kept = Answer::default();
            let request = self.ec2.describe_launch_template_versions();
            let request = match asked {
                VersionsAsked::Floating => request.versions("$Latest").versions("$Default"),
                VersionsAsked::Between(template, (low, high)) => request
                    .launch_template_id(template.as_str())
                    .min_version(low.to_string())
                    .max_version(high.to_string()),
            };
            let answer = request.set_next_token(token).customize().interceptor(kept.clone()).send().await;
            let answer = answer.map_err(|error| Error::from_sdk(OPERATION, error))?;
            let tree = kept.tree().ok_or_else(|| Error::unexpected(OPERATION, "no XML"))?;
            let mut data = data(&tree);
            let read = answer.launch_template_versions().iter();
            versions.extend(read.filter_map(|version| read_version(version, &mut data)));
            token = answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        versions.sort_by(|a, b| (&a.template, a.number).cmp(&(&b.template, b.number)));
        versions.dedup_by(|a, b| a.template == b.template && a.number == b.number);
        Ok(versions)
    }
}

/// Which versions are asked for.
enum VersionsAsked<'a> {
    /// `$Latest` and `$Default` of every template.
    Floating,
    /// Those of a template between two numbers.
    Between(&'a TemplateId, (u64, u64)),
}

/// The mixed instances policies in an answer, by the group's name.
fn policies(tree: &Element) -> BTreeMap<String, BTreeMap<String, String>> {
    let groups = tree.items(&["DescribeAutoScalingGroupsResult", "AutoScalingGroups"]).iter();
    let policy = |group: &Element| {
        let policy = group.child("MixedInstancesPolicy")?.query_fields();
        Some((group.text("AutoScalingGroupName")?.to_owned(), policy))
    };
    groups.filter_map(policy).collect()
}

/// The data in an answer, by template and number.
fn data(tree: &Element) -> BTreeMap<(String, String), BTreeMap<String, String>> {
    let data = |version: &Element| {
        let key = (version.text("launchTemplateId")?.to_owned(), version.text("versionNumber")?.to_owned());
        let mut fields = version.child("launchTemplateData")?.template_fields();
        if let Some(user_data) = fields.get_mut("UserData") {
            *user_data = super::hex(&Sha256::digest(user_data.as_bytes()));
        }
        Some((key, fields))
    };
    tree.items(&["launchTemplateVersionSet"]).iter().filter_map(data).collect()
}

fn read_version(
    version: &LaunchTemplateVersion,
    data: &mut BTreeMap<(String, String), BTreeMap<String, String>>,
) -> Option<FoundVersion> {
    let (template, number) = (version.launch_template_id()?, version.version_number()?);
    Some(FoundVersion {
        template: template.into(),
        template_name: version.launch_template_name().unwrap_or_default().to_owned(),
        number: u64::try_from(number).ok()?,
        is_default: version.default_version().unwrap_or(false),
        description: version.version_description().unwrap_or_default().to_owned(),
        created: timestamp(version.create_time()),
        data: data.remove(&(template.to_owned(), number.to_string())).unwrap_or_default(),
    })
}

fn read_group(group: &AutoScalingGroup, policies: &BTreeMap<String, BTreeMap<String, String>>) -> FoundGroup {
    let name = group.auto_scaling_group_name().unwrap_or_default();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let warm_pool = group.warm_pool_configuration();
    let maintenance = group.instance_maintenance_policy();
    FoundGroup {
        name: name.into(),
        tags: group.tags().iter().map(|tag| (text(tag.key()), text(tag.value()))).collect(),
        capacity: (count(group.min_size()), count(group.desired_capacity()), count(group.max_size())),
        template: group.launch_template().and_then(read_template),
        policy: policies.get(name).cloned().unwrap_or_default(),
        launch_configuration: group.launch_configuration_name().map(str::to_owned),
        target_groups: group.target_group_arns().to_vec(),
        suspended: group.suspended_processes().iter().map(|process| text(process.process_name())).collect(),
        warm_pool: warm_pool.map(|pool| read_warm_pool(pool, count(group.warm_pool_size()))),
        maintenance: maintenance.and_then(|policy| {
            let percent = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
            Some((percent(policy.min_healthy_percentage())?, percent(policy.max_healthy_percentage())?))
        }),
        default_warmup: group.default_instance_warmup().and_then(|seconds| u32::try_from(seconds).ok()),
        grace: count(group.health_check_grace_period()),
        deleting: group.status().is_some_and(|status| status.contains("elete")),
        instances: group.instances().iter().map(read_instance).collect(),
    }
}

fn read_warm_pool(pool: &WarmPoolConfiguration, size: u32) -> FoundWarmPool {
    let prepared = pool.max_group_prepared_capacity().and_then(|number| u32::try_from(number).ok());
    let reuse = pool.instance_reuse_policy().and_then(InstanceReusePolicy::reuse_on_scale_in);
    FoundWarmPool {
        min: count(pool.min_size()),
        prepared,
        state: pool.pool_state().map_or("Stopped", |state| state.as_str()).to_owned(),
        reuse: reuse.unwrap_or(false),
        size,
    }
}

fn read_instance(instance: &Instance) -> FoundInstance {
    let launched_from = instance.launch_template().and_then(|specification| {
        Some((specification.launch_template_id()?.into(), specification.version()?.parse().ok()?))
    });
    FoundInstance {
        id: instance.instance_id().unwrap_or_default().into(),
        state: instance.lifecycle_state().map_or("", |state| state.as_str()).to_owned(),
        protected: instance.protected_from_scale_in().unwrap_or(false),
        launched_from,
        instance_type: instance.instance_type().unwrap_or_default().to_owned(),
    }
}

fn read_hook(hook: &LifecycleHook) -> FoundHook {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    FoundHook {
        name: text(hook.lifecycle_hook_name()),
        transition: text(hook.lifecycle_transition()),
        heartbeat: count(hook.heartbeat_timeout()),
        default_result: text(hook.default_result()),
    }
}
