# SPDX-License-Identifier: Apache-2.0
"""What a managed node makes of steps that fail."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from lifecycle_msgs.msg import State
from rclpy.context import Context

from blazepose_ros.nodes.common.lifecycle import FAILURE, SUCCESS, AsyncLifecycleNode, TransitionError
from blazepose_ros.nodes.common.main import StartupError


class Demo(AsyncLifecycleNode):
    """Notes its steps, and fails in the one it is told to."""

    def __init__(self, context: Any) -> None:
        super().__init__("demo", context=context)
        self.steps = []
        self.failures = {}

    def _step(self, name: Any) -> None:
        self.steps.append(name)
        if name in self.failures:
            raise self.failures[name]

    def prepare(self) -> str:
        self._step("prepare")
        return "prepared"

    def configure(self, prepared: Any) -> None:
        self._step(f"configure with what was {prepared}")

    def activate(self) -> None:
        self._step("activate")

    def deactivate(self) -> None:
        self._step("deactivate")

    def clean_up(self) -> None:
        self._step("clean up")


@pytest.fixture
def demo() -> Iterator[Demo]:
    context = Context()
    context.init()
    node = Demo(context)
    yield node
    node.destroy_node()
    context.try_shutdown()


def test_starting_prepares_configures_and_activates(demo: Demo) -> None:
    demo.start()
    assert demo.steps == ["prepare", "configure with what was prepared", "activate"]
    assert demo.state == State.PRIMARY_STATE_ACTIVE


@pytest.mark.parametrize(
    ("step", "stays"),
    [("prepare", State.PRIMARY_STATE_UNCONFIGURED), ("activate", State.PRIMARY_STATE_INACTIVE)],
)
def test_a_step_that_is_not_possible_is_tried_again_from_the_same_state(
    demo: Demo, step: str, stays: Any
) -> None:
    demo.failures = {step: TransitionError("the model is missing")}
    with pytest.raises(StartupError, match="the model is missing"):
        demo.start()
    assert demo.state == stays
    demo.failures = {}
    if stays == State.PRIMARY_STATE_UNCONFIGURED:
        assert demo.trigger_configure() == SUCCESS
    assert demo.trigger_activate() == SUCCESS


@pytest.mark.parametrize("step", ["prepare", "activate"])
def test_after_an_unexpected_error_everything_is_cleaned_up_and_it_can_be_started_again(
    demo: Demo, step: str
) -> None:
    demo.failures = {step: ZeroDivisionError("a bug")}
    with pytest.raises(StartupError, match="ZeroDivisionError: a bug"):
        demo.start()
    assert demo.steps[-1] == "clean up"
    assert demo.state == State.PRIMARY_STATE_UNCONFIGURED
    demo.failures = {}
    demo.start()
    assert demo.state == State.PRIMARY_STATE_ACTIVE


def test_a_deactivation_that_fails_leaves_it_active(demo: Demo) -> None:
    demo.start()
    demo.failures = {"deactivate": TransitionError("busy")}
    assert demo.trigger_deactivate() == FAILURE
    assert demo.state == State.PRIMARY_STATE_ACTIVE
