# SPDX-License-Identifier: Apache-2.0
"""ROI tracks inside of the estimator: where to look for each person in the next image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.estimation.landmark_model import LandmarkResult
from blazepose_ros.core.estimation.person_detector import Detection
from blazepose_ros.core.estimation.roi import Roi, body_hull, tiles
from blazepose_ros.core.estimation.track_confirmation import (
    ESTABLISHED_S,
    TrackConfirmation,
    is_plainly_human,
    looks_human,
)
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.tracking.appearance import distance
from blazepose_ros.core.types import Frame

# While there are tracks and none is lost, the detector looks for others ten times a second: in
# every third image at 30 Hz, where the third comes a little early.
_DETECTION_INTERVAL_S = 0.09
# A lost person is found again within this part of the ROI's size, and further off as time goes
# by: an ROI is some 2.5 m, and people walk at 1.5 m/s.
_REACH = 0.35
_REACH_PER_S = 0.6
# Results whose landmarks are nearer than this part of an ROI's size are of one body.
_SAME_BODY = 0.08
# Hips that are nearer to the outline of a covered person, in parts of an ROI's size, are that
# person's: of forty that were not somebody else's none was further off, of 170 others two nearer.
_CLEAR = 0.07
# Legs of furniture that a tile shows are limbs of little visibility.
_PLAIN_VISIBILITY = 0.7
_LIMBS = slice(Landmark.LEFT_SHOULDER, Landmark.LEFT_HEEL)


@dataclass(frozen=True)
class RoiTrackerOptions:
    """How ROIs are tracked.

    Attributes:
        num_poses: the most people.
        max_lost_s: a lost track ends after so many seconds; until then its place is kept.
        sure_confidence: a track that starts from a detection below it has to be confirmed.
        same_overlap: a detection whose ROI overlaps a track's by more is of the same person.
    """

    num_poses: int
    max_lost_s: float
    sure_confidence: float
    same_overlap: float


@dataclass(frozen=True)
class TrackedRoi:
    """The ROI of one person over time.

    Attributes:
        roi: where to look.
        confirmation: whether it is sure that this is a person.
        screen: (33, 3), the last landmarks, pixels; None before the first ones.
        seen_ns: the stamp of that image.
        since_ns: the stamp of the first image of the confirmed track; None before that.
        in_company: whether it was read apart from somebody who stands shoulder to shoulder.
    """

    roi: Roi
    confirmation: TrackConfirmation
    screen: NDArray[np.float64] | None = None
    seen_ns: int = 0
    since_ns: int | None = None
    in_company: bool = False

    @property
    def established(self) -> bool:
        """Whether the track is old enough to be kept when it is lost."""
        return self.since_ns is not None and self.seen_ns - self.since_ns >= ESTABLISHED_S * NS_PER_S


# A track that was looked for, and what the model saw there; None where it saw no person.
Looked = tuple[TrackedRoi, "LandmarkResult | None"]


class RoiTracker:
    """Chooses the ROIs for the landmark model, and updates its tracks with the results."""

    def __init__(self, options: RoiTrackerOptions) -> None:
        self._options = options
        self.reset()

    def reset(self) -> None:
        """End all tracks."""
        self._seen: list[TrackedRoi] = []
        self._lost: list[TrackedRoi] = []
        self._detected_ns = -math.inf
        self._squares = 0
        self._others_next = False  # whether the next turn of the detector is for others beside known people

    def want_detections(self, stamp_ns: int) -> bool:
        """Return whether to run the detector; less often while no track is lost."""
        return self._is_due(stamp_ns) and not (self._others_next and self._confirmed())

    def want_others(self, looked: Sequence[Looked], stamp_ns: int) -> bool:
        """Return whether to run the detector with the people found covered, who distract it from others.

        Every second turn of the detector is such a one, and every image in which somebody is new.
        """
        found = [track for track, result in looked if result is not None and track.confirmation.confirmed]
        room = self._options.num_poses - len(looked)
        if not found or room <= 0:
            return False
        turn = self._others_next and self._is_due(stamp_ns)
        if turn:
            self._detected_ns, self._others_next = stamp_ns, False
        return turn or any(track.screen is None for track in found)

    def _is_due(self, stamp_ns: int) -> bool:
        confirmed = self._confirmed()
        if confirmed >= self._options.num_poses:
            return False
        is_due = stamp_ns - self._detected_ns >= _DETECTION_INTERVAL_S * NS_PER_S
        return not confirmed or bool(self._lost) or is_due

    def _confirmed(self) -> int:
        return sum(track.confirmation.confirmed for track in self._seen)

    def choose(self, detections: Sequence[Detection] | None, stamp_ns: int) -> list[TrackedRoi]:
        """Return the tracks to look for in an image, the confirmed ones first, at most ``num_poses``.

        A detection belongs to the track that it overlaps, or to one that was lost near it; else it
        starts a new track, for which there is room only beside those seen and lost.

        Args:
            detections: in this image, the surest first; None where the detector did not run.
            stamp_ns: when it was taken.
        """
        if detections is not None:
            self._detected_ns, self._others_next = stamp_ns, self._options.num_poses > 1
        longest_ns = self._options.max_lost_s * NS_PER_S
        self._lost = [each for each in self._lost if stamp_ns - each.seen_ns <= longest_ns]
        unclaimed = list(self._seen)
        detected = [self._track_of(found, unclaimed, stamp_ns) for found in detections or ()]
        candidates = sorted([*unclaimed, *detected], key=_precedence)
        return candidates[: max(self._options.num_poses - len(self._lost), 0)]

    def next_square(self, frame: Frame) -> Roi | None:
        """Return where to look for others: in all of the image (None) and in one tile of it, in turn."""
        self._squares += 1
        if self._squares % 2:
            return None
        squares = tiles(frame.width, frame.height)
        return squares[self._squares // 2 % len(squares)]

    def choose_others(
        self, detections: Sequence[Detection], looked: Sequence[Looked], stamp_ns: int
    ) -> list[TrackedRoi]:
        """Return the track of a person beside those who were found, or none.

        It is one at a time: the next one is read better where this one is covered, too. The places of
        lost people are kept, for themselves.

        Args:
            detections: in the image in which those who were found are covered, the surest first.
            looked: who was looked for in it.
            stamp_ns: when it was taken.
        """
        covered = screens_of(looked)
        has_room = self.has_room(looked)
        for found in detections:
            if _is_rest((found.roi.x_px, found.roi.y_px), found.roi, covered):
                continue
            track = self._track_of(found, [], stamp_ns)
            if track.screen is not None or (track.confirmation.confirmed and has_room):
                return [track]
        return []

    def has_room(self, looked: Sequence[Looked]) -> bool:
        """Return whether a new person may get a track beside those looked for and those lost."""
        return len(looked) + len(self._lost) < self._options.num_poses

    def _track_of(self, found: Detection, unclaimed: list[TrackedRoi], stamp_ns: int) -> TrackedRoi:
        sure = found.confidence >= self._options.sure_confidence
        least = self._options.same_overlap
        known = _take_best(unclaimed, lambda each: found.roi.overlap(each.roi) - least)
        if known is not None:
            return replace(known, confirmation=TrackConfirmation(confirmed=True)) if sure else known
        back = _take_best(self._lost, lambda each: _nearness(each, found.roi, stamp_ns))
        if back is not None:
            return replace(back, roi=found.roi, confirmation=TrackConfirmation(sure))
        return TrackedRoi(found.roi, TrackConfirmation(sure))

    def misread(self, looked: Sequence[Looked]) -> dict[int, list[NDArray]]:
        """Return which known people were not read where others are, by index, and those others' landmarks.

        Of two people of whom one covers the other the model may read one twice, or none.
        """
        kept = _without_twins(looked)
        others = [result.screen for _, result in kept]
        missed = (
            (index, track)
            for index, (track, _) in enumerate(looked)
            if track.screen is not None and all(track is not other for other, _ in kept)
        )
        beside = {index: list(filter(track.roi.shows, others)) for index, track in missed}
        return {index: covering for index, covering in beside.items() if covering}

    def update(self, looked: Sequence[Looked], frame: Frame) -> list[LandmarkResult]:
        """Return the results of confirmed tracks, each person once, and remember where to look next.

        Args:
            looked: the chosen tracks, and the model's results; None where it saw no person.
            frame: the image.
        """
        seen = _without_twins(looked)
        missed = [each for each, _ in looked if all(each is not other for other, _ in seen)]
        self._lost += [each for each in missed if each.established]
        self._seen = [_updated(each, result, frame) for each, result in seen]
        people = zip(self._seen, seen, strict=True)
        return [result for track, (_, result) in people if track.confirmation.confirmed]


def screens_of(looked: Sequence[Looked]) -> list[NDArray]:
    """Return the landmarks of the people who were found for sure."""
    return [result.screen for track, result in looked if result is not None and track.confirmation.confirmed]


def plain_people(
    looked: Sequence[Looked], covered: Sequence[NDArray], frame: Frame, in_tile: bool
) -> list[Looked]:
    """Return who was read beside covered people: lost ones, and new ones who are plainly people.

    Args:
        looked: who was looked for, and what the model saw.
        covered: the landmarks of the people who were not to be seen.
        frame: the image.
        in_tile: whether only a tile of it was searched, in which more looks like people.
    """
    least = _PLAIN_VISIBILITY if in_tile else 0.0
    return [
        (track, result)
        for track, result in looked
        if track.screen is not None or (result is not None and _is_plain(result, covered, frame, least))
    ]


def _is_plain(
    result: LandmarkResult, covered: Sequence[NDArray], frame: Frame, min_visibility: float
) -> bool:
    human = looks_human(result.world, result.screen, frame.width, frame.height)
    visible = result.visibility[_LIMBS].mean() >= min_visibility
    return (
        is_plainly_human(result.score, human) and visible and not _is_rest(_hips(result), result.roi, covered)
    )


def unless_hidden(result: LandmarkResult | None, covered: Sequence[NDArray]) -> LandmarkResult | None:
    """Return what was read of a known person with others covered.

    Args:
        result: what the model saw.
        covered: the landmarks of those others.

    Returns:
        None where the hips are within their outlines: the person is behind them, and what was read is
        a guess that leads the track to them.
    """
    hidden = result is not None and _depth_within_px(_hips(result), covered) > 0
    return None if hidden else result


def _is_rest(hips: Sequence[float] | NDArray, roi: Roi, covered: Sequence[NDArray]) -> bool:
    """Return whether somebody with such hips is what a covered person leaves: arms and an outline."""
    return _depth_within_px(hips, covered) > -_CLEAR * roi.size_px


def _depth_within_px(point: Sequence[float] | NDArray, covered: Sequence[NDArray]) -> float:
    """Return how far a point is within the outline of one of the people, negative outside of all."""
    at = float(point[0]), float(point[1])
    hulls = [hull for hull in map(body_hull, covered) if hull is not None]
    return max((cv2.pointPolygonTest(hull, at, True) for hull in hulls), default=-math.inf)


def _hips(result: LandmarkResult) -> NDArray:
    return result.screen[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP], :2].mean(axis=0)


def _precedence(track: TrackedRoi) -> tuple[bool, bool]:
    """Return what sorts confirmed tracks before unconfirmed ones, known ones before new ones."""
    return not track.confirmation.confirmed, track.screen is None


def _take_best(tracks: list[TrackedRoi], rank: Callable[[TrackedRoi], float]) -> TrackedRoi | None:
    """Return the track of the highest rank above zero, and take it out of the list."""
    ranks = [rank(track) for track in tracks]
    best = max(range(len(ranks)), key=ranks.__getitem__, default=None)
    if best is None or ranks[best] <= 0:
        return None
    return tracks.pop(best)


def _nearness(lost: TrackedRoi, roi: Roi, stamp_ns: int) -> float:
    """Return above zero where a lost person may be by now, in sizes of their ROI."""
    apart = math.hypot(roi.x_px - lost.roi.x_px, roi.y_px - lost.roi.y_px) / lost.roi.size_px
    return _REACH + _REACH_PER_S * (stamp_ns - lost.seen_ns) / NS_PER_S - apart


def _without_twins(looked: Sequence[Looked]) -> list[tuple[TrackedRoi, LandmarkResult]]:
    """Return who was found, of one body only the track that moved least."""
    seen = [(track, result) for track, result in looked if result is not None]
    if len(seen) == 1:
        return seen
    kept: list[tuple[TrackedRoi, LandmarkResult]] = []
    for track, result in sorted(seen, key=lambda pair: _moved(*pair)):
        if all(_apart(result.screen, other.screen, result) > _SAME_BODY for _, other in kept):
            kept.append((track, result))
    return kept


def _moved(track: TrackedRoi, result: LandmarkResult) -> float:
    return math.inf if track.screen is None else _apart(result.screen, track.screen, result)


def _apart(screen: NDArray, other: NDArray, result: LandmarkResult) -> float:
    return distance(screen, other, result.roi.size_px)


def _updated(track: TrackedRoi, result: LandmarkResult, frame: Frame) -> TrackedRoi:
    confirmation = track.confirmation
    if not confirmation.confirmed:
        human = looks_human(result.world, result.screen, frame.width, frame.height)
        confirmation = confirmation.updated(result.score, human, frame.stamp_ns)
    since_ns = track.since_ns
    if since_ns is None and confirmation.confirmed:
        since_ns = frame.stamp_ns
    stamp_ns, in_company = frame.stamp_ns, track.in_company
    return TrackedRoi(result.next_roi, confirmation, result.screen, stamp_ns, since_ns, in_company)
