//! What counts as proof of a group, and who is named when it is none.

use proptest::prelude::*;

use super::*;
use crate::model::{Group, GroupTemplate, Instance, TemplateId};

const OLD: &str = "ami-old";
const NEW: &str = "ami-new";

fn member(id: &str, lifecycle: Lifecycle, version: u64) -> Member {
    let launched_from = Some((TemplateId::from("lt-1"), version));
    Member { id: id.into(), lifecycle, healthy: true, launched_from, protected: false, weight: 1 }
}

fn instance(id: &str, image: &str) -> Instance {
    Instance {
        id: id.into(),
        image: image.into(),
        private_ip: None,
        private_dns: None,
        instance_type: None,
        availability_zone: None,
        state: "running".into(),
        status_ok: Some(true),
    }
}

/// A group on version 7 of these members, each with its image.
fn sighting(desired: u32, members: &[(Member, &str)]) -> Sighting {
    let group = Group {
        name: "web".into(),
        region: "eu-west-2".into(),
        tags: BTreeMap::new(),
        template: Some(GroupTemplate {
            id: "lt-1".into(),
            name: "web".into(),
            tracking: Tracking::Pinned(7),
        }),
        launch_configuration: None,
        policy: None,
        other_balancers: Vec::new(),
        maintenance: None,
        warm_pool: None,
        desired,
        min: 0,
        max: 10,
        members: members.iter().map(|(member, _)| member.clone()).collect(),
        suspended: Vec::new(),
        target_groups: Vec::new(),
        deleting: false,
    };
    let of = |(member, image): &(Member, &str)| (member.id.clone(), instance(member.id.as_str(), image));
    Sighting { group, warm: Vec::new(), instances: members.iter().map(of).collect() }
}

fn preferences() -> Preferences {
    Preferences {
        strategy: crate::config::Strategy::Rolling,
        min_healthy: 90,
        max_healthy: None,
        warmup: None,
        bake: Duration::ZERO,
        checkpoints: Vec::new(),
        checkpoint_delay: Duration::ZERO,
        protected: Protected::Refresh,
        standby: Standby::Terminate,
        alarms: Vec::new(),
        skip_matching: true,
    }
}

fn judged(sighting: &Sighting, any_version: bool, preferences: &Preferences) -> Proof {
    let target = Target::plain("lt-1".into(), 7);
    let launches = [Launch { template: "lt-1".into(), version: 7, image: NEW.into() }];
    let policy = None;
    judge(sighting, &Wanted { launches: &launches, target: &target, any_version, policy, preferences })
}

fn strict(sighting: &Sighting) -> Proof {
    judged(sighting, false, &preferences())
}

fn serving(id: &str, version: u64) -> Member {
    member(id, Lifecycle::InService, version)
}

#[test]
fn a_group_is_proved_when_every_instance_in_service_runs_the_image_and_the_version() {
    let proof = strict(&sighting(2, &[(serving("i-1", 7), NEW), (serving("i-2", 7), NEW)]));
    assert_eq!(proof.wrong, [""; 0]);
    assert_eq!((proof.proved.len(), proof.stragglers.len()), (2, 0));
    assert_eq!(proof.images, BTreeMap::from([(NEW.into(), 2)]));
}

#[test]
fn an_instance_on_another_image_is_a_straggler_by_name() {
    let proof = strict(&sighting(2, &[(serving("i-1", 7), NEW), (serving("i-2", 6), OLD)]));
    assert_eq!(proof.stragglers, ["i-2".into()]);
    assert_eq!(proof.wrong, ["i-2 runs ami-old"]);
    assert_eq!(proof.proved, BTreeSet::from(["i-1".into()]));
    assert_eq!(proof.images, BTreeMap::from([(NEW.into(), 1), (OLD.into(), 1)]));
}

#[test]
fn the_right_image_from_another_version_is_no_proof_unless_any_version_will_do() {
    let seen = sighting(1, &[(serving("i-1", 5), NEW)]);
    assert_eq!(strict(&seen).wrong, ["i-1 was launched from lt-1 version 5"]);
    assert_eq!(judged(&seen, true, &preferences()).wrong, [""; 0]);
}

#[test]
fn an_instance_of_another_template_or_of_none_is_no_proof() {
    let mut other = serving("i-1", 7);
    other.launched_from = Some(("lt-2".into(), 7));
    let mut none = serving("i-2", 7);
    none.launched_from = None;
    let wrong = strict(&sighting(2, &[(other, NEW), (none, NEW)])).wrong;
    assert_eq!(wrong, ["i-1 was launched from lt-2 version 7", "i-2 was launched from no version"]);
}

#[test]
fn an_instance_that_ec2_does_not_know_is_no_proof() {
    let mut seen = sighting(1, &[(serving("i-1", 7), NEW)]);
    seen.instances.clear();
    let proof = strict(&seen);
    assert_eq!(
        (proof.stragglers, proof.wrong),
        (vec!["i-1".into()], vec!["i-1 is not known to EC2".to_owned()])
    );
}

#[test]
fn fewer_in_service_than_desired_is_no_proof() {
    let on_its_way = (member("i-2", Lifecycle::Pending, 7), NEW);
    let leaving = (member("i-3", Lifecycle::Terminating, 6), OLD);
    let proof = strict(&sighting(2, &[(serving("i-1", 7), NEW), on_its_way, leaving]));
    assert_eq!(proof.wrong, ["1 of 2 instances are in service"]);
    assert_eq!(proof.stragglers, []);
}

#[test]
fn a_group_that_names_another_version_is_no_proof_of_its_instances() {
    let mut seen = sighting(1, &[(serving("i-1", 7), NEW)]);
    let tracked = |seen: &mut Sighting, tracking| seen.group.template.as_mut().unwrap().tracking = tracking;
    tracked(&mut seen, Tracking::Pinned(6));
    assert_eq!(strict(&seen).wrong, ["the group names version 6, not 7"]);
    assert_eq!(judged(&seen, true, &preferences()).wrong, [""; 0]);
    tracked(&mut seen, Tracking::Latest);
    assert_eq!(strict(&seen).wrong, [""; 0], "what floats is put right, and looked at, later");
}

#[test]
fn protected_and_standby_instances_stay_old_only_where_that_is_configured() {
    let mut protected = serving("i-1", 6);
    protected.protected = true;
    let aside = member("i-2", Lifecycle::Standby, 6);
    let seen = sighting(2, &[(protected, OLD), (aside, OLD), (serving("i-3", 7), NEW)]);
    let wrong = strict(&seen).wrong;
    assert_eq!(wrong, ["i-1 runs ami-old (protected from scale-in)", "i-2 runs ami-old (standby)"]);
    let lenient = Preferences { protected: Protected::Ignore, standby: Standby::Ignore, ..preferences() };
    let proof = judged(&seen, false, &lenient);
    assert_eq!((proof.wrong, proof.stragglers), (vec![], vec![]));
    assert_eq!(proof.proved, BTreeSet::from(["i-3".into()]), "what is left alone proves nothing");
    for half in [
        Preferences { protected: Protected::Wait, ..lenient.clone() },
        Preferences { standby: Standby::Wait, ..lenient.clone() },
    ] {
        assert_eq!(judged(&seen, false, &half).stragglers.len(), 1);
    }
}

proptest! {
    /// Nobody who serves is overlooked: each is proved, named, or left alone as configured.
    #[test]
    fn every_instance_that_serves_is_proved_or_named(
        kinds in prop::collection::vec((0_u8..5, 5_u64..9, any::<bool>(), any::<bool>()), 0..8),
        desired in 0_u32..6,
    ) {
        let lives = [Lifecycle::InService, Lifecycle::InService, Lifecycle::Standby, Lifecycle::Pending, Lifecycle::Terminating];
        let members: Vec<(Member, &str)> = kinds.iter().enumerate().map(|(at, (life, version, new, protected))| {
            let mut member = member(&format!("i-{at}"), lives[usize::from(*life)].clone(), *version);
            member.protected = *protected;
            (member, if *new { NEW } else { OLD })
        }).collect();
        let proof = strict(&sighting(desired, &members));
        for (member, image) in &members {
            let serves = matches!(member.lifecycle, Lifecycle::InService | Lifecycle::Standby);
            let right = *image == NEW && member.launched_from == Some(("lt-1".into(), 7));
            prop_assert_eq!(proof.proved.contains(&member.id), serves && right);
            prop_assert_eq!(proof.stragglers.contains(&member.id), serves && !right);
        }
        let in_service = members.iter().filter(|(member, _)| member.lifecycle == Lifecycle::InService).count();
        let enough = in_service >= usize::try_from(desired).unwrap();
        prop_assert_eq!(proof.wrong.is_empty(), proof.stragglers.is_empty() && enough);
    }
}
