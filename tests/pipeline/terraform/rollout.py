"""Terraform makes groups in the simulator, the real binary refreshes them, and nothing drifts.

The example is applied twice: where all goes well, and where the application fails on the new
image. What is not to be written is applied beside it, to see it drift.
"""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import harness
from stack import Stack
from support import ROOT, Case, ami_refresh, fresh, needs_provider, terraform

HERE = ROOT / "tests" / "pipeline" / "terraform"
# How much faster than real time the simulator's clock runs: a refresh of minutes takes seconds.
SPEED = 60
SUBNETS = ["subnet-0a1b2c3d4e5f60718", "subnet-0b1c2d3e4f5061728"]


def at_once(*steps):
    """Runs steps beside one another; their results, in that order."""
    with ThreadPoolExecutor(len(steps)) as pool:
        return [started.result() for started in [pool.submit(step) for step in steps]]


@needs_provider
class Rollout(Case):
    """One story, told once: the tests look at its stages."""

    @classmethod
    def setUpClass(cls):
        cls.simulator = harness.Simulator(str(HERE / "scenario.yaml"), SPEED)
        cls.addClassCleanup(cls.simulator.stop)
        cls.seen = {}
        cls.place = fresh("rollout")
        shutil.copytree(HERE / "drifting", cls.place / "drifting")
        cls.make_stacks()
        cls.refresh()
        cls.change_and_destroy()

    @classmethod
    def make_stacks(cls):
        images = cls.simulator.client("ec2", None).describe_images(Owners=["self"])["Images"]
        cls.new = harness.candidate()
        cls.old = next(one["ImageId"] for one in images if one["ImageId"] != cls.new)
        env = {name: value for name, value in cls.simulator.exports.items() if name.startswith("AWS_")}
        example = {"image_id": cls.old, "subnet_ids": SUBNETS}
        overrides = {"payments": {"*": {"time": "21:30"}}}
        cls.good = Stack(cls.place / "example", "good", env, **example, service_overrides=overrides)
        cls.failing = Stack(cls.place / "example", "failing", env, **example, environment="qa")
        cls.drifting = Stack(cls.place / "drifting", "drifting", env, image_id=cls.old)
        cls.stacks = [cls.good, cls.failing, cls.drifting]
        cls.seen["init"] = [terraform(cls.place / name, "init") for name in ("example", "drifting")]
        cls.seen["apply"] = at_once(*(stack.apply for stack in cls.stacks))
        cls.seen["first plans"] = [cls.good.plan()]

    @classmethod
    def binary(cls, *words: str, reports: str = "reports"):
        general = ["--config", str(HERE / "environments.yaml"), "--report-dir", str(cls.place / reports)]
        general += ["--candidate", str(cls.place / "candidate.json")]
        return ami_refresh(*general, *words, env=cls.simulator.exports)

    @classmethod
    def refresh(cls):
        seen = cls.seen
        seen["schedule"] = cls.binary("schedule", "--env", "sandbox", "--format", "json")
        seen["candidate"] = cls.binary("candidate", "--from-packer", str(harness.MANIFEST), "--family", "base")
        seen["templates"] = cls.binary("update-templates", "--env", "sandbox")
        seen["groups meanwhile"] = cls.groups("sandbox")
        careless = cls.careless()
        seen["plan meanwhile"], seen["careless plan"] = at_once(cls.good.plan, careless.plan)
        seen["careless changes"] = careless.changes()
        names = ("sandbox", "qa", "dev")
        runs = [lambda name=name: cls.binary("rollout", "--env", name, reports=f"reports-{name}") for name in names]
        seen["rollouts"] = dict(zip(names, at_once(*runs), strict=True))
        seen["groups"] = {name: cls.groups(name) for name in names}
        seen["templates now"] = {name: cls.versions() for name in names}
        seen["plans"] = dict(zip(names, at_once(*(stack.plan for stack in cls.stacks)), strict=True))
        seen["drift"] = cls.drifting.changes()

    @classmethod
    def change_and_destroy(cls):
        cls.seen["change"] = cls.good.apply(instance_type="m5.large")
        cls.seen["plan after the change"] = cls.good.plan(instance_type="m5.large")
        cls.seen["templates after the change"] = cls.versions()
        cls.seen["to do after the change"] = cls.binary("plan", "--env", "sandbox", "--detailed-exitcode")
        cls.seen["destroy"] = cls.good.destroy()
        cls.seen["left"] = [*cls.groups("sandbox"), *(name for name in cls.versions() if name.endswith("-sandbox"))]

    @classmethod
    def careless(cls) -> Stack:
        """The good stack as it is, by an example that lets Terraform see versions and marks of groups."""
        place = cls.place / "careless"
        shutil.copytree(cls.place / "example", place, symlinks=True)
        for name, setting in (
            ("main.tf", "    ignore_changes = [launch_template[0].version]\n"),
            ("versions.tf", '    key_prefixes = ["ami-refresh:"]\n'),
        ):
            text = (place / name).read_text()
            assert setting in text, f"{name} of the example has no {setting}"
            (place / name).write_text(text.replace(setting, ""))
        return Stack(place, "good", cls.good.env, **cls.good.values)

    @classmethod
    def groups(cls, environment: str) -> dict[str, dict]:
        wanted = [{"Name": "tag:Environment", "Values": [environment]}]
        found = cls.simulator.client("autoscaling", None).describe_auto_scaling_groups(Filters=wanted)
        return {group["AutoScalingGroupName"]: group for group in found["AutoScalingGroups"]}

    @classmethod
    def versions(cls) -> dict[str, list[dict]]:
        """Every template's versions, oldest first."""
        ec2 = cls.simulator.client("ec2", None)
        found = {}
        for template in ec2.describe_launch_templates()["LaunchTemplates"]:
            listed = ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])
            versions = sorted(listed["LaunchTemplateVersions"], key=lambda version: version["VersionNumber"])
            found[template["LaunchTemplateName"]] = versions
        return found

    def tracking(self, groups: dict[str, dict]) -> dict[str, str]:
        return {name: group["LaunchTemplate"]["Version"] for name, group in groups.items()}

    def images(self, groups: dict[str, dict]) -> set[str]:
        ids = [one["InstanceId"] for group in groups.values() for one in group["Instances"]]
        self.assertTrue(ids, "no instances")
        answer = self.simulator.client("ec2", None).describe_instances(InstanceIds=ids)
        return {one["ImageId"] for reservation in answer["Reservations"] for one in reservation["Instances"]}

    def test_1_the_stacks_are_made_and_nothing_would_change(self):
        for step in ("init", "apply", "first plans"):
            for done in self.seen[step]:
                self.ends(0, done)

    def test_2_the_tags_are_read_as_the_module_means_them(self):
        board = json.loads(self.ends(0, self.seen["schedule"]).stdout)
        groups = {group["group"]: group for group in board["environments"][0]["groups"]}
        self.assertEqual(set(groups), {"search-sandbox", "orders-sandbox", "payments-sandbox"})
        text = json.dumps(groups["payments-sandbox"])
        for part in ("AMI_refresh_time", "21:30", "AMI_update_day"):
            self.assertIn(part, text)
        self.assertNotIn("AMI_refresh_time", json.dumps(groups["search-sandbox"]))

    def test_3_nothing_would_change_in_the_middle_of_a_rollout(self):
        self.ends(0, self.seen["candidate"])
        self.ends(0, self.seen["templates"])
        groups = self.seen["groups meanwhile"]
        # It is the middle: groups that float are pinned, and marked.
        self.assertEqual(set(self.tracking(groups).values()), {"1"})
        for group in groups.values():
            self.assertTrue(any(tag["Key"].startswith("ami-refresh:") for tag in group["Tags"]), group["Tags"])
        self.ends(0, self.seen["plan meanwhile"])

    def test_3_without_its_settings_an_apply_would_then_interfere(self):
        self.ends(2, self.seen["careless plan"])
        changes = self.seen["careless changes"]
        versions = {}
        for before, after in changes.values():
            versions[before["name"]] = after["launch_template"][0]["version"]
            marks = {tag["key"] for tag in before["tag"]} - {tag["key"] for tag in after["tag"]}
            self.assertEqual(marks, {"ami-refresh:rollout"})
        # The image on trial, in each of the three ways.
        wanted = {"search-sandbox": "$Latest", "orders-sandbox": "$Default", "payments-sandbox": "2"}
        self.assertEqual(versions, wanted)

    def test_4_nothing_drifts_after_a_rollout(self):
        self.ends(0, self.seen["rollouts"]["sandbox"])
        groups = self.seen["groups"]["sandbox"]
        wanted = {"search-sandbox": "$Latest", "orders-sandbox": "$Default", "payments-sandbox": "2"}
        self.assertEqual(self.tracking(groups), wanted)
        self.assertEqual(self.images(groups), {self.new})
        self.ends(0, self.seen["plans"]["sandbox"])

    def test_5_nothing_drifts_after_a_rollout_that_was_rolled_back(self):
        self.ends(4, self.seen["rollouts"]["qa"])
        groups = self.seen["groups"]["qa"]
        self.assertEqual(self.tracking(groups), {"search-qa": "$Latest", "orders-qa": "$Default", "payments-qa": "1"})
        self.assertEqual(self.images(groups), {self.old})
        versions = self.seen["templates now"]["qa"]
        # Each has a version with the image that failed; what floats leads to the old image all the same.
        for name in groups:
            self.assertIn(self.new, {version["LaunchTemplateData"]["ImageId"] for version in versions[name]})
        self.assertEqual(versions["search-qa"][-1]["LaunchTemplateData"]["ImageId"], self.old)
        self.ends(0, self.seen["plans"]["qa"])

    def test_6_what_drifts_is_what_the_readme_says(self):
        self.ends(4, self.seen["rollouts"]["dev"])
        self.ends(2, self.seen["plans"]["dev"])
        drift = self.seen["drift"]
        plain, failing, standard = (
            "aws_launch_template.plain",
            'aws_autoscaling_group.this["failing"]',
            'aws_autoscaling_group.this["standard"]',
        )
        self.assertEqual(set(drift), {plain, failing, standard})
        before, after = drift[plain]
        self.assertEqual((before["image_id"], after["image_id"]), (self.new, self.old))
        self.assertTrue(before["description"].startswith("ami-refresh: from version 1"), before["description"])
        # The image that failed would come back, and the one that passed would go.
        for address, wanted in ((failing, ["1", "2"]), (standard, ["2", "1"])):
            self.assertEqual([side["launch_template"][0]["version"] for side in drift[address]], wanted)

    def test_7_what_terraform_changes_later_keeps_the_image_that_was_rolled_out(self):
        self.ends(0, self.seen["change"])
        self.ends(0, self.seen["plan after the change"])
        for name in ("search-sandbox", "orders-sandbox", "payments-sandbox"):
            newest = self.seen["templates after the change"][name][-1]
            data = newest["LaunchTemplateData"]
            self.assertEqual((data["ImageId"], data["InstanceType"]), (self.new, "m5.large"), name)
            # The README tells of it: what Terraform ignores it repeats.
            self.assertTrue(newest["VersionDescription"].startswith("ami-refresh: from version 1"), name)
        self.ends(0, self.seen["to do after the change"])

    def test_8_what_was_made_can_be_destroyed(self):
        self.ends(0, self.seen["destroy"])
        self.assertEqual(self.seen["left"], [])
