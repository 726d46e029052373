"""Every module is formatted and valid, and its own tests pass; bad input says what to do."""

import re

from support import SOURCE, Case, fresh, needs_provider, terraform

# How many runs each module's tests have at least: none of them may fall out unseen.
RUNS = {"refresh-schedule": 34, "permissions": 12}
PASSED = re.compile(r"Success! (\d+) passed, 0 failed\.")


class Modules(Case):
    def checked(self, name: str, where: str):
        place = fresh(f"modules-{name}") / where
        self.ends(0, terraform(place, "init", "-backend=false"))
        self.ends(0, terraform(place, "validate"))
        if name in RUNS:
            done = self.ends(0, terraform(place, "test"))
            passed = PASSED.search(done.stdout)
            self.assertIsNotNone(passed, done.stdout)
            self.assertGreaterEqual(int(passed[1]), RUNS[name], done.stdout)

    def test_everything_is_formatted(self):
        done = terraform(SOURCE, "fmt", "-check", "-recursive", "-diff")
        self.ends(0, done)

    def test_the_schedule_module(self):
        self.checked("refresh-schedule", "modules/refresh-schedule")

    @needs_provider
    def test_the_permissions_module(self):
        self.checked("permissions", "modules/permissions")

    @needs_provider
    def test_the_example(self):
        self.checked("example", "example")


class BadInput(Case):
    @classmethod
    def setUpClass(cls):
        cls.place = fresh("bad-input") / "modules" / "refresh-schedule"
        terraform(cls.place, "init", "-backend=false")

    def refused(self, says: list[str], **values: str):
        words = [f"-var={name}={value}" for name, value in values.items()]
        done = self.ends(1, terraform(self.place, "plan", *words))
        # Terraform breaks long messages into lines.
        text = " ".join(done.stdout.replace("│", " ").split())
        for part in says:
            self.assertIn(part, text)

    def test_a_time_of_25_00_is_refused_with_what_a_time_is(self):
        says = ["time of payments in qa is '25:00'", "a time is 'HH:MM', from '00:00' to '23:59'"]
        self.refused(says, environment="qa", service_overrides='{payments={qa={time="25:00"}}}')

    def test_a_day_in_two_words_is_refused_with_what_a_day_is(self):
        says = ["day of qa is 'thurs day'", "A day is 'mon', 'thurs', 'friday'"]
        self.refused(says, environment="qa", environment_overrides='{qa={day="thurs day"}}')

    def test_an_unknown_environment_is_refused_with_those_there_are(self):
        self.refused(["There is no environment prd", "sandbox", "Name one of them"], environment="prd")
