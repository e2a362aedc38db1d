# SPDX-License-Identifier: Apache-2.0
"""Gestures and repetitions as processes over DDS, with the example consumers of the pages."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from geometry_msgs.msg import TransformStamped
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Bool, String
from support import figures
from support.figures import direction, figure
from support.paths import ROOT
from support.people_client import FRAME, FRAME_ID, PeopleClient
from support.pose_client import FRAME_ID as IMAGE_FRAME_ID
from support.pose_client import image_message
from support.processes import ros_arguments, running, stopped_after
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.pose33 import serialize_pose33_array
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import ModelComplexity
from blazepose_ros.msg import Gesture, Gestures, Pose33, Pose33Array, Repetitions

RATE_HZ = 10.0
HEIGHT_M = 1.0  # of the camera, and of the hips
GRAY = np.full((480, 640, 3), 128, np.uint8)
FEET_PX = 400.0
POINTING = figure((direction(-30, 0),) * 2, figures.HANGING_RIGHT)


@contextmanager
def using(ros: ModuleType, node: str, message_type: type, **parameters: Any) -> Iterator[PeopleClient]:
    topic = node + "/" + node.removeprefix("blazepose_")
    client = PeopleClient(ros, message_type, topic)
    try:
        with running(node, *ros_arguments(parameters)) as process:
            yield client
        assert process.returncode == 0
    finally:
        client.close()


@contextmanager
def example(name: str) -> Iterator[None]:
    with stopped_after(subprocess.Popen([sys.executable, str(ROOT / "examples" / name)])):
        yield


def held(points: np.ndarray, count: int = 10) -> list[list[Any]]:
    return [[figures.seen(points)]] * count


def squats(count: int) -> list[list[Any]]:
    """Return someone who bends the knees by 100 degrees and stretches them again, placed on the floor."""
    images = []
    for share in [0.0, *(np.abs(np.sin(np.pi * np.arange(1, 10 * count + 1) / 10)))]:
        bend = 100 * share
        legs = (direction(-90 + 0.55 * bend), direction(-90 - 0.45 * bend))
        points = figure(left_leg=legs, lean_deg=0.35 * bend)
        pose = figures.seen(points)
        pose.hip_center.position[1] += points[:, 2].min()
        images.append([pose])
    return images


def on_screen(pose: Any) -> Any:
    """Return a person whose feet are at a height of the image."""
    screen = np.full((33, 3), FEET_PX - 200.0)
    screen[[Landmark.LEFT_HEEL, Landmark.RIGHT_HEEL], 1] = FEET_PX
    return replace(pose, screen=screen)


def test_a_raised_hand_stops_the_example(ros: ModuleType) -> None:
    raised = figure((direction(80, 90),) * 2, figures.HANGING_RIGHT)
    with (
        using(ros, "blazepose_gestures", Gestures) as client,
        example("stop_at_raised_hand.py"),
    ):
        stops = client.listen(Bool, "stop")
        client.wait_for(lambda: client.node.count_publishers("stop"), "the example")
        (hand, standing) = client.play(held(raised), RATE_HZ).gestures
        assert (hand.gesture, hand.side, hand.person_id) == (Gesture.HAND_RAISED, Gesture.LEFT, 1)
        assert hand.confidence > 0.5
        assert np.isnan(hand.origin.x)
        assert standing.gesture == Gesture.STANDING
        more = held(raised, 1)  # the example may not have been connected yet
        client.wait_for(lambda: client.play(more, RATE_HZ) and stops and stops[-1].data, "stop")
        (standing,) = client.play(held(figure()), RATE_HZ).gestures
        client.wait_for(lambda: not stops[-1].data, "go")
        assert client.play([[]], RATE_HZ).gestures == []


def test_who_points_points_to_a_place_on_the_floor(ros: ModuleType) -> None:
    with using(ros, "blazepose_gestures", Gestures, ground_frame="map", target_frame="map") as client:
        rays = client.listen(MarkerArray, "blazepose_gestures/markers")
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        client.node.create_publisher(TFMessage, "/tf_static", latched).publish(camera_in_map())
        images = held(POINTING)

        def floor_point() -> Any:
            (pointing, _) = client.play(images, RATE_HZ).gestures
            return pointing if pointing.floor_point.header.frame_id else None

        pointing = client.wait_for(floor_point, "the transform")
        client.wait_for(lambda: [each for msg in rays for each in msg.markers], "the ray")
    assert (pointing.gesture, pointing.side) == (Gesture.POINTING, Gesture.LEFT)
    assert pointing.floor_point.header.frame_id == "map"
    # The person looks at the camera, 3 m before it: x of the map is forwards from there.
    eyes, finger = POINTING[[2, 5]].mean(axis=0), POINTING[19]
    line = finger - eyes
    on_floor = finger + line * (finger[2] + HEIGHT_M) / -line[2]
    point = pointing.floor_point.point
    np.testing.assert_allclose([point.x, point.y, point.z], [3.0 - on_floor[0], -on_floor[1], 0.0], atol=1e-3)
    direction_seen = np.array([pointing.direction.x, pointing.direction.y, pointing.direction.z])
    np.testing.assert_allclose(direction_seen, figures.FACING @ line / np.linalg.norm(line), atol=1e-5)
    assert rays[-1].markers[-1].type == Marker.ARROW
    assert rays[-1].markers[-1].header.frame_id == FRAME_ID


def camera_in_map() -> TFMessage:
    transform = TransformStamped()
    transform.header.frame_id, transform.child_frame_id = "map", FRAME_ID
    transform.transform.translation.z = HEIGHT_M
    rotation = transform.transform.rotation
    rotation.x, rotation.y, rotation.z, rotation.w = -0.5, 0.5, -0.5, 0.5
    return TFMessage(transforms=[transform])


def test_fused_people_are_understood_without_a_transform(ros: ModuleType) -> None:
    lying = [[figures.fused(figures.seen(figures.lying(figure())))]] * 12
    with using(ros, "blazepose_gestures", Gestures) as client:
        (gesture,) = client.play(lying, RATE_HZ, "map").gestures
    assert gesture.gesture == Gesture.LYING


def test_squats_are_counted_and_the_example_says_so(ros: ModuleType) -> None:
    with (
        using(ros, "blazepose_repetitions", Repetitions, exercise="squat") as client,
        example("coach.py"),
    ):
        sentences = client.listen(String, "coach")
        client.wait_for(lambda: client.node.count_publishers("coach"), "the example")
        topic = "blazepose_repetitions/repetitions"
        client.wait_for(lambda: client.node.count_subscribers(topic) == 2, "its subscription")
        (squat,) = client.play(squats(3), RATE_HZ).counts
        standing = squats(3)[-1:]  # once more, where the example did not hear of the last squat yet

        def said() -> bool:
            client.play(standing, RATE_HZ)
            return bool(sentences) and sentences[-1].data == "3, good"

        client.wait_for(said, "what it says")
    assert (squat.person_id, squat.exercise, squat.count) == (1, "squat", 3)
    assert squat.depth == pytest.approx(100.0, abs=1.0)
    assert squat.there_s + squat.back_s == pytest.approx(1.0, abs=0.3)


def test_the_count_stands_on_the_annotated_image_and_above_the_head(ros: ModuleType) -> None:
    with using(ros, "blazepose_repetitions", Repetitions, exercise="squat") as client:
        images = client.node.create_publisher(Image, "blazepose/annotated_image", 10)
        done = squats(2)
        client.play(done, RATE_HZ)
        assert images.get_subscription_count() == 0  # nobody looks at them
        shown = client.listen(Image, "blazepose_repetitions/annotated_image")
        texts = client.listen(MarkerArray, "blazepose_repetitions/markers")
        client.wait_for(images.get_subscription_count, "its subscription")
        for image_first in (True, False):
            _is_written_under_the_feet(client, images, shown, on_screen(done[-1][0]), image_first)
    assert texts[-1].markers[-1].text == "squat 2"


def _is_written_under_the_feet(
    client: PeopleClient, images: Any, shown: list[Any], person: Any, image_first: bool
) -> None:
    """Check an image that comes before its people, or after them."""
    shown.clear()

    def answer() -> list[Any]:
        gray = image_message(GRAY, "bgr8", client.next_stamp_ns(RATE_HZ))
        steps = [lambda: images.publish(gray), lambda: client.play([[person]], RATE_HZ)]
        for step in steps if image_first else reversed(steps):
            step()
        return shown

    (image, *_) = client.wait_for(answer, "the image")
    assert (image.header.frame_id, image.encoding) == (IMAGE_FRAME_ID, "rgb8")
    pixels = np.frombuffer(image.data, np.uint8).reshape(GRAY.shape)
    rows = np.nonzero((pixels != GRAY).any(axis=(1, 2)))[0]
    assert rows.min() == pytest.approx(FEET_PX, abs=1)
    assert rows.max() < GRAY.shape[0]


def odd_messages() -> Iterator[Pose33Array]:
    """Yield what no node publishes: landmarks that are nowhere, people twice, any time and frame."""
    usual = figures.seen(POINTING)
    nowhere = [np.full((33, 3), value, np.float32) for value in (np.nan, np.inf, -np.inf, 0.0, 3e38)]
    people = [[replace(usual, world=world, screen=world)] for world in nowhere]
    half = usual.world.copy()
    half[Landmark.LEFT_WRIST] = np.inf
    people += [[replace(usual, world=half)]] * 30
    people += [[], [usual, usual], [replace(usual, person_id=0)] * 3, [usual] * 1000]
    for step_ns, start_ns, frame_id in ((10**8, 0, "a"), (0, 0, ""), (-1, 2**31 * 10**9 - 1, "x" * 10_000)):
        for number, poses in enumerate(people):
            header = header_message(start_ns + number * step_ns, frame_id)
            serialized = serialize_pose33_array(poses, header, FRAME, ModelComplexity.FULL)
            yield deserialize_message(serialized, Pose33Array)
    yield Pose33Array(poses=[Pose33()])


@pytest.mark.parametrize(("node", "message_type"), [("gestures", Gestures), ("repetitions", Repetitions)])
def test_odd_people_end_no_node(ros: ModuleType, node: str, message_type: type) -> None:
    with using(ros, f"blazepose_{node}", message_type, target_frame="map") as client:
        client.play([[]], RATE_HZ)
        for topic in ("markers", "annotated_image"):
            client.listen(MarkerArray if topic == "markers" else Image, f"blazepose_{node}/{topic}")
        stranger = client.node.create_publisher(Pose33Array, "blazepose/poses", 10)
        client.wait_for(stranger.get_subscription_count, "the node")
        for message in odd_messages():
            client.answers.clear()
            stranger.publish(message)
            client.wait_for(lambda: client.answers, "an answer")
        stranger.publish(Pose33Array(poses=[Pose33(placement=99)]))  # which is none: it is logged
        answer = client.play(squats(2) if node == "repetitions" else held(POINTING), RATE_HZ)
    if node == "gestures":
        assert {each.gesture for each in answer.gestures} == {Gesture.POINTING, Gesture.STANDING}
    else:
        assert [(each.exercise, each.count) for each in answer.counts] == [("squat", 2)]


@pytest.mark.parametrize("exercise", ["squats", "missing.json"])
def test_an_exercise_that_there_is_not_ends_the_node_with_a_message(exercise: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        running("blazepose_repetitions", *ros_arguments({"exercise": exercise}), log=output) as process,
    ):
        assert process.wait(30.0) == 1
    assert "exercise" in log.read_text()
    assert exercise in log.read_text()
