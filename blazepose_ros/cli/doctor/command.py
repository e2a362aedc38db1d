# SPDX-License-Identifier: Apache-2.0
"""``blazepose doctor``: check this machine for known problems."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from importlib import import_module

from blazepose_ros.cli.console import say
from blazepose_ros.cli.doctor.check_result import CheckLevel, CheckResult, as_json, as_text, error
from blazepose_ros.nodes.common.main import StartupError

# Modules with examine(), in the order of their results.
WITHOUT_ROS = ("python_environment", "machine")
ROS, GRAPH = "middleware", "graph"

ROS_ADVICE = "see docs/troubleshooting.md: the node does not start"
NO_ROS = "sudo apt install ros-$ROS_DISTRO-rclpy and source /opt/ros/$ROS_DISTRO/setup.bash, or make install"


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose doctor``; the exit status is 1 where something does not work."""
    options = _parser().parse_args(arguments)
    results = []
    for result in examine():
        results.append(result)
        if not options.json:
            say(as_text(result))
    if options.json:
        say(as_json(results))
    return int(any(result.level is CheckLevel.ERROR for result in results))


def examine() -> Iterator[CheckResult]:
    """Yield every result, as soon as there is one."""
    for name in WITHOUT_ROS:
        yield from _examine(name)
    of_ros = list(_examine(ROS))
    yield from of_ros
    if all(result.level is not CheckLevel.ERROR for result in of_ros):  # else rclpy ends the process
        yield from _examine(GRAPH)


def _examine(name: str) -> Iterator[CheckResult]:
    try:
        module = import_module(f"blazepose_ros.cli.doctor.{name}")
    except ImportError as err:
        yield error(name, f"cannot be examined: {err}", NO_ROS)
    else:
        try:
            yield from module.examine()
        except StartupError as err:
            yield error(name, str(err), ROS_ADVICE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="blazepose doctor",
        description="Check Python, libraries, models, ROS, transport and cameras, and name the fix"
        " for each problem. The exit status is 1 where something does not work.",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list of results")
    return parser
