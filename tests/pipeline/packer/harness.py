"""What the tests of packer/ share: the template's copy for Debian's Packer, and its runs.

The copy differs from the template by what `Template` says and nothing else; `template.py` holds
it to that.
"""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import ec2
import instance

ROOT = Path(__file__).resolve().parents[3]
PACKER = ROOT / "packer"
CONFIGURATION = ROOT / "pipeline" / "environments.yaml"
ARCHITECTURES = ("x86_64", "arm64")
# Set by `suites.py`.
BINARY: Path

# What Packer 1.6 does not know stands between these in the template.
NEWER = re.compile(r"\n  # Packer 1\.7 and later \{\n(.*?)\n  # \}\n", re.DOTALL)
SOURCE = re.compile(r'^source "amazon-ebs" "[^"]+" \{\n', re.MULTILINE)


class Template:
    """A copy of packer/ in a directory, for Debian's Packer 1.6."""

    def __init__(self, directory: Path):
        self.directory = directory / "packer"
        shutil.copytree(PACKER, self.directory)
        (self.directory / "plugins.pkr.hcl").unlink()
        self.edit("base.pkr.hcl", lambda text: NEWER.sub("\n", text))

    def edit(self, name: str, how) -> None:
        """Changes a file, which has to be another one after it."""
        path = self.directory / name
        before = path.read_text()
        after = how(before)
        if after == before:
            raise AssertionError(f"{name} has changed: the test's edit finds nothing in it")
        path.write_text(after)

    def point_at(self, cloud: "ec2.Ec2", instances: "instance.Instances") -> None:
        """Has the sources ask moto, and log in to the machines that stand in for instances."""
        lines = [
            f'  custom_endpoint_ec2     = "{cloud.url}"',
            "  skip_region_validation  = true",
            "  skip_metadata_api_check = true",
            '  ssh_host                = "127.0.0.1"',
            f"  ssh_port                = {instances.port}",
            f'  ssh_password            = "{instance.PASSWORD}"',
            # Nothing has to settle where nothing boots.
            '  pause_before_connecting = "0s"',
        ]
        self.edit("base.pkr.hcl", lambda text: SOURCE.sub(lambda found: found[0] + "\n".join(lines) + "\n", text))
        # Packer leaves a script that failed where it put it, which must not be this machine's /tmp.
        uploads = self.directory.parent / "uploads"
        uploads.mkdir()
        uploads.chmod(0o777)
        self.directory.parent.chmod(0o711)
        line = f'  provisioner "shell" {{\n    remote_folder = "{uploads}"\n'
        self.edit("base.pkr.hcl", lambda text: text.replace('  provisioner "shell" {\n', line))


@dataclasses.dataclass
class Run:
    """A run of Packer that ended."""

    code: int
    output: str
    directory: Path

    @property
    def manifest(self) -> Path:
        return self.directory / "packer-manifest.json"

    @property
    def candidate(self) -> Path:
        return self.directory / "candidate.json"

    def builds(self) -> dict[str, dict]:
        """The builds of the manifest's last run, by name."""
        manifest = json.loads(self.manifest.read_text())
        return {b["name"]: b for b in manifest["builds"] if b["packer_run_uuid"] == manifest["last_run_uuid"]}

    def image_ids(self) -> dict[str, str]:
        """The images of the last run, as REGION:ID, by build."""
        return {name: build["artifact_id"] for name, build in self.builds().items()}


def environment(**variables: str) -> dict[str, str]:
    """This process's, without a proxy in the way to loopback, and with these."""
    return dict(os.environ) | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "CHECKPOINT_DISABLE": "1"} | variables


def packer(arguments: list[str], directory: Path, **variables: str) -> Run:
    """Runs Packer there, with nothing on its standard input."""
    command = ["packer", *arguments]
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment(PACKER_CACHE_DIR=str(directory / "cache"), **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return Run(done.returncode, done.stdout, directory)


class Bench:
    """One EC2, one ssh server, and a directory with the template's copy, for one build after another."""

    def __init__(self, add_cleanup):
        self.cloud = ec2.Ec2()
        add_cleanup(self.cloud.stop)
        self.instances = instance.Instances()
        add_cleanup(self.instances.stop)

    def clear(self, add_cleanup) -> None:
        """Begins anew: no images, no machines, a directory of its own."""
        made = tempfile.TemporaryDirectory(prefix="packer-build-")
        add_cleanup(made.cleanup)
        self.directory = Path(made.name)
        self.template = Template(self.directory)
        self.template.point_at(self.cloud, self.instances)
        self.instances.forget()
        self.instances.prepare = lambda machine: None
        self.cloud.forget()

    def build(self, *options: str, **variables: str) -> Run:
        """`packer build`, as a pipeline does it."""
        known = {"AMI_REFRESH": str(BINARY), "AMI_REFRESH_CONFIG": str(CONFIGURATION)}
        variables = self.cloud.variables() | known | variables
        return packer(["build", "-color=false", *options, "packer"], self.directory, **variables)

    def built(self, *options: str, **variables: str) -> Run:
        """A build that has to work."""
        run = self.build(*options, **variables)
        if run.code != 0:
            raise AssertionError(f"Packer exited with {run.code}\n{run.output}")
        return run


class Case(unittest.TestCase):
    """Tests with a build of their own each."""

    @classmethod
    def setUpClass(cls):
        cls.bench = Bench(cls.addClassCleanup)

    def setUp(self):
        self.bench.clear(self.addCleanup)
