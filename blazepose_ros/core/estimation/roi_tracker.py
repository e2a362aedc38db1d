"""Whom to look for where: the regions of people from image to image."""

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

# While somebody is followed and nobody is missed, others are looked for ten times a second: in
# every third image at 30 Hz, where the third comes a little early.
_LOOK_FOR_OTHERS_S = 0.09
# Who is lost is found again within this part of a region's size, and further off as time goes
# by: a region is some 2.5 m, and people walk at 1.5 m/s.
_REACH = 0.35
_REACH_PER_S = 0.6
# Readings whose landmarks are nearer than this part of a region's size are of one body.
_SAME_BODY = 0.08


@dataclass(frozen=True)
class RoiTrackerOptions:
    """How people are followed.

    Attributes:
        num_poses: the most people.
        max_lost_s: how long somebody who is not seen keeps their place: nobody else takes it.
        sure_confidence: what the detector is less sure of has to prove itself.
        same_overlap: where regions overlap by more, a detection is of the person who is followed.
    """

    num_poses: int
    max_lost_s: float
    sure_confidence: float
    same_overlap: float


@dataclass(frozen=True)
class TrackedRoi:
    """One person who is looked for.

    Attributes:
        region: where to look.
        evidence: what speaks for the person.
        screen: (33, 3), the landmarks as last seen, pixels; None before the first time.
        seen_ns: the stamp of that image.
        since_ns: the stamp of the first image that showed the person, there being enough evidence;
            None before that.
    """

    region: Roi
    evidence: TrackConfirmation
    screen: NDArray[np.float64] | None = None
    seen_ns: int = 0
    since_ns: int | None = None

    @property
    def established(self) -> bool:
        """Whether the person was followed long enough to be waited for when lost."""
        return self.since_ns is not None and self.seen_ns - self.since_ns >= ESTABLISHED_S * NS_PER_S


class RoiTracker:
    """Chooses the regions to read, and learns from what was read in them."""

    def __init__(self, options: RoiTrackerOptions) -> None:
        self._options = options
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        self._seen: list[TrackedRoi] = []
        self._lost: list[TrackedRoi] = []
        self._detected_ns = -math.inf

    def want_detections(self, stamp_ns: int) -> bool:
        """Return whether to look for people in the whole image; less often while nobody is missed."""
        sure = sum(follower.evidence.sure for follower in self._seen)
        if sure >= self._options.num_poses:
            return False
        rested = stamp_ns - self._detected_ns >= _LOOK_FOR_OTHERS_S * NS_PER_S
        return not sure or bool(self._lost) or rested

    def choose(self, detections: Sequence[Detection] | None, stamp_ns: int) -> list[TrackedRoi]:
        """Return whom to look for in an image, the surest first, no more than there may be.

        A detection is of the person followed where it is, or of one lost near there; else it
        is a stranger, for whom there is room only beside those who are followed and lost.

        Args:
            detections: in this image, the surest first; None where nobody looked for them.
            stamp_ns: when it was taken.
        """
        if detections is not None:
            self._detected_ns = stamp_ns
        longest_ns = self._options.max_lost_s * NS_PER_S
        self._lost = [each for each in self._lost if stamp_ns - each.seen_ns <= longest_ns]
        unclaimed = list(self._seen)
        detected = [self._who(found, unclaimed, stamp_ns) for found in detections or ()]
        everybody = sorted([*unclaimed, *detected], key=_precedence)
        return everybody[: max(self._options.num_poses - len(self._lost), 0)]

    def _who(self, found: Detection, unclaimed: list[TrackedRoi], stamp_ns: int) -> TrackedRoi:
        sure = found.confidence >= self._options.sure_confidence
        least = self._options.same_overlap
        known = _take_best(unclaimed, lambda each: found.region.overlap(each.region) - least)
        if known is not None:
            return replace(known, evidence=TrackConfirmation(sure=True)) if sure else known
        back = _take_best(self._lost, lambda each: _nearness(each, found.region, stamp_ns))
        if back is not None:
            return replace(back, region=found.region, evidence=TrackConfirmation(sure))
        return TrackedRoi(found.region, TrackConfirmation(sure))

    def learn(
        self, looked: Sequence[tuple[TrackedRoi, LandmarkResult | None]], frame: Frame
    ) -> list[LandmarkResult]:
        """Return the readings of people, each person once, and remember where to look next.

        Args:
            looked: who was looked for, and what was read there; None for nobody.
            frame: where.
        """
        seen = _without_twins([(each, reading) for each, reading in looked if reading is not None])
        missed = [each for each, _ in looked if all(each is not other for other, _ in seen)]
        self._lost += [each for each in missed if each.established]
        self._seen = [_follow(each, reading, frame) for each, reading in seen]
        people = zip(self._seen, seen, strict=True)
        return [reading for follower, (_, reading) in people if follower.evidence.sure]


def _precedence(follower: TrackedRoi) -> tuple[bool, bool]:
    """Return what sorts the sure before those who are to prove themselves, the known before strangers."""
    return not follower.evidence.sure, follower.screen is None


def _take_best(followers: list[TrackedRoi], rank: Callable[[TrackedRoi], float]) -> TrackedRoi | None:
    """Return the follower of the highest rank above zero, and take it out of the list."""
    ranks = [rank(follower) for follower in followers]
    best = max(range(len(ranks)), key=ranks.__getitem__, default=None)
    if best is None or ranks[best] <= 0:
        return None
    return followers.pop(best)


def _nearness(lost: TrackedRoi, region: Roi, stamp_ns: int) -> float:
    """Return above zero where a lost person may be by now, in sizes of their region."""
    apart = math.hypot(region.x_px - lost.region.x_px, region.y_px - lost.region.y_px) / lost.region.size_px
    return _REACH + _REACH_PER_S * (stamp_ns - lost.seen_ns) / NS_PER_S - apart


def _without_twins(seen: list[tuple[TrackedRoi, LandmarkResult]]) -> list[tuple[TrackedRoi, LandmarkResult]]:
    """Return the readings, of one body only that of the follower who moved least to it."""
    kept: list[tuple[TrackedRoi, LandmarkResult]] = []
    for follower, reading in sorted(seen, key=lambda pair: _moved(*pair)):
        if all(_apart(reading.screen, other.screen, reading) > _SAME_BODY for _, other in kept):
            kept.append((follower, reading))
    return kept


def _moved(follower: TrackedRoi, reading: LandmarkResult) -> float:
    return math.inf if follower.screen is None else _apart(reading.screen, follower.screen, reading)


def _apart(screen: NDArray, other: NDArray, reading: LandmarkResult) -> float:
    return distance(screen, other, reading.region.size_px)


def _follow(follower: TrackedRoi, reading: LandmarkResult, frame: Frame) -> TrackedRoi:
    evidence = follower.evidence
    if not evidence.sure:
        human = looks_human(reading.world, reading.screen, frame.width, frame.height)
        evidence = evidence.seen(reading.score, human, frame.stamp_ns)
    since_ns = follower.since_ns
    if since_ns is None and evidence.sure:
        since_ns = frame.stamp_ns
    return TrackedRoi(reading.next_region, evidence, reading.screen, frame.stamp_ns, since_ns)
