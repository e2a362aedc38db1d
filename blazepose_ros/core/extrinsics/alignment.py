# SPDX-License-Identifier: Apache-2.0
"""A first idea of where cameras are: what each sees of the person in space is laid over the others'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.extrinsics.sightings import CameraSightings, Sampled

# Placed by one camera, a joint is wrong by about so much: differences beyond count less (Huber's loss).
HUBER_M = 0.15
ITERATIONS, SCAN_ITERATIONS = 12, 3
# Clocks that differ by more show in nothing that could be laid over each other.
MAX_OFFSET_S = 1.0
OFFSET_STEP_S = 1.0 / 30.0
# Fewer times that two cameras share tell nothing about them.
MIN_SHARED = 15
# One person, placed by two cameras, agrees within this; two persons do not.
MAX_ERROR_M = 0.5


@dataclass(frozen=True)
class CameraPlace:
    """Where a camera is: ``p_camera = rotation @ p + translation``, and how its clock goes.

    Attributes:
        rotation: (3, 3), from the axes of the reference camera to those of this one.
        translation: (3,), meters, the reference camera as this one sees it.
        offset_s: by how much its stamps are later than those of the reference camera.
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    offset_s: float = 0.0

    @property
    def center(self) -> NDArray[np.float64]:
        """Where the camera is in the axes of the reference camera, (3,), meters."""
        return -self.rotation.T @ self.translation

    def after(self, other: CameraPlace) -> CameraPlace:
        """Return the place of a camera that is at this place as another one sees it."""
        return CameraPlace(
            self.rotation @ other.rotation,
            self.rotation @ other.translation + self.translation,
            self.offset_s + other.offset_s,
        )

    def inverse(self) -> CameraPlace:
        """Return the place of the reference camera as this one sees it."""
        return CameraPlace(self.rotation.T, self.center, -self.offset_s)


REFERENCE = CameraPlace(np.eye(3), np.zeros(3))


class Alignment(NamedTuple):
    """One camera's person, laid over another's.

    Attributes:
        place: of the second camera as the first sees it.
        error_m: the median distance of joints that should be at one place.
        shared: how many times both see the person.
    """

    place: CameraPlace
    error_m: float
    shared: int


def align(first: Sampled, second: Sampled, iterations: int = ITERATIONS) -> Alignment | None:
    """Return the rotation and the translation that lay one camera's person over another's.

    Kabsch's algorithm ("A solution for the best rotation to relate two sets of vectors", Acta
    Crystallographica A32, 1976), with weights by which what does not fit counts less.

    Returns:
        The alignment, or None where they share too little.
    """
    shared = count_shared(first, second)
    if shared < MIN_SHARED:
        return None
    both = first.seen & second.seen
    points, others = first.places[both], second.places[both]
    weights = np.ones(len(points))
    for _ in range(iterations):
        rotation, translation = _kabsch(points, others, weights)
        errors = np.linalg.norm(points @ rotation.T + translation - others, axis=1)
        weights = HUBER_M / np.maximum(errors, HUBER_M)
    return Alignment(CameraPlace(rotation, translation), float(np.median(errors)), shared)


def align_clocks(first: CameraSightings, second: CameraSightings, times_s: NDArray) -> Alignment | None:
    """Return the alignment of two cameras at the offset of their clocks at which they fit best."""
    sampled = first.at(times_s)
    steps = int(MAX_OFFSET_S / OFFSET_STEP_S)
    # The nearest to 0 come first: of equals, the smaller offset.
    offsets_s = sorted((OFFSET_STEP_S * np.arange(-steps, steps + 1)).tolist(), key=abs)
    others = {offset_s: second.at(times_s + offset_s) for offset_s in offsets_s}
    most = max(count_shared(sampled, other) for other in others.values())
    found: tuple[float, float] | None = None
    for offset_s, other in others.items():
        if 2 * count_shared(sampled, other) < most:
            continue
        alignment = align(sampled, other, SCAN_ITERATIONS)
        if alignment is not None and (found is None or alignment.error_m < found[0]):
            found = alignment.error_m, offset_s
    if found is None:
        return None
    best = align(sampled, others[found[1]])
    return best and best._replace(place=replace(best.place, offset_s=found[1]))


def count_shared(first: Sampled, second: Sampled) -> int:
    """Return at how many times both cameras see the person."""
    return int((first.seen & second.seen).any(axis=1).sum())


def chain(cameras: Sequence[CameraSightings], times_s: NDArray) -> dict[int, CameraPlace]:
    """Return the places of the cameras that are connected with the first one, found pair by pair.

    A camera's place goes through the one that it shares most with (Prim's spanning tree).

    Args:
        cameras: what they have seen; the places are relative to the first one.
        times_s: (K,), common times.

    Returns:
        Index -> place; cameras that share too little with the others are missing.
    """
    pairs = {
        (a, b): found
        for a in range(len(cameras))
        for b in range(a + 1, len(cameras))
        if (found := align_clocks(cameras[a], cameras[b], times_s)) is not None
        and found.error_m < MAX_ERROR_M
    }
    places = {0: REFERENCE}
    while edges := [pair for pair in pairs if (pair[0] in places) != (pair[1] in places)]:
        a, b = max(edges, key=lambda pair: pairs[pair].shared / pairs[pair].error_m)
        place = pairs[a, b].place
        if a in places:
            places[b] = place.after(places[a])
        else:
            places[a] = place.inverse().after(places[b])
    return places


def _kabsch(points: NDArray, others: NDArray, weights: NDArray) -> tuple[NDArray, NDArray]:
    """Return rotation and translation that bring points, (N, 3), onto others."""
    share = weights[:, None] / weights.sum()
    middle, other_middle = (share * points).sum(axis=0), (share * others).sum(axis=0)
    u, _, vt = np.linalg.svd((share * (others - other_middle)).T @ (points - middle))
    sign = np.sign(np.linalg.det(u @ vt))
    rotation = u @ np.diag([1.0, 1.0, sign]) @ vt
    return rotation, other_middle - rotation @ middle
