# SPDX-License-Identifier: Apache-2.0
"""Draws docs/frames.png, the frames of a camera and of a person in front of it: ``make docs``."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.landmarks import BONES, NUM_LANDMARKS, Landmark

OUTPUT = Path(__file__).with_name("frames.png")
SIZE_INCHES, DPI = (9.0, 5.4), 110
AXIS_COLORS = ("#d62728", "#2ca02c", "#1f77b4")  # x, y, z: red, green, blue, as RViz has them

# Somebody who waves, metres from the hip centre in the camera's optical axes, turned to the side.
BODY_M = {
    "NOSE": (0, -0.64, -0.12), "LEFT_SHOULDER": (0.18, -0.48, 0), "RIGHT_SHOULDER": (-0.18, -0.48, 0),
    "LEFT_ELBOW": (0.25, -0.22, 0.03), "RIGHT_ELBOW": (-0.36, -0.6, -0.06),
    "LEFT_WRIST": (0.27, 0.02, -0.06), "RIGHT_WRIST": (-0.42, -0.86, -0.1),
    "LEFT_HIP": (0.1, 0, 0), "RIGHT_HIP": (-0.1, 0, 0), "LEFT_KNEE": (0.12, 0.42, -0.04),
    "RIGHT_KNEE": (-0.12, 0.42, -0.04), "LEFT_ANKLE": (0.13, 0.82, 0.05), "RIGHT_ANKLE": (-0.13, 0.82, 0.05),
    "LEFT_FOOT_INDEX": (0.16, 0.88, -0.14), "RIGHT_FOOT_INDEX": (-0.16, 0.88, -0.14),
}  # fmt: skip
TURN_DEG = -18.0
HIPS_M = np.array([0.35, 0.1, 2.2])


def main() -> None:
    """Write the picture."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=SIZE_INCHES, dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1), projection="3d", computed_zorder=False)
    world = _turned_body()
    _draw_body(axes, world + HIPS_M)
    optical = np.eye(3)
    _draw_axes(
        axes, np.zeros(3), optical, 0.45, "the image's frame\n(camera, optical axes)", (-0.2, -0.22, 0)
    )
    _draw_axes(axes, HIPS_M, optical, 0.3, "hip_center_1", (0.62, 0.05, 0), dashed=True)
    _draw_axes(axes, HIPS_M, body_axes(world), 0.5, "body_1", (-0.62, 0.02, 0))
    wrist = (world + HIPS_M)[Landmark.RIGHT_WRIST]
    _draw_axes(axes, wrist, body_axes(world), 0.18, "right_wrist_1", (0.0, -0.32, 0))
    line = _plot(np.array([np.zeros(3), HIPS_M]))
    axes.plot(*line, color="0.6", linestyle=":", linewidth=1.2)
    _set_view(axes)
    figure.savefig(OUTPUT)


def _turned_body() -> NDArray[np.float64]:
    world = np.full((NUM_LANDMARKS, 3), np.nan)
    for name, place in BODY_M.items():
        world[Landmark[name]] = place
    angle = np.radians(TURN_DEG)
    cos, sin = np.cos(angle), np.sin(angle)
    return world @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])


def _plot(optical: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return optical axes (x right, y down, z away) as matplotlib's, whose z is up: (3, N)."""
    return np.stack([optical[..., 2], -optical[..., 0], -optical[..., 1]])


def _draw_body(axes: Axes, points: NDArray[np.float64]) -> None:
    for start, end in BONES:
        if np.isfinite(points[[start, end]]).all():
            axes.plot(
                *_plot(points[[start, end]]), color="0.55", linewidth=4, solid_capstyle="round", zorder=1
            )
    axes.scatter(*_plot(points), color="0.35", s=26, depthshade=False, zorder=2)


def _draw_axes(
    axes: Axes,
    origin: NDArray[np.float64],
    rotation: NDArray[np.float64],
    length_m: float,
    name: str,
    label_at: tuple[float, float, float],
    *,
    dashed: bool = False,
) -> None:
    """Draw a frame: the columns of the rotation are its axes."""
    for axis, letter, color in zip(rotation.T, "xyz", AXIS_COLORS, strict=True):
        start, step = _plot(origin), _plot(length_m * axis)
        style = "--" if dashed else "-"
        axes.quiver(
            *start, *step, color=color, linewidth=2.2, linestyle=style, arrow_length_ratio=0.18, zorder=5
        )
        axes.text(
            *(start + 1.16 * step), letter, color=color, fontsize=11, ha="center", va="center", zorder=6
        )
    axes.text(*_plot(origin + np.array(label_at)), name, fontsize=11, ha="center", va="center", zorder=6)


def _set_view(axes: Axes) -> None:
    axes.set_axis_off()
    axes.set_xlim(-0.2, 2.7)
    axes.set_ylim(-1.5, 0.7)
    axes.set_zlim(-0.85, 1.15)
    axes.set_box_aspect((2.9, 2.2, 2.0), zoom=1.6)
    axes.view_init(elev=14, azim=-128)


if __name__ == "__main__":
    main()
