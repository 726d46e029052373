"""Runs the tests of packer/: `run` calls it with all that it needs in place.

    suites.py BINARY [TEST ...]
"""

import os
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

SUITES = ["scripts", "template", "hook", "build", "refusals"]


def main() -> None:
    # Somebody's profile, region, endpoint or build must not reach a test.
    for name in list(os.environ):
        if name.startswith(("AWS_", "PKR_", "PACKER_", "AMI_REFRESH", "BUILD_", "GIT_")):
            del os.environ[name]
    import harness

    harness.BINARY = Path(sys.argv[1])
    unittest.main(module=None, argv=["packer", *(sys.argv[2:] or SUITES)], verbosity=2)


if __name__ == "__main__":
    main()
