//! What most steps begin with: the configuration, the candidate, the way to AWS.

use std::net::IpAddr;

use jiff::Timestamp;

use super::Failure;
use crate::aws::{Cloud, Settings};
use crate::cli::Global;
use crate::clock::Clock;
use crate::config::{Environment, Fleet};
use crate::model::{Candidate, EnvironmentName};
use crate::net::Network;
use crate::notify::{Post, Secrets};

/// The variable that `simulator` prints for those who talk to it: `TIME@UNIX*SPEED`, the
/// simulated time at a moment of the system's, in milliseconds, and how much faster it runs.
pub(super) const CLOCK_VARIABLE: &str = "AMI_REFRESH_CLOCK";

/// The longest name of a session that STS takes.
const LONGEST_SESSION: usize = 64;

/// The way to AWS, and the time there.
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) cloud: Cloud,
    pub(super) network: Network,
    /// Whether it is known to be a simulator's: a rehearsal's own, or one on loopback.
    pub(super) simulated: bool,
    /// What messages leave by, and the secrets for it: a rehearsal's, which go to files.
    pub(super) post: Option<(Post, Secrets)>,
}

impl World {
    /// AWS, by the SDK's own settings, or a simulator on loopback that those name.
    pub(super) async fn outside(session: &str) -> Result<Self, Failure> {
        let clock = clock()?;
        let session_name = session_name(session);
        let simulated = std::env::var_os(CLOCK_VARIABLE).is_some();
        let settings = Settings { clock, http_client: None, credentials: None, session_name };
        let cloud = Cloud::new(settings).await;
        Ok(Self { clock, cloud, network: Network::Sockets, simulated, post: None })
    }
}

/// Reads and validates the configuration.
pub(super) fn fleet(global: &Global) -> Result<Fleet, Failure> {
    Ok(Fleet::read(&global.config)?)
}

/// Reads the candidate, which must be of a family and regions that the configuration knows.
pub(super) fn candidate(global: &Global, fleet: &Fleet) -> Result<Candidate, Failure> {
    let candidate = Candidate::read(&global.candidate)?;
    if fleet.families.contains_key(&candidate.family) {
        return Ok(candidate);
    }
    let known: Vec<&str> = fleet.families.keys().map(String::as_str).collect();
    Err(Failure::usage(
        format!("the candidate {} is of family {:?}", global.candidate.display(), candidate.family),
        format!("the configuration names {}", known.join(", ")),
        "add the family to the configuration, or make the candidate again with --family",
    ))
}

/// The named environments, in the configuration's order.
pub(super) fn environments<'f>(fleet: &'f Fleet, names: &[String]) -> Result<Vec<&'f Environment>, Failure> {
    for name in names {
        if fleet.environment(name).is_none() {
            let known: Vec<&str> = fleet.environments.iter().map(|one| one.name.as_str()).collect();
            return Err(Failure::usage(
                format!("there is no environment {name}"),
                format!("the configuration names {}", known.join(", ")),
                "name one of these",
            ));
        }
    }
    let is_wanted = |environment: &&Environment| names.iter().any(|name| environment.name.as_str() == name);
    Ok(fleet.environments.iter().filter(is_wanted).collect())
}

/// The names of environments.
pub(super) fn names(environments: &[&Environment]) -> Vec<EnvironmentName> {
    environments.iter().map(|environment| environment.name.clone()).collect()
}

/// The session's name in `CloudTrail`: the step and the build that asks.
fn session_name(step: &str) -> String {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    session_of(step, &variable("BUILD_NUMBER"), &variable("BUILD_TAG"))
}

/// As STS takes it: letters, digits and a few more, at most 64. Without a number, of a long
/// tag its end, where Jenkins puts the number.
fn session_of(step: &str, number: &str, tag: &str) -> String {
    let kept =
        |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(*c)).collect();
    let (step, number, tag): (String, String, String) = (kept(step), kept(number), kept(tag));
    let mut name = format!("ami-refresh-{step}");
    name.truncate(LONGEST_SESSION);
    let room = LONGEST_SESSION - name.len();
    let build = match (number.is_empty(), tag.is_empty()) {
        (false, _) => format!("-build-{number}"),
        (true, false) => format!("-{}", &tag[tag.len().saturating_sub(room.saturating_sub(1))..]),
        (true, true) => String::new(),
    };
    name.push_str(&build[..build.len().min(room)]);
    name
}

/// The system's clock, or that of the simulator that the AWS calls go to.
fn clock() -> Result<Clock, Failure> {
    let Ok(text) = std::env::var(CLOCK_VARIABLE) else { return Ok(Clock::system()) };
    let endpoint = std::env::var("AWS_ENDPOINT_URL").unwrap_or_default();
    if !is_loopback(&endpoint) {
        return Err(Failure::usage(
            format!("{CLOCK_VARIABLE} is set, and AWS_ENDPOINT_URL names no simulator on loopback"),
            "a clock of its own is for the simulator only, never for AWS",
            format!("unset {CLOCK_VARIABLE}, or take both from what 'ami-refresh simulator' prints"),
        ));
    }
    read_clock(&text).ok_or_else(|| {
        Failure::usage(
            format!("{CLOCK_VARIABLE} can't be read"),
            format!("it says {text:?}"),
            "take it from what 'ami-refresh simulator' prints",
        )
    })
}

fn read_clock(text: &str) -> Option<Clock> {
    let (base, rest) = text.split_once('@')?;
    let (since, speed) = rest.split_once('*')?;
    let base: Timestamp = base.parse().ok()?;
    let since = Timestamp::from_millisecond(since.parse().ok()?).ok()?;
    let speed: f64 = speed.parse().ok().filter(|speed: &f64| speed.is_finite() && *speed > 0.0)?;
    let passed = Timestamp::now().duration_since(since).as_secs_f64() * speed;
    let passed = jiff::SignedDuration::try_from_secs_f64(passed).ok()?;
    Some(Clock::starting_at(base.checked_add(passed).ok()?, speed))
}

/// What [`CLOCK_VARIABLE`] says for a clock that starts at `base` now.
pub(super) fn write_clock(base: Timestamp, speed: f64) -> String {
    format!("{base}@{}*{speed}", Timestamp::now().as_millisecond())
}

fn is_loopback(endpoint: &str) -> bool {
    let host = endpoint.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    host.is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_session_is_named_by_its_step_and_build() {
        assert_eq!(session_of("rollout", "", ""), "ami-refresh-rollout");
        assert_eq!(session_of("rollout", "812", "jenkins-bake-812"), "ami-refresh-rollout-build-812");
        assert_eq!(session_of("plan", "", "jenkins-Bake images-7"), "ami-refresh-plan-jenkins-Bakeimages-7");
        let long = format!("jenkins-{}-812", "folder_".repeat(20));
        let name = session_of("rollout", "", &long);
        assert!(
            name.len() == 64 && name.starts_with("ami-refresh-rollout-") && name.ends_with("folder_-812")
        );
    }

    proptest! {
        #[test]
        fn sts_takes_the_session_of_any_build(step in "[a-z-]{1,20}", number in any::<String>(), tag in ".{0,200}") {
            let name = session_of(&step, &number, &tag);
            let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
            prop_assert!((2..=64).contains(&name.len()) && name.chars().all(fits), "{name}");
            let wanted = format!("ami-refresh-{step}");
            prop_assert!(name.starts_with(&wanted));
        }
    }

    #[test]
    fn only_loopback_endpoints_may_have_a_clock_of_their_own() {
        for yes in ["http://127.0.0.1:4566", "http://127.9.9.9:1", "http://localhost:80", "http://[::1]:80"] {
            assert!(is_loopback(yes), "{yes}");
        }
        for no in
            ["", "https://ec2.eu-west-2.amazonaws.com", "http://10.0.0.1:80", "http://127.0.0.1.example"]
        {
            assert!(!is_loopback(no), "{no}");
        }
    }

    #[tokio::test]
    async fn a_clock_survives_its_variable() {
        let base: Timestamp = "2026-11-22T19:00:00Z".parse().unwrap();
        let clock = read_clock(&write_clock(base, 60.0)).unwrap();
        assert!(clock.since(base).as_secs() < 600 && clock.speed() > 59.0);
        assert!(read_clock("now").is_none() && read_clock("2026-11-22T19:00:00Z@1*0").is_none());
    }
}
