//! Instances and targets, as EC2 and the load balancer see them.

use std::collections::BTreeMap;

use super::{Group, ImageId, InstanceId, Member};

/// An instance as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// The image it runs.
    pub image: ImageId,
    /// Its private address, once it has one.
    pub private_ip: Option<String>,
    /// Its private DNS name, once it has one.
    pub private_dns: Option<String>,
    /// Its type, such as `m7g.large`, where EC2 says it.
    pub instance_type: Option<String>,
    /// Its availability zone, such as `eu-west-2a`, where EC2 says it.
    pub availability_zone: Option<String>,
    /// EC2's name of its state, such as `running`.
    pub state: String,
    /// Whether both of EC2's status checks are `ok`; `None` when EC2 has no answer yet.
    pub status_ok: Option<bool>,
}

/// A group and its instances, seen at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The group, as Auto Scaling sees it.
    pub group: Group,
    /// The instances of its warm pool, if it has one.
    pub warm: Vec<Member>,
    /// All of these, as EC2 sees them; one that EC2 does not know is absent.
    pub instances: BTreeMap<InstanceId, Instance>,
}

/// A group as Auto Scaling alone sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glimpse {
    /// The group.
    pub group: Group,
    /// For how many seconds an instance in service is not counted as warm where a refresh does not
    /// say; `None` when the group does not either.
    pub warmup: Option<u32>,
}

/// The health of one instance in one target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetHealth {
    /// The target group's ARN.
    pub target_group: String,
    /// The instance.
    pub instance: InstanceId,
    /// The port it is asked on.
    pub port: u16,
    /// ELB's name of the state: `healthy`, `initial`, `unhealthy`, `draining`, …
    pub state: String,
    /// ELB's reason, such as `Target.FailedHealthChecks`; may be empty.
    pub reason: String,
}
