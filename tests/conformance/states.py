"""Warm pools, lifecycle hooks, standby, configurations, parameters and alarms, as boto3 sees them."""

import time

from harness import Case, candidate


class States(Case):
    scenario = "tests/conformance/states.yaml"
    speed = 100

    def setUp(self):
        super().setUp()
        self.scaling = self.client("autoscaling", "qa")

    def named(self, name: str) -> dict:
        environment = name.rsplit("-", 1)[1]
        scaling = self.client("autoscaling", environment)
        return scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]

    def wait(self, what: str, look):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.02)
        self.fail(f"never {what}")

    def in_state(self, group: str, state: str) -> list[str]:
        return [i["InstanceId"] for i in self.named(group)["Instances"] if i["LifecycleState"] == state]

    def pool(self) -> list[dict]:
        pages = self.scaling.get_paginator("describe_warm_pool")
        pages = pages.paginate(AutoScalingGroupName="payments-qa", PaginationConfig={"PageSize": 2})
        return [instance for page in pages for instance in page["Instances"]]

    def test_a_warm_pool_is_refreshed_after_its_group(self):
        group = self.named("payments-qa")
        self.assertEqual(group["WarmPoolConfiguration"]["PoolState"], "Stopped")
        size = group["WarmPoolSize"]
        self.assertEqual({i["LifecycleState"] for i in self.pool()}, {"Warmed:Stopped"})
        self.assertEqual(len(self.pool()), size)
        ids = [instance["InstanceId"] for instance in self.pool()]
        ec2 = self.client("ec2", "qa")
        described = ec2.describe_instances(InstanceIds=ids)["Reservations"]
        self.assertEqual({i["State"]["Name"] for r in described for i in r["Instances"]}, {"stopped"})
        template = group["LaunchTemplate"]["LaunchTemplateId"]
        made = ec2.create_launch_template_version(
            LaunchTemplateId=template,
            SourceVersion=group["LaunchTemplate"]["Version"],
            LaunchTemplateData={"ImageId": candidate()},
        )
        version = str(made["LaunchTemplateVersion"]["VersionNumber"])
        self.scaling.start_instance_refresh(
            AutoScalingGroupName="payments-qa",
            DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateId": template, "Version": version}},
            Preferences={"MinHealthyPercentage": 0, "InstanceWarmup": 0},
        )
        seen = []

        def ended():
            look = self.scaling.describe_instance_refreshes(AutoScalingGroupName="payments-qa")["InstanceRefreshes"][0]
            details = look["ProgressDetails"]
            pools = (details["LivePoolProgress"], details["WarmPoolProgress"])
            seen.append(tuple(pool["InstancesToUpdate"] for pool in pools))
            return look["Status"] == "Successful"

        self.wait("successful", ended)
        self.assertTrue(all(warm == size for live, warm in seen if live), seen)
        self.assertEqual(seen[-1], (0, 0))
        self.assertEqual({i["LaunchTemplate"]["Version"] for i in self.pool()}, {version})

    def test_a_hook_waits_for_a_word(self):
        hooks = self.scaling.describe_lifecycle_hooks(AutoScalingGroupName="orders-qa")["LifecycleHooks"]
        told = {hook["LifecycleHookName"]: (hook["HeartbeatTimeout"], hook["DefaultResult"]) for hook in hooks}
        self.assertEqual(told, {"bootstrap": (7200, "ABANDON"), "drain": (3600, "CONTINUE")})
        group = self.named("orders-qa")
        more = group["DesiredCapacity"] + 2
        self.scaling.set_desired_capacity(AutoScalingGroupName="orders-qa", DesiredCapacity=more)
        first, second = self.wait(
            "two wait", lambda: len(found := self.in_state("orders-qa", "Pending:Wait")) == 2 and found
        )
        action = {"AutoScalingGroupName": "orders-qa", "LifecycleHookName": "bootstrap"}
        self.scaling.record_lifecycle_action_heartbeat(**action, InstanceId=first)
        complete = self.scaling.complete_lifecycle_action
        complete(**action, InstanceId=first, LifecycleActionResult="CONTINUE")
        self.wait("in service", lambda: first in self.in_state("orders-qa", "InService"))
        complete(**action, InstanceId=second, LifecycleActionResult="ABANDON")
        self.wait("held up on its way out", lambda: second in self.in_state("orders-qa", "Terminating:Wait"))
        activities = self.scaling.describe_scaling_activities(AutoScalingGroupName="orders-qa")["Activities"]
        given_up = [a for a in activities if a["StatusCode"] == "Cancelled"]
        self.assertIn("was abandoned: Lifecycle Action Completed with ABANDON Result", given_up[0]["StatusMessage"])
        self.refused("ValidationError", complete, **action, InstanceId=first, LifecycleActionResult="CONTINUE")

    def test_what_is_in_standby_returns(self):
        group = self.named("search-qa")
        (aside,) = self.in_state("search-qa", "Standby")
        self.scaling.exit_standby(AutoScalingGroupName="search-qa", InstanceIds=[aside])
        self.wait("back", lambda: aside in self.in_state("search-qa", "InService"))
        self.assertEqual(self.named("search-qa")["DesiredCapacity"], group["DesiredCapacity"] + 1)

    def test_processes_are_suspended_and_resumed(self):
        name = "search-qa"
        self.scaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["AZRebalance", "HealthCheck"])
        self.scaling.resume_processes(AutoScalingGroupName=name, ScalingProcesses=["HealthCheck"])
        self.assertEqual([p["ProcessName"] for p in self.named(name)["SuspendedProcesses"]], ["AZRebalance"])
        self.scaling.suspend_processes(AutoScalingGroupName=name)
        self.assertEqual(len(self.named(name)["SuspendedProcesses"]), 9)
        self.scaling.resume_processes(AutoScalingGroupName=name)
        self.assertEqual(self.named(name)["SuspendedProcesses"], [])

    def test_a_launch_configuration_is_described(self):
        group = self.named("catalog-qa")
        self.assertEqual(group["LaunchConfigurationName"], "catalog-2025")
        self.assertEqual({i["LaunchConfigurationName"] for i in group["Instances"]}, {"catalog-2025"})
        pages = self.scaling.get_paginator("describe_launch_configurations").paginate()
        found = [one for page in pages for one in page["LaunchConfigurations"]]
        self.assertEqual([one["LaunchConfigurationName"] for one in found], ["catalog-2025"])
        self.assertTrue(found[0]["ImageId"].startswith("ami-"))

    def test_a_maintenance_policy_is_described_and_taken(self):
        policy = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150}
        self.assertEqual(self.named("payments-stage")["InstanceMaintenancePolicy"], policy)
        scaling = self.client("autoscaling", "stage")
        update = scaling.update_auto_scaling_group
        wrong = {"MinHealthyPercentage": 0, "MaxHealthyPercentage": 150}
        self.refused(
            "ValidationError", update, AutoScalingGroupName="search-stage", InstanceMaintenancePolicy=wrong
        )
        update(AutoScalingGroupName="search-stage", InstanceMaintenancePolicy=policy)
        self.assertEqual(self.named("search-stage")["InstanceMaintenancePolicy"], policy)

    def test_an_image_is_named_by_a_parameter(self):
        ec2 = self.client("ec2", "stage")
        template = self.named("orders-stage")["LaunchTemplate"]
        ask = {"LaunchTemplateId": template["LaunchTemplateId"], "Versions": [template["Version"]]}
        plain = ec2.describe_launch_template_versions(**ask)["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        self.assertEqual(plain["ImageId"], "resolve:ssm:/images/orders")
        found = ec2.describe_launch_template_versions(**ask, ResolveAlias=True)["LaunchTemplateVersions"][0]
        self.assertTrue(found["LaunchTemplateData"]["ImageId"].startswith("ami-"))

    def test_alarms_are_told_and_keep_a_refresh_from_starting(self):
        watch = self.client("cloudwatch", "stage")
        pages = watch.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 1})
        states = {alarm["AlarmName"]: alarm["StateValue"] for page in pages for alarm in page["MetricAlarms"]}
        self.assertEqual(states, {"payments-errors": "OK", "search-errors": "ALARM"})
        alarm = watch.describe_alarms(AlarmNames=["search-errors"])["MetricAlarms"][0]
        self.assertTrue(alarm["AlarmArn"].endswith(":alarm:search-errors"))
        self.assertLess(alarm["StateUpdatedTimestamp"].year, 2100)
        start = self.client("autoscaling", "stage").start_instance_refresh
        preferences = {"AlarmSpecification": {"Alarms": ["search-errors"]}}
        self.refused("ValidationError", start, AutoScalingGroupName="search-stage", Preferences=preferences)
        self.refused("ResourceNotFound", watch.set_alarm_state, AlarmName="x", StateValue="OK", StateReason="x")
        self.refused("InvalidNextToken", watch.describe_alarms, NextToken="x")
        watch.set_alarm_state(AlarmName="payments-errors", StateValue="INSUFFICIENT_DATA", StateReason="a drill")
        quiet = watch.describe_alarms(StateValue="OK")["MetricAlarms"]
        self.assertEqual(quiet, [])
