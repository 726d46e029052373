"""What GitLab CI and GitHub Actions would run of their files: the scripts that find out what is due."""

import json
import subprocess
import sys

import yaml

import cases
from builds import ROOT
from cases import Case


class Others(Case):
    def ready(self) -> dict[str, str]:
        """A world in which sandbox is due, dev waits for its gate, and the variables of a job there."""
        self.setup(self.few(2, schedules={"sandbox": ("sun", "18:30"), "dev": ("sun", "18:30")}), speed=60)
        tools = self.job.directory / "tools"
        (tools / "ami-refresh").symlink_to(cases.BINARY)
        variables = self.job.variables | {"WHEN": "scheduled", "FAMILY": "base", "BUILD": "false"}
        return variables | {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "none"}

    def bash(self, script: str, variables: dict[str, str]) -> None:
        command = ["bash", "-eo", "pipefail", "-c", script]
        ran = subprocess.run(command, cwd=self.job.repository, env=variables, capture_output=True, text=True, timeout=120)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_gitlab_makes_a_job_for_each_environment_that_is_due(self):
        variables = self.ready()
        jobs = yaml.safe_load((ROOT / "pipeline" / "gitlab-ci.yml").read_text())
        script = [line for line in jobs["candidate"]["script"] if line != "pipeline/fetch-binary"]
        passed = "ami-refresh candidate --from-lookup --family base\nami-refresh gate pass --env sandbox --reason tried"
        self.bash("\n".join(script), variables)
        path = self.job.repository / "environments.yml"
        made = yaml.safe_load(path.read_text())
        self.assertEqual(list(made), ["default", "sandbox"])
        self.assertEqual(made["sandbox"]["script"], ['bin/ami-refresh rollout --env sandbox --when "$WHEN"'])
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", path]
        ran = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.bash("\n".join([passed, *script]), variables)
        self.assertEqual(list(yaml.safe_load(path.read_text())), ["default", "dev"], "what has passed is done")

    def test_github_names_each_environment_that_is_due(self):
        variables = self.ready()
        output = self.job.directory / "output"
        steps = yaml.safe_load((ROOT / "pipeline" / "github-actions.yml").read_text())["jobs"]["candidate"]["steps"]
        wanted = [step["run"] for step in steps if step.get("name") in ("Find the newest image", "Find out what is due")]
        self.assertEqual(len(wanted), 2)

        def due(before: str = "", **more: str) -> list[str]:
            output.write_text("")
            self.bash("\n".join([before, *wanted]), variables | {"GITHUB_OUTPUT": str(output)} | more)
            name, value = output.read_text().strip().split("=", 1)
            self.assertEqual(name, "environments")
            return json.loads(value)

        self.assertEqual(due(), ["sandbox"])
        self.assertEqual(due("ami-refresh gate pass --env sandbox --reason tried"), ["dev"], "what has passed is done")
        back = "ami-refresh gate pass --env dev --reason tried\nami-refresh gate revoke --env dev --reason slow"
        self.assertEqual(due(back), [], "what was taken back is not rolled out again by itself")
        self.assertEqual(due(WHEN="now"), ["dev"])
