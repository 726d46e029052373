"""What the text of the Jenkinsfile must say, whoever runs it; and the files for other systems."""

import functools
import json
import re
import subprocess
import sys
import threading
import unittest

import yaml

from builds import HERE, ROOT, names


ASKING = threading.Lock()


@functools.cache
def facts() -> dict:
    """What the compiler reads in the Jenkinsfile."""
    command = ["groovy", HERE / "executor" / "Structure.groovy", ROOT / "Jenkinsfile"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


class Structure(unittest.TestCase):
    def setUp(self):
        # Once for all tests, which run side by side.
        with ASKING:
            read = facts()
        self.calls, self.constants, self.strings = read["calls"], read["constants"], read["strings"]
        self.text = (ROOT / "Jenkinsfile").read_text()

    def named(self, name: str) -> list[dict]:
        return [call for call in self.calls if call["name"] == name]

    def within(self, *around: str) -> list[str]:
        return [call["name"] for call in self.calls if call["around"] == list(around)]

    def test_stages_and_directives(self):
        self.assertEqual(
            self.within("pipeline"), ["agent", "options", "triggers", "parameters", "environment", "stages", "post"]
        )
        stages = [call["texts"][0] for call in self.named("stage") if call["around"] == ["pipeline", "stages"]]
        self.assertEqual(stages, ["Prepare", "Image", "Candidate", "Environments"])
        self.assertRegex(self.text, r"(?m)^    agent none$")
        self.assertEqual(len(self.named("agent")), 1, "a declarative agent would hold an executor through a wait")

    def test_nothing_restarts_or_aborts_a_rollout(self):
        (call,) = self.named("disableConcurrentBuilds")
        self.assertEqual((call["around"], call["kinds"]), (["pipeline", "options"], []), "without abortPrevious")
        for word in ("abortPrevious", "milestone", "retry", "disableResume", "parallel"):
            self.assertEqual(self.named(word), [])
            self.assertNotIn(word, self.text)
        # The one time-out is around a person.
        (timeout,) = self.named("timeout")
        self.assertEqual(timeout["around"], ["approve"])
        (question,) = self.named("input")
        self.assertEqual(question["around"], ["approve", "timeout"])

    def test_waits_hold_no_executor(self):
        for name in ("sleep", "input", "lock"):
            self.assertTrue(self.named(name))
            for call in self.named(name):
                held = {"node", "onAgent", "inEnvironment"} & set(call["around"])
                self.assertEqual(held, set(), f"line {call['line']}")

    def test_weekly_with_a_time_zone_that_the_configuration_has(self):
        (cron,) = self.named("cron")
        zone = yaml.safe_load((ROOT / "pipeline" / "environments.yaml").read_text())["timezone"]
        first, second = cron["texts"][0].split("\n")
        self.assertEqual(first, f"TZ={zone}")
        self.assertRegex(second, r"^H \d+ \* \* \d$")

    def test_reports_are_published_whatever_becomes_of_the_work(self):
        for name in ("junit", "archiveArtifacts"):
            published = [call for call in self.named(name) if "inEnvironment" in call["around"]]
            self.assertTrue(published)
            self.assertTrue(all(call["around"][-1] == "finally" for call in published), name)
        # All work on an environment goes through there.
        for call in self.calls:
            if call["name"] in ("rollDue", "secondsUntilDue", "hasPassed") or (call["name"], call["around"][:1]) == ("sh", ["plan"]):
                held = {"inEnvironment", "rollDue"} & set(call["around"])
                self.assertTrue(held, f"line {call['line']}")

    def test_no_shell_script_and_no_secret_is_put_together_by_groovy(self):
        for call in self.named("sh"):
            kind = call["named"].get("script") or call["kinds"][0]
            self.assertEqual(kind, "ConstantExpression", f"line {call['line']}: a script in double quotes")
        (bindings,) = self.named("usernamePassword")
        self.assertEqual(bindings["named"]["passwordVariable"], "ConstantExpression")
        secrets = re.findall(r"(?:password|username)?[vV]ariable: '(\w+)'", self.text)
        self.assertGreaterEqual(len(secrets), 3)
        for string in self.strings:
            self.assertFalse([name for name in secrets if name in string["text"]], f"line {string['line']}")
        self.assertNotIn("credentials(", self.text)

    def test_there_is_no_second_list_of_environments(self):
        known = set(names())
        for constant in self.constants:
            words = re.findall(r"[\w-]+", constant["text"])
            self.assertFalse(words and set(words) <= known, f"line {constant['line']}: {constant['text']!r}")
        for file in ("pipeline/gitlab-ci.yml", "pipeline/github-actions.yml", "pipeline/seconds-until-due"):
            text = re.sub(r"#.*", "", (ROOT / file).read_text())
            listed = [name for name in ("sandbox", "qa", "qa2", "training", "prod") if re.search(rf"\b{name}\b", text)]
            self.assertEqual(listed, [], file)

    def test_every_option_of_a_step_is_known_to_the_binary(self):
        import cases

        scripts = [text for call in self.named("sh") for text in call["texts"]]
        scripts += [constant["text"] for constant in self.constants if constant["text"].strip().startswith("ami-refresh ")]
        asked = {
            (match[1].strip(), option)
            for script in scripts
            for match in re.finditer(r"ami-refresh ((?:gate )?[a-z-]+)([^\n;|&]*)", script)
            for option in re.findall(r"--[a-z-]+", match[2])
        }
        self.assertGreater(len(asked), 8)
        for step, option in asked:
            told = subprocess.run([cases.BINARY, *step.split(), "--help"], capture_output=True, text=True, check=True).stdout
            self.assertIn(option, told, step)

    def test_the_files_for_other_systems_follow_their_schemas(self):
        for schema, file in (("vendor.gitlab-ci", "gitlab-ci.yml"), ("vendor.github-workflows", "github-actions.yml")):
            command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
            command += ["--data-transform", "gitlab-ci"] if "gitlab" in schema else []
            ran = subprocess.run([*command, ROOT / "pipeline" / file], capture_output=True, text=True)
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
