# SPDX-License-Identifier: Apache-2.0
"""People who stand shoulder to shoulder: each is read with the others painted over.

In the middle of two the landmark model sees one body that is half of either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.estimation.landmark_model import LandmarkModel, LandmarkResult
from blazepose_ros.core.estimation.person_detector import Detection
from blazepose_ros.core.estimation.roi import Roi, body_hull
from blazepose_ros.core.estimation.roi_tracker import Looked, TrackedRoi, plain_people
from blazepose_ros.core.estimation.track_confirmation import TrackConfirmation
from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.tracking.appearance import distance
from blazepose_ros.core.types import Frame

# Whoever is further away, in sides of a ROI (some 2.5 m), is not mixed up with a person.
_SHOULDER_TO_SHOULDER = 0.3
# In this time a person who walks goes a quarter of a meter at most.
_RECENT_S = 0.15
# Of the square around a detected person the body, but for the arms, takes up so much: shoulders are a
# quarter of the stature apart, and the square is 1.25 times the circle around the person.
_HALF_WIDTH, _TOP, _BOTTOM = 0.1, 0.12, 0.88
_HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
_CORNERS = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, Landmark.RIGHT_ANKLE, Landmark.LEFT_ANKLE]


def neighbors_of(tracks: Sequence[TrackedRoi], stamp_ns: int) -> list[list[NDArray]]:
    """Return for each person the landmarks of those who stand right beside, without covering each other.

    Only those who were read apart once have neighbors: of two who pass each other it is not known who will
    be where.

    Args:
        tracks: who is looked for, with the landmarks of the image before.
        stamp_ns: when the image was taken; where people were long before says little.
    """
    oldest_ns = stamp_ns - _RECENT_S * NS_PER_S
    known = [track.screen if track.in_company and track.seen_ns >= oldest_ns else None for track in tracks]
    return [
        [
            other
            for other in known
            if own is not None
            and other is not None
            and other is not own
            and _are_beside(own, other, track.roi)
        ]
        for own, track in zip(known, tracks, strict=True)
    ]


def _are_beside(screen: NDArray, other: NDArray, roi: Roi) -> bool:
    apart_px = float(np.hypot(*(screen[_HIPS, :2] - other[_HIPS, :2]).mean(axis=0)))
    if not apart_px <= _SHOULDER_TO_SHOULDER * roi.size_px:
        return False
    own, its = body_hull(screen), body_hull(other)
    if own is None or its is None:
        return False
    # Where outlines overlap one covers the other: it is the one in front who then has to be painted over.
    shared_px2, _ = cv2.intersectConvexConvex(own.astype(np.float32), its.astype(np.float32))
    return shared_px2 <= 0.0


def pair_in(found: Sequence[Detection], roi: Roi) -> tuple[Detection, Detection] | None:
    """Return the two surest people whom the detector sees where one was read, or None where it sees one.

    Args:
        found: the surest first, with everybody else painted over.
        roi: where the model read one person.
    """
    reach_px = _SHOULDER_TO_SHOULDER * roi.size_px
    near = [
        each for each in found if math.hypot(each.roi.x_px - roi.x_px, each.roi.y_px - roi.y_px) <= reach_px
    ]
    return (near[0], near[1]) if len(near) > 1 else None


def read_apart(
    frame: Frame, pair: Sequence[Detection], covered: Sequence[NDArray], model: LandmarkModel
) -> list[LandmarkResult] | None:
    """Return two people who stand shoulder to shoulder, each read with the other painted over.

    Args:
        frame: the image.
        pair: where the detector sees them.
        covered: the landmarks of everybody else.
        model: reads them, first with the other's rough outline painted over, then with the body.

    Returns:
        None where they are not plainly two people.
    """
    results = _read_both(
        frame, [each.roi for each in pair], [_outline(each.roi) for each in pair], covered, model
    )
    if results is None:
        return None
    rois, screens = [each.next_roi for each in results], [each.screen for each in results]
    results = _read_both(frame, rois, screens, covered, model)
    if results is None or not all(
        plain_people([_new(each)], [*covered, other.screen], frame, in_tile=False)
        for each, other in (results, results[::-1])
    ):
        return None
    return results


def _read_both(
    frame: Frame,
    rois: Sequence[Roi],
    bodies: Sequence[NDArray],
    covered: Sequence[NDArray],
    model: LandmarkModel,
) -> list[LandmarkResult] | None:
    """Return what is read in two ROIs, in each with the other one's body covered; None without both."""
    results = model.read_each(frame.rgb, rois, [[*covered, other] for other in bodies[::-1]])
    both = [each for each in results if each is not None]
    return both if len(both) == len(rois) else None


def _new(result: LandmarkResult) -> Looked:
    return TrackedRoi(result.roi, TrackConfirmation(confirmed=True), in_company=True), result


def next_in_company(looked: Sequence[Looked], turn: int) -> int | None:
    """Return which known person to look at as if they were two; None of one alone.

    Everybody has a turn, and in between whoever is the least sure, which half of either of two is.
    """
    known = {
        index: result.score
        for index, (track, result) in enumerate(looked)
        if result is not None and track.screen is not None and track.confirmation.confirmed
    }
    if len(known) < 2:
        return None
    return min(known, key=known.__getitem__) if turn % 2 else list(known)[turn // 2 % len(known)]


def as_two(looked: Sequence[Looked], index: int, both: Sequence[LandmarkResult]) -> list[Looked]:
    """Return what was looked for with a person as two, of whom the nearer one is the one known before."""
    track, before = looked[index]
    assert before is not None
    known, other = sorted(both, key=lambda each: distance(each.screen, before.screen, each.roi.size_px))
    track = replace(track, in_company=True)
    return [*looked[:index], (track, known), *looked[index + 1 :], _new(other)]


def _outline(detected: Roi) -> NDArray[np.float64]:
    """Return a body's outline as if of landmarks, (33, 3), pixels, from where it was detected alone."""
    left, right = 0.5 - _HALF_WIDTH, 0.5 + _HALF_WIDTH
    corners = np.array([[left, _TOP], [right, _TOP], [right, _BOTTOM], [left, _BOTTOM]])
    screen = np.full((NUM_LANDMARKS, 3), np.nan)
    screen[_CORNERS, :2] = detected.to_image(corners)
    return screen
