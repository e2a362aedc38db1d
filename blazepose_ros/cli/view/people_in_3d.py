# SPDX-License-Identifier: Apache-2.0
"""People as a 3D scene: points and bones with their colors, in meters, in one browser.

The scene has the axes of the camera's optical frame: x right, y down, z away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import BONES, Landmark
from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.palette import landmark_colors, to_linear

# People who are not placed stand side by side, this far apart and away from the origin.
UNPLACED_STEP_M = 1.2
UNPLACED_DISTANCE_M = 3.0

# From a person's highest landmark to the label.
LABEL_ABOVE_M = 0.25

_BONES = np.array(BONES)


@dataclass(frozen=True)
class Figure:
    """One person in the scene.

    Attributes:
        person_id: who it is.
        joints: (J, 3), the landmarks that are known, at most 33.
        joint_colors: (J, 3), RGB 0 to 1.
        bones: (B, 2, 3), the ends of each bone whose landmarks are known.
        bone_colors: (B, 2, 3), RGB 0 to 1 at each end.
        hips: (3,), the hip center.
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
    """Where the scene is seen from.

    Attributes:
        position_m: (3,), the eye, from the hip center.
        target_m: (3,), the middle of the view and of its rotation, from the hip center.
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
    """Return how deep under the camera the lowest landmark is, meters; None without people."""
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


if TYPE_CHECKING:
    import viser

JOINT_DIAMETER_M = 0.05
BONE_WIDTH_M = 0.02
CAMERA_AXES_M = 0.2

FLOOR_SIZE_M = 8.0
FLOOR_CELL_M = 0.5
# The floor follows the feet in steps: it does not tremble with them.
FLOOR_STEP_M = 0.1


class _Nodes(NamedTuple):
    """viser's handles of one person."""

    joints: Any
    bones: Any
    label: Any


class PeopleIn3D:
    """Shows people in a browser's scene, which the user turns with the mouse.

    Args:
        client: viser's handle of the browser.
        viewpoint: where the first person is seen from.
    """

    def __init__(self, client: viser.ClientHandle, viewpoint: Viewpoint) -> None:
        self._client = client
        self._viewpoint = viewpoint
        self._nodes: dict[int, _Nodes] = {}
        self._floor_y_m = np.inf
        self._looks_at_person = False
        client.scene.add_frame(
            "/camera", axes_length=CAMERA_AXES_M, axes_radius=CAMERA_AXES_M / 20, show_axes=True
        )
        client.scene.add_label("/camera/name", "camera")

    def look_again(self) -> None:
        """Turn to the person who is shown next."""
        self._looks_at_person = False

    def show(self, figures: Sequence[Figure]) -> None:
        """Show these people and no others."""
        with self._client.atomic():
            for gone in self._nodes.keys() - {figure.person_id for figure in figures}:
                for node in self._nodes.pop(gone):
                    node.remove()
            for figure in figures:
                self._show(figure)
            self._lay_floor(figures)
        if figures and not self._looks_at_person:
            self._look_at(figures[0])

    def _show(self, figure: Figure) -> None:
        nodes = self._nodes.get(figure.person_id)
        if nodes is None:
            self._nodes[figure.person_id] = self._add(figure)
            return
        nodes.joints.points = figure.joints
        nodes.joints.colors = _octets(figure.joint_colors)
        nodes.bones.points = figure.bones
        nodes.bones.colors = _line_octets(figure.bone_colors)
        nodes.label.text = figure.label
        nodes.label.position = figure.label_at

    def _add(self, figure: Figure) -> _Nodes:
        scene, name = self._client.scene, f"/person_{figure.person_id}"
        return _Nodes(
            joints=scene.add_point_cloud(
                f"{name}/joints",
                figure.joints,
                _octets(figure.joint_colors),
                point_size=JOINT_DIAMETER_M,
                point_shape="circle",
                precision="float32",
            ),
            bones=scene.add_line_segments(
                f"{name}/bones", figure.bones, _line_octets(figure.bone_colors), thickness=BONE_WIDTH_M
            ),
            label=scene.add_label(
                f"{name}/label", figure.label, position=figure.label_at, anchor="bottom-center"
            ),
        )

    def _lay_floor(self, figures: Sequence[Figure]) -> None:
        lowest_m = floor_y(figures)
        if lowest_m is None or abs(lowest_m - self._floor_y_m) < FLOOR_STEP_M:
            return
        self._floor_y_m = lowest_m
        self._client.scene.add_grid(
            "/floor",
            width=FLOOR_SIZE_M,
            height=FLOOR_SIZE_M,
            cell_size=FLOOR_CELL_M,
            plane="xz",
            position=(0.0, lowest_m, FLOOR_SIZE_M / 2),
        )

    def _look_at(self, figure: Figure) -> None:
        camera = self._client.camera
        with self._client.atomic():
            camera.position = figure.hips + self._viewpoint.position_m
            camera.look_at = figure.hips + self._viewpoint.target_m
        self._looks_at_person = True


def _line_octets(colors: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the colors of lines as bytes; viser takes these, and only these, as linear."""
    return _octets(to_linear(colors))


def _octets(colors: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return colors from 0 to 1 as bytes."""
    return np.rint(255 * colors).astype(np.uint8)
