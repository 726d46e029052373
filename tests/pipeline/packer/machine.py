"""A build instance's file system in a directory, and the commands that packer/scripts call.

The scripts run for real, as somebody who owns nothing else here, and find no command but
those in `bin`: what would reach beyond the directory (packages, services) is stood in for and
written down, the rest is this machine's own.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "packer" / "scripts"
SSHD = ROOT / "target" / "sshd"
SERVICES = "sshd chronyd amazon-ssm-agent"
# "nobody", where the tests run as root.
NOBODY = 65534

REAL = """sh env sed grep awk cat cut head tail mktemp rm mv mkdir rmdir chmod chown find truncate readlink ln
ssh-keygen tr wc sort scp cp ls true false dirname basename sleep""".split()

STOOD_IN = {
    "sudo": '[ "$1" = -n ] && shift\nexec "$@"',
    # What check-update answers is in a file: 100 where something is to be updated.
    "dnf": 'case "$*" in *check-update*) cat "$STATE/updates" 2>/dev/null && exit 100; exit 0 ;; esac\n'
    'if [ -e "$STATE/broken" ]; then echo "Error: Failed to download metadata" >&2; exit 1; fi',
    "apt-get": 'case "$*" in *" -s "*) cat "$STATE/updates" 2>/dev/null ;; esac\n'
    'if [ -e "$STATE/broken" ]; then echo "E: Failed to fetch" >&2; exit 100; fi\nexit 0',
    "systemctl": 'links=${1#--root=}/etc/systemd/system/multi-user.target.wants\n[ "$2" = enable ] || exit 64\n'
    'mkdir -p "$links" && ln -sf "/usr/lib/systemd/system/$3" "$links/$3"',
    "cloud-init": "",
    "sync": "",
    "sshd": 'exec env LD_LIBRARY_PATH="$SSHD_LIBRARIES" "$SSHD" "$@"',
}

FILES = {
    "etc/os-release": 'NAME="Amazon Linux"\nID="amzn"\nVERSION_ID="2023"\n',
    "etc/machine-id": "ec2f0c3f0a5b4c1e9d8e7f6a5b4c3d2e\n",
    "etc/shadow": "root:*LOCK*:14600::::::\nec2-user:!!:20000:0:99999:7:::\nlegacy:$6$salt$hash:20000::::::\nopen::20000::::::\n",
    "etc/ssh/sshd_config": "Include {root}/etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\nX11Forwarding yes\n",
    # As cloud-init writes it on some distributions.
    "etc/ssh/sshd_config.d/50-cloud-init.conf": "PasswordAuthentication yes\n",
    "etc/ssh/ssh_host_ed25519_key": "private\n",
    "etc/ssh/ssh_host_ed25519_key.pub": "public\n",
    "root/.ssh/authorized_keys": "ssh-ed25519 AAAA root\n",
    "root/.bash_history": "aws configure\n",
    "home/ec2-user/.ssh/authorized_keys": "ssh-rsa AAAA packer_1\n",
    "home/ec2-user/.bash_history": "sudo su -\n",
    "home/ec2-user/.bashrc": "# kept\n",
    "var/lib/cloud/instances/i-0a1b/user-data.txt": "#!/bin/sh\n",
    "var/lib/cloud/sem/config_scripts": "",
    "var/lib/cloud/scripts/per-boot/kept": "#!/bin/sh\n",
    "var/lib/dhcp/dhclient.leases": "lease {}\n",
    "var/lib/systemd/random-seed": "seed",
    "var/cache/dnf/amazonlinux/repodata/x.xml.gz": "x",
    "var/cache/apt/archives/x.deb": "x",
    "var/lib/apt/lists/deb.example_InRelease": "x",
    "var/log/messages": "booted as i-0a1b\n",
    "var/log/messages-20261120": "old\n",
    "var/log/dnf.log.1": "old\n",
    "var/log/cloud-init-output.log": "user data\n",
    "var/log/journal/ec2f0c/system.journal": "x",
    "tmp/left": "x",
    "var/tmp/left/deep": "x",
}


class Machine:
    """One file system, as a build instance has it before any script ran."""

    def __init__(self, stood_in=STOOD_IN):
        self._directory = Path(tempfile.mkdtemp(prefix="packer-instance-"))
        self.root = self._directory / "root"
        self.state = self._directory / "state"
        self.calls_file = self._directory / "calls"
        self._bin = self._directory / "bin"
        self.shell = str(self._bin / "sh")
        for name, text in FILES.items():
            self.put(name, text.replace("{root}", str(self.root)))
        (self.root / "var/lib/cloud/instance").symlink_to("instances/i-0a1b")
        self.state.mkdir()
        self._commands(stood_in)
        (self._directory / "scratch").mkdir()
        shutil.copytree(SCRIPTS, self._directory / "scripts")
        shutil.copytree(SSHD, self._directory / "sshd", ignore=shutil.ignore_patterns("packages", "share"))
        self._give_away()

    def _commands(self, stood_in) -> None:
        self._bin.mkdir()
        for name in REAL:
            (self._bin / name).symlink_to(shutil.which(name))
        for name, body in stood_in.items():
            command = self._bin / name
            command.write_text(f'#!/bin/sh\necho "{name} $*" >>"$CALLS"\n{body}\n')
            command.chmod(0o755)

    def _give_away(self) -> None:
        if os.getuid() != 0:
            return
        for directory, _, names in os.walk(self._directory):
            for path in [directory, *(os.path.join(directory, name) for name in names)]:
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)

    def environment(self) -> dict[str, str]:
        libraries = {str(path.parent) for path in (self._directory / "sshd").rglob("*.so*")}
        return {
            "PATH": str(self._bin),
            "ROOT": str(self.root),
            "STATE": str(self.state),
            "CALLS": str(self.calls_file),
            "TMPDIR": str(self._directory / "scratch"),
            "HOME": str(self._directory / "scratch"),
            "SSHD": str(self._directory / "sshd/usr/sbin/sshd"),
            "SSHD_LIBRARIES": ":".join(sorted(libraries)),
        }

    def popen(self, command: list[str], **more) -> subprocess.Popen:
        """Starts a command on the machine, as nobody where the tests run as root."""
        if os.getuid() == 0:
            more |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        environment = self.environment() | more.pop("variables", {})
        return subprocess.Popen(command, env=environment, cwd=self._directory, **more)

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess:
        """Runs one of packer/scripts; standard error goes where standard output does."""
        command = [self.shell, str(self._directory / "scripts" / script)]
        process = self.popen(
            command,
            variables={"SERVICES": SERVICES} | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        output, _ = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, output)

    def put(self, name: str, text: str) -> None:
        """Writes a file of the machine."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self._give_away()

    def calls(self) -> list[str]:
        """The commands that were stood in for, with their arguments, in order."""
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []

    def files(self) -> dict[str, str]:
        """Every file of the machine, by its name."""
        found = (path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())
        return {str(path.relative_to(self.root)): path.read_text(errors="replace") for path in found}

    def gone(self) -> None:
        shutil.rmtree(self._directory)
