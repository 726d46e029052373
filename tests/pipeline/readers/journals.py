"""Files that `report` makes from journals: of runs that were cut short, and with 100,000 hostile cases."""

import json
import os
import re
import resource
import subprocess
import tempfile
import unittest
from pathlib import Path

import junitparser

from selftest import ROOT, SUMMARY, read

AT = "2026-11-22T19:00:00Z"


def program(directory: Path, *arguments) -> subprocess.CompletedProcess:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [os.environ["AMI_REFRESH"], "--color", "never", *arguments]
    return subprocess.run(command, cwd=directory, env=variables, capture_output=True, text=True)


class Journals(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="journals-")
        self.addCleanup(made.cleanup)
        self.directory = Path(made.name)

    def rehearse(self, scenario: str, code: int) -> list[str]:
        config = ROOT / "pipeline" / "environments.yaml"
        done = program(self.directory, "--config", config, "--report-dir", scenario, "rehearse", "--scenario", scenario)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return (self.directory / scenario / "journal.jsonl").read_text().splitlines()

    def report(self, name: str, lines: list[str]) -> Path:
        """The directory of the reports that are made from these lines."""
        journal = self.directory / f"{name}.jsonl"
        journal.write_text("\n".join(lines) + "\n")
        done = program(self.directory, "--report-dir", name, "report", journal)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return self.directory / name

    def counts(self, directory: Path) -> tuple[int, int, int, int]:
        done = read(directory)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return tuple(map(int, SUMMARY.match(done.stdout).groups()[1:]))

    def test_runs_that_were_refused_aborted_or_killed_are_counted_alike_by_all(self):
        self.rehearse("suspended", 3)
        cases, failures, _, skipped = self.counts(self.directory / "suspended")
        self.assertGreaterEqual(failures, 1, "a refused environment is red")
        self.assertGreater(skipped, 10)
        lines = self.rehearse("app-down", 4)
        middle = next(at for at, line in enumerate(lines) if '"check_ended"' in line)
        _, _, errors, _ = self.counts(self.report("killed", lines[:middle]))
        self.assertGreaterEqual(errors, 1, "an environment that was left is red")
        abort = json.dumps({"at": AT, "event": "aborting", "signal": "SIGTERM", "on_abort": "leave"})
        _, failures, errors, skipped = self.counts(self.report("aborted", [*lines[:middle], abort]))
        self.assertEqual((failures, errors), (0, 0), "what was aborted has not failed")
        self.assertGreater(skipped, 10)

    def test_a_hundred_thousand_hostile_cases_are_bounded_and_readable(self):
        start = json.loads(self.rehearse("clean", 0)[0]) | {"environments": ["qa"]}
        hostile = "\x1b[31m]]>\x00\ufffe&<\"'" + "é" * 300 + "[[ATTACHMENT|/etc/passwd]]"
        journal = self.directory / "journal.jsonl"
        with journal.open("w", encoding="utf-8") as file:
            file.write(json.dumps(start) + "\n")
            for number in range(100_000):
                probe = {"subject": f"i-{number:08x}", "status": "failed", "message": hostile, "attempts": 1}
                probe |= {"latency_ms": 1, "evidence": hostile}
                result = {"check": f"c{number % 100}", "status": "failed", "message": hostile, "probes": [probe]}
                event = {"at": AT, "event": "check_ended", "environment": "qa", "region": "eu-west-2"}
                event |= {"group": f"web-{number // 100}", "result": result | {"took_ms": 1}}
                file.write(json.dumps(event, ensure_ascii=False) + "\n")
        done = program(self.directory, "--report-dir", "out", "report", journal)
        self.assertEqual(done.returncode, 0, done.stderr)
        path = self.directory / "out" / "junit-qa.xml"
        read_from, written = journal.stat().st_size, path.stat().st_size
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        print(f"journal {read_from} bytes, JUnit {written} bytes, at most {peak} bytes of memory")
        self.assertLess(written, 128 << 20)
        self.assertLess(peak, 8 * read_from)
        suites = junitparser.JUnitXml.fromfile(str(path))
        cases = [case for suite in suites for case in suite]
        checks = [case for case in cases if case.name.startswith("check ")]
        self.assertEqual(len(checks), 100_000)
        self.assertEqual(len({(case.classname, case.name) for case in cases}), len(cases))
        text = path.read_text()
        self.assertNotRegex(text, re.compile(r"\[\[ATTACHMENT\||[\x00-\x08\x0b\x0c\x0e-\x1f]"))


if __name__ == "__main__":
    unittest.main()
