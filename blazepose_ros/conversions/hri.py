# SPDX-License-Identifier: Apache-2.0
"""People as REP-155's messages, where the package ``hri_msgs`` is installed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from std_msgs.msg import Header

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import Pose

# Skeleton2D's points in its order, that of OpenPose's COCO model, each as the middle of landmarks.
SKELETON_2D = (
    (Landmark.NOSE,),
    (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER),  # the neck
    (Landmark.RIGHT_SHOULDER,),
    (Landmark.RIGHT_ELBOW,),
    (Landmark.RIGHT_WRIST,),
    (Landmark.LEFT_SHOULDER,),
    (Landmark.LEFT_ELBOW,),
    (Landmark.LEFT_WRIST,),
    (Landmark.RIGHT_HIP,),
    (Landmark.RIGHT_KNEE,),
    (Landmark.RIGHT_ANKLE,),
    (Landmark.LEFT_HIP,),
    (Landmark.LEFT_KNEE,),
    (Landmark.LEFT_ANKLE,),
    (Landmark.LEFT_EYE,),
    (Landmark.RIGHT_EYE,),
    (Landmark.LEFT_EAR,),
    (Landmark.RIGHT_EAR,),
)


def hri_id(person_id: int) -> str:
    """Return a person's name in REP-155's topics and frames; no part of a topic may begin with a digit."""
    return f"b{person_id}"


class HriMessagesError(BlazePoseError, ImportError):
    """``hri_msgs`` is not installed."""


class HriMessages:
    """Makes the messages.

    Raises:
        HriMessagesError: the package is not installed; the message says how to get it.
    """

    def __init__(self) -> None:
        try:
            self._msg: Any = importlib.import_module("hri_msgs.msg")
        except ModuleNotFoundError as err:
            raise HriMessagesError(
                "publish_hri has no effect: the package hri_msgs is not installed"
                " (sudo apt install ros-$ROS_DISTRO-hri-msgs)"
            ) from err
        self.ids_list: type = self._msg.IdsList
        self.skeleton_2d: type = self._msg.Skeleton2D

    def to_ids_list(self, poses: Iterable[Pose], header: Header) -> Any:
        """Return the ids of the people in an image."""
        return self._msg.IdsList(header=header, ids=[hri_id(pose.person_id) for pose in poses])

    def to_skeleton_2d(self, pose: Pose, width: int, height: int, header: Header) -> Any:
        """Return 18 points of a body in an image of a size in pixels.

        x and y are fractions of the image's size, c is the visibility. A point outside of the
        image, which the message cannot express, is at its edge with a confidence of zero.
        """
        points = [self._point(pose, landmarks, width, height) for landmarks in SKELETON_2D]
        return self._msg.Skeleton2D(header=header, skeleton=points)

    def _point(self, pose: Pose, landmarks: tuple[Landmark, ...], width: int, height: int) -> Any:
        rows = list(landmarks)
        x, y = (pose.screen[rows, :2].mean(axis=0) / (width, height)).tolist()
        inside = 0.0 <= x <= 1.0 and 0.0 <= y <= 1.0
        confidence = float(pose.visibility[rows].min()) if inside else 0.0
        return self._msg.NormalizedPointOfInterest2D(x=_clipped(x), y=_clipped(y), c=_clipped(confidence))


def _clipped(value: float) -> float:
    """Return a value clipped to 0 to 1; zero for NaN."""
    return min(1.0, value) if value > 0.0 else 0.0
