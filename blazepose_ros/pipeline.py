"""From a frame to placed people: what the node does with every image, without ROS."""

from __future__ import annotations

from dataclasses import replace

from blazepose_ros.camera_model import CameraModel
from blazepose_ros.estimator import Estimator
from blazepose_ros.placement import place_mono
from blazepose_ros.pose import Frame, Pose


def find_people(
    estimator: Estimator, frame: Frame, camera: CameraModel | None, visibility_threshold: float
) -> list[Pose]:
    """Return the people in a frame, numbered from 1 and placed in the camera's frame.

    Args:
        estimator: finds them.
        frame: the image.
        camera: the camera at the frame's size; None leaves the people unplaced.
        visibility_threshold: landmarks below it say nothing about the place.

    Raises:
        EstimatorError: this frame failed, the next may succeed.
    """
    return [
        replace(
            pose,
            person_id=number,
            hip_center=None if camera is None else place_mono(pose, camera, visibility_threshold),
        )
        for number, pose in enumerate(estimator.estimate(frame), start=1)
    ]
