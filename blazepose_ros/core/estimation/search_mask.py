# SPDX-License-Identifier: Apache-2.0
"""Where to look for one lost person, for an estimator that searches the whole image by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.estimation.track_confirmation import ESTABLISHED_S
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.tracking.body_scale import box_px, distance, size_px
from blazepose_ros.core.types import Frame, Pose

# A lost person is looked for as far around where they were seen, in parts of their height, and
# further as time goes by: 1.7 m, and 1.5 m/s.
_MARGIN = 0.05
_MARGIN_PER_S = 0.9
# A person found there is the lost one if they are nearer than this, in bodies.
_REACH_BODIES = 0.5


class SearchMask:
    """Shows an estimator only the surroundings of a lost person, whose place no one else takes then.

    Args:
        max_lost_s: after this time the whole image is shown again.
    """

    def __init__(self, max_lost_s: float) -> None:
        self._max_lost_ns = max_lost_s * NS_PER_S
        self.reset()

    def reset(self) -> None:
        """Forget the person."""
        self._pose: Pose | None = None
        self._since_ns = self._seen_ns = 0
        self._lost = False
        self._shape: tuple[int, ...] = ()

    def look(self, frame: Frame) -> NDArray[np.uint8]:
        """Return the pixels to search, (height, width, 3): black but for where the lost person may be."""
        waited_ns = frame.stamp_ns - self._seen_ns
        if frame.rgb.shape != self._shape or (self._lost and waited_ns > self._max_lost_ns):
            self.reset()
        self._shape = frame.rgb.shape
        if self._pose is None or not self._lost:
            return frame.rgb
        rows, columns = _around(self._pose, frame, _MARGIN + _MARGIN_PER_S * waited_ns / NS_PER_S)
        pixels = np.zeros_like(frame.rgb)
        pixels[rows, columns] = frame.rgb[rows, columns]
        return pixels

    def accept(self, poses: Sequence[Pose], frame: Frame) -> bool:
        """Return whether the pose found is not that of another person in a lost one's place."""
        known = self._pose
        if not poses:
            self._lost = known is not None
            if self._seen_ns - self._since_ns < ESTABLISHED_S * NS_PER_S:
                self.reset()
            return True
        (pose,) = poses
        if (
            self._lost
            and known is not None
            and distance(pose.screen, known.screen, size_px(known)) > _REACH_BODIES
        ):
            return False
        if known is None:
            self._since_ns = frame.stamp_ns
        self._pose, self._seen_ns, self._lost = pose, frame.stamp_ns, False
        return True


def _around(pose: Pose, frame: Frame, margin: float) -> tuple[slice, slice]:
    left, top, right, bottom = box_px(pose, frame.width, frame.height)
    margin_px = margin * max(right - left, bottom - top)
    rows = slice(max(int(top - margin_px), 0), int(bottom + margin_px) + 1)
    return rows, slice(max(int(left - margin_px), 0), int(right + margin_px) + 1)
