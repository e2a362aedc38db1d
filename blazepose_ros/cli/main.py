# SPDX-License-Identifier: Apache-2.0
"""``blazepose``: one command with a sub-command for each thing there is to do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import blazepose_ros
from blazepose_ros.cli.console import write
from blazepose_ros.cli.signals import exit_at_once_on_ctrl_c, interrupted
from blazepose_ros.nodes.common.main import StartupError


class Command(NamedTuple):
    """A sub-command: a module with ``main(arguments) -> exit status``, imported when it is called."""

    module: str
    purpose: str


COMMANDS = {
    "bag": Command("blazepose_ros.cli.bag.command", "find the people in recordings"),
    "bench": Command(
        "blazepose_ros.cli.bench.command", "measure latency, rate and loss beside the estimator alone"
    ),
    "calibrate": Command(
        "blazepose_ros.cli.calibrate.command", "find where cameras are from people who walk about"
    ),
    "demo": Command("blazepose_ros.cli.demo.command", "show camera and node at work"),
    "doctor": Command(
        "blazepose_ros.cli.doctor.command", "check this machine and name the fix for each problem"
    ),
    "echo": Command("blazepose_ros.cli.echo", "print the people that nodes find, as text"),
    "eval": Command("blazepose_ros.cli.eval.command", "measure accuracy on labeled images"),
    "learn": Command("blazepose_ros.cli.learn", "learn an exercise from a video, to count it"),
    "measure": Command("blazepose_ros.cli.measure", "measure angles and distances in pictures and videos"),
    "models": Command("blazepose_ros.cli.models", "list, fetch or verify the models"),
    "video": Command("blazepose_ros.cli.bag.video", "find the people in a video file"),
    "view": Command("blazepose_ros.cli.view.command", "show image, 3D and diagnostics in a web page"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command and return its exit status."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    finally:
        write("")  # the reader of what argparse has printed may have left, too


def _run(arguments: Sequence[str]) -> int:
    command = _parser().parse_args(arguments[:1]).command
    try:
        with exit_at_once_on_ctrl_c():
            module = import_module(COMMANDS[command].module)
        return int(module.main(arguments[1:]))
    except ModuleNotFoundError as err:
        if err.name is None or err.name.startswith(__package__):
            raise
        sys.stderr.write(f"blazepose {command}: the Python package {err.name} is not installed\n")
        return 1
    except StartupError as err:
        sys.stderr.write(f"blazepose {command}: {err}\n")
        return 1
    except KeyboardInterrupt:
        return interrupted()


class _PrintVersion(argparse.Action):
    """Reads the version, which takes longer than all else here, only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        write(f"{parser.prog} {blazepose_ros.__version__}\n")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    purposes = "\n".join(f"  {name:10}{command.purpose}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="blazepose",
        description="BlazePose GHUM 3D for ROS 2.",
        epilog=f"commands:\n{purposes}\n\nEach has its own --help.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="show the version and leave")
    parser.add_argument("command", choices=COMMANDS, metavar="command", help="one of those below")
    return parser


if __name__ == "__main__":
    sys.exit(main())
