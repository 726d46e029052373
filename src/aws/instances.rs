//! Instances and targets: what runs, and whether EC2 and the load balancer call it well.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, SummaryStatus};

use super::{Account, Error};
use crate::model::{Instance, InstanceId, TargetHealth};

impl Account {
    /// The instances of these ids that EC2 knows, by id; their `status_ok` is not read.
    pub async fn instances(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Instance>, Error> {
        let mut found = BTreeMap::new();
        for ids in ids.chunks(200) {
            let ids = ids.iter().map(|id| id.as_str().to_owned()).collect();
            // A filter does not fail as a whole when one instance is gone already.
            let filter = Filter::builder().name("instance-id").set_values(Some(ids)).build();
            let mut pages = self.ec2.describe_instances().filters(filter).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| Error::from_sdk("DescribeInstances", error))?;
                let instances =
                    page.reservations().iter().flat_map(aws_sdk_ec2::types::Reservation::instances);
                found.extend(instances.map(read_instance).map(|instance| (instance.id.clone(), instance)));
            }
        }
        Ok(found)
    }

    /// Whether both status checks of each instance are ok; `None` while EC2 does not know yet.
    pub(super) async fn instance_status(
        &self,
        ids: &[InstanceId],
    ) -> Result<BTreeMap<InstanceId, Option<bool>>, Error> {
        const OPERATION: &str = "DescribeInstanceStatus";
        let mut found = BTreeMap::new();
        let mut waiting: Vec<&[InstanceId]> = ids.chunks(100).collect();
        while let Some(ids) = waiting.pop() {
            let named = ids.iter().map(|id| id.as_str().to_owned()).collect();
            let request = self.ec2.describe_instance_status().set_instance_ids(Some(named));
            let answer = match request.include_all_instances(true).send().await {
                Ok(answer) => answer,
                Err(error) => match Error::from_sdk(OPERATION, error) {
                    // One of them went away just now: the others are asked for without it, and
                    // of it nothing is known.
                    error if error.is("InvalidInstanceID.NotFound") => {
                        let (some, rest) = ids.split_at(ids.len() / 2);
                        waiting.extend(
                            [some, rest].into_iter().filter(|half| !half.is_empty() && ids.len() > 1),
                        );
                        continue;
                    }
                    error => return Err(error),
                },
            };
            for status in answer.instance_statuses() {
                let id = InstanceId::new(status.instance_id().unwrap_or_default());
                let both = [status.instance_status(), status.system_status()];
                found.insert(id, both_ok(&both.map(|s| s.and_then(|s| s.status()))));
            }
        }
        Ok(found)
    }

    /// The health of every target of these target groups, ordered by target group and instance.
    pub async fn target_health(&self, target_groups: &[String]) -> Result<Vec<TargetHealth>, Error> {
        let mut found = Vec::new();
        for arn in target_groups {
            let answer = self.load_balancing.describe_target_health().target_group_arn(arn).send().await;
            let answer = answer.map_err(|error| Error::from_sdk("DescribeTargetHealth", error))?;
            found.extend(answer.target_health_descriptions().iter().filter_map(|description| {
                let target = description.target()?;
                let health = description.target_health();
                Some(TargetHealth {
                    target_group: arn.clone(),
                    instance: target.id()?.into(),
                    port: target.port().and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
                    state: health.and_then(|h| h.state()).map_or("unknown", |s| s.as_str()).to_owned(),
                    reason: health.and_then(|h| h.reason()).map_or("", |r| r.as_str()).to_owned(),
                })
            }));
        }
        found.sort_by(|a, b| {
            (&a.target_group, &a.instance, a.port).cmp(&(&b.target_group, &b.instance, b.port))
        });
        Ok(found)
    }
}

fn read_instance(instance: &aws_sdk_ec2::types::Instance) -> Instance {
    let state = instance.state().and_then(|state| state.name());
    Instance {
        id: instance.instance_id().unwrap_or_default().into(),
        image: instance.image_id().unwrap_or_default().into(),
        private_ip: instance.private_ip_address().map(str::to_owned),
        private_dns: instance.private_dns_name().filter(|name| !name.is_empty()).map(str::to_owned),
        instance_type: instance.instance_type().map(|kind| kind.as_str().to_owned()),
        availability_zone: instance
            .placement()
            .and_then(|place| place.availability_zone())
            .map(str::to_owned),
        state: state.map_or("unknown", |state| state.as_str()).to_owned(),
        status_ok: None,
    }
}

/// Both ok is ok; one impaired is not; anything else is not known yet.
fn both_ok(statuses: &[Option<&SummaryStatus>; 2]) -> Option<bool> {
    if statuses.iter().any(|status| matches!(status, Some(SummaryStatus::Impaired))) {
        return Some(false);
    }
    statuses.iter().all(|status| matches!(status, Some(SummaryStatus::Ok))).then_some(true)
}
