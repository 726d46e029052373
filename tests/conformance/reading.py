"""What boto3 reads: accounts, groups, templates, instances, targets, images, applications."""

import json
import urllib.request

from harness import ENVIRONMENTS, Case, candidate


class Reading(Case):
    def test_one_is_the_home_account_or_the_role_that_one_assumed(self):
        home = self.client("sts", None).get_caller_identity()
        self.assertNotIn(home["Account"], [environment["account"] for environment in ENVIRONMENTS.values()])
        for name, environment in ENVIRONMENTS.items():
            identity = self.client("sts", name).get_caller_identity()
            self.assertEqual(identity["Account"], environment["account"])
            self.assertIn(":assumed-role/ami-refresh/conformance", identity["Arn"])

    def test_every_environment_has_its_groups_under_its_tag(self):
        fleet = {name: self.groups(name) for name in ENVIRONMENTS}
        for name, groups in fleet.items():
            self.assertTrue(groups, f"no groups in {name}")
            for group in groups:
                tags = {tag["Key"]: tag["Value"] for tag in group["Tags"]}
                self.assertEqual(tags["Environment"], name)
        groups = [group for groups in fleet.values() for group in groups]
        self.assertGreaterEqual(len(groups), 40)
        self.assertGreaterEqual(sum(len(group["Instances"]) for group in groups), 200)

    def test_an_account_sees_nothing_of_another_ones_groups(self):
        filters = [{"Name": "tag:Environment", "Values": ["prod"]}]
        answer = self.client("autoscaling", "sandbox").describe_auto_scaling_groups(Filters=filters)
        self.assertEqual(answer["AutoScalingGroups"], [])

    def test_groups_come_in_pages_that_overlap_nowhere(self):
        call = self.client("autoscaling", "qa").get_paginator("describe_auto_scaling_groups")
        pages = list(call.paginate(PaginationConfig={"PageSize": 2}))
        sizes = [len(page["AutoScalingGroups"]) for page in pages]
        self.assertGreater(len(pages), 1)
        self.assertTrue(all(size == 2 for size in sizes[:-1]), sizes)
        names = [group["AutoScalingGroupName"] for page in pages for group in page["AutoScalingGroups"]]
        self.assertEqual(sorted(names), sorted({group["AutoScalingGroupName"] for group in self.groups("qa")}))

    def test_groups_are_found_by_name_key_and_value(self):
        describe = self.client("autoscaling", "qa").describe_auto_scaling_groups
        everything = {group["AutoScalingGroupName"] for group in self.groups("qa")}
        name = min(everything)

        def names(**parameters):
            return {group["AutoScalingGroupName"] for group in describe(**parameters)["AutoScalingGroups"]}

        self.assertEqual(names(AutoScalingGroupNames=[name, "no-such-group"]), {name})
        self.assertEqual(names(Filters=[{"Name": "tag-key", "Values": ["Environment"]}]), everything)
        self.assertEqual(names(Filters=[{"Name": "tag-value", "Values": ["qa"]}]), everything)
        self.assertEqual(names(Filters=[{"Name": "tag-key", "Values": ["NoSuchKey"]}]), set())

    def test_groups_come_without_their_instances_when_asked(self):
        describe = self.client("autoscaling", "qa").describe_auto_scaling_groups
        for group in describe(IncludeInstances=False)["AutoScalingGroups"]:
            self.assertEqual(group["Instances"], [])

    def test_tags_of_groups_are_listed_too(self):
        pages = self.client("autoscaling", "qa").get_paginator("describe_tags")
        filters = [{"Name": "key", "Values": ["Environment"]}]
        tags = [tag for page in pages.paginate(Filters=filters) for tag in page["Tags"]]
        self.assertEqual({tag["Value"] for tag in tags}, {"qa"})
        self.assertEqual({tag["ResourceId"] for tag in tags}, {g["AutoScalingGroupName"] for g in self.groups("qa")})

    def test_a_templates_versions_are_listed_by_number_and_by_name(self):
        ec2 = self.client("ec2", "qa")
        for group in self.groups("qa"):
            template = group["LaunchTemplate"]["LaunchTemplateId"]
            pages = ec2.get_paginator("describe_launch_template_versions")
            found = pages.paginate(LaunchTemplateId=template, PaginationConfig={"PageSize": 1})
            versions = [version for page in found for version in page["LaunchTemplateVersions"]]
            numbers = sorted(version["VersionNumber"] for version in versions)
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
            self.assertEqual(sum(version["DefaultVersion"] for version in versions), 1)
            for version in versions:
                self.assertRegex(version["LaunchTemplateData"]["ImageId"], "^ami-[0-9a-f]{17}$")
            named = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["$Latest"])
            self.assertEqual([v["VersionNumber"] for v in named["LaunchTemplateVersions"]], numbers[-1:])

    def test_latest_and_default_of_all_templates_are_listed_at_once(self):
        ec2 = self.client("ec2", "qa")
        ids = {group["LaunchTemplate"]["LaunchTemplateId"] for group in self.groups("qa")}
        rows = ec2.describe_launch_template_versions(Versions=["$Latest", "$Default"])["LaunchTemplateVersions"]
        self.assertLessEqual(ids, {row["LaunchTemplateId"] for row in rows})
        listed = {template["LaunchTemplateId"]: template for template in self.templates("qa")}
        for row in rows:
            template = listed[row["LaunchTemplateId"]]
            known = (template["LatestVersionNumber"], template["DefaultVersionNumber"])
            self.assertIn(row["VersionNumber"], known)

    def templates(self, environment):
        pages = self.client("ec2", environment).get_paginator("describe_launch_templates").paginate()
        return [template for page in pages for template in page["LaunchTemplates"]]

    def test_a_groups_instances_are_in_ec2_with_image_tags_and_address(self):
        ec2 = self.client("ec2", "qa")
        group = self.group("qa")
        ids = [instance["InstanceId"] for instance in group["Instances"]]
        pages = ec2.get_paginator("describe_instances").paginate(InstanceIds=ids)
        found = [i for page in pages for reservation in page["Reservations"] for i in reservation["Instances"]]
        self.assertEqual({instance["InstanceId"] for instance in found}, set(ids))
        for instance in found:
            tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
            self.assertEqual(tags["aws:autoscaling:groupName"], group["AutoScalingGroupName"])
            self.assertEqual(instance["State"]["Name"], "running")
            self.assertTrue(instance["PrivateIpAddress"].startswith("127."))
            self.assertEqual(instance["Architecture"], "x86_64")

    def test_instance_status_comes_in_pages_and_is_ok(self):
        ids = [instance["InstanceId"] for group in self.groups("qa") for instance in group["Instances"]]
        pages = self.client("ec2", "qa").get_paginator("describe_instance_status")
        found = list(pages.paginate(PaginationConfig={"PageSize": 5}))
        self.assertGreater(len(found), 1)
        statuses = [status for page in found for status in page["InstanceStatuses"]]
        self.assertEqual(sorted(status["InstanceId"] for status in statuses), sorted(ids))
        for status in statuses:
            self.assertEqual((status["InstanceStatus"]["Status"], status["SystemStatus"]["Status"]), ("ok", "ok"))

    def test_targets_are_the_groups_instances_and_healthy(self):
        elb = self.client("elbv2", "qa")
        balanced = [group for group in self.groups("qa") if group["TargetGroupARNs"]]
        self.assertTrue(balanced)
        for group in balanced:
            known = elb.describe_target_groups(TargetGroupArns=group["TargetGroupARNs"])["TargetGroups"]
            self.assertEqual([target["TargetGroupArn"] for target in known], group["TargetGroupARNs"])
            for arn in group["TargetGroupARNs"]:
                health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
                self.assertEqual({h["TargetHealth"]["State"] for h in health}, {"healthy"})
                ids = {instance["InstanceId"] for instance in group["Instances"]}
                self.assertEqual({h["Target"]["Id"] for h in health}, ids)

    def test_the_image_that_packer_built_can_be_seen_from_every_account(self):
        for environment in [None, *ENVIRONMENTS]:
            image = self.client("ec2", environment).describe_images(ImageIds=[candidate()])["Images"][0]
            self.assertEqual((image["State"], image["Architecture"]), ("available", "x86_64"))
        filters = [{"Name": "name", "Values": ["dept-base-*"]}]
        own = self.client("ec2", None).describe_images(Owners=["self"], Filters=filters)["Images"]
        self.assertIn(candidate(), [image["ImageId"] for image in own])
        self.assertGreater(len(own), 1, "the groups run an older image")

    def test_every_instance_answers_http_on_its_own_loopback_address(self):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        pages = self.client("ec2", "sandbox").get_paginator("describe_instances").paginate()
        found = [i for page in pages for reservation in page["Reservations"] for i in reservation["Instances"]]
        addresses = [instance["PrivateIpAddress"] for instance in found]
        self.assertGreaterEqual(len(set(addresses)), 10)
        self.assertEqual(len(set(addresses)), len(addresses))
        for address in addresses:
            with opener.open(f"http://{address}:8080/health", timeout=5) as answer:
                self.assertEqual(answer.status, 200)
                self.assertEqual(json.load(answer)["status"], "UP")
