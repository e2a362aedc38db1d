# SPDX-License-Identifier: Apache-2.0
"""``blazepose bag --fuse`` on a recording of two cameras that see the walker."""

import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.photographs import clip_bgr
from support.recordings import START_NS, camera_info, read_bag, static_transform, write_timed

pytest.importorskip("rclpy", reason="rclpy is not installed")

from tf2_msgs.msg import TFMessage

from blazepose_ros.cli.main import main
from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.images import compressed_message
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.msg import Pose33

COUNT, EVERY, FPS = 12, 2, 60
HEIGHT_PX = 640
CLIPS = {"one": "pose2sim_cam01", "four": "pose2sim_cam04"}


@pytest.mark.usefixtures("models")
def test_the_walker_of_two_cameras_is_one_person_in_the_world(data: Path, tmp_path: Path) -> None:
    messages, transforms = [], []
    for name, clip in CLIPS.items():
        truth = json.loads((data / "expected" / f"{clip}_refined.json").read_text())
        rotation, translation = (np.array(truth["world_to_camera"][each]) for each in ("R", "t"))
        transforms.append(static_transform("world", name, rotation.T, -rotation.T @ translation))
        (width, height), distortion = truth["image_size_px"], truth["distortion_plumb_bob"]
        lens = CameraModel(width, height, np.array(truth["K"]), tuple(distortion))
        lens = lens.scaled_to(round(width * HEIGHT_PX / height), HEIGHT_PX)
        info = camera_info(lens.k, lens.d, (lens.width, lens.height))
        messages.append((f"/{name}/camera_info", START_NS, info))
        images = itertools.islice(clip_bgr(data / "videos" / f"{clip}.mp4"), 0, COUNT * EVERY, EVERY)
        for number, bgr in enumerate(images):
            stamp_ns = START_NS + number * EVERY * 1_000_000_000 // FPS
            small = cv2.resize(bgr, (lens.width, lens.height), interpolation=cv2.INTER_AREA)
            message = compressed_message(small, header_message(stamp_ns, name))
            messages.append((f"/{name}/image_raw/compressed", stamp_ns, message))
    tf = ("/tf_static", START_NS, TFMessage(transforms=transforms))
    bag = write_timed(tmp_path / "bag", [tf, *sorted(messages, key=lambda each: each[1])])
    out = tmp_path / "out"
    assert main(["bag", str(bag), str(out), "--fuse", "world", "--model", "0", "--keep", "nothing"]) == 0
    fused = read_bag(out, "/blazepose_fusion/poses")
    assert fused
    _, last = fused[-1]
    assert last.header.frame_id == "world"
    (person,) = last.poses
    assert person.placement == Pose33.FUSED
    hips = person.hip_center.pose.position
    assert np.linalg.norm([hips.x + 1.3, hips.y, hips.z - 0.9]) < 0.3
    assert read_bag(out, "/blazepose_fusion/markers")
