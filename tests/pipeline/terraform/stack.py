"""A root module that is applied to the simulator, and what a plan of it would change."""

import json
import subprocess
from pathlib import Path

from support import terraform


class Stack:
    """`where` applied with these variables, in a state of its own."""

    def __init__(self, where: Path, name: str, env: dict[str, str], **values):
        self.where, self.name, self.env, self.values = where, name, env, values

    def _run(self, step: str, *words: str, **more) -> subprocess.CompletedProcess:
        given = [f"-var={name}={value if isinstance(value, str) else json.dumps(value)}"
                 for name, value in (self.values | more).items()]
        return terraform(self.where, step, f"-state={self.name}.tfstate", "-input=false", *given, *words, env=self.env)

    def apply(self, **more) -> subprocess.CompletedProcess:
        return self._run("apply", "-auto-approve", **more)

    def destroy(self) -> subprocess.CompletedProcess:
        return self._run("destroy", "-auto-approve")

    def plan(self, **more) -> subprocess.CompletedProcess:
        """Exits 0 where nothing would change, and 2 where something would."""
        return self._run("plan", "-detailed-exitcode", f"-out={self.name}.plan", **more)

    def changes(self) -> dict[str, tuple[dict, dict]]:
        """What the last plan would change: before and after, by the resource's address."""
        shown = terraform(self.where, "show", "-json", f"{self.name}.plan")
        assert shown.returncode == 0, shown.stdout
        # The plan is one line; nothing else is in braces.
        document = json.loads(next(line for line in shown.stdout.splitlines() if line.startswith("{")))
        return {
            one["address"]: (one["change"]["before"], one["change"]["after"])
            for one in document["resource_changes"]
            if one["change"]["actions"] != ["no-op"]
        }
