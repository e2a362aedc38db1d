"""People over time: numbered, smoothed, one of them the primary one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from blazepose_ros.core.tracking.association import Association
from blazepose_ros.core.tracking.primary_person import Primary, PrimarySelector
from blazepose_ros.core.tracking.smoothing import Smoother, SmoothingOptions
from blazepose_ros.core.types import Frame, Pose

# Long enough to pass behind somebody, short enough not to wait for those who have left.
MAX_LOST_S = 1.0


@dataclass(frozen=True)
class TrackingOptions:
    """How people are followed; these may change from one image to the next.

    Attributes:
        max_lost_s: how long somebody who is not seen keeps number and place.
        primary: who of several people is the primary one.
        smoothing: how landmarks are smoothed.

    Raises:
        ValueError: the time is negative or none.
    """

    max_lost_s: float = MAX_LOST_S
    primary: Primary = Primary.LARGEST
    smoothing: SmoothingOptions = field(default_factory=SmoothingOptions)

    def __post_init__(self) -> None:
        if not self.max_lost_s >= 0:
            raise ValueError(f"max_lost_s is {self.max_lost_s}: nobody is lost for less than no time")


class Tracker:
    """The people of one camera, from image to image."""

    def __init__(self) -> None:
        self._identities = Association()
        self._smoother = Smoother()
        self._choice = PrimarySelector()
        self._stamp_ns: int | None = None
        self._shape: tuple[int, ...] | None = None

    def reset(self) -> None:
        """Forget everybody; their numbers stay taken."""
        self._identities.reset()
        self._smoother.keep(set())

    def follow(self, frame: Frame, poses: Sequence[Pose], options: TrackingOptions) -> list[Pose]:
        """Return the poses of an image with their identities, smoothed.

        Args:
            frame: the image; one that is older than the one before, or of another size, forgets
                everybody.
            poses: what an estimator found in it.
            options: how to follow.
        """
        if self._starts_anew(frame):
            self.reset()
        self._stamp_ns, self._shape = frame.stamp_ns, frame.rgb.shape
        people = self._identities.update(frame, poses, options.max_lost_s)
        self._smoother.keep(self._identities.known)
        return self._smoother.apply(people, frame.stamp_ns, options.smoothing)

    def _starts_anew(self, frame: Frame) -> bool:
        """Whether the places that are known say nothing about those in a frame."""
        goes_back = self._stamp_ns is not None and frame.stamp_ns < self._stamp_ns
        return goes_back or self._shape not in (None, frame.rgb.shape)

    def primary_first(self, frame: Frame, people: Sequence[Pose], options: TrackingOptions) -> list[Pose]:
        """Return the people of the image that was followed last, the primary one first and marked."""
        return self._choice.apply(people, frame, options.primary, self._identities.known)
