"""Terraform as a process that reaches nothing: no registry, no checkpoint, no AWS."""

import json
import os
import shutil
import subprocess
import threading
import unittest
from functools import cache
from pathlib import Path

import harness

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "pipeline" / "terraform"
WORK = ROOT / "target" / "pipeline" / "terraform"
PROVIDER = "registry.terraform.io/hashicorp/aws"
# How deep in the file system a mirror is looked for: as deep as a user's own of terraform's.
DEEPEST = 7


def fresh(name: str) -> Path:
    """A copy of pipeline/terraform of its own, so that nothing is written beside the sources."""
    place = WORK / name
    shutil.rmtree(place, ignore_errors=True)
    ignore = shutil.ignore_patterns(".terraform*", "*.tfstate*")
    shutil.copytree(SOURCE, place / "terraform", ignore=ignore)
    # What a module looks for beside it: the generator's configuration.
    shutil.copy(ROOT / "pipeline" / "environments.yaml", place)
    return place / "terraform"


@cache
def mirror() -> Path | None:
    """The directory of a file system mirror that has the AWS provider, where there is one."""
    named = os.environ.get("AMI_REFRESH_TEST_TF_MIRROR")
    if named:
        if not (Path(named) / PROVIDER).is_dir():
            raise AssertionError(f"AMI_REFRESH_TEST_TF_MIRROR is {named}, and holds no {PROVIDER}")
        return Path(named).resolve()
    # What a working directory installed is no mirror: it goes away.
    what = ["-type", "d", "-path", f"*/{PROVIDER}", "-not", "-path", "*/.terraform/*", "-print", "-quit"]
    command = ["find", ROOT.anchor, "-xdev", "-maxdepth", str(DEEPEST), *what]
    found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()
    return Path(found.removesuffix(f"/{PROVIDER}")) if found else None


needs_provider = unittest.skipUnless(
    mirror(), "there is no mirror of the AWS provider here; next: set AMI_REFRESH_TEST_TF_MIRROR to one"
)


def cli_file() -> Path:
    """A configuration of terraform itself that installs from the mirror, or from nowhere."""
    path = WORK / "cli.tfrc"
    WORK.mkdir(parents=True, exist_ok=True)
    found = mirror()
    source = f"filesystem_mirror {{\n    path = {json.dumps(str(found))}\n  }}" if found else ""
    # Several threads write it, and all of them the same.
    own = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    own.write_text(f"provider_installation {{\n  {source}\n}}\n")
    own.rename(path)
    return path


def variables(more: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a terraform process: nobody's AWS settings, and no way to a network."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    own = {"TF_CLI_CONFIG_FILE": str(cli_file()), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "NO_PROXY": "*"}
    return kept | own | (more or {})


def terraform(where: Path, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Runs terraform in a directory; what it wrote is in `stdout`."""
    command = ["terraform", f"-chdir={where}", *words, *([] if words[0] in ("show", "console") else ["-no-color"])]
    return subprocess.run(
        command,
        env=variables(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )


def ami_refresh(*words: str, env: dict[str, str], where: Path = ROOT) -> subprocess.CompletedProcess:
    """Runs the real binary."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AMI_REFRESH"))}
    return subprocess.run(
        [harness.BINARY, *words],
        cwd=where,
        env=kept | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


class Case(unittest.TestCase):
    maxDiff = None

    def ends(self, code: int, done: subprocess.CompletedProcess) -> subprocess.CompletedProcess:
        """Asserts how a process ended, with all that it wrote."""
        words = f"{' '.join(map(str, done.args))}\n{done.stdout}\n{done.stderr or ''}"
        self.assertEqual(done.returncode, code, words)
        return done
