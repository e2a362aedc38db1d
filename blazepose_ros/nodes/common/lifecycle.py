# SPDX-License-Identifier: Apache-2.0
"""A lifecycle node whose steps may fail and be tried again, and its bond with a lifecycle manager.

Nav2's takes a node for dead whose bond it does not hear. The protocol is that of ROS's package ``bond``:
both sides say on one topic, again and again, that they live, and once that they leave. Threads that
callbacks wait for are here, too.
"""

from __future__ import annotations

import importlib
import traceback
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.executors import Executor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.service import Service
from rclpy.task import Future as Awaitable

from blazepose_ros.core.background import in_thread
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.nodes.common.main import StartupError


async def finished(outcome: Future[Any], executor: Executor) -> None:
    """Wait until a thread's outcome is there, whatever it is.

    Callbacks of the waiting one's callback group wait with it, others do not.

    Args:
        outcome: what is waited for.
        executor: of the callback that waits; it may be asleep by then.
    """
    done = Awaitable()

    def go_on(_outcome: Future[Any]) -> None:
        done.set_result(None)
        executor.wake()

    outcome.add_done_callback(go_on)
    await done


SUCCESS, FAILURE, ERROR = (
    TransitionCallbackReturn.SUCCESS,
    TransitionCallbackReturn.FAILURE,
    TransitionCallbackReturn.ERROR,
)


STATES = {
    State.PRIMARY_STATE_UNCONFIGURED: "unconfigured",
    State.PRIMARY_STATE_INACTIVE: "inactive",
    State.PRIMARY_STATE_ACTIVE: "active",
    State.PRIMARY_STATE_FINALIZED: "finalized",
}


class TransitionError(BlazePoseError, RuntimeError):
    """A step of the life cycle that is not possible now; the message says what to change."""


class AsyncLifecycleNode(LifecycleNode):
    """A lifecycle node of four steps: `configure`, `activate`, `deactivate` and `clean_up`.

    A step that raises `TransitionError` leaves the node in the state that it was in. After any
    other exception everything is cleaned up and the node is unconfigured again. Configuring
    begins with `prepare`, which takes long: other callbacks go on meanwhile.
    """

    def __init__(self, name: str, **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self._prepared: Future[Any] | None = None
        self._problem = ""
        self._serve_apart()
        self._get_state = self._service(GetState).callback
        service = self._service(ChangeState)
        self._change_state = service.callback
        service.callback = self._serve_change_state

    def prepare(self) -> Any:
        """Do the long part of configuring, in a thread of its own, and return what `configure` needs."""

    def configure(self, prepared: Any) -> None:
        """Get everything ready to work."""

    def activate(self) -> None:
        """Start working."""

    def deactivate(self) -> None:
        """Stop working."""

    def clean_up(self) -> None:
        """Free what there is, after any part of the other steps, or nothing."""

    def start(self) -> None:
        """Configure and activate.

        Raises:
            StartupError: that failed.
        """
        for step in (self.trigger_configure, self.trigger_activate):
            if step() != SUCCESS:
                raise StartupError(self._problem)

    @property
    def state(self) -> int:
        """The state of the life cycle, one of the constants of lifecycle_msgs/State."""
        return self._get_state(GetState.Request(), GetState.Response()).current_state.id

    @property
    def state_name(self) -> str:
        """The state of the life cycle, for people."""
        return STATES.get(self.state, "in transition")

    def on_configure(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Prepare, unless that is done, and configure."""
        prepared = self._prepared or in_thread(self.prepare, "preparing")
        self._prepared = None
        return self._attempt(lambda: self.configure(prepared.result()))

    def on_activate(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Start working."""
        return self._attempt(self.activate)

    def on_deactivate(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Stop working."""
        return self._attempt(self.deactivate)

    def on_cleanup(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything."""
        return self._attempt(self.clean_up)

    def on_shutdown(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, for good."""
        return self._attempt(self.clean_up)

    def on_error(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, so that configuring can be tried again."""
        return self._attempt(self.clean_up)

    def _attempt(self, step: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            step()
        except TransitionError as err:
            self._problem = str(err)
            return FAILURE
        except Exception:  # noqa: BLE001  rclpy would swallow it without a word
            self._problem = traceback.format_exc()
            return ERROR
        return SUCCESS

    async def _serve_change_state(
        self, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        if self.state == State.PRIMARY_STATE_UNCONFIGURED and _asks_to_configure(request.transition):
            self._prepared = in_thread(self.prepare, "preparing")
            await finished(self._prepared, self.executor)
        self._problem = ""
        try:
            response = self._change_state(request, response)
        except RuntimeError as err:  # rcl's own, of a transition that this state does not have
            self._problem = str(err)
        if self._problem:
            self.get_logger().error(self._problem)
        return response

    def _serve_apart(self) -> None:
        """Have services wait for each other alone: while one prepares, images come in."""
        group = MutuallyExclusiveCallbackGroup()
        for service in self.services:
            service.callback_group = group
            group.add_entity(service)

    def _service(self, service_type: type) -> Service:
        return next(service for service in self.services if service.srv_type is service_type)


def _asks_to_configure(transition: Transition) -> bool:
    return transition.label == "configure" or (
        not transition.label and transition.id == Transition.TRANSITION_CONFIGURE
    )


# Where Nav2 has bonds, and how long one of its sides waits for the other.
BOND_TOPIC = "bond"
BOND_TIMEOUT_S = 4.0
BOND_DEPTH = 100  # as bondcpp has it: the topic is shared by all bonds
# A publisher takes with it what was not delivered yet: so long the last word may take.
BOND_FAREWELL = Duration(seconds=0.5)


class BondMessagesError(BlazePoseError, ImportError):
    """The package ``bond`` is not installed."""


class Bond:
    """Says that a node lives, from now until it is closed.

    Args:
        node: whose name is the bond's, as Nav2's manager expects it.
        period_s: how often it is said.

    Raises:
        BondMessagesError: the package ``bond`` is not installed.
    """

    def __init__(self, node: Node, period_s: float) -> None:
        try:
            self._status: Any = importlib.import_module("bond.msg").Status
        except ModuleNotFoundError as err:
            raise BondMessagesError(
                "bond_heartbeat_period has no effect: the package bond is not installed"
                " (sudo apt install ros-$ROS_DISTRO-bond)"
            ) from err
        self._node = node
        self._period_s = period_s
        self._instance = str(uuid.uuid4())
        self._publisher: Any = node.create_publisher(self._status, BOND_TOPIC, BOND_DEPTH)
        # Not the node's clock: with use_sim_time it may stand still.
        self._timer = node.create_timer(period_s, self._live, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def close(self) -> None:
        """Say that the node leaves, and end."""
        self._node.destroy_timer(self._timer)
        self._say(is_active=False)
        self._publisher.wait_for_all_acked(BOND_FAREWELL)
        self._node.destroy_publisher(self._publisher)

    def _live(self) -> None:
        self._say(is_active=True)

    def _say(self, *, is_active: bool) -> None:
        message = self._status(
            id=self._node.get_name(),
            instance_id=self._instance,
            active=is_active,
            heartbeat_timeout=BOND_TIMEOUT_S,
            heartbeat_period=self._period_s,
        )
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)
