"""The policies beside the permissions module are those that the binary prints."""

import os
import shutil
import subprocess

import harness
import yaml
from support import ROOT, SOURCE, WORK, Case

GENERATE = SOURCE / "modules" / "permissions" / "generate"
POLICIES = SOURCE / "modules" / "permissions" / "policies"


class Policies(Case):
    def generate(self, *words: str, **variables: str) -> subprocess.CompletedProcess:
        env = os.environ | {"AMI_REFRESH": str(harness.BINARY)} | variables
        return subprocess.run([GENERATE, *words], env=env, capture_output=True, text=True, timeout=60)

    def test_they_are_those_that_the_binary_prints(self):
        self.ends(0, self.generate("--check"))

    def test_there_is_one_for_every_role(self):
        names = [one["name"] for one in yaml.safe_load((ROOT / "pipeline/environments.yaml").read_text())["environments"]]
        wanted = {"home.json", *(f"{name}.json" for name in names), *(f"{name}-trust.json.tftpl" for name in names)}
        self.assertEqual({path.name for path in POLICIES.iterdir()}, wanted)

    def test_a_change_of_them_or_of_the_configuration_is_told(self):
        place = WORK / "policies"
        shutil.rmtree(place, ignore_errors=True)
        self.ends(0, self.generate(str(place)))
        self.ends(0, self.generate("--check", str(place)))
        prod = place / "prod.json"
        prod.write_text(prod.read_text().replace("autoscaling:StartInstanceRefresh", "autoscaling:*"))
        told = self.ends(1, self.generate("--check", str(place)))
        self.assertIn("autoscaling:StartInstanceRefresh", told.stdout)
        self.assertIn("next: run ", told.stderr)

        configuration = WORK / "other.yaml"
        text = (ROOT / "pipeline/environments.yaml").read_text()
        configuration.write_text(text.replace("999999999999", "123123123123"))
        told = self.ends(1, self.generate("--check", AMI_REFRESH_CONFIG=str(configuration)))
        self.assertIn("123123123123", told.stdout)

    def test_an_environment_without_a_role_has_no_policy_of_its_own(self):
        configuration, place = WORK / "roleless.yaml", WORK / "roleless"
        text = (ROOT / "pipeline/environments.yaml").read_text()
        configuration.write_text(text.replace("    role_arn: arn:aws:iam::111111111111:role/ami-refresh\n", "", 1))
        self.ends(0, self.generate(str(place), AMI_REFRESH_CONFIG=str(configuration)))
        self.assertFalse((place / "sandbox.json").exists())
        self.assertIn("autoscaling:StartInstanceRefresh", (place / "home.json").read_text())

    def test_a_missing_program_is_told_with_the_next_step(self):
        told = self.ends(2, self.generate("--check", AMI_REFRESH="no-such-program"))
        self.assertIn("next: put ami-refresh on the PATH", told.stderr)
