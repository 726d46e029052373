//! Event streams for tests: whole runs as the rollout emits them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::event::{
    CheckResult, Event, GroupRef, PlannedAction, PlannedGroup, Probe, RollbackRoute, Simulation, Stamped,
    Status, Step,
};
use crate::model::{
    Architecture, Build, CandidateImage, EnvironmentName, Exit, Outcome, Problem, RefreshStatus, Target,
    Tracking, Verdict,
};

/// The image that the samples roll out, and the one before.
pub(crate) const NEW: &str = "ami-0aaa1111aaa1111aa";
pub(crate) const OLD: &str = "ami-0bbb2222bbb2222bb";

/// Builds a stream, a few seconds between two events.
pub(crate) struct Stream {
    at: i64,
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
    }
}

pub(crate) fn probe(subject: &str, status: Status, message: &str, evidence: &str) -> Probe {
    let (message, evidence) = (message.into(), evidence.into());
    Probe { subject: subject.into(), status, message, attempts: 3, latency_ms: 12, evidence }
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
            target: Target { template: template.as_str().into(), version: 7 },
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

fn passing() -> Vec<CheckResult> {
    let probes = |answer: &str| {
        (1..=4).map(|n| probe(&format!("i-0{n}"), Status::Passed, answer, "")).collect::<Vec<_>>()
    };
    vec![
        check("instances", Status::Passed, "4 of 4 instances passed", probes("in service, healthy")),
        check("app-health", Status::Passed, "4 of 4 instances passed", probes("200 OK in 12 ms")),
    ]
}

fn failing() -> Vec<CheckResult> {
    let mut results = passing();
    results[1].status = Status::Failed;
    results[1].message = "2 of 4 instances failed".into();
    for at in [1, 3] {
        results[1].probes[at] = probe(
            &format!("i-0{}", at + 1),
            Status::Failed,
            "500 Internal Server Error, wanted 200",
            "{\"status\":\"DOWN\",\n \"db\":\"]]> \u{1b}[31mrefused\u{1b}[0m\"}",
        );
    }
    results
}

/// Three groups, one of them current already; all is well.
pub(crate) fn clean(simulation: Option<Simulation>) -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa"], simulation);
    let (payments, search, batch) =
        (group("qa", "payments-qa"), group("qa", "search-qa"), group("qa", "reports-batch-qa"));
    let plan = |name, action| planned("qa", name, action);
    stream.start(
        "qa",
        vec![
            plan("payments-qa", PlannedAction::Refresh),
            plan("search-qa", PlannedAction::Skip),
            plan("reports-batch-qa", PlannedAction::Refresh),
        ],
    );
    stream.end(&search, Outcome::Skipped { why: "already on this image".into() }, Some(NEW));
    stream.good(&payments).good(&batch);
    stream.environment_step("qa", Step::Record, Status::Passed, "gate qa is passed, 2 of 2 groups");
    stream.environment_ended("qa", Verdict::Passed, "2 groups on the new image", &[]);
    stream.run_ended(Exit::Done, "1 environment passed")
}

/// The canary's check fails in the bake; AWS rolls back; the second group is never started.
pub(crate) fn failed_check() -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa", "prod"], None);
    let (payments, search) = (group("qa", "payments-qa"), group("qa", "search-qa"));
    let plan = |name| planned("qa", name, PlannedAction::Refresh);
    stream.start("qa", vec![plan("payments-qa"), plan("search-qa")]).refresh(&payments);
    let why = "app-health: 2 of 4 instances failed";
    for _again in 0..2 {
        stream.push(Event::LaunchFailed {
            group: payments.clone(),
            started: "2026-11-22T19:05:00Z".parse().unwrap(),
            message: "We currently do not have sufficient m5.large capacity in eu-west-2a.".into(),
        });
    }
    stream.checks(&payments, failing());
    stream.push(Event::RollbackStarted {
        group: payments.clone(),
        route: RollbackRoute::Native,
        why: why.into(),
    });
    stream.moved(&payments, RefreshStatus::RollbackInProgress, 0).wait(400);
    stream.moved(&payments, RefreshStatus::RollbackSuccessful, 100);
    stream.step(&payments, Step::Refresh, Status::Passed, "4 of 4 instances replaced");
    stream.step(&payments, Step::Rollback, Status::Passed, "4 of 4 instances run the old image");
    stream.step(&payments, Step::Tracking, Status::Passed, "follows $Latest again");
    stream.end(&payments, Outcome::RolledBack { why: why.into() }, Some(OLD));
    stream.end(&search, Outcome::NotStarted { why: "payments-qa failed".into() }, None);
    stream.environment_step("qa", Step::Record, Status::Passed, "gate qa is revoked");
    let next = ["ami-refresh rollout --environment qa"];
    stream.environment_ended("qa", Verdict::RolledBack, "1 of 2 groups failed and was rolled back", &next);
    stream.environment_ended("prod", Verdict::NotReached, "qa did not pass", &[]);
    stream.run_ended(Exit::RolledBack, "qa failed and is on the old image")
}

/// Two things stand against the environment.
pub(crate) fn refused() -> Vec<Stamped> {
    let mut stream = Stream::new(&["prod"], None);
    let problems = vec![
        Problem::new(
            "group payments-prod follows $Latest of lt-0a1b, which stage's payments-stage shares",
            "publishing a version would put the new image into stage on its next scale-out",
            "pin payments-stage to version 6, or give it a template of its own",
        ),
        Problem::new("group search-prod suspends Launch", "", "resume the process"),
    ];
    stream.push(Event::EnvironmentStarted { environment: env("prod") });
    stream.environment_step("prod", Step::Gate, Status::Passed, "stage passed 23h ago");
    let groups = vec![planned("prod", "payments-prod", PlannedAction::Refresh)];
    stream.push(Event::Planned { environment: env("prod"), groups });
    stream.push(Event::Refused { environment: env("prod"), problems });
    let next = ["ami-refresh plan --environment prod"];
    stream.environment_ended("prod", Verdict::Refused, "2 problems", &next);
    stream.run_ended(Exit::Refused, "prod was refused before anything changed")
}

/// A signal comes while one of two groups is refreshed.
pub(crate) fn aborted() -> Vec<Stamped> {
    let mut stream = Stream::new(&["qa", "prod"], None);
    let (payments, search) = (group("qa", "payments-qa"), group("qa", "search-qa"));
    let plan = |name| planned("qa", name, PlannedAction::Refresh);
    stream.start("qa", vec![plan("payments-qa"), plan("search-qa")]).refresh(&payments);
    stream.push(Event::Aborting { signal: "SIGTERM".into(), on_abort: "leave".into() });
    let next = "ami-refresh refresh --environment qa";
    let left = Outcome::Left { state: "Baking, 100%".into(), next: next.into() };
    stream.end(&payments, left, None);
    stream.end(&search, Outcome::NotStarted { why: "the run was aborted".into() }, None);
    stream.environment_ended("qa", Verdict::Aborted, "a refresh was left to AWS", &[next]);
    stream.run_ended(Exit::Aborted, "aborted by SIGTERM")
}

/// Every kind of event there is, at least once.
pub(crate) fn all() -> Vec<Stamped> {
    let simulation = Some(Simulation { scenario: "clean".into(), seed: u64::MAX });
    let mut events = clean(simulation);
    events.extend([failed_check(), refused(), aborted()].into_iter().flatten());
    let mut rest = Stream { at: 0, events: Vec::new() };
    rest.push(Event::Note { environment: Some(env("qa")), text: "a note".into() });
    rest.push(Event::GroupEnded {
        group: group("qa", "payments-qa"),
        outcome: Outcome::NeedsPerson { why: "stragglers".into(), next: "look".into() },
        images: BTreeMap::from([(NEW.into(), 3), (OLD.into(), 1)]),
        stragglers: vec!["i-0straggler".into()],
        took_ms: u64::MAX,
    });
    events.extend(rest.events);
    events
}
