//! Rate limits: a large fleet on AWS's limits is not throttled by this program's own looks.

use std::time::Duration;

use ami_refresh::event::Event;
use ami_refresh::model::{Outcome, Verdict};
use ami_refresh::sim::{Fault, FaultKind, FleetSpec, Scenario};
use futures_util::future::join_all;

use crate::stage::{REGION, Stage};
use crate::sweep::block;

/// One environment, in which a refresh takes about half an hour.
fn config(at_once: usize) -> String {
    format!(
        "
version: 1
families: {{ base: {{ previous: {{ name: 'dept-base-*', owners: [self] }} }} }}
defaults:
  regions: [eu-west-2]
  refresh: {{ bake: 10m, warmup: 500s, groups_at_once: {at_once} }}
environments:
  - name: dev
    account: '111111111111'
    role_arn: arn:aws:iam::111111111111:role/ami-refresh
    select: {{ tags: {{ Environment: dev }} }}
    checks: [instances]
"
    )
}

/// So many groups of two instances, each with a template of its own.
fn multiply(spec: &mut FleetSpec, count: usize) {
    let (groups, templates) = (spec.groups.clone(), spec.templates.clone());
    spec.groups.clear();
    spec.templates.clear();
    for at in 0..count {
        let mut group = groups[at % groups.len()].clone();
        let mut template = templates.iter().find(|one| one.name == group.template).expect("one").clone();
        template.name = format!("{}-{at}", template.name);
        group.template.clone_from(&template.name);
        group.name = format!("{}-{at}", group.name).as_str().into();
        group.target_groups.clear();
        spec.templates.push(template);
        spec.groups.push(group);
    }
}

/// A stage of so many groups.
async fn stage(count: usize, config: &str, scenario: &Scenario) -> Stage {
    Stage::with(config, scenario.clone(), 7, |spec| multiply(spec, count)).await
}

/// What a rollout of a large fleet came to.
#[derive(Debug)]
struct Measured {
    verdicts: Vec<Verdict>,
    refreshed: usize,
    calls: usize,
    /// How many of them described refreshes, of one group each.
    described: usize,
    /// When each call was made that was one too many, in seconds from the start.
    too_many: Vec<f64>,
    seconds: f64,
}

impl Measured {
    /// How many calls were too many after the first moments.
    fn too_many_after(&self, seconds: f64) -> usize {
        self.too_many.iter().filter(|at| **at > seconds).count()
    }
}

fn measure(count: usize, config: &str, scenario: &Scenario) -> Measured {
    block(async {
        let stage = stage(count, config, scenario).await;
        let begun = stage.clock.now();
        let verdicts = stage.rollout().await;
        let seconds = stage.clock.since(begun).as_secs_f64();
        let is_end = |event: &Event| match event {
            Event::GroupEnded { outcome: Outcome::Refreshed { .. }, .. } => Some(()),
            _ => None,
        };
        let refreshed = stage.told(is_end).len();
        let too_many = too_many(&stage, begun);
        let (calls, described) = (stage.simulator.calls().len(), made(&stage, "DescribeInstanceRefreshes"));
        Measured { verdicts, refreshed, calls, described, too_many, seconds }
    })
}

/// When each call was made that was one too many, in seconds from that time.
fn too_many(stage: &Stage, begun: jiff::Timestamp) -> Vec<f64> {
    let calls = stage.simulator.calls();
    let over = calls.iter().filter(|call| call.fault == Some(FaultKind::OverLimit));
    over.map(|call| call.at.duration_since(begun).as_secs_f64()).collect()
}

/// A large fleet on AWS's limits, against the same on none.
fn a_large_fleet_is_not_throttled(count: usize, config: &str, calls: usize) {
    let free = measure(count, config, &Scenario::clean());
    let limited = measure(count, config, &Scenario::named("throttled").expect("a scenario"));
    for measured in [&free, &limited] {
        assert_eq!((measured.verdicts.as_slice(), measured.refreshed), (&[Verdict::Passed][..], count));
    }
    assert_eq!(free.too_many.len(), 0);
    // The limits are learnt of each kind of call when it is first made often: while groups are
    // surveyed and marked, and versions made.
    assert!(!limited.too_many.is_empty() && limited.too_many.len() < 40, "{:?}", limited.too_many);
    assert!(limited.too_many_after(300.0) <= 5, "{:?}", limited.too_many);
    let ratio = limited.seconds / free.seconds;
    assert!(ratio <= 1.1, "{} s, and without limits {} s: {ratio}", limited.seconds, free.seconds);
    assert!(free.calls < count * calls, "{} calls", free.calls);
    // Instances are seen in common, so the refresh itself is asked for what they don't tell: whether it
    // is there, and, in a long warmup, whether it still is; when it bakes; and how it ended.
    assert!(free.described <= count * 8, "{} looks at refreshes", free.described);
}

#[test]
fn five_hundred_groups_fifty_at_once_do_not_throttle_themselves() {
    a_large_fleet_is_not_throttled(500, &config(50), 18);
}

#[test]
fn groups_as_many_at_once_as_is_usual_do_not_throttle_themselves() {
    // The fewer there are at a time, the less they share.
    a_large_fleet_is_not_throttled(200, &config(10), 24);
}

#[test]
fn far_tighter_limits_are_found_and_kept() {
    let text = "
name: tight
about: a busy account
effects:
  - limits: { autoscaling: { burst: 10, rate: 3 }, ec2: { burst: 10, rate: 3 } }
";
    let measured = measure(100, &config(100), &Scenario::from_yaml(text).expect("a scenario"));
    assert_eq!((measured.verdicts.as_slice(), measured.refreshed), (&[Verdict::Passed][..], 100));
    let late = measured.too_many_after(300.0);
    assert!(late * 25 <= measured.calls, "{late} of {} calls were too many", measured.calls);
}

#[test]
fn a_long_throttled_spell_fails_no_call() {
    block(async {
        let stage = Stage::new(crate::stage::CONFIG, Scenario::clean(), 3).await;
        for at_call in 1..=300 {
            stage.simulator.inject(Fault { at_call, kind: FaultKind::Throttle });
        }
        let begun = stage.clock.now();
        assert_eq!(stage.rollout().await, [Verdict::Passed, Verdict::Passed]);
        let last =
            stage.simulator.calls().iter().filter(|call| call.fault.is_some()).map(|call| call.at).max();
        let spell = last.expect("a throttled call").duration_since(begun).as_secs();
        assert!(spell > 300, "AWS throttled every call for {spell} s");
    });
}

#[test]
fn whoever_assumes_a_role_shares_its_limits() {
    let text = "
name: tight
about: a busy account
effects:
  - limits: { autoscaling: { burst: 4, rate: 1 } }
";
    block(async {
        let stage = stage(1, &config(1), &Scenario::from_yaml(text).expect("a scenario")).await;
        let begun = stage.clock.now();
        for _ in 0..80 {
            stage
                .cloud
                .assume(&stage.fleet.environments[0], &REGION.into())
                .groups()
                .await
                .expect("an answer");
        }
        let struck = too_many(&stage, begun).len();
        assert!((1..15).contains(&struck), "{struck} of 80 calls were too many");
    });
}

/// How many calls of an action were made.
fn made(stage: &Stage, action: &str) -> usize {
    stage.simulator.calls().iter().filter(|call| call.action == action).count()
}

#[test]
fn groups_that_are_looked_at_together_share_the_calls() {
    block(async {
        let stage = stage(60, &config(1), &Scenario::clean()).await;
        let account = stage.cloud.assume(&stage.fleet.environments[0], &REGION.into());
        let names = stage
            .simulator
            .inspect(|world| world.groups.values().map(|group| group.key.name.clone()).collect::<Vec<_>>());
        // Whoever opened the round may lose interest.
        let first = tokio::time::timeout(Duration::from_millis(50), account.sight(&names[0])).await;
        assert!(first.is_err());
        let seen = join_all(names.iter().map(|name| account.sight(name))).await;
        for (name, seen) in names.iter().zip(seen) {
            let seen = seen.expect("a sighting");
            assert_eq!((&seen.group.name, seen.instances.len()), (name, 2));
            assert!(seen.instances.values().all(|instance| instance.status_ok == Some(true)));
        }
        let calls = |action| made(&stage, action);
        assert_eq!(calls("DescribeAutoScalingGroups"), 1);
        assert_eq!((calls("DescribeInstances"), calls("DescribeInstanceStatus")), (1, 2));
        // So do those who want to see the groups alone, and they ask for no instance.
        let seen = join_all(names.iter().map(|name| account.glimpse(name))).await;
        assert!(names.iter().zip(seen).all(|(name, seen)| seen.is_ok_and(|seen| seen.group.name == *name)));
        assert_eq!((calls("DescribeAutoScalingGroups"), calls("DescribeInstances")), (2, 1));
        // What is asked for later is read again, and a group that is not there is told.
        assert!(account.sight(&names[0]).await.is_ok());
        assert_eq!(calls("DescribeAutoScalingGroups"), 3);
        let gone = account.sight(&"nobody".into()).await.expect_err("no such group");
        assert!(gone.to_string().contains("nobody is gone"), "{gone}");
    });
}

#[test]
fn what_somebody_does_to_a_refresh_is_found_out_in_minutes_though_it_is_seldom_asked() {
    // What goes back shows in the instances; that nothing goes on has to be waited for.
    for (rolls_back, within) in [(true, 130), (false, 430)] {
        block(async {
            let stage = stage(1, &config(1), &Scenario::clean()).await;
            let account = stage.cloud.assume(&stage.fleet.environments[0], &REGION.into());
            let name =
                stage.simulator.inspect(|world| world.groups.keys().next().expect("a group").name.clone());
            let somebody = async {
                stage.clock.sleep(Duration::from_secs(700)).await;
                let taken = if rolls_back {
                    account.rollback_refresh(&name).await
                } else {
                    account.cancel_refresh(&name).await
                };
                taken.expect("an active refresh");
                stage.clock.now()
            };
            let (verdicts, at) = tokio::join!(stage.rollout(), somebody);
            assert_eq!(verdicts, [Verdict::RolledBack]);
            let events = stage.events.borrow();
            let mut after = events.iter().filter(|stamped| stamped.at > at);
            let told = after.find(|stamped| matches!(stamped.event, Event::RollbackStarted { .. }));
            let late = told.expect("a rollback").at.duration_since(at).as_secs();
            assert!(late <= within, "it was found out after {late} s");
        });
    }
}
