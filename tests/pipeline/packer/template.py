"""What the template says before anything is built: its variables, and what the tests take out."""

import re
import tempfile
import unittest
from pathlib import Path

from harness import NEWER, PACKER, Template, packer


class Validated(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="packer-template-")
        self.addCleanup(made.cleanup)
        self.directory = Path(made.name)
        self.template = Template(self.directory)

    def validate(self, *options: str):
        return packer(["validate", *options, "packer"], self.directory)

    def test_the_template_is_valid(self):
        run = self.validate()
        self.assertEqual((run.code, run.output.strip()), (0, ""))

    def test_what_is_valid_is_taken(self):
        for option in (
            "region=us-gov-west-1",
            'ami_regions=["eu-west-1", "ap-southeast-2"]',
            'ssh_from=["192.168.4.0/24"]',
            "source_owner=099720109477",
            "source_name=ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04",
            "ssh_username=ubuntu",
            "subnet_id=subnet-0a1b2c3d4e5f60718",
            "kms_key_id=alias/images",
            "builds=1",
            "services=[]",
        ):
            with self.subTest(option=option):
                run = self.validate("-var", option)
                self.assertEqual(run.code, 0, run.output)

    def test_what_is_not_valid_is_refused_with_what_would_be(self):
        for option, says in (
            ("region=Ireland", "A region is a name such as eu-west-2"),
            ("region=", "A region is a name such as eu-west-2"),
            ('ami_regions=["eu-west-1", "x"]', "Regions are names such as eu-west-1"),
            ("family=Base Image", "The family is a name such as base"),
            ("name_prefix=dept_base", "such as dept-base"),
            ("name_prefix=dept-base-", "such as dept-base"),
            ("source_owner=", "The owner is an account of 12 digits"),
            ("source_owner=all", "The owner is an account of 12 digits"),
            ("source_name=*", "no wildcards"),
            ("ssh_username=root", "not root"),
            ('services=["a; rm -rf /"]', "systemd units"),
            ("builds=0", "builds is 1 or 2"),
            ("builds=3", "builds is 1 or 2"),
            ('ami_users=["12345"]', "Accounts are 12 digits"),
            ("kms_key_id=my key", "A key is an ARN"),
            ("subnet_id=vpc-0a1b2c3d", "A subnet is an id"),
            ("ssh_interface=telnet", "private_ip, public_ip or session_manager"),
            ('ssh_from=["0.0.0.0/0"]', "no wider than /8"),
            ("ssh_from=[]", "no wider than /8"),
        ):
            with self.subTest(option=option):
                run = self.validate("-var", option)
                self.assertEqual(run.code, 1, run.output)
                self.assertIn(says, re.sub(r"\s+", " ", run.output))

    def test_an_image_for_other_accounts_needs_a_key_of_its_own(self):
        self.assertIn("Cannot share AMI", self.validate("-var", 'ami_users=["111111111111"]').output)
        shared = self.validate("-var", 'ami_users=["111111111111"]', "-var", "kms_key_id=alias/images")
        self.assertEqual(shared.code, 0, shared.output)


class Newer(unittest.TestCase):
    """What Debian's Packer can't be asked about."""

    def test_only_what_protects_the_metadata_service_is_taken_out(self):
        taken = NEWER.findall((PACKER / "base.pkr.hcl").read_text())
        words = [" ".join(part.split()) for part in taken]
        wanted = (
            'imds_support = "v2.0" metadata_options { http_endpoint = "enabled" http_tokens = "required" '
            "http_put_response_hop_limit = 1 }"
        )
        self.assertEqual(words, [wanted, wanted], "one for each source")

    def test_plugins_are_in_a_file_of_their_own(self):
        for path in PACKER.glob("*.pkr.hcl"):
            said = "required_plugins" in path.read_text()
            self.assertEqual(said, path.name == "plugins.pkr.hcl", path.name)

    def test_the_two_sources_differ_in_nothing_but_the_architecture(self):
        text = (PACKER / "base.pkr.hcl").read_text()
        one, other = re.findall(r'source "amazon-ebs".*?\n}\n', text, re.DOTALL)
        self.assertEqual(one.replace("x86_64", "arm64").replace("t3.small", "t4g.small"), other)
