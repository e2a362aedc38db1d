# SPDX-License-Identifier: Apache-2.0
"""A subscription whose thread has ended is opened again, and follows what publishers offer."""

from types import SimpleNamespace
from typing import Any

import pytest
from rclpy.qos import ReliabilityPolicy

from blazepose_ros.conversions.images import TRANSPORTS
from blazepose_ros.nodes.pose import image_receiver
from blazepose_ros.nodes.pose.image_receiver import ImageReceiver

BEST_EFFORT, RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE


class FakeReceiver:
    """Stands in for a thread that takes messages."""

    made = ()

    def __init__(self, _node: Any, message_type: Any, topic: Any, qos: Any, *_functions: object) -> None:
        self.message_type, self.topic, self.reliability = message_type, topic, qos.reliability
        self.is_alive, self.closed = True, 0
        FakeReceiver.made = (*FakeReceiver.made, self)

    def check(self) -> None:
        if not self.is_alive:
            raise RuntimeError("nothing receives /image any more")

    def close(self) -> None:
        self.closed += 1


class FakeNode:
    """Knows what publishers offer, and calls its timer when it is told to."""

    def __init__(self) -> None:
        self.offers, self.logged = [], []
        self.timer = None

    def resolve_topic_name(self, topic: Any) -> str:
        return f"/{topic}"

    def create_timer(self, _period_s: Any, callback: Any, clock: Any) -> str:
        assert clock is not None
        self.timer = callback
        return "the timer"

    def destroy_timer(self, timer: Any) -> None:
        assert timer == "the timer"
        self.timer = None

    def get_publishers_info_by_topic(self, topic: Any) -> Any:
        assert topic == "/image"
        return [SimpleNamespace(qos_profile=SimpleNamespace(reliability=offer)) for offer in self.offers]

    def get_logger(self) -> SimpleNamespace:
        return SimpleNamespace(info=self.logged.append)


class Setup:
    def __init__(self, reliability: str = "auto", offers: Any = ()) -> None:
        self.node, self.errors = FakeNode(), []
        self.node.offers = list(offers)
        logger = SimpleNamespace(info=print, warning=print, error=self.errors.append)
        self.images = ImageReceiver(self.node, TRANSPORTS["raw"], reliability, None, logger)

    def check(self, *offers: Any) -> Any:
        """Let the timer call once, with what is offered by then; return the last subscription."""
        self.node.offers = list(offers)
        self.node.timer()
        return FakeReceiver.made[-1]


@pytest.fixture(autouse=True)
def _receivers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_receiver, "MessageReceiver", FakeReceiver)
    monkeypatch.setattr(FakeReceiver, "made", ())


def test_a_dead_receiver_is_closed_and_opened_again() -> None:
    setup = Setup()
    setup.images.open()
    (first,) = FakeReceiver.made
    assert setup.check() is first
    first.is_alive = False
    second = setup.check()
    assert second is not first
    assert (first.closed, second.closed) == (1, 0)
    assert setup.images.is_open
    assert setup.errors == ["nothing receives /image any more: subscribing again"]
    assert setup.check() is second
    assert len(setup.errors) == 1


def test_while_it_is_closed_nothing_is_opened() -> None:
    setup = Setup()
    setup.node.timer()
    assert FakeReceiver.made == ()
    setup.images.open()
    setup.images.open()
    (receiver,) = FakeReceiver.made
    setup.images.close()
    setup.images.close()
    assert (receiver.closed, setup.images.is_open) == (1, False)
    receiver.is_alive = False
    assert setup.check(RELIABLE) is receiver
    setup.images.open()
    assert len(FakeReceiver.made) == 2
    setup.images.end()
    assert (FakeReceiver.made[-1].closed, setup.node.timer) == (1, None)


@pytest.mark.parametrize(("offers", "chosen"), [
    ([], BEST_EFFORT), ([RELIABLE], RELIABLE), ([RELIABLE, RELIABLE], RELIABLE), ([BEST_EFFORT], BEST_EFFORT),
    ([RELIABLE, BEST_EFFORT], BEST_EFFORT),
])  # fmt: skip
def test_auto_asks_for_what_all_publishers_offer(offers: Any, chosen: Any) -> None:
    opened = Setup(offers=offers)
    opened.images.open()
    assert FakeReceiver.made[-1].reliability == chosen
    later = Setup()
    later.images.open()
    assert later.check(*offers).reliability == chosen
    assert later.images.publishers == len(offers)
    assert later.node.logged == ["/image is reliable: subscribing so"] * (chosen == RELIABLE)
    assert later.check().reliability == chosen  # those who have left say nothing


@pytest.mark.parametrize(("wanted", "reliability"), [("reliable", RELIABLE), ("best_effort", BEST_EFFORT)])
@pytest.mark.parametrize("offer", [RELIABLE, BEST_EFFORT])
def test_what_the_parameter_says_is_asked_for_and_what_does_not_fit_is_told(
    wanted: str, reliability: Any, offer: Any
) -> None:
    setup = Setup(wanted)
    setup.images.open()
    assert setup.check(offer).reliability == reliability
    assert len(FakeReceiver.made) == 1
    does_not_fit = (reliability, offer) == (RELIABLE, BEST_EFFORT)
    assert setup.errors == [setup.images.mismatch] * does_not_fit
    assert bool(setup.images.mismatch) is does_not_fit
    setup.check(reliability)
    assert setup.images.mismatch == ""
