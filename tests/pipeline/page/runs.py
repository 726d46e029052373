"""The runs whose pages are looked at: rehearsals, single steps against a simulator, reports of several journals.

`make` leaves a directory of reports for each in the directory it is given; PAGES says which file of which is looked at.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import world

BINARY = os.environ["AMI_REFRESH"]
MANIFEST = Path(__file__).resolve().parents[3] / "pipeline" / "packer-manifest.json"
SPEED = 600
EXPORT = re.compile(r"export ([A-Z_]+)=(.*)")

# The page of each run: its directory, and its file there.
PAGES = {
    "clean": "clean/report.html",
    "rolled-back": "rolled-back/report.html",
    "no-capacity": "no-capacity/report.html",
    "refused": "refused/report.html",
    "held": "held/report.html",
    "excused": "excused/report.html",
    "update-templates": "steps/report.update-templates.html",
    "refresh": "steps/report.refresh.html",
    "smoke": "steps/report.smoke.html",
    "gate-pass": "steps/report.gate_pass.html",
    "gate-refused": "refused-gate/report.gate_pass.html",
    "rollback": "steps/report.rollback.html",
    "smoke-failed": "smoke-failed/report.smoke.html",
    "aborted": "aborted/report.refresh.html",
    "waits": "waits/report.html",
    "merged": "merged/report.html",
    "many": "many/report.html",
    "hundreds": "hundreds/report.html",
}
# Those are too large to be unfolded whole, as the others are.
LARGE = ["many", "hundreds"]


def make(directory):
    """Runs them all."""
    for name in {path.split("/")[0] for path in PAGES.values()}:
        shutil.rmtree(directory / name, ignore_errors=True)
        (directory / name).mkdir(parents=True)
    _rehearsals(directory)
    _steps(directory)
    _aborted(directory)
    _failed_smoke(directory)
    _again(directory)


def _run(wanted, arguments, environment=None):
    ended = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False,
                           env=environment, stdin=subprocess.DEVNULL)
    told = f"{arguments}: exit {ended.returncode}, not {wanted}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}"
    assert ended.returncode == wanted, told


def _rehearsals(directory):
    at = lambda name: directory / name
    rehearsals = {
        "clean": (["--scenario", "clean"], 0),
        "rolled-back": (["--scenario", "app-down"], 4),
        "no-capacity": (["--scenario", "no-capacity"], 4),
        "refused": (["--scenario", "suspended"], 3),
        "held": (["--scenario", world.always_ill(at("held")), "--config", world.baselines(at("held"), False)], 3),
        "excused": (["--scenario", world.always_ill(at("excused")), "--config", world.baselines(at("excused"), True)], 0),
        "many": (["--scenario", "clean", "--when", "now", "--config", world.many_environments(at("many"))], 0),
        "hundreds": (["--scenario", world.ill_last(at("hundreds")), "--when", "now", "--config", world.hundreds(at("hundreds")),
                      "--from-packer", world.manifest(at("hundreds"))], 4),
    }
    for name, (options, wanted) in rehearsals.items():
        _run(wanted, ["rehearse", *options, "--report-dir", at(name)])


class Simulator:
    """`ami-refresh simulator` on loopback; `environment` leads there. Ends with the `with` block."""

    def __init__(self, directory, *options):
        self.directory = directory
        self.config = world.steps(directory)
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen(
            [BINARY, "simulator", "--speed", str(SPEED), "--config", self.config, *map(str, self.options)], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.environment = {"PATH": os.environ["PATH"]}
        for line in self.process.stdout:
            if match := EXPORT.fullmatch(line.strip()):
                self.environment[match[1]] = shlex.split(match[2])[0]
                if match[1] == "AMI_REFRESH_CLOCK":
                    break
        self.candidate = self.directory / "candidate.json"
        self.run(0, "candidate", "--from-packer", MANIFEST, "--family", "base")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()

    def words(self, *arguments):
        return [*arguments, "--config", self.config, "--candidate", self.candidate, "--report-dir", self.directory]

    def run(self, wanted, *arguments):
        """Runs a step into the directory of reports."""
        _run(wanted, self.words(*arguments), self.environment)


def _steps(directory):
    """A rollout in steps, and back again."""
    with Simulator(directory / "steps") as simulator:
        simulator.run(0, "update-templates", "--env", "dev")
        simulator.run(0, "refresh", "--env", "dev", "--until", "baking")
        simulator.run(0, "smoke", "--env", "dev")
        simulator.run(0, "refresh", "--env", "dev")
        simulator.run(0, "gate", "pass", "--env", "dev")
        simulator.run(0, "rollback", "--env", "dev", "--to-previous")
        simulator.directory = directory / "refused-gate"
        simulator.run(3, "gate", "pass", "--env", "prod")


def _failed_smoke(directory):
    """Checks on their own, of which some fail."""
    scenario = world.always_ill(directory / "smoke-failed")
    with Simulator(directory / "smoke-failed", "--scenario", scenario) as simulator:
        simulator.run(5, "smoke", "--env", "dev")


def _aborted(directory):
    """A refresh that Jenkins ends in the middle."""
    with Simulator(directory / "aborted", "--scenario", "slow-boot") as simulator:
        simulator.run(0, "update-templates", "--env", "dev")
        words = map(str, [BINARY, *simulator.words("refresh", "--env", "dev")])
        run = subprocess.Popen(list(words), env=simulator.environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        journal = directory / "aborted" / "journal.jsonl"
        for _ in range(600):
            if journal.exists() and '"event":"refresh_moved"' in journal.read_text():
                break
            time.sleep(0.05)
        run.send_signal(signal.SIGTERM)
        assert run.wait(30) == 6


def _again(directory):
    """Pages from journals: of a run that waits for a window, and of several runs together."""
    lines = (directory / "clean" / "journal.jsonl").read_text().splitlines(keepends=True)
    waits = [at for at, line in enumerate(lines) if json.loads(line)["event"] == "environment_waits"]
    journal = directory / "waits" / "cut.jsonl"
    journal.write_text("".join(lines[:waits[1] + 1]))
    _run(0, ["report", journal, "--report-dir", directory / "waits"])
    several = [directory / name for name in ["rolled-back", "no-capacity", "clean"]]
    _run(0, ["report", *several, "--report-dir", directory / "merged"])
