"""packer/hook by itself: what it reads of a manifest, and what it makes of what it is told.

ami-refresh is stood in for here, so that each of its exit codes can be had; `build.py` and
`refusals.py` run the hook with the real one.
"""

import json
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from harness import PACKER, ROOT, environment

RUN, OTHER = "261f4fdd-5ba4-976b-d77b-fef91bcca5ef", "2baafb71-a7c8-ca3d-a527-865ae3d065aa"
STAND_IN = """#!/bin/sh
echo "$@" >>asked
echo "number ${BUILD_NUMBER-none} url ${BUILD_URL-none} commit ${GIT_COMMIT-none}" >>asked
echo '{}' >candidate.json
exit "$(cat code)"
"""


def manifest(last: str, *builds: tuple[str, str]) -> str:
    """As Packer writes it."""
    entries = [
        {
            "name": name,
            "builder_type": "amazon-ebs",
            "build_time": 1795293311,
            "files": None,
            "artifact_id": "eu-west-2:ami-426b4f8f90d84a866",
            "packer_run_uuid": run,
            "custom_data": None,
        }
        for run, name in builds
    ]
    return json.dumps({"builds": entries, "last_run_uuid": last}, indent=2)


class Hook(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="packer-hook-")
        self.addCleanup(made.cleanup)
        self.directory = Path(made.name)
        self.code(0)
        (self.directory / "ami-refresh").write_text(STAND_IN)
        (self.directory / "ami-refresh").chmod(0o755)

    def code(self, code: int) -> None:
        (self.directory / "code").write_text(str(code))

    def write(self, last: str, *builds: tuple[str, str]) -> None:
        (self.directory / "packer-manifest.json").write_text(manifest(last, *builds))

    def run_hook(self, **variables: str) -> subprocess.CompletedProcess:
        known = {
            "AMI_REFRESH": "./ami-refresh",
            "PACKER_RUN_UUID": RUN,
            "PACKER_BUILD_NAME": "base-arm64",
            "FAMILY": "base",
            "BUILDS": "2",
        }
        return subprocess.run(
            [PACKER / "hook"], cwd=self.directory, env=environment(**known | variables), capture_output=True, text=True, timeout=30
        )

    def asked(self) -> list[str]:
        path = self.directory / "asked"
        return path.read_text().splitlines() if path.exists() else []

    def refused(self, says: str, code: int = 2, **variables: str) -> str:
        """The hook fails with that among its words, and without asking anything."""
        done = self.run_hook(**variables)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertRegex(done.stderr, r"error: .*\n  why:  .*\n  next: .*\n")
        self.assertIn(says, done.stderr)
        self.assertEqual(self.asked(), [])
        return done.stderr

    # --- Which build speaks ---------------------------------------------------------------------

    def test_the_last_build_has_the_candidate_made(self):
        self.write(RUN, (OTHER, "base-arm64"), (RUN, "base-x86_64"), (RUN, "base-arm64"))
        done = self.run_hook(BUILD_NUMBER="812", BUILD_URL="https://ci.example/812", GIT_COMMIT="4f2e")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(
            self.asked(),
            [
                "--candidate candidate.json candidate --from-packer packer-manifest.json --family base",
                "number 812 url https://ci.example/812 commit 4f2e",
            ],
        )

    def test_before_all_are_there_nothing_is_asked(self):
        self.write(RUN, (OTHER, "base-x86_64"), (OTHER, "base-arm64"), (RUN, "base-arm64"))
        done = self.run_hook()
        self.assertEqual((done.returncode, self.asked()), (0, []))
        self.assertIn("1 of 2 images", done.stdout)

    def test_of_two_that_end_at_once_one_speaks(self):
        self.write(RUN, (RUN, "base-x86_64"), (RUN, "base-arm64"))
        self.assertEqual(self.run_hook(PACKER_BUILD_NAME="base-x86_64").returncode, 0)
        self.assertEqual(self.asked(), [])
        self.assertEqual(self.run_hook(PACKER_BUILD_NAME="base-arm64").returncode, 0)
        self.assertEqual(len(self.asked()), 2)

    def test_one_build_may_be_all(self):
        self.write(RUN, (RUN, "base-arm64"))
        self.assertEqual(self.run_hook(BUILDS="1").returncode, 0)
        self.assertEqual(len(self.asked()), 2)

    def test_what_is_empty_is_not_known(self):
        self.write(RUN, (RUN, "base-arm64"))
        self.run_hook(BUILDS="1", BUILD_NUMBER="", BUILD_URL="", GIT_COMMIT="")
        self.assertEqual(self.asked()[1], "number none url none commit none")

    def test_an_old_candidate_does_not_stay(self):
        self.write(RUN, (RUN, "base-arm64"))
        (self.directory / "candidate.json").write_text("of an earlier build")
        self.run_hook()
        self.assertFalse((self.directory / "candidate.json").exists())

    def test_a_manifest_that_is_being_written_is_waited_for(self):
        whole = manifest(RUN, (RUN, "base-x86_64"), (RUN, "base-arm64"))
        path = self.directory / "packer-manifest.json"
        path.write_text(whole[: len(whole) // 2])

        def later():
            time.sleep(0.5)
            path.write_text(whole)

        writer = threading.Thread(target=later)
        writer.start()
        done = self.run_hook()
        writer.join()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.asked()), 2)

    def test_the_manifest_that_ships_is_read(self):
        (self.directory / "packer-manifest.json").write_text((ROOT / "pipeline/packer-manifest.json").read_text())
        done = self.run_hook(PACKER_BUILD_NAME="base", BUILDS="1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.asked()), 2)

    # --- What is refused before anything is asked -------------------------------------------------

    def test_no_manifest(self):
        said = self.refused("there is no Packer manifest packer-manifest.json")
        self.assertIn("deregister it", said)

    def test_a_manifest_of_another_run(self):
        self.write(OTHER, (RUN, "base-x86_64"), (OTHER, "base-arm64"))
        said = self.refused("is of another run")
        self.assertIn(OTHER, said)
        self.assertIn(RUN, said)

    def test_no_manifest_at_all_in_the_file(self):
        (self.directory / "packer-manifest.json").write_text("not a manifest\n")
        self.refused("is of another run")

    def test_a_manifest_without_this_build(self):
        self.write(RUN, (RUN, "base-x86_64"))
        self.refused("knows nothing of the image of 'base-arm64'")

    def test_outside_of_packer(self):
        self.write(RUN, (RUN, "base-arm64"))
        self.refused("does not know which build", PACKER_RUN_UUID="")
        self.refused("does not know which build", PACKER_BUILD_NAME="")

    def test_no_number_of_builds(self):
        self.write(RUN, (RUN, "base-arm64"))
        for builds in ("0", "two", "-1", "1;"):
            self.refused("no number of builds", BUILDS=builds)

    def test_no_binary(self):
        self.write(RUN, (RUN, "base-arm64"))
        said = self.refused("there is no no/such/ami-refresh", BUILDS="1", AMI_REFRESH="no/such/ami-refresh")
        self.assertIn("the images are there", said)

    # --- What ami-refresh says ----------------------------------------------------------------------

    def test_each_exit_code_has_its_next_step(self):
        self.write(RUN, (RUN, "base-arm64"))
        for code, says in (
            (1, "again when AWS answers"),
            (2, "the images need not be built again"),
            (3, "these images go nowhere"),
            (5, "look at what is said above"),
        ):
            with self.subTest(code=code):
                self.code(code)
                done = self.run_hook(BUILDS="1")
                self.assertEqual(done.returncode, code)
                self.assertIn("error: the images of this run are no candidate: base-arm64", done.stderr)
                self.assertIn(f"exited with {code}", done.stderr)
                self.assertIn(says, done.stderr)
