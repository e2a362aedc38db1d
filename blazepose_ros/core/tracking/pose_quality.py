# SPDX-License-Identifier: Apache-2.0
"""What makes a person's pose less sure: the cases that the model card leaves out."""

from __future__ import annotations

import math

import numpy as np

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.tracking.appearance import box_px, size_px
from blazepose_ros.core.types import Frame, Pose, Status

# BlazePose GHUM 3D's model card: "people too far away from the camera (e.g. more than 14 feet/4 meters)".
MAX_DISTANCE_M = 4.0
# A body of two meters that is smaller than this part of the image's longer side is far by its
# size: the torso, a quarter of it, is then a twentieth, where detection was measured to end.
MIN_SIZE = 0.2
# A landmark is seen from here on; the model gives hidden ones 0.1 and less.
MIN_VISIBILITY = 0.5
# Ten photographs were made darker until no one was found: at a quarter of their light (20 to 47 by
# this measure) one was lost, at an eighth (10 to 23) three, at a sixteenth all.
MIN_BRIGHTNESS = 25.0
# For the light so many pixels are looked at along the longer side of a person, or up to twice as many.
_SAMPLES = 32

_FACE = slice(Landmark.NOSE, Landmark.MOUTH_RIGHT + 1)
# What a whole person shows: without one of these the rest is a guess.
_WHOLE = [
    *(Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, Landmark.LEFT_HIP, Landmark.RIGHT_HIP),
    *(Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE, Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE),
]


def quality_of(pose: Pose, frame: Frame) -> Status:
    """Return what speaks against a person's pose.

    * ``TOO_FAR``: localized beyond 4 m, or, without a hip center, very small.
    * ``HEAD_NOT_VISIBLE``: no landmark of the face is seen.
    * ``TRUNCATED``: a shoulder, hip, knee or ankle is outside of the image.
    * ``LOW_LIGHT``: the person is so dark that people begin to be missed.
    """
    status = Status.NONE
    if _is_far(pose, frame):
        status |= Status.TOO_FAR
    if not np.fmax.reduce(pose.visibility[_FACE]) >= MIN_VISIBILITY:
        status |= Status.HEAD_NOT_VISIBLE
    if _is_truncated(pose, frame):
        status |= Status.TRUNCATED
    if _brightness(pose, frame) < MIN_BRIGHTNESS:
        status |= Status.LOW_LIGHT
    return status


def _is_far(pose: Pose, frame: Frame) -> bool:
    if pose.hip_center is not None:
        return math.hypot(*pose.hip_center.position.tolist()) > MAX_DISTANCE_M
    return size_px(pose) < MIN_SIZE * max(frame.width, frame.height)


def _is_truncated(pose: Pose, frame: Frame) -> bool:
    width, height = frame.width, frame.height
    return any(x < 0 or x >= width or y < 0 or y >= height for x, y, _ in pose.screen[_WHOLE].tolist())


def _brightness(pose: Pose, frame: Frame) -> float:
    """Return the mean over a person's box of each pixel's brightest channel, 0 to 255."""
    left, top, right, bottom = map(int, box_px(pose, frame.width, frame.height))
    box = frame.rgb[top : bottom + 1, left : right + 1]
    if not box.size:
        return 0.0
    step = max(1, max(box.shape[:2]) // _SAMPLES)
    red, green, blue = box[::step, ::step].transpose(2, 0, 1)
    brightest = np.maximum(np.maximum(red, green), blue)
    return float(brightest.sum()) / brightest.size
