"""``blazepose``: one command with a sub-command for each thing there is to do."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import FrameType
from typing import NamedTuple

from blazepose_ros.cli.console import write

# What a shell reports of a process that Ctrl-C ended: 128 + SIGINT.
INTERRUPTED = 130


class Command(NamedTuple):
    """A sub-command: a module with ``main(arguments) -> exit status``, imported when it is called."""

    module: str
    purpose: str


COMMANDS = {
    "bag": Command("blazepose_ros.cli.bag.command", "find the people in recordings"),
    "bench": Command(
        "blazepose_ros.cli.bench.command", "measure latency, rate and loss beside the estimator alone"
    ),
    "demo": Command("blazepose_ros.cli.demo.command", "show camera and node at work"),
    "doctor": Command("blazepose_ros.cli.doctor.command", "say what is wrong here, and what mends it"),
    "eval": Command("blazepose_ros.cli.eval.command", "measure accuracy on labelled images"),
    "models": Command("blazepose_ros.cli.models", "list, fetch or verify the models"),
    "video": Command("blazepose_ros.cli.bag.video", "find the people in a video file"),
    "view": Command("blazepose_ros.cli.view.command", "show image, 3D and diagnostics in a web page"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command and return its exit status."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    finally:
        write("")  # of what argparse has said, too, somebody may have stopped reading


def _run(arguments: Sequence[str]) -> int:
    command = _parser().parse_args(arguments[:1]).command
    try:
        with _ctrl_c_leaves_at_once():
            module = import_module(COMMANDS[command].module)
        return int(module.main(arguments[1:]))
    except ModuleNotFoundError as err:
        if err.name is None or err.name.startswith(__package__):
            raise
        sys.stderr.write(f"blazepose {command}: the Python package {err.name} is not installed\n")
        return 1
    except KeyboardInterrupt:
        return _interrupted()


@contextmanager
def _ctrl_c_leaves_at_once() -> Iterator[None]:
    """Make no exception of Ctrl-C in an import: extension modules turn it into another one."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(_interrupted())


def _interrupted() -> int:
    sys.stderr.write("\ninterrupted\n")
    return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    purposes = "\n".join(f"  {name:10}{command.purpose}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="blazepose",
        description="BlazePose GHUM 3D for ROS 2.",
        epilog=f"commands:\n{purposes}\n\nEach has its own --help.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="command", help="one of those below")
    return parser


if __name__ == "__main__":
    sys.exit(main())
