"""Templates and groups are made, described, changed and deleted, as Terraform and others do it."""

import time

from harness import Case, candidate

TAGS = {"Environment": "made", "AMI_update_day": "sun"}


class Lives(Case):
    # Slow enough to see instances on their way out.
    speed = 30

    def setUp(self):
        super().setUp()
        self.ec2, self.scaling = self.client("ec2", None), self.client("autoscaling", None)

    def template(self, name: str, **more) -> dict:
        data = {"ImageId": candidate(), "InstanceType": "m5.large", "UserData": "", "Monitoring": {"Enabled": True}}
        tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "Environment", "Value": "made"}]}]
        wanted = {"LaunchTemplateName": name, "LaunchTemplateData": data, "TagSpecifications": tags} | more
        return self.ec2.create_launch_template(**wanted)["LaunchTemplate"]

    def wanted(self, name: str, **more) -> dict:
        """What a group of two on the template of its name is asked for with."""
        tags = [
            {"Key": key, "Value": value, "PropagateAtLaunch": key == "Environment", "ResourceId": name}
            for key, value in TAGS.items()
        ]
        return {
            "AutoScalingGroupName": name,
            "MinSize": 2,
            "MaxSize": 4,
            "LaunchTemplate": {"LaunchTemplateName": name, "Version": "$Default"},
            "VPCZoneIdentifier": "subnet-0a1b2c3d4e5f60718,subnet-0b1c2d3e4f5061728",
            "HealthCheckGracePeriod": 30,
            "Tags": tags,
        } | more

    def described(self, name: str) -> dict | None:
        found = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        return found[0] if found else None

    def eventually(self, name: str, wanted):
        deadline = time.monotonic() + 60
        while not wanted(group := self.described(name)):
            self.assertLess(time.monotonic(), deadline, group)
            time.sleep(0.1)
        return group

    def test_a_template_is_made_described_tagged_and_deleted(self):
        made = self.template("made-template", VersionDescription="first", ClientToken="once")
        self.assertEqual(self.template("made-template", VersionDescription="first", ClientToken="once"), made)
        self.assertEqual((made["DefaultVersionNumber"], made["LatestVersionNumber"]), (1, 1))
        identity = made["LaunchTemplateId"]
        versions = self.ec2.describe_launch_template_versions(LaunchTemplateId=identity)["LaunchTemplateVersions"]
        self.assertEqual(versions[0]["VersionDescription"], "first")
        wanted = {"ImageId": candidate(), "InstanceType": "m5.large", "Monitoring": {"Enabled": True}}
        self.assertEqual(versions[0]["LaunchTemplateData"], wanted)

        self.ec2.create_tags(Resources=[identity], Tags=[{"Key": "Service", "Value": "web"}])
        self.ec2.delete_tags(Resources=[identity], Tags=[{"Key": "Environment"}])
        filters = [{"Name": "tag:Service", "Values": ["web"]}]
        listed = self.ec2.describe_launch_templates(Filters=filters)["LaunchTemplates"]
        self.assertEqual([one["Tags"] for one in listed], [[{"Key": "Service", "Value": "web"}]])
        filters = [{"Name": "resource-type", "Values": ["launch-template"]}]
        tags = self.ec2.describe_tags(Filters=filters)["Tags"]
        self.assertIn((identity, "Service"), {(tag["ResourceId"], tag["Key"]) for tag in tags})

        self.ec2.delete_launch_template(LaunchTemplateId=identity)
        self.refused(
            "InvalidLaunchTemplateId.NotFound", self.ec2.describe_launch_templates, LaunchTemplateIds=[identity]
        )

    def test_templates_that_could_not_be_are_refused(self):
        self.template("taken-template")
        data = {"ImageId": candidate()}
        create = self.ec2.create_launch_template
        taken = "InvalidLaunchTemplateName.AlreadyExistsException"
        self.refused(taken, create, LaunchTemplateName="taken-template", LaunchTemplateData=data)
        odd = "InvalidLaunchTemplateName.MalformedException"
        self.refused(odd, create, LaunchTemplateName="with blanks", LaunchTemplateData=data)
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}]
        self.refused(
            "InvalidParameterValue", create, LaunchTemplateName="odd-tags", LaunchTemplateData=data, TagSpecifications=tags
        )
        missing = "InvalidLaunchTemplateName.NotFoundException"
        self.refused(missing, self.ec2.delete_launch_template, LaunchTemplateName="never-made")

    def test_a_group_is_made_launches_and_is_deleted(self):
        self.template("made-group")
        self.scaling.create_auto_scaling_group(**self.wanted("made-group"))
        group = self.eventually("made-group", lambda one: all(i["LifecycleState"] == "InService" for i in one["Instances"]))
        self.assertEqual([group[name] for name in ("MinSize", "DesiredCapacity", "MaxSize")], [2, 2, 4])
        self.assertEqual(len(group["Instances"]), 2)
        self.assertEqual(group["VPCZoneIdentifier"], self.wanted("")["VPCZoneIdentifier"])
        self.assertEqual((group["HealthCheckType"], group["HealthCheckGracePeriod"]), ("EC2", 30))
        self.assertEqual(group["TerminationPolicies"], ["Default"])
        self.assertEqual(group["LaunchTemplate"]["Version"], "$Default")
        propagated = {tag["Key"]: tag["PropagateAtLaunch"] for tag in group["Tags"]}
        self.assertEqual(propagated, {"Environment": True, "AMI_update_day": False})
        ids = [one["InstanceId"] for one in group["Instances"]]
        found = self.ec2.describe_instances(InstanceIds=ids)["Reservations"]
        for instance in (one["Instances"][0] for one in found):
            self.assertEqual(instance["ImageId"], candidate())
            keys = {tag["Key"] for tag in instance["Tags"]}
            self.assertTrue("Environment" in keys and "AMI_update_day" not in keys, keys)
        activities = self.scaling.describe_scaling_activities(AutoScalingGroupName="made-group")["Activities"]
        self.assertEqual([one["StatusCode"] for one in activities], ["Successful", "Successful"])

        delete = self.scaling.delete_auto_scaling_group
        self.refused("ResourceInUse", delete, AutoScalingGroupName="made-group")
        delete(AutoScalingGroupName="made-group", ForceDelete=True)
        self.assertEqual(self.described("made-group")["Status"], "Delete in progress")
        self.eventually("made-group", lambda one: one is None)
        self.refused("ValidationError", delete, AutoScalingGroupName="made-group")

    def test_a_group_is_made_with_a_mixed_instances_policy(self):
        self.template("mixed-group")
        launch = {"LaunchTemplateName": "mixed-group", "Version": "1"}
        overrides = [{"InstanceType": "m5.large"}, {"InstanceType": "m6i.large"}]
        policy = {"LaunchTemplate": {"LaunchTemplateSpecification": launch, "Overrides": overrides}}
        wanted = self.wanted("mixed-group", MixedInstancesPolicy=policy)
        del wanted["LaunchTemplate"]
        self.scaling.create_auto_scaling_group(**wanted)
        group = self.described("mixed-group")
        self.assertNotIn("LaunchTemplate", group)
        made = group["MixedInstancesPolicy"]["LaunchTemplate"]
        self.assertEqual(made["Overrides"], overrides)
        self.assertEqual(made["LaunchTemplateSpecification"]["Version"], "1")
        self.assertEqual({one["InstanceType"] for one in group["Instances"]}, {"m5.large", "m6i.large"})
        both = wanted | {"AutoScalingGroupName": "both", "LaunchTemplate": launch}
        self.refused("ValidationError", self.scaling.create_auto_scaling_group, **both)

    def test_groups_that_could_not_be_are_refused(self):
        self.template("taken-group")
        create = self.scaling.create_auto_scaling_group
        create(**self.wanted("taken-group", MinSize=0))
        self.refused("AlreadyExists", create, **self.wanted("taken-group"))
        bare = self.wanted("other", LaunchTemplate={"LaunchTemplateName": "taken-group"})
        del bare["VPCZoneIdentifier"]
        self.refused("ValidationError", create, **bare)
        launch = {"LaunchTemplateName": "taken-group", "Version": "$Latest"}
        for more in (
            {"LaunchTemplate": {"LaunchTemplateName": "never-made", "Version": "1"}},
            {"LaunchTemplate": launch | {"Version": "7"}},
            {"LaunchTemplate": launch, "MinSize": 5},
            {"LaunchTemplate": launch, "DesiredCapacity": 9},
            {"LaunchTemplate": launch, "HealthCheckType": "HOPE"},
            {"LaunchTemplate": launch, "TargetGroupARNs": ["arn:aws:elasticloadbalancing:eu-west-2:1:targetgroup/a/b"]},
            {"LaunchTemplate": launch, "Tags": [{"Key": "aws:mine", "Value": ""}]},
        ):
            self.refused("ValidationError", create, **self.wanted("other", **more))
        self.assertIsNone(self.described("other"))
        self.scaling.delete_auto_scaling_group(AutoScalingGroupName="taken-group")
        self.assertIsNone(self.described("taken-group"))

    def test_a_group_gets_tags_later_and_loses_them(self):
        self.template("tagged-group")
        self.scaling.create_auto_scaling_group(**self.wanted("tagged-group", MinSize=0))
        tag = {"ResourceId": "tagged-group", "ResourceType": "auto-scaling-group", "Key": "Environment"}
        self.scaling.create_or_update_tags(Tags=[tag | {"Value": "other", "PropagateAtLaunch": False}])
        filters = [{"Name": "auto-scaling-group", "Values": ["tagged-group"]}]
        quiet = filters + [{"Name": "propagate-at-launch", "Values": ["false"]}]
        found = self.scaling.describe_tags(Filters=quiet)["Tags"]
        self.assertEqual({one["Key"]: one["Value"] for one in found}, {"Environment": "other", "AMI_update_day": "sun"})
        self.scaling.delete_tags(Tags=[tag])
        self.assertEqual([one["Key"] for one in self.scaling.describe_tags(Filters=filters)["Tags"]], ["AMI_update_day"])
