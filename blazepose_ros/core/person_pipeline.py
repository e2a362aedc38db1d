"""What the estimators leave to do: from the poses of one image to people over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.placement.depth_range import DepthImage
from blazepose_ros.core.placement.hip_localizer import PeopleLocalizer
from blazepose_ros.core.tracking.pose_quality import quality_of
from blazepose_ros.core.tracking.tracker import Tracker, TrackingOptions
from blazepose_ros.core.types import Frame, ModelComplexity, Placement, Pose


@dataclass(frozen=True)
class PipelineOptions:
    """How people are followed and placed; these may change from one image to the next.

    Attributes:
        visibility_threshold: landmarks below it say nothing about the place.
        tracking: how long the lost are waited for, who is primary, how landmarks are smoothed.
        person_height_m: how tall the people are, 0 where that is not known.
        depth_only: whether people whom no depth image shows are left unplaced.
        model: whose landmarks they are.
    """

    visibility_threshold: float = 0.5
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    person_height_m: float = 0.0
    depth_only: bool = False
    model: ModelComplexity = ModelComplexity.FULL


@dataclass(frozen=True)
class FrameContext:
    """What is known about an image besides its pixels.

    Attributes:
        camera: the camera at the image's size; None leaves the people unplaced.
        depth: the depth image taken with it; None where there is none.
    """

    camera: CameraModel | None = None
    depth: DepthImage | None = None


class PersonPipeline:
    """Follows the people of one camera from image to image and places them.

    The node and whatever else turns images into people go through it, so that all of them
    give the same answer. It is used from one thread at a time.

    Args:
        options: how it works; assign `options` to change it.
    """

    def __init__(self, options: PipelineOptions) -> None:
        self.options = options
        self._people = Tracker()
        self._placer = PeopleLocalizer()

    def update(self, frame: Frame, poses: Sequence[Pose], scene: FrameContext) -> list[Pose]:
        """Return the people of the next image, the primary one first.

        Args:
            frame: the image; one that is older than the one before forgets everybody.
            poses: what an estimator found in it.
            scene: what else is known about it.
        """
        options = self.options.tracking
        followed = self._people.follow(frame, poses, options)
        placed = [self._place(person, frame.stamp_ns, scene) for person in followed]
        people = [replace(person, status=quality_of(person, frame)) for person in placed]
        return self._people.primary_first(frame, people, options)

    def reset(self) -> None:
        """Forget everybody, as after a jump in time."""
        self._people.reset()
        self._placer.forget()

    def _place(self, person: Pose, stamp_ns: int, scene: FrameContext) -> Pose:
        if scene.camera is None:
            return person
        hip_center = self._placer.place(
            person,
            scene.camera,
            stamp_ns,
            visibility_threshold=self.options.visibility_threshold,
            height_m=self.options.person_height_m,
            depth=scene.depth,
            model=self.options.model,
        )
        if self.options.depth_only and (hip_center is None or hip_center.source != Placement.DEPTH):
            return person
        return replace(person, hip_center=hip_center)
