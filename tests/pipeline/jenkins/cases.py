"""What the cases share: a world and a job each, and what must hold of every build."""

import shutil
import unittest
from pathlib import Path

from builds import ROOT, SECRET, Build, Job, candidates, config, manifest
from world import World

# Set by `run`.
BINARY: Path
TARGET = ROOT / "target" / "pipeline" / "jenkins"

STEPS = ["window", "templates", "refresh", "smoke", "gate"]


class Case(unittest.TestCase):
    """One job on one world, both made for the test; `setup` says what they are like."""

    maxDiff = None

    def setup(self, text: str, speed: int = 400, scenario: str = "clean", groups: str | None = None) -> None:
        directory = TARGET / self.id().split(".")[-1].removeprefix("test_")
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        settings = directory / "world.yaml"
        settings.write_text(text)
        self.world = World(BINARY, settings, manifest(), speed, scenario, groups)
        self.addCleanup(self.world.stop)
        variables = {name: value for name, value in self.world.exports.items() if "KEY" not in name}
        self.job = Job(BINARY, directory / "job", text, variables, speed)
        self.addCleanup(shutil.rmtree, self.job.repository, ignore_errors=True)
        self.addCleanup(self.job.stop)

    def few(self, environments: int = 2, **more) -> str:
        return config(environments, **more)

    def ended(self, build: Build, result: str) -> Build:
        """A build that ended so, and kept what holds of every build."""
        self.assertEqual(build.result, result, build.console[-6000:])
        for event in build.events("sleep", "input", "lock"):
            self.assertEqual(event["nodes"], 0, f"{event} holds an executor")
        self.assertLessEqual(max((event["nodes"] for event in build.trace), default=0), 1)
        self.assertEqual({event["label"] for event in build.events("node") if event["state"] == "begin"}, {"linux"})
        for event in build.events("sh"):
            changes = any(word in event["script"] for word in ("-templates", " refresh ", " smoke ", " rollback "))
            refusal = event["stages"][-1].endswith(": window")
            if changes and not refusal:
                self.assertEqual(event["locks"], [f"ami-refresh-{event['stages'][1]}"], event["script"])
        kept = [path for path in build.directory.rglob("*") if path.is_file() and path.name != "settings.json"]
        told = [path for path in kept if SECRET.encode() in path.read_bytes()]
        self.assertEqual(told, [], "the secret is told")
        self.assertFalse([path for path in kept if "old" in path.parts], "what another build left was published")
        return build

    def all_on(self, environment: str, images: set[str]) -> None:
        for group, running in self.world.images(environment).items():
            self.assertLessEqual(running, images, f"{group} of {environment}")

    def on_new(self, *environments: str) -> None:
        for environment in environments:
            self.all_on(environment, set(candidates()))

    def passed_junit(self, build: Build, environment: str) -> None:
        """Every step's file is published, with cases, and nothing failed in it."""
        files = build.junit(environment)
        self.assertEqual(set(files), {"update-templates", "refresh", "smoke", "gate_pass"})
        for step, root in files.items():
            bad = [case.attrib for case in root.iter("testcase") if len(case.findall("failure") + case.findall("error"))]
            self.assertEqual(bad, [], f"{environment} {step}")
            self.assertTrue(list(root.iter("testcase")), f"{environment} {step} has no cases")
