# SPDX-License-Identifier: Apache-2.0
"""Collects what several cameras see, from messages: people, calibrations and transforms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sensor_msgs.msg import CameraInfo

from blazepose_ros.conversions.camera_info import CameraInfoError, read_camera
from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.pose33 import from_pose33
from blazepose_ros.conversions.tf_buffer import TfBuffer, TransformError
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.extrinsics.alignment import CameraPlace
from blazepose_ros.core.extrinsics.sightings import CameraSightings
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import Placement, Pose
from blazepose_ros.msg import Pose33Array


class CameraViews:
    """What several cameras have seen, by their optical frames.

    Attributes:
        transforms: between frames, as far as they are known.
    """

    def __init__(self) -> None:
        self.transforms = TfBuffer()
        self._people: defaultdict[str, dict[int, list[Pose]]] = defaultdict(dict)
        self._sizes: dict[str, tuple[int, int]] = {}
        self._infos: dict[str, CameraInfo] = {}
        self._lenses: dict[str, CameraModel] = {}
        self._topics: defaultdict[str, set[str]] = defaultdict(set)

    def __len__(self) -> int:
        """Return how many cameras have seen somebody."""
        return sum(any(images.values()) for images in self._people.values())

    def take_poses(self, topic: str, message: Pose33Array) -> None:
        """Keep the people of one image; those that were fused already belong to no camera."""
        people = [from_pose33(pose) for pose in message.poses]
        if any(person.placement is Placement.FUSED for person in people):
            return
        if people:
            self._sizes[message.header.frame_id] = (
                message.poses[0].image_width,
                message.poses[0].image_height,
            )
        self.add(topic, message.header.frame_id, stamp_ns(message.header), people)

    def add(
        self, topic: str, frame_id: str, stamp: int, people: list[Pose], lens: CameraModel | None = None
    ) -> None:
        """Keep the people of one image.

        Args:
            topic: where they come from.
            frame_id: the optical frame.
            stamp: the image's, in nanoseconds.
            people: the primary one first.
            lens: the camera at the size of the image, where it is known already.
        """
        self._topics[frame_id].add(topic)
        self._people[frame_id][stamp] = people
        if lens is not None:
            self._lenses[frame_id] = lens

    def take_calibration(self, message: CameraInfo) -> None:
        """Keep a camera's calibration; the frame says whose it is."""
        self._infos[message.header.frame_id] = message

    def sightings(
        self, person_height_m: float, *, rectified: bool
    ) -> tuple[list[CameraSightings], dict[str, str]]:
        """Return what calibrated cameras have seen, and why others are left out, by their frames.

        Args:
            person_height_m: how tall the person is; 0 where it is not known.
            rectified: whether the images were rectified.
        """
        found, left_out = [], {}
        for frame_id, people in sorted(self._people.items()):
            lens = self._lens(frame_id, rectified=rectified)
            if len(self._topics[frame_id]) > 1:
                topics = ", ".join(sorted(self._topics[frame_id]))
                left_out[frame_id] = f"{topics} have the same frame_id: each camera needs one of its own"
            elif isinstance(lens, str):
                left_out[frame_id] = lens
            else:
                found.append(CameraSightings.of(frame_id, lens, people, person_height_m))
        return found, left_out

    def last_stamp_ns(self, frame_id: str) -> int:
        """Return the stamp of a camera's last image."""
        return max(self._people[frame_id])

    def guess(self, frames: Iterable[str]) -> dict[str, CameraPlace]:
        """Return where TF holds cameras to be, relative to the first one that it knows."""
        places: dict[str, CameraPlace] = {}
        names = list(frames)
        for frame in names:
            try:
                pose = self.transforms.lookup(names[0], frame, self.last_stamp_ns(frame)).inverse()
            except TransformError:
                continue
            places[frame] = CameraPlace(pose.rotation, pose.translation)
        return places if len(places) > 1 else {}

    def _lens(self, frame_id: str, *, rectified: bool) -> CameraModel | str:
        """Return a camera's model, or why there is none."""
        if (lens := self._lenses.get(frame_id)) is not None:
            return f"{frame_id} is not calibrated" if lens.assumed else lens
        info, size = self._infos.get(frame_id), self._sizes.get(frame_id)
        if size is None:
            return "it sees nobody"
        if info is None:
            known = ", ".join(sorted(self._infos)) or "none"
            return f"no camera_info has this frame_id (those that came: {known})"
        try:
            reading = read_camera(info, size, rectified=rectified)
        except CameraInfoError as err:
            return str(err)
        return "its camera_info holds zeros: calibrate it first" if reading is None else reading.camera


class Anchor:
    """Where the results go in the tree of frames.

    Cameras that TF connects keep their common root: all but the first get new transforms. Others go
    below a new frame, which is level, on the floor under the first camera.

    Args:
        views: with the transforms.
        frames: the optical frames of the cameras, the reference first.
        level: the first camera's pose in the new frame.
        parent: the new frame's name.
    """

    def __init__(self, views: CameraViews, frames: list[str], level: Rigid, parent: str) -> None:
        self._views = views
        self._ancestries = {frame: views.transforms.ancestry(frame) for frame in frames}
        shared = set.intersection(*(set(each) for each in self._ancestries.values()))
        first = self._ancestries[frames[0]]
        common = next((frame for frame in first if frame in shared), None)
        self.parent = parent if common is None else common
        self.keeps_first = common is not None
        self._pose = level if common is None else self._lookup(common, frames[0])

    def child(self, frame: str) -> str:
        """Return the frame that the transform of a camera goes to: the highest that is its alone."""
        others = {each for name, ancestry in self._ancestries.items() if name != frame for each in ancestry}
        return [each for each in self._ancestries[frame] if each not in others][-1]

    def transform(self, frame: str, place: CameraPlace) -> Rigid:
        """Return the pose of a camera's `child` in the parent."""
        optical = self._pose @ Rigid(place.rotation, place.translation).inverse()
        return optical @ self._lookup(self.child(frame), frame).inverse()

    def _lookup(self, target: str, frame: str) -> Rigid:
        return self._views.transforms.lookup(target, frame, self._views.last_stamp_ns(frame))
