# SPDX-License-Identifier: Apache-2.0
"""``blazepose bag --fuse``: the people of recorded cameras, made up, with exact answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import deserialize_message
from support.recordings import camera_info, static_transform, write_timed
from support.walks import MOUNTS, START_NS, Mount, body_at
from tf2_msgs.msg import TFMessage

from blazepose_ros.cli.bag.bag_files import BagMessage
from blazepose_ros.cli.bag.cameras import CameraTopics, ImageTopic
from blazepose_ros.cli.bag.command import output_options
from blazepose_ros.cli.bag.fusion import FusedRecording, PosesRecord
from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.pose33 import from_pose33, serialize_pose33_array
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import Frame, ModelComplexity, Placement
from blazepose_ros.msg import Pose33Array

COUNT, PERIOD_S = 30, 1 / 30
IMAGE = np.zeros((MOUNTS[0].lens.height, MOUNTS[0].lens.width, 3), np.uint8)


def records(camera: int, mount: Mount) -> Iterator[PosesRecord]:
    for number in range(COUNT):
        stamp_ns = START_NS + round(number * PERIOD_S * 1e9)
        header = header_message(stamp_ns, mount.name)
        people = [mount.sees(number * PERIOD_S)]
        content = serialize_pose33_array(people, header, Frame(IMAGE, stamp_ns), ModelComplexity.FULL)
        yield PosesRecord(stamp_ns + camera, camera, content)


def recording(path: Path, placed: Any = MOUNTS) -> FusedRecording:
    """Write a recording of three calibrated cameras; TF tells where some of them are."""
    transforms = [static_transform("map", mount.name, mount.rotation.T, mount.center) for mount in placed]
    messages = [("/tf_static", TFMessage(transforms=transforms))]
    for mount in MOUNTS:
        info = camera_info(mount.lens.k, mount.lens.d, (mount.lens.width, mount.lens.height))
        messages.append((f"/{mount.name}/camera_info", info))
    write_timed(path, ((topic, START_NS, message) for topic, message in messages))
    cameras = [
        CameraTopics(
            ImageTopic(f"/{mount.name}/image_raw", "sensor_msgs/msg/Image", COUNT),
            f"/{mount.name}/camera_info",
            f"/{mount.name}",
        )
        for mount in MOUNTS
    ]
    return FusedRecording(path, cameras, "map", NodeSettings())


class Log:
    """A `Logger` that keeps errors."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.error = self.errors.append

    def info(self, _: str) -> None:
        """Ignore what is no error."""

    warning = info


def fused(found: FusedRecording, log: Log) -> list[BagMessage]:
    return list(found.messages([records(*each) for each in enumerate(MOUNTS)], log))


def test_people_are_where_they_are_in_the_frame(tmp_path: Path) -> None:
    log = Log()
    messages = fused(recording(tmp_path / "bag"), log)
    assert log.errors == []
    arrays = [
        deserialize_message(each.data, Pose33Array)
        for each in messages
        if each.topic == "/blazepose_fusion/poses"
    ]
    assert len(arrays) > COUNT // 2
    for array in arrays[5:]:
        assert array.header.frame_id == "map"
        (person,) = (from_pose33(pose) for pose in array.poses)
        assert person.placement is Placement.FUSED
        assert person.hip_center is not None
        stamp_ns = array.header.stamp.sec * 1_000_000_000 + array.header.stamp.nanosec
        true_m = body_at((stamp_ns - START_NS) / 1e9)
        assert person.world + person.hip_center.position == pytest.approx(true_m, abs=0.01)


def test_all_topics_of_the_node_are_there_in_the_order_of_time(tmp_path: Path) -> None:
    messages = fused(recording(tmp_path / "bag"), Log())
    assert {each.topic for each in messages} == {
        "/blazepose_fusion/poses",
        "/blazepose_fusion/pose",
        "/blazepose_fusion/markers",
        "/tf",
    }
    times_ns = [each.log_ns for each in messages]
    assert times_ns == sorted(times_ns)


def test_a_camera_without_a_place_is_told_of_and_the_others_are_fused(tmp_path: Path) -> None:
    log = Log()
    messages = fused(recording(tmp_path / "bag", MOUNTS[:2]), log)
    (told,) = log.errors
    assert f"/rear/image_raw: the people of {COUNT} images are not fused: no transform connects" in told
    last = [each for each in messages if each.topic == "/blazepose_fusion/poses"][-1]
    assert [pose.placement for pose in deserialize_message(last.data, Pose33Array).poses] == [Placement.FUSED]


def test_the_option_reaches_the_work() -> None:
    class Options:
        storage, compress = "mcap", False
        annotated = csv = parquet = video = False
        trc = bvh = c3d = False
        fuse = "map"

    assert output_options(Options()).fuse == "map"
