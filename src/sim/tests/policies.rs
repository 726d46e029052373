//! Mixed instances policies: described, changed, refused.

use aws_sdk_autoscaling::types::{
    InstanceRequirements, InstancesDistribution, LaunchTemplate, LaunchTemplateOverrides,
    LaunchTemplateSpecification, MemoryMiBRequest, MixedInstancesPolicy, VCpuCountRequest,
};

use super::policy_support::{mixed, overrides, types};
use super::support::{Bench, GROUP, HOME, NEW, code, preferences, template};
use crate::model::RefreshStatus;
use crate::sim::wire::Request;
use crate::sim::{Outcome, Scenario};

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

/// Sends a form as it is; the status and the answer.
fn send(bench: &Bench, form: &str) -> (u16, String) {
    let region = "Credential=AKIASIMULATEDHOMEKEY/20261122/eu-west-2/autoscaling/aws4_request";
    let authorization = format!("AWS4-HMAC-SHA256 {region}, SignedHeaders=host, Signature=0");
    let request = Request::form(Some(&authorization), form.as_bytes().to_vec());
    let Outcome::Answered(reply) = bench.simulator.call(&request) else { panic!("no answer") };
    (reply.status, reply.text())
}

#[tokio::test(start_paused = true)]
async fn numbers_are_no_names() {
    let bench = Bench::clean();
    for part in ["1=x", "LaunchTemplate.Odd.2=x&MixedInstancesPolicy.LaunchTemplate.Odd.Two=y"] {
        let form = format!(
            "Action=UpdateAutoScalingGroup&AutoScalingGroupName={GROUP}&MixedInstancesPolicy.{part}\
             &MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateName={GROUP}"
        );
        let (status, answer) = send(&bench, &form);
        assert!(status == 400 && answer.contains("UnknownParameter"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_comes_back_too() {
    let bench = Bench::clean();
    let ask = |form: &str| {
        let (status, answer) = send(&bench, form);
        assert_eq!(status, 200, "{answer}");
        answer
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
