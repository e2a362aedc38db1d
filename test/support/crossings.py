# SPDX-License-Identifier: Apache-2.0
"""Two people who cross, composed from two clips, with known truth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from blazepose_ros.core.estimation.estimator import Estimator
from blazepose_ros.core.types import Frame, Pose

WIDTH_PX, HEIGHT_PX = 640, 480
IMAGES, RATE_HZ = 60, 30
LEAST_VISIBLE = 0.5
BODY_PX = (240, 300)  # heights
CUTOUT_PX = 320
# A pose is of somebody where its hips are nearer than this to theirs, a tenth of a body.
REACH_PX = 25
# While the hips of two are nearer than this to each other, a pose may be of either.
APART_PX = 65


@dataclass(frozen=True)
class Cutout:
    """A person cut out of a clip's frame.

    Attributes:
        rgb: (height, width, 3).
        mask: (height, width), 0 to 1.
        hips_px: (2,), in the cutout.
    """

    rgb: np.ndarray
    mask: np.ndarray
    hips_px: np.ndarray

    def scaled(self, factor: float) -> "Cutout":
        rgb, mask = (
            cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            for image in (self.rgb, self.mask)
        )
        return Cutout(rgb, mask, self.hips_px * factor)


def people_of(frames: Iterable[Frame], estimator: Estimator) -> list[Cutout]:
    """Return the person in each of a clip's frames, all in one scale."""
    found = [cut_out(frame, estimator.estimate(frame)[0]) for frame in frames]
    return [each.scaled(CUTOUT_PX / found[0].mask.shape[0]) for each in found]


def cut_out(frame: Frame, pose: Pose) -> Cutout:
    """Return a person with what the model takes for them, nothing of the background."""
    solid = (pose.mask > 0.5).astype(np.float32)
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    hips = pose.screen[[23, 24], :2].mean(axis=0) - (columns[0], rows[0])
    return Cutout(frame.rgb[box], solid[box], hips)


@dataclass(frozen=True)
class Crossing:
    """Images of two people, and where their hips are: (n, 2 people, 2), pixels."""

    frames: list[Frame]
    hips_px: np.ndarray


def crossing(clips: tuple[list[Cutout], list[Cutout]], background: np.ndarray, seed: int) -> Crossing:
    """Return two people who pass each other; of the one behind half is always seen.

    Heights, paths, speeds, phases of the clips and who is in front are drawn until they do.
    """
    rng = np.random.default_rng(seed)
    while True:
        heights = rng.uniform(*BODY_PX, 2)
        starts = np.array([rng.uniform(100, 175), rng.uniform(465, 540)])
        ends = np.array([rng.uniform(465, 540), rng.uniform(100, 175)])
        lanes = rng.uniform(160, 320, 2)
        phases = [rng.integers(0, len(clip)) for clip in clips]
        front = int(rng.integers(2))
        crossed = _compose(clips, background, heights, starts, ends, lanes, phases, front)
        if crossed is not None:
            return crossed


def _compose(
    clips: Any, background: Any, heights: Any, starts: Any, ends: Any, lanes: Any, phases: Any, front: Any
) -> Crossing | None:
    frames, hips = [], []
    for index in range(IMAGES):
        way = index / (IMAGES - 1)
        canvas, covered = background.copy(), {}
        places = np.column_stack([starts + way * (ends - starts), lanes])
        for person in (1 - front, front):
            clip = clips[person]
            cutout = clip[(phases[person] + index) % len(clip)]
            cutout = cutout.scaled(heights[person] / clip[0].mask.shape[0])
            covered[person] = _paste(canvas, cutout, places[person])
        behind = covered[1 - front]
        if np.sum(behind * (1 - covered[front])) < LEAST_VISIBLE * behind.sum():
            return None
        frames.append(Frame(canvas, round(index * 1e9 / RATE_HZ)))
        hips.append(places)
    return Crossing(frames, np.array(hips))


def _paste(canvas: np.ndarray, cutout: Cutout, place_px: np.ndarray) -> np.ndarray:
    """Draw a person with the hips at a place, and return where they are, (height, width)."""
    x, y = (place_px - cutout.hips_px).round().astype(int)
    moved = np.float32([[1, 0, x], [0, 1, y]])
    size = (canvas.shape[1], canvas.shape[0])
    mask = cv2.warpAffine(cutout.mask, moved, size)
    rgb = cv2.warpAffine(cutout.rgb, moved, size)
    canvas[:] = (canvas * (1 - mask[..., None]) + rgb * mask[..., None]).astype(np.uint8)
    return mask


def numbers_of(crossed: Crossing, images: Sequence[Sequence[Pose]]) -> tuple[list[set[int]], list[float]]:
    """Return the numbers that each of the two was given, and in what part of the images they were seen.

    Numbers count in images in which the two are apart.
    """
    numbers, seen = [set(), set()], [0, 0]
    for hips, poses in zip(crossed.hips_px, images, strict=True):
        found = np.array([pose.screen[[23, 24], :2].mean(axis=0) for pose in poses]).reshape(-1, 2)
        away = np.linalg.norm(hips[:, None] - found, axis=2)
        for person, index in zip(*linear_sum_assignment(away), strict=True):
            if away[person, index] < REACH_PX:
                seen[person] += 1
                if np.abs(hips[0] - hips[1]).max() > APART_PX:
                    numbers[person].add(poses[index].person_id)
    return numbers, [count / len(images) for count in seen]
