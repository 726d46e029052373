//! Mixed instances policies: described, changed, launched from.

use aws_sdk_autoscaling::types::{
    InstanceRequirements, InstancesDistribution, LaunchTemplate, LaunchTemplateOverrides,
    LaunchTemplateSpecification, MemoryMiBRequest, MixedInstancesPolicy, VCpuCountRequest,
};

use super::support::{Bench, GROUP, HOME, NEW, OLD, code, fleet, preferences, template};
use crate::model::{Architecture, RefreshStatus, Tracking};
use crate::sim::wire::Request;
use crate::sim::{FleetSpec, ImageSpec, Instance, Outcome, OverrideSpec, PolicySpec, Scenario};

pub(super) const ARM: &str = "ami-0cccccccccccccccc";
pub(super) const ARM_TEMPLATE: &str = "web-qa-arm";

/// A change to a policy.
pub(super) type Change = fn(&mut MixedInstancesPolicy);

/// A group of that capacity with a policy; there is a template for arm64 too.
pub(super) fn mixed(desired: u32, policy: PolicySpec) -> FleetSpec {
    let mut fleet = fleet(desired, |group| {
        group.target_groups.clear();
        group.policy = Some(policy);
    });
    let mut image = ImageSpec::new(ARM.into(), "dept-base-arm", "eu-west-2".into(), HOME.into());
    image.architecture = Architecture::Arm64;
    fleet.images.push(image);
    let mut arm = template(HOME, ARM_TEMPLATE);
    arm.versions[0].data.extend([
        ("ImageId".to_owned(), ARM.to_owned()),
        ("InstanceType".to_owned(), "m6g.large".to_owned()),
    ]);
    fleet.templates.push(arm);
    fleet
}

pub(super) fn types() -> PolicySpec {
    PolicySpec::of_types(&["m5.large", "m6i.large"])
}

pub(super) fn weighted(weights: [u32; 2]) -> PolicySpec {
    let mut policy = types();
    for (one, weight) in policy.overrides.iter_mut().zip(weights) {
        one.weight = Some(weight);
    }
    policy
}

pub(super) fn by_attributes() -> PolicySpec {
    let wanted = [("VCpuCount.Min", "2"), ("VCpuCount.Max", "4"), ("MemoryMiB.Min", "4096")];
    let requirements = wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let overrides = vec![OverrideSpec { requirements, ..OverrideSpec::default() }];
    PolicySpec { overrides, ..PolicySpec::default() }
}

impl Bench {
    pub(super) fn mixed(desired: u32, policy: PolicySpec) -> Self {
        Self::new(mixed(desired, policy), Scenario::clean())
    }

    /// The group's policy as it is described.
    pub(super) async fn policy(&self) -> Option<MixedInstancesPolicy> {
        let answer = self.scaling.describe_auto_scaling_groups().auto_scaling_group_names(GROUP).send().await;
        answer.expect("the group").auto_scaling_groups()[0].mixed_instances_policy().cloned()
    }

    /// Asks for another policy; the error code when it is refused.
    pub(super) async fn set_policy(&self, policy: MixedInstancesPolicy) -> Result<(), String> {
        let call = self.scaling.update_auto_scaling_group().auto_scaling_group_name(GROUP);
        let answer = call.mixed_instances_policy(policy).send().await;
        answer.map(drop).map_err(|error| code(&error))
    }

    pub(super) fn instances(&self) -> Vec<Instance> {
        self.simulator
            .inspect(|world| world.group(GROUP).map(|group| group.instances.clone()))
            .unwrap_or_default()
    }
}

pub(super) fn overrides(policy: &mut MixedInstancesPolicy) -> &mut Vec<LaunchTemplateOverrides> {
    let template = policy.launch_template.as_mut().expect("a launch template");
    template.overrides.get_or_insert_default()
}

fn specification(name: &str, version: &str) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder().launch_template_name(name).version(version).build()
}

fn policy(overrides: Vec<LaunchTemplateOverrides>) -> MixedInstancesPolicy {
    let launch = LaunchTemplate::builder()
        .launch_template_specification(specification(GROUP, "1"))
        .set_overrides(Some(overrides));
    MixedInstancesPolicy::builder().launch_template(launch.build()).build()
}

fn of_type(name: &str) -> LaunchTemplateOverrides {
    LaunchTemplateOverrides::builder().instance_type(name).build()
}

#[tokio::test(start_paused = true)]
async fn everything_that_was_said_comes_back() {
    let bench = Bench::clean();
    let arm = LaunchTemplateOverrides::builder()
        .instance_type("m6g.large")
        .weighted_capacity("3")
        .launch_template_specification(specification(GROUP, "$Latest"))
        .image_id(NEW);
    let first = LaunchTemplateOverrides::builder().instance_type("m5.large").weighted_capacity("2");
    let mut sent = policy(vec![arm.build(), first.build()]);
    sent.instances_distribution = Some(
        InstancesDistribution::builder()
            .on_demand_allocation_strategy("prioritized")
            .on_demand_base_capacity(1)
            .on_demand_percentage_above_base_capacity(40)
            .spot_allocation_strategy("lowest-price")
            .spot_instance_pools(3)
            .spot_max_price("0.05")
            .build(),
    );
    bench.set_policy(sent.clone()).await.expect("a policy");
    // AWS names each template by id and by name.
    let id = bench.template_id();
    let named = |one: &mut Option<LaunchTemplateSpecification>| {
        one.as_mut().expect("a template").launch_template_id = Some(id.clone());
    };
    named(&mut sent.launch_template.as_mut().expect("a template").launch_template_specification);
    named(&mut overrides(&mut sent)[0].launch_template_specification);
    assert_eq!(bench.policy().await, Some(sent));
}

#[tokio::test(start_paused = true)]
async fn requirements_come_back_with_their_lists() {
    let bench = Bench::clean();
    let requirements = InstanceRequirements::builder()
        .v_cpu_count(VCpuCountRequest::builder().min(2).max(8).build())
        .memory_mib(MemoryMiBRequest::builder().min(4096).build())
        .allowed_instance_types("m5.*")
        .allowed_instance_types("m6i.*")
        .require_hibernate_support(false)
        .build();
    let one = LaunchTemplateOverrides::builder().instance_requirements(requirements.clone()).build();
    bench.set_policy(policy(vec![one])).await.expect("a policy");
    let mut seen = bench.policy().await.expect("a policy");
    assert_eq!(overrides(&mut seen)[0].instance_requirements, Some(requirements));
    let distribution = seen.instances_distribution.expect("AWS fills it in");
    assert_eq!(distribution.on_demand_allocation_strategy.as_deref(), Some("lowest-price"));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_comes_back_too() {
    let bench = Bench::clean();
    let ask = |form: &str| {
        let region = "Credential=AKIASIMULATEDHOMEKEY/20261122/eu-west-2/autoscaling/aws4_request";
        let authorization = format!("AWS4-HMAC-SHA256 {region}, SignedHeaders=host, Signature=0");
        let request = Request::form(Some(&authorization), form.as_bytes().to_vec());
        let Outcome::Answered(reply) = bench.simulator.call(&request) else { panic!("no answer") };
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.text()
    };
    ask(&format!(
        "Action=UpdateAutoScalingGroup&AutoScalingGroupName={GROUP}\
         &MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateName={GROUP}\
         &MixedInstancesPolicy.LaunchTemplate.Overrides.member.1.InstanceType=m5.large\
         &MixedInstancesPolicy.LaunchTemplate.Overrides.member.1.Later.Names.member.1=a\
         &MixedInstancesPolicy.LaunchTemplate.Overrides.member.1.Later.Names.member.2=b\
         &MixedInstancesPolicy.LaunchTemplate.Soon=yes&MixedInstancesPolicy.Then.Part=2"
    ));
    let seen = ask(&format!("Action=DescribeAutoScalingGroups&AutoScalingGroupNames.member.1={GROUP}"));
    for part in [
        "<Later><Names><member>a</member><member>b</member></Names></Later>",
        "<Soon>yes</Soon>",
        "<Then><Part>2</Part></Then>",
        "<Version>$Default</Version>",
    ] {
        assert!(seen.contains(part), "{part} is not in {seen}");
    }
}

#[tokio::test(start_paused = true)]
async fn overrides_take_turns_and_instances_say_what_they_were_launched_from() {
    let mut spec = types();
    spec.overrides[1].image = Some(OLD.into());
    spec.overrides.push(OverrideSpec {
        template: Some((ARM_TEMPLATE.to_owned(), Tracking::Pinned(1))),
        ..OverrideSpec::of_type("m6g.large")
    });
    let bench = Bench::mixed(6, spec);
    let answer = bench.scaling.describe_auto_scaling_groups().send().await.expect("the group");
    let seen = answer.auto_scaling_groups()[0].instances();
    for (kind, template, image) in
        [("m5.large", GROUP, None), ("m6i.large", GROUP, Some(OLD)), ("m6g.large", ARM_TEMPLATE, None)]
    {
        let of_kind: Vec<_> = seen.iter().filter(|i| i.instance_type() == Some(kind)).collect();
        assert_eq!(of_kind.len(), 2, "{kind}");
        for one in of_kind {
            assert_eq!(one.launch_template().and_then(|t| t.launch_template_name()), Some(template));
            assert_eq!((one.image_id(), one.weighted_capacity()), (image, None));
        }
    }
    let running = |image: &str| bench.instances().iter().filter(|i| i.image.as_str() == image).count();
    assert_eq!((running(OLD), running(ARM)), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn an_override_whose_image_does_not_fit_its_type_is_passed_over() {
    let mut spec = types();
    spec.overrides[1].instance_type = Some("m6g.large".to_owned());
    let bench = Bench::mixed(4, spec);
    assert!(bench.instances().iter().all(|i| i.instance_type == "m5.large"));
    assert_eq!(bench.instances().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_image_of_the_other_architecture_is_not_launched() {
    let on_arm = PolicySpec::of_types(&["c7g.large"]);
    let mut plain = fleet(2, |_| {});
    plain.templates[0].versions[0].data.insert("InstanceType".to_owned(), "t4g.large".to_owned());
    for spec in [mixed(2, on_arm), plain] {
        let bench = Bench::new(spec, Scenario::clean());
        bench.simulator.change(|_| ());
        assert_eq!(bench.instances().len(), 0);
        let answer = bench.scaling.describe_scaling_activities().auto_scaling_group_name(GROUP).send().await;
        let words = answer.expect("activities").activities()[0].status_message().map(str::to_owned);
        let words = words.expect("a reason");
        assert!(
            words.starts_with(
                "The architecture 'arm64' of the specified instance type does not match the architecture 'x86_64'"
            ),
            "{words}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_that_the_architectures_differ() {
    let bench = Bench::clean();
    let call = bench.ec2.run_instances().dry_run(true).image_id(OLD).min_count(1).max_count(1);
    let fits = call.clone().instance_type("m5.large".into()).send().await.expect_err("a dry run");
    let other = call.instance_type("m6g.large".into()).send().await.expect_err("a dry run");
    assert_eq!((code(&fits), code(&other)), ("DryRunOperation".into(), "InvalidParameterValue".into()));
}

#[tokio::test(start_paused = true)]
async fn capacity_is_counted_in_units() {
    let bench = Bench::mixed(9, weighted([1, 4]));
    let units = |bench: &Bench| -> usize {
        bench.instances().iter().filter(|i| i.serves()).map(Instance::units).sum()
    };
    assert!((9..13).contains(&units(&bench)), "{} units", units(&bench));
    let answer = bench.scaling.describe_auto_scaling_groups().send().await.expect("the group");
    for one in answer.auto_scaling_groups()[0].instances() {
        let weight = if one.instance_type() == Some("m5.large") { "1" } else { "4" };
        assert_eq!(one.weighted_capacity(), Some(weight));
    }
    for desired in [18, 5] {
        let call = bench.scaling.update_auto_scaling_group().auto_scaling_group_name(GROUP).max_size(20);
        call.desired_capacity(desired).send().await.expect("an update");
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        let least = usize::try_from(desired).expect("small");
        assert!((least..least + 4).contains(&units(&bench)), "{} units of {desired}", units(&bench));
    }
}

#[tokio::test(start_paused = true)]
async fn policies_that_can_not_be_are_refused() {
    let bench = Bench::mixed(2, types());
    let before = bench.policy().await;
    let weight = |name: &str, weight: Option<&str>| {
        LaunchTemplateOverrides::builder()
            .instance_type(name)
            .set_weighted_capacity(weight.map(str::to_owned))
            .build()
    };
    let with = |version: &str| {
        let own = specification(GROUP, version);
        LaunchTemplateOverrides::builder().launch_template_specification(own).build()
    };
    let v_cpus = VCpuCountRequest::builder().min(2).build();
    let half = InstanceRequirements::builder().v_cpu_count(v_cpus).build();
    let half = LaunchTemplateOverrides::builder().instance_requirements(half);
    let mut nobody = policy(vec![]);
    let launch = nobody.launch_template.as_mut().expect("a launch template");
    launch.launch_template_specification = Some(specification("no-such-template", "1"));
    let mut nameless = policy(vec![of_type("m5.large")]);
    nameless.launch_template.as_mut().expect("a launch template").launch_template_specification = None;
    let mut odd = policy(vec![of_type("m5.large")]);
    let percent = InstancesDistribution::builder().on_demand_percentage_above_base_capacity(101);
    odd.instances_distribution = Some(percent.build());
    for (at, wrong) in [
        policy(vec![with("9")]),
        policy(vec![with("first")]),
        policy(vec![weight("m5.large", Some("1")), weight("m6i.large", None)]),
        policy(vec![weight("m5.large", Some("0"))]),
        policy(vec![weight("m5.large", Some("1000"))]),
        policy(vec![weight("m5.large", Some("heavy"))]),
        policy(vec![half.clone().build()]),
        policy(vec![half.instance_type("m5.large").build()]),
        policy(vec![LaunchTemplateOverrides::builder().image_id("ami-nonsense").build()]),
        policy(vec![of_type("m5.large"); 41]),
        nobody,
        nameless,
        odd,
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(bench.set_policy(wrong).await, Err("ValidationError".to_owned()), "case {at}");
    }
    assert_eq!(bench.policy().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_policy_has_at_most_twenty_templates() {
    let mut fleet = mixed(0, types());
    fleet.templates.extend((0..20).map(|at| template(HOME, &format!("t{at}"))));
    let bench = Bench::new(fleet, Scenario::clean());
    let with = |count: usize| {
        let own = |at: usize| {
            let template = specification(&format!("t{at}"), "1");
            LaunchTemplateOverrides::builder()
                .instance_type(format!("m5.{at}xlarge"))
                .launch_template_specification(template)
                .build()
        };
        policy((0..count).map(own).collect())
    };
    assert_eq!(bench.set_policy(with(20)).await, Err("ValidationError".to_owned()), "its own counts too");
    assert_eq!(bench.set_policy(with(19)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_group_changes_between_a_template_and_a_policy() {
    let bench = Bench::mixed(1, types());
    let update = || bench.scaling.update_auto_scaling_group().auto_scaling_group_name(GROUP);
    let both = update().launch_template(specification(GROUP, "1")).mixed_instances_policy(policy(vec![]));
    assert_eq!(code(&both.send().await.expect_err("one or the other")), "ValidationError");
    update().launch_template(specification(GROUP, "1")).send().await.expect("a template");
    assert_eq!(bench.policy().await, None);
    let answer = bench.scaling.describe_auto_scaling_groups().send().await.expect("the group");
    let version = answer.auto_scaling_groups()[0].launch_template().and_then(|t| t.version());
    assert_eq!(version, Some("1"));
    bench.set_policy(policy(vec![of_type("m6i.large")])).await.expect("a policy");
    update().desired_capacity(2).send().await.expect("one more");
    let newest = bench.instances().pop().expect("an instance");
    assert_eq!(newest.instance_type, "m6i.large");
    assert!(bench.policy().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_policy_changes_only_while_no_desired_configuration_is_active() {
    for (desired, answer) in [(true, Err("ValidationError".to_owned())), (false, Ok(()))] {
        let bench = Bench::mixed(2, types());
        bench.publish().await;
        let call = bench.scaling.start_instance_refresh().auto_scaling_group_name(GROUP);
        let call = call.set_desired_configuration(desired.then(|| bench.desired("2")));
        call.preferences(preferences().skip_matching(false).build()).send().await.expect("a refresh");
        assert_eq!(bench.set_policy(policy(vec![of_type("c5.large")])).await, answer);
        bench.until(RefreshStatus::Successful).await;
        let kinds = bench.instances().into_iter().map(|i| i.instance_type).collect::<Vec<_>>();
        // With a template as its desired configuration the group has no policy any more.
        let kind = if desired { "m5.large" } else { "c5.large" };
        assert_eq!((kinds, bench.policy().await.is_some()), (vec![kind.to_owned(); 2], !desired));
    }
}

#[tokio::test(start_paused = true)]
async fn images_say_how_many_volumes_they_have() {
    let mut spec = fleet(0, |_| {});
    spec.images[1].volumes = 3;
    let bench = Bench::new(spec, Scenario::clean());
    let found = bench.ec2.describe_images().send().await.expect("images");
    let volumes = |id: &str| {
        let image = found.images().iter().find(|image| image.image_id() == Some(id)).expect("the image");
        let names = image.block_device_mappings().iter().filter_map(|volume| volume.device_name());
        let names: Vec<&str> = names.collect();
        assert_eq!(names.first().copied(), image.root_device_name());
        names.len()
    };
    assert_eq!((volumes(OLD), volumes(NEW)), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn the_scenario_gives_policies_of_every_kind_in_turn() {
    let mut spec = mixed(2, types());
    spec.groups[0].policy = None;
    let arm = FleetSpec::previous_image_of(&"eu-west-2".into(), &Architecture::Arm64);
    let mut image = spec.images[2].clone();
    image.id = arm.clone();
    spec.images.push(image);
    let first = spec.groups[0].clone();
    spec.groups = (0..6)
        .map(|at| {
            let mut group = first.clone();
            group.name = format!("g{at}").into();
            group
        })
        .collect();
    let bench = Bench::named("mixed", spec);
    let answer = bench.scaling.describe_auto_scaling_groups().send().await.expect("groups");
    let mut policies: Vec<_> = answer
        .auto_scaling_groups()
        .iter()
        .filter_map(|group| group.mixed_instances_policy().cloned())
        .collect();
    let strategy = |at: usize| {
        policies[at].instances_distribution.as_ref().and_then(|part| part.spot_allocation_strategy.clone())
    };
    assert_eq!(strategy(4).as_deref(), Some("price-capacity-optimized"));
    let mut of = |at: usize| overrides(&mut policies[at]).clone();
    let count = |all: &[LaunchTemplateOverrides], has: fn(&LaunchTemplateOverrides) -> bool| {
        all.iter().filter(|one| has(one)).count()
    };
    assert_eq!(count(&of(0), |one| one.instance_type.is_some()), 2);
    assert_eq!(count(&of(1), |one| one.launch_template_specification.is_some()), 1);
    assert_eq!(count(&of(2), |one| one.image_id.is_some()), 3);
    assert_eq!(count(&of(3), |one| one.weighted_capacity.is_some()), 2);
    assert_eq!(count(&of(5), |one| one.instance_requirements.is_some()), 1);
    let on_arm = |name: &str| {
        let found = |world: &crate::sim::World| {
            let group = world.group(name).expect("the group");
            (group.images().contains(&arm), group.serving().count() > 0)
        };
        bench.simulator.inspect(found)
    };
    assert_eq!((on_arm("g0"), on_arm("g1"), on_arm("g5")), ((false, true), (true, true), (false, true)));
}
