"""Builds that must not go through: a bad image, a closed gate, a person who says no, bad input."""

import socket
import threading

from cases import STEPS, Case
from builds import candidates, problems


class Listener:
    """Stands where AWS would be, and counts who asks."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.asked = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.asked += 1
            connection.close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"


class Stops(Case):
    NOW = {"WHEN": "now", "ENVIRONMENTS": "all", "IMAGES": "", "APPROVE": ""}

    def test_image_that_breaks_the_canary_stops_there(self):
        self.setup(self.few(4), speed=600, scenario="app-down", groups="*-dev")
        old = self.world.images("dev")
        later = self.world.standing(["qa", "test"])
        build = self.ended(self.job.build(self.NOW), "FAILURE")
        self.assertEqual(build.environments(), ["sandbox", "dev"], "later ones do not begin")
        self.assertEqual(build.stages("dev: "), [f"dev: {step}" for step in STEPS[:3]])
        self.assertEqual([event["code"] for event in build.scripts("--until baking")][-1], 4)
        refreshed = [name for name, refreshes in self.world.refreshes("dev").items() if refreshes]
        self.assertEqual(len(refreshed), 1, "the others were not begun")
        failed = {suite for suite, name in problems(build.junit("dev")["refresh"]) if name == "check app-health"}
        self.assertEqual(failed, {f"dev.{refreshed[0]}"})
        self.assertEqual(self.world.images("dev"), old)
        self.assertEqual(self.world.standing(["qa", "test"]), later)
        self.assertEqual(self.world.gates(candidates()[0]).get("dev"), "failed")

    def test_bad_image_stops_at_the_environment_that_it_breaks(self):
        # Not the canary: what breaks that is seen in the refresh.
        self.setup(self.few(4, long_bake="dev"), speed=600, scenario="app-down", groups="payments-dev")
        old = self.world.images("dev")
        later = self.world.standing(["qa", "test"])
        build = self.ended(self.job.build(self.NOW), "FAILURE")
        self.assertEqual(build.environments(), ["sandbox", "dev"], "later ones do not begin")
        self.assertEqual(build.stages("dev: "), [f"dev: {step}" for step in STEPS[:4]], "its gate is not gone to")
        self.passed_junit(build, "sandbox")
        files = build.junit("dev")
        self.assertEqual(set(files), {"update-templates", "refresh", "smoke", "rollback"})
        failed = {suite for suite, name in problems(files["smoke"]) if name == "check app-health"}
        self.assertEqual(failed, {"dev.payments-dev"})
        self.assertTrue(build.archived("reports/dev/journal*.jsonl"))
        self.on_new("sandbox")
        self.assertEqual(self.world.images("dev"), old, "every group is back, whole")
        refreshes = self.world.refreshes("dev")
        self.assertEqual(refreshes["payments-dev"][0]["Status"], "RollbackSuccessful", "AWS's own way back, in the bake")
        # The canary's refresh was over when the others began: it goes back by one of its own.
        twice = [name for name, found in refreshes.items() if [one["Status"] for one in found] == ["Successful"] * 2]
        self.assertEqual(len(twice), 1)
        self.assertEqual(self.world.standing(["qa", "test"]), later)
        self.assertEqual(self.world.gates(candidates()[0])["sandbox"], "passed")
        self.assertNotEqual(self.world.gates(candidates()[0]).get("dev"), "passed")
        self.assertIn("Restart from Stage", build.console)

    def test_image_that_does_not_boot_is_rolled_back_while_it_is_refreshed(self):
        self.setup(self.few(2), speed=600, scenario="bad-image", groups="*-sandbox")
        old = self.world.images("sandbox")
        build = self.ended(self.job.build(self.NOW), "FAILURE")
        self.assertEqual(build.environments(), ["sandbox"])
        self.assertEqual(build.stages("sandbox: ")[-1], "sandbox: refresh")
        self.assertEqual([event["code"] for event in build.scripts("--until baking")], [4])
        self.assertTrue(problems(build.junit("sandbox")["refresh"]))
        self.assertEqual(self.world.images("sandbox"), old)

    def test_closed_gate_is_refused_and_reported(self):
        self.setup(self.few(3))
        before = self.world.standing(["sandbox", "dev", "qa"])
        build = self.ended(self.job.build(self.NOW | {"ENVIRONMENTS": "qa", "APPROVE": "qa"}), "FAILURE")
        self.assertEqual(build.stages("qa: "), ["qa: window"])
        self.assertEqual(build.events("input"), [], "nobody is asked for what can't begin")
        self.assertEqual([event["code"] for event in build.scripts("update-templates")], [3])
        self.assertIn(("qa", "gate"), problems(build.junit("qa")["update-templates"]))
        self.assertIn("gate dev is not passed", build.console)
        self.assertEqual(self.world.standing(["sandbox", "dev", "qa"]), before)

    def test_rejected_approval_begins_nothing(self):
        self.setup(self.few(3), speed=600)
        before = self.world.standing(["dev", "qa"])
        build = self.job.build(self.NOW | {"APPROVE": "dev qa"}, answers={"dev": "reject"})
        self.ended(build, "ABORTED")
        self.assertEqual(build.environments(), ["sandbox", "dev"])
        self.assertEqual([event["message"] for event in build.events("input")], ["Roll the image out to dev?"])
        self.assertEqual(self.world.standing(["dev", "qa"]), before)
        self.assertEqual(self.world.gates(candidates()[0]), {"sandbox": "passed"})
        # Asked again, and approved, it goes on from there.
        again = self.job.start(self.NOW | {"ENVIRONMENTS": "dev", "APPROVE": "all"}, answers={"dev": "proceed"}, restart=build).end()
        self.ended(again, "SUCCESS")
        self.on_new("sandbox", "dev")

    def refused_before_aws(self, parameters: dict, prepare=lambda: None) -> str:
        """The console of a build that failed in its first stage, with AWS never asked."""
        self.setup(self.few(2))
        listener = Listener()
        self.addCleanup(listener.socket.close)
        self.job.variables |= {"AWS_ENDPOINT_URL": listener.endpoint}
        prepare()
        build = self.ended(self.job.build(self.NOW | parameters), "FAILURE")
        self.assertEqual([event["stages"] for event in build.events("sh")][-1:], [["Prepare"]])
        self.assertNotIn("Image", build.stages())
        self.assertEqual(listener.asked, 0, "AWS was asked")
        return build.console

    def test_unknown_environment_is_named_before_aws_is_asked(self):
        for parameter in ("ENVIRONMENTS", "APPROVE"):
            with self.subTest(parameter):
                console = self.refused_before_aws({parameter: "dev quality"})
                self.assertIn("there is no environment quality", console)
                self.assertIn("the configuration names sandbox, dev", console)

    def test_words_of_a_parameter_are_no_shell(self):
        console = self.refused_before_aws({"ENVIRONMENTS": "$(touch /tmp/ami-refresh-was-here) `id` *; id"})
        self.assertIn("there is no environment", console)
        self.assertNotIn("uid=", console)

    def test_missing_credential_says_where_to_add_it(self):
        console = self.refused_before_aws({}, lambda: self.job.credentials.clear())
        self.assertIn("Could not find credentials entry with ID 'ami-refresh-aws'", console)
        self.assertIn("Manage Jenkins > Credentials", console)

    def test_broken_configuration_is_told_before_aws_is_asked(self):
        broken = self.few(2).replace("min_healthy: 90 ", "min_heathy: 90 ", 1)
        console = self.refused_before_aws({}, lambda: self.job.config.write_text(broken))
        self.assertIn("did you mean `min_healthy`?", console)

    def test_binary_that_is_not_the_trusted_one_is_not_used(self):
        console = self.refused_before_aws({}, lambda: self.job.variables.update(AMI_REFRESH_SHA256="0" * 64))
        self.assertIn("is not what AMI_REFRESH_SHA256 says", console)
