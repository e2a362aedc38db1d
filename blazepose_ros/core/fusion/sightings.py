# SPDX-License-Identifier: Apache-2.0
"""What a camera says of the people in an image, in the frame that all cameras share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.placement.translation_fit import FURTHEST_M, MAX_TANGENT, PIXEL_CENTER_PX
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import HipCenter, Pose, Status, covariance_matrices, upper_triangle


@dataclass(frozen=True)
class CameraView:
    """The people in one image of a camera, and where the camera was.

    Attributes:
        camera: the camera's name.
        stamp_ns: when the image was taken, by the camera's clock.
        camera_pose: of the camera's optical frame in the fusion frame at that time.
        people: those in the image, in the optical frame; each with an id of this camera's.
        lens: the camera at the image's size. Its pixels tell best where a landmark is; without it
            the directions are those of the body as it was placed.
    """

    camera: str
    stamp_ns: int
    camera_pose: Rigid
    people: tuple[Pose, ...]
    lens: CameraModel | None = None

    @cached_property
    def flaws(self) -> tuple[str, ...]:
        """Which numbers of each person who is placed cannot be; or nothing."""
        return tuple("" if person.hip_center is None else flaw(person) for person in self.people)

    def sightings(self) -> list[PersonSighting]:
        """Return the people who can be fused: those that a calibrated camera has placed."""
        return [
            _sighting(self, person, person.hip_center)
            for person, found in zip(self.people, self.flaws, strict=True)
            if person.hip_center is not None and Status.UNCALIBRATED not in person.status and not found
        ]


@dataclass(frozen=True)
class PersonSighting:
    """One person as one camera sees them at a time, in the fusion frame.

    Attributes:
        camera: the camera's name.
        person: as this camera places them in the nearest image, in its optical frame.
        camera_pose: of the optical frame in the fusion frame then.
        hips_variance: square meters, how wrong the hips' distance from the camera is.
        origin: (3,), meters, where the camera is.
        places: (33, 3), meters, the landmarks on the rays of their pixels, as far away as they are placed.
        visibility: (33,), 0 to 1.
        velocities: (33, 3), meters per second, of the places; NaN where they are not known.
        towards: between two images the person in the other one, and the share of the way there.
        ahead_s: how long after the last image it is.
    """

    camera: str
    person: Pose
    camera_pose: Rigid
    hips_variance: float
    origin: NDArray[np.float64]
    places: NDArray[np.float64]
    visibility: NDArray[np.float64]
    velocities: NDArray[np.float64]
    towards: tuple[PersonSighting, float] | None = None
    ahead_s: float = 0.0

    @property
    def key(self) -> tuple[str, int]:
        """The camera and the id that it has given the person."""
        return self.camera, self.person.person_id

    def moving(self, earlier: PersonSighting, elapsed_s: float) -> PersonSighting:
        """Return this sighting with the velocities since an earlier one."""
        return self._changed(velocities=(self.places - earlier.places) / elapsed_s)

    def shifted(self, ahead_s: float) -> PersonSighting:
        """Return where the person is a moment later, if they go on as they did."""
        if np.isnan(self.velocities[0, 0]):
            return self
        return self._changed(places=self.places + self.velocities * ahead_s, ahead_s=ahead_s)

    def placed(self) -> Pose:
        """Return the person as this camera alone places them, in the fusion frame."""
        person = in_frame(self.person, self.camera_pose)
        hips = person.hip_center
        assert hips is not None
        if self.towards is not None:
            other, share = in_frame(self.towards[0].person, self.towards[0].camera_pose), self.towards[1]
            assert other.hip_center is not None
            position = _mixed(hips.position, other.hip_center.position, share)
            world = _mixed(person.world, other.world, share).astype(np.float32)
            return replace(person, world=world, hip_center=replace(hips, position=position))
        if self.ahead_s:
            position = hips.position + np.mean(self.velocities, axis=0) * self.ahead_s
            return replace(person, hip_center=replace(hips, position=position))
        return person

    def _changed(self, **fields: Any) -> PersonSighting:
        """Return what ``replace`` returns, in a fraction of the time: there are some hundred a second."""
        changed = object.__new__(PersonSighting)
        vars(changed).update(vars(self), **fields)
        return changed


def between(earlier: PersonSighting, later: PersonSighting, share: float) -> PersonSighting:
    """Return a person between two images of one camera, at a share of the way from the earlier one."""
    is_later = share > 0.5
    nearer, towards = (later, (earlier, 1.0 - share)) if is_later else (earlier, (later, share))
    is_moving = earlier.origin is not later.origin
    return nearer._changed(
        origin=_mixed(earlier.origin, later.origin, share) if is_moving else nearer.origin,
        places=_mixed(earlier.places, later.places, share),
        visibility=_mixed(earlier.visibility, later.visibility, share),
        towards=towards,
    )


def _mixed(first: NDArray, second: NDArray, share: float) -> NDArray:
    return first + (second - first) * share


def in_frame(person: Pose, camera_pose: Rigid) -> Pose:
    """Return a person who is placed in the frame in which their camera's pose is given."""
    rotation, hips = camera_pose.rotation, person.hip_center
    assert hips is not None
    covariances = rotation @ covariance_matrices(person.landmark_covariances) @ rotation.T
    return replace(
        person,
        world=(person.world @ rotation.T).astype(np.float32),
        landmark_covariances=upper_triangle(covariances).astype(np.float32),
        hip_center=HipCenter(
            rotation @ hips.position + camera_pose.translation,
            rotation @ hips.covariance @ rotation.T,
            hips.source,
            rotation @ hips.velocity,
            rotation @ hips.velocity_covariance @ rotation.T,
        ),
    )


def flaw(person: Pose) -> str:
    """Return which numbers of a person who is placed cannot be; or nothing."""
    hips = person.hip_center
    assert hips is not None
    # What is not a number stays so in sums and extremes, and any comparison with it is false.
    away = np.maximum.reduce(np.abs(person.world + hips.position), axis=1)
    if not np.maximum.reduce(away) < FURTHEST_M:
        return "a landmark is not a number, or too far away"
    if min(np.minimum.reduce(away), max(map(abs, hips.position.tolist()))) < NEAREST_M:
        return "a landmark, or the hip center, is in the camera"
    seen = person.visibility
    if not (np.minimum.reduce(seen) >= 0.0 and np.maximum.reduce(seen) <= MAX_VISIBILITY):
        return "a visibility is not from 0 to 1"
    numbers = hips.covariance.ravel().tolist()
    if not (sum(map(abs, numbers)) < FURTHEST_M and min(numbers[::4]) >= 0.0):
        return "the covariance of the hip center is none"
    return ""


# Nearer than this there is no lens, and a ray has no direction.
NEAREST_M = 0.001
# Rounding may leave a visibility a little above 1.
MAX_VISIBILITY = 1.001
_UNKNOWN_VELOCITIES = np.full((33, 3), np.nan)


def _sighting(view: CameraView, person: Pose, hips: HipCenter) -> PersonSighting:
    pose, at = view.camera_pose, hips.position
    placed = person.world + at
    seen = placed if view.lens is None else _on_pixels(placed, person, view.lens)
    return PersonSighting(
        view.camera,
        person,
        pose,
        float(at @ hips.covariance @ at) / float(at @ at),
        pose.translation,
        seen @ pose.rotation.T + pose.translation,
        person.visibility.astype(np.float64),
        _UNKNOWN_VELOCITIES,
    )


def _on_pixels(placed: NDArray, person: Pose, lens: CameraModel) -> NDArray[np.float64]:
    """Return the landmarks, (33, 3), as far away as they are placed, but on the rays of their pixels.

    Where no ray belongs to a pixel, as far outside of the image, a landmark stays.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # of pixels that are nowhere
        rays = np.ones_like(placed)
        rays[:, :2] = lens.normalize(person.screen[:, :2] - PIXEL_CENTER_PX)
        longer = np.einsum("li,li->l", placed, placed) / np.einsum("li,li->l", rays, rays)
        moved = rays * np.sqrt(longer)[:, None]
        known = np.maximum.reduce(np.abs(rays[:, :2]), axis=1) < MAX_TANGENT
    return moved if known.all() else np.where(known[:, None], moved, placed)


# How long a velocity is measured over: limbs go on so long, and noise is evened out.
VELOCITY_NS = NS_PER_S // 10
