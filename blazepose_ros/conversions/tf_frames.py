# SPDX-License-Identifier: Apache-2.0
"""Poses as TF frames: the hip center, the body, and the landmarks below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from numpy.typing import NDArray
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from blazepose_ros.conversions.hri import hri_id
from blazepose_ros.conversions.pose33 import to_quaternion
from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import HipCenter, Pose


def to_tf_message(
    poses: Iterable[Pose],
    header: Header,
    *,
    prefix: str = "",
    landmark_visibility: float | None = None,
    hri: bool = False,
) -> TFMessage:
    """Return the frames of all people who are placed, with the image's stamp.

    Args:
        poses: the people in one image.
        header: the image's; its frame_id is the parent.
        prefix: precedes the name of every child frame.
        landmark_visibility: minimum visibility of a landmark that gets a frame; None for no landmarks.
        hri: whether each body gets a second frame with its REP-155 name.
    """
    transforms: list[TransformStamped] = []
    for pose in poses:
        if pose.hip_center is not None:
            transforms += _frames(pose, pose.hip_center, header, prefix, landmark_visibility, hri)
    return TFMessage(transforms=transforms)


def _frames(
    pose: Pose,
    center: HipCenter,
    header: Header,
    prefix: str,
    landmark_visibility: float | None,
    hri: bool,
) -> Iterator[TransformStamped]:
    hip_center = f"{prefix}hip_center_{pose.person_id}"
    yield _transform(header, header.frame_id, hip_center, center.position, Quaternion(w=1.0))
    axes = body_axes(pose.world)
    if axes is None:
        return
    body = f"{prefix}body_{pose.person_id}"
    yield _transform(header, header.frame_id, body, center.position, to_quaternion(axes))
    if hri:
        yield _transform(
            header, body, f"{prefix}body_{hri_id(pose.person_id)}", np.zeros(3), Quaternion(w=1.0)
        )
    if landmark_visibility is None:
        return
    in_body = pose.world @ axes
    for landmark in Landmark:
        if pose.visibility[landmark] >= landmark_visibility:
            child = f"{prefix}{landmark.frame_name}_{pose.person_id}"
            yield _transform(header, body, child, in_body[landmark], Quaternion(w=1.0))


def _transform(
    header: Header, parent: str, child: str, translation: NDArray, rotation: Quaternion
) -> TransformStamped:
    msg = TransformStamped(child_frame_id=child)
    msg.header = Header(stamp=header.stamp, frame_id=parent)
    x, y, z = translation.tolist()
    msg.transform.translation = Vector3(x=x, y=y, z=z)
    msg.transform.rotation = rotation
    return msg
