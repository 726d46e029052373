"""A real `packer build` of both architectures: scripts, images, manifest, hook, candidate."""

import fnmatch
import json
import re
import shutil
import subprocess
import unittest

import yaml

import harness
from ec2 import ACCOUNT, REGION
from harness import ARCHITECTURES, CONFIGURATION, ROOT, Case

# Where the manifest stays for the tests of the Jenkinsfile.
KEPT = ROOT / "target" / "pipeline" / "packer-manifest.json"
BUILD = {"BUILD_NUMBER": "812", "BUILD_URL": "https://ci.example/job/base/812/", "GIT_COMMIT": "4f2e9c1"}
STAMP = re.compile(r"dept-base-(\d{8}-\d{6})-(x86_64|arm64)")


class BothArchitectures(unittest.TestCase):
    """One build, looked at from all sides."""

    @classmethod
    def setUpClass(cls):
        KEPT.unlink(missing_ok=True)
        bench = harness.Bench(cls.addClassCleanup)
        bench.clear(cls.addClassCleanup)
        cls.made = bench.built(**BUILD)
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(cls.made.manifest, KEPT)
        cls.calls = list(bench.cloud.calls)
        cls.found = bench.cloud.images()
        reservations = bench.cloud.client().describe_instances()["Reservations"]
        states = {i["InstanceId"]: i["State"]["Name"] for reservation in reservations for i in reservation["Instances"]}
        cls.states = states
        cls.machines = [(machine.files(), machine.calls()) for machine in bench.instances.machines]

    def image(self, architecture: str) -> dict:
        region, _, id_ = self.made.image_ids()[f"base-{architecture}"].partition(":")
        self.assertEqual(region, REGION)
        return self.found[id_]

    def asked(self, action: str) -> list[dict[str, str]]:
        return [call for call in self.calls if call.get("Action") == action]

    def test_the_manifest_tells_the_architectures_apart(self):
        self.assertEqual(sorted(self.made.builds()), ["base-arm64", "base-x86_64"])
        self.assertEqual(len(set(self.made.image_ids().values())), 2)
        for architecture in ARCHITECTURES:
            self.assertEqual(self.image(architecture)["Architecture"], architecture)

    def test_there_are_these_images_and_no_others(self):
        # Packer makes an image first and an encrypted copy of it then: the first must be gone.
        self.assertEqual(len(self.found), 2)
        self.assertEqual({image["State"] for image in self.found.values()}, {"available"})

    def test_names_sort_by_time_and_are_the_familys(self):
        glob = yaml.safe_load(CONFIGURATION.read_text())["families"]["base"]["previous"]["name"]
        stamps = set()
        for architecture in ARCHITECTURES:
            name = self.image(architecture)["Name"]
            self.assertTrue(fnmatch.fnmatchcase(name, glob), name)
            stamp = STAMP.fullmatch(name)
            self.assertTrue(stamp, name)
            self.assertEqual(stamp[2], architecture)
            stamps.add(stamp[1])
        self.assertEqual(len(stamps), 1, "both are of one build")

    def test_images_say_where_they_come_from(self):
        for architecture in ARCHITECTURES:
            tags = self.image(architecture)["Tags"]
            name = self.image(architecture)["Name"]
            source = tags.pop("Source")
            self.assertRegex(source, rf"^ami-[0-9a-f]+ al2023-ami-2023\..*-{architecture}$")
            self.assertEqual(
                tags,
                {
                    "Name": name,
                    "Architecture": architecture,
                    "Family": "base",
                    "Build": "812",
                    "BuildUrl": BUILD["BUILD_URL"],
                    "Commit": "4f2e9c1",
                    "BuiltBy": "packer",
                    # By the hook, once they were verified.
                    "ami-refresh:family": "base",
                    "ami-refresh:build": "812",
                    "ami-refresh:build-url": BUILD["BUILD_URL"],
                    "ami-refresh:commit": "4f2e9c1",
                },
            )

    def test_snapshots_instances_and_volumes_have_tags_too(self):
        tagged = {}
        for call in self.asked("CreateTags"):
            keys = {value for key, value in call.items() if re.fullmatch(r"Tag\.\d+\.Key", key)}
            for key, value in call.items():
                if key.startswith("ResourceId."):
                    tagged.setdefault(value.partition("-")[0], set()).update(keys)
        self.assertLessEqual({"Family", "Build", "Commit", "Name"}, tagged["snap"])
        for call in self.asked("RunInstances"):
            of = {value for key, value in call.items() if re.fullmatch(r"TagSpecification\.\d+\.ResourceType", key)}
            keys = {value for key, value in call.items() if re.fullmatch(r"TagSpecification\.\d+\.Tag\.\d+\.Key", key)}
            self.assertLessEqual({"instance", "volume"}, of)
            self.assertLessEqual({"Family", "Build", "Commit", "Name"}, keys)

    def test_the_root_volume_is_encrypted(self):
        copies = self.asked("CopyImage")
        self.assertEqual([copy["Encrypted"] for copy in copies], ["true", "true"])

    def test_nobody_else_reaches_the_build_instances(self):
        asked = self.asked("AuthorizeSecurityGroupIngress")
        blocks = {value for call in asked for key, value in call.items() if key.endswith(".CidrIp")}
        self.assertEqual(blocks, {"10.0.0.0/8"})

    def test_nothing_is_left_running(self):
        self.assertGreaterEqual(len(self.states), 2)
        self.assertEqual(set(self.states.values()), {"terminated"})

    def test_every_script_ran_on_both(self):
        self.assertEqual(len(self.machines), 2)
        for files, calls in self.machines:
            self.assertIn("dnf -y -q --refresh --releasever=latest upgrade", calls)
            enabled = [call.split()[-1] for call in calls if call.startswith("systemctl")]
            self.assertEqual(enabled, ["sshd.service", "chronyd.service", "amazon-ssm-agent.service"])
            self.assertEqual(files["etc/machine-id"], "")
            self.assertNotIn("home/ec2-user/.ssh/authorized_keys", files)
        self.assertEqual(self.made.output.count("the image keeps its promises"), 2)

    def test_the_candidate_is_both_images(self):
        candidate = json.loads(self.made.candidate.read_text())
        self.assertEqual((candidate["version"], candidate["family"]), (1, "base"))
        self.assertEqual(candidate["build"], {"url": BUILD["BUILD_URL"], "number": "812", "commit": "4f2e9c1"})
        found = {
            image["architecture"]: (image["region"], image["id"], image["name"], image["owner"])
            for image in candidate["images"]
        }
        wanted = {
            architecture: (REGION, self.image(architecture)["ImageId"], self.image(architecture)["Name"], ACCOUNT)
            for architecture in ARCHITECTURES
        }
        self.assertEqual(found, wanted)

    def test_the_hook_spoke_once_for_both(self):
        self.assertEqual(self.made.output.count("candidate of family base, by packer manifest"), 1)
        self.assertEqual(len(self.asked("GetCallerIdentity")), 1)

    def test_a_rehearsal_rolls_out_both_images(self):
        reports = self.made.directory / "reports"
        command = [harness.BINARY, "--config", CONFIGURATION, "--report-dir", reports, "--color", "never", "rehearse"]
        # The scenario in which groups run on both architectures.
        command += ["--from-packer", KEPT, "--scenario", "mixed"]
        done = subprocess.run(command, cwd=self.made.directory, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        events = [json.loads(line) for line in (reports / "journal.jsonl").read_text().splitlines()]
        versions = json.dumps([event for event in events if event["event"] == "version_ready"])
        for architecture in ARCHITECTURES:
            self.assertIn(self.image(architecture)["ImageId"], versions, f"no template got the image for {architecture}")

    def test_the_simulator_on_loopback_does_too(self):
        command = [harness.BINARY, "--config", CONFIGURATION, "simulator", "--from-packer", KEPT]
        simulator = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(simulator.stdout.close)
        self.addCleanup(simulator.wait)
        self.addCleanup(simulator.terminate)
        variables = {}
        for line in simulator.stdout:
            if found := re.fullmatch(r"export ([A-Z_]+)='?([^']*?)'?\n", line):
                variables[found[1]] = found[2]
            # The last that it prints.
            if "AMI_REFRESH_CLOCK" in variables:
                break
        where = self.made.directory / "simulated.json"
        command = [harness.BINARY, "--config", CONFIGURATION, "--candidate", where, "candidate", "--family", "base"]
        done = subprocess.run(
            [*command, "--from-packer", KEPT],
            env=harness.environment(**variables),
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        images = {image["architecture"]: image["id"] for image in json.loads(where.read_text())["images"]}
        self.assertEqual(images, {one: self.image(one)["ImageId"] for one in ARCHITECTURES})


class Variants(Case):
    def test_copies_in_other_regions_are_part_of_the_candidate(self):
        configuration = self.bench.directory / "environments.yaml"
        text = CONFIGURATION.read_text()
        configuration.write_text(text.replace("regions: [eu-west-2]", "regions: [eu-west-2, eu-west-1]"))
        run = self.bench.built(
            "-var", 'ami_regions=["eu-west-1"]', "-var", 'ami_users=["111111111111"]', "-var", "kms_key_id=alias/images",
            "-var", 'region_kms_key_ids={"eu-west-1"="alias/images"}', AMI_REFRESH_CONFIG=str(configuration),
        )  # fmt: skip
        for id_ in run.image_ids().values():
            self.assertEqual(sorted(one.partition(":")[0] for one in id_.split(",")), ["eu-west-1", "eu-west-2"])
        candidate = json.loads(run.candidate.read_text())
        found = sorted((image["region"], image["architecture"]) for image in candidate["images"])
        self.assertEqual(found, [(r, a) for r in ("eu-west-1", "eu-west-2") for a in ("arm64", "x86_64")])
        self.assertEqual({copy["KmsKeyId"] for copy in self.bench.cloud.asked("CopyImage")}, {"alias/images"})
        shared = [value for call in self.bench.cloud.asked("ModifyImageAttribute") for key, value in call.items() if "UserId" in key]
        self.assertEqual(set(shared), {"111111111111"})
        self.assertEqual({copy["_region"] for copy in self.bench.cloud.asked("CopyImage")}, {"eu-west-1", "eu-west-2"})

    def test_one_architecture_alone(self):
        run = self.bench.built("-only=amazon-ebs.base-arm64", "-var", "builds=1")
        images = json.loads(run.candidate.read_text())["images"]
        self.assertEqual([image["architecture"] for image in images], ["arm64"])

    def test_the_manifest_of_an_earlier_run_is_added_to_and_passed_over(self):
        first = self.bench.built(**BUILD).image_ids()
        second = self.bench.built(**BUILD | {"BUILD_NUMBER": "813"})
        manifest = json.loads(second.manifest.read_text())
        self.assertEqual(len(manifest["builds"]), 4)
        candidate = json.loads(second.candidate.read_text())
        ids = {f"{image['region']}:{image['id']}" for image in candidate["images"]}
        self.assertEqual(ids, set(second.image_ids().values()))
        self.assertFalse(ids & set(first.values()))

    def test_without_a_build_number_nothing_is_tagged_empty(self):
        self.bench.built()
        for image in self.bench.cloud.images().values():
            self.assertNotIn("ami-refresh:build", image["Tags"])
            self.assertNotIn("Build", image["Tags"])
            self.assertEqual(image["Tags"]["ami-refresh:family"], "base")

    def test_further_tags_are_on_everything(self):
        self.bench.built("-var", 'tags={"CostCentre"="4711"}')
        self.assertEqual([image["Tags"]["CostCentre"] for image in self.bench.cloud.images().values()], ["4711", "4711"])
        for call in self.bench.cloud.asked("RunInstances"):
            self.assertIn("4711", call.values())


