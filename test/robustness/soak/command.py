# SPDX-License-Identifier: Apache-2.0
"""``make soak``: gives a node trouble of every kind for as long as you like, and watches it."""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from robustness.soak.report import Findings, report, violations

from blazepose_ros.cli.console import number_above_0, say
from blazepose_ros.cli.processes import (
    ChildProcess,
    ChildProcesses,
    NoFreeDomainError,
    executable_path,
    isolate,
    ros_arguments,
)
from blazepose_ros.cli.signals import Interruption
from blazepose_ros.core.frame_sources.files import PhotographMissingError, photograph
from blazepose_ros.nodes.common.dds import use_image_profile
from blazepose_ros.nodes.common.process_tuning import anonymous_mb

if TYPE_CHECKING:
    from robustness.soak.harness import Harness

DURATION_S = 60.0
START_TIMEOUT_S = 60.0
# So many answers without anybody: there is nobody in the picture.
MAX_EMPTY = 30
# How long each event lasts, how many there may be at once, and how many before the next stop.
EVENT_S = 3.0
AT_ONCE = (1, 1, 2)
BETWEEN_STOPS = 6
# As usual for so long before memory is read.
REST_S = 4.0
SEEN = 0.5
# The node promises two seconds; this is for a machine that is busy otherwise.
END_TIMEOUT_S = 5.0
POLL_S = 0.05


class SoakError(RuntimeError):
    """The soak cannot begin; the message says why."""


def main(arguments: Sequence[str]) -> int:
    """Run the soak; the exit status is 0 only if every promise held.

    Raises:
        KeyboardInterrupt: Ctrl-C; every process has ended, and the report was printed.
    """
    options = _parser().parse_args(arguments)
    try:
        with Interruption():
            return _run(options)
    except (OSError, NoFreeDomainError, PhotographMissingError, SoakError) as err:
        sys.stderr.write(f"soak: {err}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="soak",
        description="Run the node while cameras appear, vanish, change and break, parameters change,"
        " listeners come and go and stamps jump. Throughout, no stamp may be invented, nobody seen who"
        " is not there, no pose be wrong or late, and memory must not grow.",
    )
    parser.add_argument(
        "--duration", type=number_above_0, default=DURATION_S, metavar="SECONDS", help="default: %(default)g"
    )
    parser.add_argument("--source", help="a picture of one person (default: a photograph)")
    parser.add_argument("--seed", type=int, default=0, help="another order of events (default: 0)")
    parser.add_argument(
        "--output", type=Path, default=Path("soak_output"), help="for the node's log (default: soak_output)"
    )
    parser.add_argument(
        "--neighbors",
        action="store_true",
        help="hostile processes beside the node instead: floods, bombs, bad files; at most 3 %% of the images"
        " of a good camera may be lost, and nothing may remain afterwards",
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    picture = cv2.imread(options.source or str(photograph()))
    if picture is None:
        raise SoakError(f"{options.source} is not a picture")
    options.output.mkdir(parents=True, exist_ok=True)
    isolate()
    use_image_profile()
    if options.neighbors:
        return _beside_neighbors(options, picture)
    # This takes a second.
    from robustness.soak.harness import harnessed
    from robustness.soak.picture import Photograph

    numbers, findings, began_s = random.Random(options.seed), Findings(), time.monotonic()
    with ChildProcesses() as children:
        command = [executable_path("blazepose_node"), *ros_arguments({})]
        node = children.start(command, options.output / "node.log")
        with harnessed(Photograph(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)), numbers) as rig:
            _get_to_know(rig, node)
            try:
                _trouble(rig, node, numbers, findings, time.monotonic() + options.duration)
            finally:
                findings.duration_s = time.monotonic() - began_s
                findings.problems += _end_of(node)
                say(report(rig.ledger, findings))
    return 1 if violations(rig.ledger, findings) else 0


def _beside_neighbors(options: argparse.Namespace, picture: NDArray[np.uint8]) -> int:
    from robustness.soak.siege import besiege

    try:
        outcome = besiege(picture, options.output, options.duration)
    except RuntimeError as err:
        raise SoakError(str(err)) from err
    say(outcome.report())
    return 1 if outcome.violations() else 0


def _get_to_know(rig: Harness, node: ChildProcess) -> None:
    """Learn from the first settled answer where the person is in the photograph.

    Raises:
        SoakError: nobody is there, or no answer comes.
    """
    from robustness.soak.harness import seen_landmarks
    from robustness.soak.invariants import SETTLED

    def is_known() -> bool:
        empty = rig.ledger.answers - rig.ledger.people
        return rig.ledger.people >= SETTLED or empty > MAX_EMPTY or node.exit_status is not None

    rig.run(START_TIMEOUT_S, is_known)
    if rig.newest is None or not rig.newest.poses:
        raise SoakError(node.failure() or "the node sees nobody in the picture")
    rig.ledger.landmarks, rig.cameras.landmarks = seen_landmarks(rig.newest, SEEN)
    rig.cameras.moving = True


def _trouble(
    rig: Harness, node: ChildProcess, numbers: random.Random, findings: Findings, end_s: float
) -> None:
    """Let event follow event, with a stop now and then, until the time is up or the node has ended."""
    from robustness.soak.events import EVENTS

    while time.monotonic() < end_s and node.exit_status is None:
        for _ in range(BETWEEN_STOPS):
            chosen = numbers.sample(EVENTS, numbers.choice(AT_ONCE))
            findings.events.update(event.__name__ for event in chosen)
            with ExitStack() as stack:
                for event in chosen:
                    stack.enter_context(event(rig, numbers))
                rig.ledger.disturb(" and ".join(event.__name__.replace("_", " ") for event in chosen))
                rig.run(EVENT_S, lambda: node.exit_status is not None)
            rig.ledger.disturb()
        rig.run(REST_S, lambda: node.exit_status is not None)
        if node.exit_status is None:
            findings.stops_mb.append(anonymous_mb(node.pid))


def _end_of(node: ChildProcess) -> list[str]:
    """End the node, and return what was wrong with its life."""
    problems = [] if node.exit_status is None else [f"the node has ended: {node.failure()}"]
    node.signal(signal.SIGINT)
    deadline_s = time.monotonic() + END_TIMEOUT_S
    while node.exit_status is None and time.monotonic() < deadline_s:
        time.sleep(POLL_S)
    if not problems and node.exit_status != 0:
        problems.append(f"the node did not end as it should: its status is {node.exit_status}")
    if "Traceback" in node.log.read_text(errors="replace"):
        problems.append(f"the node's log has a traceback: {node.log}")
    return problems
