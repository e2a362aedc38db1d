# SPDX-License-Identifier: Apache-2.0
"""Draws docs/architecture.png, an image's way through the threads, and the rings: ``make docs``."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

OUTPUT = Path(__file__).with_name("architecture.png")
SIZE_INCHES, DPI = (9.0, 7.8), 110
WIDTH, HEIGHT = 180.0, 156.0  # a twentieth of an inch each

INK, FAINT, LANE = "#1f2933", "#52606d", "#f3f5f7"
FILLS = {"cli": "#e8dff5", "nodes": "#d6e6f8", "conversions": "#fde7c8", "core": "#d8efd9", "": "white"}
EDGES = {"cli": "#8e6bbf", "nodes": "#4a83c4", "conversions": "#d18f2c", "core": "#4f9d55", "": FAINT}

# The rings from the top down, each with what lies in it.
RINGS = {
    "cli": (
        "bag, bench, demo, doctor, eval, models, view",
        "the commands of blazepose; beside it launch_support, for launch/*.py",
    ),
    "nodes": (
        "pose, camera, fusion, people, common",
        "rclpy: subscriptions, publishers, parameters, lifecycle",
    ),
    "conversions": (
        "images, cdr, pose33, markers, frames, tf_buffer, camera_info, ...",
        "messages, no rclpy",
    ),
    "core": (
        "models, estimation, tracking, placement, visualization, diagnostics, frame_sources",
        "no ROS: numpy, scipy, OpenCV, a model runtime",
    ),
}


class Box(NamedTuple):
    """A step of an image: its ring, what it is called, what it does, and where it stands."""

    ring: str
    name: str
    does: str
    x: float
    y: float
    width: float = 37.0


BOX_HEIGHT, LANE_HEIGHT, LEFT = 14.0, 22.0, 30.0
RECEIVING_Y, INFERENCE_Y, PUBLISHING_Y, MAIN_Y = 132.0, 106.0, 80.0, 57.0
FIRST, SECOND, THIRD = 33.0, 81.0, 129.0

LANES = {
    "receiving": ('thread\n"receiving"', RECEIVING_Y, LANE_HEIGHT),
    "inference": ('thread\n"inference"', INFERENCE_Y, LANE_HEIGHT),
    "publishing": ('thread\n"publishing"', PUBLISHING_Y, LANE_HEIGHT),
    "main": ("main thread\n(executor)", MAIN_Y, 16.0),
}
BOXES = (
    Box("nodes", "image_receiver", "takes the newest\nserialized message", FIRST, RECEIVING_Y, 40.0),
    Box(
        "conversions",
        "images, cdr",
        "checks the header,\nreads in place or decodes",
        SECOND,
        RECEIVING_Y,
        44.0,
    ),
    Box(
        "core", "estimator.estimate", "detects or tracks the ROI,\nruns the model", SECOND, INFERENCE_Y, 44.0
    ),
    Box("core", "person_pipeline.update", "ids, smoothing,\nplace of the hips", FIRST, PUBLISHING_Y, 44.0),
    Box("nodes", "publishers.publish", "only topics with\na subscriber", SECOND + 1, PUBLISHING_Y, 40.0),
    Box("conversions", "pose33.serialize", "writes CDR\nwithout messages", THIRD + 1, PUBLISHING_Y, 40.0),
)


def main() -> None:
    """Write the picture."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=SIZE_INCHES, dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, HEIGHT))
    axes.set_axis_off()
    for label, y, height in LANES.values():
        _draw_lane(axes, label, y, height)
    for box in BOXES:
        _draw_box(axes, box)
    _draw_arrows(axes)
    _text(
        axes,
        105,
        MAIN_Y,
        "parameters, lifecycle, watchdog, diagnostics;\ncamera_info, depth, detections, /tf",
    )
    _draw_rings(axes)
    figure.savefig(OUTPUT)


def _draw_lane(axes: Axes, label: str, y: float, height: float) -> None:
    _rectangle(axes, 2, y - height / 2, WIDTH - 4, height, LANE, "none")
    _text(axes, 15.5, y, label, color=FAINT, weight="bold")


def _draw_box(axes: Axes, box: Box) -> None:
    _rectangle(axes, box.x, box.y - BOX_HEIGHT / 2, box.width, BOX_HEIGHT, FILLS[box.ring], EDGES[box.ring])
    middle = box.x + box.width / 2
    _text(axes, middle, box.y + 3.6, box.name, weight="bold")
    _text(axes, middle, box.y - 2.4, box.does, size=8.5)


def _draw_arrows(axes: Axes) -> None:
    receiver, decoder, estimator, people, publishers, writer = BOXES
    _arrow(axes, (receiver.x + 20, 153), (receiver.x + 20, RECEIVING_Y + 7))
    _text(axes, receiver.x + 23, 149, "DDS: image", ha="left", color=FAINT)
    _arrow(axes, (receiver.x + receiver.width, RECEIVING_Y), (decoder.x, RECEIVING_Y))
    _arrow(axes, (SECOND + 22, RECEIVING_Y - 7), (SECOND + 22, INFERENCE_Y + 7))
    _text(
        axes, SECOND + 25, (RECEIVING_Y + INFERENCE_Y) / 2,
        "latest_worker, one slot: a newer\nimage replaces the one that waits",
        ha="left", color=FAINT, size=8.5,
    )  # fmt: skip
    _arrow(axes, (estimator.x, INFERENCE_Y), (people.x + 22, INFERENCE_Y), head=False)
    _arrow(axes, (people.x + 22, INFERENCE_Y), (people.x + 22, PUBLISHING_Y + 7))
    _text(
        axes, people.x + 25, (INFERENCE_Y + PUBLISHING_Y) / 2,
        "latest_worker, one slot:\nposes wait, none are dropped",
        ha="left", color=FAINT, size=8.5,
    )  # fmt: skip
    _arrow(axes, (people.x + people.width, PUBLISHING_Y), (publishers.x, PUBLISHING_Y))
    _arrow(axes, (publishers.x + publishers.width, PUBLISHING_Y), (writer.x, PUBLISHING_Y))
    _arrow(axes, (writer.x + 20, PUBLISHING_Y + 7), (writer.x + 20, 97))
    _text(axes, writer.x + 20, 100, "DDS: ~/poses, ~/pose, ...", color=FAINT)


def _draw_rings(axes: Axes) -> None:
    height, gap, top = 8.8, 1.4, 41.0
    _text(
        axes,
        3,
        top + 3.5,
        "The rings: each imports itself and those below it, never one above.",
        ha="left",
        color=FAINT,
    )
    for index, (ring, (folders, about)) in enumerate(RINGS.items()):
        y = top - (index + 1) * height - index * gap
        _rectangle(axes, 3, y, WIDTH - 6, height, FILLS[ring], EDGES[ring])
        _text(axes, 6, y + height / 2, ring, ha="left", weight="bold")
        _text(axes, 36, y + height / 2 + 2.0, folders, ha="left")
        _text(axes, 36, y + height / 2 - 2.3, about, ha="left", size=8.5, color=FAINT)


def _rectangle(axes: Axes, x: float, y: float, width: float, height: float, fill: str, edge: str) -> None:
    style = "round,pad=0,rounding_size=1.6"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=fill, edgecolor=edge))


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], *, head: bool = True) -> None:
    arrow = {"arrowstyle": "-|>" if head else "-", "color": INK, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=arrow)


def _text(
    axes: Axes, x: float, y: float, text: str, *, size: float = 9.5, color: str = INK, ha: str = "center",
    weight: str = "normal",
) -> None:  # fmt: skip
    axes.text(x, y, text, fontsize=size, color=color, ha=ha, va="center", weight=weight, linespacing=1.25)


if __name__ == "__main__":
    main()
