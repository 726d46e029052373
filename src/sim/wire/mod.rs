//! AWS's wire protocols: a request in, an answer or an error out, in each protocol's shape.
//!
//! [`answer`] finds out who asks for what where, and hands over to the service's module.
//! Only this folder knows AWS's parameter and element names. Never waits.

mod autoscaling;
mod autoscaling_activities;
mod autoscaling_groups;
mod autoscaling_lives;
mod autoscaling_policy;
mod autoscaling_refresh;
mod autoscaling_states;
mod autoscaling_tags;
mod cbor;
mod cloudwatch;
mod ec2;
mod ec2_images;
mod ec2_instances;
mod ec2_tags;
mod ec2_template_lives;
mod ec2_templates;
mod elb;
mod errors;
mod identity;
mod imagebuilder;
mod paging;
mod query;
mod reply;
mod request;
mod ssm;
mod sts;
mod xml;

use jiff::Timestamp;

use super::world::{Place, World};
use errors::Error;
use query::Params;
use reply::Content;
use xml::Xml;

pub(super) use errors::{contention, expired, server_trouble, throttled};
pub use identity::Service;
pub(super) use identity::{Asker, identify};
pub(super) use reply::Reply;
pub(super) use request::{Question, Request};
pub use sts::{HOME_KEY, HOME_SECRET};

/// What a service's module needs to answer.
struct Ask<'a> {
    world: &'a mut World,
    place: Place,
    /// The HTTP method, which is part of an action's name in REST.
    method: &'a str,
    action: &'a str,
    params: &'a Params,
    /// The present, when this read is a stale one.
    stale: Option<Timestamp>,
    asker: &'a Asker,
}

type Answer = Result<Xml, Error>;

/// Answers a request of somebody who is known.
pub(super) fn answer(world: &mut World, asker: &Asker, question: &Question, stale: bool) -> Reply {
    let place = Place { account: asker.account.clone(), region: asker.region.clone() };
    let id = world.dice.uuid();
    let stale = stale.then_some(world.now);
    let Question { action, method, params, unreadable, .. } = question;
    if let Some(error) = unreadable {
        return error.reply(asker.service, question, &id);
    }
    let mut ask = Ask { world, place, method, action, params, stale, asker };
    let answer = match asker.service {
        Service::Ec2 => ec2::answer(&mut ask).map(Content::Xml),
        Service::AutoScaling => autoscaling::answer(&mut ask).map(Content::Xml),
        Service::LoadBalancing => elb::answer(&mut ask).map(Content::Xml),
        Service::Sts => sts::answer(&mut ask).map(Content::Xml),
        Service::ImageBuilder => imagebuilder::answer(&mut ask).map(Content::Tree),
        Service::CloudWatch => cloudwatch::answer(&mut ask).map(Content::Tree),
        Service::Ssm => ssm::answer(&mut ask).map(Content::Tree),
    };
    match answer {
        Ok(content) => Reply::done(content, asker.service, question, &id),
        Err(error) => error.reply(asker.service, question, &id),
    }
}

/// Refuses a request of somebody who is not known.
pub(super) fn refuse(world: &mut World, service: Service, question: &Question, error: &Error) -> Reply {
    let id = world.dice.uuid();
    error.reply(service, question, &id)
}
