"""Builds of the Jenkinsfile by the executor, and what they left."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SECRET = "Secret/Of+The+Home+Account"


def manifest() -> Path:
    """One that a real run of Packer wrote: the pipeline tests' own, or the one that ships."""
    own = ROOT / "target" / "pipeline" / "packer-manifest.json"
    return own if own.exists() else ROOT / "pipeline" / "packer-manifest.json"


def candidates() -> list[str]:
    """The images of the manifest's last run."""
    read = json.loads(manifest().read_text())
    last = [one for one in read["builds"] if one["packer_run_uuid"] == read["last_run_uuid"]]
    return [part.split(":")[1] for one in last for part in one["artifact_id"].split(",")]


class Job:
    """A job: what is in its repository, its credentials and agents, and its builds."""

    def __init__(self, binary: Path, directory: Path, config: str, variables: dict[str, str], speed: int):
        self.binary = binary
        self.directory = directory
        self.speed = speed
        shutil.rmtree(directory, ignore_errors=True)
        self.repository = directory / "repository"
        ignored = shutil.ignore_patterns("__pycache__")
        for part in ("pipeline", "packer"):
            if (ROOT / part).exists():
                shutil.copytree(ROOT / part, self.repository / part, ignore=ignored)
        shutil.copy(ROOT / "Jenkinsfile", self.repository)
        self.config = self.repository / "pipeline" / "environments.yaml"
        self.config.write_text(config)
        tools = directory / "tools"
        tools.mkdir()
        shutil.copy(HERE / "packer", tools)
        self.packer_calls = directory / "packer-calls"
        self.credentials = {"ami-refresh-aws": {"kind": "usernamePassword", "username": "AKIATEST", "password": SECRET}}
        self.variables = variables | {
            "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "AMI_REFRESH_URL": binary.as_uri(),
            "AMI_REFRESH_SHA256": hashlib.sha256(binary.read_bytes()).hexdigest(),
            "RECORDED_MANIFEST": str(manifest()),
            "PACKER_CALLS": str(self.packer_calls),
        }
        self.number = 0
        self.builds: list[Build] = []

    def stop(self) -> None:
        """Aborts what still runs, after a test that failed meanwhile, and drops the copies of the binary."""
        for build in self.builds:
            if build.process.poll() is None:
                build.abort()
                try:
                    build.process.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    build.process.kill()
                    build.process.wait()
            build.process.stdout.close()
            shutil.rmtree(build.directory / "stashes" / "tool", ignore_errors=True)

    def start(self, parameters: dict[str, str], answers: dict[str, str] | None = None, restart: "Build | None" = None) -> "Build":
        """Starts a build with those parameters and no others; `restart` one from 'Environments'."""
        self.number += 1
        directory = self.directory / f"build-{self.number}"
        directory.mkdir()
        settings = {
            "jenkinsfile": str(self.repository / "Jenkinsfile"),
            "directory": str(directory),
            "number": self.number,
            "label": "linux",
            "speed": self.speed,
            "parameters": parameters,
            "credentials": self.credentials,
            "answers": answers or {},
            "env": self.variables,
            "scm": {"directory": str(self.repository), "commit": "5ca1ab1e" * 5},
            "restartFrom": "Environments" if restart else None,
            "restarted": str(restart.directory) if restart else None,
        }
        path = directory / "settings.json"
        path.write_text(json.dumps(settings, indent=1))
        command = ["groovy", "-cp", HERE / "executor", HERE / "executor" / "Run.groovy", path]
        build = Build(directory, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True))
        self.builds.append(build)
        return build

    def build(self, parameters: dict[str, str], **more) -> "Build":
        """A build that has ended."""
        return self.start(parameters, **more).end()


class Build:
    """One build, while it runs and after."""

    def __init__(self, directory: Path, process: subprocess.Popen):
        self.directory = directory
        self.process = process

    def abort(self) -> None:
        (self.directory / "abort").touch()

    def end(self, seconds: float = 400) -> "Build":
        self.process.communicate(timeout=seconds)
        # What only moved files between agents is of no use to anybody afterwards.
        shutil.rmtree(self.directory / "agents", ignore_errors=True)
        return self

    @property
    def trace(self) -> list[dict]:
        path = self.directory / "trace.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def events(self, *names: str) -> list[dict]:
        return [event for event in self.trace if event["event"] in names]

    @property
    def result(self) -> str:
        return self.events("result")[0]["result"]

    @property
    def console(self) -> str:
        return (self.directory / "console.log").read_text()

    def stages(self, prefix: str = "") -> list[str]:
        """The stages that were begun, in order."""
        begun = [event["name"] for event in self.events("stage") if event["state"] == "begin"]
        return [name for name in begun if name.startswith(prefix)]

    def environments(self) -> list[str]:
        """The environments that were gone to, in order."""
        begun = [event for event in self.events("stage") if event["state"] == "begin"]
        return [event["name"] for event in begun if len(event["stages"]) == 2 and event["stages"][0] == "Environments"]

    def scripts(self, word: str) -> list[dict]:
        """The scripts that ended and hold the word."""
        return [event for event in self.events("sh") if event["state"] == "end" and word in event["script"]]

    def junit(self, environment: str) -> dict[str, ElementTree.Element]:
        """What was published of an environment: the step to its root element."""
        found = {}
        for path in sorted((self.directory / "junit").glob(f"*_junit-{environment}.*xml")):
            step = re.search(rf"junit-{environment}\.?(.*)\.xml|junit-{environment}\.xml", path.name)[1]
            found[step] = ElementTree.parse(path).getroot()
        return found

    def archived(self, pattern: str) -> list[Path]:
        return sorted((self.directory / "archive").glob(pattern))


def problems(root: ElementTree.Element) -> list[tuple[str, str]]:
    """The cases that failed: suite and name."""
    bad = [case for case in root.iter("testcase") if case.find("failure") is not None or case.find("error") is not None]
    return [(case.get("classname"), case.get("name")) for case in bad]


def config(environments: int = 9, schedules: dict[str, tuple[str, str]] | None = None, long_bake: str = "", **replaced: str) -> str:
    """The configuration that ships, its first environments, with times that a fast clock can keep.

    `long_bake` names an environment that bakes for three hours; `replaced` gives keys other values.
    """
    text = (ROOT / "pipeline" / "environments.yaml").read_text()
    for old, new in {"within: 2s": "within: 5m", "for: 5m, every: 10s": "for: 2h, every: 30s", "bake: 10m": "bake: 20m", "timeout: 3h": "timeout: 1d"}.items():
        assert old in text, f"{old!r} is not in pipeline/environments.yaml any more"
        text = text.replace(old, new)
    head, *blocks = re.split(r"(?=^  - name: )", text.split("\n# When nothing is started.")[0], flags=re.MULTILINE)
    tail = text[text.index("\n# When nothing is started.") :]
    text = head + "".join(blocks[:environments]) + tail
    for name, (day, time) in (schedules or {}).items():
        pattern = rf"(- name: {name}\n(?:.*\n)*?\s+schedule:) .*"
        text, count = re.subn(pattern, rf'\1 {{ day: {day}, time: "{time}" }}', text, count=1)
        assert count == 1, name
    if long_bake:
        text = text.replace(f"- name: {long_bake}\n", f"- name: {long_bake}\n    refresh: {{ bake: 3h }}\n", 1)
    for old, new in replaced.items():
        assert f"{old}: " in text, old
        text = re.sub(rf"\b{old}: \S+", f"{old}: {new}", text)
    return text


def names() -> list[str]:
    """The environments, as the configuration that ships has them."""
    return re.findall(r"^  - name: (\S+)", (ROOT / "pipeline" / "environments.yaml").read_text(), re.MULTILINE)


def groovy() -> dict[str, str]:
    """The variables that Groovy needs, which Debian's wrapper does not find by itself."""
    javac = subprocess.run(["sh", "-c", 'readlink -f "$(command -v javac)"'], capture_output=True, text=True, check=True)
    return {"JAVA_HOME": str(Path(javac.stdout.strip()).parents[1]), "JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m"}


os.environ.update(groovy())
