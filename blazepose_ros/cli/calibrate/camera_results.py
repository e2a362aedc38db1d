# SPDX-License-Identifier: Apache-2.0
"""What ``blazepose calibrate cameras`` leaves: a table, YAML, a launch file and a picture.

The picture shows the cameras from above and from the side, the walk, and the residuals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from blazepose_ros.cli.calibrate.camera_views import Anchor, CameraViews
from blazepose_ros.cli.console import FittingTable
from blazepose_ros.core.extrinsics.calibration import ExtrinsicCalibration
from blazepose_ros.core.files import write_atomically
from blazepose_ros.core.transforms import Rigid

LAUNCH_SUFFIX, PLOT_SUFFIX = ".launch.py", ".png"


@dataclass(frozen=True)
class StaticTransform:
    """A transform to publish on /tf_static.

    Attributes:
        parent: the frame that the pose is in.
        child: the frame whose pose it is.
        pose: of the child in the parent.
    """

    parent: str
    child: str
    pose: Rigid

    @property
    def numbers(self) -> dict[str, float]:
        """Translation in meters and quaternion, as static_transform_publisher names them."""
        values = (
            *self.pose.translation.tolist(),
            *Rotation.from_matrix(self.pose.rotation).as_quat().tolist(),
        )
        names = ("x", "y", "z", "qx", "qy", "qz", "qw")
        return {name: round(value, 6) for name, value in zip(names, values, strict=True)}


def static_transforms(found: ExtrinsicCalibration, views: CameraViews, parent: str) -> list[StaticTransform]:
    """Return the transforms that say where the cameras are.

    Args:
        found: the calibration.
        views: with the transforms that exist already.
        parent: the frame for cameras that no transform connects: level, on the floor under the first one.
    """
    height_m = float(np.nan_to_num(found.height_m))
    level = Rigid(found.level_axes, np.array([0.0, 0.0, height_m]))
    anchor = Anchor(views, [camera.name for camera in found.cameras], level, parent)
    moved = found.cameras[1:] if anchor.keeps_first else found.cameras
    return [
        StaticTransform(anchor.parent, anchor.child(camera.name), anchor.transform(camera.name, camera.place))
        for camera in moved
    ]


def save_results(
    path: Path, found: ExtrinsicCalibration, transforms: Sequence[StaticTransform]
) -> list[Path]:
    """Write YAML, launch file and picture beside each other, and return their paths.

    Raises:
        OSError: one cannot be written.
    """
    launch, plot = path.with_suffix(LAUNCH_SUFFIX), path.with_suffix(PLOT_SUFFIX)
    content = yaml.safe_dump(_content(found, transforms), sort_keys=False)
    write_atomically(path, f"# Written by blazepose calibrate cameras.\n{content}".encode())
    write_atomically(launch, "\n".join(_launch_lines(transforms)).encode())
    save_camera_plot(plot, found)
    return [path, launch, plot]


def report(found: ExtrinsicCalibration) -> FittingTable:
    """Return a row for each camera."""
    head = (
        "camera",
        "images",
        "residual\npx",
        "residual\ncm",
        "std\ndegrees",
        "std\ncm",
        "late\nms",
    )
    rows = [
        (
            camera.name,
            str(camera.times),
            f"{camera.error_px:.1f}",
            f"{100 * camera.error_m:.1f}",
            f"{camera.rotation_std_deg:.2f}",
            f"{100 * camera.position_std_m:.1f}",
            f"{1000 * camera.place.offset_s:.0f}",
        )
        for camera in found.cameras
    ]
    return FittingTable(head, rows)


def _content(found: ExtrinsicCalibration, transforms: Sequence[StaticTransform]) -> dict[str, Any]:
    return {
        "transforms": [{"parent": each.parent, "child": each.child, **each.numbers} for each in transforms],
        "cameras": {
            camera.name: {
                "residual_px": round(camera.error_px, 2),
                "residual_m": round(camera.error_m, 4),
                "rotation_std_deg": round(camera.rotation_std_deg, 3),
                "position_std_m": round(camera.position_std_m, 4),
                "clock_offset_s": round(camera.place.offset_s, 4),
                "images": camera.times,
            }
            for camera in found.cameras
        },
        "walk": {"length_m": round(found.length_m, 2), "width_m": round(found.width_m, 2)},
        "scale_std": round(found.scale_std, 3),
    }


def _launch_lines(transforms: Sequence[StaticTransform]) -> Iterator[str]:
    yield '"""Publish where the cameras are; written by blazepose calibrate cameras."""'
    yield ""
    yield "from launch import LaunchDescription"
    yield "from launch_ros.actions import Node"
    yield ""
    yield ""
    yield "def generate_launch_description():"
    yield '    """Return one publisher for each camera."""'
    yield "    return LaunchDescription(["
    for each in transforms:
        arguments = [text for name, value in each.numbers.items() for text in (f"--{name}", f"{value:.6f}")]
        arguments += ["--frame-id", each.parent, "--child-frame-id", each.child]
        yield "        Node("
        yield '            package="tf2_ros",'
        yield '            executable="static_transform_publisher",'
        yield f"            arguments={arguments!r},"
        yield "        ),"
    yield "    ])"
    yield ""


SIZE_INCHES = (14.0, 5.5)
DPI = 110
INK, GRID_INK, PATH_INK = "#1f2933", "#dfe4ea", "#1a6dcc"
COLORS = ("#d9480f", "#2b8a3e", "#862e9c", "#0b7285", "#a61e4d", "#5c940d")
# How long the drawn views are, and how wide to either side.
VIEW_M, HALF_VIEW_M = 0.6, 0.25
_AHEAD, _LEFT, _UP = range(3)


def save_camera_plot(path: Path, found: ExtrinsicCalibration) -> None:
    """Write a PNG of the cameras, the path of the person's hips and the residuals.

    Args:
        path: where to write, in a folder that exists.
        found: the calibration.

    Raises:
        OSError: the file cannot be written.
    """
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
    above, beside, left_over = figure.subplots(1, 3, width_ratios=(5, 5, 4))
    _draw(above, found, (_AHEAD, _LEFT), "from above", ("ahead of the first camera (m)", "to its left (m)"))
    _draw(
        beside,
        found,
        (_AHEAD, _UP),
        "from the side",
        ("ahead of the first camera (m)", "above the floor (m)"),
    )
    _draw_errors(left_over, found)
    FigureCanvasAgg(figure).print_figure(path, format="png", dpi=DPI)


def _draw(
    axes: Axes, found: ExtrinsicCalibration, dimensions: tuple[int, int], title: str, labels: tuple[str, str]
) -> None:
    level = found.level_axes
    lift = np.array([0.0, 0.0, np.nan_to_num(found.height_m)])
    walk = (found.path @ level.T + lift)[:, dimensions]
    axes.plot(*walk.T, color=PATH_INK, linewidth=2.0, label="hips")
    for number, camera in enumerate(found.cameras):
        corners = _view(camera.place.rotation) @ level.T + level @ camera.place.center + lift
        color = COLORS[number % len(COLORS)]
        outline = corners[:, dimensions]
        axes.fill(*outline[ConvexHull(outline).vertices].T, color=color, alpha=0.25)
        axes.plot(*outline[0], "o", color=color, label=camera.name)
    if dimensions[1] == _UP:
        axes.axhline(0.0, color=INK, linewidth=1.0)
    axes.set(xlabel=labels[0], ylabel=labels[1], aspect="equal")
    axes.set_adjustable("datalim")
    _style(axes, title)
    axes.legend(loc="best", frameon=False, labelcolor=INK, fontsize=8)


def _view(rotation: NDArray) -> NDArray[np.float64]:
    """Return what a camera looks at, (5, 3), meters from its center in the axes of the first camera."""
    w, d = HALF_VIEW_M, VIEW_M
    corners = np.array([[0, 0, 0], [-w, -w, d], [w, -w, d], [w, w, d], [-w, w, d]])
    return corners @ rotation


def _draw_errors(axes: Axes, found: ExtrinsicCalibration) -> None:
    names = [camera.name for camera in found.cameras]
    errors_px = [camera.error_px for camera in found.cameras]
    bars = axes.barh(names, errors_px, color=[COLORS[index % len(COLORS)] for index in range(len(names))])
    texts = [f"{camera.error_px:.1f} px, {100 * camera.error_m:.1f} cm" for camera in found.cameras]
    axes.bar_label(bars, texts, padding=4, color=INK)
    axes.set(xlabel="median distance of joints (px)")
    axes.set_xlim(0.0, 1.6 * max(1.0, *errors_px))
    axes.invert_yaxis()
    _style(axes, "residuals")


def _style(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", color=INK, fontweight="bold", fontsize=12)
    axes.grid(color=GRID_INK)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)
