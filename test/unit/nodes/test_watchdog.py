# SPDX-License-Identifier: Apache-2.0
"""When the watchdog has another estimator built, and what it does where that fails."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.nodes.pose.inference import RETRY_S, Watchdog

TIMEOUT_S = 10.0


class Setup:
    """A watchdog over a loader that waits to be let go."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.said, self.used = [], []
        self.failure = None
        self.loads = 0
        self.go_on = threading.Event()
        self.watchdog = Watchdog(
            self._load, self.used.append, FunctionLogger(self.said.append), lambda: self.now_s
        )

    def _load(self) -> str:
        self.loads += 1
        assert self.go_on.wait(TIMEOUT_S)
        if self.failure:
            raise self.failure
        return "model"

    def finish(self, trouble: Any) -> None:
        """Let the loader go, and look until its outcome is seen."""
        said, used = len(self.said), len(self.used)
        self.go_on.set()
        deadline = threading.Event()
        while len(self.said) == said and len(self.used) == used:
            self.watchdog.look(trouble)
            deadline.wait(0.001)
        self.go_on.clear()


@pytest.fixture
def setup() -> Iterator[Setup]:
    setup = Setup()
    yield setup
    setup.go_on.set()


def test_without_trouble_nothing_is_built(setup: Setup) -> None:
    for _ in range(3):
        setup.watchdog.look("")
    assert (setup.loads, setup.said) == (0, [])


def test_one_is_built_for_a_trouble_however_long_that_takes(setup: Setup) -> None:
    for _ in range(3):
        setup.watchdog.look("it hangs")
    setup.finish("it hangs")
    assert setup.used == ["model"]
    assert setup.said == ["it hangs: another one is built in its place"]
    assert setup.loads == 1


@pytest.mark.parametrize("failure", [EstimatorError("no library"), MemoryError()])
def test_where_that_fails_it_is_tried_again_after_a_while(setup: Setup, failure: Any) -> None:
    setup.failure = failure
    setup.watchdog.look("it hangs")
    setup.finish("it hangs")
    assert setup.said[-1] == f"the estimator cannot be built again: {failure or 'MemoryError'}"
    setup.watchdog.look("it hangs")
    assert setup.loads == 1
    setup.now_s += RETRY_S
    setup.failure = None
    setup.watchdog.look("it hangs")
    setup.finish("it hangs")
    assert setup.used == ["model"]
