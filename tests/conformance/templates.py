"""Launch template versions as boto3 creates them, and makes them the default."""

from harness import Case, candidate


class Templates(Case):
    def setUp(self):
        super().setUp()
        self.ec2 = self.client("ec2", "dev")

    def template(self, turn: int) -> str:
        """A template that no other test here changes."""
        groups = sorted(self.groups("dev"), key=lambda group: group["AutoScalingGroupName"])
        return groups[turn]["LaunchTemplate"]["LaunchTemplateId"]

    def versions(self, template: str) -> dict:
        pages = self.ec2.get_paginator("describe_launch_template_versions").paginate(LaunchTemplateId=template)
        return {v["VersionNumber"]: v for page in pages for v in page["LaunchTemplateVersions"]}

    def wanted(self, template: str, token: str, image: str) -> dict:
        return {
            "LaunchTemplateId": template,
            "SourceVersion": "1",
            "VersionDescription": "made by the conformance tests",
            "ClientToken": token,
            "LaunchTemplateData": {"ImageId": image},
        }

    def test_a_new_version_is_its_source_with_the_image_changed(self):
        template = self.template(0)
        before = self.versions(template)
        made = self.ec2.create_launch_template_version(**self.wanted(template, "one-field", candidate()))
        made = made["LaunchTemplateVersion"]
        self.assertEqual(made["VersionNumber"], max(before) + 1)
        after = self.versions(template)
        self.assertEqual(set(after), set(before) | {made["VersionNumber"]})
        read = after[made["VersionNumber"]]
        self.assertEqual(read["LaunchTemplateData"], before[1]["LaunchTemplateData"] | {"ImageId": candidate()})
        self.assertEqual(read["LaunchTemplateData"], made["LaunchTemplateData"])
        self.assertEqual(read["VersionDescription"], "made by the conformance tests")
        self.assertEqual({n: v["LaunchTemplateData"] for n, v in before.items()},
                         {n: v["LaunchTemplateData"] for n, v in after.items() if n in before})

    def test_the_same_token_makes_the_version_once(self):
        template = self.template(1)
        wanted = self.wanted(template, "the-same-token", candidate())
        first = self.ec2.create_launch_template_version(**wanted)["LaunchTemplateVersion"]
        again = self.ec2.create_launch_template_version(**wanted)["LaunchTemplateVersion"]
        self.assertEqual(first["VersionNumber"], again["VersionNumber"])
        self.assertEqual(max(self.versions(template)), first["VersionNumber"])
        other = self.wanted(template, "the-same-token", "ami-0123456789abcdef0")
        self.refused("IdempotentParameterMismatch", self.ec2.create_launch_template_version, **other)
        self.assertEqual(max(self.versions(template)), first["VersionNumber"])

    def test_without_a_token_each_call_makes_a_version(self):
        template = self.template(2)
        before = max(self.versions(template))
        for _ in range(2):
            self.ec2.create_launch_template_version(
                LaunchTemplateId=template, SourceVersion="$Latest", LaunchTemplateData={"ImageId": candidate()}
            )
        self.assertEqual(max(self.versions(template)), before + 2)

    def test_the_default_version_can_be_moved(self):
        template = self.template(3)
        self.ec2.create_launch_template_version(**self.wanted(template, "for-default", candidate()))
        newest = max(self.versions(template))
        answer = self.ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion=str(newest))
        self.assertEqual(answer["LaunchTemplate"]["DefaultVersionNumber"], newest)
        defaults = [number for number, version in self.versions(template).items() if version["DefaultVersion"]]
        self.assertEqual(defaults, [newest])
