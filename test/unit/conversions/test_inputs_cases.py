# SPDX-License-Identifier: Apache-2.0
"""What comes beside the images: calibrations, depths and transforms, at their limits."""

from typing import Any

import cv2
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray

from blazepose_ros.conversions.camera_info import CalibrationInput, camera_info_message, read_camera
from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.depth_input import DepthInput
from blazepose_ros.conversions.frame_context import FrameContextCollector
from blazepose_ros.conversions.images import compressed_message
from blazepose_ros.conversions.tf_buffer import HISTORY_NS, TfBuffer, TransformError
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import Frame

K = [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]
CALIBRATION = CameraInfo(width=640, height=480, k=K, d=[0.0] * 5, distortion_model="plumb_bob")
FRAME = Frame(np.zeros((480, 640, 3), np.uint8), 1_000_000_000)


class Log:
    def __init__(self) -> None:
        self.errors, self.warnings = [], []
        self.error, self.warning, self.info = self.errors.append, self.warnings.append, print


@pytest.fixture
def log() -> Log:
    return Log()


class Clock:
    now_s = 100.0

    def __call__(self) -> Any:
        return self.now_s


def test_a_serialized_calibration_is_the_cameras(log: Log) -> None:
    source = CalibrationInput("/camera_info", log)
    assert (source.is_known, source.is_calibrated) == (False, False)
    source.receive(serialize_message(CALIBRATION))
    assert source.is_known
    assert source.is_calibrated
    camera = source.camera_for(320, 240, 60.0)
    assert (camera.width, camera.height, camera.k[0, 0], camera.assumed) == (320, 240, 250.0, False)
    source.receive(b"torn")
    assert source.is_calibrated
    assert log.errors == ["camera_info dropped: the encapsulation is 746f, not plain CDR"]


def test_after_a_second_without_a_calibration_one_is_assumed_aloud_and_once(log: Log) -> None:
    clock = Clock()
    source = CalibrationInput("/camera_info", log, clock)
    for elapsed_s, warnings in ((0.0, 0), (0.99, 0), (0.01, 1), (5.0, 1)):
        clock.now_s += elapsed_s
        assert source.camera_for(640, 480, 75.0).assumed
        assert len(log.warnings) == warnings
    assert log.warnings == [
        "no calibration on /camera_info: distances rest on an assumed field of view of 75 degrees"
        " (assumed_hfov_deg)"
    ]


def test_a_camera_that_says_it_is_not_calibrated_is_not_waited_for(log: Log) -> None:
    source = CalibrationInput("/camera_info", log, Clock())
    source.receive(serialize_message(CameraInfo(width=640, height=480)))
    assert source.is_known
    source.camera_for(640, 480, 60.0)
    assert len(log.warnings) == 1


def test_a_calibration_of_no_camera_takes_the_old_one_away(log: Log) -> None:
    source = CalibrationInput("/camera_info", log)
    source.update(CALIBRATION)
    source.update(CameraInfo(width=640, height=480, k=[-1.0, *K[1:]], distortion_model="plumb_bob"))
    assert not source.is_calibrated
    assert log.errors[0].startswith("camera_info is not usable: the focal lengths are -1 and 510")
    assert log.errors[0].endswith("; a field of view is assumed")


def test_a_camera_info_message_comes_back_as_the_camera() -> None:
    header = header_message(7, "eye")
    assert camera_info_message(None, (640, 480), header) == CameraInfo(header=header, width=640, height=480)
    assert read_camera(camera_info_message(None, (640, 480), header)) is None


def depth_message(stamp_ns: Any, value: Any = 2000, width: Any = 4, height: Any = 3) -> Any:
    data = np.full((height, width), value, "<u2").tobytes()
    header = header_message(stamp_ns, "depth")
    msg = Image(header=header, height=height, width=width, encoding="16UC1", step=2 * width, data=data)
    return serialize_message(msg)


@pytest.mark.parametrize(
    ("apart_ns", "taken"),
    [(0, True), (50_000_000, True), (50_000_001, False), (-50_000_000, True), (-50_000_001, False)],
)
def test_a_depth_image_is_taken_up_to_the_tolerance_on_either_side(
    log: Log, apart_ns: int, taken: bool
) -> None:
    source = DepthInput(log)
    source.receive(depth_message(10**9 + apart_ns))
    assert (source.depth_for(10**9, 0.05, CameraModel.from_hfov(640, 480, 60.0)) is not None) is taken


def test_of_two_depth_images_as_far_away_one_is_taken(log: Log) -> None:
    source = DepthInput(log)
    for stamp_ns, value in ((10**9 - 5, 1000), (10**9 + 5, 2000)):
        source.receive(depth_message(stamp_ns, value))
    depth = source.depth_for(10**9, 0.05, CameraModel.from_hfov(640, 480, 60.0))
    assert depth.depth_m[0, 0] in (1.0, 2.0)
    assert (depth.camera.width, depth.camera.height) == (4, 3)


def test_an_image_without_a_stamp_has_the_newest_depth_without_one(log: Log) -> None:
    collector = FrameContextCollector("/camera_info", log)
    for value in (1000, 2000):
        collector.depth.receive(depth_message(0, value))
    depth = collector.context_of(FRAME, NodeSettings(), header_ns=0).depth
    assert depth is not None
    assert depth.depth_m[0, 0] == 2.0
    assert collector.context_of(FRAME, NodeSettings()).depth is None


@pytest.mark.parametrize("placement", ["auto", "depth", "mono", "none"])
def test_the_context_of_an_image_is_what_its_placement_needs(log: Log, placement: str) -> None:
    collector = FrameContextCollector("/camera_info", log)
    collector.calibration.update(CALIBRATION)
    collector.depth.receive(depth_message(FRAME.stamp_ns + 20_000_000))
    context = collector.context_of(FRAME, NodeSettings(placement=placement, depth_tolerance_s=0.03))
    assert (context.camera is None) is (placement == "none")
    assert (context.depth is None) is (placement in ("mono", "none"))
    if context.camera is not None:
        assert context.camera.k[1, 1] == 510.0
        assert not context.camera.assumed


def test_the_context_has_the_settings_of_its_image(log: Log) -> None:
    collector = FrameContextCollector("/camera_info", log)
    collector.depth.receive(depth_message(FRAME.stamp_ns + 20_000_000))
    context = collector.context_of(FRAME, NodeSettings(depth_tolerance_s=0.01, assumed_hfov_deg=90.0))
    assert context.depth is None
    assert context.camera.assumed
    assert context.camera.k[0, 0] == pytest.approx(320.0)
    collector.depth.receive(b"")
    collector.calibration.receive(b"")
    collector.detections.receive(serialize_message(Detection2DArray(detections=[Detection2D()])))
    told = ["depth image dropped", "camera_info dropped", "detection ignored"]
    assert [error.partition(":")[0] for error in log.errors] == told


def shifted(x: Any) -> Rigid:
    return Rigid(np.eye(3), np.array([float(x), 0.0, 0.0]))


def test_the_first_transform_of_a_stamp_stays_and_others_are_sorted_in() -> None:
    tree = TfBuffer()
    for stamp_ns, x in ((10, 1), (30, 3), (20, 2), (20, 9), (10, 9), (30, 9)):
        tree.insert("map", "eye", shifted(x), stamp_ns)
    found = [tree.lookup("map", "eye", stamp_ns).translation[0] for stamp_ns in (10, 15, 20, 25, 30)]
    np.testing.assert_allclose(found, [1.0, 1.5, 2.0, 2.5, 3.0])


@pytest.mark.parametrize(("stamp_ns", "complaint"), [
    (10**9 - 7_000_000, "7 ms before the oldest transform from map to eye"),
    (2 * 10**9 + 12_000_000, "12 ms after the newest transform from map to eye"),
])  # fmt: skip
def test_beyond_what_is_known_the_distance_is_told(stamp_ns: Any, complaint: str) -> None:
    tree = TfBuffer()
    for at in (10**9, 2 * 10**9):
        tree.insert("map", "eye", shifted(0), at)
    with pytest.raises(TransformError, match=f"^the image is {complaint}$"):
        tree.lookup("map", "eye", stamp_ns)


def test_ten_seconds_are_remembered() -> None:
    tree = TfBuffer()
    for at in (0, 1, HISTORY_NS + 1):
        tree.insert("map", "eye", shifted(at), at)
    assert tree.lookup("map", "eye", 1).translation[0] == 1
    with pytest.raises(TransformError):
        tree.lookup("map", "eye", 0)
    tree.insert("map", "eye", shifted(5), 1)  # as far back as is remembered: it is sorted in
    assert tree.lookup("map", "eye", HISTORY_NS + 1).translation[0] == HISTORY_NS + 1
    tree.insert("map", "eye", shifted(5), 0)  # further back: everything starts anew
    with pytest.raises(TransformError):
        tree.lookup("map", "eye", 1)


def test_a_static_transform_holds_at_any_time_and_gives_way_to_one_that_moves() -> None:
    tree = TfBuffer()
    tree.insert("map", "eye", shifted(1), None)
    assert (
        tree.lookup("map", "eye", -5).translation[0] == tree.lookup("map", "eye", 10**18).translation[0] == 1
    )
    assert tree.lookup("eye", "map", 0).translation[0] == -1
    tree.insert("map", "eye", shifted(2), 7)
    with pytest.raises(TransformError):
        tree.lookup("map", "eye", 8)
    assert tree.lookup("map", "eye", 7).translation[0] == 2


def test_a_jpeg_is_of_the_quality_that_it_says() -> None:
    gray = np.random.default_rng(0).integers(0, 255, (96, 96, 1), np.uint8)
    bgr = np.repeat(gray, 3, axis=2)
    _, expected = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, 95))
    assert bytes(compressed_message(bgr, Header()).data) == expected.tobytes()
