# SPDX-License-Identifier: Apache-2.0
"""One person over time, whatever cameras see them: where the landmarks are, from the cameras' rays."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.fusion.identity_gate import ExpectedPerson
from blazepose_ros.core.fusion.limb_lengths import LimbLengths
from blazepose_ros.core.fusion.sightings import PersonSighting
from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.core.timestamps import NS_PER_MS, NS_PER_S
from blazepose_ros.core.types import HipCenter, Placement, Pose, covariance_matrices, upper_triangle

# How far a camera's landmark is from where it is: across the ray of its pixel, in meters and as a share of
# the distance, and along it, besides how wrong the hips' distance is. One standard deviation.
ACROSS_STD_M, ACROSS_SHARE = 0.02, 0.004
ALONG_STD_M = 0.08
# Hidden landmarks are no worse than so many times a visible one: the model knows bodies.
MIN_VISIBILITY = 0.1

# Beyond so many deviations a camera's landmark counts less (Huber's loss).
HUBER_DEVIATIONS = 2.5
ROUNDS = 4
# Where weights change by less, the next round would move nobody by a millimeter.
SETTLED = 0.01

# What all cameras have in common: the model's joints are not quite those of anatomy. With four cameras,
# whose noise evens out, joints remain 3.7 to 4.0 cm off in space: 2.4 cm along an axis.
COMMON_STD_M = 0.024

_IDENTITY = np.eye(3)


@dataclass(frozen=True)
class FusedLandmarks:
    """A person's landmarks in the fusion frame.

    Attributes:
        places: (33, 3), meters.
        scatter: (33, 3, 3), square meters: the covariances, but for what all cameras have in common.
        weights: (cameras, 33), how much of each camera's landmark counts, 0 to 1; little for an outlier.
    """

    places: NDArray[np.float64]
    scatter: NDArray[np.float64]
    weights: NDArray[np.float64]

    @property
    def covariances(self) -> NDArray[np.float64]:
        """(33, 3, 3), square meters, of the places."""
        return self.scatter + COMMON_STD_M**2 * _IDENTITY


def fuse_landmarks(sightings: Sequence[PersonSighting]) -> FusedLandmarks:
    """Return where the landmarks of a person are.

    An information filter for each landmark: each camera gives a Gaussian on the ray of its pixel,
    narrow across it and long along it; their information adds up. Outliers lose weight in some rounds
    (iteratively reweighted least squares).

    Args:
        sightings: of one person at one time, one for each camera.
    """
    places = np.array([sighting.places.T for sighting in sightings])
    rays = places - np.array([sighting.origin for sighting in sightings])[..., None]
    across, lengthwise = _information_of(rays, sightings)
    facts = _facts(places, rays, across, lengthwise)
    weights = np.ones(across.shape)
    fused = triangles = np.empty(0)
    for _ in range(ROUNDS):
        triangles, fused = _solved(np.add.reduce(weights[:, None] * facts))
        apart = places - fused
        squares = across * _dot(apart, apart) + lengthwise * _dot(rays, apart) ** 2
        before, weights = weights, HUBER_DEVIATIONS / np.sqrt(np.maximum(squares, HUBER_DEVIATIONS**2))
        if np.abs(weights - before).max() < SETTLED:
            break
    return FusedLandmarks(fused.T, covariance_matrices(triangles.T), weights)


# In what follows the landmarks come last: numpy takes long for many small matrices, not for long rows.
_ROWS, _COLUMNS = np.triu_indices(3)
_DIAGONAL = np.flatnonzero(_ROWS == _COLUMNS)


def _dot(first: NDArray, second: NDArray) -> NDArray[np.float64]:
    """Return the scalar products, (cameras, 33), of vectors, (cameras, 3, 33)."""
    return np.einsum("cil,cil->cl", first, second)


def _information_of(rays: NDArray, sightings: Sequence[PersonSighting]) -> tuple[NDArray, NDArray]:
    """Return what the cameras know of the landmarks: across the rays, and how much more along them.

    The inverse covariances are ``across * I + lengthwise * ray @ ray.T``, each factor (cameras, 33).

    Args:
        rays: (cameras, 3, 33), meters, from the cameras to the landmarks.
        sightings: one for each camera.
    """
    squares = _dot(rays, rays)
    seen = np.maximum(np.array([sighting.visibility for sighting in sightings]), MIN_VISIBILITY)
    hips_variances = np.array([[max(sighting.hips_variance, 0.0)] for sighting in sightings])
    across = seen / (ACROSS_STD_M**2 + ACROSS_SHARE**2 * squares)
    along = seen / (ALONG_STD_M**2 + hips_variances)
    return across, (along - across) / squares


def _facts(places: NDArray, rays: NDArray, across: NDArray, lengthwise: NDArray) -> NDArray[np.float64]:
    """Return the cameras' equations for the places, (cameras, 9, 33): upper triangles and right sides."""
    facts = np.empty((len(places), 9, NUM_LANDMARKS))
    facts[:, :6] = rays[:, _ROWS] * rays[:, _COLUMNS] * lengthwise[:, None]
    facts[:, _DIAGONAL] += across[:, None]
    facts[:, 6:] = across[:, None] * places + (lengthwise * _dot(rays, places))[:, None] * rays
    return facts


def _solved(equations: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the upper triangles of the inverses, (6, 33), and the solutions, (3, 33), of equations, (9, 33).

    By Cramer's rule, which is exact enough where no direction is known a thousand times as well as another.
    """
    xx, xy, xz, yy, yz, zz, x, y, z = equations
    adjugate = np.array(
        [
            yy * zz - yz * yz,
            xz * yz - xy * zz,
            xy * yz - xz * yy,
            xx * zz - xz * xz,
            xy * xz - xx * yz,
            xx * yy - xy * xy,
        ]
    )
    inverse = adjugate / (xx * adjugate[0] + xy * adjugate[1] + xz * adjugate[2])
    a, b, c, d, e, f = inverse
    return inverse, np.array([a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z])


# Where a camera comes or goes, people glide to where the others see them: one camera alone may be off
# by a meter and a half, and robots that follow do not like steps above 10 cm.
GLIDE_S = 0.5
# Less than this is not worth gliding.
GLIDE_END_M = 0.001
# After so long a time without the person there is nothing to glide from, nor where someone has just
# appeared to one camera: the other ones will see them in a moment.
GLIDE_GAP_NS = 500 * NS_PER_MS
# The hips' velocity is the slope of a line through their last places.
VELOCITY_NS = 250 * NS_PER_MS
MIN_PLACES = 3

HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
# So long, and with so much change of velocity, one deviation, it is known where someone goes: who walks.
EXPECTED_NS = 500 * NS_PER_MS
ACCELERATION_STD_MPS2 = 3.0
_UNKNOWN_SCREEN = np.full((NUM_LANDMARKS, 3), np.nan, np.float32)


class _Output(NamedTuple):
    """Where a person was said to be: a time, the cameras, the landmarks (33, 3) and the hips (3,), meters."""

    stamp_ns: int
    cameras: tuple[str, ...]
    places: NDArray[np.float64]
    hips: NDArray[np.float64]


class _LastFused(NamedTuple):
    """Where several cameras saw a person: a time, the landmarks, and the hips' velocity, (3,), m/s."""

    stamp_ns: int
    landmarks: FusedLandmarks
    velocity: NDArray[np.float64]


class FusedPerson:
    """What is remembered of one person: where they were, and the way they still have to glide.

    Attributes:
        seen_ns: when they were seen last.
    """

    def __init__(self, person_id: int) -> None:
        self._person_id = person_id
        self._outputs: deque[_Output] = deque()
        self._since_ns = 0
        self._glide = np.zeros((NUM_LANDMARKS + 1, 3))
        self._last_fused: _LastFused | None = None
        self._limbs = LimbLengths()

    @property
    def seen_ns(self) -> int:
        """When the person was seen last."""
        return self._outputs[-1].stamp_ns if self._outputs else 0

    def update(self, sightings: Sequence[PersonSighting], stamp_ns: int, *, primary: bool = False) -> Pose:
        """Return the person at a time.

        Args:
            sightings: of the cameras that see them then.
            stamp_ns: the time, after the one before.
            primary: whether this is the primary person.
        """
        landmarks = self._landmarks(sightings, stamp_ns) if len(sightings) > 1 else None
        pose = _alone(sightings[0]) if landmarks is None else _fused(sightings, landmarks)
        center = pose.hip_center
        assert center is not None
        cameras = tuple(each.camera for each in sightings)
        points = np.empty((NUM_LANDMARKS + 1, 3))
        points[:-1], points[-1] = pose.world + center.position, center.position
        points += self._glided(points, cameras, stamp_ns)
        places, hips = points[:-1], points[-1]
        self._outputs.append(_Output(stamp_ns, cameras, places, hips))
        while self._outputs[0].stamp_ns < stamp_ns - VELOCITY_NS:
            self._outputs.popleft()
        covariances = pose.landmark_covariances
        if self._glide.any():
            off = self._glide[-1][:, None] * self._glide[-1]
            center = replace(center, position=hips, covariance=center.covariance + off)
            covariances = covariances + self._glide_covariances()
        if landmarks is not None:
            center = self._moving(center)
            self._last_fused = _LastFused(stamp_ns, landmarks, center.velocity)
        return replace(
            pose,
            person_id=self._person_id,
            primary=primary,
            world=(places - hips).astype(np.float32),
            hip_center=center,
            landmark_covariances=covariances,
        )

    def _landmarks(self, sightings: Sequence[PersonSighting], stamp_ns: int) -> FusedLandmarks:
        fused = fuse_landmarks(sightings)
        places, scatter = self._limbs.held(fused.places, fused.scatter, stamp_ns)
        return replace(fused, places=places, scatter=scatter)

    def expected(self, stamp_ns: int) -> ExpectedPerson | None:
        """Return where the person has to be at a time; None where several cameras have not just seen them.

        Args:
            stamp_ns: the time, after that of the last update.
        """
        if self._last_fused is None or not 0 < stamp_ns - self._last_fused.stamp_ns <= EXPECTED_NS:
            return None
        elapsed_s = (stamp_ns - self._last_fused.stamp_ns) / NS_PER_S
        landmarks, velocity = self._last_fused.landmarks, self._last_fused.velocity
        across = ACROSS_STD_M**2 + (ACCELERATION_STD_MPS2 * elapsed_s**2 / 2.0) ** 2
        covariances = landmarks.covariances + across * _IDENTITY
        speed_mps = float(np.linalg.norm(velocity))
        if math.isnan(speed_mps):
            return None
        return ExpectedPerson(landmarks.places + velocity * elapsed_s, covariances, speed_mps)

    def _glided(self, points: NDArray, cameras: tuple[str, ...], stamp_ns: int) -> NDArray[np.float64]:
        """Return what to add to the points, (34, 3), so that they go on from where they were."""
        last = self._outputs[-1] if self._outputs else None
        if last is None or not 0 <= stamp_ns - last.stamp_ns <= GLIDE_GAP_NS:
            self._outputs.clear()
            self._since_ns = stamp_ns
            self._glide = np.zeros_like(points)
            return self._glide
        elapsed_ns = stamp_ns - last.stamp_ns
        fused_ns = self._since_ns if self._last_fused is None else self._last_fused.stamp_ns
        is_settled = fused_ns > self._since_ns or stamp_ns - self._since_ns > GLIDE_GAP_NS
        if cameras != last.cameras and is_settled:
            velocity, _ = self._velocity()
            gone_on = np.nan_to_num(velocity) * elapsed_ns / NS_PER_S
            self._glide = np.vstack([last.places, last.hips]) + gone_on - points
        self._glide = self._glide * math.exp(-elapsed_ns / NS_PER_S / GLIDE_S)
        if np.abs(self._glide).max() < GLIDE_END_M:
            self._glide = np.zeros_like(points)
        return self._glide

    def _glide_covariances(self) -> NDArray[np.float32]:
        glide = self._glide[:-1]
        return upper_triangle(glide[:, :, None] * glide[:, None, :]).astype(np.float32)

    def _velocity(self) -> tuple[NDArray[np.float64], float]:
        """Return the hips' velocity, (3,), and the sum of squared seconds it rests on; NaN for unknown."""
        if len(self._outputs) < MIN_PLACES:
            return np.full(3, np.nan), math.nan
        times_s = np.array([(each.stamp_ns - self._outputs[0].stamp_ns) / NS_PER_S for each in self._outputs])
        times_s -= times_s.mean()
        squares = float(times_s @ times_s)
        return times_s @ np.array([each.hips for each in self._outputs]) / squares, squares

    def _moving(self, center: HipCenter) -> HipCenter:
        velocity, squares = self._velocity()
        if math.isnan(squares):
            return replace(center, velocity=velocity, velocity_covariance=np.full((3, 3), np.nan))
        scatter = center.covariance - COMMON_STD_M**2 * np.eye(3)
        return replace(center, velocity=velocity, velocity_covariance=scatter / squares)


def _alone(sighting: PersonSighting) -> Pose:
    """Return a person whom one camera sees, as this camera places them."""
    return replace(sighting.placed(), screen=_UNKNOWN_SCREEN, mask=None)


def _fused(sightings: Sequence[PersonSighting], landmarks: FusedLandmarks) -> Pose:
    """Return a person whom several cameras see, of where the landmarks are."""
    hips = landmarks.places[HIPS].mean(axis=0)
    scatter = landmarks.scatter[HIPS].sum(axis=0) / len(HIPS) ** 2
    people = [sighting.person for sighting in sightings]
    stature_m, stature_std_m = _stature(people)
    scores = [person.score for person in people if not math.isnan(person.score)]
    return Pose(
        screen=_UNKNOWN_SCREEN,
        visibility=_best([sighting.visibility for sighting in sightings]).astype(np.float32),
        presence=_best([person.presence for person in people]),
        world=(landmarks.places - hips).astype(np.float32),
        score=max(scores, default=math.nan),
        hip_center=HipCenter(hips, scatter + COMMON_STD_M**2 * np.eye(3), Placement.FUSED),
        status=reduce(and_, (person.status for person in people)),
        landmark_covariances=upper_triangle(landmarks.covariances).astype(np.float32),
        stature_m=stature_m,
        stature_std_m=stature_std_m,
    )


def _best(shares: Sequence[NDArray]) -> NDArray:
    """Return the largest of the cameras' shares for each landmark, (33,)."""
    return np.maximum.reduce(np.array(shares))


def _stature(people: Sequence[Pose]) -> tuple[float, float]:
    """Return the cameras' mean stature by inverse variances, and its deviation; NaN where none knows it.

    They err together, as all know people by the same model: the deviation is the least of theirs.
    """
    known = [
        person
        for person in people
        if 0.0 < person.stature_std_m < math.inf and math.isfinite(person.stature_m)
    ]
    if not known:
        return math.nan, math.nan
    weights = np.array([person.stature_std_m**-2 for person in known])
    statures = np.array([person.stature_m for person in known])
    return float(weights @ statures / weights.sum()), min(person.stature_std_m for person in known)
