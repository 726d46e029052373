"""The readers themselves: files of rehearsals pass, and each kind of broken file fails."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
# Everything passes; a check fails; AWS fails; groups of every kind.
SCENARIOS = {"clean": 0, "app-down": 4, "bad-image": 4, "mixed": 0}
SUMMARY = re.compile(r"(\d+) files, (\d+) cases, (\d+) failures, (\d+) errors, (\d+) skipped")


def read(*directories: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-B", HERE / "counts.py", *directories], capture_output=True, text=True)


class Rehearsals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        made = tempfile.TemporaryDirectory(prefix="readers-")
        cls.addClassCleanup(made.cleanup)
        cls.directory = Path(made.name)
        variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        for scenario, code in SCENARIOS.items():
            command = [os.environ["AMI_REFRESH"], "--color", "never", "--report-dir", cls.directory / scenario]
            command += ["--config", ROOT / "pipeline" / "environments.yaml", "rehearse", "--scenario", scenario]
            done = subprocess.run(command, cwd=cls.directory, env=variables, capture_output=True, text=True)
            if done.returncode != code:
                raise AssertionError(f"{scenario} exited with {done.returncode}\n{done.stdout}{done.stderr}")

    def test_what_rehearsals_wrote_is_counted_alike_by_all(self):
        done = read(self.directory)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        files, cases, failures, _, skipped = map(int, SUMMARY.match(done.stdout).groups())
        self.assertEqual(files, len(list(self.directory.rglob("junit-*.xml"))))
        # Both failing scenarios stop at the first environment, and say of all others that they were not reached.
        self.assertEqual(files, 4 * 9)
        self.assertGreater(cases, 500)
        self.assertGreaterEqual(failures, 2)
        self.assertGreater(skipped, 50)

    def broken(self, says: str, *edits: tuple[str, str]) -> str:
        """A good file beside one with these edits fails, with that among the words."""
        with tempfile.TemporaryDirectory(prefix="readers-") as made:
            good = self.directory / "app-down"
            for name in ("junit-sandbox.xml", "junit-dev.xml"):
                shutil.copy(good / name, made)
            path = Path(made, "junit-sandbox.xml")
            text = path.read_text()
            for old, new in edits:
                self.assertIn(old, text)
                text = text.replace(old, new, 1)
            path.write_text(text)
            done = read(Path(made))
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(says, done.stderr)
        self.assertIn("junit-sandbox.xml", done.stderr)
        self.assertIn("next:", done.stderr)
        return done.stderr

    def test_a_file_that_was_cut_off_fails(self):
        self.broken("can't be read", ("</testsuites>", ""))

    def test_a_control_character_fails(self):
        self.broken("can't be read", ("<![CDATA[", "<![CDATA[\x1b[31m"))

    def test_a_total_that_is_not_true_fails(self):
        self.broken("its suites state", ('failures="1"', 'failures="0"'))
        self.broken("its suites state", ('tests="4"', 'tests="5"'))

    def test_what_jenkins_schema_does_not_know_fails(self):
        self.broken("'skipped' is not allowed", ("<testsuites>", '<testsuites skipped="1">'))
        self.broken("'timestamp' is not allowed", ("<testcase ", '<testcase timestamp="2026-11-22T09:00:09Z" '))
        properties = '<properties><property name="a" value="b"/></properties>'
        self.broken("This element is not expected", ("<testcase ", f'<testcase name="x" classname="y">{properties}</testcase><testcase '))

    def test_a_case_without_a_class_fails(self):
        self.broken("'classname' is required", (' classname="sandbox"', ""))

    def test_a_time_that_is_no_number_fails(self):
        self.broken("not a valid value", ('time="0"', 'time="1e3"'))

    def test_two_cases_of_one_name_fail(self):
        # Jenkins and Allure follow a case by its names: the second would hide the first.
        said = self.broken("Allure sees", ('<testcase name="freeze"', '<testcase name="gate"'))
        self.assertIn("the others", said)

    def test_no_file_at_all_fails(self):
        with tempfile.TemporaryDirectory(prefix="readers-") as made:
            Path(made, "report.xml").write_text("<testsuites/>")
            done = read(Path(made))
            self.assertEqual(done.returncode, 1)
            self.assertIn("nothing was read", done.stderr)
            missing = read(Path(made, "no-such"))
            self.assertEqual(missing.returncode, 1)
            self.assertIn("no such directory", missing.stderr)

    def test_a_file_without_a_case_is_good_beside_others_and_not_alone(self):
        with tempfile.TemporaryDirectory(prefix="readers-") as made:
            Path(made, "junit-qa.xml").write_text('<?xml version="1.0"?><testsuites/>')
            done = read(Path(made))
            self.assertEqual(done.returncode, 1)
            self.assertIn("no file holds a case", done.stderr)
            shutil.copy(self.directory / "clean" / "junit-dev.xml", made)
            done = read(Path(made))
            self.assertEqual((done.returncode, done.stderr), (0, ""))
