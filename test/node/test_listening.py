# SPDX-License-Identifier: Apache-2.0
"""When the node takes images, and with which quality of service."""

from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from support.photographs import PERSON
from support.pose_client import START_NS, PoseClient, image_message, pose_node
from support.processes import ros_arguments, running

from blazepose_ros.msg import Timing

# Hides the events that Humble's rclpy lacks.
HUMBLE = Path(__file__).parents[1] / "support" / "humble"

pytestmark = pytest.mark.usefixtures("models")


@pytest.fixture(scope="module")
def bgr(data: Path) -> Any:
    return cv2.imread(str(data / PERSON))


def subscribers(client: Any) -> Any:
    return client.image.get_subscription_count()


def test_a_lazy_node_takes_images_only_while_somebody_listens(ros: ModuleType, bgr: Any) -> None:
    client = PoseClient(ros)
    try:
        with running("blazepose_node", *ros_arguments({"model_complexity": 0})):
            client.listen("diagnostics")
            client.wait_for(lambda: is_active_without_listeners(client), "the node")
            assert subscribers(client) == 0
            client.listen("poses")
            client.wait_for(lambda: subscribers(client) == 1, "the node's subscription")
            assert client.ask(image_message(bgr, "bgr8", START_NS)).poses
            for subscription in list(client.node.subscriptions):
                client.node.destroy_subscription(subscription)
            client.wait_for(lambda: subscribers(client) == 0, "the end of the node's subscription")
            client.listen("poses")
            client.wait_for(lambda: subscribers(client) == 1, "the node's subscription")
            assert client.ask(image_message(bgr, "bgr8", 2 * START_NS)).poses
    finally:
        client.close()


def test_a_node_on_humbles_rclpy_looks_for_listeners_by_itself(
    ros: ModuleType, bgr: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its rclpy does not tell of subscribers that come and go."""
    monkeypatch.setenv("PYTHONPATH", str(HUMBLE))
    client = PoseClient(ros)
    log = tmp_path / "log"
    try:
        with (
            log.open("w") as file,
            running("blazepose_node", *ros_arguments({"model_complexity": 0}), log=file),
        ):
            client.listen("diagnostics")
            client.wait_for(lambda: is_active_without_listeners(client), "the node")
            client.listen("poses")
            client.wait_for(lambda: subscribers(client) == 1, "the node's subscription")
            assert client.ask(image_message(bgr, "bgr8", START_NS)).poses
            for subscription in list(client.node.subscriptions):
                client.node.destroy_subscription(subscription)
            client.wait_for(lambda: subscribers(client) == 0, "the end of the node's subscription")
    finally:
        client.close()
    assert "Traceback" not in log.read_text()


def is_active_without_listeners(client: Any) -> Any:
    """Tell whether the node has said twice that it works, and has had the time to subscribe in between."""
    assert subscribers(client) == 0
    said = [msg.status[0].message for msg in client.received["diagnostics"]]
    return sum("no listeners" in each for each in said) >= 2


def besides(client: Any) -> Any:
    """Return how many hear calibrations, and how many depth, which is published."""
    topics = ("camera_info", "depth", "depth/camera_info")
    return [client.node.count_subscribers(topic) for topic in topics]


def test_a_node_that_nobody_listens_to_hears_one_calibration_and_then_nothing(ros: ModuleType) -> None:
    client = PoseClient(ros)
    client.node.create_publisher(Image, "depth", QoSProfile(depth=1))
    try:
        with running("blazepose_node", *ros_arguments({"model_complexity": 0})):
            client.wait_for(lambda: besides(client) == [1, 0, 0], "the calibration's subscription")

            def rests() -> Any:
                client.camera_info.publish(CameraInfo())
                return besides(client) == [0, 0, 0]

            client.wait_for(rests, "the end of it")
            client.listen("poses")
            client.wait_for(lambda: besides(client) == [1, 1, 1], "all subscriptions")
            client.node.destroy_subscription(next(iter(client.node.subscriptions)))
            client.wait_for(lambda: besides(client) == [0, 0, 0], "the end of all")
    finally:
        client.close()


def test_any_output_alone_wakes_a_lazy_node(ros: ModuleType, bgr: Any) -> None:
    stamps = iter(range(START_NS, 2 * START_NS, 100_000_000))
    client = PoseClient(ros)

    def answered(output: Any) -> Any:
        client.image.publish(image_message(bgr, "bgr8", next(stamps)))
        return client.received[output]

    try:
        with running("blazepose_node", *ros_arguments({"model_complexity": 0})):
            for output in ("pose", "markers", "tf", "annotated_image"):
                client.listen(output)
                client.wait_for(lambda: subscribers(client) == 1, f"a subscription for {output}")
                client.wait_for(lambda output=output: answered(output), output)
                client.node.destroy_subscription(next(iter(client.node.subscriptions)))
                client.wait_for(lambda: subscribers(client) == 0, "the end of the subscription")
    finally:
        client.close()


def test_a_node_that_is_not_lazy_takes_images_for_nobody(ros: ModuleType) -> None:
    client = PoseClient(ros)
    try:
        with running("blazepose_node", *ros_arguments({"model_complexity": 0, "lazy": False})):
            client.wait_for(lambda: subscribers(client) == 1, "the node's subscription")
    finally:
        client.close()


def requested(client: Any) -> Any:
    """Return the reliabilities that subscribers of the images ask for."""
    infos = client.node.get_subscriptions_info_by_topic("image")
    return [info.qos_profile.reliability for info in infos]


def test_auto_reliability_follows_what_the_publishers_offer(ros: ModuleType, bgr: Any) -> None:
    with pose_node(ros, model_complexity=0, image_reliability="auto") as client:
        client.wait_for(lambda: requested(client) == [ReliabilityPolicy.RELIABLE], "a reliable subscription")
        assert client.ask(image_message(bgr, "bgr8", START_NS)).poses
        reliable = client.image
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        client.image = client.node.create_publisher(Image, "image", best_effort)
        client.wait_for(lambda: requested(client) == [ReliabilityPolicy.BEST_EFFORT], "a change over")
        client.node.destroy_publisher(reliable)
        assert client.ask(image_message(bgr, "bgr8", 2 * START_NS)).poses


def test_a_publisher_that_offers_too_little_is_told_of(
    ros: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    client = PoseClient(ros)
    client.listen("poses")
    client.node.destroy_publisher(client.image)
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    client.image = client.node.create_publisher(Image, "image", best_effort)
    log = []

    def told() -> bool:
        log.append(capfd.readouterr().err)
        return "Set image_reliability to auto or best_effort" in "".join(log)

    try:
        arguments = ros_arguments({"model_complexity": 0, "image_reliability": "reliable"})
        with running("blazepose_node", *arguments):
            client.wait_for(told, "a message")
    finally:
        client.close()


def test_the_stages_of_an_image_add_up_to_its_latency(ros: ModuleType, bgr: Any) -> None:
    with pose_node(ros, model_complexity=0) as client:
        timings = []
        client.node.create_subscription(Timing, "blazepose/timing", timings.append, 10)
        client.wait_for(lambda: client.node.count_publishers("blazepose/timing"), "the topic")
        asked = {}

        def timed() -> Any:
            stamp_ns = client.node.get_clock().now().nanoseconds
            answer = client.ask(image_message(bgr, "bgr8", stamp_ns))
            asked[str(answer.header.stamp)] = client.node.get_clock().now().nanoseconds - stamp_ns
            return timings

        client.wait_for(timed, "a timing")
    stamp = timings[-1].header.stamp
    timing = next(each for each in timings if each.header.stamp == stamp)  # an image may be sent again
    latency_ms = asked[str(stamp)] / 1e6
    stages = ("transport_ms", "waiting_ms", "decoding_ms", "inference_ms", "publishing_ms")
    values = [getattr(timing, stage) for stage in stages]
    assert min(values) >= 0
    assert timing.inference_ms > 0
    # Where processor time is short, the poses arrive before the node notes that they are on their way.
    assert sum(values) - timing.publishing_ms <= latency_ms
