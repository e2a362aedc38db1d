# SPDX-License-Identifier: Apache-2.0
"""``blazepose calibrate``: the command line of what can be calibrated."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from blazepose_ros.cli.calibrate import cameras, floor

NAME = "blazepose calibrate"


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose calibrate`` and return its exit status."""
    parser = argparse.ArgumentParser(
        prog=NAME, description="Find out where cameras are, from people who walk about before them."
    )
    commands = parser.add_subparsers(dest="what", required=True)
    floor.add_to(commands)
    cameras.add_to(commands)
    options = parser.parse_args(arguments)
    return int(options.run(options))
