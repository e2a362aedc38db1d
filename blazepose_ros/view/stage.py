"""People as a 3D scene: points and bones with their colours, in metres.

The scene has the axes of the camera's optical frame: x right, y down, z away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.colors import landmark_colors
from blazepose_ros.landmarks import BONES, Landmark
from blazepose_ros.pose import Pose

# People who are not placed stand side by side, this far apart and away from the origin.
UNPLACED_STEP_M = 1.2
UNPLACED_DISTANCE_M = 3.0

# From a person's highest landmark to the label.
LABEL_ABOVE_M = 0.25

_BONES = np.array(BONES)


@dataclass(frozen=True)
class Figure:
    """One person on the stage.

    Attributes:
        person_id: who it is.
        joints: (J, 3), the landmarks that are known, at most 33.
        joint_colors: (J, 3), RGB 0 to 1.
        bones: (B, 2, 3), the ends of each bone whose landmarks are known.
        bone_colors: (B, 2, 3), RGB 0 to 1 at each end.
        hips: (3,), the hip centre.
        label: what is written above.
        label_at: (3,), where.
    """

    person_id: int
    joints: NDArray[np.float64]
    joint_colors: NDArray[np.float64]
    bones: NDArray[np.float64]
    bone_colors: NDArray[np.float64]
    hips: NDArray[np.float64]
    label: str
    label_at: NDArray[np.float64]


@dataclass(frozen=True)
class Viewpoint:
    """From where one looks at a figure.

    Attributes:
        position_m: (3,), the eye, from the hip centre.
        target_m: (3,), the middle of the picture and what one turns around, from the hip centre.
    """

    position_m: NDArray[np.float64]
    target_m: NDArray[np.float64]


# From the camera's side, a little to its right and above: the figure in the middle.
CENTERED = Viewpoint(np.array([1.2, -0.7, -2.6]), np.zeros(3))
# Further away and over something that covers the lower part of the picture.
ABOVE_MIDDLE = Viewpoint(np.array([1.5, -0.6, -3.4]), np.array([0.0, 1.3, 0.0]))


def figures(people: Sequence[Pose], visibility_threshold: float) -> list[Figure]:
    """Return the people of one image as figures; those without any landmark are left out."""
    known = [person for person in people if np.isfinite(person.world).all(axis=1).any()]
    spots = _spots(sum(person.hip_center is None for person in known))
    return [
        _figure(
            person,
            next(spots) if person.hip_center is None else person.hip_center.position,
            visibility_threshold,
        )
        for person in known
    ]


def floor_y(shown: Sequence[Figure]) -> float | None:
    """Return how deep under the camera the lowest landmark is, metres; None where nobody is."""
    return max((float(figure.joints[:, 1].max()) for figure in shown), default=None)


def _spots(count: int) -> Iterator[NDArray[np.float64]]:
    """Yield places for the hips of people who are not placed, from left to right."""
    for number in range(count):
        yield np.array([(number - (count - 1) / 2) * UNPLACED_STEP_M, 0.0, UNPLACED_DISTANCE_M])


def _figure(person: Pose, hips: NDArray[np.float64], visibility_threshold: float) -> Figure:
    points: NDArray[np.float64] = person.world + hips
    colors = landmark_colors(person, visibility_threshold)[:, :3]
    known = np.asarray(np.isfinite(points).all(axis=1))
    bones = _BONES[known[_BONES].all(axis=1)]
    joints = points[known]
    top = joints[joints[:, 1].argmin()]
    return Figure(
        person_id=person.person_id,
        joints=joints,
        joint_colors=colors[known],
        bones=points[bones],
        bone_colors=colors[bones],
        hips=hips,
        label=label(person),
        label_at=np.array([top[0], top[1] - LABEL_ABOVE_M, top[2]]),
    )


def label(person: Pose) -> str:
    """Return who this is and how far from the camera."""
    who = f"person {person.person_id}"
    if person.hip_center is None:
        return who
    return f"{who}, {np.linalg.norm(person.hip_center.position):.2f} m"


def describe(person: Pose, visibility_threshold: float) -> str:
    """Return a line about a person: place, score, landmarks that are seen."""
    visible = int((person.visibility >= visibility_threshold).sum())
    score = f", score {person.score:.2f}" if np.isfinite(person.score) else ""
    return f"{label(person)}{score}, {visible} of {len(Landmark)} landmarks visible"
