"""Instance refreshes as boto3 starts and follows them: to the end, back, and cancelled."""

import time

from harness import Case, candidate, pinned

# In seconds of the simulator's clock, so some ten seconds of ours.
LONG_BAKE = 3_600
# Longer than any test looks.
ENDLESS_BAKE = 172_800
PREFERENCES = {"MinHealthyPercentage": 50, "MaxHealthyPercentage": 100, "InstanceWarmup": 30, "SkipMatching": True}
PREFERENCES |= {"ScaleInProtectedInstances": "Refresh", "StandbyInstances": "Terminate"}


class Refreshes(Case):
    def take(self, environment: str, wanted=pinned) -> dict:
        """A group of an environment that only the calling test works in."""
        self.scaling = self.client("autoscaling", environment)
        self.ec2 = self.client("ec2", environment)
        return self.group(environment, wanted)

    def version(self, group: dict) -> str:
        """A version of the group's template with the new image."""
        template = group["LaunchTemplate"]
        made = self.ec2.create_launch_template_version(
            LaunchTemplateId=template["LaunchTemplateId"],
            SourceVersion=template["Version"],
            ClientToken=f"conformance-{group['AutoScalingGroupName']}",
            LaunchTemplateData={"ImageId": candidate()},
        )
        return str(made["LaunchTemplateVersion"]["VersionNumber"])

    def start(self, group: dict, version: str, bake: int, **more) -> str:
        template = {"LaunchTemplateId": group["LaunchTemplate"]["LaunchTemplateId"], "Version": version}
        return self.scaling.start_instance_refresh(
            AutoScalingGroupName=group["AutoScalingGroupName"],
            Strategy="Rolling",
            DesiredConfiguration={"LaunchTemplate": template},
            Preferences=PREFERENCES | {"BakeTime": bake} | more,
        )["InstanceRefreshId"]

    def look(self, group: dict, refresh: str) -> dict:
        name = group["AutoScalingGroupName"]
        found = self.scaling.describe_instance_refreshes(AutoScalingGroupName=name, InstanceRefreshIds=[refresh])
        return found["InstanceRefreshes"][0]

    def follow(self, group: dict, refresh: str, until: str, on_the_way: set[str]) -> list[dict]:
        """Looks until a status; every other status seen must be one of those on the way."""
        seen = []
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            seen.append(self.look(group, refresh))
            status = seen[-1]["Status"]
            if status == until:
                return seen
            self.assertIn(status, on_the_way, seen[-1])
            time.sleep(0.05)
        self.fail(f"not {until} after 60 s: {seen[-1]}")

    def now(self, group: dict) -> dict:
        name = group["AutoScalingGroupName"]
        return self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]

    def serving(self, group: dict) -> tuple[set[str], set[str]]:
        """The versions and images of a group's instances in service."""
        present = [i for i in self.now(group)["Instances"] if i["LifecycleState"] == "InService"]
        pages = self.ec2.get_paginator("describe_instances")
        pages = pages.paginate(InstanceIds=[instance["InstanceId"] for instance in present])
        images = {i["ImageId"] for page in pages for r in page["Reservations"] for i in r["Instances"]}
        return {instance["LaunchTemplate"]["Version"] for instance in present}, images

    def test_a_refresh_bakes_with_the_group_unchanged_and_then_changes_it(self):
        group = self.take("sandbox", lambda group: pinned(group) and group["TargetGroupARNs"])
        old, new = group["LaunchTemplate"]["Version"], self.version(group)
        refresh = self.start(group, new, LONG_BAKE)
        seen = self.follow(group, refresh, "Baking", {"Pending", "InProgress"})
        percents = [look["PercentageComplete"] for look in seen if "PercentageComplete" in look]
        self.assertEqual(percents, sorted(percents))
        self.assertEqual(self.serving(group), ({new}, {candidate()}))
        self.assertEqual(self.now(group)["LaunchTemplate"]["Version"], old)
        last = self.follow(group, refresh, "Successful", {"Baking"})[-1]
        self.assertEqual((last["PercentageComplete"], last["InstancesToUpdate"]), (100, 0))
        self.assertEqual(last["DesiredConfiguration"]["LaunchTemplate"]["Version"], new)
        self.assertEqual(last["Preferences"]["BakeTime"], LONG_BAKE)
        # The bake is part of the refresh.
        self.assertGreaterEqual((last["EndTime"] - last["StartTime"]).total_seconds(), LONG_BAKE)
        self.assertEqual(self.now(group)["LaunchTemplate"]["Version"], new)
        self.assertEqual(len(self.now(group)["Instances"]), len(group["Instances"]))
        self.launches_are_told(group)
        self.targets_follow(group)

    def launches_are_told(self, group: dict):
        pages = self.scaling.get_paginator("describe_scaling_activities")
        pages = pages.paginate(AutoScalingGroupName=group["AutoScalingGroupName"], PaginationConfig={"PageSize": 3})
        activities = [activity for page in pages for activity in page["Activities"]]
        self.assertGreaterEqual(len(activities), 2 * len(group["Instances"]), "each one launched, each one ended")
        self.assertEqual({activity["StatusCode"] for activity in activities}, {"Successful"})
        starts = [activity["StartTime"] for activity in activities]
        self.assertEqual(starts, sorted(starts, reverse=True))

    def targets_follow(self, group: dict):
        elb = self.client("elbv2", "sandbox")
        ids = {instance["InstanceId"] for instance in self.now(group)["Instances"]}
        for arn in group["TargetGroupARNs"]:
            health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
            self.assertLessEqual(ids, {h["Target"]["Id"] for h in health if h["TargetHealth"]["State"] == "healthy"})

    def test_a_refresh_that_bakes_can_be_rolled_back(self):
        group = self.take("dev")
        old, new = group["LaunchTemplate"]["Version"], self.version(group)
        before = self.serving(group)
        refresh = self.start(group, new, ENDLESS_BAKE)
        self.follow(group, refresh, "Baking", {"Pending", "InProgress"})
        name = group["AutoScalingGroupName"]
        answer = self.scaling.rollback_instance_refresh(AutoScalingGroupName=name)
        self.assertEqual(answer["InstanceRefreshId"], refresh)
        last = self.follow(group, refresh, "RollbackSuccessful", {"RollbackInProgress"})[-1]
        self.assertEqual(last["RollbackDetails"]["PercentageCompleteOnRollback"], 100)
        self.assertTrue(last["RollbackDetails"]["RollbackReason"])
        self.assertEqual(self.serving(group), before)
        self.assertEqual(self.now(group)["LaunchTemplate"]["Version"], old)

    def test_a_refresh_can_be_cancelled_and_nothing_is_undone(self):
        group = self.take("qa")
        old, new = group["LaunchTemplate"]["Version"], self.version(group)
        refresh = self.start(group, new, ENDLESS_BAKE)
        self.follow(group, refresh, "Baking", {"Pending", "InProgress"})
        answer = self.scaling.cancel_instance_refresh(AutoScalingGroupName=group["AutoScalingGroupName"])
        self.assertEqual(answer["InstanceRefreshId"], refresh)
        self.follow(group, refresh, "Cancelled", {"Cancelling"})
        self.assertEqual(self.serving(group)[0], {new})
        self.assertEqual(self.now(group)["LaunchTemplate"]["Version"], old)

    def test_a_refresh_stops_at_a_checkpoint(self):
        group = self.take("stage")
        checkpoints = {"CheckpointPercentages": [50, 100], "CheckpointDelay": ENDLESS_BAKE}
        refresh = self.start(group, self.version(group), 0, **checkpoints)
        deadline = time.monotonic() + 60
        while self.look(group, refresh)["PercentageComplete"] < 50:
            self.assertLess(time.monotonic(), deadline, "never came to its checkpoint")
            time.sleep(0.05)
        # Ten minutes of the simulator's clock: enough for more instances, if it went on.
        time.sleep(600 / self.speed)
        present = self.look(group, refresh)
        self.assertEqual(present["Status"], "InProgress")
        self.assertLess(present["PercentageComplete"], 100)
        self.assertEqual(present["Preferences"]["CheckpointPercentages"], [50, 100])
        self.assertEqual(len(self.serving(group)[0]), 2, "old and new instances serve")

    def test_a_refresh_with_nothing_to_do_succeeds_at_once(self):
        group = self.take("test")
        refresh = self.start(group, group["LaunchTemplate"]["Version"], 0)
        last = self.follow(group, refresh, "Successful", {"Pending"})[-1]
        self.assertEqual(last["InstancesToUpdate"], 0)
        ids = {instance["InstanceId"] for instance in group["Instances"]}
        self.assertEqual({instance["InstanceId"] for instance in self.now(group)["Instances"]}, ids)

    def test_refreshes_of_a_group_come_newest_first_and_in_pages(self):
        group = self.take("qa2")
        made = []
        for _ in range(3):
            made.append(self.start(group, group["LaunchTemplate"]["Version"], 0))
            self.follow(group, made[-1], "Successful", {"Pending"})
        ask = {"AutoScalingGroupName": group["AutoScalingGroupName"], "MaxRecords": 2}
        first = self.scaling.describe_instance_refreshes(**ask)
        second = self.scaling.describe_instance_refreshes(**ask, NextToken=first["NextToken"])
        self.assertNotIn("NextToken", second)
        pages = [[one["InstanceRefreshId"] for one in page["InstanceRefreshes"]] for page in (first, second)]
        self.assertEqual(pages, [[made[2], made[1]], [made[0]]])
