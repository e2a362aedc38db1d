# SPDX-License-Identifier: Apache-2.0
"""One tracked person: all that is remembered from one image to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.placement.hip_localizer import HipLocalizer
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.tracking.appearance import appearance_of, mean_appearance, middle, size_px
from blazepose_ros.core.tracking.smoothing import PoseSmoother, SmoothingOptions, blend
from blazepose_ros.core.types import Frame, Pose

# The appearance is a mean over about this time, and sampled no more often than that.
_APPEARANCE_S = 0.5
_APPEARANCE_STEP_S = 0.05
# The velocity is a mean over about this time, and predicts a place for no longer than this.
_VELOCITY_S = 0.2
_MAX_PREDICTION_S = 1.0
_MIN_STEP_S = 1e-3  # between two images of one stamp


class Observation:
    """A pose in an image, before it is known whose it is.

    Attributes:
        pose: as estimated.
        stamp_ns: of the image.
        size_px: the size of a body there.
    """

    def __init__(self, pose: Pose, frame: Frame) -> None:
        self.pose = pose
        self.stamp_ns = frame.stamp_ns
        self.size_px = size_px(pose)
        self._frame = frame

    @cached_property
    def appearance(self) -> NDArray[np.float64]:
        """The colors of trunk and thighs, (2, 3)."""
        return appearance_of(self.pose, self._frame)


@dataclass(frozen=True)
class ClearView:
    """A person as last seen away from others, with whose landmarks and colors theirs get mixed.

    Attributes:
        screen: (33, 2), pixels.
        seen_ns: the stamp of that image.
        velocity_px_s: (2,), of the whole body.
        appearance: (2, 3), the colors of trunk and thighs, a mean over the last images.
        appearance_ns: the stamp of the last image that it was sampled in.
    """

    screen: NDArray
    seen_ns: int
    velocity_px_s: NDArray[np.float64]
    appearance: NDArray[np.float64]
    appearance_ns: int

    @classmethod
    def first(cls, seen: Observation) -> ClearView:
        """Return what the first observation of a person shows."""
        return cls(seen.pose.screen[:, :2], seen.stamp_ns, np.zeros(2), seen.appearance, seen.stamp_ns)

    def predicted(self, stamp_ns: int) -> NDArray:
        """Return where the landmarks are at a time if the person goes on, (33, 2), pixels."""
        ahead_s = min((stamp_ns - self.seen_ns) / NS_PER_S, _MAX_PREDICTION_S)
        return self.screen + self.velocity_px_s * ahead_s

    def updated(self, seen: Observation) -> ClearView:
        """Return the view after another observation."""
        step_s = max((seen.stamp_ns - self.seen_ns) / NS_PER_S, _MIN_STEP_S)
        screen = seen.pose.screen[:, :2]
        moved = middle(screen - self.screen)
        velocity = blend(moved / step_s, self.velocity_px_s, step_s / (step_s + _VELOCITY_S))
        appearance, appearance_ns = self.appearance, self.appearance_ns
        elapsed_s = (seen.stamp_ns - appearance_ns) / NS_PER_S
        if elapsed_s >= _APPEARANCE_STEP_S:
            weight = elapsed_s / (elapsed_s + _APPEARANCE_S)
            appearance = mean_appearance(appearance, seen.appearance, weight)
            appearance_ns = seen.stamp_ns
        return ClearView(screen, seen.stamp_ns, velocity, appearance, appearance_ns)


class Track:
    """A person over time. ``Tracker`` starts and ends tracks; what is remembered ends with them.

    Attributes:
        person_id: from 1, never given twice.
        pose: as last estimated.
        seen_ns: the stamp of that image.
        size_px: the size of a body there.
        person: the pose, smoothed, with the person's id.
        clear_view: the person as last seen away from others.
    """

    def __init__(self, person_id: int, seen: Observation, smoothing: SmoothingOptions) -> None:
        self.person_id = person_id
        self.clear_view = ClearView.first(seen)
        self._smoother = PoseSmoother()
        self._localizer: HipLocalizer | None = None
        self._see(seen, smoothing)

    def update(self, seen: Observation, smoothing: SmoothingOptions, *, occluded: bool) -> None:
        """Take the next observation of this person.

        Args:
            seen: the observation.
            smoothing: how its landmarks are smoothed.
            occluded: whether others are so near that it may show parts of them.
        """
        if not occluded:
            self.clear_view = self.clear_view.updated(seen)
        self._see(seen, smoothing)

    def localizer(self, height_m: float) -> HipLocalizer:
        """Return what localizes this person's hips; another height starts a new one.

        Args:
            height_m: the person's height in meters, 0 where it is not known.
        """
        if self._localizer is None or self._localizer.height_m != height_m:
            self._localizer = HipLocalizer(height_m)
        return self._localizer

    def _see(self, seen: Observation, smoothing: SmoothingOptions) -> None:
        self.pose, self.seen_ns, self.size_px = seen.pose, seen.stamp_ns, seen.size_px
        smooth = self._smoother.apply(seen.pose, seen.stamp_ns, smoothing)
        self.person = replace(smooth, person_id=self.person_id)
