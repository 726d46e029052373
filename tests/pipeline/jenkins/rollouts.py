"""Builds that go through: at once, by windows, a second time, and with an image that exists."""

from cases import STEPS, Case
from builds import candidates, config, names


class Rollouts(Case):
    def test_clean_run_through_all_environments(self):
        self.setup(config(), speed=900)
        build = self.ended(self.job.build({"WHEN": "now", "ENVIRONMENTS": "all", "IMAGES": "", "APPROVE": ""}), "SUCCESS")
        self.assertEqual(build.stages()[:4], ["Prepare", "Image", "Candidate", "Environments"])
        self.assertEqual(build.environments(), names(), "in the configuration's order")
        for name in names():
            self.assertEqual(build.stages(f"{name}: "), [f"{name}: {step}" for step in STEPS])
            self.passed_junit(build, name)
            self.assertTrue(build.archived(f"reports/{name}/journal*.jsonl"), name)
        self.on_new(*names())
        self.assertEqual(self.world.gates(candidates()[0]), dict.fromkeys(names(), "passed"))
        self.assertEqual(self.world.tags(candidates()[0])["ami-refresh:build"], "1")
        self.assertEqual(self.world.tags(candidates()[0])["ami-refresh:commit"], "5ca1ab1e" * 5)
        self.assertEqual(self.job.packer_calls.read_text().splitlines(), ["init packer/", "build -color=false -var family=base packer/"])
        self.assertTrue(build.archived("candidate.json"))
        # prod's gate soaks for twelve hours: they were slept through, without a node.
        soaked = sum(event["seconds"] for event in build.events("sleep") if event["stages"][-1] == "prod: window")
        self.assertGreater(soaked, 11 * 3600)

    def test_by_schedule_each_group_in_its_window(self):
        # Far enough apart that a slow machine's time, on the fast clock, does not overtake them.
        windows = dict.fromkeys(["sandbox", "dev", "qa"], ("sun", "21:00")) | {"test": ("mon", "09:00")}
        self.setup(config(4, windows, window="12h"), speed=900)
        parameters = {"WHEN": "scheduled", "ENVIRONMENTS": "all", "IMAGES": "", "APPROVE": ""}
        build = self.ended(self.job.build(parameters), "SUCCESS")
        self.assertEqual(build.environments(), names()[:4])
        self.on_new(*names()[:4])
        self.assertEqual(self.world.gates(candidates()[0]), dict.fromkeys(names()[:4], "passed"))
        # The time of the default fleet's orders-test, by its team's tag, is two hours later: a second round.
        self.assertEqual(build.stages("test: "), [f"test: {step}" for step in STEPS * 2])
        begun = {
            name: [refresh["StartTime"].strftime("%a %H:%M").lower() for refresh in refreshes]
            for environment in names()[:4]
            for name, refreshes in self.world.refreshes(environment).items()
        }
        for name, times in begun.items():
            self.assertLessEqual(len(times), 1, f"{name} was refreshed more than once")
            day, time = windows[name.rpartition("-")[2]]
            opens = f"{day} {'11:00' if name == 'orders-test' else time}"
            for began in times:
                hour = ["sun", "mon"].index(began[:3]) * 24 + int(began[4:6])
                self.assertGreaterEqual(hour, ["sun", "mon"].index(opens[:3]) * 24 + int(opens[4:6]), f"{name}: {began}, not {opens}")
        slept = [event["seconds"] for event in build.events("sleep") if event["stages"][-1] == "test: window"]
        self.assertGreater(sum(slept), 0)
        self.assertTrue(build.archived("reports/test.2/junit-test.*.xml"), "the second round's reports are beside the first's")

    def test_rerun_of_what_is_done_finds_nothing_to_do(self):
        self.setup(self.few(1), speed=600)
        parameters = {"WHEN": "now", "ENVIRONMENTS": "all", "IMAGES": "", "APPROVE": ""}
        self.ended(self.job.build(parameters), "SUCCESS")
        before = self.world.standing(["sandbox"])
        again = self.ended(self.job.build(parameters), "SUCCESS")
        self.assertEqual(again.environments(), ["sandbox"])
        self.assertEqual(again.stages("sandbox: "), [], "what has passed is left alone")
        self.assertIn("sandbox has passed with", again.console)
        self.assertEqual(self.world.standing(["sandbox"]), before)

    def test_reroll_of_images_that_exist(self):
        self.setup(self.few(2), speed=600)
        images = candidates()
        self.world.client("ec2").create_tags(Resources=images, Tags=[{"Key": "ami-refresh:build", "Value": "812"}])
        parameters = {"WHEN": "now", "ENVIRONMENTS": "sandbox", "IMAGES": " ".join(images), "APPROVE": ""}
        build = self.ended(self.job.build(parameters), "SUCCESS")
        self.assertFalse(self.job.packer_calls.exists(), "nothing is built")
        self.assertNotIn("Image", build.stages())
        self.assertEqual(build.environments(), ["sandbox"])
        self.on_new("sandbox")
        self.passed_junit(build, "sandbox")
        self.assertEqual(self.world.tags(images[0])["ami-refresh:build"], "812", "an image keeps the build that made it")
        self.assertFalse(any(self.world.refreshes("dev").values()))
        # The newest image of the family is the same one: the next environment goes on from there.
        newest = {"WHEN": "now", "ENVIRONMENTS": "dev sandbox", "IMAGES": "newest", "APPROVE": ""}
        build = self.ended(self.job.build(newest), "SUCCESS")
        self.assertEqual(build.environments(), ["sandbox", "dev"], "whatever order somebody writes")
        self.on_new("sandbox", "dev")

    def test_first_build_only_plans(self):
        self.setup(self.few(2))
        before = self.world.standing(["sandbox", "dev"])
        build = self.ended(self.job.build({}), "SUCCESS")
        self.assertEqual(build.environments(), ["sandbox", "dev"])
        self.assertIn("sandbox: 5 of 5 groups change", build.console)
        self.assertIn("gate sandbox is not passed", build.console, "that it would be refused is shown")
        self.assertFalse(self.job.packer_calls.exists(), "nothing is built")
        self.assertEqual(self.world.standing(["sandbox", "dev"]), before)
        self.assertEqual(self.world.gates(candidates()[0]), {})
