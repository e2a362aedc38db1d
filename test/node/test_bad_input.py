# SPDX-License-Identifier: Apache-2.0
"""The node as a process, given images of every kind, broken ones included."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, Image
from support.node_services import set_parameters
from support.photographs import NOBODY, PERSON
from support.pose_client import FRAME_ID, START_NS, image_message, screen_array, world_array
from support.processes import executable
from support.sensors import mosaic, yuv422
from support.shared_memory import files_of
from support.shared_nodes import SharedNodes
from visualization_msgs.msg import Marker

from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.msg import Pose33

pytestmark = pytest.mark.usefixtures("models")

FRAME_NS = 33_000_000
# The node smooths over time: after so many equal images its answer stands still.
SETTLED = 8
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0


@pytest.fixture(scope="module")
def person(data: Path) -> Any:
    """A photograph of one person, (height, width, 3), red first."""
    return cv2.imread(str(data / PERSON))[:, :, ::-1]


@pytest.fixture(scope="module")
def nobody(data: Path) -> Any:
    return cv2.imread(str(data / NOBODY))[:, :, ::-1]


class Stamps:
    """Stamps of a stream of images, and earlier ones that start another stream."""

    def __init__(self) -> None:
        self._start_ns = self._next_ns = START_NS

    def next(self) -> Any:
        self._next_ns += FRAME_NS
        return self._next_ns

    def start_again(self) -> None:
        """Go back in time, by which the node forgets what it tracked."""
        self._start_ns -= 10_000_000_000
        self._next_ns = self._start_ns


@pytest.fixture
def stamps() -> Stamps:
    return Stamps()


def settled(client: Any, stamps: Any, pixels: Any, encoding: Any, padding: Any = 0) -> Any:
    """Return the landmarks, (33, 2) pixels, that the node ends up with for a still image."""
    stamps.start_again()
    for _ in range(SETTLED):
        (pose,) = client.ask(image_message(pixels, encoding, stamps.next(), padding)).poses
    return screen_array(pose)[:, :2]


def test_encodings_and_padding_give_the_same_landmarks(
    nodes: SharedNodes, person: Any, stamps: Stamps
) -> None:
    bgr, gray = person[:, :, ::-1], cv2.cvtColor(person, cv2.COLOR_RGB2GRAY)
    opaque = np.full((*person.shape[:2], 1), 255, np.uint8)
    images = {
        "rgb8, padded": (person, "rgb8", 40),
        "bgr8": (bgr, "bgr8"),
        "bgr8, padded": (bgr, "bgr8", 7),
        "rgba8": (np.dstack([person, opaque]), "rgba8"),
        "bgra8": (np.dstack([bgr, opaque]), "bgra8"),
        "yuv422_yuy2": (yuv422(person, "yuYv"), "yuv422_yuy2"),
        "bayer_rggb8": (mosaic(person, "rggb"), "bayer_rggb8"),
        "mono8": (gray, "mono8"),
        "red for blue": (bgr, "rgb8"),
    }
    with nodes.node() as client:
        reference = settled(client, stamps, person, "rgb8")
        errors_px = {
            name: np.linalg.norm(settled(client, stamps, *image) - reference, axis=1)
            for name, image in images.items()
        }
    for name, error_px in errors_px.items():
        print(f"{name}: {error_px.mean():.1f} px in the mean, {error_px.max():.1f} at most")  # noqa: T201
    for name in ("rgb8, padded", "bgr8", "bgr8, padded", "rgba8", "bgra8"):
        assert errors_px[name].max() < 2
    for name in ("yuv422_yuy2", "bayer_rggb8"):
        assert errors_px[name].max() < 5
    # Without colors the hands are seen elsewhere.
    assert errors_px["mono8"].max() < 15
    assert errors_px["mono8"].mean() < 7
    assert errors_px["red for blue"].max() > 5  # the test can tell them apart


def broken_images(person: Any) -> Any:
    """Return images that cannot be read, and what is said of each."""
    height, width = person.shape[:2]
    depth = np.zeros((height, width), np.float32)
    empty = Image(encoding="rgb8")
    wrong_step = image_message(person, "rgb8", 0)
    wrong_step.step = width
    short = image_message(person, "rgb8", 0)
    short.data = short.data[:-1]
    return {
        "the encoding '32FC1' is not supported": image_message(depth, "32FC1", 0),
        "the image is empty: 0 x 0": empty,
        f"step is {width} bytes, but {width} pixels of rgb8 take {3 * width}": wrong_step,
        f"data has {3 * width * height - 1} bytes": short,
    }


def stamped(msg: Any, stamp_ns: Any) -> Any:
    msg.header.frame_id = FRAME_ID
    msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    return msg


def test_broken_images_are_each_reported_once_and_the_next_good_one_is_processed(
    nodes: SharedNodes, person: Any, stamps: Stamps
) -> None:
    with nodes.node() as client:
        for broken in broken_images(person).values():
            for _ in range(20):
                client.image.publish(stamped(broken, stamps.next()))
                client.executor.spin_once(timeout_sec=0.02)
            assert client.ask(image_message(person, "rgb8", stamps.next())).poses
        answered, log = len(client.received["poses"]), client.log()
    assert answered < 20  # nothing was made up for the broken ones
    for complaint in broken_images(person):
        assert log.count(f"image dropped: {complaint}") == 1
    assert log.count("[ERROR]") == len(broken_images(person))
    assert "Traceback" not in log


def test_stamps_that_repeat_or_go_back_are_answered_with_their_own(nodes: SharedNodes, person: Any) -> None:
    stamps_ns = [START_NS, START_NS, START_NS + 1, START_NS + FRAME_NS, START_NS - 5_000_000_000, 0, 1]
    with nodes.node() as client:
        for stamp_ns in stamps_ns:
            client.received["poses"].clear()
            msg = image_message(person, "rgb8", stamp_ns)
            answer = client.ask(msg)
            assert answer.header == msg.header
            assert len(answer.poses) == 1
            assert answer.poses[0].header == msg.header


def test_a_stamp_before_the_epoch_is_answered_too(nodes: SharedNodes, person: Any) -> None:
    with nodes.node() as client:
        msg = image_message(person, "rgb8", 0)
        msg.header.stamp.sec = -1
        assert client.ask(msg).header == msg.header
        assert client.ask(image_message(person, "rgb8", START_NS)).poses


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (0.0, "no calibration on /camera_info"),
        (np.nan, "K is not a 3 x 3 matrix of finite numbers"),
        (-525.0, "the focal lengths are -525 and -525, not both positive"),
    ],
    ids=["zeros", "NaN", "negative"],
)
def test_a_useless_calibration_is_reported_and_a_field_of_view_assumed(
    nodes: SharedNodes,
    person: Any,
    stamps: Stamps,
    entry: Any,
    complaint: str,
) -> None:
    info = CameraInfo(width=person.shape[1], height=person.shape[0], distortion_model="plumb_bob")
    info.k = np.full(9, entry)
    # Another angle than other tests': what was said of theirs is not said again so soon.
    with nodes.node() as client:
        assert set_parameters(client, assumed_hfov_deg=61.0) == ""
        client.wait_for(client.camera_info.get_subscription_count, "the node's camera_info")
        for _ in range(10):
            client.camera_info.publish(info)
            (pose,) = client.ask(image_message(person, "rgb8", stamps.next())).poses
        log = client.log()
    assert log.count(complaint) == 1
    assert "Traceback" not in log
    assert pose.placement == Pose33.MONO
    variance_z = pose.hip_center.covariance[14]
    assert np.sqrt(variance_z) > 0.2 * position(pose)[2]


def test_a_calibration_out_of_all_proportion_does_not_stop_the_node(
    nodes: SharedNodes, person: Any, stamps: Stamps
) -> None:
    info = CameraInfo(width=1, height=1, distortion_model="plumb_bob")
    info.k = np.diag([1e11, 1e11, 1.0]).ravel()
    with nodes.node() as client:

        def is_refused() -> bool:
            client.camera_info.publish(info)
            client.image.publish(image_message(person, "rgb8", stamps.next()))
            return "camera_info does not fit 744 x 704 pixels" in client.log()

        client.wait_for(is_refused, "a complaint about the calibration")
        client.camera_info.publish(CameraInfo())
        assert client.ask(image_message(person, "rgb8", stamps.next())).poses


def position(pose: Any) -> Any:
    point = pose.hip_center.pose.position
    return np.array([point.x, point.y, point.z])


def translation(transform: Any) -> Any:
    vector = transform.transform.translation
    return np.array([vector.x, vector.y, vector.z])


def rotation(transform: Any) -> Any:
    q = transform.transform.rotation
    return Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix()


def answers(client: Any, name: Any, stamp: Any) -> Any:
    """Wait for what the node publishes on a topic for the image of a stamp."""

    def stamp_of(msg: Any) -> Any:
        return msg.header.stamp if hasattr(msg, "header") else msg.transforms[0].header.stamp

    def find() -> Any:
        return [msg for msg in client.received[name] if stamp_of(msg) == stamp]

    return client.wait_for(find, f"{name} of the image")


def test_frames_put_the_landmarks_where_the_message_says(
    nodes: SharedNodes, person: Any, stamps: Stamps
) -> None:
    with nodes.node("tf") as client:
        client.wait_for(lambda: client.node.count_publishers("/tf"), "the node's /tf")
        msg = image_message(person, "rgb8", stamps.next())
        (pose,) = client.ask(msg).poses
        tf = answers(client, "tf", msg.header.stamp)[0]
    frames = {transform.child_frame_id: transform for transform in tf.transforms}
    body, world, hips = frames["body_1"], world_array(pose), position(pose)
    assert body.header.frame_id == frames["hip_center_1"].header.frame_id == FRAME_ID
    np.testing.assert_allclose(translation(body), hips)
    np.testing.assert_allclose(rotation(body), body_axes(world), atol=1e-6)
    for landmark in Landmark:
        seen = pose.screen_landmarks[landmark].visibility >= 0.5
        name = f"{landmark.frame_name}_1"
        assert (name in frames) == seen
        if seen:
            composed = translation(body) + rotation(body) @ translation(frames[name])
            np.testing.assert_allclose(composed, hips + world[landmark], atol=1e-6)


def test_when_the_person_leaves_everything_leaves(
    nodes: SharedNodes, person: Any, nobody: Any, stamps: Stamps
) -> None:
    with nodes.node("pose", "markers", "tf", "annotated_image") as client:
        for topic in ("pose", "markers", "annotated_image"):
            client.wait_for(lambda t=topic: client.node.count_publishers(f"blazepose/{t}"), topic)
        first = image_message(person, "rgb8", stamps.next())
        (pose,) = client.ask(first).poses
        drawn = answers(client, "annotated_image", first.header.stamp)[0]
        assert drawn.header == first.header
        assert (drawn.width, drawn.height) == (first.width, first.height)
        assert pixels(drawn).shape == person.shape
        assert (pixels(drawn) != person).any()
        assert answers(client, "pose", first.header.stamp)[0].world_landmarks == pose.world_landmarks
        markers = client.wait_for(
            lambda: [msg for msg in client.received["markers"] if msg.markers], "markers"
        )[-1].markers
        assert {marker.action for marker in markers} == {Marker.ADD}
        assert {marker.header.frame_id for marker in markers} == {FRAME_ID}
        joints = {
            (p.x, p.y, p.z)
            for marker in markers
            if marker.type in (Marker.SPHERE_LIST, Marker.CUBE_LIST)
            for p in marker.points
        }
        expected = world_array(pose) + position(pose)
        np.testing.assert_allclose(sorted(joints), sorted(map(tuple, expected)), atol=1e-6)

        for received in client.received.values():
            received.clear()
        last = image_message(nobody, "rgb8", stamps.next())
        while client.ask(last).poses:  # a tracker may hold on for a moment
            last = image_message(nobody, "rgb8", stamps.next())
        drawn = answers(client, "annotated_image", last.header.stamp)[0]
        np.testing.assert_array_equal(pixels(drawn), nobody)
        client.wait_for(
            lambda: (
                {
                    (marker.ns, marker.id)
                    for msg in client.received["markers"]
                    for marker in msg.markers
                    if marker.action == Marker.DELETE
                }
                >= {(marker.ns, marker.id) for marker in markers}
            ),
            "the markers' end",
        )
        assert not [msg for msg in client.received["pose"] if msg.header.stamp == last.header.stamp]
        assert not [
            msg for msg in client.received["tf"] if msg.transforms[0].header.stamp == last.header.stamp
        ]


def pixels(msg: Any) -> Any:
    return np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.width, 3)


@contextmanager
def spawned() -> Iterator[subprocess.Popen]:
    """Start a node without waiting for anything."""
    with subprocess.Popen(
        [executable("blazepose_node")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as node:
        try:
            yield node
        finally:
            node.kill()


def handles_sigterm(node: Any) -> Any:
    """Tell whether a process has a handler, which Python has not by itself (proc(5), SigCgt)."""
    status = Path(f"/proc/{node.pid}/status").read_text()
    caught = int(re.search(r"SigCgt:\s*([0-9a-f]+)", status)[1], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.3, 0.6, 1.0, 2.0])
def test_a_signal_while_it_starts_ends_the_node_in_order(number: signal.Signals, delay_s: float) -> None:
    with spawned() as node:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not handles_sigterm(node):  # before, Python itself is starting
            assert time.monotonic() < deadline
            time.sleep(0.001)
        with pytest.raises(subprocess.TimeoutExpired):
            node.wait(delay_s)
        opened = " ".join(files_of(Path(f"/proc/{node.pid}")))
        segments = re.findall(r"(/dev/shm/\w+_[0-9a-f]{16})_el", opened)
        node.send_signal(number)
        output, _ = node.communicate(timeout=STOP_TIMEOUT_S)
    assert node.returncode == 0, output
    assert "Traceback" not in output
    assert "Exception" not in output
    assert not any(Path(segment).exists() for segment in segments)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_before_anything_ends_the_process_too(number: signal.Signals) -> None:
    with spawned() as node:
        node.send_signal(number)
        output, _ = node.communicate(timeout=STOP_TIMEOUT_S)
    assert node.returncode in (0, -number), output


FORGED = "[FATAL] [1.0] [blazepose]: the robot is on fire"
NASTY = {
    "a forged line": f"eye\n{FORGED}",
    "ANSI codes": "\x1b[2J\x1b[31meye",
    "control characters": "".join(map(chr, range(1, 32))),
    "a megabyte": "x" * 1_000_000,
}
LONGEST_LINE = 5_000


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY.keys())
def test_text_from_outside_stays_within_its_line(
    nodes: SharedNodes, person: Any, stamps: Stamps, text: str
) -> None:
    with nodes.node("diagnostics") as client:
        assert set_parameters(client, target_frame=text) == ""
        odd = [image_message(person, "rgb8", stamps.next()) for _ in range(2)]
        odd[0].encoding = odd[1].header.frame_id = text
        for msg in odd:
            client.image.publish(msg)
        client.camera_info.publish(CameraInfo(width=640, height=480, distortion_model=text))
        client.listen("target_poses")  # what asks for the transform
        for refused in ({"placement": text}, {"model_path": f"/{text[:3000]}"}, {"tf_prefix": text}):
            assert max(map(len, set_parameters(client, **refused).splitlines())) < LONGEST_LINE
        for _ in range(SETTLED):
            assert client.ask(image_message(person, "rgb8", stamps.next())).poses
        client.wait_for(lambda: client.received["diagnostics"], "diagnostics")
        said = client.received["diagnostics"][-1].status[0]
        lines = [*client.log().splitlines(), said.message, *(each.value for each in said.values)]
    assert not [line for line in lines if line.startswith("[FATAL]")]
    assert not [line for line in lines if not line.isprintable()]
    assert max(map(len, lines)) < LONGEST_LINE
