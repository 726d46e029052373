//! Describing and changing, call by call.

use aws_sdk_autoscaling::types::Filter;
use aws_sdk_ec2::types::{LaunchTemplateVersion, RequestLaunchTemplateData, Tag};

use super::support::{Bench, GROUP, HOME, NEW, OLD, REGION, code, fleet, template};
use crate::sim::{GroupSpec, PolicySpec, Scenario};

#[tokio::test(start_paused = true)]
async fn groups_come_by_tag_and_page() {
    let mut spec = fleet(1, |_| {});
    for at in 0..7 {
        let mut group = GroupSpec::new(HOME.into(), REGION.into(), &format!("g{at}"), GROUP, 1);
        let environment = if at % 2 == 0 { "qa" } else { "prod" };
        group.tags.insert("Environment".to_owned(), environment.to_owned());
        spec.groups.push(group);
    }
    let bench = Bench::new(spec, Scenario::clean());
    let filter = Filter::builder().name("tag:Environment").values("qa").build();
    let pages = bench.scaling.describe_auto_scaling_groups().filters(filter).max_records(2).into_paginator();
    let groups: Vec<_> = pages.items().send().collect::<Result<_, _>>().await.expect("groups");
    let names: Vec<_> = groups.iter().filter_map(|group| group.auto_scaling_group_name()).collect();
    assert_eq!(names, ["g0", "g2", "g4", "g6", GROUP]);
    assert_eq!(bench.simulator.calls().len(), 3);
    assert_eq!(groups[0].instances().len(), 1);
    let bare = bench.scaling.describe_auto_scaling_groups().include_instances(false).send().await;
    let bare = bare.expect("groups");
    assert_eq!(bare.auto_scaling_groups().len(), 8);
    assert!(bare.auto_scaling_groups().iter().all(|group| group.instances().is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_group_is_described_with_its_template_and_instances() {
    let bench = Bench::clean();
    let answer = bench.scaling.describe_auto_scaling_groups().auto_scaling_group_names(GROUP).send().await;
    let answer = answer.expect("a group");
    let group = &answer.auto_scaling_groups()[0];
    let followed = group.launch_template().expect("a template");
    assert_eq!(
        (followed.launch_template_id(), followed.version()),
        (Some(bench.template_id().as_str()), Some("1"))
    );
    assert_eq!((group.desired_capacity(), group.target_group_arns().len()), (Some(4), 1));
    let instance = &group.instances()[0];
    assert_eq!(instance.lifecycle_state().map(|state| state.as_str()), Some("InService"));
    assert_eq!(instance.health_status(), Some("Healthy"));
    assert_eq!(instance.launch_template().and_then(|t| t.version()), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn a_version_is_its_source_with_what_was_sent() {
    let bench = Bench::clean();
    bench.publish().await;
    let call = bench.ec2.describe_launch_template_versions().launch_template_id(bench.template_id());
    let answer = call.send().await.expect("versions");
    let of = |number| {
        let found = answer.launch_template_versions().iter().find(|v| v.version_number() == Some(number));
        found.and_then(LaunchTemplateVersion::launch_template_data).expect("data").clone()
    };
    let (first, second) = (of(1), of(2));
    assert_eq!((first.image_id(), second.image_id()), (Some(OLD), Some(NEW)));
    assert_eq!(second.user_data(), Some("IyEvYmluL3NoCg=="));
    assert_eq!(second.security_group_ids(), ["sg-0a1b2c3d4e5f60718"]);
    assert_eq!(second.network_interfaces()[0].groups(), ["sg-0a1b2c3d4e5f60718"]);
    assert_eq!(second.block_device_mappings()[0].ebs().and_then(|ebs| ebs.volume_size()), Some(30));
    assert_eq!(second.tag_specifications()[0].tags()[0].value(), Some(GROUP));
    assert_eq!(second.metadata_options().and_then(|o| o.http_tokens()).map(|t| t.as_str()), Some("required"));
    let described = answer.launch_template_versions().iter().find(|v| v.version_number() == Some(1));
    assert_eq!(described.and_then(|v| v.version_description()), Some("first & <only>"));
}

#[tokio::test(start_paused = true)]
async fn a_client_token_makes_one_version() {
    let bench = Bench::clean();
    let create = |image: &str| {
        let data = RequestLaunchTemplateData::builder().image_id(image).build();
        let call = bench.ec2.create_launch_template_version().launch_template_id(bench.template_id());
        call.client_token("token").source_version("1").launch_template_data(data).send()
    };
    let number = |answer: aws_sdk_ec2::operation::create_launch_template_version::CreateLaunchTemplateVersionOutput| {
        answer.launch_template_version().and_then(LaunchTemplateVersion::version_number)
    };
    assert_eq!(create(NEW).await.map(number).expect("a version"), Some(2));
    assert_eq!(create(NEW).await.map(number).expect("the same version"), Some(2));
    assert_eq!(code(&create(OLD).await.expect_err("another request")), "IdempotentParameterMismatch");
}

#[tokio::test(start_paused = true)]
async fn latest_and_default_of_all_templates_come_at_once() {
    let mut spec = fleet(1, |_| {});
    spec.templates.push(template(HOME, "other"));
    let bench = Bench::new(spec, Scenario::clean());
    bench.publish().await;
    let call = bench.ec2.describe_launch_template_versions().versions("$Latest").versions("$Default");
    let answer = call.send().await.expect("versions");
    let mut found: Vec<_> = answer
        .launch_template_versions()
        .iter()
        .map(|v| (v.launch_template_name().unwrap_or_default().to_owned(), v.version_number()))
        .collect();
    found.sort();
    assert_eq!(found, [("other".into(), Some(1)), (GROUP.into(), Some(1)), (GROUP.into(), Some(2))]);
}

#[tokio::test(start_paused = true)]
async fn the_default_version_moves_when_told_to() {
    let bench = Bench::clean();
    bench.publish().await;
    let call = bench.ec2.modify_launch_template().launch_template_id(bench.template_id());
    let answer = call.default_version("2").send().await.expect("a change");
    assert_eq!(answer.launch_template().and_then(|t| t.default_version_number()), Some(2));
    let listed = bench.ec2.describe_launch_templates().send().await.expect("templates");
    assert_eq!(listed.launch_templates()[0].default_version_number(), Some(2));
    assert_eq!(listed.launch_templates()[0].latest_version_number(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn image_tags_are_set_described_and_deleted() {
    let bench = Bench::clean();
    let tag = Tag::builder().key("ami-refresh:gate/qa").value("passed & <proved>").build();
    bench.ec2.create_tags().resources(NEW).tags(tag).send().await.expect("tags");
    let image = bench.ec2.describe_images().image_ids(NEW).send().await.expect("an image");
    let tags: Vec<_> = image.images()[0].tags().iter().map(|tag| tag.value().unwrap_or_default()).collect();
    assert_eq!(tags, ["passed & <proved>", "base"]);
    bench
        .ec2
        .delete_tags()
        .resources(NEW)
        .tags(Tag::builder().key("ami-refresh:gate/qa").build())
        .send()
        .await
        .expect("less");
    let left = bench.ec2.describe_tags().send().await.expect("tags");
    assert_eq!(left.tags().len(), 2, "the family of each image");
}

#[tokio::test(start_paused = true)]
async fn images_are_found_by_owner_and_name() {
    let bench = Bench::clean();
    let by_name = aws_sdk_ec2::types::Filter::builder().name("name").values("dept-base-202611*").build();
    let found = bench.ec2.describe_images().owners("self").filters(by_name).send().await.expect("images");
    assert_eq!(found.images().len(), 2);
    let image = &found.images()[0];
    assert_eq!(image.architecture().map(|a| a.as_str()), Some("x86_64"));
    assert_eq!(image.state().map(|s| s.as_str()), Some("available"));
    assert_eq!(image.owner_id(), Some(HOME));
    let nobody = bench.ec2.describe_images().owners("999999999999").send().await.expect("images");
    assert!(nobody.images().is_empty());
}

#[tokio::test(start_paused = true)]
async fn instances_have_addresses_status_and_target_health() {
    let bench = Bench::clean();
    let instances = bench.ec2.describe_instances().into_paginator().items().send();
    let found: Vec<_> = instances.collect::<Result<Vec<_>, _>>().await.expect("instances");
    let instances: Vec<_> = found.iter().flat_map(|reservation| reservation.instances()).collect();
    assert_eq!(instances.len(), 4);
    assert!(instances.iter().all(|i| i.private_ip_address().is_some_and(|ip| ip.starts_with("10."))));
    assert!(instances.iter().all(|i| i.image_id() == Some(OLD)));
    let checks = bench.ec2.describe_instance_status().send().await.expect("status");
    let ok = |s: &&aws_sdk_ec2::types::InstanceStatus| {
        s.instance_status().and_then(|s| s.status()).is_some_and(|s| s.as_str() == "ok")
    };
    assert_eq!(checks.instance_statuses().iter().filter(ok).count(), 4);
    let groups = bench.elb.describe_target_groups().send().await.expect("target groups");
    let arn = groups.target_groups()[0].target_group_arn().expect("an ARN");
    let health = bench.elb.describe_target_health().target_group_arn(arn).send().await.expect("health");
    let states: Vec<_> = health
        .target_health_descriptions()
        .iter()
        .filter_map(|target| target.target_health()?.state().map(|state| state.as_str().to_owned()))
        .collect();
    assert_eq!(states, ["healthy"; 4]);
}

#[tokio::test(start_paused = true)]
async fn terminated_instances_are_described_for_an_hour() {
    let bench = Bench::clean();
    let call = bench.scaling.update_auto_scaling_group().auto_scaling_group_name(GROUP).desired_capacity(3);
    call.send().await.expect("a smaller group");
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    let states = async || {
        let found = bench.ec2.describe_instances().send().await.expect("instances");
        let all = found.reservations().iter().flat_map(|r| r.instances());
        let gone = |i: &&aws_sdk_ec2::types::Instance| {
            i.state().and_then(|s| s.name()).is_some_and(|name| name.as_str() == "terminated")
        };
        all.filter(gone).count()
    };
    assert_eq!(states().await, 1);
    tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    assert_eq!(states().await, 0);
}

#[tokio::test(start_paused = true)]
async fn group_tags_are_set_described_and_deleted() {
    use aws_sdk_autoscaling::types::Tag;
    let bench = Bench::clean();
    let tag = |value: &str| {
        Tag::builder().resource_id(GROUP).resource_type("auto-scaling-group").key("note").value(value).build()
    };
    let tagged = tag("on $Latest").clone();
    bench.scaling.create_or_update_tags().tags(tagged).send().await.expect("a tag");
    let found = bench.scaling.describe_tags().send().await.expect("tags");
    let values: Vec<_> = found.tags().iter().filter_map(|tag| tag.value()).collect();
    assert_eq!(values, ["qa", "on $Latest"]);
    bench.scaling.delete_tags().tags(tag("")).send().await.expect("less");
    assert_eq!(bench.scaling.describe_tags().send().await.expect("tags").tags().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_described_as_what_it_is() {
    let mut spec = fleet(1, |group: &mut GroupSpec| {
        group.policy = Some(PolicySpec::of_types(&["m5.large", "m6i.large"]));
        group.suspended = vec!["Launch".to_owned()];
    });
    let mut old = GroupSpec::new(HOME.into(), REGION.into(), "old", GROUP, 1);
    old.launch_configuration = Some("configuration".to_owned());
    old.deleting = true;
    spec.groups.push(old);
    let bench = Bench::new(spec, Scenario::clean());
    let answer = bench.scaling.describe_auto_scaling_groups().send().await.expect("groups");
    let [old, mixed] = answer.auto_scaling_groups() else { panic!("two groups") };
    assert_eq!(
        (old.launch_configuration_name(), old.status()),
        (Some("configuration"), Some("Delete in progress"))
    );
    assert!(old.launch_template().is_none() && mixed.launch_template().is_none());
    let policy = mixed.mixed_instances_policy().and_then(|policy| policy.launch_template());
    assert_eq!(policy.map(|template| template.overrides().len()), Some(2));
    assert_eq!(mixed.suspended_processes()[0].process_name(), Some("Launch"));
}

#[tokio::test(start_paused = true)]
async fn target_groups_come_in_pages() {
    let mut spec = fleet(1, |_| {});
    spec.groups[0].target_groups = (0..5).map(|at| format!("t{at}")).collect();
    let bench = Bench::new(spec, Scenario::clean());
    let pages = bench.elb.describe_target_groups().page_size(2).into_paginator().items().send();
    assert_eq!(pages.collect::<Result<Vec<_>, _>>().await.expect("target groups").len(), 5);
}
