"""The AWS CLI, pointed at the simulator by nothing but what the simulator prints."""

import json
import time

from harness import Case, candidate, pinned


class Cli(Case):
    environment = "prod"

    def aws(self, *words: str, environment: str | None = environment) -> dict:
        """What a command prints."""
        done = self.simulator.cli(environment, *words)
        self.assertEqual(done.returncode, 0, f"aws {' '.join(words)}\n{done.stderr}")
        return json.loads(done.stdout)

    def fails(self, code: str, *words: str):
        done = self.simulator.cli(self.environment, *words)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(f"({code})", done.stderr)

    def refresh(self, name: str) -> dict:
        found = self.aws("autoscaling", "describe-instance-refreshes", "--auto-scaling-group-name", name)
        return found["InstanceRefreshes"][0]

    def follow(self, name: str, until: str, on_the_way: set[str]):
        deadline = time.monotonic() + 90
        while (refresh := self.refresh(name))["Status"] != until:
            self.assertIn(refresh["Status"], on_the_way, refresh)
            self.assertLess(time.monotonic(), deadline, refresh)

    def start(self, group: dict, version: int):
        name, template = group["AutoScalingGroupName"], group["LaunchTemplate"]["LaunchTemplateId"]
        desired = {"LaunchTemplate": {"LaunchTemplateId": template, "Version": str(version)}}
        preferences = {"BakeTime": 172_800, "MinHealthyPercentage": 50, "MaxHealthyPercentage": 100}
        words = ["--desired-configuration", json.dumps(desired), "--preferences", json.dumps(preferences)]
        self.aws("autoscaling", "start-instance-refresh", "--auto-scaling-group-name", name, *words)

    def create(self, group: dict) -> int:
        words = ["--launch-template-id", group["LaunchTemplate"]["LaunchTemplateId"], "--source-version", "1"]
        words += ["--client-token", "from-the-cli", "--launch-template-data", json.dumps({"ImageId": candidate()})]
        made = self.aws("ec2", "create-launch-template-version", *words)["LaunchTemplateVersion"]
        again = self.aws("ec2", "create-launch-template-version", *words)["LaunchTemplateVersion"]
        self.assertEqual(made["VersionNumber"], again["VersionNumber"])
        return made["VersionNumber"]

    def test_the_exports_are_enough_to_be_somebody_somewhere(self):
        home = self.aws("sts", "get-caller-identity", environment=None)
        self.assertRegex(home["Account"], "^[0-9]{12}$")
        self.assertTrue(self.aws("ec2", "describe-images", "--owners", "self", environment=None)["Images"])

    def test_it_lists_groups_versions_instances_status_and_target_health(self):
        filters = ["--filters", f"Name=tag:Environment,Values={self.environment}"]
        listed = self.aws("autoscaling", "describe-auto-scaling-groups", *filters, "--page-size", "2")
        groups = listed["AutoScalingGroups"]
        self.assertEqual(len(groups), len(self.groups(self.environment)))
        group = next(group for group in groups if group["TargetGroupARNs"] and group["Instances"])
        ids = [instance["InstanceId"] for instance in group["Instances"]]
        template = group["LaunchTemplate"]["LaunchTemplateId"]
        versions = self.aws("ec2", "describe-launch-template-versions", "--launch-template-id", template)
        self.assertTrue(versions["LaunchTemplateVersions"])
        found = self.aws("ec2", "describe-instances", "--instance-ids", *ids)["Reservations"]
        self.assertEqual(sum(len(reservation["Instances"]) for reservation in found), len(ids))
        status = self.aws("ec2", "describe-instance-status", "--instance-ids", *ids)["InstanceStatuses"]
        self.assertEqual({one["InstanceStatus"]["Status"] for one in status}, {"ok"})
        arn = group["TargetGroupARNs"][0]
        health = self.aws("elbv2", "describe-target-health", "--target-group-arn", arn)["TargetHealthDescriptions"]
        self.assertEqual({one["TargetHealth"]["State"] for one in health}, {"healthy"})

    def test_it_starts_a_refresh_rolls_it_back_and_cancels_another(self):
        group = self.group(self.environment, pinned)
        name = group["AutoScalingGroupName"]
        version = self.create(group)
        self.start(group, version)
        named = ["--auto-scaling-group-name", name]
        self.fails("InstanceRefreshInProgress", "autoscaling", "start-instance-refresh", *named)
        self.follow(name, "Baking", {"Pending", "InProgress"})
        self.aws("autoscaling", "rollback-instance-refresh", *named)
        self.follow(name, "RollbackSuccessful", {"RollbackInProgress"})
        self.fails("ActiveInstanceRefreshNotFound", "autoscaling", "cancel-instance-refresh", *named)
        self.start(group, version)
        self.aws("autoscaling", "cancel-instance-refresh", *named)
        self.follow(name, "Cancelled", {"Cancelling"})

    def test_it_shows_the_codes_of_refusals(self):
        self.fails("InvalidAMIID.NotFound", "ec2", "describe-images", "--image-ids", "ami-0123456789abcdef0")
        nobody = ["--launch-template-id", "lt-0123456789abcdef0"]
        self.fails("InvalidLaunchTemplateId.NotFound", "ec2", "describe-launch-template-versions", *nobody)
        token = ["--no-paginate", "--next-token", "made-up"]
        self.fails("InvalidNextToken", "autoscaling", "describe-auto-scaling-groups", *token)
        group = ["--auto-scaling-group-name", "no-such-group"]
        self.fails("ValidationError", "autoscaling", "describe-instance-refreshes", *group)
