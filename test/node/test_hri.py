# SPDX-License-Identifier: Apache-2.0
"""REP-155's messages and topics."""

import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import cv2
from rclpy.qos import QoSProfile
from rclpy.validate_topic_name import validate_topic_name
from std_msgs.msg import Header
from support.bodies import CAMERA, FACING_AXES, FACING_M, pose_of, seen_by
from support.hri import INSTALLED, hri_msgs  # noqa: F401 a fixture
from support.kinematics import link_poses
from support.node_services import set_parameters
from support.photographs import PERSON
from support.pose_client import START_NS, image_message, pose_node

from blazepose_ros.conversions.hri import SKELETON_2D, HriMessages, HriMessagesError
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.timestamps import Stopwatch
from blazepose_ros.core.types import Frame
from blazepose_ros.core.visualization.anonymizer import Anonymize
from blazepose_ros.nodes.pose.hri_publishers import KEEP_NS, TRACKED, HriPublishers
from blazepose_ros.nodes.pose.received_image import DecodedImage

HEADER = Header(frame_id="eye")
WIDTH, HEIGHT = 640, 480
with_messages = pytest.mark.usefixtures("hri_msgs")


def skeleton(pose: Any) -> Any:
    points = HriMessages().to_skeleton_2d(pose, WIDTH, HEIGHT, HEADER).skeleton
    return np.array([(point.x, point.y, point.c) for point in points])


@with_messages
def test_bodies_have_names_that_topics_may_have() -> None:
    msg = HriMessages().to_ids_list([pose_of(person_id=3), pose_of(person_id=12)], HEADER)
    assert list(msg.ids) == ["b3", "b12"]
    assert msg.header == HEADER
    for name in msg.ids:
        validate_topic_name(f"/humans/bodies/{name}/skeleton2d")


@with_messages
def test_a_skeleton_has_its_points_where_the_landmarks_are_in_the_image() -> None:
    pose = seen_by(CAMERA, (0, 0, 3))
    points = skeleton(pose)
    expected = [pose.screen[list(rows), :2].mean(axis=0) / (WIDTH, HEIGHT) for rows in SKELETON_2D]
    np.testing.assert_allclose(points[:, :2], expected, atol=1e-6)
    np.testing.assert_array_equal(points[:, 2], 1)


@pytest.mark.skipif(not INSTALLED, reason="hri_msgs is not installed")
def test_the_order_of_the_points_is_that_of_the_message() -> None:
    from hri_msgs.msg import Skeleton2D

    for index, rows in enumerate(SKELETON_2D):
        name = "NECK" if len(rows) == 2 else rows[0].name
        assert getattr(Skeleton2D, name) == index


@with_messages
def test_what_is_outside_of_the_image_is_at_its_edge_without_confidence() -> None:
    pose = seen_by(CAMERA, (0, 0, 3))
    screen = pose.screen.copy()
    screen[Landmark.NOSE, :2] = -50, HEIGHT / 2
    screen[Landmark.LEFT_EYE, :2] = np.nan
    points = skeleton(pose_of(pose.world, screen))
    np.testing.assert_allclose(points[0], (0, 0.5, 0))
    np.testing.assert_array_equal(points[14], 0)


@with_messages
def test_the_neck_is_as_sure_as_the_less_sure_shoulder() -> None:
    visibility = np.ones(33)
    visibility[Landmark.LEFT_SHOULDER] = 0.25
    assert skeleton(pose_of(visibility=visibility, screen=np.ones((33, 3))))[1, 2] == 0.25


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hri_msgs", None)
    monkeypatch.setitem(sys.modules, "hri_msgs.msg", None)
    with pytest.raises(HriMessagesError, match=r"apt install ros-.*-hri-msgs"):
        HriMessages()


class Topic:
    """A publisher that keeps what it is given."""

    def __init__(self, name: Any, listeners: Any) -> None:
        self.name, self.listeners, self.sent = name, listeners, []

    def get_subscription_count(self) -> Any:
        return self.listeners

    def publish(self, msg: Any) -> None:
        self.sent.append(msg)


class Topics:
    """The topics that there are."""

    def __init__(self, listeners: Any = 1) -> None:
        self.open, self._listeners = {}, listeners
        self.settings, self.known = NodeSettings(), {}
        self.publishers = HriPublishers(self._create, lambda topic: self.open.pop(topic.name))

    def _create(self, _type: Any, name: Any, *, latched: bool = False) -> Any:
        self.open[name] = Topic(name, self._listeners)
        self.open[name].latched = latched
        return self.open[name]

    def show(self, stamp_ns: Any, *ids: Any) -> None:
        image = DecodedImage(HEADER, Frame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), stamp_ns), 1, Stopwatch())
        people = [seen_by(CAMERA, (0, 0, 3), person_id=each, **self.known) for each in ids]
        self.publishers.publish(image, people, self.settings)


def skeleton_of(person_id: Any) -> str:
    return f"/humans/bodies/b{person_id}/skeleton2d"


def topics_of(*ids: int) -> set[str]:
    """Return all topics of people."""
    names = ("skeleton2d", "roi", "cropped", "joint_states", "urdf")
    return {f"/humans/bodies/b{person_id}/{name}" for person_id in ids for name in names}


@with_messages
def test_topics_come_with_people_and_go_some_time_after_them() -> None:
    topics = Topics()
    topics.show(0, 1, 2)
    topics.show(KEEP_NS, 2)
    assert topics.open.keys() == {TRACKED} | topics_of(1, 2)
    topics.show(KEEP_NS + 1, 2)
    assert topics.open.keys() == {TRACKED} | topics_of(2)
    assert [list(msg.ids) for msg in topics.open[TRACKED].sent] == [["b1", "b2"], ["b2"], ["b2"]]
    assert len(topics.open[skeleton_of(2)].sent) == 3


@with_messages
def test_who_is_followed_over_a_jump_in_time_keeps_the_topic_and_others_lose_it() -> None:
    topics = Topics()
    topics.show(10 * KEEP_NS, 1, 2)
    topics.show(0, 1)
    assert topics.open.keys() == {TRACKED} | topics_of(1)


@with_messages
def test_an_image_of_nobody_says_that_nobody_is_tracked() -> None:
    topics = Topics()
    topics.show(0)
    assert [list(msg.ids) for msg in topics.open[TRACKED].sent] == [[]]


@with_messages
@pytest.mark.parametrize("listeners", [0, 1])
def test_nothing_is_made_that_nobody_listens_to(listeners: int) -> None:
    topics = Topics(listeners)
    topics.show(0, 1)
    sent = {name: len(topic.sent) for name, topic in topics.open.items() if not topic.latched}
    assert set(sent.values()) == {listeners}
    assert topics.publishers.have_listeners == bool(listeners)


@with_messages
def test_closed_topics_are_gone_and_an_image_that_is_still_on_its_way_does_no_harm() -> None:
    topics = Topics()
    topics.show(0, 1)
    topics.publishers.close()
    topics.show(1, 1)
    assert topics.open == {}
    assert not topics.publishers.have_listeners


def sent_on(topics: Any, name: str) -> Any:
    return topics.open[f"/humans/bodies/b1/{name}"].sent


@with_messages
def test_a_region_holds_the_body_and_the_crop_shows_it() -> None:
    topics = Topics()
    topics.show(0, 1)
    (region,), (crop,) = sent_on(topics, "roi"), sent_on(topics, "cropped")
    screen = seen_by(CAMERA, (0, 0, 3)).screen[:, :2] / (WIDTH, HEIGHT)
    np.testing.assert_allclose((region.xmin, region.ymin), screen.min(axis=0), atol=1e-6)
    np.testing.assert_allclose((region.xmax, region.ymax), screen.max(axis=0), atol=1e-6)
    size = np.ptp(screen, axis=0) * (WIDTH, HEIGHT)
    np.testing.assert_allclose((crop.width, crop.height), size, atol=2)
    assert (crop.header, crop.encoding) == (HEADER, "rgb8")


@with_messages
def test_no_part_of_the_image_is_shown_where_people_are_hidden() -> None:
    topics = Topics()
    topics.settings = NodeSettings(anonymize=Anonymize.FACE)
    topics.show(0, 1)
    assert sent_on(topics, "cropped") == []
    assert len(sent_on(topics, "roi")) == 1


@with_messages
def test_the_urdf_and_the_joint_states_are_those_of_the_body() -> None:
    topics = Topics()
    topics.show(0, 1)
    (urdf,), (joints,) = sent_on(topics, "urdf"), sent_on(topics, "joint_states")
    links = link_poses(urdf.data, dict(zip(joints.name, joints.position, strict=True)))
    in_body = FACING_M @ FACING_AXES
    for link, landmark in (("l_elbow", Landmark.LEFT_ELBOW), ("r_ankle", Landmark.RIGHT_ANKLE)):
        # The made-up body has other proportions than people in the mean.
        np.testing.assert_allclose(links[f"{link}_b1"][:3, 3], in_body[landmark], atol=0.12)


@with_messages
def test_the_urdf_is_latched_and_comes_anew_with_a_learned_stature() -> None:
    topics = Topics(listeners=0)
    for number, stature_m in enumerate((math.nan, math.nan, 1.5, 1.505, 1.6)):
        topics.known = {"stature_m": stature_m}
        topics.show(number, 1)
    assert topics.open["/humans/bodies/b1/urdf"].latched
    assert len({urdf.data for urdf in sent_on(topics, "urdf")}) == len(sent_on(topics, "urdf")) == 3


@pytest.fixture(scope="module")
def person(data: Path) -> Any:
    return cv2.imread(str(data / PERSON))


@pytest.mark.skipif(INSTALLED, reason="hri_msgs is installed")
@pytest.mark.usefixtures("models")
def test_a_node_without_the_package_says_so_and_works(
    ros: ModuleType, person: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with pose_node(ros, model_complexity=0, publish_hri=True) as client:
        assert client.ask(image_message(person, "bgr8", START_NS)).poses
        assert not set_parameters(client, visibility_threshold=0.25)
    assert capfd.readouterr().err.count("the package hri_msgs is not installed") == 1


@pytest.mark.skipif(not INSTALLED, reason="hri_msgs is not installed")
@pytest.mark.usefixtures("models")
def test_a_node_tells_others_who_is_there_and_where_their_joints_are(ros: ModuleType, person: Any) -> None:
    from hri_msgs.msg import IdsList, Skeleton2D

    heard = {TRACKED: [], skeleton_of(1): []}
    with pose_node(ros, model_complexity=0, publish_hri=True) as client:
        for topic, message_type in zip(heard, (IdsList, Skeleton2D), strict=True):
            client.node.create_subscription(message_type, topic, heard[topic].append, QoSProfile(depth=10))
        client.wait_for(lambda: client.node.count_publishers(TRACKED), TRACKED)
        stamps_ns = iter(range(START_NS, START_NS + 10**12, 33_000_000))
        client.ask(image_message(person, "bgr8", next(stamps_ns)))
        client.wait_for(lambda: client.node.count_publishers(skeleton_of(1)), "the skeleton's topic")
        while not all(heard.values()):
            answer = client.ask(image_message(person, "bgr8", next(stamps_ns)))
    (pose,) = answer.poses
    assert heard[TRACKED][-1].ids == ["b1"]
    nose = heard[skeleton_of(1)][-1].skeleton[Skeleton2D.NOSE]
    seen = pose.screen_landmarks[Landmark.NOSE]
    assert (nose.x, nose.y) == pytest.approx(
        (seen.x / pose.image_width, seen.y / pose.image_height), abs=0.01
    )
    assert nose.c == pytest.approx(seen.visibility, abs=0.01)
