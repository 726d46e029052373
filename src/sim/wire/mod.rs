//! AWS's wire protocols: a request in, an answer or an error out, in each protocol's shape.
//!
//! [`answer`] finds out who asks for what where, and hands over to the service's module.
//! Only this folder knows AWS's parameter and element names. Never waits.

mod autoscaling;
mod autoscaling_activities;
mod autoscaling_groups;
mod autoscaling_policy;
mod autoscaling_refresh;
mod autoscaling_tags;
mod ec2;
mod ec2_images;
mod ec2_instances;
mod ec2_templates;
mod elb;
mod errors;
mod identity;
mod paging;
mod query;
mod sts;
mod xml;

use jiff::Timestamp;

use super::world::{Place, World};
use errors::Error;
use query::Params;
use xml::Xml;

pub(super) use errors::{contention, expired, server_trouble, throttled};
pub use identity::Service;
pub(super) use identity::{Asker, identify};
pub use sts::{HOME_KEY, HOME_SECRET};

/// A request as it came in.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    /// The `Authorization` header.
    pub(super) authorization: Option<String>,
    /// The parameters, form-encoded: the body, or the query of a GET.
    pub(super) form: Vec<u8>,
}

/// An answer as it goes out: always XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// The HTTP status.
    pub(super) status: u16,
    /// The body.
    pub(super) body: String,
}

/// A request that is understood so far: the action, and its parameters.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// The API action.
    pub(super) action: String,
    params: Params,
}

/// What a service's module needs to answer.
struct Ask<'a> {
    world: &'a mut World,
    place: Place,
    action: &'a str,
    params: &'a Params,
    /// The present, when this read is a stale one.
    stale: Option<Timestamp>,
    asker: &'a Asker,
}

type Answer = Result<Xml, Error>;

impl Question {
    /// Reads the parameters.
    pub(super) fn read(form: &[u8]) -> Self {
        let params = Params::parse(form);
        Self { action: params.get("Action").unwrap_or_default().to_owned(), params }
    }

    /// The group or other resource that it is about, as far as it names one.
    pub(super) fn resource(&self) -> Option<String> {
        const NAMES: [&str; 9] = [
            "AutoScalingGroupName",
            "AutoScalingGroupNames.member.1",
            "LaunchTemplateId",
            "LaunchTemplateName",
            "ImageId.1",
            "ResourceId.1",
            "Tags.member.1.ResourceId",
            "TargetGroupArn",
            "RoleArn",
        ];
        NAMES.into_iter().find_map(|name| self.params.get(name)).map(str::to_owned)
    }
}

/// Answers a request of somebody who is known.
pub(super) fn answer(world: &mut World, asker: &Asker, question: &Question, stale: bool) -> Reply {
    let place = Place { account: asker.account.clone(), region: asker.region.clone() };
    let id = world.dice.uuid();
    let stale = stale.then_some(world.now);
    let action = question.action.as_str();
    let mut ask = Ask { world, place, action, params: &question.params, stale, asker };
    let answer = match asker.service {
        Service::Ec2 => ec2::answer(&mut ask),
        Service::AutoScaling => autoscaling::answer(&mut ask),
        Service::LoadBalancing => elb::answer(&mut ask),
        Service::Sts => sts::answer(&mut ask),
    };
    match answer {
        Ok(xml) => Reply { status: 200, body: xml.envelope(asker.service, action, &id) },
        Err(error) => error.reply(asker.service, &id),
    }
}

/// Refuses a request of somebody who is not known.
pub(super) fn refuse(world: &mut World, service: Service, error: &Error) -> Reply {
    let id = world.dice.uuid();
    error.reply(service, &id)
}
