"""A running simulator, and the world in it as boto3 sees it."""

import functools
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import boto3
import botocore.config
import botocore.exceptions

EXPORT = re.compile(r"export ([A-Z_]+)=(.*)")


def fresh(ask):
    """Asks again where the simulator's fast clock ended the role's session of an hour meanwhile."""

    @functools.wraps(ask)
    def again(*arguments):
        for left in reversed(range(5)):
            try:
                return ask(*arguments)
            except botocore.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "ExpiredToken" or not left:
                    raise

    return again


class World:
    """`ami-refresh simulator` on loopback, on a configuration and a manifest."""

    def __init__(self, binary: Path, config: Path, manifest: Path, speed: int, scenario: str, groups: str | None):
        self.speed = speed
        self.config = config
        self.log = tempfile.TemporaryFile("w+")
        command = [binary, "simulator", "--port", "0", "--speed", str(speed), "--scenario", scenario]
        command += ["--seed", "20261123", "--config", str(config), "--from-packer", str(manifest)]
        command += ["--groups", groups] if groups else []
        variables = {"PATH": os.environ["PATH"]}
        self.process = subprocess.Popen(
            command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.exports: dict[str, str] = {}
        for line in self.process.stdout:
            if match := EXPORT.fullmatch(line.strip()):
                self.exports[match[1]] = shlex.split(match[2])[0]
                if match[1] == "AMI_REFRESH_CLOCK":
                    break
        else:
            self.log.seek(0)
            raise AssertionError(f"the simulator ended before it served\n{self.log.read()}")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def client(self, service: str, environment: str | None = None):
        """A client at home, or in an environment's account by a fresh session of its role."""
        options = {"region_name": self.exports["AWS_REGION"], "endpoint_url": self.exports["AWS_ENDPOINT_URL"]}
        options["config"] = botocore.config.Config(retries={"total_max_attempts": 5, "mode": "standard"}, proxies={})
        keys = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "none"}
        if environment is not None:
            sts = boto3.Session(**keys).client("sts", **options)
            role = re.search(rf"- name: {environment}\n(?:.*\n)*?\s+role_arn: (\S+)", self.config.read_text())[1]
            session = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
            keys = {"aws_access_key_id": session["AccessKeyId"], "aws_secret_access_key": session["SecretAccessKey"]}
            keys["aws_session_token"] = session["SessionToken"]
        return boto3.Session(**keys).client(service, **options)

    @fresh
    def groups(self, environment: str) -> list[dict]:
        pages = self.client("autoscaling", environment).get_paginator("describe_auto_scaling_groups")
        found = pages.paginate(Filters=[{"Name": "tag:Environment", "Values": [environment]}])
        return sorted((group for page in found for group in page["AutoScalingGroups"]), key=lambda one: one["AutoScalingGroupName"])

    @fresh
    def images(self, environment: str) -> dict[str, set[str]]:
        """What the in-service instances of each group run."""
        groups = self.groups(environment)
        serving = {
            group["AutoScalingGroupName"]: [
                one["InstanceId"] for one in group["Instances"] if one["LifecycleState"] == "InService"
            ]
            for group in groups
        }
        every = [one for ids in serving.values() for one in ids]
        pages = self.client("ec2", environment).get_paginator("describe_instances").paginate(InstanceIds=every)
        image = {
            one["InstanceId"]: one["ImageId"] for page in pages for held in page["Reservations"] for one in held["Instances"]
        }
        return {name: {image[one] for one in ids} for name, ids in serving.items()}

    @fresh
    def refreshes(self, environment: str) -> dict[str, list[dict]]:
        """The refreshes of each group, newest first."""
        client = self.client("autoscaling", environment)
        names = [group["AutoScalingGroupName"] for group in self.groups(environment)]
        return {
            name: client.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"] for name in names
        }

    def tags(self, image: str) -> dict[str, str]:
        """The tags of an image at home: gates, quarantine, where it came from."""
        found = self.client("ec2").describe_images(ImageIds=[image])["Images"][0]
        return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}

    def gates(self, image: str) -> dict[str, str]:
        """Environment to the first word of the record on an image."""
        prefix = "ami-refresh:gate/"
        tags = self.tags(image).items()
        return {key.removeprefix(prefix): value.split()[0] for key, value in tags if key.startswith(prefix)}

    def standing(self, environments: list[str]) -> dict:
        """Everything that a rollout might change, to be compared."""
        return {environment: (self._groups(environment), self.versions(environment)) for environment in environments}

    def _groups(self, environment: str) -> list[tuple]:
        return [
            (
                group["AutoScalingGroupName"],
                group.get("LaunchTemplate"),
                sorted(one["InstanceId"] for one in group["Instances"]),
                sorted((tag["Key"], tag["Value"]) for tag in group["Tags"]),
            )
            for group in self.groups(environment)
        ]

    @fresh
    def versions(self, environment: str) -> list[tuple[str, int]]:
        """The newest and the default version of each template."""
        pages = self.client("ec2", environment).get_paginator("describe_launch_template_versions")
        found = pages.paginate(Versions=["$Latest", "$Default"])
        return sorted((one["LaunchTemplateName"], one["VersionNumber"]) for page in found for one in page["LaunchTemplateVersions"])

    def until(self, what: str, asked, seconds: float = 60):
        """Asks until something true comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if answer := asked():
                return answer
            time.sleep(0.05)
        raise AssertionError(f"{what}: not within {seconds} s")
