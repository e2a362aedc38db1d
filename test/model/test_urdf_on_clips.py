# SPDX-License-Identifier: Apache-2.0
"""The URDF of a person with its joint states is where the placed landmarks are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.kinematics import link_poses
from support.photographs import WALKS, frames

from blazepose_ros.core.api import create_estimator
from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.human_model import human_urdf, joint_positions
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.bone_length_range import MEAN_STATURE_M
from blazepose_ros.core.types import ModelComplexity

FPS, EVERY = 60, 4
TOLERANCE_M = 0.05
PARTS = ("SHOULDER", "ELBOW", "WRIST", "HIP", "KNEE", "ANKLE")


def distances_m(pose: Any) -> Any:
    """Return how far each visible joint is from its link."""
    in_body = pose.world @ body_axes(pose.world)
    stature_m = MEAN_STATURE_M if np.isnan(pose.stature_m) else pose.stature_m
    joints = {f"{name}_b1": angle for name, angle in joint_positions(in_body, pose.visibility, 0.5).items()}
    known = {name: 0.0 if np.isnan(angle) else angle for name, angle in joints.items()}
    links = link_poses(human_urdf("b1", stature_m), known)
    return [
        np.linalg.norm(links[f"{letter}_{part.lower()}_b1"][:3, 3] - in_body[landmark])
        for letter, side in (("l", "LEFT"), ("r", "RIGHT"))
        for part in PARTS
        if pose.visibility[landmark := Landmark[f"{side}_{part}"]] >= 0.5
    ]


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("truth", WALKS)
def test_links_are_within_centimeters_of_the_landmarks(data: Path, truth: str) -> None:
    known = json.loads((data / "expected" / f"{truth}.json").read_text())
    (width, height), lens = known["image_size_px"], tuple(known["distortion_plumb_bob"])
    camera = CameraModel(width, height, np.array(known["K"]), lens)
    found = []
    with create_estimator(ModelComplexity.FULL, camera=camera) as estimator:
        for number, frame in enumerate(frames(data / "videos" / f"{WALKS[truth]}.mp4", FPS)):
            if number % EVERY == 0:
                found += [distance for pose in estimator.estimate(frame) for distance in distances_m(pose)]
    assert len(found) > 100
    assert np.median(found) < TOLERANCE_M
