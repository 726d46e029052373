"""Reads JUnit files with four readers, and says where they disagree.

    counts.py DIR...

Each file is held to `junit.xsd`; libxml2, junitparser, xunit-viewer, Allure, and the file's own totals
have to count the same cases. ALLURE and XUNIT_VIEWER name the commands of these. Exit 1 when anything differs, or there is no file.
"""

import concurrent.futures
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import junitparser

SCHEMA = Path(__file__).resolve().parent / "junit.xsd"
# What ami-refresh calls its files. Other tools' reports (Terraform's) are not for this schema.
PATTERN = "junit-*.xml"
XPATH = "concat({})".format(
    ", ' ', ".join(f"count(//testcase{which})" for which in ("", "[failure]", "[error]", "[skipped]"))
)


@dataclasses.dataclass(frozen=True)
class Counts:
    """Cases: all of them, and those that did not pass."""

    total: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        mine, others = dataclasses.astuple(self), dataclasses.astuple(other)
        return Counts(*(one + another for one, another in zip(mine, others, strict=True)))

    def __str__(self) -> str:
        return f"{self.total} cases, {self.failures} failures, {self.errors} errors, {self.skipped} skipped"


class Unreadable(Exception):
    """A reader can't read a file, and says why."""


def find(directories: list[Path]) -> list[Path]:
    return sorted({path for directory in directories for path in directory.rglob(PATTERN) if path.is_file()})


def against_schema(path: Path) -> str:
    """What the schema says against a file; nothing where it is valid."""
    done = subprocess.run(["xmllint", "--noout", "--schema", SCHEMA, path], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr.strip()


def by_libxml2(path: Path) -> Counts:
    done = subprocess.run(["xmllint", "--xpath", XPATH, path], capture_output=True, text=True)
    if done.returncode != 0:
        raise Unreadable(done.stderr.strip())
    return Counts(*map(int, done.stdout.split()))


def suites_of(read) -> list:
    """A file's suites, with those inside of others."""
    outer = [read] if isinstance(read, junitparser.TestSuite) else list(read)
    return outer + [inner for suite in outer for inner in suites_of(suite.testsuites())]


def by_junitparser(path: Path) -> tuple[Counts, Counts | None, list[tuple[str, str]]]:
    """The cases that are there, the totals that the suites state, and each case's names."""
    try:
        suites = suites_of(junitparser.JUnitXml.fromfile(str(path)))
    except Exception as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    counted, stated, names = Counts(), Counts(), []
    for suite in suites:
        cases = [case for case in suite if isinstance(case, junitparser.TestCase)]
        kinds = [{type(result) for result in case.result} for case in cases]
        has = lambda kind, kinds=kinds: sum(kind in one for one in kinds)  # noqa: E731
        skipped = has(junitparser.Skipped)
        counted += Counts(len(cases), has(junitparser.Failure), has(junitparser.Error), skipped)
        # A suite need not say how many were skipped.
        said = suite.skipped if suite._elem.get("skipped") else skipped
        stated += Counts(suite.tests or 0, suite.failures or 0, suite.errors or 0, said)
        names += [(case.classname or "", case.name or "") for case in cases]
    return counted, stated, names


def by_allure(paths: list[Path]) -> Counts:
    with tempfile.TemporaryDirectory(prefix="allure-") as made:
        results, report = Path(made, "results"), Path(made, "report")
        results.mkdir()
        for number, path in enumerate(paths):
            (results / f"{number}-{path.name}").symlink_to(path.resolve())
        # It lives for a second or two: compiled in haste it lives shorter.
        variables = os.environ | {"JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
        command = [os.environ["ALLURE"], "generate", results, "-o", report]
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        if done.returncode != 0:
            raise Unreadable(f"Allure exited with {done.returncode}: {done.stdout}{done.stderr}")
        told = json.loads((report / "widgets" / "summary.json").read_text())["statistic"]
        return Counts(told["total"], told["failed"], told["broken"], told["skipped"])


def by_xunit_viewer(paths: list[Path]) -> Counts:
    with tempfile.TemporaryDirectory(prefix="xunit-viewer-") as made:
        for number, path in enumerate(paths):
            # It follows no links.
            shutil.copy(path, Path(made, f"{number}-{path.name}"))
        command = [os.environ["XUNIT_VIEWER"], "--results", made, "--console", "--output", "false"]
        command += ["--no-color", "--clear", "false"]
        done = subprocess.run(command, cwd=made, capture_output=True, text=True)
        lines = done.stdout.strip().splitlines()
        # Its last line: `18 passed, 3 skipped, 3 failure`; without a case it has none.
        last = lines[-1] if lines else ""
        if done.returncode != 0 or not re.fullmatch(r"(\d+ [a-z]+(, )?)*", last):
            raise Unreadable(f"xunit-viewer exited with {done.returncode}: {last}{done.stderr}")
        told = {what: int(count) for count, what in re.findall(r"(\d+) ([a-z]+)", last)}
        if unknown := told.keys() - {"passed", "failure", "error", "skipped"}:
            raise Unreadable(f"xunit-viewer can't say what {unknown} are: {last}")
        return Counts(sum(told.values()), *(told.get(what, 0) for what in ("failure", "error", "skipped")))


def batches(files: dict[Path, list[tuple[str, str]]]) -> list[list[Path]]:
    """The files in groups in which no case is named twice by different files.

    Allure takes a case of the same name for another try of it, and counts it once: runs of the same
    environment go to it one after the other.
    """
    made: list[tuple[list[Path], set]] = []
    for path, names in files.items():
        for group, taken in made:
            if taken.isdisjoint(names):
                break
        else:
            group, taken = [], set()
            made.append((group, taken))
        group.append(path)
        taken.update(names)
    return [group for group, _ in made]


def read(path: Path) -> tuple[Counts, list[tuple[str, str]], list[str]]:
    """A file's counts, its cases' names, and what is wrong with it."""
    problems = []
    if said := against_schema(path):
        problems.append(f"{path}: not valid\n{said}")
    try:
        counted, stated, names = by_junitparser(path)
        seen = by_libxml2(path)
    except Unreadable as error:
        return Counts(), [], [*problems, f"{path}: can't be read\n{error}"]
    if seen != counted:
        problems.append(f"{path}: libxml2 sees {seen}; junitparser {counted}")
    if stated != counted:
        problems.append(f"{path}: its suites state {stated}; there are {counted}")
    return counted, names, problems


def disagreements(named: dict[Path, list[tuple[str, str]]], counts: dict[Path, Counts]) -> list[str]:
    """Where Allure or xunit-viewer counts other cases than the others did."""

    def compare(group: list[Path]) -> list[str]:
        expected = sum((counts[path] for path in group), Counts())
        listed = "\n  ".join(map(str, group))
        problems = []
        for name, reader in (("Allure", by_allure), ("xunit-viewer", by_xunit_viewer)):
            try:
                told = reader(group)
            except Unreadable as error:
                problems.append(f"{error}, from\n  {listed}")
                continue
            if told != expected:
                problems.append(f"{name} sees {told}; the others {expected}, in\n  {listed}")
        return problems

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [problem for found in pool.map(compare, batches(named)) for problem in found]


def main(directories: list[Path]) -> int:
    problems = [f"{directory}: no such directory" for directory in directories if not directory.is_dir()]
    files = find(directories)
    if not files:
        problems.append(f"no {PATTERN} below {', '.join(map(str, directories))}: nothing was read")
    named, counts = {}, {}
    for path in files:
        counts[path], named[path], wrong = read(path)
        problems += wrong
    total = sum(counts.values(), Counts())
    # One without a case may be (a step that found nothing to do), all of them may not.
    if files and total.total == 0:
        problems.append(f"no file holds a case: {', '.join(map(str, files))}")
    readers = "libxml2 and junitparser; Allure and xunit-viewer were not asked"
    # The slowest come last, and not at all where the others have found something.
    if not problems:
        problems = disagreements(named, counts)
        readers = "libxml2, junitparser, xunit-viewer and Allure"
    print(f"{len(files)} files, {total}: by {readers}")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if problems:
        print("  next: look at what ami-refresh wrote there; the schema is tests/pipeline/readers/junit.xsd", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main([Path(name) for name in sys.argv[1:]]))
