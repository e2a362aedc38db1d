# SPDX-License-Identifier: Apache-2.0
"""The people of one camera, from image to image: where tracks start and where they end."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from blazepose_ros.core.timestamps import NS_PER_S, is_time_jump
from blazepose_ros.core.tracking.association import associate, is_occluded
from blazepose_ros.core.tracking.primary_person import Primary
from blazepose_ros.core.tracking.smoothing import SmoothingOptions
from blazepose_ros.core.tracking.track import Observation, Track
from blazepose_ros.core.types import Frame, Pose

# Long enough to pass behind another person, short enough not to wait for those who have left.
MAX_LOST_S = 1.0


@dataclass(frozen=True)
class TrackingOptions:
    """How people are tracked; these may change from one image to the next.

    Attributes:
        max_lost_s: a lost track ends after so many seconds.
        primary: which of several people is the primary one.
        smoothing: how landmarks are smoothed.

    Raises:
        ValueError: the time is negative or NaN.
    """

    max_lost_s: float = MAX_LOST_S
    primary: Primary = Primary.LARGEST
    smoothing: SmoothingOptions = field(default_factory=SmoothingOptions)

    def __post_init__(self) -> None:
        if not self.max_lost_s >= 0:
            raise ValueError(f"max_lost_s is {self.max_lost_s}, it starts at 0")


class Tracker:
    """The tracks of one camera's people: those seen in the last image, and the lost ones.

    Tracks are numbered from 1; no number is given twice.
    """

    def __init__(self) -> None:
        self._tracks: dict[int, Track] = {}
        self._newest_id = 0
        self._stamp_ns: int | None = None
        self._shape: tuple[int, ...] | None = None

    @property
    def person_ids(self) -> Set[int]:
        """The numbers of the people who are seen or may come back."""
        return self._tracks.keys()

    def update(self, frame: Frame, poses: Sequence[Pose], options: TrackingOptions) -> list[Track]:
        """Return the tracks of the people in an image; those of people who are not seen are lost.

        Args:
            frame: the image; one that is older than the one before, or of another size, ends all tracks.
            poses: what an estimator found in it; garbled ones are left out.
            options: how to track.
        """
        if self._starts_anew(frame):
            self.reset()
        self._end_lost(frame.stamp_ns, options.max_lost_s)
        self._stamp_ns, self._shape = frame.stamp_ns, frame.rgb.shape
        observations = [Observation(pose, frame) for pose in poses]
        matches = associate(list(self._tracks.values()), observations)
        return [self._continued(track, seen, options.smoothing) for seen, track in matches]

    def reset(self) -> None:
        """End every track, and with them all that is remembered; their numbers stay taken."""
        self._tracks.clear()

    def _end_lost(self, stamp_ns: int, max_lost_s: float) -> None:
        """End the tracks that were not seen for too long, and with them all that is remembered.

        Those in the image before this one are not lost, however slow the camera is.
        """
        oldest_ns = stamp_ns - max_lost_s * NS_PER_S
        if self._stamp_ns is not None and not is_time_jump(self._stamp_ns, stamp_ns):
            oldest_ns = min(oldest_ns, self._stamp_ns)
        self._tracks = {n: track for n, track in self._tracks.items() if track.seen_ns >= oldest_ns}

    def _continued(self, track: Track | None, seen: Observation, smoothing: SmoothingOptions) -> Track:
        """Return the track after an observation; a new one where there was none."""
        if track is None:
            self._newest_id += 1
            track = self._tracks[self._newest_id] = Track(self._newest_id, seen, smoothing)
        else:
            others = (other for other in self._tracks.values() if other is not track)
            track.update(seen, smoothing, occluded=is_occluded(seen, others))
        return track

    def _starts_anew(self, frame: Frame) -> bool:
        """Whether the places that are known say nothing about those in a frame."""
        goes_back = self._stamp_ns is not None and frame.stamp_ns < self._stamp_ns
        return goes_back or self._shape not in (None, frame.rgb.shape)
