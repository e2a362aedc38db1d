# SPDX-License-Identifier: Apache-2.0
"""ROI tracks inside of the estimator: where to look for each person in the next image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.estimation.landmark_model import LandmarkResult
from blazepose_ros.core.estimation.person_detector import Detection
from blazepose_ros.core.estimation.roi import Roi
from blazepose_ros.core.estimation.track_confirmation import ESTABLISHED_S, TrackConfirmation, looks_human
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.tracking.body_scale import distance
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
    """

    roi: Roi
    confirmation: TrackConfirmation
    screen: NDArray[np.float64] | None = None
    seen_ns: int = 0
    since_ns: int | None = None

    @property
    def established(self) -> bool:
        """Whether the track is old enough to be kept when it is lost."""
        return self.since_ns is not None and self.seen_ns - self.since_ns >= ESTABLISHED_S * NS_PER_S


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

    def want_detections(self, stamp_ns: int) -> bool:
        """Return whether to run the detector; less often while no track is lost."""
        confirmed = sum(track.confirmation.confirmed for track in self._seen)
        if confirmed >= self._options.num_poses:
            return False
        is_due = stamp_ns - self._detected_ns >= _DETECTION_INTERVAL_S * NS_PER_S
        return not confirmed or bool(self._lost) or is_due

    def choose(self, detections: Sequence[Detection] | None, stamp_ns: int) -> list[TrackedRoi]:
        """Return the tracks to look for in an image, the confirmed ones first, at most ``num_poses``.

        A detection belongs to the track that it overlaps, or to one that was lost near it; else it
        starts a new track, for which there is room only beside those seen and lost.

        Args:
            detections: in this image, the surest first; None where the detector did not run.
            stamp_ns: when it was taken.
        """
        if detections is not None:
            self._detected_ns = stamp_ns
        longest_ns = self._options.max_lost_s * NS_PER_S
        self._lost = [each for each in self._lost if stamp_ns - each.seen_ns <= longest_ns]
        unclaimed = list(self._seen)
        detected = [self._track_of(found, unclaimed, stamp_ns) for found in detections or ()]
        candidates = sorted([*unclaimed, *detected], key=_precedence)
        return candidates[: max(self._options.num_poses - len(self._lost), 0)]

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

    def update(
        self, looked: Sequence[tuple[TrackedRoi, LandmarkResult | None]], frame: Frame
    ) -> list[LandmarkResult]:
        """Return the results of confirmed tracks, each person once, and remember where to look next.

        Args:
            looked: the chosen tracks, and the model's results; None where it saw no person.
            frame: the image.
        """
        seen = _without_twins([(each, result) for each, result in looked if result is not None])
        missed = [each for each, _ in looked if all(each is not other for other, _ in seen)]
        self._lost += [each for each in missed if each.established]
        self._seen = [_updated(each, result, frame) for each, result in seen]
        people = zip(self._seen, seen, strict=True)
        return [result for track, (_, result) in people if track.confirmation.confirmed]


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


def _without_twins(seen: list[tuple[TrackedRoi, LandmarkResult]]) -> list[tuple[TrackedRoi, LandmarkResult]]:
    """Return the results, of one body only that of the track that moved least."""
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
    return TrackedRoi(result.next_roi, confirmation, result.screen, frame.stamp_ns, since_ns)
