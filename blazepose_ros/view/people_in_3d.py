"""People in the 3D scene of one browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.colors import to_linear
from blazepose_ros.view.stage import Figure, Viewpoint, floor_y

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
        viewpoint: from where the user looks at somebody at first.
    """

    def __init__(self, client: viser.ClientHandle, viewpoint: Viewpoint) -> None:
        self._client = client
        self._viewpoint = viewpoint
        self._nodes: dict[int, _Nodes] = {}
        self._floor_y_m = np.inf
        self._looks_at_somebody = False
        client.scene.add_frame(
            "/camera", axes_length=CAMERA_AXES_M, axes_radius=CAMERA_AXES_M / 20, show_axes=True
        )
        client.scene.add_label("/camera/name", "camera")

    def look_again(self) -> None:
        """Turn to whoever is shown next."""
        self._looks_at_somebody = False

    def show(self, figures: Sequence[Figure]) -> None:
        """Show these people and nobody else."""
        with self._client.atomic():
            for gone in self._nodes.keys() - {figure.person_id for figure in figures}:
                for node in self._nodes.pop(gone):
                    node.remove()
            for figure in figures:
                self._show(figure)
            self._lay_floor(figures)
        if figures and not self._looks_at_somebody:
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
        self._looks_at_somebody = True


def _line_octets(colors: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the colours of lines as bytes; viser takes these, and only these, as linear."""
    return _octets(to_linear(colors))


def _octets(colors: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return colours from 0 to 1 as bytes."""
    return np.rint(255 * colors).astype(np.uint8)
