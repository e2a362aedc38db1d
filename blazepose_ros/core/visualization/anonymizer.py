# SPDX-License-Identifier: Apache-2.0
"""Hides people in images: their faces, or all of their bodies.

What is hidden is painted over in one color, so that nothing of it is left to be restored. A place
where somebody was seen stays hidden for a while after they are not found any more, and grows, since
they may be walking.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.estimation.person_detector import DetectedBody
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Frame, Pose
from blazepose_ros.core.visualization.skeleton_overlay import px_per_m

COLOR = (128, 128, 128)

# Whoever is not found any more stays hidden for so long, and walks on meanwhile.
HOLD_S = 1.0
WALK_M_S = 1.0
# Within so much of where somebody was, and of what they walk, it is the same person, whose size does not
# change by more than this from what the detector says to what the landmarks say.
SAME_M = 0.3
SAME_SIZE = 1.5

_FACE = slice(Landmark.NOSE, Landmark.LEFT_SHOULDER)
# From eyes, ears and mouth a head reaches 0.12 m further, to the chin, the vertex and its back (head height
# 0.24 m, de Leva 1996), and landmarks are off by 0.03 m.
HEAD_MARGIN_M = 0.15
# Half of a trunk's depth, the flesh of thighs and upper arms, and the same error.
BODY_MARGIN_M = 0.15
# From the hips of a standing person to the circle around all of them, which the detector tells.
_CIRCLE_M = 0.92
# A head's middle from that of the shoulders, along the trunk, and how far around it a head that is bowed or
# turned to a side may be.
_HEAD_ABOVE_SHOULDERS_M, _HEAD_REACH_M = 0.17, 0.25
# A head that is nearer to the camera than the rest of its body looks larger than that, by so much at most.
_NEARER = 2.0
# What is further out than this draws nothing, and fits what OpenCV computes with.
_FARTHEST_PX = 1 << 14


class Anonymize(str, Enum):
    """What of people is hidden in images."""

    NONE = "none"
    FACE = "face"
    BODY = "body"


HIDEABLE = (Anonymize.FACE.value, Anonymize.BODY.value)


@dataclass(frozen=True)
class HiddenRegion:
    """What is hidden of one person: everything within a margin around the convex hull of some points.

    Attributes:
        points_px: (n, 2), one at least, all finite.
        margin_m: in meters.
        px_per_m: how large a meter of the person appears.
    """

    points_px: NDArray[np.float64]
    margin_m: float
    px_per_m: float

    @property
    def middle_px(self) -> NDArray[np.float64]:
        """(2,), the mean of the points."""
        return self.points_px.mean(axis=0)

    def distance_m(self, other: HiddenRegion) -> float:
        """Return how far away another one is; infinity where it is of another size, and so elsewhere."""
        scales = sorted((self.px_per_m, other.px_per_m))
        if scales[1] > SAME_SIZE * scales[0]:
            return math.inf
        return math.dist(self.middle_px, other.middle_px) / scales[1]

    def paint(self, rgb: NDArray[np.uint8], further_m: float = 0.0) -> None:
        """Paint over it in an image, and over so many meters more around it."""
        margin_px = min((self.margin_m + further_m) * self.px_per_m, _FARTHEST_PX)
        points = np.rint(self.points_px.clip(-_FARTHEST_PX, _FARTHEST_PX)).astype(np.int32)
        hull = cv2.convexHull(points)
        cv2.fillConvexPoly(rgb, hull, COLOR)
        radius_px = max(1, int(np.ceil(margin_px)))
        for x, y in hull[:, 0].tolist():
            cv2.circle(rgb, (x, y), radius_px, COLOR, cv2.FILLED)
        cv2.polylines(rgb, [hull], isClosed=True, color=COLOR, thickness=min(2 * radius_px, _MAX_THICKNESS))


_MAX_THICKNESS = 32767  # OpenCV's


def regions(
    people: Iterable[Pose], bodies: Iterable[DetectedBody], anonymize: Anonymize
) -> list[HiddenRegion]:
    """Return what is to be hidden, each person once as far as that is known.

    Args:
        people: who is tracked.
        bodies: whom the detector sees, perhaps the same ones.
        anonymize: face or body.
    """
    of_poses = (_of_pose(pose, anonymize) for pose in people)
    of_bodies = (_of_body(body, anonymize) for body in bodies)
    return [region for region in (*of_poses, *of_bodies) if region is not None]


def _of_pose(pose: Pose, anonymize: Anonymize) -> HiddenRegion | None:
    finite = np.array([np.isfinite(row).all() for row in np.hstack([pose.screen[:, :2], pose.world])])
    scale = px_per_m(pose.screen[finite, :2].astype(float), pose.world[finite, :2])
    shown = finite.copy()
    if anonymize is Anonymize.FACE:
        shown[_FACE.stop :] = False
        head = px_per_m(pose.screen[shown, :2].astype(float), pose.world[shown, :2])
        scale = max(scale, min(head, _NEARER * scale))
    if not shown.any() or scale <= 0.0:
        return None
    margin_m = HEAD_MARGIN_M if anonymize is Anonymize.FACE else BODY_MARGIN_M
    return HiddenRegion(pose.screen[shown, :2].astype(float), margin_m, scale)


def _of_body(body: DetectedBody, anonymize: Anonymize) -> HiddenRegion | None:
    if not all(np.isfinite(point).all() for point in body[1:]):
        return None
    trunk, reach = body.shoulders_px - body.hips_px, body.top_px - body.hips_px
    trunk_px, reach_px = float(np.linalg.norm(trunk)), float(np.linalg.norm(reach))
    scale = reach_px / _CIRCLE_M
    if scale == 0.0 or trunk_px == 0.0:
        return None
    if anonymize is Anonymize.BODY:
        return HiddenRegion(body.hips_px[None], _CIRCLE_M, scale)
    head = body.shoulders_px + trunk * (_HEAD_ABOVE_SHOULDERS_M * scale / trunk_px)
    return HiddenRegion(head[None], _HEAD_REACH_M, scale)


@dataclass(frozen=True, eq=False)
class _Remembered:
    region: HiddenRegion
    seen_ns: int


class Anonymizer:
    """Hides the people of one camera, image after image."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget who was seen."""
        self._remembered: list[_Remembered] = []

    def hide(
        self, frame: Frame, people: Sequence[Pose], bodies: Sequence[DetectedBody], anonymize: Anonymize
    ) -> NDArray[np.uint8]:
        """Return a copy of an image, (height, width, 3), in which people are hidden.

        Args:
            frame: the image; stamps may repeat, and where they jump all that was remembered is forgotten.
            people: who is tracked in it.
            bodies: whom the detector sees in it.
            anonymize: what of them is hidden: face or body.
        """
        hidden = frame.rgb.copy(order="C")
        found = regions(people, bodies, anonymize)
        seen, missing = self._matched(_distinct(found), frame.stamp_ns)
        for region in found:
            region.paint(hidden)
        for each in missing:
            each.region.paint(hidden, WALK_M_S * _elapsed_s(each, frame.stamp_ns))
        self._remembered = seen + missing
        return hidden

    def _matched(
        self, found: Iterable[HiddenRegion], stamp_ns: int
    ) -> tuple[list[_Remembered], list[_Remembered]]:
        """Return who is found, who may be furniture too, and who was a moment ago and is none of them."""
        missing = [each for each in self._remembered if 0.0 <= _elapsed_s(each, stamp_ns) <= HOLD_S]
        seen: list[_Remembered] = []
        for region in found:
            near = [each for each in missing if region.distance_m(each.region) <= _reach_m(each, stamp_ns)]
            if near:
                missing.remove(min(near, key=lambda each: region.distance_m(each.region)))
            seen.append(_Remembered(region, stamp_ns))
        return seen, missing


def _distinct(found: Iterable[HiddenRegion]) -> list[HiddenRegion]:
    """Return one region of each person: the detector sees them in several tiles."""
    distinct: list[HiddenRegion] = []
    for region in found:
        if all(region.distance_m(other) > SAME_M for other in distinct):
            distinct.append(region)
    return distinct


def _reach_m(each: _Remembered, stamp_ns: int) -> float:
    """Return how far somebody may be by now from where they were seen."""
    return SAME_M + WALK_M_S * _elapsed_s(each, stamp_ns)


def _elapsed_s(each: _Remembered, stamp_ns: int) -> float:
    return (stamp_ns - each.seen_ns) / NS_PER_S
