//! Auto Scaling groups: reading them all, pinning one, tags of our own.

use aws_sdk_autoscaling::types::{AutoScalingGroup, Tag};

use super::policies::{own_template, read_policy, specification};
use super::{Account, Error, count};
use crate::model::{Glimpse, Group, GroupName, Lifecycle, Member, Naming};

/// AWS gives at most this many groups at once.
const PAGE: i32 = 100;

/// A tag of ours on a group: set to a value, or taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagChange {
    /// Set it. It is never given to instances.
    Set(String),
    /// Take it away.
    Remove,
}

impl Account {
    /// Every group of the account in this region, ordered by name.
    ///
    /// All of them, since a template may be shared with a group that nobody selects.
    pub async fn groups(&self) -> Result<Vec<Group>, Error> {
        self.describe_groups(None, |group| self.read_group(group)).await
    }

    /// The named groups, ordered by name; those that don't exist are left out.
    pub async fn groups_named(&self, names: &[GroupName]) -> Result<Vec<Group>, Error> {
        self.named(names, |group| self.read_group(group)).await
    }

    /// The same, with what is of use between two looks at their refreshes.
    pub(super) async fn glimpses_of(&self, names: &[GroupName]) -> Result<Vec<Glimpse>, Error> {
        let read = |group: &AutoScalingGroup| {
            // A refresh that says no warmup takes the first of these that there is.
            let warmup = group.default_instance_warmup().or(group.health_check_grace_period());
            let warmup = warmup.and_then(|seconds| u32::try_from(seconds).ok());
            Glimpse { group: self.read_group(group), warmup }
        };
        self.named(names, read).await
    }

    async fn named<T>(
        &self,
        names: &[GroupName],
        read: impl Fn(&AutoScalingGroup) -> T,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::with_capacity(names.len());
        let mut names: Vec<&GroupName> = names.iter().collect();
        names.sort();
        for names in names.chunks(100) {
            let names = names.iter().map(|name| name.as_str().to_owned()).collect();
            found.extend(self.describe_groups(Some(names), &read).await?);
        }
        Ok(found)
    }

    async fn describe_groups<T>(
        &self,
        names: Option<Vec<String>>,
        read: impl Fn(&AutoScalingGroup) -> T,
    ) -> Result<Vec<T>, Error> {
        const OPERATION: &str = "DescribeAutoScalingGroups";
        let mut groups = Vec::new();
        let request = self.autoscaling.describe_auto_scaling_groups();
        let request = request.set_auto_scaling_group_names(names).max_records(PAGE);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Error::from_sdk(OPERATION, error))?;
            groups.extend(
                page.auto_scaling_groups().iter().map(|group| {
                    (group.auto_scaling_group_name().unwrap_or_default().to_owned(), read(group))
                }),
            );
        }
        groups.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(groups.into_iter().map(|(_, group)| group).collect())
    }

    fn read_group(&self, group: &AutoScalingGroup) -> Group {
        let mut members: Vec<Member> = group.instances().iter().map(read_member).collect();
        members.sort_by(|a, b| a.id.cmp(&b.id));
        let tags = group.tags().iter();
        let tags = tags.map(|tag| (text(tag.key()), text(tag.value()))).collect();
        let suspended = group.suspended_processes().iter();
        Group {
            name: text(group.auto_scaling_group_name()).into(),
            region: self.region.clone(),
            tags,
            template: own_template(group),
            policy: group.mixed_instances_policy().map(read_policy),
            launch_configuration: group.launch_configuration_name().map(str::to_owned),
            desired: count(group.desired_capacity()),
            min: count(group.min_size()),
            max: count(group.max_size()),
            members,
            suspended: suspended.map(|process| text(process.process_name())).collect(),
            target_groups: group.target_group_arns().to_vec(),
            other_balancers: other_balancers(group),
            maintenance: group.instance_maintenance_policy().and_then(read_maintenance),
            warm_pool: group.warm_pool_configuration().map(|_| count(group.warm_pool_size())),
            deleting: group.status().is_some_and(|status| status.contains("elete")),
        }
    }

    /// Sets how a group names what it launches from, and nothing else: of a mixed instances
    /// policy the versions and images alone.
    ///
    /// # Errors
    /// `ValidationError` while a refresh with a desired configuration is active; when the policy
    /// was changed since `group` was read.
    pub async fn set_naming(&self, group: &Group, naming: &Naming) -> Result<(), Error> {
        let request = self.autoscaling.update_auto_scaling_group();
        let request = request.auto_scaling_group_name(group.name.as_str());
        let request = if naming.overrides.is_some() {
            request.mixed_instances_policy(self.policy_with(group, naming).await?)
        } else {
            request.launch_template(specification(&naming.own.template, naming.own.tracking))
        };
        let answer = request.send().await;
        answer.map(drop).map_err(|error| Error::from_sdk("UpdateAutoScalingGroup", error))
    }

    /// The instances of a group's warm pool, ordered by id.
    pub async fn warm_pool(&self, group: &GroupName) -> Result<Vec<Member>, Error> {
        let request = self.autoscaling.describe_warm_pool().auto_scaling_group_name(group.as_str());
        let mut members = Vec::new();
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Error::from_sdk("DescribeWarmPool", error))?;
            members.extend(page.instances().iter().map(read_member));
        }
        members.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(members)
    }

    /// Sets or removes tags of a group, all at once. Removing one that is not there is no error.
    ///
    /// `changes` must be all of one kind, and at least one.
    pub async fn change_group_tags(
        &self,
        group: &GroupName,
        changes: &[(&str, TagChange)],
    ) -> Result<(), Error> {
        let tag = |key: &str| {
            Tag::builder().resource_id(group.as_str()).resource_type("auto-scaling-group").key(key)
        };
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        for (key, change) in changes {
            match change {
                TagChange::Set(value) => set.push(tag(key).value(value).propagate_at_launch(false).build()),
                TagChange::Remove => removed.push(tag(key).build()),
            }
        }
        if !set.is_empty() {
            let answer = self.autoscaling.create_or_update_tags().set_tags(Some(set)).send().await;
            answer.map(drop).map_err(|error| Error::from_sdk("CreateOrUpdateTags", error))?;
        }
        if !removed.is_empty() {
            let answer = self.autoscaling.delete_tags().set_tags(Some(removed)).send().await;
            answer.map(drop).map_err(|error| Error::from_sdk("DeleteTags", error))?;
        }
        Ok(())
    }
}

/// Classic load balancers, and traffic sources of other kinds than target groups.
fn other_balancers(group: &AutoScalingGroup) -> Vec<String> {
    let sources = group.traffic_sources().iter().filter(|source| {
        source.r#type().is_some_and(|kind| kind != "elbv2") && source.identifier().is_some()
    });
    let mut names: Vec<String> = group.load_balancer_names().to_vec();
    names.extend(sources.filter_map(|source| source.identifier().map(str::to_owned)));
    names.sort();
    names.dedup();
    names
}

fn read_maintenance(policy: &aws_sdk_autoscaling::types::InstanceMaintenancePolicy) -> Option<(u8, u8)> {
    let percent = |percent: Option<i32>| percent.and_then(|percent| u8::try_from(percent).ok());
    // Both or neither; -1 takes a bound away.
    Some((percent(policy.min_healthy_percentage())?, percent(policy.max_healthy_percentage())?))
}

fn read_member(instance: &aws_sdk_autoscaling::types::Instance) -> Member {
    let launched_from = instance.launch_template().and_then(|specification| {
        let version = specification.version()?.parse().ok()?;
        Some((specification.launch_template_id()?.into(), version))
    });
    Member {
        id: text(instance.instance_id()).into(),
        lifecycle: Lifecycle::parse(instance.lifecycle_state().map_or("", |state| state.as_str())),
        healthy: instance.health_status().is_some_and(|status| status.eq_ignore_ascii_case("healthy")),
        launched_from,
        protected: instance.protected_from_scale_in().unwrap_or(false),
        weight: instance.weighted_capacity().and_then(|weight| weight.parse().ok()).unwrap_or(1),
    }
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}
