# SPDX-License-Identifier: Apache-2.0
"""The example nodes do what they say, beside the real node on a real photograph; C++ compiles and runs."""

import math
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, PointStamped, PoseStamped
from sensor_msgs.msg import Image, JointState, RegionOfInterest
from std_msgs.msg import Bool, Float64, Header
from support import figures
from support.bodies import FACING_M, placed, pose_of
from support.hri import INSTALLED
from support.paths import ROOT
from support.photographs import PERSON
from support.pose_client import START_NS, PoseClient, image_message, pose_node
from support.processes import stopped_after
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection2DArray, Detection3DArray

from blazepose_ros.conversions.cv_bridge_fallback import cv_bridge_failure
from blazepose_ros.conversions.detections import to_detection_2d_array, to_detection_3d_array
from blazepose_ros.conversions.frames import to_tf_message
from blazepose_ros.conversions.hri import to_urdf_joint_state
from blazepose_ros.conversions.images import to_image
from blazepose_ros.conversions.pose33 import serialize_pose33, serialize_pose33_array
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import Frame, HipCenter, ModelComplexity, Placement
from blazepose_ros.msg import Gesture, Gestures, Pose33, Pose33Array

EXAMPLES = ROOT / "examples"
OUTPUTS = {
    "hand_raised": Bool,
    "right_wrist": PointStamped,
    "too_close": Bool,
    "nearest_person": Float64,
    "approaching": Bool,
    "region": RegionOfInterest,
    "forearm_up": Bool,
}
MORE_OUTPUTS = {"elbow": Float64, "goal_pose": PoseStamped, "looks": Bool}
MAX_LINES = 40
WHAT = Header(frame_id="camera"), Frame(np.zeros((480, 640, 3), np.uint8), 0), ModelComplexity.FULL


def example(name: Any, *arguments: Any) -> Any:
    return stopped_after(subprocess.Popen([sys.executable, str(EXAMPLES / name), *arguments]))


@pytest.fixture
def client(ros: ModuleType) -> Iterator[PoseClient]:
    client = PoseClient(ros)
    yield client
    client.close()


def heard(client: Any, topic: Any) -> Any:
    received = []
    client.node.create_subscription((OUTPUTS | MORE_OUTPUTS)[topic], topic, received.append, 10)
    return received


def answer(client: Any, publisher: Any, msg: Any, received: Any) -> Any:
    """Publish until something comes back."""
    client.wait_for(lambda: publisher.get_subscription_count(), "the example")
    received.clear()
    return client.wait_for(lambda: publisher.publish(msg) or received, "its answer")[0]


def message(person: Any) -> Any:
    return serialize_pose33(person, *WHAT)


def with_wrist_at(height_px: Any) -> Any:
    screen = np.full((33, 3), 200.0)
    screen[[Landmark.LEFT_WRIST, Landmark.RIGHT_WRIST], 1] = 300.0
    screen[Landmark.LEFT_WRIST, 1] = height_px
    return placed(screen=screen)


def test_a_hand_above_the_nose_is_raised(client: PoseClient) -> None:
    received = heard(client, "hand_raised")
    publisher = client.node.create_publisher(Pose33, "blazepose/pose", 10)
    with example("raised_hand.py"):
        assert answer(client, publisher, message(with_wrist_at(100.0)), received).data
        client.wait_for(
            lambda: publisher.publish(message(with_wrist_at(300.0))) or not received[-1].data, "no"
        )


def test_the_wrist_is_where_hips_and_landmark_say(client: PoseClient) -> None:
    received = heard(client, "right_wrist")
    publisher = client.node.create_publisher(Pose33, "blazepose/pose", 10)
    with example("wrist_position.py"):
        point = answer(client, publisher, message(placed((0.5, 0.2, 3.0))), received)
    assert point.header.frame_id == "camera"
    expected = FACING_M[Landmark.RIGHT_WRIST] + np.array([0.5, 0.2, 3.0])
    np.testing.assert_allclose([point.point.x, point.point.y, point.point.z], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("depth_m", "deviation_m", "is_near"),
    [(3.0, 0.1, False), (3.0, 0.6, True), (1.5, 0.1, True), (None, 0, False)],
)
def test_a_person_is_too_close_who_may_be_nearer_than_two_meters(
    client: PoseClient, depth_m: float | None, deviation_m: float, is_near: bool
) -> None:
    received = heard(client, "too_close")
    publisher = client.node.create_publisher(Pose33Array, "blazepose/poses", 10)
    people = []
    if depth_m is not None:
        people = [placed((0.0, 0.0, depth_m), np.diag([0.0, 0.0, deviation_m**2]))]
    with example("too_close.py"):
        assert answer(client, publisher, serialize_pose33_array(people, *WHAT), received).data is is_near


@pytest.mark.parametrize(("places", "nearest_m"), [([(0, 0, 3), (0, 0, 2)], 2.0), ([], math.inf)])
def test_the_nearest_person_is_that_of_the_detections(
    client: PoseClient, places: Any, nearest_m: float
) -> None:
    received = heard(client, "nearest_person")
    publisher = client.node.create_publisher(Detection3DArray, "blazepose/detections_3d", 10)
    detections = to_detection_3d_array([placed(place) for place in places], WHAT[0])
    with example("nearest_person.py"):
        assert answer(client, publisher, detections, received).data == pytest.approx(nearest_m)


def test_the_largest_box_is_the_region(client: PoseClient) -> None:
    received = heard(client, "region")
    publisher = client.node.create_publisher(Detection2DArray, "blazepose/detections_2d", 10)
    corners = [[(100.0, 50.0), (150.0, 90.0)], [(-20.0, 60.0), (180.0, 460.0)]]
    people = [placed(screen=np.repeat(np.pad(each, ((0, 0), (0, 1))), (16, 17), axis=0)) for each in corners]
    with example("largest_person.py"):
        region = answer(client, publisher, to_detection_2d_array(people, 640, 480, WHAT[0]), received)
        assert (region.y_offset, region.height) == (60, 400)
        assert (region.x_offset, region.width) == (0, 180)
        client.wait_for(lambda: publisher.publish(Detection2DArray()) or not received[-1].width, "nobody")


@pytest.mark.parametrize(
    ("velocity_m_s", "deviation_m_s", "comes"), [(-0.8, 0.1, True), (-0.8, 0.4, False), (0.8, 0.1, False)]
)
def test_who_comes_nearer_surely_is_said_to(
    client: PoseClient, velocity_m_s: float, deviation_m_s: float, comes: bool
) -> None:
    received = heard(client, "approaching")
    publisher = client.node.create_publisher(Pose33Array, "blazepose/poses", 10)
    covariance = np.eye(3) * deviation_m_s**2
    hips = HipCenter(
        np.array([0, 0, 3.0]), np.eye(3), Placement.MONO, np.array([0, 0, velocity_m_s]), covariance
    )
    people = [pose_of(person_id=1, hip_center=hips), pose_of(person_id=2)]  # one of whom nothing is known
    with example("approaching.py"):
        assert answer(client, publisher, serialize_pose33_array(people, *WHAT), received).data is comes


@pytest.mark.parametrize(("elevation_deg", "is_up"), [(80.0, True), (-80.0, False)])
def test_a_forearm_is_up_that_points_to_the_head(
    client: PoseClient, elevation_deg: float, is_up: bool
) -> None:
    received = heard(client, "forearm_up")
    publisher = client.node.create_publisher(TFMessage, "/tf", 10)
    person = figures.seen(figures.figure((figures.direction(elevation_deg, 45),) * 2), turn_deg=30)
    frames = to_tf_message([person], WHAT[0], limb_visibility=0.5)
    with example("forearm_up.py"):
        assert answer(client, publisher, frames, received).data is is_up


def test_a_robot_goes_where_somebody_points_once(client: PoseClient) -> None:
    received = heard(client, "goal_pose")
    publisher = client.node.create_publisher(Gestures, "blazepose_gestures/gestures", 10)
    place = PointStamped(header=Header(frame_id="map"), point=Point(x=1.0, y=-2.0))
    points = Gestures(gestures=[Gesture(gesture=Gesture.POINTING, floor_point=place, since=Time(sec=7))])
    with example("go_where_pointed.py"):
        goal = answer(client, publisher, points, received)
        assert (goal.header.frame_id, goal.pose.position.x, goal.pose.position.y) == ("map", 1.0, -2.0)
        received.clear()
        nowhere = Gestures(gestures=[Gesture(gesture=Gesture.POINTING, since=Time(sec=8))])
        again = Gestures(gestures=[Gesture(gesture=Gesture.POINTING, floor_point=place, since=Time(sec=9))])
        for each in (points, nowhere, again):
            publisher.publish(each)
        client.wait_for(lambda: received, "the next goal")
        assert len(received) == 1


@pytest.mark.skipif(not INSTALLED, reason="hri_msgs is not installed")
def test_elbows_are_bent_as_the_joints_of_bodies_say(client: PoseClient) -> None:
    from hri_msgs.msg import IdsList

    received = heard(client, "elbow")
    tracked = client.node.create_publisher(IdsList, "/humans/bodies/tracked", 10)
    joints = client.node.create_publisher(JointState, "/humans/bodies/b3/joint_states", 10)
    arm = figures.direction(-85, 0), figures.direction(5, 0)
    person = figures.seen(figures.figure(right_arm=arm), person_id=3)
    state = to_urdf_joint_state(person, 0.5, WHAT[0])
    with example("bent_elbows.py"):
        client.wait_for(
            lambda: tracked.publish(IdsList(ids=["b3"])) or joints.get_subscription_count(), "the example"
        )
        assert answer(client, joints, state, received).data == pytest.approx(90.0, abs=1.0)


STAND_IN = """
import numpy as np

class CvBridge:
    def imgmsg_to_cv2(self, msg, encoding):
        assert (msg.encoding, encoding) == ("rgb8", "bgr8")
        rgb = np.asarray(msg.data).reshape(msg.height, msg.width, 3)
        return np.ascontiguousarray(rgb[:, :, ::-1])
"""


@pytest.fixture
def cv_bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one, a stand-in where it is not installed or does not work."""
    if cv_bridge_failure() != "":
        (tmp_path / "cv_bridge.py").write_text(STAND_IN)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))


@pytest.mark.usefixtures("cv_bridge")
def test_the_annotated_image_is_saved_in_its_colors(client: PoseClient, tmp_path: Path) -> None:
    path = tmp_path / "saved.png"
    publisher = client.node.create_publisher(Image, "blazepose/annotated_image", 10)
    rgb = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    msg = to_image(rgb, "rgb8", Header(frame_id="camera"))

    def saved() -> Any:
        publisher.publish(msg)
        return path.exists() and cv2.imread(str(path)) is not None

    with example("save_annotated_image.py", "--ros-args", "-p", f"path:={path}"):
        client.wait_for(saved, "the file")
    np.testing.assert_array_equal(cv2.imread(str(path))[:, :, ::-1], rgb)


@pytest.mark.usefixtures("models", "cv_bridge")
def test_all_examples_work_beside_the_node(ros: ModuleType, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "annotated.png"
    bgr = cv2.imread(str(data / PERSON))
    with (
        pose_node(ros, "tf", model_complexity=0, publish_detections=True, publish_limb_tf=True) as client,
        example("nearest_person.py"),
        example("raised_hand.py"),
        example("wrist_position.py"),
        example("too_close.py"),
        example("approaching.py"),
        example("largest_person.py"),
        example("forearm_up.py"),
        example("look_when_asked.py"),
        example("save_annotated_image.py", "--ros-args", "-p", f"path:={path}"),
    ):
        received = {topic: heard(client, topic) for topic in OUTPUTS}
        client.wait_for(lambda: all(map(client.node.count_publishers, OUTPUTS)), "the examples")
        stamps = iter(range(START_NS, START_NS + 100 * 10**9, 10**8))
        client.wait_for(
            lambda: (
                client.ask(image_message(bgr, "bgr8", next(stamps)))
                and all(received.values())
                and path.exists()
            ),
            "answers",
        )
        (pose,) = client.received["poses"][-1].poses
        _looks_when_asked(client)
    wrist, hips = pose.world_landmarks[Pose33.RIGHT_WRIST], pose.hip_center.pose.position
    found = received["right_wrist"][-1]
    assert found.header.frame_id == pose.header.frame_id
    assert found.point.z == pytest.approx(hips.z + wrist.z, abs=0.05)
    drawn = (cv2.imread(str(path)) != bgr).any(axis=2)
    assert 0.001 < drawn.mean() < 0.5


def _looks_when_asked(client: PoseClient) -> None:
    """The example has the node end its subscription, and begin it again."""
    said, asked = heard(client, "looks"), client.node.create_publisher(Bool, "look", 10)
    client.wait_for(asked.get_subscription_count, "the example")
    for looks in (False, True):
        asked.publish(Bool(data=looks))
        client.wait_for(lambda: said and said[-1].data is looks, "its answer")  # noqa: B023
        count = int(looks)
        client.wait_for(lambda: client.image.get_subscription_count() == count, "the node")  # noqa: B023


def test_examples_of_single_outputs_are_short() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in EXAMPLES.glob("*.py")}
    assert not {name for name, length in lengths.items() if length > MAX_LINES}


CPP_MAIN = """
#include <cstdio>
#include "wrist_position.hpp"

int main()
{
  using blazepose_ros::msg::Pose33;
  static_assert(Pose33::RIGHT_FOOT_INDEX == 32);
  Pose33 pose;
  if (right_wrist(pose)) {
    return 1;  // not placed
  }
  pose.placement = Pose33::MONO;
  if (right_wrist(pose)) {
    return 2;  // not seen
  }
  pose.screen_landmarks[Pose33::RIGHT_WRIST].visibility = 1.0f;
  pose.world_landmarks[Pose33::RIGHT_WRIST].x = 0.25;
  pose.hip_center.pose.position.z = 3.0;
  const auto point = right_wrist(pose);
  std::printf("%.2f %.2f %.2f", point->x, point->y, point->z);
}
"""


def include_folders() -> Any:
    """Return the folders of the generated headers: one for each package, in the environment or ROS."""
    chosen = filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep))
    prefixes = map(Path, (sysconfig.get_paths()["data"], *chosen))
    return [folder for prefix in prefixes for folder in (prefix / "include").glob("*") if folder.is_dir()]


def compiled(tmp_path: Path, source: Any) -> Path:
    compiler = which("c++") or which("g++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    program = tmp_path / "program"
    includes = [f"-I{folder}" for folder in (*include_folders(), EXAMPLES / "cpp")]
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-x", "c++"]
    subprocess.run([compiler, *flags, *includes, str(source), "-o", str(program)], check=True)
    return program


def test_the_cpp_example_compiles_against_the_generated_headers_and_computes_the_same(tmp_path: Path) -> None:
    source = tmp_path / "main.cpp"
    source.write_text(CPP_MAIN)
    program = compiled(tmp_path, source)
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "0.25 0.00 3.00"


def test_the_cpp_node_builds_where_rclcpp_is_installed(tmp_path: Path) -> None:
    if not any((folder / "rclcpp" / "rclcpp.hpp").exists() for folder in include_folders()):
        pytest.skip("rclcpp is not installed")
    build = tmp_path / "build"
    subprocess.run(["cmake", "-S", str(EXAMPLES / "cpp"), "-B", str(build)], check=True)
    subprocess.run(["cmake", "--build", str(build)], check=True)
