# SPDX-License-Identifier: Apache-2.0
"""The 3D scene of one browser: the camera, the floor, and people as bodies, all of them in view."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from blazepose_ros.cli.view.bodies import TAPER, Figure, Parts, floor_y

if TYPE_CHECKING:
    import viser

# What the axes of the scene are: y points down in a camera's optical frame.
UP = "-y"

# Seen from the camera's side, a little from its right and above; any length.
VIEW_FROM = np.array([0.75, -0.35, -1.0])
# How much of the free part of the window people may fill.
FILLED = 0.86
# No closer than this to the box around the people.
MIN_DISTANCE_M = 1.5
# The eye is where it was put, not moved by the user, within this.
UNMOVED_M = 0.02

CAMERA_SIZE_M = 0.1
# The camera's symbol: its real field of view is not in the topics.
CAMERA_SYMBOL_FOV = math.radians(50)
FRUSTUM_LINE_M = 0.012
FLOOR_SIZE_M = 12.0
FLOOR_CELL_M = 0.5
# The floor follows the feet in steps: it does not tremble with them.
FLOOR_STEP_M = 0.1

# In both light and dark pages.
GRAY, FAINT = (128, 134, 146), (160, 166, 178)
ACCENT = (230, 120, 20)
SPREAD_OPACITY = 0.35

_AROUND, _RINGS = 16, 8


class _Nodes(NamedTuple):
    """viser's handles of one person."""

    limbs: Any
    ellipsoids: Any
    spread: Any
    label: Any


@dataclass(frozen=True)
class Viewpoint:
    """Where the scene is seen from: (3,), meters, the eye and the middle of the view."""

    position_m: NDArray[np.float64]
    target_m: NDArray[np.float64]


def framing(corners: NDArray[np.float64], fov: float, aspect: float, free: float = 1.0) -> Viewpoint:
    """Return a viewpoint from which a box is in view as a whole.

    Args:
        corners: (2, 3), meters, the least and greatest of the box.
        fov: the vertical field of view in radians.
        aspect: the window's width by its height.
        free: the upper share of the window, which nothing covers.
    """
    back = VIEW_FROM / np.linalg.norm(VIEW_FROM)
    right = np.cross(back, (0.0, 1.0, 0.0))
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(right, back), back])
    middle = corners.mean(axis=0)
    box = np.array(np.meshgrid(*corners.T)).reshape(3, -1).T
    x, y, z = axes @ (box - middle).T
    half = math.tan(fov / 2)
    distance_m = (z + np.maximum(np.abs(x) / (half * aspect), np.abs(y) / (half * free)) / FILLED).max()
    distance_m = max(distance_m, MIN_DISTANCE_M)
    # What lies below the middle of the view is shown above it.
    target = middle + axes[1] * (1 - free) * half * distance_m
    return Viewpoint(target + back * distance_m, target)


class PeopleScene:
    """Shows people in a browser's scene, which the user turns with the mouse.

    Args:
        client: viser's handle of the browser.
        free: the upper share of the window that the widgets leave free.
    """

    def __init__(self, client: viser.ClientHandle, free: float) -> None:
        self._client = client
        self._free = free
        self._nodes: dict[str, _Nodes] = {}
        self._frusta: dict[str, tuple[Any, Any]] = {}
        self._floor_y_m = np.inf
        self._framed: NDArray[np.float64] | None = None
        self._aspect = 0.0
        self._eye_m = np.zeros(3)
        self._add_camera()

    def look_again(self) -> None:
        """Turn to the people who are shown next."""
        self._framed = None

    def show_camera(self, *, visible: bool) -> None:
        """Show the camera at the origin, or not: fused people are in no camera's axes."""
        if self._camera.visible != visible:
            self._camera.visible = visible

    def show_cameras(self, frusta: Mapping[str, NDArray[np.float64]]) -> None:
        """Show the cameras whose people are fused, and no others.

        Args:
            frusta: by name, the ends of their lines, (lines, 2, 3), meters, the first one in the lens.
        """
        for gone in self._frusta.keys() - frusta.keys():
            for node in self._frusta.pop(gone):
                node.remove()
        for name, ends in frusta.items():
            lines, label = self._frusta.get(name) or self._add_frustum(name, ends)
            lines.points = ends.astype(np.float32)
            label.position = ends[0, 0]

    def show(self, figures: Sequence[Figure]) -> None:
        """Show these people and no others."""
        with self._client.atomic():
            keys = {figure.key for figure in figures}
            if not keys <= self._nodes.keys():
                self._framed = None
            for gone in self._nodes.keys() - keys:
                for node in self._nodes.pop(gone):
                    node.remove()
            for figure in figures:
                self._show(figure)
            self._lay_floor(figures)
        if figures:
            self._keep_in_view(np.stack([figure.corners for figure in figures]))

    def _add_camera(self) -> None:
        scene = self._client.scene
        self._camera = scene.add_camera_frustum(
            "/camera", CAMERA_SYMBOL_FOV, 4 / 3, scale=CAMERA_SIZE_M, thickness=0.005, color=GRAY
        )
        scene.add_label("/camera/name", "camera", position=(0.0, -0.08, 0.0), anchor="bottom-center")

    def _add_frustum(self, name: str, ends: NDArray[np.float64]) -> tuple[Any, Any]:
        scene, path = self._client.scene, f"/cameras/{name}"
        lines = scene.add_line_segments(
            f"{path}/frustum", ends.astype(np.float32), ACCENT, thickness=FRUSTUM_LINE_M
        )
        self._frusta[name] = lines, scene.add_label(f"{path}/name", name, anchor="bottom-center")
        return self._frusta[name]

    def _show(self, figure: Figure) -> None:
        nodes = self._nodes.get(figure.key)
        if nodes is None:
            nodes = self._nodes[figure.key] = self._add(figure)
        _move(nodes.limbs, figure.limbs)
        _move(nodes.ellipsoids, figure.ellipsoids)
        nodes.spread.visible = figure.spread is not None
        if figure.spread is not None:
            nodes.spread.position = figure.spread.positions[0]
            nodes.spread.wxyz = quaternions(figure.spread.rotations)[0]
            nodes.spread.scale = tuple(figure.spread.scales[0].tolist())
        nodes.label.text = figure.label
        nodes.label.position = figure.label_at

    def _add(self, figure: Figure) -> _Nodes:
        scene, name = self._client.scene, f"/people/{figure.key}"
        return _Nodes(
            limbs=scene.add_batched_meshes_simple(
                f"{name}/limbs", *_tapered_cylinder(), **_instances(figure.limbs), lod="off"
            ),
            ellipsoids=scene.add_batched_meshes_simple(
                f"{name}/ellipsoids", *_ball(), **_instances(figure.ellipsoids), lod="off"
            ),
            spread=scene.add_icosphere(
                f"{name}/spread", 1.0, ACCENT, opacity=SPREAD_OPACITY, cast_shadow=False, receive_shadow=False
            ),
            label=scene.add_label(f"{name}/label", figure.label, anchor="bottom-center"),
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
            cell_color=FAINT,
            section_color=GRAY,
            plane="xz",
            fade_distance=FLOOR_SIZE_M,
            shadow_opacity=0.3,
            position=(0.0, lowest_m, FLOOR_SIZE_M / 3),
        )

    def _keep_in_view(self, corners: NDArray[np.float64]) -> None:
        """Look at all people when they appear or leave the view, unless the user has turned it."""
        box = np.stack([corners[:, 0].min(axis=0), corners[:, 1].max(axis=0)])
        camera = self._client.camera
        aspect = camera.image_width / camera.image_height
        if self._framed is not None:
            is_turned = np.abs(camera.position - self._eye_m).max() > UNMOVED_M
            if is_turned or (_holds(self._framed, box) and aspect == self._aspect):
                return
            box = np.stack([np.minimum(self._framed[0], box[0]), np.maximum(self._framed[1], box[1])])
        viewpoint = framing(box, camera.fov, aspect, self._free)
        self._framed, self._aspect, self._eye_m = box, aspect, viewpoint.position_m
        with self._client.atomic():
            camera.position = viewpoint.position_m
            camera.look_at = viewpoint.target_m


# People move so far out of the box that was looked at before the view follows.
SLACK_M = 0.1


def _holds(outer: NDArray[np.float64], inner: NDArray[np.float64]) -> bool:
    return bool((inner[0] >= outer[0] - SLACK_M).all() and (inner[1] <= outer[1] + SLACK_M).all())


def _instances(parts: Parts) -> dict[str, Any]:
    """Return what viser calls the parts of a batch."""
    return {
        "batched_positions": parts.positions.astype(np.float32),
        "batched_wxyzs": quaternions(parts.rotations).astype(np.float32),
        "batched_scales": parts.scales.astype(np.float32),
        "batched_colors": np.rint(255 * parts.colors).astype(np.uint8),
    }


def _move(node: Any, parts: Parts) -> None:
    for name, values in _instances(parts).items():
        setattr(node, name, values)


def quaternions(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (N, 3, 3) rotations as (N, 4) quaternions, w first."""
    wxyz: NDArray[np.float64] = np.roll(Rotation.from_matrix(rotations).as_quat(), 1, axis=1)
    return wxyz


def _tapered_cylinder() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return a mesh along z from 0 to 1: radius 1 at its start, `TAPER` at its end, without lids."""
    return _lathe(np.array([1.0, TAPER]), np.array([0.0, 1.0]))


def _ball() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return a mesh of radius 1."""
    angles = np.linspace(0, math.pi, _RINGS + 1)
    return _lathe(np.sin(angles), -np.cos(angles))


def _lathe(
    radii: NDArray[np.float64], heights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return vertices (V, 3) and faces (F, 3) of a surface of revolution around z."""
    angles = np.linspace(0, 2 * math.pi, _AROUND, endpoint=False)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    vertices = np.concatenate(
        [
            np.column_stack([radius * circle, np.full(_AROUND, z)])
            for radius, z in zip(radii, heights, strict=True)
        ]
    )
    here = np.arange(_AROUND)
    beside = (here + 1) % _AROUND
    faces = [
        np.column_stack([a + ring * _AROUND, b + ring * _AROUND, c + ring * _AROUND])
        for ring in range(len(radii) - 1)
        for a, b, c in ((here, beside, here + _AROUND), (beside, beside + _AROUND, here + _AROUND))
    ]
    return vertices, np.concatenate(faces)
