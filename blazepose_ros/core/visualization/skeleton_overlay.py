# SPDX-License-Identifier: Apache-2.0
"""Draws skeletons onto images.

Depth is told by color (see ``core.visualization.palette``), left and right by the joints: those
of the person's right side have a white core. What is nearer covers what is further.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import BONES, FACE_AND_FINGERS, RIGHT_SIDE
from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.palette import gradient, label, landmark_colors

WHITE = (255.0, 255.0, 255.0)

# Bones are this wide on the body, within limits given as shares of the image's diagonal:
# thin enough to show a gesture, thick enough to be seen on a display of any size.
BONE_WIDTH_M = 0.025
BONE_WIDTH_SHARES = (0.0022, 0.0055)

# In bone widths: a joint's radius and the outline's width.
JOINT_RADIUS = 1.15
OUTLINE = 0.35

# Faces and hands are crowded: there everything is this much smaller.
CROWDED = 0.6

# The radius of the white core as a share of its joint's.
CORE = 0.45

# How many pieces of one color stand for a bone's gradient.
BONE_PIECES = 8

# Further away than this many image diagonals, a landmark is nonsense and left out.
FAR_OUTSIDE = 10.0

# The height of a label's capitals, as a share of the image's shorter side and at least.
TEXT_HEIGHT_SHARE = 0.024
MIN_TEXT_HEIGHT_PX = 8.0

# In heights of a capital: the width of a letter's stroke, and the room around the text.
STROKE = 0.07
PADDING = 0.6
FONT = cv2.FONT_HERSHEY_DUPLEX

# From the eyes, the highest landmarks of a standing person, to above the hair.
HEADROOM_M = 0.2

# OpenCV draws at fixed-point coordinates with this many binary places.
SUBPIXEL_BITS = 4

# The corners of a polygon that looks round: cv2.circle turns small discs into diamonds.
_ANGLES = np.linspace(0, 2 * math.pi, 32, endpoint=False)
UNIT_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


def annotate(rgb: NDArray[np.uint8], poses: Iterable[Pose], visibility_threshold: float) -> NDArray[np.uint8]:
    """Return a copy of an image with people's bones, joints and labels drawn on it.

    Args:
        rgb: (height, width, 3), red first; it is not changed.
        poses: the people in the image. Landmarks that are NaN or absurdly far away are
            left out, and so are the bones that end there.
        visibility_threshold: 0 to 1, landmarks below it are drawn black.
    """
    canvas = rgb.copy(order="C")
    for pose in poses:
        skeleton = _DrawnSkeleton.of(pose, visibility_threshold, canvas)
        _draw_bones(canvas, skeleton)
        _draw_joints(canvas, skeleton)
        _draw_label(canvas, skeleton, label(pose))
    return canvas


def write_under(rgb: NDArray[np.uint8], notes: Iterable[tuple[Pose, Sequence[str]]]) -> NDArray[np.uint8]:
    """Return a copy of an image with lines of text under people's feet, never over the image's edge.

    Args:
        rgb: (height, width, 3), red first; it is not changed.
        notes: people in the image, each with the lines about them.
    """
    canvas = rgb.copy(order="C")
    for pose, lines in notes:
        _write_lines(canvas, _in_image(pose.screen[:, :2], canvas), lines)
    return canvas


@dataclass(frozen=True)
class _DrawnSkeleton:
    """How one person is drawn.

    Attributes:
        xy: (33, 2), pixels, origin at the image's upper left corner.
        drawable: (33,), which landmarks can be drawn.
        rgb: (33, 3), colors, 0 to 255.
        depth_rank: (33,), each landmark's place from the furthest, 0, to the nearest.
        px_per_m: how large a meter of the body appears; 0 where that is unknown.
        bone_px: how wide the bones are.
    """

    xy: NDArray[np.float64]
    drawable: NDArray[np.bool_]
    rgb: NDArray[np.float64]
    depth_rank: NDArray[np.intp]
    px_per_m: float
    bone_px: float

    @classmethod
    def of(cls, pose: Pose, visibility_threshold: float, canvas: NDArray[np.uint8]) -> _DrawnSkeleton:
        height, width = canvas.shape[:2]
        diagonal_px = math.hypot(width, height)
        xy = pose.screen[:, :2].astype(float)
        drawable = np.abs(xy).max(axis=1) < FAR_OUTSIDE * diagonal_px  # NaN is not less
        scale = px_per_m(xy[drawable], pose.world[drawable, :2])
        return cls(
            xy=xy,
            drawable=drawable,
            rgb=255 * landmark_colors(pose, visibility_threshold)[:, :3],
            depth_rank=np.argsort(np.argsort(-pose.world[:, 2])),
            px_per_m=scale,
            bone_px=np.clip(BONE_WIDTH_M * scale, *np.multiply(BONE_WIDTH_SHARES, diagonal_px)),
        )


def px_per_m(screen_px: NDArray[np.float64], world_m: NDArray[np.float32]) -> float:
    """Return how far (N, 2) landmarks spread on the screen for each meter in the world.

    Unlike a bounding box, this does not change when a person crouches.
    """
    if not len(world_m):
        return 0.0
    spread_m = np.linalg.norm(world_m.std(axis=0))
    return float(np.linalg.norm(screen_px.std(axis=0)) / spread_m) if spread_m > 0 else 0.0


def _draw_bones(canvas: NDArray[np.uint8], skeleton: _DrawnSkeleton) -> None:
    rank = skeleton.depth_rank
    for start, end in sorted(BONES, key=lambda bone: rank[bone[0]] + rank[bone[1]]):
        if skeleton.drawable[start] and skeleton.drawable[end]:
            _draw_bone(canvas, skeleton, start, end)


def _draw_bone(canvas: NDArray[np.uint8], skeleton: _DrawnSkeleton, start: int, end: int) -> None:
    width_px = skeleton.bone_px * (CROWDED if FACE_AND_FINGERS & {start, end} else 1)
    points = _fixed_point(np.linspace(skeleton.xy[start], skeleton.xy[end], BONE_PIECES + 1)).tolist()
    colors = gradient(skeleton.rgb[start], skeleton.rgb[end], BONE_PIECES)
    _draw_line(canvas, points[0], points[-1], WHITE, width_px * (1 + 2 * OUTLINE))
    for piece, color in enumerate(colors.tolist()):
        _draw_line(canvas, points[piece], points[piece + 1], color, width_px)


def _draw_joints(canvas: NDArray[np.uint8], skeleton: _DrawnSkeleton) -> None:
    for joint in np.argsort(skeleton.depth_rank):
        if skeleton.drawable[joint]:
            _draw_joint(canvas, skeleton, int(joint))


def _draw_joint(canvas: NDArray[np.uint8], skeleton: _DrawnSkeleton, joint: int) -> None:
    center = skeleton.xy[joint]
    radius_px = skeleton.bone_px * JOINT_RADIUS * (CROWDED if joint in FACE_AND_FINGERS else 1)
    _draw_disc(canvas, center, WHITE, radius_px + skeleton.bone_px * OUTLINE)
    _draw_disc(canvas, center, skeleton.rgb[joint].tolist(), radius_px)
    if joint in RIGHT_SIDE:
        _draw_disc(canvas, center, WHITE, radius_px * CORE)


def _draw_label(canvas: NDArray[np.uint8], skeleton: _DrawnSkeleton, text: str) -> None:
    """Write above the person's highest landmark in the image."""
    seen = _in_image(skeleton.xy, canvas)
    if not text or not len(seen):
        return
    lower_px = seen[:, 1].min() - HEADROOM_M * skeleton.px_per_m
    line = _TextLine.of(text, canvas)
    line.write(canvas, seen[:, 0].mean(), lower_px - line.height_px)


def _in_image(xy: NDArray[np.floating], canvas: NDArray[np.uint8]) -> NDArray[np.floating]:
    """Return those of (N, 2) places, pixels, that are in an image; NaN is in none."""
    return xy[((xy >= 0) & (xy < canvas.shape[1::-1])).all(axis=1)]


def _write_lines(canvas: NDArray[np.uint8], seen: NDArray[np.floating], lines: Sequence[str]) -> None:
    """Write under the lowest of a person's landmarks in the image, one line below the other."""
    if not len(seen):
        return
    laid = [_TextLine.of(text, canvas) for text in lines]
    room_px = canvas.shape[0] - sum(line.height_px for line in laid)
    upper_px = min(float(seen[:, 1].max()), room_px)
    for line in laid:
        line.write(canvas, seen[:, 0].mean(), upper_px)
        upper_px += line.height_px


@dataclass(frozen=True)
class _TextLine:
    """A line of text on a dark box.

    Attributes:
        text: what is written.
        scale: OpenCV's, of the font.
        stroke_px: the width of a letter's stroke.
        pad_px: the room around the text.
        width_px: of the box.
        height_px: of the box.
    """

    text: str
    scale: float
    stroke_px: int
    pad_px: int
    width_px: int
    height_px: int

    @classmethod
    def of(cls, text: str, canvas: NDArray[np.uint8]) -> _TextLine:
        """Return a line as large as it is written in an image."""
        capitals_px = max(MIN_TEXT_HEIGHT_PX, TEXT_HEIGHT_SHARE * min(canvas.shape[:2]))
        stroke_px = max(1, round(STROKE * capitals_px))
        scale = cv2.getFontScaleFromHeight(FONT, round(capitals_px), stroke_px)
        pad_px = round(PADDING * capitals_px)
        width_px, height_px = cv2.getTextSize(text, FONT, scale, stroke_px)[0]
        return cls(text, scale, stroke_px, pad_px, width_px + 2 * pad_px, height_px + 2 * pad_px)

    def write(self, canvas: NDArray[np.uint8], middle_px: float, upper_px: float) -> None:
        """Write it at a height, around a middle, but never over the image's edge."""
        room = np.maximum(np.subtract(canvas.shape[1::-1], (self.width_px, self.height_px)), 0)
        corner = np.clip((middle_px - self.width_px / 2, upper_px), 0, room).astype(int)
        left, upper = corner.tolist()
        right, lower = left + self.width_px, upper + self.height_px
        canvas[upper:lower, left:right] //= 4
        at = left + self.pad_px, lower - self.pad_px
        cv2.putText(canvas, self.text, at, FONT, self.scale, WHITE, self.stroke_px, cv2.LINE_AA)


def _draw_line(
    canvas: NDArray[np.uint8], start: list[int], end: list[int], color: Sequence[float], width_px: float
) -> None:
    cv2.line(canvas, start, end, color, max(1, round(width_px)), cv2.LINE_AA, SUBPIXEL_BITS)


def _draw_disc(
    canvas: NDArray[np.uint8], center: NDArray[np.float64], color: Sequence[float], radius_px: float
) -> None:
    corners = _fixed_point(center + radius_px * UNIT_CIRCLE)
    cv2.fillConvexPoly(canvas, corners, color, cv2.LINE_AA, SUBPIXEL_BITS)


def _fixed_point(xy: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return pixels as OpenCV draws them; its origin is the middle of the first pixel."""
    return np.rint((xy - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)
