# SPDX-License-Identifier: Apache-2.0
"""The subscription to images follows what publishers offer and what arrives, and loses nothing by it."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from rclpy.qos import ReliabilityPolicy

from blazepose_ros.core.image_transport import COMPRESSED, RAW, SILENT_S, TRIAL_S, TransportChoice, WayQuality
from blazepose_ros.nodes.pose import image_receiver
from blazepose_ros.nodes.pose.image_receiver import IDLE_S, OVERLAP_S, PROOFS, ImageReceiver
from blazepose_ros.nodes.pose.image_subscription import Way

BEST_EFFORT, RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
FLOWING = WayQuality(expected=100, silent_s=0.03, arrived=100)
LOSSY = WayQuality(expected=100, lost=80, silent_s=0.1, arrived=20)


class FakeSubscription:
    """Stands in for a subscription with its thread."""

    made: "tuple[FakeSubscription, ...]" = ()

    def __init__(self, _node: Any, way: Way, topic: str, receive: Any, _spare_s: Any) -> None:
        self.way, self.topic, self._receive = way, topic, receive
        self.is_alive, self.closed, self.several, self.keeps_much = True, 0, False, False
        self.seen = WayQuality()
        FakeSubscription.made = (*FakeSubscription.made, self)

    def deliver(self, stamp: int) -> None:
        self._receive(self, SimpleNamespace(serialized=bytes(8) + stamp.to_bytes(4, "little")))

    def check(self) -> None:
        if not self.is_alive:
            raise RuntimeError("nothing receives /image any more")

    def quality(self) -> WayQuality:
        return self.seen

    def close(self) -> None:
        self.closed += 1


def publisher(reliability: Any, gid: int = 1) -> SimpleNamespace:
    qos = SimpleNamespace(reliability=reliability)
    return SimpleNamespace(qos_profile=qos, endpoint_gid=[gid], node_namespace="/", node_name="usb_cam")


class FakeNode:
    """Knows what publishers offer."""

    def __init__(self, remapped: dict[str, str]) -> None:
        self.remapped = remapped
        self.publishers: dict[str, list[Any]] = {}
        self.logged: list[str] = []

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        return f"/{topic}" if only_expand else self.remapped.get(topic, f"/{topic}")

    def get_publishers_info_by_topic(self, topic: str) -> Any:
        return self.publishers.get(topic, [])

    def get_topic_names_and_types(self) -> Any:
        return [(topic, ["sensor_msgs/msg/Image"]) for topic in self.publishers]

    def count_publishers(self, topic: str) -> int:
        return len(self.publishers[topic])

    def get_logger(self) -> SimpleNamespace:
        return SimpleNamespace(info=self.logged.append)


class Setup:
    def __init__(
        self, reliability: str = "auto", offers: Any = (), transport: str = "auto", **remapped: str
    ) -> None:
        self.node, self.errors, self.warnings = FakeNode(remapped), [], []
        self.offer(*offers)
        logger = SimpleNamespace(info=print, warning=self.warnings.append, error=self.errors.append)
        self.answered: list[int] = []
        self.images = ImageReceiver(self.node, transport, reliability, self, logger)

    def on_image(self, image: Any) -> None:
        self.answered.append(int.from_bytes(image.serialized[8:12], "little"))

    def spare_s(self) -> float:
        return 0.0

    def offer(self, *offers: Any, compressed: Any = (), gid: int = 1) -> None:
        self.node.publishers = {
            "/image": [publisher(offer, gid) for offer in offers],
            "/image/compressed": [publisher(offer, gid) for offer in compressed],
        }

    def check(self, *offers: Any) -> Any:
        """Look once at what is offered by then; return the last subscription."""
        self.offer(*offers)
        self.images.check()
        return FakeSubscription.made[-1]


@pytest.fixture(autouse=True)
def _subscriptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_receiver, "ImageSubscription", FakeSubscription)
    monkeypatch.setattr(FakeSubscription, "made", ())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now_s=100.0)
    choice = TransportChoice
    monkeypatch.setattr(image_receiver, "TransportChoice", lambda: choice(lambda: clock.now_s))
    monkeypatch.setattr(time, "monotonic", lambda: clock.now_s)
    return clock


def test_a_dead_receiver_is_closed_and_opened_again() -> None:
    setup = Setup()
    setup.images.open()
    (first,) = FakeSubscription.made
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
    setup.images.check()
    assert FakeSubscription.made == ()
    setup.images.open()
    setup.images.open()
    (first,) = FakeSubscription.made
    setup.images.close()
    setup.images.close()
    assert (first.closed, setup.images.is_open) == (1, False)
    first.is_alive = False
    assert setup.check(RELIABLE) is first
    setup.images.open()
    assert len(FakeSubscription.made) == 2
    setup.images.close()
    assert FakeSubscription.made[-1].closed == 1


@pytest.mark.parametrize(("offers", "chosen"), [
    ([], BEST_EFFORT), ([RELIABLE], RELIABLE), ([RELIABLE, RELIABLE], RELIABLE), ([BEST_EFFORT], BEST_EFFORT),
    ([RELIABLE, BEST_EFFORT], BEST_EFFORT),
])  # fmt: skip
def test_auto_asks_for_what_all_publishers_offer(offers: Any, chosen: Any) -> None:
    opened = Setup(offers=offers)
    opened.images.open()
    assert FakeSubscription.made[-1].way.reliability == chosen
    later = Setup()
    later.images.open()
    assert later.check(*offers).way.reliability == chosen
    assert later.images.publishers == len(offers)
    assert FakeSubscription.made[-1].several is (len(offers) > 1)
    assert later.node.logged == ["/image is reliable: subscribing so"] * (chosen == RELIABLE)
    assert later.check().way.reliability == chosen  # those who have left say nothing
    assert sum(not each.closed for each in FakeSubscription.made) == 2


@pytest.mark.parametrize(("wanted", "reliability"), [("reliable", RELIABLE), ("best_effort", BEST_EFFORT)])
@pytest.mark.parametrize("offer", [RELIABLE, BEST_EFFORT])
def test_what_the_parameter_says_is_asked_for_and_what_does_not_fit_is_told(
    wanted: str, reliability: Any, offer: Any
) -> None:
    setup = Setup(wanted)
    setup.images.open()
    assert setup.check(offer).way.reliability == reliability
    assert len(FakeSubscription.made) == 1
    does_not_fit = (reliability, offer) == (RELIABLE, BEST_EFFORT)
    assert setup.errors == [setup.images.mismatch] * does_not_fit
    assert bool(setup.images.mismatch) is does_not_fit
    setup.check(reliability)
    assert setup.images.mismatch == ""


def test_while_images_flow_another_reliability_costs_none_of_them(clock: SimpleNamespace) -> None:
    """The subscription in use goes on until the other one has an image, which is answered once."""
    setup = Setup()
    setup.images.open()
    (first,) = FakeSubscription.made
    first.deliver(1)
    first.seen = FLOWING
    second = setup.check(RELIABLE)
    assert (second.way.reliability, first.closed) == (RELIABLE, 0)
    first.deliver(2)
    second.deliver(2)
    first.deliver(3)
    second.deliver(3)
    assert setup.answered == [1, 2, 3]
    first.deliver(4)  # the new subscription misses it
    second.deliver(5)
    first.deliver(5)
    assert setup.answered == [1, 2, 3, 4, 5]
    assert setup.check(RELIABLE) is second
    assert (first.closed, second.closed) == (0, 0)
    clock.now_s += OVERLAP_S
    assert setup.check(RELIABLE) is second
    assert (first.closed, second.closed) == (1, 0)


def test_a_subscription_that_lags_behind_repeats_nothing() -> None:
    setup = Setup()
    setup.images.open()
    (first,) = FakeSubscription.made
    first.seen = FLOWING
    second = setup.check(RELIABLE)
    first.deliver(1)
    first.deliver(2)
    for stamp in (1, 2, 3):
        second.deliver(stamp)
    assert setup.answered == [1, 2, 3]


def test_a_camera_whose_stamps_stand_still_is_answered_after_a_change_as_well() -> None:
    setup = Setup()
    setup.images.open()
    (first,) = FakeSubscription.made
    second = setup.check(RELIABLE)
    first.deliver(0)
    for _ in range(2 * PROOFS):
        second.deliver(0)
    assert len(setup.answered) == 1 + PROOFS


def test_where_nothing_flows_another_reliability_takes_over_all_the_same(clock: SimpleNamespace) -> None:
    setup = Setup()
    setup.images.open()
    (first,) = FakeSubscription.made
    first.seen = WayQuality(silent_s=100.0)
    second = setup.check(RELIABLE)
    assert (first.closed, second.closed) == (0, 0)  # it may be about to have the first image
    second.seen = WayQuality(silent_s=IDLE_S)
    setup.check(RELIABLE)
    clock.now_s += OVERLAP_S
    setup.check(RELIABLE)
    assert (first.closed, second.closed) == (1, 0)


def in_use() -> Any:
    """Return the way of each subscription that is open."""
    return [each.way.transport for each in FakeSubscription.made if not each.closed]


def test_compressed_images_take_over_once_they_flow_and_say_why() -> None:
    setup = Setup(offers=[BEST_EFFORT])
    setup.images.open()
    (raw,) = FakeSubscription.made
    raw.seen = LOSSY
    setup.images.check()
    assert in_use() == [RAW]
    assert "on /image 80 % of the images are lost on the way: start /usb_cam again" in setup.images.impairment
    assert "have it publish /image/compressed" in setup.images.impairment
    setup.offer(BEST_EFFORT, compressed=[BEST_EFFORT])
    setup.images.check()
    assert in_use() == [RAW, COMPRESSED]
    compressed = FakeSubscription.made[-1]
    raw.deliver(1)
    for stamp in range(1, PROOFS + 1):
        compressed.deliver(stamp)
    raw.deliver(PROOFS)
    compressed.deliver(PROOFS + 1)
    assert setup.answered == [1, PROOFS, PROOFS + 1]
    setup.images.check()
    assert in_use() == [COMPRESSED]
    assert setup.images.topic == "/image/compressed"
    assert setup.images.impairment == setup.warnings[-1]
    assert "80 %" in setup.images.impairment
    assert "_DEFAULT_PROFILES_FILE=" in setup.images.impairment  # of Fast DDS 2 or 3
    assert "or keep to this with image_transport: compressed" in setup.images.impairment
    assert setup.node.logged == ["images are taken from /image/compressed"]


def test_raw_images_are_back_when_the_camera_has_started_again(clock: Any) -> None:
    setup = Setup(offers=[BEST_EFFORT])
    setup.offer(BEST_EFFORT, compressed=[BEST_EFFORT])
    setup.images.open()
    FakeSubscription.made[-1].seen = LOSSY
    setup.images.check()
    compressed = FakeSubscription.made[-1]
    for stamp in range(PROOFS):
        compressed.deliver(stamp)
    compressed.seen = FLOWING
    setup.offer(BEST_EFFORT, compressed=[BEST_EFFORT], gid=2)
    setup.images.check()
    tried = FakeSubscription.made[-1]
    assert in_use() == [COMPRESSED, RAW]
    setup.answered.clear()
    for stamp in range(10, 50):  # both come; one is measured
        compressed.deliver(stamp)
        tried.deliver(stamp)
    assert setup.answered == list(range(10, 50))
    tried.seen = FLOWING
    clock.now_s += TRIAL_S
    setup.images.check()
    for stamp in range(50, 60):
        tried.deliver(stamp)
        compressed.deliver(stamp)
    assert setup.answered == list(range(10, 60))
    setup.images.check()
    assert in_use() == [RAW]
    assert (setup.images.topic, setup.images.impairment) == ("/image", "")


def test_a_camera_that_pauses_is_not_taken_for_one_whose_images_are_lost(clock: Any) -> None:
    setup = Setup(offers=[BEST_EFFORT])
    setup.offer(BEST_EFFORT, compressed=[BEST_EFFORT])
    setup.images.open()
    (raw,) = FakeSubscription.made
    setup.images.check()
    clock.now_s += SILENT_S
    raw.seen = WayQuality(silent_s=SILENT_S, arrived=10)
    setup.images.check()
    assert in_use() == [RAW, COMPRESSED]
    compressed = FakeSubscription.made[-1]
    for stamp in range(10):
        compressed.deliver(stamp)
        raw.deliver(stamp)
    assert setup.answered == list(range(10))
    raw.seen = FLOWING
    setup.images.check()
    assert in_use() == [RAW]
    assert setup.warnings == []


def test_a_transport_that_is_asked_for_is_kept() -> None:
    setup = Setup(offers=[BEST_EFFORT], transport=RAW)
    setup.offer(BEST_EFFORT, compressed=[BEST_EFFORT])
    setup.images.open()
    FakeSubscription.made[-1].seen = LOSSY
    setup.images.check()
    assert in_use() == [RAW]
    assert setup.images.impairment.endswith("or set image_transport to auto")
    assert setup.warnings == [setup.images.impairment]
    setup.images.check()
    assert len(setup.warnings) == 1


@pytest.mark.parametrize(("remapped", "raw", "compressed"), [
    ({}, "/image", "/image/compressed"),
    ({"image": "/eye/image_raw"}, "/eye/image_raw", "/eye/image_raw/compressed"),
    ({"image": "/eye/image_raw/compressed"}, "/eye/image_raw", "/eye/image_raw/compressed"),
    ({"image/compressed": "/jpeg"}, "/image", "/jpeg"),
    ({"image": "/eye/image_raw", "image/compressed": "/jpeg"}, "/eye/image_raw", "/jpeg"),
])  # fmt: skip
def test_compressed_images_are_beside_the_raw_ones_unless_they_are_remapped(
    remapped: dict[str, str], raw: str, compressed: str
) -> None:
    for transport, topic in ((RAW, raw), (COMPRESSED, compressed)):
        setup = Setup(transport=transport, **remapped)
        setup.images.open()
        assert FakeSubscription.made[-1].topic == setup.images.topic == topic


def test_a_camera_on_another_topic_is_named_with_the_remapping(clock: Any) -> None:
    setup = Setup()
    setup.images.open()
    setup.node.publishers = {"/eye/image_raw": [publisher(RELIABLE)]}
    setup.images.check()
    assert setup.images.elsewhere == ""  # the one on /image may not be known yet
    clock.now_s += image_receiver.DISCOVERY_S
    setup.images.check()
    setup.images.check()
    assert "-r image:=/eye/image_raw -r camera_info:=/eye/camera_info" in setup.images.elsewhere
    assert setup.warnings == [f"no publisher on /image; {setup.images.elsewhere}"]
    setup.check(RELIABLE)
    assert setup.images.elsewhere == ""


@pytest.mark.parametrize(("keeps_much", "made"), [(True, 2), (False, 1)])
def test_memory_for_far_too_large_images_is_given_back_once_their_publisher_has_left(
    keeps_much: bool, made: int
) -> None:
    FakeSubscription.made = ()
    setup = Setup("reliable")
    camera, hostile = publisher(RELIABLE, gid=1), publisher(RELIABLE, gid=2)
    setup.node.publishers = {"/image": [camera, hostile]}
    setup.images.open()
    FakeSubscription.made[0].keeps_much = keeps_much
    for publishers in ([camera, hostile], [camera], [camera]):
        setup.node.publishers = {"/image": publishers}
        setup.images.check()
    assert len(FakeSubscription.made) == made
    assert [subscription.closed for subscription in FakeSubscription.made] == [1, 0][2 - made :]


def test_memory_for_a_last_image_that_was_the_largest_is_given_back_once_smaller_ones_come() -> None:
    FakeSubscription.made = ()
    setup = Setup("reliable")
    camera, hostile = publisher(RELIABLE, gid=1), publisher(RELIABLE, gid=2)
    setup.node.publishers = {"/image": [camera, hostile]}
    setup.images.open()
    (first,) = FakeSubscription.made
    for publishers, keeps_much in (([camera, hostile], False), ([camera], False), ([camera], True)):
        setup.node.publishers = {"/image": publishers}
        first.keeps_much = keeps_much
        setup.images.check()
    assert [subscription.closed for subscription in FakeSubscription.made] == [1, 0]


def test_a_subscription_that_takes_over_while_the_other_is_closed_stays() -> None:
    """The one in use is given up for its memory, and finishes its image while the next one has its first."""
    setup = Setup()
    setup.images.open()
    (first,) = FakeSubscription.made
    second = setup.check(RELIABLE)
    first.keeps_much = True
    closing = first.close

    def close_late() -> None:
        second.deliver(1)
        closing()

    first.close = close_late
    setup.offer(RELIABLE, gid=2)  # the publisher of large images has left, another one has come
    setup.images.check()
    newest = FakeSubscription.made[-1]
    newest.deliver(2)
    assert setup.answered[-1] == 2
    assert [each.closed for each in FakeSubscription.made].count(0) <= 2  # none is left open and unheard
    setup.images.close()
    assert [each.closed for each in FakeSubscription.made] == [1] * len(FakeSubscription.made)


def test_a_subscription_that_took_over_just_before_is_not_replaced_by_the_one_it_replaced() -> None:
    """The thread that receives takes over between the check's look at what is in use and its answer."""
    setup = Setup()
    setup.images.open()
    (first,) = FakeSubscription.made
    second = setup.check(RELIABLE)

    def end_late() -> None:
        second.deliver(1)
        raise RuntimeError("nothing receives /image any more")

    first.check = end_late
    assert setup.check(RELIABLE) is second
    second.deliver(2)
    assert setup.answered == [1, 2]
    setup.images.close()
    assert (first.closed, second.closed) == (1, 1)
