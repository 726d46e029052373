//! Builds event streams for tests, a piece of a run at a time.

use jiff::Timestamp;

use crate::event::{
    CheckResult, Event, GroupRef, PlannedAction, PlannedGroup, Probe, Simulation, Stamped, Status, Step,
};
use crate::model::{
    Architecture, Build, CandidateImage, EnvironmentName, Exit, Outcome, RefreshStatus, Target, Tracking,
    Verdict,
};

/// The image that the samples roll out, and the one before.
pub(crate) const NEW: &str = "ami-0aaa1111aaa1111aa";
pub(crate) const OLD: &str = "ami-0bbb2222bbb2222bb";

/// Builds a stream, a few seconds between two events.
pub(crate) struct Stream {
    pub(crate) at: i64,
    pub(crate) events: Vec<Stamped>,
}

pub(crate) fn env(name: &str) -> EnvironmentName {
    EnvironmentName::from(name)
}

pub(crate) fn group(environment: &str, name: &str) -> GroupRef {
    GroupRef { environment: env(environment), region: "eu-west-2".into(), group: name.into() }
}

pub(crate) fn planned(environment: &str, name: &str, action: PlannedAction) -> PlannedGroup {
    let skip = action == PlannedAction::Skip;
    PlannedGroup {
        group: group(environment, name),
        image: Some(if skip { NEW } else { OLD }.into()),
        image_name: if skip { "dept-base-20261121194500" } else { "dept-base-20261107190212" }.into(),
        new_image: (!skip).then(|| NEW.into()),
        template: format!("{name} (lt-0{name})"),
        version: Some(6),
        tracking: Some(Tracking::Latest),
        desired: 4,
        action,
        why: if skip { "already on this image".into() } else { String::new() },
        checks: vec!["instances".into(), "app-health".into()],
        rollback: None,
        notes: Vec::new(),
        team: None,
        opens: None,
    }
}

pub(crate) fn probe(subject: &str, status: Status, message: &str, evidence: &str) -> Probe {
    let (message, evidence) = (message.into(), evidence.into());
    Probe {
        subject: subject.into(),
        status,
        message,
        attempts: 3,
        latency_ms: 12,
        refused: false,
        evidence,
        output: String::new(),
    }
}

pub(crate) fn check(name: &str, status: Status, message: &str, probes: Vec<Probe>) -> CheckResult {
    CheckResult { check: name.into(), status, message: message.into(), probes, took_ms: 30_250 }
}

impl Stream {
    pub(crate) fn new(environments: &[&str], simulation: Option<Simulation>) -> Self {
        let start: Timestamp = "2026-11-22T19:00:00Z".parse().unwrap();
        let mut stream = Self { at: start.as_second(), events: Vec::new() };
        stream.push(Event::RunStarted {
            command: "rollout".into(),
            version: "0.1.0".into(),
            simulation,
            family: "base".into(),
            images: vec![CandidateImage {
                region: "eu-west-2".into(),
                id: NEW.into(),
                architecture: Architecture::X86_64,
                name: "dept-base-20261121194500".into(),
                owner: "111111111111".into(),
            }],
            build: Build {
                url: Some("https://jenkins.example/job/base/812/".into()),
                number: Some("812".into()),
                commit: Some("4f2a9c1".into()),
            },
            environments: environments.iter().map(|name| env(name)).collect(),
            simulated: false,
            timezone: None,
        });
        stream
    }

    pub(crate) fn push(&mut self, event: Event) -> &mut Self {
        self.events.push(Stamped { at: Timestamp::from_second(self.at).unwrap(), event });
        self.at += 1;
        self
    }

    pub(crate) fn wait(&mut self, seconds: i64) -> &mut Self {
        self.at += seconds;
        self
    }

    pub(crate) fn start(&mut self, environment: &str, groups: Vec<PlannedGroup>) -> &mut Self {
        self.push(Event::EnvironmentStarted { environment: env(environment) });
        self.environment_step(environment, Step::Gate, Status::Passed, "sandbox passed 23h ago");
        self.push(Event::Planned { environment: env(environment), groups });
        self.environment_step(environment, Step::Plan, Status::Passed, "nothing stands against it")
    }

    pub(crate) fn environment_step(
        &mut self,
        environment: &str,
        step: Step,
        status: Status,
        message: &str,
    ) -> &mut Self {
        let (environment, message) = (env(environment), message.into());
        self.push(Event::EnvironmentStep {
            environment,
            step,
            status,
            message,
            evidence: vec![],
            took_ms: 800,
        })
    }

    pub(crate) fn step(&mut self, group: &GroupRef, step: Step, status: Status, message: &str) -> &mut Self {
        let evidence = vec![format!("{} looked at", step.as_str())];
        let (group, message) = (group.clone(), message.into());
        self.push(Event::GroupStep { group, step, status, message, evidence, took_ms: 61_500 })
    }

    pub(crate) fn moved(&mut self, group: &GroupRef, status: RefreshStatus, percent: u8) -> &mut Self {
        let (group, reason) = (group.clone(), String::new());
        self.push(Event::RefreshMoved { group, status, percent, remaining: 2, reason })
    }

    /// From the pin to the bake.
    pub(crate) fn refresh(&mut self, group: &GroupRef) -> &mut Self {
        let template = format!("lt-0{}", group.group);
        self.push(Event::Pinned { group: group.clone(), tracking: Tracking::Latest, version: 6 });
        self.push(Event::VersionReady {
            environment: group.environment.clone(),
            region: group.region.clone(),
            template: template.as_str().into(),
            source: 6,
            version: 7,
            image: NEW.into(),
            reused: false,
        });
        self.step(group, Step::Template, Status::Passed, "version 7 made from 6 and read back");
        self.push(Event::RefreshStarted {
            group: group.clone(),
            refresh: "08b91cf7-8fa6-48af-b6a6-d227f40f1b9b".into(),
            target: Target::plain(template.as_str().into(), 7),
            adopted: false,
        });
        self.moved(group, RefreshStatus::Pending, 0).wait(30);
        self.moved(group, RefreshStatus::InProgress, 0).wait(200);
        self.moved(group, RefreshStatus::InProgress, 50).wait(200);
        self.moved(group, RefreshStatus::Baking, 100)
    }

    pub(crate) fn checks(&mut self, group: &GroupRef, results: Vec<CheckResult>) -> &mut Self {
        let checks = results.iter().map(|result| result.check.clone()).collect();
        self.push(Event::ChecksStarted { group: group.clone(), checks }).wait(30);
        for result in results {
            self.push(Event::CheckEnded { group: group.clone(), result });
        }
        self
    }

    pub(crate) fn end(&mut self, group: &GroupRef, outcome: Outcome, image: Option<&str>) -> &mut Self {
        let images = image.into_iter().map(|image| (image.into(), 4)).collect();
        let group = group.clone();
        self.push(Event::GroupEnded { group, outcome, images, stragglers: vec![], took_ms: 724_000 })
    }

    /// A group that goes well from start to end.
    pub(crate) fn good(&mut self, group: &GroupRef) -> &mut Self {
        self.refresh(group).checks(group, passing());
        self.wait(600).moved(group, RefreshStatus::Successful, 100);
        self.step(group, Step::Refresh, Status::Passed, "4 of 4 instances replaced");
        self.step(group, Step::Prove, Status::Passed, "4 of 4 instances run the image");
        self.step(group, Step::Tracking, Status::Passed, "follows $Latest again");
        self.end(group, Outcome::Refreshed { instances: 4 }, Some(NEW))
    }

    pub(crate) fn environment_ended(
        &mut self,
        environment: &str,
        verdict: Verdict,
        message: &str,
        next: &[&str],
    ) -> &mut Self {
        self.push(Event::EnvironmentEnded {
            environment: env(environment),
            verdict,
            message: message.into(),
            next: next.iter().map(|next| (*next).to_owned()).collect(),
            took_ms: 1_841_000,
        })
    }

    pub(crate) fn run_ended(&mut self, exit: Exit, message: &str) -> Vec<Stamped> {
        self.push(Event::RunEnded { exit, message: message.into() });
        std::mem::take(&mut self.events)
    }
}

/// Two checks that four instances pass.
pub(crate) fn passing() -> Vec<CheckResult> {
    let probes = |answer: &str| {
        (1..=4).map(|n| probe(&format!("i-0{n}"), Status::Passed, answer, "")).collect::<Vec<_>>()
    };
    vec![
        check("instances", Status::Passed, "4 of 4 instances passed", probes("in service, healthy")),
        check("app-health", Status::Passed, "4 of 4 instances passed", probes("200 OK in 12 ms")),
    ]
}
