"""A running simulator, its clients in boto3 and the AWS CLI, and what the tests share.

`Simulator` starts the binary and stops it. `Case` is the base of the test classes: one
simulator for each class, in the scenario that it names.
"""

import json
import os
import queue
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import boto3
import botocore.config
import botocore.credentials
import botocore.exceptions
import botocore.session
import yaml

import strict

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "pipeline" / "packer-manifest.json"
ENVIRONMENTS = {
    environment["name"]: environment
    for environment in yaml.safe_load((ROOT / "pipeline" / "environments.yaml").read_text())["environments"]
}
# Set by `run`.
BINARY: Path

NEEDED = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
EXPORT = re.compile(r"export ([A-Z_]+)=(.*)")
# The longest that a role can be assumed for, in seconds of the simulator's clock.
LONGEST_SESSION = 3_600


def candidate() -> str:
    """The image that the manifest's last run built."""
    manifest = json.loads(MANIFEST.read_text())
    last = [build for build in manifest["builds"] if build["packer_run_uuid"] == manifest["last_run_uuid"]]
    return last[0]["artifact_id"].split(":")[1]


class Role(botocore.credentials.Credentials):
    """An environment's role, assumed again before the simulator's fast clock ends the session."""

    def __init__(self, simulator, environment: str):
        super().__init__("unused", "unused")
        self.simulator = simulator
        self.arn = ENVIRONMENTS[environment]["role_arn"]
        self.frozen = None
        self.until = 0.0

    def get_frozen_credentials(self):
        if time.monotonic() >= self.until:
            self.until = time.monotonic() + LONGEST_SESSION / self.simulator.speed / 2
            self.frozen = self.simulator.assume(self.arn, LONGEST_SESSION)
        return self.frozen


class Simulator:
    """`ami-refresh simulator` as a process of its own."""

    def __init__(self, scenario: str, speed: int):
        self.speed = speed
        self.problems: list[str] = []
        self.sessions: dict = {}
        self.clients: dict = {}
        self.log = tempfile.TemporaryFile("w+")
        command = [BINARY, "simulator", "--port", "0", "--speed", str(speed), "--scenario", scenario]
        command += ["--seed", "20261123", "--from-packer", str(MANIFEST)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        try:
            self.exports = self._exports()
        except BaseException:
            self.stop()
            raise

    def _exports(self) -> dict[str, str]:
        lines: queue.Queue = queue.Queue()

        def pump():
            for line in self.process.stdout:
                lines.put(line)
            lines.put(None)

        self.pump = threading.Thread(target=pump, daemon=True)
        self.pump.start()
        found: dict[str, str] = {}
        deadline = time.monotonic() + 30
        while not all(name in found for name in NEEDED):
            try:
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the simulator printed only {found} in 30 s\n{self.words()}") from None
            if line is None:
                raise AssertionError(f"the simulator ended before it served\n{self.words()}")
            if match := EXPORT.fullmatch(line.strip()):
                found[match[1]] = shlex.split(match[2])[0]
        # More may come after the needed ones, printed at the same time.
        time.sleep(0.1)
        while not lines.empty():
            line = lines.get()
            if line and (match := EXPORT.fullmatch(line.strip())):
                found[match[1]] = shlex.split(match[2])[0]
        return found

    def words(self) -> str:
        """What it wrote to standard error."""
        self.log.seek(0)
        return self.log.read()

    def stop(self) -> int:
        """Ends it with SIGTERM; its exit status, or an error when it does not end."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the simulator did not end within 10 s of SIGTERM") from None
        finally:
            self.pump.join(timeout=10)
            self.process.stdout.close()
        return status

    def session(self, environment: str | None) -> boto3.Session:
        """A session in an environment's account, or at home for `None`."""
        if environment not in self.sessions:
            core = botocore.session.Session()
            core.register("before-parse", self._check)
            if environment is None:
                key, secret = self.exports["AWS_ACCESS_KEY_ID"], self.exports["AWS_SECRET_ACCESS_KEY"]
                core.set_credentials(key, secret)
            else:
                core._credentials = Role(self, environment)
            self.sessions[environment] = boto3.Session(botocore_session=core, region_name=self.exports["AWS_REGION"])
        return self.sessions[environment]

    def client(self, service: str, environment: str | None, attempts: int = 3):
        """A client that tries each call that often."""
        key = (service, environment, attempts)
        if key not in self.clients:
            config = botocore.config.Config(
                retries={"total_max_attempts": attempts, "mode": "standard"}, proxies={}, parameter_validation=True
            )
            endpoint = self.exports["AWS_ENDPOINT_URL"]
            self.clients[key] = self.session(environment).client(service, endpoint_url=endpoint, config=config)
        return self.clients[key]

    def assume(self, arn: str, seconds: int):
        """Credentials of a role, for that long on the simulator's clock."""
        sts = self.client("sts", None, attempts=10)
        answer = sts.assume_role(RoleArn=arn, RoleSessionName="conformance", DurationSeconds=seconds)["Credentials"]
        return botocore.credentials.ReadOnlyCredentials(
            answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]
        )

    def _check(self, operation_model, response_dict, **_):
        if response_dict["status_code"] < 300:
            self.problems += strict.problems(operation_model, response_dict["body"])

    def cli(self, environment: str | None, *words: str) -> subprocess.CompletedProcess:
        """Runs the AWS CLI with nothing but what the simulator exports, and a role."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        variables |= self.exports | {"AWS_CONFIG_FILE": os.devnull, "NO_PROXY": "*", "AWS_MAX_ATTEMPTS": "1"}
        if environment is not None:
            key, secret, token, *_ = self.session(environment).get_credentials().get_frozen_credentials()
            variables |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
        command = [sys.executable, "-m", "awscli", *words, "--output", "json"]
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)


class Case(unittest.TestCase):
    """Tests against one simulator."""

    # A scenario's name, or its file under the root of the repository.
    scenario = "clean"
    # Fast enough that a refresh takes seconds; slow enough that no state is over between two looks.
    speed = 300

    @classmethod
    def setUpClass(cls):
        cls.simulator = Simulator(cls.scenario, cls.speed)
        cls.addClassCleanup(cls.simulator.stop)

    def setUp(self):
        self.simulator.problems.clear()

    def tearDown(self):
        self.assertEqual(self.simulator.problems, [], "answers hold what the service's model does not know")
        self.assertIsNone(self.simulator.process.poll(), f"the simulator ended\n{self.simulator.words()}")

    def groups(self, environment: str) -> list[dict]:
        """The groups with an environment's tag, from its account."""
        pages = self.client("autoscaling", environment).get_paginator("describe_auto_scaling_groups")
        found = pages.paginate(Filters=[{"Name": "tag:Environment", "Values": [environment]}])
        return [group for page in found for group in page["AutoScalingGroups"]]

    def group(self, environment: str, wanted=lambda group: True) -> dict:
        """A group of at least three instances that is wanted."""
        fitting = [group for group in self.groups(environment) if len(group["Instances"]) >= 3 and wanted(group)]
        self.assertTrue(fitting, f"no group in {environment} fits the test")
        return fitting[0]

    def client(self, service: str, environment: str | None, attempts: int = 3):
        return self.simulator.client(service, environment, attempts)

    def refused(self, code: str, call, **parameters):
        """Asserts that a call is refused with that code; returns the error."""
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**parameters)
        error = caught.exception.response
        self.assertEqual(error["Error"]["Code"], code, error)
        self.assertTrue(error["Error"]["Message"], "an error without words")
        self.assertTrue(error["ResponseMetadata"].get("RequestId"), f"an error without a request id: {error}")
        return error


def pinned(group: dict) -> bool:
    """Whether a group names its template's version by number."""
    return group["LaunchTemplate"]["Version"].isdigit()
