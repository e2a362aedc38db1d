"""The smoothing of people's landmarks in time, the same for every estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.nanoseconds import NS_PER_S
from blazepose_ros.pose import Pose
from blazepose_ros.tracking.body import BODY_M, size_px
from blazepose_ros.tracking.one_euro import OneEuroFilter, Tuning, alpha, blend

# Visibility flickers around its threshold; three frames at 30 Hz are enough to still it.
_VISIBILITY_CUTOFF_HZ = 4.0
# Images of one stamp come from a camera without a clock: they are as far apart as most cameras'
# are. Were no time between them, a person who moves would stay where they were first seen.
_UNTIMED_STEP_S = 1 / 30


@dataclass(frozen=True)
class SmoothingOptions:
    """How landmarks are smoothed.

    Speeds are in bodies per second for screen and world alike, so that one pair of numbers
    serves both.

    Attributes:
        enabled: whether they are.
        tuning: how strongly.
    """

    enabled: bool = True
    tuning: Tuning = field(default_factory=Tuning)


class Smoother:
    """Smooths every person by their own past."""

    def __init__(self) -> None:
        self._people: dict[int, _Person] = {}

    def apply(self, people: Sequence[Pose], stamp_ns: int, options: SmoothingOptions) -> list[Pose]:
        """Return the people of an image, smoothed; new ones as they are.

        Args:
            people: with their identities.
            stamp_ns: when the image was taken.
            options: how to smooth.
        """
        if not options.enabled:
            self._people.clear()
            return list(people)
        return [
            self._people.setdefault(person.person_id, _Person(stamp_ns)).apply(person, stamp_ns, options)
            for person in people
        ]

    def keep(self, identities: set[int]) -> None:
        """Forget everybody but those."""
        self._people = {number: person for number, person in self._people.items() if number in identities}


class _Person:
    """What is remembered of one person."""

    def __init__(self, stamp_ns: int) -> None:
        self._landmarks = OneEuroFilter()
        self._visibility: NDArray | None = None
        self._stamp_ns = stamp_ns

    def apply(self, pose: Pose, stamp_ns: int, options: SmoothingOptions) -> Pose:
        step_s = (stamp_ns - self._stamp_ns) / NS_PER_S or _UNTIMED_STEP_S
        self._stamp_ns = stamp_ns
        scale = np.array([size_px(pose)] * 3 + [BODY_M] * 3, np.float32)
        landmarks = np.concatenate((pose.screen, pose.world), axis=1)
        smooth = self._landmarks.apply(landmarks, step_s, options.tuning, scale).astype(np.float32)
        return replace(
            pose,
            screen=smooth[:, :3],
            world=smooth[:, 3:],
            visibility=self._smooth_visibility(pose.visibility, step_s),
        )

    def _smooth_visibility(self, visibility: NDArray, step_s: float) -> NDArray[np.float32]:
        old = visibility if self._visibility is None else self._visibility
        weight = alpha(_VISIBILITY_CUTOFF_HZ, max(step_s, 0.0))
        self._visibility = blend(visibility, old, weight).astype(np.float32)
        return self._visibility
