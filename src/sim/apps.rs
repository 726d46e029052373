//! The applications on the simulated instances.
//!
//! [`Applications`] connects as a socket would, in process. What an application answers
//! depends on its group, the instance's image, and the scenario.

mod http;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::Simulator;
use super::fleet::AppKind;
use super::scenario::{AnswerChange, EffectKind};
use super::world::{Ending, Group, Instance, Life, World};
use crate::model::{GroupName, InstanceId, Region};
use crate::net::Stream;

/// A handle on the simulated applications.
#[derive(Clone)]
pub struct Applications {
    simulator: Simulator,
}

impl fmt::Debug for Applications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Applications")
    }
}

/// What a connection meets.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Met {
    /// An application that answers, so many seconds late.
    Answers(AppKind, u32),
    /// An application that accepts and never answers.
    Mute,
    /// Nothing listens there.
    Refused,
    /// Nobody has that address.
    Nobody,
    /// The name is no host's.
    Unknown,
}

/// How much a connection holds between its ends.
const BUFFER: usize = 64 * 1024;

impl Applications {
    pub(super) fn new(simulator: Simulator) -> Self {
        Self { simulator }
    }

    /// Connects as a socket would. An address that nobody has never answers: the caller
    /// sets the time limit.
    ///
    /// # Errors
    /// Refused when the instance is not up yet, or nothing listens on the port; not found when
    /// the host is a name that leads to no group.
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<Stream> {
        let met = self.meet(host, port);
        match met {
            Met::Refused => Err(io::ErrorKind::ConnectionRefused.into()),
            Met::Nobody => std::future::pending().await,
            Met::Unknown => {
                Err(io::Error::new(io::ErrorKind::NotFound, format!("no host {host} in the simulation")))
            }
            Met::Answers(..) | Met::Mute => {
                let (near, far) = tokio::io::duplex(BUFFER);
                let clock = self.simulator.clock();
                tokio::spawn(async move { answer(met, far, |wait| clock.real(wait)).await });
                Ok(Box::new(near))
            }
        }
    }

    /// How a program ends that a check runs for an instance, or for a group as a whole: for its
    /// newest instance then. Nothing is run.
    ///
    /// # Errors
    /// When there is no such instance or group.
    pub async fn run(
        &self,
        (region, group, instance): (&Region, &GroupName, Option<&InstanceId>),
        words: &[String],
    ) -> Result<Ending, String> {
        let ending = self.simulator.inspect(|world| {
            let here = |one: &&Group| one.key.place.region == *region && one.key.name == *group;
            let found = world.groups.values().filter(here).find_map(|group| match instance {
                Some(id) => group.instances.iter().find(|one| one.id == *id).map(|one| (group, one)),
                None => group.serving().max_by_key(|one| one.serving_since).map(|one| (group, one)),
            });
            found.map(|(group, instance)| world.ending(group, instance, words))
        });
        let ending = ending.ok_or_else(|| "nobody is there to be asked in the simulation".to_owned())?;
        self.simulator.clock().sleep(Duration::from_secs(ending.takes.into())).await;
        Ok(ending)
    }

    fn meet(&self, host: &str, port: u16) -> Met {
        self.simulator.inspect(|world| meet(world, host, port))
    }

    /// Serves one connection to an address, for the loopback server.
    pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        address: Ipv4Addr,
        port: u16,
        stream: S,
    ) {
        let met = self.meet(&address.to_string(), port);
        let clock = self.simulator.clock();
        answer(met, stream, |wait| clock.real(wait)).await;
    }
}

fn meet(world: &World, host: &str, port: u16) -> Met {
    let found = match host.parse() {
        Ok(address) => world.at_address(address),
        Err(_) if !world.hosts.contains_key(host) => return Met::Unknown,
        Err(_) => balanced(world, host),
    };
    let Some((group, instance)) = found else { return Met::Nobody };
    match instance.life {
        Life::Pending | Life::ReplacingRoot => return Met::Refused,
        Life::Terminated => return Met::Nobody,
        Life::Warmed if instance.ec2().0 == "stopped" => return Met::Nobody,
        Life::InService | Life::Standby | Life::Warmed | Life::Terminating => {}
    }
    // One that has died for EC2 does not answer its network either.
    if !instance.alive {
        return Met::Nobody;
    }
    let Some(app) = group.apps.iter().find(|app| app.port == port) else { return Met::Refused };
    let change = group.effect(&world.scenario, EffectKind::application);
    match change.filter(|change| change.on.hits(instance.image_is_new)) {
        None => Met::Answers(app.kind.clone(), 0),
        Some(change) => changed(&app.kind, change),
    }
}

/// Behind a group's host name: an instance that serves.
fn balanced<'a>(world: &'a World, host: &str) -> Option<(&'a Group, &'a Instance)> {
    let group = world.groups.get(world.hosts.get(host)?)?;
    // A check must not pass because a balancer happened to ask an old instance: the newest answers.
    group.serving().max_by_key(|instance| instance.serving_since).map(|instance| (group, instance))
}

fn changed(healthy: &AppKind, change: &AnswerChange) -> Met {
    if change.refuse {
        return Met::Refused;
    }
    if change.silent {
        return Met::Mute;
    }
    let kind = match healthy {
        AppKind::Http { path, headers, .. } => AppKind::Http {
            path: path.clone(),
            status: change.status,
            headers: headers.clone(),
            body: change.body.clone(),
        },
        AppKind::Tcp { .. } => AppKind::Tcp { banner: change.body.clone() },
    };
    Met::Answers(kind, change.delay)
}

async fn answer<S>(met: Met, mut stream: S, real: impl Fn(Duration) -> Duration)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match met {
        Met::Answers(AppKind::Http { path, status, headers, body }, late) => {
            let late = real(Duration::from_secs(late.into()));
            http::serve(stream, &http::Page { path, status, headers, body, late }).await;
        }
        Met::Answers(AppKind::Tcp { banner }, late) => {
            tokio::time::sleep(real(Duration::from_secs(late.into()))).await;
            // A peer that is gone already needs no banner.
            let _ = stream.write_all(banner.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Met::Mute => {
            // Reads until the peer hangs up.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
        Met::Refused | Met::Nobody | Met::Unknown => {}
    }
}
