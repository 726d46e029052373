"""Builds that somebody aborts: what AWS is left as, what can still be read, and how it goes on."""

import re

from cases import Case
from builds import candidates


class Aborts(Case):
    NOW = {"WHEN": "now", "ENVIRONMENTS": "all", "IMAGES": "", "APPROVE": ""}

    def aborted(self, **replaced):
        """A build that was aborted while dev was being refreshed."""
        self.setup(self.few(2, long_bake="dev", **replaced), speed=300)
        build = self.job.start(self.NOW)
        running = lambda: [
            one for found in self.world.refreshes("dev").values() for one in found if one["Status"] == "InProgress"
        ]
        self.world.until("a refresh of dev runs", running, seconds=120)
        build.abort()
        build.end()
        self.ended(build, "ABORTED")
        self.assertEqual(build.environments(), ["sandbox", "dev"])
        (killed,) = build.events("killed")
        self.assertEqual(killed["left"], 0, "SIGTERM was enough")
        self.assertLess(killed["ms"], 5_000)
        (ended,) = [event for event in build.events("sh") if event.get("aborted")]
        self.assertIn("ami-refresh refresh", ended["script"])
        self.assertIn("aborted by a signal (exit 6)", build.console)
        junit = build.junit("dev")["refresh"]
        skipped = [case.find("skipped") for case in junit.iter("testcase") if case.find("skipped") is not None]
        self.assertTrue(any("aborted by SIGTERM" in one.get("message", "") for one in skipped), "JUnit says so")
        (journal,) = build.archived("reports/dev/journal.jsonl")
        self.assertIn('"aborting"', journal.read_text())
        return build

    def test_abort_leaves_refreshes_to_aws_and_a_restarted_stage_goes_on(self):
        build = self.aborted()
        statuses = {one["Status"] for found in self.world.refreshes("dev").values() for one in found[:1]}
        self.assertTrue(statuses and statuses <= {"Pending", "InProgress", "Baking"}, statuses)
        again = self.job.start(self.NOW, restart=build).end()
        self.ended(again, "SUCCESS")
        self.assertEqual([event["name"] for event in again.events("skipped")], ["Prepare", "Image", "Candidate"])
        self.assertIn("found running and adopted", again.console)
        self.on_new("sandbox", "dev")
        for name, refreshes in self.world.refreshes("dev").items():
            self.assertLessEqual(len(refreshes), 1, f"{name} was refreshed more than once")
        self.assertEqual(self.world.gates(candidates()[0]), {"sandbox": "passed", "dev": "passed"})

    def test_abort_takes_back_where_the_configuration_says_so_and_a_rerun_ends_well(self):
        build = self.aborted(on_abort="rollback")
        asked = set(re.findall(r"(\S+-dev) +left to AWS .*AWS was asked to roll it back", build.console))
        self.assertTrue(asked, build.console[-4000:])
        newest = lambda: {name: found[0]["Status"] for name, found in self.world.refreshes("dev").items() if found}
        self.assertTrue(all(newest()[name].startswith("Rollback") for name in asked), newest())
        back = lambda: all(newest()[name] == "RollbackSuccessful" for name in asked)
        self.world.until("AWS took them back", back)
        again = self.job.build(self.NOW)
        self.ended(again, "SUCCESS")
        self.on_new("sandbox", "dev")
        self.assertEqual(self.world.gates(candidates()[0]), {"sandbox": "passed", "dev": "passed"})

    def test_abort_while_it_waits_touches_nothing(self):
        self.setup(self.few(1), speed=60)
        before = self.world.standing(["sandbox"])
        parameters = self.NOW | {"WHEN": "scheduled"}
        self.job.config.write_text(self.few(1, schedules={"sandbox": ("tue", "03:00")}))
        client = self.world.client("autoscaling", "sandbox")
        for group in before["sandbox"][0]:
            day = {"Key": "AMI_update_day", "Value": "tue", "PropagateAtLaunch": False}
            client.create_or_update_tags(Tags=[day | {"ResourceId": group[0], "ResourceType": "auto-scaling-group"}])
        before = self.world.standing(["sandbox"])
        build = self.job.start(parameters)
        self.world.until("it sleeps", lambda: build.events("sleep"), seconds=60)
        build.abort()
        self.ended(build.end(), "ABORTED")
        self.assertEqual(build.events("killed"), [], "no process was running")
        self.assertEqual(self.world.standing(["sandbox"]), before)
