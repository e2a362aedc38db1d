# SPDX-License-Identifier: Apache-2.0
"""Recordings whose images show nobody; the people are made up, see fake_bag_work."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import Writer
from rosbags.rosbag2.storage_mcap import McapReader
from sensor_msgs.msg import PointCloud, PointCloud2
from std_msgs.msg import String, UInt8MultiArray
from support.bodies import CAMERA, FACING_M
from support.fake_bag_work import DISTANCE_M, body_in_every_image  # noqa: F401
from support.pages import write_clip
from support.pose_client import image_message
from support.recordings import (
    camera_info,
    compressed_images,
    in_order,
    raw_images,
    read_bag,
    stamps,
    topics,
    write_bag,
)

from blazepose_ros.cli.bag import video
from blazepose_ros.cli.bag.command import main
from blazepose_ros.cli.bag.message_types import typestore
from blazepose_ros.core import frame_anonymizer
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.visualization.anonymizer import COLOR

pytestmark = pytest.mark.usefixtures("body_in_every_image", "detector_sees_nobody")

COUNT = 3
RAW, JPEGS = "/front/image_raw", "/front/image_raw/compressed"
INFO = [("/front/camera_info", camera_info(CAMERA.k, [], (CAMERA.width, CAMERA.height)))]
NOSE_X, NOSE_Y = CAMERA.project(FACING_M[[Landmark.NOSE]] + (0, 0, DISTANCE_M))[0].astype(int).tolist()
# What the original shows at the head: a pattern that nothing else does.
SECRET = np.random.default_rng(0).integers(0, 255, (24, 24, 3), np.uint8)


class NoDetector:
    """Sees nobody besides those who are tracked."""

    def find(self, _rgb: Any, _known: Any = ()) -> list:
        return []


@pytest.fixture
def detector_sees_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_anonymizer, "load_everyone_detector", lambda *_: NoDetector())


def pictures() -> Any:
    """Return images with a secret where the head is."""
    images = [np.full((CAMERA.height, CAMERA.width, 3), 60, np.uint8) for _ in range(COUNT)]
    for rgb in images:
        rgb[NOSE_Y - 12 : NOSE_Y + 12, NOSE_X - 12 : NOSE_X + 12] = SECRET
    return images


def with_header(message: Any) -> Any:
    message.header.stamp.sec = stamps(1)[0] // 10**9
    return message


def files_of(*paths: Path) -> bytes:
    """Return every byte that was written."""
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
    return b"".join(file.read_bytes() for file in files if file.is_file())


def likeness(image: Any, other: Any) -> float:
    """Return how far one image tells another, 0 to 1; one of a single color tells nothing."""
    one, two = (each.ravel() - each.mean() for each in (image.astype(float), other.astype(float)))
    norm = np.linalg.norm(one) * np.linalg.norm(two)
    return abs(float(one @ two)) / float(norm) if norm else 0.0


def run(source: Any, target: Any, *arguments: Any) -> Any:
    return main([str(source), str(target), "--anonymize", "face", *arguments])


def test_images_take_the_place_of_raw_ones_and_show_no_face(tmp_path: Path) -> None:
    source = write_bag(tmp_path / "in", in_order(INFO, raw_images(RAW, pictures())))
    assert run(source, tmp_path / "out", "--annotated", "--video") == 0
    shown = read_bag(tmp_path / "out", RAW)
    assert [time_ns for time_ns, _ in shown] == [time_ns for time_ns, _ in read_bag(source, RAW)]
    for _, message in shown:
        rgb = message.data.reshape(CAMERA.height, CAMERA.width, 3)
        assert message.encoding == "rgb8"
        assert tuple(rgb[NOSE_Y, NOSE_X]) == COLOR
        assert (rgb[-1] == 60).all()  # the rest is as it was
    row = SECRET[5].tobytes()
    assert row in files_of(source)
    assert row not in files_of(tmp_path / "out", tmp_path / "out.webm")
    assert len(read_bag(tmp_path / "out", "/front/blazepose/poses")) == COUNT


@pytest.mark.parametrize("topic", [JPEGS, "/front/blazepose/annotated_image/compressed"])
def test_jpegs_are_drawn_anew_without_a_face(tmp_path: Path, topic: str) -> None:
    source = write_bag(tmp_path / "in", in_order(INFO, compressed_images(JPEGS, pictures())))
    assert run(source, tmp_path / "out", "--annotated") == 0
    plain = read_bag(source, JPEGS)
    shown = read_bag(tmp_path / "out", topic)
    assert len(shown) == COUNT
    for (_, before), (_, after) in zip(plain, shown, strict=True):
        was, is_now = (cv2.imdecode(each.data, cv2.IMREAD_COLOR)[..., ::-1] for each in (before, after))
        head = np.s_[NOSE_Y - 12 : NOSE_Y + 12, NOSE_X - 12 : NOSE_X + 12]
        assert likeness(was[head], is_now[head]) < 0.2
    assert plain[0][1].data.tobytes() not in files_of(tmp_path / "out")


def test_whatever_else_may_show_people_is_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    depth = image_message(np.full((4, 4), 1000, np.uint16), "16UC1", stamps(1)[0])
    others = [("/front/depth", depth)]
    others += [("/cloud", with_header(PointCloud2())), ("/old_cloud", with_header(PointCloud()))]
    streams = INFO, raw_images(RAW, pictures()), compressed_images(JPEGS, pictures()), others
    source = write_bag(tmp_path / "in", in_order(*streams))
    assert run(source, tmp_path / "out") == 0
    kept = topics(tmp_path / "out")
    assert kept.keys() & {"/front/depth", "/cloud", "/old_cloud", JPEGS} == set()
    assert {RAW, "/front/camera_info"} <= kept.keys()
    said = capsys.readouterr().err
    assert "may show people" in said
    for topic in ("/front/depth", "/cloud", "/old_cloud", JPEGS):
        assert topic in said


def test_a_topic_without_pixels_is_kept_and_octets_are_not(tmp_path: Path) -> None:
    source = tmp_path / "in"
    with Writer(source, version=8) as writer:
        for topic, message in (("/said", String(data="hello")), ("/octets", UInt8MultiArray())):
            name = f"std_msgs/msg/{type(message).__name__}"
            connection = writer.add_connection(topic, name, typestore=typestore())
            writer.write(connection, stamps(1)[0], serialize_message(message))
        connection = writer.add_connection(RAW, "sensor_msgs/msg/Image", typestore=typestore())
        for _, message in raw_images(RAW, pictures()):
            writer.write(connection, stamps(1)[0], serialize_message(message))
    assert run(source, tmp_path / "out") == 0
    kept = topics(tmp_path / "out")
    assert "/said" in kept
    assert "/octets" not in kept


@pytest.mark.parametrize("keep", ["no-images", "nothing"])
def test_no_image_is_written_where_none_is_to_be_kept(tmp_path: Path, keep: str) -> None:
    source = write_bag(tmp_path / "in", in_order(INFO, raw_images(RAW, pictures())))
    assert run(source, tmp_path / "out", "--keep", keep) == 0
    assert RAW not in topics(tmp_path / "out")


def test_a_video_becomes_a_recording_without_faces(tmp_path: Path) -> None:
    write_clip(tmp_path / "in.avi", pictures())
    arguments = [str(tmp_path / "in.avi"), str(tmp_path / "out.mcap"), "--anonymize", "body"]
    assert video.main(arguments) == 0
    _, message = read_single(tmp_path / "out.mcap", "/camera/image/compressed")[0]
    rgb = cv2.imdecode(message.data, cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    hips = CAMERA.project(np.array([(0.0, 0.0, DISTANCE_M)]))[0].astype(int)
    for x, y in ((NOSE_X, NOSE_Y), hips.tolist()):
        assert np.abs(rgb[y, x] - COLOR).max() < 8


def read_single(path: Path, topic: str) -> Any:
    reader = McapReader(path)
    reader.open()
    wanted = [each for each in reader.connections if each.topic == topic]
    found = [
        (log_ns, typestore().deserialize_cdr(data, connection.msgtype))
        for connection, log_ns, data in reader.messages(wanted)
    ]
    reader.close()
    return found


def test_without_a_detector_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any) -> None:
        raise EstimatorError("no runtime loads it")

    monkeypatch.setattr(frame_anonymizer, "load_everyone_detector", fails)
    source = write_bag(tmp_path / "in", in_order(INFO, raw_images(RAW, pictures())))
    assert run(source, tmp_path / "out") == 1
    assert "no runtime loads it" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
