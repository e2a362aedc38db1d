# SPDX-License-Identifier: Apache-2.0
"""The people of a recording as motions: each person's landmarks in space, in the formats of motion tools."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rclpy.serialization import deserialize_message

from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.core.motion_formats import (
    FROM_OPTICAL,
    FROM_REP_103,
    BodyMotion,
    MotionError,
    motion_of,
    write_bvh,
    write_c3d,
    write_trc,
)
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Placement
from blazepose_ros.msg import Pose33, Pose33Array

MOTION_WRITERS: Mapping[str, Callable[[Path, BodyMotion], None]] = {
    "trc": write_trc,
    "bvh": write_bvh,
    "c3d": write_c3d,
}


class _Seen(NamedTuple):
    """A person in one image, placed."""

    stamp_s: float
    placement: Placement
    hips: NDArray[np.float64]
    world: NDArray[np.float64]
    stature_m: float
    stature_std_m: float

    def points(self, stature_m: float) -> NDArray[np.float64]:
        """Return the landmarks in space, (33, 3), of a person of that stature, in OpenSim's axes.

        Where a color image alone tells the distance, it grows with the person.
        """
        ratio = stature_m / self.stature_m if math.isfinite(self.stature_m) else 1.0
        hips = self.hips * ratio if self.placement is Placement.MONO else self.hips
        axes = FROM_REP_103 if self.placement is Placement.FUSED else FROM_OPTICAL
        return (hips + self.world * ratio) @ axes.T


def write_motions(
    folder: Path, cameras: Iterable[tuple[str, Iterable[bytes]]], formats: Iterable[str]
) -> list[str]:
    """Write a file for each person in each format; return who has none and why, in words.

    Args:
        folder: must exist.
        cameras: the topic of each camera's images, and its serialized Pose33Arrays.
        formats: of ``MOTION_WRITERS``.

    Raises:
        OSError: the disk does not take it.
    """
    without: list[str] = []
    for topic, messages in cameras:
        for person_id, images in sorted(_people(messages).items()):
            name = f"{re.sub(r'[^a-zA-Z0-9]+', '_', topic.strip('/'))}_person{person_id}"
            try:
                motion = _motion(images)
                for suffix in formats:
                    MOTION_WRITERS[suffix](folder / f"{name}.{suffix}", motion)
            except MotionError as err:
                without.append(f"{topic}: person {person_id} has no motion: {err}")
    return without


def _people(messages: Iterable[bytes]) -> dict[int, list[_Seen]]:
    """Return the images in which each person has a place."""
    people: dict[int, list[_Seen]] = defaultdict(list)
    for data in messages:
        for person_id, seen in _placed(deserialize_message(data, Pose33Array).poses):
            people[person_id].append(seen)
    return people


def _placed(poses: Iterable[Pose33]) -> Iterator[tuple[int, _Seen]]:
    for pose in poses:
        if pose.placement != Placement.NONE:
            hips = pose.hip_center.pose.position
            yield (
                pose.person_id,
                _Seen(
                    stamp_ns(pose.header) / NS_PER_S,
                    Placement(pose.placement),
                    np.array([hips.x, hips.y, hips.z]),
                    np.array([(each.x, each.y, each.z) for each in pose.world_landmarks]),
                    pose.stature,
                    pose.stature_std,
                ),
            )


def _motion(images: list[_Seen]) -> BodyMotion:
    """Return a person's motion, with the stature that was known best in all images.

    Raises:
        MotionError: there are too few images.
    """
    learned = [each for each in images if math.isfinite(each.stature_m) and math.isfinite(each.stature_std_m)]
    stature_m = min(learned, key=lambda each: each.stature_std_m).stature_m if learned else math.nan
    if not learned:
        images = [each._replace(stature_m=math.nan) for each in images]
    return motion_of([each.stamp_s for each in images], np.array([each.points(stature_m) for each in images]))
