//! Checks on the instances, of alarms and by programs, through whole rollouts on the wire.

use std::time::Duration;

use ami_refresh::event::{CheckResult, Event, Status};
use ami_refresh::model::Verdict;
use ami_refresh::sim::{AlarmState, Call, FleetSpec, Place, Scenario};

use crate::stage::{CONFIG, HOME, REGION, Stage};

/// The configuration with one check besides `instances`, asked in `dev`.
pub(crate) fn config(check: &str) -> String {
    let checks = CONFIG.split_once("checks:\n  app-health:").expect("its checks").0;
    let checks = checks.replace("[instances, targets, app-health]", "[instances, ours]");
    let (on, retry) =
        (if check.starts_with("alarm") { "group" } else { "instance" }, "{ for: 2m, every: 20s }");
    format!("{checks}checks:\n  ours:\n    on: {on}\n    retry: {retry}\n    {check}\n")
}

const UNIT: &str = "ssm: { run: [systemctl is-active app, 'test -s /run/app/ready'], within: 1m }";

fn scenario(effects: &str) -> Scenario {
    Scenario::from_yaml(&format!("name: test\nabout: a test\neffects:\n{effects}")).expect("a scenario")
}

/// A rollout of one group of `dev`, with what is told of its check at last.
struct Told {
    stage: Stage,
    verdicts: Vec<Verdict>,
    last: CheckResult,
}

impl Told {
    async fn of(check: &str, effects: &str, change: impl FnOnce(&mut FleetSpec)) -> Self {
        let scenario = if effects.is_empty() { Scenario::clean() } else { scenario(effects) };
        let stage = Stage::with(&config(check), scenario, 7, |spec| {
            spec.groups.retain(|group| group.name.as_str().starts_with("payments"));
            change(spec);
        })
        .await;
        let verdicts = stage.rollout().await;
        let of_dev = |event: &Event| match event {
            Event::CheckEnded { group, result } if group.group.as_str() == "payments-dev" => {
                Some(result.clone()).filter(|result| result.check == "ours")
            }
            _ => None,
        };
        let last = stage.told(of_dev).pop().expect("the check was asked");
        Self { stage, verdicts, last }
    }

    fn calls(&self, action: &str) -> Vec<Call> {
        self.stage.simulator.calls().into_iter().filter(|call| call.action == action).collect()
    }

    fn messages(&self) -> Vec<&str> {
        self.last.probes.iter().map(|probe| probe.message.as_str()).collect()
    }

    #[track_caller]
    fn went_back(&self) {
        assert!(matches!(self.verdicts[0], Verdict::RolledBack), "{:?}", self.verdicts);
        let old = FleetSpec::previous_image(&REGION.into());
        self.stage.simulator.inspect(|world| {
            let group = world.group("payments-dev").expect("the group");
            assert!(group.instances.iter().filter(|one| one.serves()).all(|one| one.image == old));
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_runs_on_every_instance_in_one_call() {
    let told = Told::of(UNIT, "", |_| {}).await;
    assert_eq!(told.verdicts, [Verdict::Passed, Verdict::Passed]);
    assert_eq!((told.last.status, told.last.message.as_str()), (Status::Passed, "2 of 2 instances passed"));
    assert!(told.messages().iter().all(|message| message.starts_with("exit 0 in ")), "{:?}", told.messages());
    let sent = told.calls("SendCommand");
    assert_eq!(sent.len(), 2, "a group of dev, and one of qa: {sent:?}");
    assert!(told.calls("GetCommandInvocation").is_empty(), "what comes with the state will do");
    let lines = told.stage.simulator.inspect(|world| {
        world.commands.values().map(|one| (one.lines.clone(), one.comment.clone())).collect::<Vec<_>>()
    });
    assert!(
        lines.contains(&(
            vec!["systemctl is-active app".to_owned(), "test -s /run/app/ready".to_owned()],
            "ami-refresh: check ours of payments-dev".to_owned()
        )),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_that_fails_on_one_instance_takes_the_group_back() {
    let effects =
        "  - program: { on: new, instances: 1, exit: 3, output: inactive, errors: 'Unit app failed.' }";
    let told = Told::of(UNIT, effects, |_| {}).await;
    told.went_back();
    assert_eq!(told.last.message, "1 of 2 instances failed: exit 3, expected 0: Unit app failed.");
    let failed: Vec<_> = told.last.probes.iter().filter(|probe| probe.status == Status::Failed).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].evidence, "exit 3\n\noutput:\ninactive\n\nerror output:\nUnit app failed.");
    assert!(failed[0].subject.starts_with("i-") && failed[0].attempts > 3, "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_command_must_say_is_looked_for_in_all_that_is_kept() {
    let check = "ssm: { run: [df -h], contains: ready, matches: 'free', exit: [0, 4] }";
    let told = Told::of(check, "", |_| {}).await;
    assert_eq!(told.verdicts[0], Verdict::Passed, "{:?}", told.last);
    assert!(!told.calls("GetCommandInvocation").is_empty());
    // As far into it as only the whole output holds, and beyond that.
    for (before, passes) in [(20_000, true), (30_000, false)] {
        let output = format!("{}ready free 7", "x".repeat(before));
        let effects = format!("  - program: {{ on: all, exit: 4, output: '{output}' }}");
        let told = Told::of(check, &effects, |_| {}).await;
        assert_eq!(told.last.status == Status::Passed, passes, "{before}");
        if !passes {
            assert!(told.last.message.contains("keeps the first 24000 characters"), "{}", told.last.message);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_throttled_are_made_again() {
    let effects = "  - calls: { share: 60, fault: throttle, actions: '*Command*' }";
    let told = Told::of(UNIT, effects, |_| {}).await;
    assert_eq!(told.verdicts, [Verdict::Passed, Verdict::Passed], "{:?}", told.last);
    let struck = told.stage.simulator.calls().iter().filter(|call| call.fault.is_some()).count();
    assert!(struck > 2, "{struck}");
}

#[tokio::test(start_paused = true)]
async fn an_instance_without_an_agent_is_an_error_and_the_others_are_asked() {
    let effects = "  - program: { on: new, instances: 1, agent: absent }";
    let told = Told::of(UNIT, effects, |_| {}).await;
    told.went_back();
    assert_eq!(told.last.status, Status::Errored);
    assert!(
        told.last.message.contains("1 of 2 instances could not be asked: Systems Manager does not manage it")
    );
    assert!(told.last.message.contains("AmazonSSMManagedInstanceCore"), "{}", told.last.message);
    let passed = told.last.probes.iter().filter(|probe| probe.status == Status::Passed).count();
    assert_eq!(passed, 1, "the other one ran it: {:?}", told.last.probes);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_fetches_nothing_and_a_command_that_does_not_end_are_errors_in_time() {
    let told = Told::of(UNIT, "  - program: { on: new, agent: silent }", |_| {}).await;
    told.went_back();
    assert!(told.last.message.contains("its agent did not fetch the command within 60s"), "{:?}", told.last);
    let told = Told::of(UNIT, "  - program: { on: new, takes: 10m }", |_| {}).await;
    told.went_back();
    assert!(told.last.message.contains("did not end within 60s, and was ended there"), "{:?}", told.last);
    assert!(told.last.took_ms < 5 * 60_000, "{}", told.last.took_ms);
}

#[tokio::test(start_paused = true)]
async fn a_large_group_takes_a_command_for_each_fifty() {
    let told = Told::of(UNIT, "", |spec| {
        for group in &mut spec.groups {
            group.capacity = (1, if group.name.as_str().ends_with("-dev") { 120 } else { 2 }, 200);
        }
    })
    .await;
    assert_eq!(told.verdicts, [Verdict::Passed, Verdict::Passed]);
    assert_eq!(told.last.probes.len(), 120);
    assert_eq!(told.calls("SendCommand").len(), 3 + 1);
    let looks = told.calls("ListCommandInvocations").len();
    assert!(looks <= 20, "{looks} looks at 4 commands");
    let mut most = told
        .stage
        .simulator
        .inspect(|world| world.commands.values().map(|one| one.runs.len()).collect::<Vec<_>>());
    most.sort_unstable();
    assert_eq!(most, [2, 20, 50, 50]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_cancels_its_command() {
    let check = "ssm: { run: [sleep 3000], within: 1h }";
    let scenario = scenario("  - program: { on: new, takes: 50m }");
    let stage = Stage::with(&config(check), scenario, 7, |spec| {
        spec.groups.retain(|group| group.name.as_str().starts_with("payments"));
    })
    .await;
    let sent = async {
        while !stage.simulator.calls().iter().any(|call| call.action == "ListCommandInvocations") {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    tokio::select! {
        () = sent => {}
        verdicts = stage.rollout() => panic!("it ended: {verdicts:?}"),
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    stage.simulator.inspect(|world| {
        let runs: Vec<_> = world.commands.values().flat_map(|one| one.runs.values()).collect();
        assert!(!runs.is_empty() && runs.iter().all(|run| run.cancelled.is_some()), "{runs:?}");
    });
}

#[tokio::test(start_paused = true)]
async fn in_a_rehearsal_no_program_is_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("it-was-run");
    let check = format!("command: {{ run: [touch, '{}'] }}", file.display());
    let told = Told::of(&check, "", |_| {}).await;
    assert_eq!(told.verdicts, [Verdict::Passed, Verdict::Passed]);
    assert_eq!((told.last.status, told.last.probes.len()), (Status::Passed, 2));
    let effects = "  - program: { on: new, exit: 2, errors: 'no route' }";
    let told = Told::of(&check, effects, |_| {}).await;
    told.went_back();
    assert_eq!(told.last.message, "2 of 2 instances failed: exit 2, expected 0: no route");
    // An application that is down fails the programs that ask it.
    let effects = "  - application: { on: new, status: 503, body: '' }";
    let told = Told::of(&check, effects, |_| {}).await;
    told.went_back();
    assert!(told.last.message.contains("the application answered 503"), "{}", told.last.message);
    let told = Told::of(&check, "  - program: { on: new, takes: 5m }", |_| {}).await;
    assert!(told.last.message.contains("did not end within 30s"), "{}", told.last.message);
    assert!(!file.exists(), "the program was run");
}

#[tokio::test(start_paused = true)]
async fn alarms_must_be_quiet() {
    let check = "alarm: { names: ['{group}-5xx', shared], prefix: '{environment}-fleet-' }";
    let told = Told::of(check, "", |_| {}).await;
    assert_eq!(told.verdicts, [Verdict::Passed, Verdict::Passed], "{:?}", told.last);
    assert_eq!(told.last.message, "3 of 3 alarms passed");
    let subjects: Vec<&str> = told.last.probes.iter().map(|probe| probe.subject.as_str()).collect();
    assert_eq!(subjects, ["payments-dev-5xx", "shared", "dev-fleet-errors"]);
    let effects = "  - alarm: { name: '*-5xx', on: new, after: 1m }";
    let told = Told::of(check, effects, |_| {}).await;
    told.went_back();
    assert!(told.last.message.starts_with("1 of 3 alarms failed: payments-dev-5xx is ALARM since 2026-"));
    assert!(told.last.probes[0].evidence.contains("Threshold Crossed"), "{:?}", told.last.probes[0]);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_not_there_or_knows_too_little_does_not_pass() {
    let check = "alarm: { names: ['{group}-5xx'] }";
    let told = Told::of(check, "", |spec| spec.alarms.retain(|alarm| alarm.name != "payments-dev-5xx")).await;
    told.went_back();
    assert_eq!(told.last.status, Status::Errored);
    assert!(told.last.message.contains("there is no alarm payments-dev-5xx"), "{}", told.last.message);
    for (key, passes) in [("", false), (", insufficient_data: pass", true)] {
        let check = format!("alarm: {{ names: ['{{group}}-5xx']{key} }}");
        let told = Told::of(&check, "", |spec| {
            for alarm in &mut spec.alarms {
                alarm.state = AlarmState::InsufficientData;
            }
        })
        .await;
        assert_eq!(told.last.status == Status::Passed, passes, "{:?}", told.last);
    }
    let told = Told::of("alarm: { prefix: nobody- }", "", |spec| spec.alarms.clear()).await;
    assert!(told.last.message.contains("no alarm in eu-west-2"), "{}", told.last.message);
}

#[tokio::test(start_paused = true)]
async fn many_alarms_take_a_call_for_each_hundred() {
    let names: Vec<String> = (0..150).map(|number| format!("a{number}")).collect();
    let told = Told::of(&format!("alarm: {{ names: [{}] }}", names.join(", ")), "", |_| {}).await;
    assert_eq!((told.last.status, told.last.probes.len()), (Status::Passed, 150));
    assert_eq!(told.calls("DescribeAlarms").len(), 2 * 2, "of dev and of qa");
    let home = Place { account: HOME.into(), region: REGION.into() };
    assert!(
        told.stage.simulator.inspect(|world| world.alarm(&home, "a0").is_none()),
        "they are the environments'"
    );
}
