# SPDX-License-Identifier: Apache-2.0
"""Photographs and clips with known answers, and what estimators make of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from blazepose_ros.cli.eval.annotations import from_coco
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import Frame, ModelComplexity, Pose

PERSON = Path("images", "walker.png")
NOBODY = Path("images", "nobody_park.png")
# What is known of the walk in each camera's clip, and the clip.
WALKS = {f"pose2sim_{camera}_refined": f"pose2sim_{camera}" for camera in ("cam01", "cam02", "cam04")}
# The joints that are known of it, but for the nose, whose truth is elsewhere.
WALK_JOINTS = {
    f"{side[0]}{limb}": Landmark[f"{side}_{limb}".upper()]
    for side in ("LEFT", "RIGHT")
    for limb in ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Heel")
} | {"LBigToe": Landmark.LEFT_FOOT_INDEX, "RBigToe": Landmark.RIGHT_FOOT_INDEX}
# Where somebody comes from the right, passes and leaves: images of the park, in pixels.
_PASSAGE = (slice(400, 994), slice(0, 840))
REFERENCE = "mediapipe_1.2.2_image_mode"
NS_PER_MS = 1_000_000


def read_rgb(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def manifest(data: Path) -> list[dict[str, Any]]:
    """Return what is known of each photograph."""
    return json.loads((data / "manifest.json").read_text())


def reference_poses(data: Path) -> dict[str, dict]:
    """Return what MediaPipe found in each photograph, by file and model."""
    return {entry["file"]: entry[REFERENCE] for entry in manifest(data) if REFERENCE in entry}


def labelled_people(data: Path) -> dict[str, list[np.ndarray]]:
    """Return the labelled joints of the people in each labelled photograph, (33, 3) each."""
    labelled = [entry for entry in manifest(data) if "gt_coco17" in entry]
    return {entry["file"]: [from_coco(person["kp"]) for person in entry["gt_coco17"]] for entry in labelled}


def as_pose(found: dict, frame: Frame) -> Pose:
    """Return the reference's normalised landmarks as a pose in pixels."""
    landmarks, world = np.array(found["n"], np.float32), np.array(found["w"], np.float32)
    scale = (frame.width, frame.height, frame.width)
    return Pose(landmarks[:, :3] * scale, landmarks[:, 3], landmarks[:, 4], world[:, :3])


def clip_bgr(path: Path) -> Iterator[np.ndarray]:
    """Yield a clip's images, (height, width, 3), blue first."""
    clip = cv2.VideoCapture(str(path))
    while True:
        there, bgr = clip.read()
        if not there:
            return
        yield bgr


def frames(path: Path, fps: float) -> Iterator[Frame]:
    """Yield a clip's frames, stamped in whole milliseconds from the first."""
    for number, bgr in enumerate(clip_bgr(path)):
        yield Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), round(1000 * number / fps) * NS_PER_MS)


def passage(data: Path) -> list[Frame]:
    """Return images in which nobody is until 120, somebody passes, and nobody is from 210 on, 30 a second."""
    return [
        Frame(
            cv2.resize(frame.rgb[_PASSAGE], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
            frame.stamp_ns,
        )
        for frame in frames(data / "videos" / "park.mp4", 30)
    ]


def model_name(complexity: ModelComplexity) -> str:
    return complexity.name.lower()
