"""Scenarios: what goes wrong on the wire and in applications, as boto3 and a client see it."""

import collections
import json
import time
import urllib.error
import urllib.request

import botocore.exceptions

from harness import Case, candidate, pinned


class Trouble(Case):
    def outcomes(self, call, times: int, **parameters) -> collections.Counter:
        """How often each error came, and how often none."""
        seen: collections.Counter = collections.Counter()
        for _ in range(times):
            try:
                call(**parameters)
                seen["fine"] += 1
            except botocore.exceptions.ClientError as error:
                seen[error.response["Error"]["Code"]] += 1
            except botocore.exceptions.HTTPClientError as error:
                seen[type(error).__name__] += 1
        return seen


class Throttled(Trouble):
    scenario = "tests/conformance/throttled.yaml"

    def test_calls_are_throttled_in_each_services_own_words(self):
        scaling = self.outcomes(self.client("autoscaling", "qa", 1).describe_auto_scaling_groups, 100)
        self.assertEqual(set(scaling), {"fine", "Throttling"}, scaling)
        ec2 = self.outcomes(self.client("ec2", "qa", 1).describe_instance_status, 100)
        self.assertEqual(set(ec2), {"fine", "RequestLimitExceeded"}, ec2)

    def test_boto3_tries_again_by_itself(self):
        scaling = self.client("autoscaling", "qa", 10)
        self.assertEqual(self.outcomes(scaling.describe_auto_scaling_groups, 10), {"fine": 10})


class ServerErrors(Trouble):
    scenario = "server-errors"

    def test_calls_fail_in_each_services_own_words(self):
        scaling = self.outcomes(self.client("autoscaling", "qa", 1).describe_auto_scaling_groups, 250)
        self.assertEqual(set(scaling), {"fine", "InternalFailure", "ServiceUnavailable"}, scaling)
        ec2 = self.outcomes(self.client("ec2", "qa", 1).describe_instance_status, 250)
        self.assertEqual(set(ec2), {"fine", "InternalError", "Unavailable"}, ec2)


class Contention(Trouble):
    scenario = "tests/conformance/contention.yaml"

    def test_a_change_meets_another_change(self):
        group = self.group("qa", pinned)
        start = self.client("autoscaling", "qa", 1).start_instance_refresh
        error = self.refused("ResourceContention", start, AutoScalingGroupName=group["AutoScalingGroupName"])
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 500)


class LostAnswers(Trouble):
    scenario = "lost-answers"

    def test_a_lost_call_took_effect(self):
        template = self.client("ec2", "qa", 10).describe_launch_templates()["LaunchTemplates"][0]
        create = self.client("ec2", "qa", 1).create_launch_template_version
        wanted = {"LaunchTemplateId": template["LaunchTemplateId"], "SourceVersion": "1"}
        wanted["LaunchTemplateData"] = {"ImageId": candidate()}
        seen = self.outcomes(create, 200, **wanted)
        self.assertEqual(set(seen), {"fine", "ConnectionClosedError"}, seen)
        ids = [template["LaunchTemplateId"]]
        after = self.client("ec2", "qa", 10).describe_launch_templates(LaunchTemplateIds=ids)["LaunchTemplates"][0]
        self.assertEqual(after["LatestVersionNumber"], template["LatestVersionNumber"] + 200)


class ApplicationDown(Trouble):
    scenario = "app-down"

    def test_the_new_images_application_is_down_while_aws_calls_it_healthy(self):
        group = self.group("sandbox", pinned)
        name, template = group["AutoScalingGroupName"], group["LaunchTemplate"]["LaunchTemplateId"]
        ec2, scaling = self.client("ec2", "sandbox"), self.client("autoscaling", "sandbox")
        made = ec2.create_launch_template_version(
            LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"ImageId": candidate()}
        )
        version = str(made["LaunchTemplateVersion"]["VersionNumber"])
        scaling.start_instance_refresh(
            AutoScalingGroupName=name,
            DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateId": template, "Version": version}},
            Preferences={"BakeTime": 172_800, "MinHealthyPercentage": 50, "MaxHealthyPercentage": 100},
        )
        deadline = time.monotonic() + 60
        while (refresh := self.newest(scaling, name))["Status"] != "Baking":
            self.assertIn(refresh["Status"], ("Pending", "InProgress"), refresh)
            self.assertLess(time.monotonic(), deadline, refresh)
            time.sleep(0.1)
        group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
        self.assertEqual({instance["HealthStatus"] for instance in group["Instances"]}, {"Healthy"})
        ids = [instance["InstanceId"] for instance in group["Instances"]]
        found = ec2.describe_instances(InstanceIds=ids)["Reservations"]
        for instance in (instance for reservation in found for instance in reservation["Instances"]):
            self.assertEqual(instance["ImageId"], candidate())
            self.assertEqual(self.ask(instance["PrivateIpAddress"]), (503, "DOWN"))

    def newest(self, scaling, name: str) -> dict:
        return scaling.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"][0]

    def ask(self, address: str) -> tuple[int, str]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://{address}:8080/health", timeout=5) as answer:
                return answer.status, json.load(answer)["status"]
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, json.load(answer)["status"]
