# SPDX-License-Identifier: Apache-2.0
"""Where cameras and joints are if every joint is to be seen where it is: least squares over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from blazepose_ros.core.extrinsics.alignment import CameraPlace
from blazepose_ros.core.extrinsics.sightings import Sampled

# Joints that are further off than this count less (soft L1): six pixels of a camera with a focal length
# of 1670 pixels at 3.5 m. In meters at the person, so that cameras of all resolutions count alike.
SOFT_L1_M = 0.0125
# Neighboring joints and images err together; of all numbers so many are independent.
INDEPENDENT_SHARE = 0.05
# What is looked for of a camera: a small rotation, a translation and the offset of the clock.
PER_CAMERA = 7
_ROTATION, _TRANSLATION, _CLOCK = slice(0, 3), slice(3, 6), 6
# Points nearer than this in front of a camera would overflow on their way.
MIN_DEPTH_M = 0.05
# Levenberg and Marquardt: the damping at first, how it changes, and when it is over.
DAMPING, EASE, MOST_DAMPING = 1e-3, 10.0, 1e8
MAX_STEPS, CONVERGED = 60, 1e-7
# Half of the distances in a plane are below so many deviations (Rayleigh's distribution).
_RAYLEIGH_MEDIAN = 1.177


@dataclass(frozen=True)
class Adjusted:
    """What fits best.

    Attributes:
        places: of the cameras.
        points: (K, 16, 3), meters, the joints in the axes of the first camera; NaN where fewer than two
            cameras see one.
        errors_px: for each camera, (K, 16), how far off the joints are, pixels.
        errors_m: likewise, in meters at the person.
        stds: (cameras, 7), standard deviations of rotation (rad), translation (m) and clock (s); 0 for the
            first camera.
    """

    places: Sequence[CameraPlace]
    points: NDArray[np.float64]
    errors_px: Sequence[NDArray[np.float64]]
    errors_m: Sequence[NDArray[np.float64]]
    stds: NDArray[np.float64]


def adjust(sampled: Sequence[Sampled], places: Sequence[CameraPlace], focals_px: Sequence[float]) -> Adjusted:
    """Return the places and joints that fit best; the first camera stays where it is.

    Every joint has to be on the rays of all cameras that see it, and, as far as these know, as far away
    as each of them puts it. The distances give the scale, and tell what a short walk leaves open.
    Bundle adjustment by Levenberg's and Marquardt's steps, in which the joints are eliminated, with a soft
    L1 loss: B. Triggs et al., "Bundle Adjustment: A Modern Synthesis" (2000).

    Args:
        sampled: what each camera sees at common times, at the offsets of the given places.
        places: a first idea of where the cameras are.
        focals_px: of the cameras, to tell errors in pixels.
    """
    start = triangulate(sampled, places)
    seen = _Observations.of(sampled, places, start)
    state = _State(tuple(places), start[seen.used], np.zeros(len(places)))
    cost, damping = seen.cost(state), DAMPING
    for _ in range(MAX_STEPS):
        equations = _Equations.of(seen, state)
        while damping < MOST_DAMPING:
            tried = state.moved(*equations.step(damping))
            tried_cost = seen.cost(tried)
            if tried_cost < cost:
                break
            damping *= EASE
        else:
            break
        gain, state, cost, damping = (cost - tried_cost) / cost, tried, tried_cost, damping / EASE
        if gain < CONVERGED:
            break
    return _result(seen, state, focals_px)


def triangulate(sampled: Sequence[Sampled], places: Sequence[CameraPlace]) -> NDArray[np.float64]:
    """Return the points that are nearest to the rays of all cameras, (K, 16, 3); NaN where fewer than two."""
    count, joints = sampled[0].rays.shape[:2]
    information, pulled = np.zeros((count, joints, 3, 3)), np.zeros((count, joints, 3))
    seen = np.zeros((count, joints), int)
    for each, place in zip(sampled, places, strict=True):
        rays = np.concatenate([each.rays, np.ones((count, joints, 1))], axis=2) @ place.rotation
        rays /= np.linalg.norm(rays, axis=2, keepdims=True)
        across = np.eye(3) - rays[..., :, None] * rays[..., None, :]
        known = each.seen
        information[known] += across[known]
        pulled[known] += across[known] @ place.center
        seen += known
    points = np.full((count, joints, 3), np.nan)
    several = seen > 1
    # Parallel rays meet nowhere: a little pulls them towards the reference camera.
    information[several] += 1e-9 * np.eye(3)
    points[several] = np.linalg.solve(information[several], pulled[several][..., None])[..., 0]
    return points


class _State(NamedTuple):
    """What is looked for: the cameras, the points, (P, 3), and how much later each clock is than thought."""

    places: tuple[CameraPlace, ...]
    points: NDArray[np.float64]
    clocks_s: NDArray[np.float64]

    def moved(self, cameras: NDArray, points: NDArray) -> _State:
        """Return the state after a step of the cameras, (cameras, 7), and of the points."""
        places = tuple(
            replace(
                place,
                rotation=Rotation.from_rotvec(step[_ROTATION]).as_matrix() @ place.rotation,
                translation=place.translation + step[_TRANSLATION],
            )
            for place, step in zip(self.places, cameras, strict=True)
        )
        return _State(places, self.points + points, self.clocks_s + cameras[:, _CLOCK])


@dataclass(frozen=True)
class _Observations:
    """What is seen, side by side.

    Attributes:
        used: (K, 16), which joints are points: those that several cameras see.
        camera: (M,), which camera sees.
        point: (M,), which point.
        rays: (M, 2), where.
        speeds: (M, 2), how fast that moves, 1/s.
        distances: (M,), meters, how far away the camera puts the person.
        depths: (M,), meters, how far away along its axis the camera puts the joint.
        depth_stds: (M,), meters, how wrong that may be.
    """

    used: NDArray[np.bool_]
    camera: NDArray[np.int_]
    point: NDArray[np.int_]
    rays: NDArray[np.float64]
    speeds: NDArray[np.float64]
    distances: NDArray[np.float64]
    depths: NDArray[np.float64]
    depth_stds: NDArray[np.float64]

    @classmethod
    def of(cls, sampled: Sequence[Sampled], places: Sequence[CameraPlace], points: NDArray) -> _Observations:
        used = np.isfinite(points[:, :, 0])
        for place in places:  # what is behind a camera by the first idea cannot be seen by it
            with np.errstate(invalid="ignore"):
                used &= ~((points @ place.rotation.T + place.translation)[:, :, 2] < MIN_DEPTH_M)
        numbers = np.cumsum(used).reshape(used.shape) - 1
        columns = []
        for index, each in enumerate(sampled):
            known = each.seen & used
            distances = np.broadcast_to(_middle_depth(each)[:, None], known.shape)
            speeds = np.nan_to_num(each.speeds[known])
            depths, stds = each.places[:, :, 2][known], each.depth_stds[known]
            camera = np.full(len(depths), index)
            columns.append((camera, numbers[known], each.rays[known], speeds, distances[known], depths, stds))
        return cls(used, *(np.concatenate(column) for column in zip(*columns, strict=True)))

    def in_cameras(self, state: _State) -> tuple[NDArray, NDArray]:
        """Return each point, turned to its camera's axes and in its camera's frame, (M, 3) both."""
        rotations = np.stack([place.rotation for place in state.places])[self.camera]
        translations = np.stack([place.translation for place in state.places])[self.camera]
        turned = np.einsum("mij,mj->mi", rotations, state.points[self.point])
        return turned, turned + translations

    def residuals(self, state: _State) -> NDArray[np.float64]:
        """Return how far off joints are, (M, 3), in `SOFT_L1_M`: across the ray twice, and in depth."""
        _, at = self.in_cameras(state)
        depth = np.maximum(at[:, 2:], MIN_DEPTH_M)
        off = at[:, :2] / depth - self.rays - self.speeds * state.clocks_s[self.camera, None]
        further = (at[:, 2] - self.depths) / self.depth_stds
        return np.column_stack([off * self.distances[:, None] / SOFT_L1_M, further])

    def derivatives(self, state: _State) -> tuple[NDArray, NDArray]:
        """Return those of the residuals by the cameras, (M, 3, 7), and by the points, (M, 3, 3)."""
        turned, at = self.in_cameras(state)
        depth = np.maximum(at[:, 2], MIN_DEPTH_M)
        scale = self.distances / SOFT_L1_M
        by_place = np.zeros((len(depth), 3, 3))
        by_place[:, 0, 0] = by_place[:, 1, 1] = scale / depth
        by_place[:, :2, 2] = -at[:, :2] * (scale / depth**2)[:, None]
        by_place[:, 2, 2] = 1.0 / self.depth_stds
        by_camera = np.zeros((len(depth), 3, PER_CAMERA))
        by_camera[:, :, _ROTATION] = -by_place @ _cross_matrices(turned)
        by_camera[:, :, _TRANSLATION] = by_place
        by_camera[:, :2, _CLOCK] = -self.speeds * scale[:, None]
        rotations = np.stack([place.rotation for place in state.places])[self.camera]
        return by_camera, by_place @ rotations

    def cost(self, state: _State) -> float:
        """Return the soft L1 loss."""
        return float(np.sum(np.sqrt(1.0 + self.residuals(state) ** 2) - 1.0))


class _Equations(NamedTuple):
    """The normal equations of a step; those of the cameras are (7 cameras), of the points (P, 3).

    Attributes:
        of_cameras: (7 cameras, 7 cameras).
        of_points: (P, 3, 3).
        mixed: (7 cameras, P, 3).
        pull: (7 cameras,), downhill.
        point_pull: (P, 3), downhill.
    """

    of_cameras: NDArray[np.float64]
    of_points: NDArray[np.float64]
    mixed: NDArray[np.float64]
    pull: NDArray[np.float64]
    point_pull: NDArray[np.float64]

    @classmethod
    def of(cls, seen: _Observations, state: _State) -> _Equations:
        residuals = seen.residuals(state)
        weights = 1.0 / np.sqrt(1.0 + residuals**2)
        by_camera, by_point = seen.derivatives(state)
        weighted = by_camera * weights[:, :, None], by_point * weights[:, :, None]
        count, points = len(state.places), len(state.points)
        of_cameras, pull = np.zeros((count, PER_CAMERA, count, PER_CAMERA)), np.zeros((count, PER_CAMERA))
        mixed = np.zeros((count, PER_CAMERA, points, 3))
        of_points, point_pull = np.zeros((points, 3, 3)), np.zeros((points, 3))
        for camera in range(count):
            (mine,) = np.nonzero(seen.camera == camera)
            at = seen.point[mine]  # no point twice
            off = residuals[mine]
            of_points[at] += _outer(weighted[1][mine], by_point[mine])
            point_pull[at] -= np.einsum("mri,mr->mi", weighted[1][mine], off)
            if camera:  # the first one stays
                of_cameras[camera, :, camera] = _outer(weighted[0][mine], by_camera[mine]).sum(axis=0)
                pull[camera] = -np.einsum("mri,mr->i", weighted[0][mine], off)
                mixed[camera, :, at] = _outer(weighted[0][mine], by_point[mine])
        size = count * PER_CAMERA
        return cls(
            of_cameras.reshape(size, size),
            of_points,
            mixed.reshape(size, points, 3),
            pull.ravel(),
            point_pull,
        )

    def step(self, damping: float) -> tuple[NDArray, NDArray]:
        """Return the step of the cameras, (cameras, 7), and of the points, (P, 3)."""
        inverse = np.linalg.inv(self.of_points * (1.0 + damping * np.eye(3)))
        reduced, eliminated = self._reduced(inverse)
        reduced += np.diag(damping * self.of_cameras.diagonal())
        pull = self.pull - np.einsum("cpi,pi->c", eliminated, self.point_pull)
        free = slice(PER_CAMERA, None)
        cameras = np.zeros(len(pull))
        cameras[free] = np.linalg.lstsq(reduced[free, free], pull[free])[0]
        left = self.point_pull - np.einsum("cpi,c->pi", self.mixed, cameras)
        return cameras.reshape(-1, PER_CAMERA), np.einsum("pij,pj->pi", inverse, left)

    def covariance(self) -> NDArray[np.float64]:
        """Return that of the cameras, (7 cameras, 7 cameras), if residuals deviate by one."""
        reduced, _ = self._reduced(np.linalg.inv(self.of_points))
        return np.linalg.pinv(reduced, hermitian=True)

    def _reduced(self, inverse: NDArray) -> tuple[NDArray, NDArray]:
        """Return what is left of the cameras' equations without the points: Schur's complement."""
        size = len(self.pull)
        eliminated = np.matmul(self.mixed[:, :, None], inverse)[:, :, 0]
        return self.of_cameras - eliminated.reshape(size, -1) @ self.mixed.reshape(size, -1).T, eliminated


def _result(seen: _Observations, state: _State, focals_px: Sequence[float]) -> Adjusted:
    points = np.full((*seen.used.shape, 3), np.nan)
    points[seen.used] = state.points
    off_m = np.hypot(*seen.residuals(state)[:, :2].T) * SOFT_L1_M
    where = np.flatnonzero(seen.used)[seen.point]
    errors_m, errors_px = [], []
    for index, focal_px in enumerate(focals_px):
        mine = seen.camera == index
        meters, pixels = (np.full(seen.used.size, np.nan) for _ in range(2))
        meters[where[mine]] = off_m[mine]
        pixels[where[mine]] = off_m[mine] / seen.distances[mine] * focal_px
        errors_m.append(meters.reshape(seen.used.shape))
        errors_px.append(pixels.reshape(seen.used.shape))
    places = [
        replace(place, offset_s=place.offset_s + float(clock_s))
        for place, clock_s in zip(state.places, state.clocks_s, strict=True)
    ]
    variance = (float(np.median(off_m)) / _RAYLEIGH_MEDIAN / SOFT_L1_M) ** 2 / INDEPENDENT_SHARE
    covariance = variance * _Equations.of(seen, state).covariance()
    stds = np.sqrt(np.maximum(covariance.diagonal(), 0.0)).reshape(-1, PER_CAMERA)
    return Adjusted(places, points, errors_px, errors_m, stds)


def _outer(derivatives: NDArray, others: NDArray) -> NDArray[np.float64]:
    """Return the products of the derivatives of each observation, (M, i, j), of (M, 3, i) and (M, 3, j)."""
    return np.matmul(derivatives.transpose(0, 2, 1), others)


def _middle_depth(sampled: Sampled) -> NDArray[np.float64]:
    """Return how far away the person is at each time, (K,), meters; NaN where nobody is seen."""
    seen = sampled.seen
    depths = np.where(seen, sampled.places[:, :, 2], 0.0).sum(axis=1)
    return np.divide(depths, seen.sum(axis=1), out=np.full(len(seen), np.nan), where=seen.any(axis=1))


def _cross_matrices(vectors: NDArray) -> NDArray[np.float64]:
    """Return the matrices that take the cross product with each of (M, 3) vectors, (M, 3, 3)."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    return np.stack(
        [np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)], -2
    )
