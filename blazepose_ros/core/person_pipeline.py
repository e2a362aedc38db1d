# SPDX-License-Identifier: Apache-2.0
"""From the poses of single images to people over time: tracking, localization, quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.placement.depth_range import DepthImage
from blazepose_ros.core.placement.floor_range import Floor
from blazepose_ros.core.timestamps import MonotonicTime
from blazepose_ros.core.tracking.pose_quality import quality_of
from blazepose_ros.core.tracking.primary_person import PrimarySelector
from blazepose_ros.core.tracking.track import Track
from blazepose_ros.core.tracking.tracker import Tracker, TrackingOptions
from blazepose_ros.core.types import UNKNOWN_COVARIANCES, Frame, ModelComplexity, Placement, Pose, Status


@dataclass(frozen=True)
class PipelineOptions:
    """How people are tracked and localized; these may change from one image to the next.

    Attributes:
        visibility_threshold: landmarks below it do not count for the position.
        tracking: when lost tracks end, who is primary, how landmarks are smoothed.
        person_height_m: the people's height in meters, 0 where it is not known.
        depth_only: whether people get a hip center from a depth image only.
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
        camera: the camera at the image's size; None leaves the people without a hip center.
        depth: the depth image taken with it; None where there is none.
        floor: where the floor is under the camera; None where that is not known.
    """

    camera: CameraModel | None = None
    depth: DepthImage | None = None
    floor: Floor | None = None


class PersonPipeline:
    """Tracks the people of one camera from image to image and localizes them.

    The node and whatever else turns images into people go through it, so that all of them
    give the same answer. It is used from one thread at a time.

    Args:
        options: how it works; assign `options` to change it.
    """

    def __init__(self, options: PipelineOptions) -> None:
        self.options = options
        self._tracker = Tracker()
        self._primary = PrimarySelector()
        self._time = MonotonicTime()

    def update(self, frame: Frame, poses: Sequence[Pose], context: FrameContext) -> list[Pose]:
        """Return the people of the next image, the primary one first.

        Args:
            frame: the image; one that is older by a second or more than the one before ends all tracks.
            poses: what an estimator found in it.
            context: what else is known about it.
        """
        frame = replace(frame, stamp_ns=self._time.at(frame.stamp_ns))
        tracking = self.options.tracking
        tracks = self._tracker.update(frame, poses, tracking)
        people = [self._person(track, frame, context) for track in tracks]
        return self._primary.apply(people, frame, tracking.primary, self._tracker.person_ids)

    def reset(self) -> None:
        """End all tracks, as after a jump in time."""
        self._tracker.reset()
        self._time = MonotonicTime()

    def _person(self, track: Track, frame: Frame, context: FrameContext) -> Pose:
        person = self._placed(track, frame.stamp_ns, context)
        status = quality_of(person, frame)
        if context.camera is None or context.camera.assumed:
            status |= Status.UNCALIBRATED
        return replace(person, status=status)

    def _placed(self, track: Track, stamp_ns: int, context: FrameContext) -> Pose:
        if context.camera is None:
            return track.person
        person = track.localizer(self.options.person_height_m).place(
            track.person,
            context.camera,
            self.options.visibility_threshold,
            stamp_ns,
            context.depth,
            self.options.model,
            context.floor,
        )
        if self.options.depth_only and person.placement is not Placement.DEPTH:
            return replace(person, hip_center=None, landmark_covariances=UNKNOWN_COVARIANCES)
        return person
