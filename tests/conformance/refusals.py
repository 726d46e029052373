"""What is refused, and with which code: programs decide by the code, never by the words."""

import time

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from harness import ENVIRONMENTS, Case, candidate, pinned

LONG = {"BakeTime": 172_800, "MinHealthyPercentage": 90}


class Refusals(Case):
    environment = "training"

    def setUp(self):
        super().setUp()
        self.scaling = self.client("autoscaling", self.environment)
        self.ec2 = self.client("ec2", self.environment)

    def named(self, wanted=pinned) -> tuple[str, dict]:
        """A group without an active refresh, and its template with the new image."""
        active = {"Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress"}

        def idle(group):
            name = group["AutoScalingGroupName"]
            found = self.scaling.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"]
            return wanted(group) and not any(refresh["Status"] in active for refresh in found)

        group = self.group(self.environment, idle)
        template = group["LaunchTemplate"]["LaunchTemplateId"]
        made = self.ec2.create_launch_template_version(
            LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"ImageId": candidate()}
        )
        version = str(made["LaunchTemplateVersion"]["VersionNumber"])
        return group["AutoScalingGroupName"], {"LaunchTemplateId": template, "Version": version}

    def begin(self, name: str, template: dict | None):
        desired = {"DesiredConfiguration": {"LaunchTemplate": template}} if template else {}
        self.scaling.start_instance_refresh(AutoScalingGroupName=name, Preferences=LONG, **desired)
        self.addCleanup(self.end, name)

    def end(self, name: str):
        self.scaling.cancel_instance_refresh(AutoScalingGroupName=name, WaitForTransitioningInstances=False)

    def test_a_second_refresh_of_a_group(self):
        name, template = self.named()
        self.begin(name, template)
        desired = {"LaunchTemplate": template}
        again = {"AutoScalingGroupName": name, "DesiredConfiguration": desired}
        error = self.refused("InstanceRefreshInProgress", self.scaling.start_instance_refresh, **again)
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 400)

    def test_rolling_back_or_cancelling_without_an_active_refresh(self):
        name, _ = self.named()
        for call in (self.scaling.rollback_instance_refresh, self.scaling.cancel_instance_refresh):
            self.refused("ActiveInstanceRefreshNotFound", call, AutoScalingGroupName=name)

    def test_rolling_back_without_a_desired_configuration(self):
        name, _ = self.named()
        self.begin(name, None)
        call = self.scaling.rollback_instance_refresh
        self.refused("IrreversibleInstanceRefresh", call, AutoScalingGroupName=name)

    def test_rolling_back_a_group_that_follows_latest_or_default(self):
        for tracking in ("$Latest", "$Default"):
            name, template = self.named(lambda group: group["LaunchTemplate"]["Version"] == tracking)
            self.begin(name, template)
            call = self.scaling.rollback_instance_refresh
            self.refused("IrreversibleInstanceRefresh", call, AutoScalingGroupName=name)

    def test_auto_rollback_without_a_desired_configuration(self):
        name, _ = self.named()
        start = {"AutoScalingGroupName": name, "Preferences": {"AutoRollback": True}}
        self.refused("ValidationError", self.scaling.start_instance_refresh, **start)

    def test_preferences_that_cannot_be(self):
        name, template = self.named()
        desired = {"LaunchTemplate": template}
        wrong = [
            {"MinHealthyPercentage": 0, "MaxHealthyPercentage": 110},
            {"MinHealthyPercentage": 101},
            {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 201},
            {"MaxHealthyPercentage": 110},
            {"CheckpointPercentages": [50, 50, 100]},
            {"CheckpointPercentages": [100, 50]},
            {"CheckpointPercentages": [50, 101]},
            {"BakeTime": 172_801},
            {"CheckpointPercentages": [50, 100], "CheckpointDelay": 172_801},
            {"AlarmSpecification": {"Alarms": [f"alarm-{number}" for number in range(11)]}},
        ]
        for preferences in wrong:
            with self.subTest(preferences=preferences):
                start = {"AutoScalingGroupName": name, "DesiredConfiguration": desired, "Preferences": preferences}
                self.refused("ValidationError", self.scaling.start_instance_refresh, **start)

    def test_a_desired_version_or_template_that_is_not_there(self):
        name, template = self.named()
        for wrong in (template | {"Version": "999"}, template | {"LaunchTemplateId": "lt-0123456789abcdef0"}):
            start = {"AutoScalingGroupName": name, "DesiredConfiguration": {"LaunchTemplate": wrong}}
            self.refused("ValidationError", self.scaling.start_instance_refresh, **start)

    def test_changing_a_groups_template_while_a_refresh_carries_one(self):
        name, template = self.named()
        self.begin(name, template)
        change = {"AutoScalingGroupName": name, "LaunchTemplate": template}
        self.refused("ValidationError", self.scaling.update_auto_scaling_group, **change)

    def test_a_group_that_is_not_there(self):
        nobody = {"AutoScalingGroupName": "no-such-group"}
        self.refused("ValidationError", self.scaling.start_instance_refresh, **nobody)
        self.refused("ValidationError", self.scaling.describe_instance_refreshes, **nobody)
        self.refused("ValidationError", self.scaling.describe_scaling_activities, **nobody)
        self.refused("ValidationError", self.scaling.update_auto_scaling_group, **nobody)

    def test_a_page_token_that_nobody_gave_out(self):
        name, _ = self.named()
        bad = {"NextToken": "made-up"}
        self.refused("InvalidNextToken", self.scaling.describe_auto_scaling_groups, **bad)
        self.refused("InvalidNextToken", self.scaling.describe_tags, **bad)
        self.refused("InvalidNextToken", self.scaling.describe_instance_refreshes, AutoScalingGroupName=name, **bad)
        self.refused("InvalidNextToken", self.scaling.describe_scaling_activities, AutoScalingGroupName=name, **bad)

    def test_more_than_a_page_can_hold(self):
        name, _ = self.named()
        self.refused("ValidationError", self.scaling.describe_auto_scaling_groups, MaxRecords=101)
        too_many = {"AutoScalingGroupName": name, "MaxRecords": 101}
        self.refused("ValidationError", self.scaling.describe_instance_refreshes, **too_many)

    def test_images_and_instances_that_are_not_there(self):
        images, instances = self.ec2.describe_images, self.ec2.describe_instances
        self.refused("InvalidAMIID.NotFound", images, ImageIds=["ami-0123456789abcdef0"])
        self.refused("InvalidAMIID.Malformed", images, ImageIds=["ami-nonsense"])
        self.refused("InvalidInstanceID.NotFound", instances, InstanceIds=["i-0123456789abcdef0"])
        self.refused("InvalidInstanceID.Malformed", instances, InstanceIds=["i-nonsense"])
        status = self.ec2.describe_instance_status
        self.refused("InvalidInstanceID.NotFound", status, InstanceIds=["i-0123456789abcdef0"])

    def test_templates_and_versions_that_are_not_there(self):
        _, template = self.named()
        known, nobody = template["LaunchTemplateId"], "lt-0123456789abcdef0"
        describe = self.ec2.describe_launch_template_versions
        self.refused("InvalidLaunchTemplateId.NotFound", describe, LaunchTemplateId=nobody)
        self.refused("InvalidLaunchTemplateName.NotFoundException", describe, LaunchTemplateName="no-such-template")
        self.refused("InvalidLaunchTemplateId.VersionNotFound", describe, LaunchTemplateId=known, Versions=["999"])
        create = {"LaunchTemplateData": {"ImageId": candidate()}, "SourceVersion": "1"}
        call = self.ec2.create_launch_template_version
        self.refused("InvalidLaunchTemplateId.NotFound", call, LaunchTemplateId=nobody, **create)
        create["SourceVersion"] = "999"
        self.refused("InvalidLaunchTemplateId.VersionNotFound", call, LaunchTemplateId=known, **create)

    def test_a_target_group_that_is_not_there(self):
        arn = "arn:aws:elasticloadbalancing:eu-west-2:555555555555:targetgroup/nobody/0123456789abcdef"
        elb = self.client("elbv2", self.environment)
        self.refused("TargetGroupNotFound", elb.describe_target_health, TargetGroupArn=arn)
        self.refused("TargetGroupNotFound", elb.describe_target_groups, TargetGroupArns=[arn])

    def test_another_accounts_group_is_not_there(self):
        name, _ = self.named()
        prod = self.client("autoscaling", "prod")
        self.refused("ValidationError", prod.describe_instance_refreshes, AutoScalingGroupName=name)

    def test_a_role_that_may_not_be_assumed(self):
        sts = self.client("sts", None)
        arn = "arn:aws:iam::111111111111:role/somebody-else"
        error = self.refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="conformance")
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 403)

    def test_a_request_that_nobody_signed(self):
        endpoint = self.simulator.exports["AWS_ENDPOINT_URL"]
        config = Config(signature_version=UNSIGNED, proxies={})
        sts = boto3.client("sts", endpoint_url=endpoint, region_name="eu-west-2", config=config)
        self.refused("MissingAuthenticationToken", sts.get_caller_identity)

    def test_credentials_that_have_expired(self):
        credentials = self.simulator.assume(ENVIRONMENTS[self.environment]["role_arn"], 900)
        session = boto3.Session(
            credentials.access_key, credentials.secret_key, credentials.token, self.simulator.exports["AWS_REGION"]
        )
        endpoint = self.simulator.exports["AWS_ENDPOINT_URL"]
        clients = [session.client(name, endpoint_url=endpoint) for name in ("autoscaling", "ec2")]
        clients[0].describe_auto_scaling_groups()
        time.sleep(900 / self.speed + 0.5)
        self.refused("ExpiredToken", clients[0].describe_auto_scaling_groups)
        self.refused("RequestExpired", clients[1].describe_instances)
