# SPDX-License-Identifier: Apache-2.0
"""Synthetic people who come, go and are missed now and then, with known truth."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import Frame, Pose
from support.bodies import FACING_M, pose_of, seen_by

RATE_HZ = 10
IMAGES = 40
# Wide enough for lanes so far apart that a track lost for a second does not reach the next one.
CAMERA = CameraModel(2400, 480, np.array([[525.0, 0, 1199.5], [0, 520, 239.5], [0, 0, 1]]))
LANES = (-1.3, 0.0, 1.3)  # metres aside for every metre away
NEAR_M, FAR_M = 2.1, 6.0  # on either side of the reach of 4 m, in every lane and all along the walk
NOISE_PX = 2.0
BRIGHT, DARK = 120, 3
FACE = slice(Landmark.NOSE, Landmark.MOUTH_RIGHT + 1)


@dataclass(frozen=True)
class Life:
    """Somebody who walks in a lane of their own.

    Attributes:
        lane: from 0, apart from the others.
        born: the image in which they appear.
        died: the image from which on they are gone.
        gaps: images in which they are not seen.
        speed_m_s: along the image.
        z_m: how far away.
        has_face: whether it is seen.
    """

    lane: int
    born: int
    died: int
    gaps: frozenset[int]
    speed_m_s: float
    z_m: float
    has_face: bool

    def seen(self, index: int) -> bool:
        return self.born <= index < self.died and index not in self.gaps

    def pose(self, index: int, rng: np.random.Generator) -> Pose:
        x_m = LANES[self.lane] * self.z_m + self.speed_m_s * (index - self.born) / RATE_HZ
        screen = seen_by(CAMERA, (x_m, 0.0, self.z_m)).screen
        visibility = np.ones(len(Landmark), np.float32)
        visibility[FACE] = self.has_face
        return pose_of(FACING_M, screen + rng.normal(0, NOISE_PX, screen.shape), visibility=visibility)


@st.composite
def lives(draw: Any) -> list[Life]:
    """Up to three people, none of them unseen for longer than they are waited for."""
    drawn = []
    for lane in range(draw(st.integers(0, len(LANES)))):
        born = draw(st.integers(0, IMAGES - 1))
        died = draw(st.integers(born, IMAGES))
        gap = draw(st.integers(born, IMAGES))
        gaps = frozenset(range(gap, gap + draw(st.integers(0, 5))))
        speed_m_s = draw(st.floats(-0.12, 0.12))
        z_m = draw(st.sampled_from((NEAR_M, FAR_M)))
        drawn.append(Life(lane, born, died, gaps, speed_m_s, z_m, draw(st.booleans())))
    return drawn


@cache
def _wall(light: int) -> np.ndarray:
    return np.full((CAMERA.height, CAMERA.width, 3), light, np.uint8)


def frame(index: int, light: int = BRIGHT) -> Frame:
    return Frame(_wall(light), round(index * 1e9 / RATE_HZ))
