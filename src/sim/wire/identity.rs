//! Who asks: the access key, region and service in the `Authorization` header.

use super::errors::{self, Error};
use crate::model::{AccountId, Region};
use crate::sim::world::World;

/// A service that is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// EC2.
    Ec2,
    /// Auto Scaling.
    AutoScaling,
    /// Elastic Load Balancing, version 2.
    LoadBalancing,
    /// The Security Token Service.
    Sts,
    /// EC2 Image Builder.
    ImageBuilder,
    /// `CloudWatch`.
    CloudWatch,
    /// Systems Manager.
    Ssm,
}

impl Service {
    /// The name that requests are signed for.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::AutoScaling => "autoscaling",
            Self::LoadBalancing => "elasticloadbalancing",
            Self::Sts => "sts",
            Self::ImageBuilder => "imagebuilder",
            Self::CloudWatch => "monitoring",
            Self::Ssm => "ssm",
        }
    }

    /// The XML namespace of its answers; a service that answers in JSON has one for what is
    /// asked in the wrong protocol only.
    pub(super) fn namespace(self) -> &'static str {
        match self {
            Self::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
            Self::AutoScaling => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
            Self::LoadBalancing => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::CloudWatch => "http://monitoring.amazonaws.com/doc/2010-08-01/",
            Self::Ssm => "http://ssm.amazonaws.com/doc/2014-11-06/",
            Self::ImageBuilder => "http://imagebuilder.amazonaws.com/doc/2019-12-02/",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        const ALL: [Service; 7] = [
            Service::Ec2,
            Service::AutoScaling,
            Service::LoadBalancing,
            Service::Sts,
            Service::ImageBuilder,
            Service::CloudWatch,
            Service::Ssm,
        ];
        ALL.into_iter().find(|service| service.as_str() == text)
    }
}

/// Somebody who asks.
#[derive(Debug, Clone)]
pub(in crate::sim) struct Asker {
    pub(in crate::sim) service: Service,
    pub(in crate::sim) account: AccountId,
    pub(in crate::sim) region: Region,
    /// The access key.
    pub(in crate::sim) key: String,
}

/// Finds out who asks. Signatures are not verified: only the key's name counts.
///
/// # Errors
/// The service as far as it is known, and the error in AWS's words.
pub(in crate::sim) fn identify(
    world: &World,
    authorization: Option<&str>,
) -> Result<Asker, (Service, Error)> {
    let scope = authorization.and_then(|header| {
        let (_, rest) = header.split_once("Credential=")?;
        let parts: Vec<&str> = rest.split([',', ' ']).next()?.split('/').collect();
        match parts.as_slice() {
            [key, _day, region, service, _] => Some((*key, *region, *service)),
            _ => None,
        }
    });
    let Some((key, region, service)) = scope else {
        let message = "Request is missing Authentication Token";
        return Err((Service::Sts, Error::with_status(403, "MissingAuthenticationToken", message)));
    };
    let Some(service) = Service::parse(service) else {
        let message = format!("the simulator has no service {service}");
        return Err((Service::Sts, Error::new("UnknownService", message)));
    };
    let account = match world.sessions.get(key) {
        Some(session) if session.expires <= world.now => return Err((service, errors::expired(service))),
        Some(session) => session.account.clone(),
        None => world.home.clone(),
    };
    Ok(Asker { service, account, region: region.into(), key: key.to_owned() })
}
