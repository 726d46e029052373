//! Every error code, under its own conditions.

use aws_sdk_autoscaling::types::{
    DesiredConfiguration, RefreshPreferences, builders::RefreshPreferencesBuilder,
};

use super::support::{Bench, GROUP, NEW, OLD, code, fleet, preferences};
use crate::model::{RefreshStatus, Tracking};
use crate::sim::{GroupSpec, Scenario};

async fn start(
    bench: &Bench,
    desired: Option<DesiredConfiguration>,
    preferences: RefreshPreferences,
) -> String {
    let call = bench.scaling.start_instance_refresh().auto_scaling_group_name(GROUP).preferences(preferences);
    match call.set_desired_configuration(desired).send().await {
        Ok(_) => "started".to_owned(),
        Err(error) => code(&error),
    }
}

async fn roll_back(bench: &Bench) -> String {
    match bench.scaling.rollback_instance_refresh().auto_scaling_group_name(GROUP).send().await {
        Ok(_) => "rolling back".to_owned(),
        Err(error) => code(&error),
    }
}

async fn cancel(bench: &Bench) -> String {
    match bench.scaling.cancel_instance_refresh().auto_scaling_group_name(GROUP).send().await {
        Ok(_) => "cancelling".to_owned(),
        Err(error) => code(&error),
    }
}

#[tokio::test(start_paused = true)]
async fn one_refresh_is_active_at_a_time() {
    let bench = Bench::clean();
    bench.publish().await;
    assert_eq!(start(&bench, Some(bench.desired("2")), preferences().build()).await, "started");
    assert_eq!(
        start(&bench, Some(bench.desired("2")), preferences().build()).await,
        "InstanceRefreshInProgress"
    );
}

#[tokio::test(start_paused = true)]
async fn without_an_active_refresh_nothing_is_rolled_back_or_cancelled() {
    let bench = Bench::clean();
    assert_eq!(roll_back(&bench).await, "ActiveInstanceRefreshNotFound");
    assert_eq!(cancel(&bench).await, "ActiveInstanceRefreshNotFound");
    bench.publish().await;
    bench.start("2", preferences().build()).await;
    bench.until(RefreshStatus::Successful).await;
    assert_eq!(roll_back(&bench).await, "ActiveInstanceRefreshNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_can_be_cancelled_but_not_asked_for_twice() {
    let bench = Bench::clean();
    bench.publish().await;
    bench.start("2", preferences().build()).await;
    tokio::time::sleep(std::time::Duration::from_secs(200)).await;
    assert_eq!(roll_back(&bench).await, "rolling back");
    assert_eq!(roll_back(&bench).await, "ActiveInstanceRefreshNotFound");
    assert_eq!(cancel(&bench).await, "cancelling");
    bench.until(RefreshStatus::Cancelled).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_way_back_a_refresh_is_irreversible() {
    let bench = Bench::clean();
    assert_eq!(start(&bench, None, preferences().skip_matching(false).build()).await, "started");
    assert_eq!(roll_back(&bench).await, "IrreversibleInstanceRefresh");
    for tracking in [Tracking::Latest, Tracking::Default] {
        let bench =
            Bench::new(fleet(2, |group: &mut GroupSpec| group.tracking = tracking), Scenario::clean());
        bench.publish().await;
        let everything = preferences().skip_matching(false);
        assert_eq!(start(&bench, Some(bench.desired("2")), everything.build()).await, "started");
        assert_eq!(roll_back(&bench).await, "IrreversibleInstanceRefresh");
    }
}

#[tokio::test(start_paused = true)]
async fn a_parameter_as_the_groups_image_is_no_way_back() {
    let bench = Bench::clean();
    let data =
        aws_sdk_ec2::types::RequestLaunchTemplateData::builder().image_id("resolve:ssm:/images/base").build();
    let call = bench.ec2.create_launch_template_version().launch_template_id(bench.template_id());
    call.launch_template_data(data).send().await.expect("version 2");
    let template = bench.desired("2").launch_template().cloned();
    let call = bench.scaling.update_auto_scaling_group().auto_scaling_group_name(GROUP);
    call.set_launch_template(template).send().await.expect("an update");
    bench.publish().await;
    assert_eq!(start(&bench, Some(bench.desired("3")), preferences().build()).await, "started");
    assert_eq!(roll_back(&bench).await, "IrreversibleInstanceRefresh");
}

#[tokio::test(start_paused = true)]
async fn preferences_that_can_not_be_are_validation_errors() {
    let bench = Bench::clean();
    bench.publish().await;
    let wrong: [RefreshPreferencesBuilder; 9] = [
        preferences().min_healthy_percentage(101),
        preferences().max_healthy_percentage(99),
        preferences().max_healthy_percentage(201),
        preferences().min_healthy_percentage(50).max_healthy_percentage(200),
        RefreshPreferences::builder().max_healthy_percentage(110),
        preferences().checkpoint_percentages(50).checkpoint_percentages(50),
        preferences().checkpoint_percentages(0),
        preferences().bake_time(172_801),
        preferences().checkpoint_percentages(50).checkpoint_delay(172_801),
    ];
    for preferences in wrong {
        let preferences = preferences.build();
        let told = format!("{preferences:?}");
        assert_eq!(start(&bench, Some(bench.desired("2")), preferences).await, "ValidationError", "{told}");
    }
    let automatic = preferences().auto_rollback(true).build();
    assert_eq!(start(&bench, None, automatic).await, "ValidationError");
    assert_eq!(start(&bench, Some(bench.desired("99")), preferences().build()).await, "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_has_its_own_code() {
    let bench = Bench::clean();
    let template = bench.ec2.describe_launch_template_versions().launch_template_id("lt-0123456789abcdef0");
    assert_eq!(code(&template.send().await.expect_err("none")), "InvalidLaunchTemplateId.NotFound");
    let version =
        bench.ec2.describe_launch_template_versions().launch_template_id(bench.template_id()).versions("99");
    assert_eq!(code(&version.send().await.expect_err("none")), "InvalidLaunchTemplateId.VersionNotFound");
    let image = bench.ec2.describe_images().image_ids("ami-0123456789abcdef0");
    assert_eq!(code(&image.send().await.expect_err("none")), "InvalidAMIID.NotFound");
    let image = bench.ec2.describe_images().image_ids("ami-xyz");
    assert_eq!(code(&image.send().await.expect_err("nonsense")), "InvalidAMIID.Malformed");
    let group = bench.scaling.describe_instance_refreshes().auto_scaling_group_name("nobody");
    assert_eq!(code(&group.send().await.expect_err("none")), "ValidationError");
    let target = bench.elb.describe_target_health().target_group_arn("arn:aws:nobody");
    assert_eq!(code(&target.send().await.expect_err("none")), "TargetGroupNotFound");
    let instance = bench.ec2.describe_instances().instance_ids("i-0123456789abcdef0");
    assert_eq!(code(&instance.send().await.expect_err("none")), "InvalidInstanceID.NotFound");
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_call_is_refused() {
    let bench = Bench::clean();
    let groups = bench.scaling.describe_auto_scaling_groups().next_token("nonsense");
    assert_eq!(code(&groups.send().await.expect_err("a refusal")), "InvalidNextToken");
    let refreshes =
        bench.scaling.describe_instance_refreshes().auto_scaling_group_name(GROUP).next_token("x.1");
    assert_eq!(code(&refreshes.send().await.expect_err("a refusal")), "InvalidNextToken");
    let many = bench.scaling.describe_auto_scaling_groups().max_records(101);
    assert_eq!(code(&many.send().await.expect_err("a refusal")), "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn actions_that_are_not_simulated_say_so() {
    let bench = Bench::clean();
    let answer = bench.ec2.describe_vpcs().send().await;
    assert_eq!(code(&answer.expect_err("a refusal")), "InvalidAction");
}

#[tokio::test(start_paused = true)]
async fn tags_have_limits() {
    let bench = Bench::clean();
    let tag = |key: &str, value: &str| aws_sdk_ec2::types::Tag::builder().key(key).value(value).build();
    let long = bench.ec2.create_tags().resources(NEW).tags(tag("k", &"x".repeat(257))).send().await;
    assert_eq!(code(&long.expect_err("a refusal")), "InvalidParameterValue");
    let many = (0..51).map(|at| tag(&format!("k{at}"), "v")).collect();
    let many = bench.ec2.create_tags().resources(OLD).set_tags(Some(many)).send().await;
    assert_eq!(code(&many.expect_err("a refusal")), "TagLimitExceeded");
    let tag =
        |at| aws_sdk_autoscaling::types::Tag::builder().resource_id(GROUP).key(format!("k{at}")).build();
    let many = (0..51).map(tag).collect();
    let many = bench.scaling.create_or_update_tags().set_tags(Some(many)).send().await;
    assert_eq!(code(&many.expect_err("a refusal")), "LimitExceeded");
}

#[tokio::test(start_paused = true)]
async fn unknown_filters_are_refused_not_ignored() {
    let bench = Bench::clean();
    let filter = aws_sdk_ec2::types::Filter::builder().name("vpc").values("x").build();
    let images = bench.ec2.describe_images().filters(filter.clone()).send().await;
    assert_eq!(code(&images.expect_err("a refusal")), "InvalidParameterValue");
    let instances = bench.ec2.describe_instances().filters(filter).send().await;
    assert_eq!(code(&instances.expect_err("a refusal")), "InvalidParameterValue");
    let filter = aws_sdk_autoscaling::types::Filter::builder().name("name").values("x").build();
    let groups = bench.scaling.describe_auto_scaling_groups().filters(filter).send().await;
    assert_eq!(code(&groups.expect_err("a refusal")), "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_whether_a_version_could_be_launched() {
    let bench = Bench::clean();
    let run = async |image: Option<&str>| {
        let template = aws_sdk_ec2::types::LaunchTemplateSpecification::builder()
            .launch_template_id(bench.template_id())
            .version("1")
            .build();
        let call =
            bench.ec2.run_instances().dry_run(true).min_count(1).max_count(1).launch_template(template);
        code(&call.set_image_id(image.map(str::to_owned)).send().await.expect_err("never a launch"))
    };
    assert_eq!(run(None).await, "DryRunOperation");
    assert_eq!(run(Some("ami-0123456789abcdef0")).await, "InvalidAMIID.NotFound");
    bench.simulator.change(|world| {
        for image in world.images.values_mut() {
            "pending".clone_into(&mut image.state);
        }
    });
    assert_eq!(run(None).await, "InvalidAMIID.Unavailable");
}
