# SPDX-License-Identifier: Apache-2.0
"""People as REP-155's messages, where the package ``hri_msgs`` is installed."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Header

from blazepose_ros.conversions.images import to_image
from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.human_model import joint_positions
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.tracking.appearance import box_px
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


def to_cropped(pose: Pose, rgb: NDArray[np.uint8], header: Header) -> Image | None:
    """Return what an image shows within a body's region; None where that is nothing."""
    height, width = rgb.shape[:2]
    left, top, right, bottom = box_px(pose, width, height)
    rows = slice(math.floor(top), math.ceil(bottom))
    crop = rgb[rows, math.floor(left) : math.ceil(right)]
    return to_image(np.ascontiguousarray(crop), "rgb8", header) if crop.size else None


def to_urdf_joint_state(pose: Pose, visibility_threshold: float, header: Header) -> JointState | None:
    """Return the angles of a body's joints in its URDF; None where landmarks of the torso are missing."""
    axes = body_axes(pose.world)
    if axes is None:
        return None
    angles = joint_positions(pose.world @ axes, pose.visibility, visibility_threshold)
    names = [f"{joint}_{hri_id(pose.person_id)}" for joint in angles]
    return JointState(header=header, name=names, position=list(angles.values()))


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
        self.region: type = self._msg.NormalizedRegionOfInterest2D

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

    def to_region(self, pose: Pose, width: int, height: int, header: Header) -> Any:
        """Return the box around what is inside of an image of a body; x and y as fractions of its size."""
        left, top, right, bottom = box_px(pose, width, height)
        return self._msg.NormalizedRegionOfInterest2D(
            header=header,
            xmin=left / width,
            ymin=top / height,
            xmax=right / width,
            ymax=bottom / height,
            c=_clipped(float(pose.visibility.mean())),
        )

    def _point(self, pose: Pose, landmarks: tuple[Landmark, ...], width: int, height: int) -> Any:
        rows = list(landmarks)
        x, y = (pose.screen[rows, :2].mean(axis=0) / (width, height)).tolist()
        inside = 0.0 <= x <= 1.0 and 0.0 <= y <= 1.0
        confidence = float(pose.visibility[rows].min()) if inside else 0.0
        return self._msg.NormalizedPointOfInterest2D(x=_clipped(x), y=_clipped(y), c=_clipped(confidence))


def _clipped(value: float) -> float:
    """Return a value clipped to 0 to 1; zero for NaN."""
    return min(1.0, value) if value > 0.0 else 0.0
