//! A small fleet, and the SDK's clients on it.

use std::time::Duration;

use aws_config::Region as AwsRegion;
use aws_credential_types::Credentials;
use aws_sdk_autoscaling::types::{DesiredConfiguration, LaunchTemplateSpecification, RefreshPreferences};
use aws_smithy_async::rt::sleep::TokioSleep;

use crate::clock::Clock;
use crate::model::{ImageId, RefreshStatus, Tracking};
use crate::sim::{
    FleetSpec, GroupSpec, HOME_KEY, HOME_SECRET, ImageSpec, Refresh, RoleSpec, Scenario, Setup, Simulator,
    TemplateSpec, VersionSpec,
};

pub(super) const OLD: &str = "ami-0aaaaaaaaaaaaaaaa";
pub(super) const NEW: &str = "ami-0bbbbbbbbbbbbbbbb";
pub(super) const HOME: &str = "000000000000";
pub(super) const QA: &str = "222222222222";
pub(super) const ROLE: &str = "arn:aws:iam::222222222222:role/ami-refresh";
pub(super) const REGION: &str = "eu-west-2";
pub(super) const GROUP: &str = "web-qa";

/// A simulator, and clients with the home account's credentials.
pub(super) struct Bench {
    pub(super) simulator: Simulator,
    pub(super) ec2: aws_sdk_ec2::Client,
    pub(super) scaling: aws_sdk_autoscaling::Client,
    pub(super) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) watch: aws_sdk_cloudwatch::Client,
}

/// One group of `desired` instances in the home account; template and group can be changed first.
pub(super) fn fleet(desired: u32, change: impl FnOnce(&mut GroupSpec)) -> FleetSpec {
    let mut fleet = FleetSpec::empty(HOME.into());
    fleet.roles.insert(ROLE.to_owned(), RoleSpec::new(QA.into()));
    for (id, name) in [(OLD, "dept-base-20261114"), (NEW, "dept-base-20261121")] {
        let mut image = ImageSpec::new(ImageId::new(id), name, REGION.into(), HOME.into());
        image.shared_with.push(QA.into());
        image.tags.insert("family".to_owned(), "base".to_owned());
        fleet.images.push(image);
    }
    fleet.templates.push(template(HOME, GROUP));
    let mut group = GroupSpec::new(HOME.into(), REGION.into(), GROUP, GROUP, desired);
    group.tags.insert("Environment".to_owned(), "qa".to_owned());
    group.target_groups.push(GROUP.to_owned());
    change(&mut group);
    fleet.groups.push(group);
    fleet
}

pub(super) fn template(account: &str, name: &str) -> TemplateSpec {
    let data = [
        ("ImageId", OLD),
        ("InstanceType", "m5.large"),
        ("UserData", "IyEvYmluL3NoCg=="),
        ("SecurityGroupId.1", "sg-0a1b2c3d4e5f60718"),
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.Ebs.VolumeSize", "30"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "Name"),
        ("TagSpecification.1.Tag.1.Value", name),
        ("NetworkInterface.1.DeviceIndex", "0"),
        ("NetworkInterface.1.SecurityGroupId.1", "sg-0a1b2c3d4e5f60718"),
        ("MetadataOptions.HttpTokens", "required"),
    ];
    let data = data.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    TemplateSpec {
        id: None,
        account: account.into(),
        region: REGION.into(),
        name: name.to_owned(),
        versions: vec![VersionSpec { number: None, description: "first & <only>".to_owned(), data }],
        default_version: 1,
    }
}

impl Bench {
    pub(super) fn new(fleet: FleetSpec, scenario: Scenario) -> Self {
        Self::seeded(fleet, scenario, 7)
    }

    pub(super) fn seeded(fleet: FleetSpec, scenario: Scenario, seed: u64) -> Self {
        let start = "2026-11-22T19:00:00Z".parse().expect("a time");
        let simulator = Simulator::new(Setup::new(fleet, scenario, seed), Clock::starting_at(start, 1.0));
        Self::on(simulator, Credentials::new(HOME_KEY, HOME_SECRET, None, None, "test"))
    }

    /// A clean world with one pinned group of four.
    pub(super) fn clean() -> Self {
        Self::new(fleet(4, |_| {}), Scenario::clean())
    }

    pub(super) fn named(scenario: &str, fleet: FleetSpec) -> Self {
        Self::new(fleet, Scenario::named(scenario).expect("a known scenario"))
    }

    pub(super) fn on(simulator: Simulator, credentials: Credentials) -> Self {
        let config = aws_config::SdkConfig::builder()
            .http_client(simulator.http_client())
            .region(AwsRegion::new(REGION))
            .behavior_version(aws_config::BehaviorVersion::latest())
            .sleep_impl(TokioSleep::new())
            .time_source(aws_smithy_async::time::SystemTimeSource::new())
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(credentials))
            .build();
        Self {
            simulator,
            ec2: aws_sdk_ec2::Client::new(&config),
            scaling: aws_sdk_autoscaling::Client::new(&config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            watch: aws_sdk_cloudwatch::Client::new(&config),
        }
    }

    pub(super) fn template_id(&self) -> String {
        self.simulator.inspect(|world| world.group(GROUP).expect("the group").template.id.to_string())
    }

    /// Makes version 2, with the new image.
    pub(super) async fn publish(&self) -> i64 {
        let data = aws_sdk_ec2::types::RequestLaunchTemplateData::builder().image_id(NEW).build();
        let call = self.ec2.create_launch_template_version().launch_template_id(self.template_id());
        let made = call.source_version("1").launch_template_data(data).send().await.expect("a version");
        made.launch_template_version()
            .and_then(aws_sdk_ec2::types::LaunchTemplateVersion::version_number)
            .expect("a number")
    }

    /// Starts a refresh of the group to a version.
    pub(super) async fn start(&self, version: &str, preferences: RefreshPreferences) -> String {
        let call = self.scaling.start_instance_refresh().auto_scaling_group_name(GROUP);
        let call = call.desired_configuration(self.desired(version)).preferences(preferences);
        let answer = call.send().await.expect("a refresh");
        answer.instance_refresh_id().expect("an id").to_owned()
    }

    pub(super) fn desired(&self, version: &str) -> DesiredConfiguration {
        let template = LaunchTemplateSpecification::builder()
            .launch_template_id(self.template_id())
            .version(version)
            .build();
        DesiredConfiguration::builder().launch_template(template).build()
    }

    /// Waits, on the paused clock, until the newest refresh has that status; fails after a virtual day.
    pub(super) async fn until(&self, status: RefreshStatus) -> Refresh {
        for _ in 0..8640 {
            let seen = self.refresh();
            if seen.status == status {
                return seen;
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        panic!("never {status}, but {:?}", self.refresh());
    }

    pub(super) fn refresh(&self) -> Refresh {
        let newest =
            |world: &crate::sim::World| world.group(GROUP).and_then(|group| group.refreshes.last().cloned());
        self.simulator.inspect(newest).expect("a refresh")
    }

    /// How many instances of each image are in service.
    pub(super) fn images(&self) -> (usize, usize) {
        self.simulator.inspect(|world| {
            let group = world.group(GROUP).expect("the group");
            let on =
                |image: &str| group.serving().filter(|instance| instance.image.as_str() == image).count();
            (on(OLD), on(NEW))
        })
    }

    pub(super) fn tracking(&self) -> Tracking {
        self.simulator.inspect(|world| world.group(GROUP).expect("the group").template.tracking)
    }
}

pub(super) fn preferences() -> aws_sdk_autoscaling::types::builders::RefreshPreferencesBuilder {
    RefreshPreferences::builder().min_healthy_percentage(90).skip_matching(true)
}

/// The error code of an SDK error.
pub(super) fn code<E, R>(error: &aws_smithy_runtime_api::client::result::SdkError<E, R>) -> String
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata,
{
    let code = error.as_service_error().and_then(|service| service.code());
    code.unwrap_or("no code").to_owned()
}
