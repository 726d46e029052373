"""What the schedule module lets through, the binary can read: the same values through both.

The module's patterns are asked in one `terraform console`; the binary is shown groups that have
the values in their tags, in a simulator, and says which it can read.
"""

import json
import random
import subprocess

import harness
import yaml
from support import ROOT, Case, ami_refresh, fresh, variables

HERE = ROOT / "tests" / "pipeline" / "terraform"

DAYS = {
    True: [
        *"mon tue tues wed weds thu thur thurs fri sat sun".split(),
        *"monday tuesday wednesday thursday friday saturday sunday".split(),
        *["Mon", "TUES", "Thursday", " mon ", "mon,wed", "mon, wed", "wed ,Monday", "mon-fri", "Fri - Mon"],
        *["tues,sat-mon", "mon,mon", "sun-sun"],
    ],
    False: [
        *["thurs day", "mon wed", "mon;wed", "mon,,wed", "mon,", ",mon", "mon-", "-mon", "mon-wed-fri", "daily"],
        *["", " ", "m", "1", "mittwoch", "tuseday", "mon/wed", "mon+wed", "mon.", "mon--fri", "*"],
    ],
}
TIMES = {
    True: ["00:00", "07:05", "09:30", "15:00", "19:59", "20:00", "23:59"],
    False: [
        *["25:00", "24:00", "12:60", "7:00", "15:0", "1500", "15:00:00", "3pm", "15.00", "+1:00", "-1:00"],
        *["", " ", "noon", "15:", ":30", "１５:00", "15 :00"],
    ],
}
# The module is the stricter one here: the binary takes the blanks around a tag's value away.
STRICTER = {" 15:00", "15:00 ", "\tmon", "mon\t,wed"}


def made_up(count: int) -> tuple[list[str], list[str]]:
    """Days and times that are nearly right, the same ones every time."""
    dice = random.Random(20261123)
    names = [day for day in DAYS[True] if day.isalpha()]
    pieces = [*names, *names, ",", "-", ", ", " - ", " ", ",", "-", "x", ""]
    days = ["".join(dice.choices(pieces, k=dice.randint(1, 5))) for _ in range(count)]
    times = ["".join(dice.choices("0123456789: ", k=dice.randint(4, 6))) for _ in range(count // 2)]
    times += [f"{dice.randint(0, 30):02}:{dice.randint(0, 70):02}" for _ in range(count // 2)]
    return sorted(set(days)), sorted(set(times))


class Values(Case):
    @classmethod
    def setUpClass(cls):
        days, times = made_up(150)
        cls.days = [*DAYS[True], *DAYS[False], "\tmon", "mon\t,wed", *days]
        cls.times = [*TIMES[True], *TIMES[False], " 15:00", "15:00 ", *times]
        cls.module = {"day": cls.by_the_module("day", cls.days), "time": cls.by_the_module("time", cls.times)}
        cls.simulator = harness.Simulator("clean", 1)
        cls.addClassCleanup(cls.simulator.stop)
        cls.binary = {"day": cls.by_the_binary("day", cls.days), "time": cls.by_the_binary("time", cls.times)}

    @classmethod
    def by_the_module(cls, kind: str, values: list[str]) -> dict[str, bool]:
        place = fresh("values") / "modules" / "refresh-schedule"
        text = json.dumps(values).replace("${", "$${").replace("%{", "%%{")
        ask = f"jsonencode([for value in {text} : can(regex(local.patterns.{kind}, lower(value)))])"
        done = subprocess.run(
            ["terraform", f"-chdir={place}", "console", "-var=environment=qa"],
            input=ask + "\n",
            env=variables(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(zip(values, json.loads(json.loads(done.stdout)), strict=True))

    @classmethod
    def by_the_binary(cls, kind: str, values: list[str]) -> dict[str, bool]:
        """Gives each value to an empty group of its own, and looks at what the board says."""
        home, scaling = cls.simulator.client("ec2", None), cls.simulator.client("autoscaling", None)
        image = home.describe_images(Owners=["self"])["Images"][0]["ImageId"]
        home.create_launch_template(
            LaunchTemplateName=f"of-{kind}s", LaunchTemplateData={"ImageId": image, "InstanceType": "m5.large"}
        )
        for at, value in enumerate(values):
            tags = {"Environment": "sandbox", "AMI_update_day": "sun", "AMI_update_time": "19:00"}
            tags[f"AMI_refresh_{kind}"] = value
            scaling.create_auto_scaling_group(
                AutoScalingGroupName=f"{kind}-{at:03}",
                MinSize=0,
                MaxSize=0,
                VPCZoneIdentifier="subnet-0a",
                LaunchTemplate={"LaunchTemplateName": f"of-{kind}s", "Version": "$Latest"},
                Tags=[{"Key": key, "Value": text, "PropagateAtLaunch": False} for key, text in tags.items()],
            )
        words = ["--config", str(HERE / "environments.yaml"), "schedule", "--env", "sandbox", "--format", "json"]
        done = ami_refresh(*words, env=cls.simulator.exports)
        assert done.returncode == 0, done.stdout + done.stderr
        states = {}
        for environment in json.loads(done.stdout)["environments"]:
            states |= {group["group"]: group["state"] for group in environment["groups"]}
        return {value: states[f"{kind}-{at:03}"] != "unreadable" for at, value in enumerate(values)}

    def test_the_module_takes_and_refuses_what_it_is_meant_to(self):
        for kind, table in (("day", DAYS), ("time", TIMES)):
            for verdict, values in table.items():
                for value in values:
                    self.assertEqual(self.module[kind][value], verdict, f"the {kind} {value!r}")

    def test_the_binary_reads_everything_that_the_module_lets_through(self):
        taken = 0
        for kind, verdicts in self.module.items():
            for value, is_taken in verdicts.items():
                taken += is_taken
                if is_taken:
                    self.assertTrue(self.binary[kind][value], f"the {kind} {value!r} is taken, and can't be read")
        # Of what is made up some is right by chance: a test of nothing would pass as well.
        self.assertGreater(taken, len(DAYS[True]) + len(TIMES[True]) + 20)

    def test_the_module_refuses_nothing_that_the_binary_reads_but_for_blanks(self):
        for kind, verdicts in self.binary.items():
            for value, is_read in verdicts.items():
                if is_read and value not in STRICTER and value.strip() == value:
                    self.assertTrue(self.module[kind][value], f"the {kind} {value!r} can be read, and is refused")
        for value in STRICTER:
            kind = "time" if ":" in value else "day"
            self.assertEqual((self.module[kind][value], self.binary[kind][value]), (False, True), repr(value))


class Defaults(Case):
    def test_they_are_those_of_the_shipped_configuration(self):
        place = fresh("values") / "modules" / "refresh-schedule"
        done = subprocess.run(
            ["terraform", f"-chdir={place}", "console", "-var=environment=qa"],
            input="jsonencode(var.defaults)\n",
            env=variables(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.ends(0, done)
        shipped = yaml.safe_load((ROOT / "pipeline" / "environments.yaml").read_text())["environments"]
        wanted = {one["name"]: {"day": one["schedule"]["day"], "time": one["schedule"]["time"]} for one in shipped}
        self.assertEqual(json.loads(json.loads(done.stdout)), wanted)
