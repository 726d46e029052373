//! The judgements of `instances` and `targets`, without asking anybody; then asked.

use super::*;

fn judged(sighting: &Sighting) -> Vec<(String, Status, String)> {
    lines(instances::judge(sighting, &expectation()))
}

fn lines(answers: Vec<(Subject, Answer)>) -> Vec<(String, Status, String)> {
    let line = |(subject, answer): (Subject, Answer)| match subject {
        Subject::Instance(id) => (id.to_string(), answer.status, answer.message),
        Subject::Whole(name) | Subject::Alarm(name) => (name, answer.status, answer.message),
    };
    answers.into_iter().map(line).collect()
}

fn line(subject: &str, status: Status, message: &str) -> (String, Status, String) {
    (subject.into(), status, message.into())
}

fn two() -> Sighting {
    sighting(&["i-1", "i-2"], "10.0.0.1")
}

#[test]
fn instances_that_run_what_they_should_pass_one_by_one() {
    let passed = "healthy, runs ami-new";
    assert_eq!(judged(&two()), [line("i-1", Status::Passed, passed), line("i-2", Status::Passed, passed)]);
}

#[test]
fn a_wrong_image_and_a_wrong_version_are_named() {
    let mut seen = two();
    seen.instances.get_mut(&"i-1".into()).unwrap().image = "ami-old".into();
    seen.group.members[0].launched_from = Some(("lt-1".into(), 6));
    seen.group.members[1].launched_from = None;
    assert_eq!(
        judged(&seen),
        [
            line(
                "i-1",
                Status::Failed,
                "launched from lt-1 version 6, expected lt-1 version 7; runs ami-old, expected ami-new"
            ),
            line("i-2", Status::Failed, "launched from no template, expected lt-1 version 7"),
        ]
    );
}

#[test]
fn without_an_expectation_any_image_and_version_will_do() {
    let mut seen = two();
    seen.instances.get_mut(&"i-1".into()).unwrap().image = "ami-old".into();
    seen.group.members[0].launched_from = None;
    let any = Expectation { launches: None, ..expectation() };
    assert!(instances::judge(&seen, &any).iter().all(|(_, answer)| answer.status == Status::Passed));
    let this_image = Expectation { any_version: true, ..expectation() };
    let statuses: Vec<Status> =
        instances::judge(&seen, &this_image).iter().map(|(_, answer)| answer.status).collect();
    assert_eq!(statuses, [Status::Failed, Status::Passed]);
}

#[test]
fn health_and_status_checks_must_be_good() {
    let mut seen = two();
    seen.group.members[0].healthy = false;
    seen.instances.get_mut(&"i-2".into()).unwrap().status_ok = None;
    assert_eq!(
        judged(&seen),
        [
            line("i-1", Status::Failed, "Auto Scaling calls it unhealthy"),
            line("i-2", Status::Failed, "EC2 status checks have not answered yet"),
            line("web", Status::Failed, "1 in service and healthy, 2 desired"),
        ]
    );
    seen.instances.get_mut(&"i-2".into()).unwrap().status_ok = Some(false);
    assert_eq!(judged(&seen)[1], line("i-2", Status::Failed, "EC2 status checks failed"));
}

#[test]
fn an_instance_that_ec2_does_not_know_could_not_be_asked() {
    let mut seen = two();
    seen.instances.remove(&"i-2".into());
    assert_eq!(judged(&seen)[1], line("i-2", Status::Errored, "EC2 does not know it"));
    // What Auto Scaling knows is wrong all the same.
    seen.group.members[1].healthy = false;
    assert_eq!(judged(&seen)[1], line("i-2", Status::Failed, "Auto Scaling calls it unhealthy"));
}

#[test]
fn only_instances_in_service_count_and_their_number_must_be_the_desired_one() {
    let mut seen = two();
    seen.group.members[1].lifecycle = Lifecycle::Pending;
    assert_eq!(judged(&seen)[1..], [line("web", Status::Failed, "1 in service and healthy, 2 desired")]);
    seen.group.members[0].lifecycle = Lifecycle::Terminating;
    assert_eq!(judged(&seen), [line("web", Status::Failed, "0 in service and healthy, 2 desired")]);
    seen.group.desired = 0;
    assert_eq!(judged(&seen), [line("web", Status::Skipped, "no instances in service")]);
    let mut seen = two();
    seen.group.desired = 1;
    assert_eq!(judged(&seen)[2..], [line("web", Status::Failed, "2 in service and healthy, 1 desired")]);
}

const BLUE: &str = "arn:aws:elasticloadbalancing:eu-west-2:1:targetgroup/blue/0a1b";
const GREEN: &str = "arn:aws:elasticloadbalancing:eu-west-2:1:targetgroup/green/0a1b";

fn target(arn: &str, id: &str, port: u16, state: &str, reason: &str) -> TargetHealth {
    TargetHealth {
        target_group: arn.into(),
        instance: id.into(),
        port,
        state: state.into(),
        reason: reason.into(),
    }
}

#[test]
fn every_instance_must_be_healthy_in_every_target_group() {
    let mut seen = two();
    seen.group.target_groups = vec![BLUE.into(), GREEN.into()];
    let health = [
        target(BLUE, "i-1", 80, "healthy", ""),
        target(GREEN, "i-1", 80, "healthy", ""),
        target(BLUE, "i-2", 80, "healthy", ""),
        target(BLUE, "i-2", 81, "unhealthy", "Target.Timeout"),
        target(GREEN, "i-9", 80, "unhealthy", ""),
    ];
    assert_eq!(
        lines(targets::judge(&seen.group, &health)),
        [
            line("i-1", Status::Passed, "healthy in blue, green"),
            line(
                "i-2",
                Status::Failed,
                "unhealthy in blue on port 81: Target.Timeout; not registered in green"
            ),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_without_target_groups_or_instances_is_skipped_with_the_cause() {
    let runner = Runner::new(Clock::starting_at(Timestamp::UNIX_EPOCH, 1.0), Network::Sockets);
    let targets = check("targets", CheckKind::Targets, Scope::Instance, retry(300, 10, 3));
    let result = run_one(&runner, calls(|_| Ok(two())), &targets).await;
    assert_eq!((result.status, result.message.as_str()), (Status::Skipped, "the group has no target groups"));
    let instances = check("instances", CheckKind::Instances, Scope::Instance, retry(300, 10, 3));
    let result = run_one(&runner, calls(|_| Ok(sighting(&[], ""))), &instances).await;
    assert_eq!((result.status, result.message.as_str()), (Status::Skipped, "no instances in service"));
    assert_eq!(result.took_ms, 0);
}

#[tokio::test(start_paused = true)]
async fn targets_are_asked_until_they_are_healthy() {
    let runner = Runner::new(Clock::starting_at(Timestamp::UNIX_EPOCH, 1.0), Network::Sockets);
    let mut calls = calls(|_| {
        let mut seen = two();
        seen.group.target_groups = vec![BLUE.into()];
        Ok(seen)
    });
    let began = runner.clock.now();
    let clock = runner.clock;
    calls.health = Box::new(move |arns| {
        assert_eq!(arns, [BLUE]);
        let state = if clock.since(began) < Duration::from_secs(25) { "initial" } else { "healthy" };
        let health = vec![target(BLUE, "i-1", 80, "healthy", ""), target(BLUE, "i-2", 80, state, "")];
        Box::pin(std::future::ready(Ok(health)))
    });
    let targets = check("targets", CheckKind::Targets, Scope::Group, retry(300, 10, 2));
    let result = run_one(&runner, calls, &targets).await;
    assert_eq!((result.status, result.message.as_str()), (Status::Passed, "2 of 2 instances passed"));
    assert_eq!((result.probes[1].attempts, result.took_ms), (5, 40_000));
}

#[tokio::test(start_paused = true)]
async fn status_checks_that_have_not_answered_are_waited_for() {
    let runner = Runner::new(Clock::starting_at(Timestamp::UNIX_EPOCH, 1.0), Network::Sockets);
    let slow = calls(|k| {
        let mut seen = two();
        seen.instances.get_mut(&"i-2".into()).unwrap().status_ok = (k >= 3).then_some(true);
        Ok(seen)
    });
    let instances = check("instances", CheckKind::Instances, Scope::Instance, retry(60, 10, 1));
    let result = run_one(&runner, slow, &instances).await;
    assert_eq!((result.status, result.probes[0].attempts, result.took_ms), (Status::Passed, 4, 30_000));
}

#[tokio::test(start_paused = true)]
async fn what_aws_refuses_is_an_error_with_its_code_and_message() {
    let runner = Runner::new(Clock::starting_at(Timestamp::UNIX_EPOCH, 1.0), Network::Sockets);
    for kind in [CheckKind::Instances, CheckKind::Targets, CheckKind::Http(get("http://{private_ip}/"))] {
        let refused = check("refused", kind, Scope::Instance, retry(30, 10, 1));
        let result = run_one(&runner, calls(|_| Err(throttled())), &refused).await;
        assert_eq!(result.status, Status::Errored);
        assert_eq!(result.message, "DescribeAutoScalingGroups: Throttling: Rate exceeded");
        assert_eq!((result.probes[0].subject.as_str(), result.probes[0].attempts), ("web", 4));
    }
}

#[tokio::test(start_paused = true)]
async fn aws_that_never_answers_is_given_up_on() {
    let runner = Runner::new(Clock::starting_at(Timestamp::UNIX_EPOCH, 1.0), Network::Sockets);
    let mut silent = calls(|_| Ok(two()));
    silent.sight = Box::new(|| Box::pin(std::future::pending()));
    let instances = check("instances", CheckKind::Instances, Scope::Instance, retry(200, 10, 1));
    let result = run_one(&runner, silent, &instances).await;
    assert_eq!((result.status, result.message.as_str()), (Status::Errored, "AWS did not answer within 180s"));
    assert_eq!((result.probes[0].attempts, result.took_ms), (2, 370_000));
}

#[tokio::test(start_paused = true)]
async fn checks_of_a_group_share_what_aws_says_and_come_back_in_order() {
    let runner = Runner::new(Clock::starting_at(Timestamp::UNIX_EPOCH, 1.0), Network::Sockets);
    let (calls, count) = counted(|_| Ok(two()));
    let slow = check("slow", CheckKind::Instances, Scope::Instance, retry(60, 10, 3));
    let quick = check("quick", CheckKind::Instances, Scope::Instance, once());
    let expect = expectation();
    let mut ended = Vec::new();
    let results =
        runner.run_with(calls, &expect, &[&slow, &quick], |result| ended.push(result.check.clone())).await;
    assert_eq!(ended, ["quick", "slow"]);
    assert_eq!(results.iter().map(|result| result.check.as_str()).collect::<Vec<_>>(), ["slow", "quick"]);
    assert_eq!(*count.lock().unwrap(), 3);
}
