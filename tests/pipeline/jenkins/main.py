"""Runs the tests, four at a time: most of each is waiting for a simulator's clock.

    main.py BINARY [TEST ...]
"""

import os
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
SUITES = ["rollouts", "aborts", "stops", "others", "structure"]
AT_ONCE = 4


def every(suite):
    """The tests of a suite, one by one."""
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from every(one)
        else:
            yield one


def run(test: unittest.TestCase) -> unittest.TestResult:
    begun = time.monotonic()
    result = unittest.TestResult()
    unittest.TestSuite([test]).run(result)
    word = "ok" if result.wasSuccessful() else "FAILED"
    # In one piece: others print at the same time.
    sys.stdout.write(f"{word:<7}{time.monotonic() - begun:6.1f} s  {test.id()}\n")
    sys.stdout.flush()
    return result


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary = Path(sys.argv[1]).resolve()
    if not os.access(binary, os.X_OK):
        sys.exit(f"error: no binary to run at {binary}\n  next: cargo build")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    import cases

    cases.BINARY = binary
    wanted = sys.argv[2:]
    tests = [test for test in every(unittest.defaultTestLoader.loadTestsFromNames(SUITES))]
    tests = [test for test in tests if not wanted or any(word in test.id() for word in wanted)]
    if not tests:
        sys.exit(f"error: no test is named {', '.join(wanted)}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(run, tests))
    bad = [found for result in results for found in result.errors + result.failures]
    for test, trace in bad:
        print(f"\n=== {test}\n{trace}")
    skipped = sum(len(result.skipped) for result in results)
    print(f"\n{sum(result.testsRun for result in results)} tests, {len(bad)} failed, {skipped} skipped")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
