"""How a person is looked for in an image: by itself, from the image before, or where the truth says."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.blazepose.landmark_model import LandmarkModel, turn
from blazepose_ros.blazepose.region import Region
from blazepose_ros.estimator import Estimator
from blazepose_ros.evaluation.pdj import UNLABELLED, largest_person
from blazepose_ros.evaluation.pictures import Picture
from blazepose_ros.landmarks import Landmark
from blazepose_ros.pose import Frame, Pose

_HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
_SHOULDERS = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]


class Finder(Protocol):
    """Finds one person."""

    def get_ready(self) -> None:
        """Do what takes time and is no part of looking."""
        ...

    def find(self, picture: Picture) -> Pose | None:
        """Return the person in a picture, or None for nobody."""
        ...

    def close(self) -> None:
        """Free everything."""
        ...


class Detecting:
    """Looks at each picture as if there were no other."""

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self.get_ready = estimator.reset
        self.close = estimator.close

    def find(self, picture: Picture) -> Pose | None:
        """Return the first person."""
        return next(iter(self._estimator.estimate(picture.frame)), None)


class Tracking:
    """Looks where the person was in the picture before."""

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self.close = estimator.close

    def get_ready(self) -> None:
        """Nothing is to be done: what was known holds."""

    def find(self, picture: Picture) -> Pose | None:
        """Return the first person."""
        return next(iter(self._estimator.estimate(picture.frame)), None)


Read = Callable[[Frame, Region], Pose | None]


class Told:
    """Looks where the truth says that the largest person is, as the model card does.

    Args:
        read: finds the person in a region.
        get_ready: what to do before each picture.
        close: frees everything.
    """

    def __init__(self, read: Read, get_ready: Callable[[], None], close: Callable[[], None]) -> None:
        self._read = read
        self.get_ready = get_ready
        self.close = close

    def find(self, picture: Picture) -> Pose | None:
        """Return the person in the region around the labelled joints."""
        person = largest_person([each.joints for each in picture.labels.people])
        region = None if person is None else true_region(person)
        return None if region is None else self._read(picture.frame, region)


def true_region(person: NDArray) -> Region | None:
    """Return the square around a labelled person, (33, 3), upright with them, a quarter larger.

    Its middle is that of the hips; it encloses the circle through the joint furthest from there.
    """
    is_labelled = person[:, 2] != UNLABELLED
    hips, shoulders = (
        np.array([person[joint, :2] for joint in pair if is_labelled[joint]]) for pair in (_HIPS, _SHOULDERS)
    )
    if not len(hips) or not len(shoulders):
        return None
    middle = hips.mean(axis=0)
    up = shoulders.mean(axis=0) - middle
    reach_px = np.linalg.norm(person[is_labelled, :2] - middle, axis=1).max()
    length_px = math.hypot(*up)
    return Region.around_person(middle, middle + up * (reach_px / length_px)) if length_px > 0 else None


def read_with(model: LandmarkModel) -> Read:
    """Return how a landmark model reads a region."""

    def read(frame: Frame, region: Region) -> Pose | None:
        reading = model.read(frame.rgb, region)
        return None if reading is None else reading.pose_in(frame)

    return read


def show_crop_to(estimator: Estimator) -> Read:
    """Return how an estimator that cannot be told where to look reads a region: as its whole image."""

    def read(frame: Frame, region: Region) -> Pose | None:
        side_px = math.ceil(region.size_px)
        crop = region.crop(frame.rgb, side_px, cv2.BORDER_REPLICATE)
        found = estimator.estimate(Frame(np.ascontiguousarray(crop), frame.stamp_ns))
        return _from_crop(found[0], region, side_px) if found else None

    return read


def _from_crop(pose: Pose, region: Region, side_px: int) -> Pose:
    screen = np.column_stack(
        [region.to_image(pose.screen[:, :2] / side_px), pose.screen[:, 2] * (region.size_px / side_px)]
    )
    world = turn(pose.world, region)
    return replace(pose, screen=screen.astype(np.float32), world=world.astype(np.float32), mask=None)
