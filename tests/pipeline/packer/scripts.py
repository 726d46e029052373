"""packer/scripts by themselves, against file systems of their own."""

import subprocess
import unittest

from machine import FILES, SCRIPTS, STOOD_IN, Machine


def without(*names: str) -> dict[str, str]:
    return {name: body for name, body in STOOD_IN.items() if name not in names}


class Case(unittest.TestCase):
    stood_in = STOOD_IN

    def setUp(self):
        self.machine = Machine(self.stood_in)
        self.addCleanup(self.machine.gone)

    def ran(self, script: str, **variables: str) -> str:
        """Runs a script that has to work; what it printed."""
        done = self.machine.run(script, **variables)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def refused(self, script: str, says: str, **variables: str) -> str:
        """Runs a script that has to fail with that among its words."""
        done = self.machine.run(script, **variables)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(says, done.stdout)
        return done.stdout

    def finished(self) -> None:
        """All that comes before the self-test."""
        for script in ("update", "harden", "clean"):
            self.ran(script)


class Written(unittest.TestCase):
    def test_all_scripts_are_good_shell(self):
        names = [*SCRIPTS.iterdir(), SCRIPTS.parent / "hook"]
        self.assertEqual(len(names), 5)
        done = subprocess.run(["shellcheck", *names], capture_output=True, text=True)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.returncode, 0, done.stderr)


class Updating(Case):
    def test_amazon_linux_is_taken_to_its_latest_release(self):
        self.ran("update")
        self.assertIn("dnf -y -q --refresh --releasever=latest upgrade", self.machine.calls())

    def test_other_distributions_have_no_such_release(self):
        self.machine.put("etc/os-release", 'ID="rocky"\n')
        self.ran("update")
        self.assertIn("dnf -y -q --refresh upgrade", self.machine.calls())

    def test_an_update_that_fails_fails_the_build(self):
        (self.machine.state / "broken").touch()
        self.refused("update", "Failed to download metadata")


class UpdatingWithApt(Case):
    stood_in = without("dnf")

    def test_lists_are_fetched_before_updates_are_installed(self):
        self.ran("update")
        calls = [call for call in self.machine.calls() if call.startswith("apt-get")]
        self.assertEqual([call.split()[-1] for call in calls], ["update", "dist-upgrade"])

    def test_an_update_that_is_left_breaks_a_promise(self):
        self.finished()
        self.ran("self-test")
        (self.machine.state / "updates").write_text("Inst openssl [3.0.1] (3.0.2)\n")
        self.assertIn("Inst openssl", self.refused("self-test", "NOT OK  every update is installed"))

    def test_updates_that_cannot_be_asked_for_break_it_too(self):
        self.finished()
        (self.machine.state / "broken").touch()
        self.refused("self-test", "NOT OK  every update is installed")


class UpdatingWithNeither(Case):
    stood_in = without("dnf", "apt-get")

    def test_a_distribution_that_is_not_known_is_said(self):
        self.refused("update", "neither dnf nor apt-get")


class Hardening(Case):
    def test_passwords_let_nobody_in_and_other_accounts_stay(self):
        self.ran("harden")
        shadow = self.machine.files()["etc/shadow"].splitlines()
        self.assertEqual(
            [line.split(":")[:2] for line in shadow],
            [["root", "*LOCK*"], ["ec2-user", "!!"], ["legacy", "!$6$salt$hash"], ["open", "!"]],
        )

    def test_a_configuration_that_includes_nothing_is_made_to(self):
        self.machine.put("etc/ssh/sshd_config", "PermitRootLogin yes\n")
        self.ran("harden")
        lines = self.machine.files()["etc/ssh/sshd_config"].splitlines()
        self.assertEqual(lines, ["Include /etc/ssh/sshd_config.d/*.conf", "PermitRootLogin yes"])

    def test_twice_is_as_once(self):
        self.ran("harden")
        once = self.machine.files()
        self.ran("harden")
        self.assertEqual(self.machine.files(), once)

    def test_every_service_is_enabled(self):
        self.ran("harden", SERVICES="chronyd agent")
        enabled = [call.split()[-1] for call in self.machine.calls() if call.startswith("systemctl")]
        self.assertEqual(enabled, ["chronyd.service", "agent.service"])


class Cleaning(Case):
    def test_what_is_the_build_instances_own_goes_and_the_rest_stays(self):
        self.ran("clean")
        kept = {
            "etc/os-release": FILES["etc/os-release"],
            "etc/machine-id": "",
            "etc/shadow": FILES["etc/shadow"],
            "etc/ssh/sshd_config": self.machine.files()["etc/ssh/sshd_config"],
            "etc/ssh/sshd_config.d/50-cloud-init.conf": "PasswordAuthentication yes\n",
            "home/ec2-user/.bashrc": "# kept\n",
            "var/lib/cloud/scripts/per-boot/kept": "#!/bin/sh\n",
            "var/log/messages": "",
        }
        self.assertEqual(self.machine.files(), kept)

    def test_a_machine_that_is_clean_stays_so(self):
        self.ran("clean")
        once = self.machine.files()
        self.ran("clean")
        self.assertEqual(self.machine.files(), once)


class SelfTest(Case):
    """What each promise is broken by. All are kept to begin with."""

    def setUp(self):
        super().setUp()
        self.finished()

    def test_an_image_that_went_through_all_scripts_keeps_its_promises(self):
        before = self.machine.files()
        said = self.ran("self-test")
        self.assertNotIn("NOT OK", said)
        self.assertEqual(said.count("ok      "), 14)
        self.assertEqual(self.machine.files(), before, "the self-test changed something")

    def test_each_promise_can_be_broken(self):
        breaks = [
            ("etc/ssh/sshd_config.d/00-a.conf", "PasswordAuthentication yes\n", "ssh lets in by key only"),
            ("etc/ssh/sshd_config.d/00-a.conf", "PermitRootLogin prohibit-password\n", "ssh lets in by key only"),
            ("etc/ssh/sshd_config.d/00-a.conf", "NoSuchSetting yes\n", "ssh lets in by key only"),
            ("etc/sysctl.d/90-base.conf", "kernel.kptr_restrict = 0\n", "the kernel's settings"),
            ("etc/shadow", "root:*:1::::::\nopen::1::::::\n", "no account has a password"),
            ("etc/machine-id", "ec2f0c3f\n", "the machine's identity"),
            ("etc/ssh/ssh_host_rsa_key", "private\n", "there are no ssh host keys"),
            ("var/lib/cloud/instance", "i-0a1b\n", "cloud-init takes"),
            ("home/ec2-user/.ssh/authorized_keys", "ssh-rsa AAAA\n", "nobody's keys"),
            ("root/.ssh/authorized_keys", "ssh-rsa AAAA\n", "nobody's keys"),
            ("root/.zsh_history", "x\n", "there are no shell histories"),
            ("var/cache/dnf/x", "x", "there are no caches of packages"),
            ("var/log/cloud-init.log", "x", "there are no logs of the build's boot"),
        ]
        for name, text, promise in breaks:
            with self.subTest(name=name, text=text):
                before = self.machine.files().get(name)
                self.machine.put(name, text)
                try:
                    said = self.refused("self-test", f"NOT OK  {promise}")
                finally:
                    (self.machine.root / name).unlink()
                    if before is not None:
                        self.machine.put(name, before)
                self.assertEqual(said.count("NOT OK"), 1, said)
                self.assertIn("next:", said)
        self.ran("self-test")

    def test_an_update_that_is_left_is_named(self):
        (self.machine.state / "updates").write_text("openssl.x86_64  1:3.0.8-1.amzn2023.0.20  amazonlinux\n")
        said = self.refused("self-test", "NOT OK  every update is installed")
        self.assertIn("openssl.x86_64", said)
        self.assertIn("dnf -q --refresh", self.machine.calls()[-2])
        self.assertIn("--releasever=latest check-update", " ".join(self.machine.calls()))

    def test_a_service_that_nothing_starts_is_named(self):
        said = self.refused("self-test", "NOT OK  falcon-sensor starts at boot", SERVICES="sshd falcon-sensor")
        self.assertIn("next: install it", said)

    def test_a_service_that_is_masked_does_not_start(self):
        (self.machine.root / "etc/systemd/system/chronyd.service").symlink_to("/dev/null")
        self.refused("self-test", "chronyd.service is masked")

    def test_all_that_is_broken_is_said_at_once(self):
        self.machine.put("etc/machine-id", "x\n")
        self.machine.put("root/.bash_history", "x\n")
        self.refused("self-test", "breaks 2 of its promises")
