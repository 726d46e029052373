//! Templates and groups that callers make, use and delete.

use aws_sdk_autoscaling::types::{LaunchTemplateSpecification, Tag};
use aws_sdk_ec2::types::{RequestLaunchTemplateData, ResourceType, TagSpecification};
use std::time::Duration;

use super::support::{Bench, GROUP, NEW, OLD, code};

const MADE: &str = "made-qa";

/// Asks for a template of that name with that image.
fn template(
    bench: &Bench,
    name: &str,
    image: &str,
) -> aws_sdk_ec2::operation::create_launch_template::builders::CreateLaunchTemplateFluentBuilder {
    let data = RequestLaunchTemplateData::builder()
        .image_id(image)
        .instance_type(aws_sdk_ec2::types::InstanceType::M5Large)
        .user_data("")
        .build();
    let tag = aws_sdk_ec2::types::Tag::builder().key("Environment").value("qa").build();
    let tags = TagSpecification::builder().resource_type(ResourceType::LaunchTemplate).tags(tag).build();
    bench
        .ec2
        .create_launch_template()
        .launch_template_name(name)
        .launch_template_data(data)
        .tag_specifications(tags)
}

/// Asks for a group of two that follows the template of its name, in two subnets.
fn group(
    bench: &Bench,
    name: &str,
) -> aws_sdk_autoscaling::operation::create_auto_scaling_group::builders::CreateAutoScalingGroupFluentBuilder
{
    let launch = LaunchTemplateSpecification::builder().launch_template_name(name).version("$Latest").build();
    let tag = |key: &str, propagate| {
        Tag::builder().key(key).value("qa").propagate_at_launch(propagate).resource_id(name).build()
    };
    bench
        .scaling
        .create_auto_scaling_group()
        .auto_scaling_group_name(name)
        .min_size(2)
        .max_size(6)
        .launch_template(launch)
        .vpc_zone_identifier("subnet-0a,subnet-0b")
        .default_instance_warmup(60)
        .tags(tag("Environment", true))
        .tags(tag("AMI_update_day", false))
}

async fn described(bench: &Bench, name: &str) -> Option<aws_sdk_autoscaling::types::AutoScalingGroup> {
    let call = bench.scaling.describe_auto_scaling_groups().auto_scaling_group_names(name);
    call.send().await.expect("groups").auto_scaling_groups.unwrap_or_default().pop()
}

/// A clean world with a template and a group of that name made in it, all of it in service.
async fn made() -> Bench {
    let bench = Bench::clean();
    template(&bench, MADE, OLD).send().await.expect("a template");
    group(&bench, MADE).send().await.expect("a group");
    tokio::time::sleep(Duration::from_secs(120)).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn a_template_is_made_with_its_data_and_tags() {
    let bench = Bench::clean();
    let answer = template(&bench, MADE, OLD).version_description("first").send().await.expect("a template");
    let made = answer.launch_template().expect("a template");
    assert_eq!((made.default_version_number(), made.latest_version_number()), (Some(1), Some(1)));
    assert_eq!(made.tags()[0].value(), Some("qa"));
    let call = bench.ec2.describe_launch_template_versions().launch_template_name(MADE);
    let versions = call.send().await.expect("versions");
    let version = &versions.launch_template_versions()[0];
    assert_eq!((version.version_number(), version.version_description()), (Some(1), Some("first")));
    let data = version.launch_template_data().expect("data");
    // What was sent empty is not there.
    assert_eq!((data.image_id(), data.user_data()), (Some(OLD), None));
    let filter = aws_sdk_ec2::types::Filter::builder().name("tag:Environment").values("qa").build();
    let tagged = bench.ec2.describe_launch_templates().filters(filter).send().await.expect("templates");
    let names: Vec<_> = tagged.launch_templates().iter().filter_map(|t| t.launch_template_name()).collect();
    assert_eq!(names, [MADE]);
}

#[tokio::test(start_paused = true)]
async fn a_templates_name_is_its_own_and_its_token_makes_one() {
    let bench = Bench::clean();
    let id = |answer: aws_sdk_ec2::operation::create_launch_template::CreateLaunchTemplateOutput| {
        answer.launch_template().and_then(|t| t.launch_template_id()).map(str::to_owned)
    };
    let first = template(&bench, MADE, OLD).client_token("one").send().await.map(id).expect("a template");
    let again = template(&bench, MADE, OLD).client_token("one").send().await.map(id).expect("the same");
    assert_eq!(first, again);
    let other = template(&bench, MADE, NEW).client_token("one").send().await.expect_err("another request");
    assert_eq!(code(&other), "IdempotentParameterMismatch");
    let taken = template(&bench, MADE, OLD).send().await.expect_err("a name that is taken");
    assert_eq!(code(&taken), "InvalidLaunchTemplateName.AlreadyExistsException");
    let odd = template(&bench, "a b", OLD).send().await.expect_err("a name with a blank");
    assert_eq!(code(&odd), "InvalidLaunchTemplateName.MalformedException");
    let bare = bench.ec2.create_launch_template().launch_template_name("bare");
    let bare = bare.launch_template_data(RequestLaunchTemplateData::builder().build()).send().await;
    assert_eq!(code(&bare.expect_err("no data")), "MissingParameter");
}

#[tokio::test(start_paused = true)]
async fn a_templates_tags_change_and_are_described() {
    let bench = Bench::clean();
    let id = bench.template_id();
    let tag = |key: &str| aws_sdk_ec2::types::Tag::builder().key(key).value("v").build();
    bench.ec2.create_tags().resources(&id).tags(tag("a")).tags(tag("b")).send().await.expect("tags");
    bench.ec2.delete_tags().resources(&id).tags(tag("a")).send().await.expect("fewer tags");
    let filter = aws_sdk_ec2::types::Filter::builder().name("resource-id").values(&id).build();
    let answer = bench.ec2.describe_tags().filters(filter).send().await.expect("tags");
    let found: Vec<_> =
        answer.tags().iter().map(|t| (t.key(), t.resource_type().map(|r| r.as_str()))).collect();
    assert_eq!(found, [(Some("b"), Some("launch-template"))]);
    // All or nothing: an image is not tagged either when the template beside it is not there.
    let both = bench.ec2.create_tags().resources(OLD).resources("lt-00000000000000001").tags(tag("c"));
    assert_eq!(code(&both.send().await.expect_err("no such template")), "InvalidLaunchTemplateId.NotFound");
    let image = bench.ec2.describe_images().image_ids(OLD).send().await.expect("an image");
    assert!(image.images()[0].tags().iter().all(|tag| tag.key() != Some("c")));
}

#[tokio::test(start_paused = true)]
async fn a_group_is_made_as_it_was_asked_for_and_launches_its_image() {
    let bench = Bench::clean();
    template(&bench, MADE, OLD).send().await.expect("a template");
    group(&bench, MADE).health_check_type("ELB").send().await.expect("a group");
    let seen = described(&bench, MADE).await.expect("the group");
    assert_eq!((seen.min_size(), seen.desired_capacity(), seen.max_size()), (Some(2), Some(2), Some(6)));
    assert_eq!(seen.vpc_zone_identifier(), Some("subnet-0a,subnet-0b"));
    assert_eq!(seen.availability_zones(), ["eu-west-2a", "eu-west-2b"]);
    assert_eq!((seen.health_check_type(), seen.default_instance_warmup()), (Some("ELB"), Some(60)));
    assert_eq!(seen.launch_template().and_then(|t| t.version()), Some("$Latest"));
    let propagated: Vec<_> = seen.tags().iter().map(|t| (t.key(), t.propagate_at_launch())).collect();
    assert_eq!(propagated, [(Some("AMI_update_day"), Some(false)), (Some("Environment"), Some(true))]);
    let lives: Vec<_> = seen.instances().iter().filter_map(|i| i.lifecycle_state()).collect();
    assert_eq!(lives.iter().map(|life| life.as_str()).collect::<Vec<_>>(), ["Pending", "Pending"]);
    tokio::time::sleep(Duration::from_secs(120)).await;
    let seen = described(&bench, MADE).await.expect("the group");
    assert!(seen.instances().iter().all(|i| i.lifecycle_state().is_some_and(|l| l.as_str() == "InService")));
    let id = seen.instances()[0].instance_id().expect("an id").to_owned();
    let answer = bench.ec2.describe_instances().instance_ids(id).send().await.expect("an instance");
    let instance = &answer.reservations()[0].instances()[0];
    assert_eq!(instance.image_id(), Some(OLD));
    let keys: Vec<_> = instance.tags().iter().filter_map(|tag| tag.key()).collect();
    assert!(keys.contains(&"Environment") && !keys.contains(&"AMI_update_day"), "{keys:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_made_is_refreshed_as_any_other() {
    let bench = made().await;
    let data = RequestLaunchTemplateData::builder().image_id(NEW).build();
    let call = bench.ec2.create_launch_template_version().launch_template_name(MADE).source_version("1");
    call.launch_template_data(data).send().await.expect("a version");
    bench.scaling.start_instance_refresh().auto_scaling_group_name(MADE).send().await.expect("a refresh");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let images = |world: &crate::sim::World| {
        let group = world.group(MADE).expect("the group");
        let new = group.instances.iter().all(|instance| instance.image_is_new);
        (group.images().into_iter().map(ToString::to_string).collect::<Vec<_>>(), new)
    };
    assert_eq!(bench.simulator.inspect(images), (vec![NEW.to_owned()], true));
}

#[tokio::test(start_paused = true)]
async fn groups_that_could_not_be_are_not_made() {
    let bench = made().await;
    let taken = group(&bench, MADE).send().await.expect_err("a name that is taken");
    assert_eq!(code(&taken), "AlreadyExists");
    let nowhere = group(&bench, MADE).auto_scaling_group_name("x").vpc_zone_identifier("").send().await;
    assert_eq!(code(&nowhere.expect_err("no subnet")), "ValidationError");
    let sizes = group(&bench, MADE).auto_scaling_group_name("x").desired_capacity(7).send().await;
    assert_eq!(code(&sizes.expect_err("too large")), "ValidationError");
    let homeless = group(&bench, "no-such-template").send().await.expect_err("no template");
    assert_eq!(code(&homeless), "ValidationError");
    template(&bench, "imageless", "ami-0cccccccccccccccc").send().await.expect("a template");
    let imageless = group(&bench, "imageless").send().await.expect_err("no such image");
    assert!(format!("{imageless:?}").contains("valid fully-formed launch template"), "{imageless:?}");
    let odd = group(&bench, MADE).auto_scaling_group_name("a:b").send().await;
    assert_eq!(code(&odd.expect_err("a colon")), "ValidationError");
    let balanced =
        group(&bench, MADE).auto_scaling_group_name("x").target_group_arns("arn:aws:x").send().await;
    assert_eq!(code(&balanced.expect_err("a target group")), "ValidationError");
    assert_eq!(bench.simulator.inspect(|world| world.groups.len()), 2);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_deleted_when_it_is_empty_or_by_force() {
    let bench = made().await;
    let delete = || bench.scaling.delete_auto_scaling_group().auto_scaling_group_name(MADE);
    assert_eq!(code(&delete().send().await.expect_err("instances")), "ResourceInUse");
    let call = bench.scaling.update_auto_scaling_group().auto_scaling_group_name(MADE);
    call.min_size(0).max_size(0).desired_capacity(0).send().await.expect("nothing wanted");
    tokio::time::sleep(Duration::from_secs(120)).await;
    delete().send().await.expect("a deletion");
    assert!(described(&bench, MADE).await.is_none());
    assert_eq!(code(&delete().send().await.expect_err("gone")), "ValidationError");
    // The name is free again.
    group(&bench, MADE).send().await.expect("another group");
    delete().force_delete(true).send().await.expect("a deletion");
    let ending = described(&bench, MADE).await.expect("instances on their way out");
    assert_eq!((ending.status(), ending.instances().len()), (Some("Delete in progress"), 2));
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(described(&bench, MADE).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_a_group_was_made_with_changes_by_update() {
    let bench = made().await;
    let call = bench.scaling.update_auto_scaling_group().auto_scaling_group_name(MADE);
    let call = call.default_cooldown(60).default_instance_warmup(-1).vpc_zone_identifier("subnet-0c");
    let call = call.new_instances_protected_from_scale_in(true).termination_policies("OldestInstance");
    call.send().await.expect("a change");
    let seen = described(&bench, MADE).await.expect("the group");
    assert_eq!((seen.default_cooldown(), seen.default_instance_warmup()), (Some(60), None));
    assert_eq!((seen.vpc_zone_identifier(), seen.availability_zones().len()), (Some("subnet-0c"), 1));
    assert_eq!(seen.termination_policies(), ["OldestInstance"]);
    bench
        .scaling
        .set_desired_capacity()
        .auto_scaling_group_name(MADE)
        .desired_capacity(3)
        .send()
        .await
        .expect("more");
    let seen = described(&bench, MADE).await.expect("the group");
    let mut protected: Vec<_> = seen.instances().iter().map(|i| i.protected_from_scale_in()).collect();
    protected.sort();
    assert_eq!(protected, [Some(false), Some(false), Some(true)]);
    let short =
        bench.scaling.update_auto_scaling_group().auto_scaling_group_name(MADE).max_instance_lifetime(60);
    assert_eq!(code(&short.send().await.expect_err("too short")), "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_deleted_launches_nothing_more() {
    let bench = Bench::clean();
    let id = bench.template_id();
    let delete = || bench.ec2.delete_launch_template().launch_template_id(&id);
    delete().send().await.expect("a deletion");
    assert_eq!(code(&delete().send().await.expect_err("gone")), "InvalidLaunchTemplateId.NotFound");
    let call = bench.scaling.set_desired_capacity().auto_scaling_group_name(GROUP).desired_capacity(5);
    call.send().await.expect("more");
    let call = bench.scaling.describe_scaling_activities().auto_scaling_group_name(GROUP);
    let answer = call.send().await.expect("activities");
    let words = answer.activities()[0].status_message().unwrap_or_default();
    assert!(words.contains("launch template version does not exist"), "{words}");
}
