"""Builds that must fail, and what they say: Packer exits 1, and there is no candidate."""

import itertools
import re

from harness import CONFIGURATION, ROOT, Case

MANIFEST = re.compile(r'\n    post-processor "manifest" \{.*?\n    \}\n', re.DOTALL)


class Refused(Case):
    def fails(self, *says: str, options: tuple[str, ...] = (), **variables: str):
        """A build that fails with all of these among its words; no candidate is left."""
        (self.bench.directory / "candidate.json").write_text("of an earlier build")
        run = self.bench.build(*options, **variables)
        self.assertEqual(run.code, 1, run.output)
        # Packer wraps nothing, but begins each line with the build's name.
        for words in says:
            self.assertIn(words, run.output)
        return run

    def not_verified(self, run) -> None:
        """AWS was not asked about the images, nor told that they are good."""
        self.assertEqual(self.bench.cloud.asked("GetCallerIdentity"), [])
        for image in self.bench.cloud.images().values():
            self.assertNotIn("ami-refresh:family", image["Tags"])
        self.assertFalse(run.candidate.exists())

    def test_a_hook_without_a_manifest(self):
        self.bench.template.edit("base.pkr.hcl", lambda text: MANIFEST.sub("\n", text))
        run = self.fails("error: there is no Packer manifest packer-manifest.json", "next: put 'post-processor \"manifest\"'")
        self.not_verified(run)

    def test_a_manifest_of_another_run(self):
        shipped = (ROOT / "pipeline/packer-manifest.json").read_text()
        (self.bench.directory / "other.json").write_text(shipped)
        self.bench.template.edit("base.pkr.hcl", lambda text: text.replace('"MANIFEST=${var.manifest}"', '"MANIFEST=other.json"'))
        run = self.fails(
            "error: the Packer manifest other.json is of another run",
            "why:  its last_run_uuid is '261f4fdd-5ba4-976b-d77b-fef91bcca5ef'",
            "next: have the manifest post-processor of this build write to other.json",
        )
        self.not_verified(run)

    def test_an_image_in_quarantine(self):
        tag = '{"ami-refresh:quarantine"="quarantined 2026-11-23T15:41:07Z jane: kernel panics"}'
        run = self.fails("is in quarantine", "jane: kernel panics", "these images go nowhere", options=("-var", f"tags={tag}"))
        self.assertFalse(run.candidate.exists())

    def test_an_image_of_an_account_that_may_own_none(self):
        configuration = self.bench.directory / "environments.yaml"
        configuration.write_text(CONFIGURATION.read_text().replace("owners: [self]", 'owners: ["999999999999"]'))
        run = self.fails(
            "account 123456789012 owns it, and the family's images are owned by 999999999999",
            "these images go nowhere",
            AMI_REFRESH_CONFIG=str(configuration),
        )
        self.assertFalse(run.candidate.exists())
        for image in self.bench.cloud.images().values():
            self.assertNotIn("ami-refresh:family", image["Tags"])

    def test_an_image_that_is_not_available(self):
        self.bench.cloud.pending = True
        self.addCleanup(setattr, self.bench.cloud, "pending", False)
        run = self.fails("is not fit", "it is still pending", "wait until EC2 calls it available")
        self.assertFalse(run.candidate.exists())

    def test_a_family_that_the_configuration_does_not_name(self):
        run = self.fails(
            "there is no family other", "the images need not be built again", options=("-var", "family=other")
        )
        self.not_verified(run)

    def test_a_region_that_the_configuration_does_not_name(self):
        run = self.fails(
            "which the configuration does not name",
            "the images need not be built again",
            options=("-var", 'ami_regions=["eu-west-1"]'),
        )
        self.assertFalse(run.candidate.exists())

    def test_no_ami_refresh(self):
        run = self.fails("there is no no/such/binary to verify the images with", AMI_REFRESH="no/such/binary")
        self.not_verified(run)

    def test_a_self_test_that_fails_makes_no_image(self):
        before = set(self.bench.cloud.images())
        self.bench.instances.prepare = lambda machine: (machine.state / "updates").write_text("openssl.x86_64 1:3.0.8\n")
        run = self.fails("NOT OK  every update is installed", "openssl.x86_64", "no image was made")
        self.assertEqual(set(self.bench.cloud.images()), before)
        self.assertEqual(self.bench.cloud.asked("CreateImage"), [])
        self.assertFalse(run.manifest.exists())

    def test_half_a_build_is_no_candidate(self):
        logins = itertools.count()

        def first_only(machine):
            # The first instance that is logged in to fails, the other ends well.
            if next(logins) == 0:
                (machine.state / "broken").touch()

        self.bench.instances.prepare = first_only
        run = self.fails("Failed to download metadata", "1 of 2 images of this run are built")
        self.assertEqual(len(run.builds()), 1)
        self.not_verified(run)
