"""What the estimators leave to do: numbering people and placing them in the camera's frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from blazepose_ros.camera_model import CameraModel
from blazepose_ros.placement import place_mono
from blazepose_ros.pose import Pose


def place_people(
    poses: Iterable[Pose], camera: CameraModel | None, visibility_threshold: float
) -> list[Pose]:
    """Return the people of one image, numbered from 1 and placed in the camera's frame.

    Args:
        poses: what an estimator found.
        camera: the camera at the image's size; None leaves the people unplaced.
        visibility_threshold: landmarks below it say nothing about the place.
    """
    return [
        replace(
            pose,
            person_id=number,
            hip_center=None if camera is None else place_mono(pose, camera, visibility_threshold),
        )
        for number, pose in enumerate(poses, start=1)
    ]
