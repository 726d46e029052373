"""A running simulator, and the world in it as boto3 sees it."""

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
import botocore.credentials
import botocore.session

# The longest that a role can be assumed for, in seconds of the simulator's clock.
SESSION = 3_600
EXPORT = re.compile(r"export ([A-Z_]+)=(.*)")


class Role(botocore.credentials.Credentials):
    """An environment's role, assumed again before the simulator's fast clock ends the session."""

    def __init__(self, world: "World", arn: str):
        super().__init__("unused", "unused")
        self.world = world
        self.arn = arn
        self.frozen = None
        self.until = 0.0

    def get_frozen_credentials(self):
        if time.monotonic() >= self.until:
            self.until = time.monotonic() + SESSION / self.world.speed / 4
            sts = self.world.client("sts")
            answer = sts.assume_role(RoleArn=self.arn, RoleSessionName="test", DurationSeconds=SESSION)["Credentials"]
            keys = answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]
            self.frozen = botocore.credentials.ReadOnlyCredentials(*keys)
        return self.frozen


class World:
    """`ami-refresh simulator` on loopback, on a configuration and a manifest."""

    def __init__(self, binary: Path, config: Path, manifest: Path, speed: int, scenario: str, groups: str | None):
        self.speed = speed
        self.config = config
        self.clients: dict = {}
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
        """A client at home, or in an environment's account by its role."""
        if (service, environment) not in self.clients:
            self.clients[service, environment] = self._client(service, environment)
        return self.clients[service, environment]

    def _client(self, service: str, environment: str | None):
        core = botocore.session.Session()
        if environment is None:
            core.set_credentials("AKIATEST", "none")
        else:
            role = re.search(rf"- name: {environment}\n(?:.*\n)*?\s+role_arn: (\S+)", self.config.read_text())[1]
            core._credentials = Role(self, role)
        config = botocore.config.Config(retries={"total_max_attempts": 5, "mode": "standard"}, proxies={})
        session = boto3.Session(botocore_session=core, region_name=self.exports["AWS_REGION"])
        return session.client(service, endpoint_url=self.exports["AWS_ENDPOINT_URL"], config=config)

    def groups(self, environment: str) -> list[dict]:
        pages = self.client("autoscaling", environment).get_paginator("describe_auto_scaling_groups")
        found = pages.paginate(Filters=[{"Name": "tag:Environment", "Values": [environment]}])
        return sorted((group for page in found for group in page["AutoScalingGroups"]), key=lambda one: one["AutoScalingGroupName"])

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
