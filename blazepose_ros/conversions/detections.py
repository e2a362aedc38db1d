# SPDX-License-Identifier: Apache-2.0
"""People as the detections of vision_msgs, which other packages take as they are."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from geometry_msgs.msg import Point, PoseWithCovariance, Vector3
from geometry_msgs.msg import Pose as PoseMsg
from numpy.typing import NDArray
from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox3D,
    Detection2D,
    Detection2DArray,
    Detection3D,
    Detection3DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
)

from blazepose_ros.conversions.pose33 import pose_covariance, to_quaternion
from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.tracking.appearance import box_px
from blazepose_ros.core.types import HipCenter, Pose

CLASS_ID = "person"  # what detectors trained on COCO call people, too

# What of a body is beyond its landmarks on every side: the flesh around the joints, and from the eyes
# to the vertex.
MARGIN_M = 0.1


def to_detection_2d_array(poses: Iterable[Pose], width: int, height: int, header: Header) -> Detection2DArray:
    """Return the boxes around the landmarks of people in an image of a size in pixels; none has a pose.

    Of a person only what is inside of the image counts.
    """
    return Detection2DArray(
        header=header, detections=[_detection_2d(pose, width, height, header) for pose in poses]
    )


def to_detection_3d_array(poses: Iterable[Pose], header: Header) -> Detection3DArray:
    """Return the people who have a place: the pose of their hips, x forward out of the body, and a box.

    The box has the body's axes and ``MARGIN_M`` around the landmarks.
    """
    found = (_detection_3d(pose, pose.hip_center, header) for pose in poses if pose.hip_center is not None)
    return Detection3DArray(header=header, detections=[each for each in found if each is not None])


def _detection_2d(pose: Pose, width: int, height: int, header: Header) -> Detection2D:
    left, top, right, bottom = box_px(pose, width, height)
    msg = Detection2D(header=header, id=str(pose.person_id), results=[_hypothesis(pose)])
    msg.bbox.center.position.x, msg.bbox.center.position.y = (left + right) / 2, (top + bottom) / 2
    msg.bbox.size_x, msg.bbox.size_y = right - left, bottom - top
    return msg


def _detection_3d(pose: Pose, center: HipCenter, header: Header) -> Detection3D | None:
    """Return a person, or None where landmarks of the torso are missing."""
    axes = body_axes(pose.world)
    if axes is None:
        return None
    orientation, in_body = to_quaternion(axes), pose.world.astype(float) @ axes
    lowest, highest = np.fmin.reduce(in_body), np.fmax.reduce(in_body)
    middle = center.position + axes @ ((lowest + highest) / 2.0)
    place = PoseMsg(position=_point(center.position), orientation=orientation)
    covariance = pose_covariance(center, pose.world).ravel()
    hypothesis = _hypothesis(pose)
    hypothesis.pose = PoseWithCovariance(pose=place, covariance=covariance)
    x, y, z = (highest - lowest + 2.0 * MARGIN_M).tolist()
    box = BoundingBox3D(
        center=PoseMsg(position=_point(middle), orientation=orientation), size=Vector3(x=x, y=y, z=z)
    )
    return Detection3D(header=header, id=str(pose.person_id), results=[hypothesis], bbox=box)


def _hypothesis(pose: Pose) -> ObjectHypothesisWithPose:
    """Return that this is a person, with the score, or where the estimator gives none the mean visibility."""
    score = float(pose.visibility.mean()) if math.isnan(pose.score) else pose.score
    return ObjectHypothesisWithPose(hypothesis=ObjectHypothesis(class_id=CLASS_ID, score=float(score)))


def _point(position: NDArray) -> Point:
    x, y, z = position.tolist()
    return Point(x=x, y=y, z=z)
