# SPDX-License-Identifier: Apache-2.0
"""People of several cameras in one picture: in each camera's image, and in space with the cameras."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.skeleton_overlay import annotate

BACKGROUND, GRID, FRUSTUM, INK = (245, 247, 249), (214, 220, 226), (217, 72, 15), (31, 41, 51)
GRID_M, GRID_HALF_M = 1.0, 4.0
# How long the drawn frusta are.
FRUSTUM_M = 0.6
VIEW_HFOV_DEG = 55.0
NEAREST_M = 0.1
_SHIFT = 4  # OpenCV's lines to a sixteenth of a pixel


@dataclass(frozen=True)
class SceneCamera:
    """A camera to draw.

    Attributes:
        name: what to write beside it.
        lens: the camera.
        pose: of its optical frame in the frame of the people.
    """

    name: str
    lens: CameraModel
    pose: Rigid

    def seen(self, person: Pose) -> Pose:
        """Return a person of the common frame as this camera sees them: its pixels and axes."""
        if person.hip_center is None:
            return person
        points = person.world.astype(np.float64) + person.hip_center.position
        rotation = self.pose.rotation
        points = (points - self.pose.translation) @ rotation
        hips = rotation.T @ (person.hip_center.position - self.pose.translation)
        pixels = self.lens.project(points) + 0.5
        screen = np.column_stack([pixels, points[:, 2] - hips[2]])
        screen[points[:, 2] < NEAREST_M] = np.nan
        center = replace(person.hip_center, position=hips)
        world = (points - hips).astype(np.float32)
        return replace(person, screen=screen.astype(np.float32), world=world, hip_center=center)

    def corners(self) -> NDArray[np.float64]:
        """Return the frustum in the common frame, (5, 3), meters: the center, and what the corners see."""
        width, height = self.lens.width - 1.0, self.lens.height - 1.0
        tangents = self.lens.normalize([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
        rays = np.column_stack([tangents, np.ones(4)]) * FRUSTUM_M
        return np.vstack([np.zeros(3), rays]) @ self.pose.rotation.T + self.pose.translation


def viewpoint(center: ArrayLike, distance_m: float, azimuth_deg: float, elevation_deg: float) -> Rigid:
    """Return the pose of a camera that looks at a place from a direction, with z upwards."""
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    back = np.array(
        [
            math.cos(elevation) * math.cos(azimuth),
            math.cos(elevation) * math.sin(azimuth),
            math.sin(elevation),
        ]
    )
    right = np.array([-math.sin(azimuth), math.cos(azimuth), 0.0])
    rotation = np.column_stack([right, -np.cross(back, right), -back])
    return Rigid(rotation, np.asarray(center, float) + distance_m * back)


def draw_scene(
    people: Iterable[Pose],
    cameras: Iterable[SceneCamera],
    view: Rigid,
    size: tuple[int, int],
    visibility_threshold: float = 0.5,
) -> NDArray[np.uint8]:
    """Return a picture of people, cameras and the floor, z = 0, (height, width, 3), red first.

    Args:
        people: in the common frame.
        cameras: where they are in it.
        view: from where to look.
        size: width and height in pixels.
        visibility_threshold: landmarks below it are drawn black.
    """
    canvas = np.full((size[1], size[0], 3), BACKGROUND, np.uint8)
    eye = SceneCamera("", CameraModel.from_hfov(*size, VIEW_HFOV_DEG), view)
    steps = np.arange(-GRID_HALF_M, GRID_HALF_M + GRID_M / 2, GRID_M)
    for at in steps:
        _line(canvas, eye, (at, -GRID_HALF_M, 0.0), (at, GRID_HALF_M, 0.0), GRID)
        _line(canvas, eye, (-GRID_HALF_M, at, 0.0), (GRID_HALF_M, at, 0.0), GRID)
    for camera in cameras:
        center, *corners = camera.corners()
        for corner, following in zip(corners, [*corners[1:], corners[0]], strict=True):
            _line(canvas, eye, center, corner, FRUSTUM)
            _line(canvas, eye, corner, following, FRUSTUM)
        _write(canvas, eye, center, camera.name)
    # How far people are from the eye would be no distance from a camera.
    seen = [replace(eye.seen(person), hip_center=None) for person in people]
    return annotate(canvas, seen, visibility_threshold)


def mosaic(views: Sequence[NDArray[np.uint8]], scene: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the cameras' images side by side, as high as the scene beside them, in up to two rows."""
    height = scene.shape[0]
    rows = 1 if len(views) < 3 else 2
    columns = math.ceil(len(views) / rows)
    row_height = height // rows
    width = max(round(each.shape[1] * row_height / each.shape[0]) for each in views)
    canvas = np.full((height, columns * width, 3), INK, np.uint8)
    for number, each in enumerate(views):
        scaled_width = min(width, round(each.shape[1] * row_height / each.shape[0]))
        top, left = number // columns * row_height, number % columns * width
        scaled = cv2.resize(each, (scaled_width, row_height), interpolation=cv2.INTER_AREA)
        canvas[top : top + row_height, left : left + scaled_width] = scaled
    return np.ascontiguousarray(np.hstack([canvas, scene]))


def _line(
    canvas: NDArray[np.uint8], eye: SceneCamera, start: ArrayLike, end: ArrayLike, color: tuple[int, int, int]
) -> None:
    """Draw what of a line is in front of the eye."""
    ends = (np.array([start, end], float) - eye.pose.translation) @ eye.pose.rotation
    if ends[:, 2].max() <= NEAREST_M:
        return
    near = int(np.argmin(ends[:, 2]))
    if ends[near, 2] < NEAREST_M:
        other = ends[1 - near]
        share = (other[2] - NEAREST_M) / (other[2] - ends[near, 2])
        ends[near] = other + share * (ends[near] - other)
    pixels = eye.lens.project(ends)
    limit = 20.0 * max(canvas.shape[:2])
    if np.abs(pixels).max() > limit:
        return
    fixed = np.round(pixels * 2**_SHIFT).astype(int)
    cv2.line(canvas, tuple(fixed[0].tolist()), tuple(fixed[1].tolist()), color, 1, cv2.LINE_AA, _SHIFT)


def _write(canvas: NDArray[np.uint8], eye: SceneCamera, place: NDArray, text: str) -> None:
    at = (place - eye.pose.translation) @ eye.pose.rotation
    if at[2] > NEAREST_M:
        x, y = eye.lens.project(at[None])[0]
        if 0.0 <= x < canvas.shape[1] and 0.0 <= y < canvas.shape[0]:
            origin = (int(x) + 8, int(y) - 8)
            cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)
