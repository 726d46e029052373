//! Auto Scaling groups: reading them all, pinning one, tags of our own.

use aws_sdk_autoscaling::types::{AutoScalingGroup, LaunchTemplateSpecification, Tag};

use super::{Account, Error, count};
use crate::model::{Group, GroupName, GroupTemplate, Lifecycle, Member, TemplateId, Tracking};

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
        self.describe_groups(None).await
    }

    /// The named groups, ordered by name; those that don't exist are left out.
    pub async fn groups_named(&self, names: &[GroupName]) -> Result<Vec<Group>, Error> {
        let mut groups = Vec::with_capacity(names.len());
        for names in names.chunks(100) {
            let names = names.iter().map(|name| name.as_str().to_owned()).collect();
            groups.extend(self.describe_groups(Some(names)).await?);
        }
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(groups)
    }

    async fn describe_groups(&self, names: Option<Vec<String>>) -> Result<Vec<Group>, Error> {
        const OPERATION: &str = "DescribeAutoScalingGroups";
        let mut groups = Vec::new();
        let request = self.autoscaling.describe_auto_scaling_groups();
        let request = request.set_auto_scaling_group_names(names).max_records(PAGE);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Error::from_sdk(OPERATION, error))?;
            groups.extend(page.auto_scaling_groups().iter().map(|group| self.read_group(group)));
        }
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(groups)
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
            template: group.launch_template().and_then(read_template),
            launch_configuration: group.launch_configuration_name().map(str::to_owned),
            mixed: group.mixed_instances_policy().is_some(),
            policy_templates: policy_templates(group),
            desired: count(group.desired_capacity()),
            min: count(group.min_size()),
            max: count(group.max_size()),
            members,
            suspended: suspended.map(|process| text(process.process_name())).collect(),
            target_groups: group.target_group_arns().to_vec(),
            deleting: group.status().is_some_and(|status| status.contains("elete")),
        }
    }

    /// Sets how a group names the version of its template, and nothing else.
    ///
    /// # Errors
    /// `ValidationError` while a refresh with a desired configuration is active.
    pub async fn set_tracking(
        &self,
        group: &GroupName,
        template: &TemplateId,
        tracking: Tracking,
    ) -> Result<(), Error> {
        let specification = LaunchTemplateSpecification::builder()
            .launch_template_id(template.as_str())
            .version(tracking.to_string())
            .build();
        let request = self.autoscaling.update_auto_scaling_group().auto_scaling_group_name(group.as_str());
        let answer = request.launch_template(specification).send().await;
        answer.map(drop).map_err(|error| Error::from_sdk("UpdateAutoScalingGroup", error))
    }

    /// Sets or removes one tag of a group. Removing one that is not there is no error.
    pub async fn change_group_tag(
        &self,
        group: &GroupName,
        key: &str,
        change: &TagChange,
    ) -> Result<(), Error> {
        let tag = Tag::builder().resource_id(group.as_str()).resource_type("auto-scaling-group").key(key);
        match change {
            TagChange::Set(value) => {
                let tag = tag.value(value).propagate_at_launch(false).build();
                let answer = self.autoscaling.create_or_update_tags().tags(tag).send().await;
                answer.map(drop).map_err(|error| Error::from_sdk("CreateOrUpdateTags", error))
            }
            TagChange::Remove => {
                let answer = self.autoscaling.delete_tags().tags(tag.build()).send().await;
                answer.map(drop).map_err(|error| Error::from_sdk("DeleteTags", error))
            }
        }
    }
}

pub(super) fn read_template(specification: &LaunchTemplateSpecification) -> Option<GroupTemplate> {
    Some(GroupTemplate {
        id: specification.launch_template_id()?.into(),
        name: text(specification.launch_template_name()),
        tracking: Tracking::parse(specification.version().unwrap_or_default())?,
    })
}

/// The policy's own template, and each override's.
fn policy_templates(group: &AutoScalingGroup) -> Vec<GroupTemplate> {
    let Some(template) = group.mixed_instances_policy().and_then(|policy| policy.launch_template()) else {
        return Vec::new();
    };
    let overrides = template.overrides().iter().filter_map(|one| one.launch_template_specification());
    template.launch_template_specification().into_iter().chain(overrides).filter_map(read_template).collect()
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
    }
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}
