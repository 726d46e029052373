//! Whatever is sent, the answer is well-formed, and the world goes on.

use std::time::Duration;

use quick_xml::events::Event;

use super::support::{Bench, GROUP, NEW, OLD, fleet};
use crate::sim::wire::Request;
use crate::sim::{GroupSpec, Outcome, Scenario};

const ACTIONS: [(&str, &[&str]); 4] = [
    (
        "ec2",
        &[
            "DescribeImages",
            "CreateTags",
            "DeleteTags",
            "DescribeTags",
            "DescribeInstances",
            "DescribeInstanceStatus",
            "DescribeLaunchTemplates",
            "DescribeLaunchTemplateVersions",
            "CreateLaunchTemplateVersion",
            "ModifyLaunchTemplate",
            "RunInstances",
        ],
    ),
    (
        "autoscaling",
        &[
            "DescribeAutoScalingGroups",
            "UpdateAutoScalingGroup",
            "SetDesiredCapacity",
            "CreateOrUpdateTags",
            "DeleteTags",
            "DescribeTags",
            "SetInstanceProtection",
            "EnterStandby",
            "DescribeScalingActivities",
            "StartInstanceRefresh",
            "DescribeInstanceRefreshes",
            "RollbackInstanceRefresh",
            "CancelInstanceRefresh",
        ],
    ),
    ("elasticloadbalancing", &["DescribeTargetGroups", "DescribeTargetHealth"]),
    ("sts", &["AssumeRole", "GetCallerIdentity"]),
];

const NAMES: [&str; 47] = [
    "AutoScalingGroupName",
    "AutoScalingGroupNames.member.1",
    "CheckpointPercentages.member.1",
    "ClientToken",
    "DesiredCapacity",
    "DesiredConfiguration.LaunchTemplate.LaunchTemplateName",
    "DesiredConfiguration.LaunchTemplate.Version",
    "DesiredConfiguration.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateName",
    "DryRun",
    "DurationSeconds",
    "Filter.1.Name",
    "Filter.1.Value.1",
    "Filters.member.1.Name",
    "Filters.member.1.Values.member.1",
    "ImageId.1",
    "InstanceId.1",
    "InstanceIds.member.1",
    "LaunchTemplate.LaunchTemplateName",
    "LaunchTemplate.Version",
    "LaunchTemplateData.<bad>",
    "LaunchTemplateData.ImageId",
    "LaunchTemplateData.NetworkInterface.1.SecurityGroupId.1",
    "LaunchTemplateData.UserData",
    "LaunchTemplateName",
    "LaunchTemplateVersion.1",
    "MaxRecords",
    "MaxSize",
    "MinSize",
    "MixedInstancesPolicy.1",
    "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateName",
    "MixedInstancesPolicy.LaunchTemplate.Overrides.member.1.ImageId",
    "MixedInstancesPolicy.LaunchTemplate.Overrides.member.1.InstanceRequirements.VCpuCount.Min",
    "MixedInstancesPolicy.LaunchTemplate.Overrides.member.1.InstanceType",
    "MixedInstancesPolicy.LaunchTemplate.Overrides.member.2.WeightedCapacity",
    "MixedInstancesPolicy.LaunchTemplate.Overrides.member.2.Odd.3.member",
    "NextToken",
    "Preferences.BakeTime",
    "Preferences.InstanceWarmup",
    "Preferences.MaxHealthyPercentage",
    "Preferences.MinHealthyPercentage",
    "ResourceId.1",
    "SetDefaultVersion",
    "Strategy",
    "Tag.1.Key",
    "Tag.1.Value",
    "Tags.member.1.Key",
    "Tags.member.1.ResourceId",
];

const VALUES: [&str; 18] = [
    "",
    "-1",
    "0",
    "1",
    "2",
    "100",
    "4294967295",
    "99999999999999999999",
    "$Latest",
    "$Default",
    "true",
    GROUP,
    NEW,
    OLD,
    "ami-zz",
    "<&\"'>]]>",
    "\u{1}\u{0}\u{1b}[31m",
    "tag:Environment",
];

fn form(dice: &mut fastrand::Rng, action: &str) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action);
    if dice.u8(0..10) > 2 {
        form.append_pair("AutoScalingGroupName", GROUP).append_pair("LaunchTemplateName", GROUP);
    }
    for _ in 0..dice.usize(0..6) {
        form.append_pair(NAMES[dice.usize(0..NAMES.len())], VALUES[dice.usize(0..VALUES.len())]);
    }
    form.finish().into_bytes()
}

fn assert_well_formed(body: &str, told: &str) {
    let mut reader = quick_xml::Reader::from_str(body);
    reader.config_mut().check_end_names = true;
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => panic!("{error}: {told}\n{body}"),
        }
    }
    let legal = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    assert!(body.chars().all(legal), "{told}\n{body}");
}

#[tokio::test(start_paused = true)]
async fn every_answer_to_nonsense_is_well_formed() {
    let mut refused = 0;
    let mut done = 0;
    for seed in 0..40 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let bench =
            Bench::seeded(fleet(3, |group: &mut GroupSpec| group.protected = 1), Scenario::clean(), seed);
        for _ in 0..60 {
            let (service, actions) = ACTIONS[dice.usize(0..ACTIONS.len())];
            let action = actions[dice.usize(0..actions.len())];
            let form = form(&mut dice, action);
            let told = format!("seed {seed}: {}", String::from_utf8_lossy(&form));
            let authorization = format!("Credential=K/20261122/eu-west-2/{service}/aws4_request,");
            let request = Request::form(Some(&authorization), form);
            let Outcome::Answered(reply) = bench.simulator.call(&request) else {
                panic!("no answer: {told}")
            };
            assert_well_formed(&reply.text(), &told);
            assert!(reply.status == 200 || (400..500).contains(&reply.status), "{}: {told}", reply.status);
            *(if reply.status == 200 { &mut done } else { &mut refused }) += 1;
            tokio::time::sleep(Duration::from_secs(dice.u64(0..300))).await;
        }
    }
    assert!(done > 500 && refused > 500, "{done} done, {refused} refused: not much of a test");
}
