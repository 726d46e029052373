"""Mixed instances policies as boto3 reads, changes and refreshes them, and root volumes in place."""

import copy
import time

from harness import ENVIRONMENTS, Case, candidate

PREFERENCES = {"MinHealthyPercentage": 50, "InstanceWarmup": 30}
ENDLESS_BAKE = 172_800
KINDS = {
    "types": lambda one: set(one) == {"InstanceType"},
    "images": lambda one: "ImageId" in one,
    "weights": lambda one: "WeightedCapacity" in one,
    "attributes": lambda one: "InstanceRequirements" in one,
}


def policy(group: dict) -> dict:
    return copy.deepcopy(group["MixedInstancesPolicy"])


def overrides(of: dict) -> list[dict]:
    return of["LaunchTemplate"]["Overrides"]


def numbered(group: dict) -> bool:
    return policy(group)["LaunchTemplate"]["LaunchTemplateSpecification"]["Version"].isdigit()


class Mixed(Case):
    """Groups with policies of every kind, each taken by one test."""

    scenario = "mixed"
    taken: set[str]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.taken = set()

    def take(self, kind: str, wanted=lambda group: True) -> dict:
        """A group with a policy of that kind that no other test works in."""
        for environment in ENVIRONMENTS:
            mixed = [group for group in self.groups(environment) if "MixedInstancesPolicy" in group]
            for group in mixed:
                fits = all(map(KINDS[kind], overrides(policy(group)))) and numbered(group) and wanted(group)
                name = group["AutoScalingGroupName"]
                if fits and len(group["Instances"]) >= 2 and name not in self.taken:
                    self.taken.add(name)
                    self.scaling = self.client("autoscaling", environment)
                    self.ec2 = self.client("ec2", environment)
                    return group
        self.fail(f"no group with a policy of kind {kind} is left")

    def now(self, group: dict) -> dict:
        names = [group["AutoScalingGroupName"]]
        return self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=names)["AutoScalingGroups"][0]

    def images(self, group: dict) -> set[str]:
        ids = [one["InstanceId"] for one in self.now(group)["Instances"] if one["LifecycleState"] == "InService"]
        found = self.ec2.describe_instances(InstanceIds=ids)["Reservations"]
        return {one["ImageId"] for reservation in found for one in reservation["Instances"]}

    def with_version(self, group: dict) -> dict:
        """The group's policy, on a new version of its template with the new image."""
        wanted = policy(group)
        template = wanted["LaunchTemplate"]["LaunchTemplateSpecification"]
        made = self.ec2.create_launch_template_version(
            LaunchTemplateId=template["LaunchTemplateId"],
            SourceVersion=template["Version"],
            LaunchTemplateData={"ImageId": candidate()},
        )
        template["Version"] = str(made["LaunchTemplateVersion"]["VersionNumber"])
        return wanted

    def start(self, group: dict, wanted: dict | None, **more) -> str:
        desired = {"DesiredConfiguration": {"MixedInstancesPolicy": wanted}} if wanted else {}
        preferences = {"Preferences": PREFERENCES | more.pop("preferences", {})}
        started = self.scaling.start_instance_refresh(
            AutoScalingGroupName=group["AutoScalingGroupName"], **desired, **preferences, **more
        )
        return started["InstanceRefreshId"]

    def follow(self, group: dict, refresh: str, until: str, on_the_way: set[str]) -> tuple[dict, set[str]]:
        """Looks until a status; the refresh then, and the states of instances that were seen."""
        states: set[str] = set()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            name = group["AutoScalingGroupName"]
            found = self.scaling.describe_instance_refreshes(AutoScalingGroupName=name, InstanceRefreshIds=[refresh])
            seen = found["InstanceRefreshes"][0]
            states |= {one["LifecycleState"] for one in self.now(group)["Instances"]}
            if seen["Status"] == until:
                return seen, states
            self.assertIn(seen["Status"], on_the_way, seen)
            time.sleep(0.02)
        self.fail(f"not {until} after 60 s: {seen}")


class Policies(Mixed):
    def test_instances_are_what_the_policy_says(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                group = self.take(kind)
                self.assertNotIn("LaunchTemplate", group)
                self.assertIn("OnDemandPercentageAboveBaseCapacity", policy(group)["InstancesDistribution"])
                known = {one.get("InstanceType"): one for one in overrides(policy(group))}
                for instance in group["Instances"]:
                    one = known.get(instance["InstanceType"], {})
                    self.assertEqual(kind == "attributes", not one)
                    self.assertEqual(instance.get("WeightedCapacity"), one.get("WeightedCapacity"))
                    self.assertEqual(instance.get("ImageId"), one.get("ImageId"))
                units = sum(int(instance.get("WeightedCapacity", 1)) for instance in group["Instances"])
                self.assertGreaterEqual(units, group["DesiredCapacity"])

    def test_a_desired_policy_is_told_whole_and_becomes_the_groups(self):
        group = self.take("types")
        wanted = self.with_version(group)
        refresh = self.start(group, wanted, preferences={"BakeTime": 3_600})
        seen, _ = self.follow(group, refresh, "Baking", {"Pending", "InProgress"})
        self.assertEqual(seen["DesiredConfiguration"], {"MixedInstancesPolicy": wanted})
        self.assertEqual(policy(self.now(group)), policy(group))
        self.assertEqual(self.images(group), {candidate()})
        self.follow(group, refresh, "Successful", {"Baking"})
        self.assertEqual(policy(self.now(group)), wanted)

    def test_a_rollback_goes_back_to_the_groups_policy(self):
        group = self.take("images")
        before, wanted = self.images(group), policy(group)
        for one in overrides(wanted):
            one["ImageId"] = candidate()
        refresh = self.start(group, wanted, preferences={"BakeTime": ENDLESS_BAKE, "SkipMatching": True})
        self.follow(group, refresh, "Baking", {"Pending", "InProgress"})
        self.assertEqual(self.images(group), {candidate()})
        self.scaling.rollback_instance_refresh(AutoScalingGroupName=group["AutoScalingGroupName"])
        self.follow(group, refresh, "RollbackSuccessful", {"RollbackInProgress"})
        self.assertEqual((self.images(group), policy(self.now(group))), (before, policy(group)))

    def test_with_attributes_nothing_but_a_plain_refresh_is_possible(self):
        group = self.take("attributes")
        name, wanted = group["AutoScalingGroupName"], self.with_version(group)
        start = self.scaling.start_instance_refresh
        desired = {"DesiredConfiguration": {"MixedInstancesPolicy": wanted}}
        self.refused("ValidationError", start, AutoScalingGroupName=name, **desired)
        for preference in ("SkipMatching", "AutoRollback"):
            preferences = {"Preferences": {preference: True}}
            self.refused("ValidationError", start, AutoScalingGroupName=name, **preferences)
        self.scaling.update_auto_scaling_group(AutoScalingGroupName=name, MixedInstancesPolicy=wanted)
        refresh = self.start(group, None)
        rollback = self.scaling.rollback_instance_refresh
        self.refused("IrreversibleInstanceRefresh", rollback, AutoScalingGroupName=name)
        self.follow(group, refresh, "Successful", {"Pending", "InProgress"})
        self.assertEqual((self.images(group), policy(self.now(group))), ({candidate()}, wanted))

    def test_everything_that_is_said_in_a_policy_comes_back(self):
        group = self.take("weights")
        name, own = group["AutoScalingGroupName"], policy(group)["LaunchTemplate"]["LaunchTemplateSpecification"]
        requirements = {
            "VCpuCount": {"Min": 2, "Max": 8},
            "MemoryMiB": {"Min": 2048},
            "CpuManufacturers": ["intel", "amd"],
            "ExcludedInstanceTypes": ["m4.*"],
            "InstanceGenerations": ["current"],
            "BareMetal": "excluded",
            "NetworkBandwidthGbps": {"Min": 1.5},
            "RequireHibernateSupport": False,
        }
        distribution = {
            "OnDemandAllocationStrategy": "lowest-price",
            "OnDemandBaseCapacity": 1,
            "OnDemandPercentageAboveBaseCapacity": 20,
            "SpotAllocationStrategy": "lowest-price",
            "SpotInstancePools": 4,
            "SpotMaxPrice": "0.04",
        }
        many = [
            {"InstanceRequirements": requirements, "WeightedCapacity": "2"},
            {"InstanceType": "m5.large", "WeightedCapacity": "1", "ImageId": candidate()},
            {"InstanceType": "c5.large", "WeightedCapacity": "3", "LaunchTemplateSpecification": own},
        ]
        said = {
            "LaunchTemplate": {"LaunchTemplateSpecification": own, "Overrides": many},
            "InstancesDistribution": distribution,
        }
        self.scaling.update_auto_scaling_group(AutoScalingGroupName=name, MixedInstancesPolicy=said)
        self.assertEqual(policy(self.now(group)), said)
        self.scaling.update_auto_scaling_group(AutoScalingGroupName=name, LaunchTemplate=own)
        self.assertEqual(self.now(group)["LaunchTemplate"], own)
        self.assertNotIn("MixedInstancesPolicy", self.now(group))

    def test_a_policy_that_can_not_be(self):
        group = self.take("types")
        update = {"AutoScalingGroupName": group["AutoScalingGroupName"]}

        def changed(change):
            wrong = policy(group)
            change(wrong)
            return wrong

        wrong = [
            lambda it: it["LaunchTemplate"]["LaunchTemplateSpecification"].update(Version="99"),
            lambda it: overrides(it)[0].update(WeightedCapacity="2"),
            lambda it: overrides(it)[0].update(InstanceRequirements={"VCpuCount": {"Min": 1}, "MemoryMiB": {"Min": 1}}),
            lambda it: overrides(it)[0].update(ImageId="ami-nonsense"),
        ]
        for change in wrong:
            call = self.scaling.update_auto_scaling_group
            self.refused("ValidationError", call, **update, MixedInstancesPolicy=changed(change))
        self.assertEqual(policy(self.now(group)), policy(group))

    def test_a_policy_does_not_change_while_a_refresh_carries_one(self):
        group = self.take("weights")
        self.start(group, self.with_version(group), preferences={"BakeTime": ENDLESS_BAKE})
        update = {"AutoScalingGroupName": group["AutoScalingGroupName"], "MixedInstancesPolicy": policy(group)}
        self.refused("ValidationError", self.scaling.update_auto_scaling_group, **update)


class RootVolumes(Mixed):
    # A root volume takes 45 s: long enough to be seen from a machine that is busy with something else.
    speed = 30

    def replacements(self, group: dict) -> list[dict]:
        """The group's activities that are about root volumes."""
        found = self.scaling.describe_scaling_activities(AutoScalingGroupName=group["AutoScalingGroupName"])
        return [one for one in found["Activities"] if one["Description"].startswith("Replacing root volume")]

    def test_they_are_replaced_in_place(self):
        group = self.take("images", lambda group: not group["TargetGroupARNs"])
        before = {one["InstanceId"] for one in group["Instances"]}
        wanted = policy(group)
        strategy = {"Strategy": "ReplaceRootVolume"}
        for one in overrides(wanted):
            one["ImageId"] = candidate()
        without = copy.deepcopy(wanted)
        del overrides(without)[0]["ImageId"]
        start = self.scaling.start_instance_refresh
        name = group["AutoScalingGroupName"]
        half = {"DesiredConfiguration": {"MixedInstancesPolicy": without}}
        self.refused("ValidationError", start, AutoScalingGroupName=name, **strategy, **half)
        self.refused("ValidationError", start, AutoScalingGroupName=name, **strategy)
        volumes = self.ec2.describe_images(ImageIds=[candidate()])["Images"][0]["BlockDeviceMappings"]
        self.assertEqual(len(volumes), 1)
        refresh = self.start(group, wanted, **strategy)
        seen, states = self.follow(group, refresh, "Successful", {"Pending", "InProgress"})
        self.assertEqual(seen["Strategy"], "ReplaceRootVolume")
        self.assertIn("ReplacingRootVolume", states)
        after = self.now(group)["Instances"]
        self.assertEqual({one["InstanceId"] for one in after}, before)
        self.assertEqual((self.images(group), {one["ImageId"] for one in after}), ({candidate()}, {candidate()}))
        done = self.replacements(group)
        self.assertEqual({one["StatusCode"] for one in done}, {"Successful"})
        self.assertEqual(len(done), len(before), "each root volume is replaced once")
