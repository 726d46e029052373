"""Runs the tests of this directory; `run` calls it."""

import os
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "conformance")]

SUITES = ["modules", "policies", "values", "rollout"]


def main() -> None:
    import harness

    harness.BINARY = Path(os.environ["AMI_REFRESH"]).resolve()
    unittest.main(module=None, argv=["terraform", *(sys.argv[1:] or SUITES)], verbosity=2)


if __name__ == "__main__":
    main()
