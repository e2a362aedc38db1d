# SPDX-License-Identifier: Apache-2.0
"""Plots of a person: one pose from several sides, and the distance over time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator
from matplotlib.typing import ColorType
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3DCollection
from numpy.typing import ArrayLike, NDArray

from blazepose_ros.core.landmarks import BONES, RIGHT_SIDE
from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.palette import (
    DEPTH_RANGE_M,
    OCCLUDED,
    depth_colors,
    gradient,
    landmark_colors,
)
from blazepose_ros.core.visualization.skeleton_overlay import BONE_PIECES, annotate

VISIBILITY_THRESHOLD = 0.5

SKELETON_SIZE_INCHES = (16.0, 9.0)
DPI = 120
INK = "#1f2933"
GRID_INK = "#dfe4ea"
BONE_WIDTH_POINTS = 3.0
JOINT_AREA_POINTS2 = 42.0
CORE_AREA_POINTS2 = 7.0

# Free space around the body, and between two lines of the grid.
MARGIN_M = 0.1
GRID_M = 0.5

# The body's axes in the plots: those of the camera, turned so that up is up.
AXIS_LABELS = ("right (m)", "away from the camera (m)", "up (m)")
RIGHT, AWAY, UP = range(3)

RIGHT_JOINTS = sorted(RIGHT_SIDE)

# From where mplot3d looks at the body; at azimuth -90 it would stand where the camera does.
PANE = "#f5f7f9"
PERSPECTIVE_ZOOM = 1.2
PERSPECTIVE_DEG = {"elev": 15, "azim": -55}


@dataclass(frozen=True)
class _PlottedBody:
    """What is plotted of a pose.

    Attributes:
        points: (33, 3), meters right, away and up, origin at the hip center, NaN for missing.
        colors: (33, 4), RGBA.
        pieces: (N, 2, 3), the bones, cut into pieces of one color.
        piece_colors: (N, 4), RGBA.
        limits: (3, 2), meters, the least and greatest of a cube around the body.
    """

    points: NDArray[np.float64]
    colors: NDArray[np.float64]
    pieces: NDArray[np.float64]
    piece_colors: NDArray[np.float64]
    limits: NDArray[np.float64]

    @classmethod
    def of(cls, pose: Pose) -> _PlottedBody:
        points = pose.world[:, [0, 2, 1]] * np.array([1.0, 1.0, -1.0])
        points[~np.isfinite(points).all(axis=1)] = np.nan
        colors = landmark_colors(pose, VISIBILITY_THRESHOLD)
        starts, ends = np.transpose(BONES)
        knots = np.linspace(points[starts], points[ends], BONE_PIECES + 1)
        return cls(
            points=points,
            colors=colors,
            pieces=np.stack([knots[:-1], knots[1:]], axis=2).reshape(-1, 2, 3),
            piece_colors=gradient(colors[starts], colors[ends], BONE_PIECES).reshape(-1, 4),
            limits=_cube(points),
        )


def _cube(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the limits of the smallest cube with some margin around (N, 3) points and the origin."""
    around = np.vstack([points[np.isfinite(points).all(axis=1)], np.zeros(3)])
    low, high = around.min(axis=0), around.max(axis=0)
    half = (high - low).max() / 2 + MARGIN_M
    center = (low + high) / 2
    return np.stack([center - half, center + half], axis=1)


def save_skeleton_plot(path: Path, rgb_frame: NDArray[np.uint8], pose: Pose) -> None:
    """Write a PNG that shows a pose on the screen and in the world.

    Args:
        path: where to write, in a folder that exists.
        rgb_frame: (height, width, 3), the image that the pose was found in, red first.
        pose: the person; missing (NaN) landmarks are left out.

    Raises:
        OSError: the file cannot be written.
    """
    figure = Figure(figsize=SKELETON_SIZE_INCHES, dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    halves = figure.add_gridspec(
        1, 2, width_ratios=(1, 1.08), left=0.03, right=0.98, bottom=0.08, top=0.93, wspace=0.13
    )
    _plot_screen(figure, halves[0], rgb_frame, pose)
    _plot_world(figure, halves[1], _PlottedBody.of(pose))
    canvas.print_figure(path, format="png", dpi=DPI)


def _plot_screen(figure: Figure, place: SubplotSpec, rgb_frame: NDArray[np.uint8], pose: Pose) -> None:
    rows = place.subgridspec(2, 1, height_ratios=(1, 0.025), hspace=0.16)
    axes = figure.add_subplot(rows[0])
    axes.imshow(annotate(rgb_frame, [pose], VISIBILITY_THRESHOLD))
    axes.set_axis_off()
    axes.set_anchor("N")
    _title(axes, f"Screen, {rgb_frame.shape[1]} x {rgb_frame.shape[0]} pixels")
    _plot_key(figure.add_subplot(rows[1]))


def _plot_key(axes: Axes) -> None:
    """Explain the colors of depth, and above them the kinds of joints."""
    depths = np.linspace(-DEPTH_RANGE_M, DEPTH_RANGE_M, 256)
    axes.imshow(depth_colors(depths)[None], extent=(0, 1, 0, 1), aspect="auto")
    axes.set_yticks([])
    axes.set_xticks(
        (0, 0.5, 1), (f"{DEPTH_RANGE_M} m closer", "depth of the hips", f"{DEPTH_RANGE_M} m further")
    )
    nearest, _, furthest = axes.get_xticklabels()
    nearest.set_horizontalalignment("left")
    furthest.set_horizontalalignment("right")
    _clear_frame(axes)
    _plot_joint_key(axes)


def _plot_joint_key(axes: Axes) -> None:
    middle = depth_colors(np.zeros(1))[0]
    kinds = {
        "left side": _joint_sample(middle, middle),
        "right side": _joint_sample(middle, "white"),
        "occluded": _joint_sample(OCCLUDED, OCCLUDED),
    }
    axes.legend(
        kinds.values(), kinds.keys(), loc="lower left", bbox_to_anchor=(0, 1.1), borderaxespad=0,
        ncols=len(kinds), frameon=False, labelcolor=INK, handletextpad=0.1, handlelength=1.4,
    )  # fmt: skip


def _joint_sample(color: ColorType, core: ColorType) -> tuple[Line2D, Line2D]:
    """Return a joint for the key: a disc and the disc of its core on top."""
    return _marker(color, JOINT_AREA_POINTS2), _marker(core, CORE_AREA_POINTS2)


def _marker(color: ColorType, area_points2: float) -> Line2D:
    size = math.sqrt(area_points2)
    return Line2D([], [], color=color, markersize=size, linestyle="none", marker="o", markeredgewidth=0)


def _plot_world(figure: Figure, place: SubplotSpec, body: _PlottedBody) -> None:
    cells = place.subgridspec(2, 2, wspace=0.25, hspace=0.25)
    _plot_view(figure.add_subplot(cells[0, 0]), body, RIGHT, AWAY, "From above")
    _plot_perspective(figure.add_subplot(cells[0, 1], projection="3d"), body)
    _plot_view(figure.add_subplot(cells[1, 0]), body, RIGHT, UP, "As the camera sees it")
    _plot_view(figure.add_subplot(cells[1, 1]), body, AWAY, UP, "From the image's right")


def _plot_view(axes: Axes, body: _PlottedBody, across: int, along: int, title: str) -> None:
    x, y = body.points[:, across], body.points[:, along]
    pieces = list(body.pieces[:, :, [across, along]])
    axes.add_collection(
        LineCollection(pieces, colors=body.piece_colors, linewidths=BONE_WIDTH_POINTS, capstyle="round")
    )
    axes.scatter(x, y, JOINT_AREA_POINTS2, body.colors, edgecolors="white", zorder=3)
    axes.scatter(x[RIGHT_JOINTS], y[RIGHT_JOINTS], CORE_AREA_POINTS2, "white", zorder=4)
    axes.set(xlim=body.limits[across], ylim=body.limits[along], aspect="equal")
    axes.set(xlabel=AXIS_LABELS[across], ylabel=AXIS_LABELS[along])
    axes.xaxis.set_major_locator(MultipleLocator(GRID_M))
    axes.yaxis.set_major_locator(MultipleLocator(GRID_M))
    axes.grid(color=GRID_INK)
    axes.set_axisbelow(True)
    _clear_frame(axes)
    _title(axes, title)


def _plot_perspective(axes: Axes3D, body: _PlottedBody) -> None:
    axes.add_collection3d(
        Line3DCollection(body.pieces, colors=body.piece_colors, linewidths=BONE_WIDTH_POINTS)
    )
    axes.scatter(*body.points.T, s=JOINT_AREA_POINTS2, c=body.colors, edgecolors="white", depthshade=False)
    axes.set(xlim=body.limits[RIGHT], ylim=body.limits[AWAY], zlim=body.limits[UP])
    axes.set_box_aspect((1, 1, 1), zoom=PERSPECTIVE_ZOOM)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MultipleLocator(GRID_M))
        axis.set_pane_color(PANE)
        axis.line.set_color("none")
    axes.tick_params(color="none", labelcolor="none")
    axes.view_init(**PERSPECTIVE_DEG)
    _title(axes, "In perspective")


def _clear_frame(axes: Axes) -> None:
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", color=INK, fontweight="bold", fontsize=13)


DISTANCE_SIZE_INCHES = (10.0, 5.0)
MEASURED, TRUE = "#1a6dcc", "#d9480f"


def save_distance_plot(
    path: Path, numbers: ArrayLike, measured_m: ArrayLike, std_m: ArrayLike, true_m: ArrayLike
) -> None:
    """Write a PNG of measured and true distances.

    Args:
        path: where to write, in a folder that exists.
        numbers: (N,) of the images.
        measured_m: (N,) distances, meters.
        std_m: (N,) standard deviations of them, meters.
        true_m: (N,) what they should be, meters.

    Raises:
        OSError: the file cannot be written.
    """
    measured, std = np.asarray(measured_m), np.asarray(std_m)
    figure = Figure(figsize=DISTANCE_SIZE_INCHES, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.fill_between(
        np.asarray(numbers), measured - std, measured + std, color=MEASURED, alpha=0.2, linewidth=0,
        label="± 1 standard deviation",
    )  # fmt: skip
    axes.plot(numbers, measured, color=MEASURED, linewidth=2.5, label="from one camera")
    axes.plot(numbers, true_m, color=TRUE, linewidth=2.5, linestyle="--", label="true, from four cameras")
    axes.set(xlabel="image", ylabel="distance of the hips (m)", ylim=(0, None))
    axes.set_title("How far away the person is", loc="left", color=INK, fontweight="bold", fontsize=13)
    axes.grid(color=GRID_INK)
    axes.legend(loc="lower left", frameon=False, labelcolor=INK)
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)
    FigureCanvasAgg(figure).print_figure(path, format="png", dpi=DPI)
