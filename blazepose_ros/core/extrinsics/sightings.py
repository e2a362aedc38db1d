# SPDX-License-Identifier: Apache-2.0
"""One person as several cameras see them, brought to common times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.bone_length_range import MEAN_STATURE_M
from blazepose_ros.core.placement.range_filter import STATURE_STD
from blazepose_ros.core.placement.translation_fit import MAX_TANGENT, PIXEL_CENTER_PX
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Pose, covariance_matrices

# What is guessed at more than seen is no evidence of where a camera is.
MIN_VISIBILITY = 0.6
# Between images that are further apart nobody knows where a hand was.
MAX_GAP_S = 0.2
# More times than this make the answer no better: neighboring images err alike.
MAX_TIMES = 200
# Poses that say nothing of their landmarks' deviations, as those of old recordings.
UNKNOWN_DEPTH_STD_M = 0.2

# Landmarks that mean the same joint from every side; those of the face and the fingers are crowded.
JOINTS = [
    *(Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, Landmark.LEFT_ELBOW, Landmark.RIGHT_ELBOW),
    *(Landmark.LEFT_WRIST, Landmark.RIGHT_WRIST, Landmark.LEFT_HIP, Landmark.RIGHT_HIP),
    *(Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE, Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE),
    *(Landmark.LEFT_HEEL, Landmark.RIGHT_HEEL, Landmark.LEFT_FOOT_INDEX, Landmark.RIGHT_FOOT_INDEX),
]


@dataclass(frozen=True)
class CameraSightings:
    """What one camera that stands still has seen of the person.

    Attributes:
        name: the camera's optical frame.
        camera: the calibrated camera.
        stamps_s: (N,), rising, seconds.
        rays: (N, 16, 2), x/z and y/z of `JOINTS`; NaN where one is not seen.
        places: (N, 16, 3), meters, where the camera by itself has put them, optical axes.
        depth_stds: (N, 16), meters, one standard deviation of what `places` says along the optical axis.
        stature_m: how tall the camera took the person to be in the end.
        stature_std_m: one standard deviation of it.
    """

    name: str
    camera: CameraModel
    stamps_s: NDArray[np.float64]
    rays: NDArray[np.float64]
    places: NDArray[np.float64]
    depth_stds: NDArray[np.float64]
    stature_m: float
    stature_std_m: float

    @classmethod
    def of(
        cls,
        name: str,
        camera: CameraModel,
        people: Mapping[int, Sequence[Pose]],
        person_height_m: float = 0.0,
    ) -> CameraSightings:
        """Return the sightings of the primary person, who comes first; images without one are left out.

        Args:
            name: the camera's optical frame.
            camera: the calibrated camera at the size of the images.
            people: stamp in nanoseconds -> the placed people of that image.
            person_height_m: how tall the person is, 0 where nobody knows: distances grow with it.
        """
        found = [
            (stamp_ns, poses[0])
            for stamp_ns, poses in sorted(people.items())
            if poses and poses[0].hip_center is not None
        ]
        rays, places, stds = (np.full((len(found), len(JOINTS), size), np.nan) for size in (2, 3, 1))
        for index, (_, pose) in enumerate(found):
            scale = person_height_m / _stature_m(pose) if person_height_m else 1.0
            _fill(rays[index], places[index], stds[index], pose, camera, scale)
        last = found[-1][1] if found else None
        known = last is not None and last.stature_m > 0.0
        stamps_s = np.array([stamp_ns for stamp_ns, _ in found], np.float64) / NS_PER_S
        stature_m = last.stature_m if last is not None and known else MEAN_STATURE_M
        stature_std_m = last.stature_std_m if last is not None and known else STATURE_STD * MEAN_STATURE_M
        return cls(name, camera, stamps_s, rays, places, stds[:, :, 0], stature_m, stature_std_m)

    @property
    def interval_s(self) -> float:
        """The median time from one image to the next; NaN with fewer than two."""
        return float(np.median(np.diff(self.stamps_s))) if len(self.stamps_s) > 1 else np.nan

    def at(self, times_s: NDArray) -> Sampled:
        """Return what is seen at other times, interpolated between the images around them."""
        if len(self.stamps_s) < 2:
            return Sampled.nothing(len(times_s))
        after = np.clip(np.searchsorted(self.stamps_s, times_s), 1, len(self.stamps_s) - 1)
        before = after - 1
        gap_s = self.stamps_s[after] - self.stamps_s[before]
        share = (times_s - self.stamps_s[before]) / np.maximum(gap_s, 1e-9)
        known = (share >= 0.0) & (share <= 1.0) & (gap_s <= MAX_GAP_S)
        return Sampled(
            _between(self.rays[before], self.rays[after], share, known),
            _between(self.places[before], self.places[after], share, known),
            (self.rays[after] - self.rays[before]) / np.maximum(gap_s, 1e-9)[:, None, None],
            np.fmax(self.depth_stds[before], self.depth_stds[after]),
        )


@dataclass(frozen=True)
class Sampled:
    """What a camera sees at common times.

    Attributes:
        rays: (K, 16, 2), x/z and y/z; NaN where a joint is not seen.
        places: (K, 16, 3), meters, where the camera by itself puts them.
        speeds: (K, 16, 2), how fast the rays move, in 1/s.
        depth_stds: (K, 16), meters, how wrong `places` may be along the optical axis.
    """

    rays: NDArray[np.float64]
    places: NDArray[np.float64]
    speeds: NDArray[np.float64]
    depth_stds: NDArray[np.float64]

    @classmethod
    def nothing(cls, count: int) -> Sampled:
        """Return that of a camera that sees nobody."""
        unknown = np.full((count, len(JOINTS), 3), np.nan)
        return cls(unknown[:, :, :2], unknown, unknown[:, :, :2], unknown[:, :, 0])

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which joints are seen, (K, 16)."""
        return np.isfinite(self.rays[:, :, 0]) & np.isfinite(self.places[:, :, 2])


def common_times(cameras: Sequence[CameraSightings]) -> NDArray[np.float64]:
    """Return up to `MAX_TIMES` evenly spaced times, in seconds, at which at least one camera has images."""
    every_s = max((each.interval_s for each in cameras if len(each.stamps_s) > 1), default=np.nan)
    if not every_s > 0.0:
        return np.empty(0)
    # Whole multiples of the interval from an image of the slowest camera: it is not interpolated.
    slowest = max(cameras, key=lambda each: np.nan_to_num(each.interval_s))
    first = min(each.stamps_s[0] for each in cameras if len(each.stamps_s))
    last = max(each.stamps_s[-1] for each in cameras if len(each.stamps_s))
    start = slowest.stamps_s[0] - every_s * np.floor((slowest.stamps_s[0] - first) / every_s)
    times = start + every_s * np.arange(int((last - start) / every_s) + 1)
    seen = sum(each.at(times).seen.any(axis=1).astype(int) for each in cameras)
    shared = times[seen > 1] if np.any(seen > 1) else times
    chosen = np.linspace(0, len(shared) - 1, min(len(shared), MAX_TIMES)).round().astype(int)
    return shared[chosen]


def _fill(
    rays: NDArray, places: NDArray, stds: NDArray, pose: Pose, camera: CameraModel, scale: float
) -> None:
    """Write what an image says of the joints that are seen."""
    if pose.hip_center is None:
        return
    seen_rays = camera.normalize(pose.screen[:, :2] - PIXEL_CENTER_PX)[JOINTS]
    placed = scale * (pose.world.astype(np.float64) + pose.hip_center.position)[JOINTS]
    variances = covariance_matrices(pose.landmark_covariances[JOINTS].astype(np.float64))[:, 2, 2]
    sane = (np.abs(seen_rays).max(axis=1) < MAX_TANGENT) & (placed[:, 2] > 0.0)
    seen = (pose.visibility[JOINTS] >= MIN_VISIBILITY) & sane
    rays[seen], places[seen] = seen_rays[seen], placed[seen]
    stds[seen, 0] = np.where(variances > 0.0, np.sqrt(np.abs(variances)), UNKNOWN_DEPTH_STD_M)[seen]


def _stature_m(pose: Pose) -> float:
    return pose.stature_m if pose.stature_m > 0.0 else MEAN_STATURE_M


def _between(before: NDArray, after: NDArray, share: NDArray, known: NDArray) -> NDArray[np.float64]:
    weight = share[:, None, None]
    mixed = (1.0 - weight) * before + weight * after
    # At an image itself the neighbor may lack the joint.
    mixed = np.where(weight <= 0.0, before, np.where(weight >= 1.0, after, mixed))
    return np.where(known[:, None, None], mixed, np.nan)
