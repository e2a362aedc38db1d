# SPDX-License-Identifier: Apache-2.0
"""Where several cameras are, from one person who walks about before all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.extrinsics.alignment import MAX_OFFSET_S, MIN_SHARED, CameraPlace, chain
from blazepose_ros.core.extrinsics.bundle_adjustment import INDEPENDENT_SHARE, Adjusted, adjust, triangulate
from blazepose_ros.core.extrinsics.sightings import JOINTS, CameraSightings, common_times
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.floor_calibration import LEAN_PITCH_STD
from blazepose_ros.core.placement.floor_range import HEEL
from blazepose_ros.core.placement.range_filter import KNOWN_STATURE_STD

# Joints are sampled anew at the offsets of the clocks that have been found.
ROUNDS = 2
# Which heel stands depends on where up is, and the other way round.
FLOOR_ROUNDS = 4
# The lower heel is off the floor by so much, as a rule.
HEEL_STD_M = 0.03
# A walk is as long and as wide as an even one with the same deviations: their square root of 12 fold.
_EVEN = math.sqrt(12.0)
# Who shifts their weight from one foot to the other moves by less than this.
MIN_LENGTH_M = 0.4
# Who walks straight ahead sways by less; then the cameras' turn about that line is hardly seen.
MIN_WIDTH_M = 0.12
# Worse than this, the places of cameras do harm, and a longer walk mends it.
GOOD_ROTATION_STD_DEG, GOOD_POSITION_STD_M = 1.5, 0.08
# BlazePose marks joints of different sides 1 to 2 cm apart; beyond this a camera or a person is another one.
GOOD_ERROR_M = 0.04
# From here on a late camera costs accuracy that its offset gives back.
LATE_S = 0.015
GOOD_SCALE_STD = 0.03

_HIPS = [JOINTS.index(Landmark.LEFT_HIP), JOINTS.index(Landmark.RIGHT_HIP)]
_SHOULDERS = [JOINTS.index(Landmark.LEFT_SHOULDER), JOINTS.index(Landmark.RIGHT_SHOULDER)]
_ANKLES = [JOINTS.index(Landmark.LEFT_ANKLE), JOINTS.index(Landmark.RIGHT_ANKLE)]
_HEELS = [JOINTS.index(Landmark.LEFT_HEEL), JOINTS.index(Landmark.RIGHT_HEEL)]


class ExtrinsicCalibrationError(BlazePoseError, ValueError):
    """What was seen does not tell where the cameras are; the message says what is missing."""


@dataclass(frozen=True)
class Baseline:
    """A distance between two cameras that was measured.

    Attributes:
        first: the optical frame of one camera.
        second: that of the other one.
        length_m: from lens to lens.
    """

    first: str
    second: str
    length_m: float


@dataclass(frozen=True)
class CalibratedCamera:
    """A camera whose place was found.

    Attributes:
        name: its optical frame.
        place: where it is, as the first camera sees it.
        times: at how many common times it saw the person.
        error_px: how far off joints are in its images, the median.
        error_m: likewise, in meters at the person.
        rotation_std_deg: one standard deviation of its axes.
        position_std_m: one standard deviation of its place.
    """

    name: str
    place: CameraPlace
    times: int
    error_px: float
    error_m: float
    rotation_std_deg: float
    position_std_m: float


@dataclass(frozen=True)
class ExtrinsicCalibration:
    """Where cameras are; everything is in the optical axes of the first one.

    Attributes:
        cameras: the first one is the reference.
        left_out: the optical frames of cameras that could not be placed -> why.
        path: (K, 3), meters, the hips of the person; NaN where fewer than two cameras see them.
        up: (3,), the unit vector upwards, from the person's ankles to the shoulders.
        height_m: of the first camera above the floor that the person walked on.
        times_s: (K,), the times of the path, seconds.
        length_m: of the walk.
        width_m: of the walk.
        scale_std: one standard deviation of all lengths, as a share of them.
    """

    cameras: Sequence[CalibratedCamera]
    left_out: Mapping[str, str]
    path: NDArray[np.float64]
    up: NDArray[np.float64]
    height_m: float
    times_s: NDArray[np.float64]
    length_m: float
    width_m: float
    scale_std: float

    @property
    def level_axes(self) -> NDArray[np.float64]:
        """The first camera's rotation on the floor, (3, 3): x ahead, y to the left, z upwards."""
        ahead = np.array([0.0, 0.0, 1.0]) - self.up[2] * self.up
        if np.linalg.norm(ahead) < 1e-3:
            ahead = np.array([0.0, -1.0, 0.0])  # it looks straight down: ahead is the image's top
        ahead /= np.linalg.norm(ahead)
        return np.array([ahead, np.cross(self.up, ahead), self.up])

    def advice(self) -> Iterator[str]:
        """Yield what is not good enough, and what to do about it."""
        if self.scale_std > GOOD_SCALE_STD:
            yield (
                f"all lengths may be wrong by {100 * self.scale_std:.0f} %, since nobody knows how tall the"
                " person is: give --person-height, or a --baseline that you have measured"
            )
        for camera in self.cameras:
            if camera.error_m > GOOD_ERROR_M:
                yield (
                    f"{camera.name}: joints are off by {100 * camera.error_m:.1f} cm: check its camera_info,"
                    " that nobody else walks about, and that it does not move"
                )
            if camera.rotation_std_deg > GOOD_ROTATION_STD_DEG or camera.position_std_m > GOOD_POSITION_STD_M:
                yield (
                    f"{camera.name} may be off by {camera.rotation_std_deg:.1f} degrees and"
                    f" {100 * camera.position_std_m:.0f} cm: walk longer, and over all of what it sees"
                    " together with the others"
                )
            if abs(camera.place.offset_s) > LATE_S:
                when = "late" if camera.place.offset_s > 0.0 else "early"
                yield (
                    f"{camera.name}: stamps are {1000 * abs(camera.place.offset_s):.0f} ms {when}:"
                    " synchronize the clocks (chrony, PTP); the fusion estimates what is left"
                )


def calibrate_cameras(
    sightings: Sequence[CameraSightings],
    guess: Mapping[str, CameraPlace] | None = None,
    baseline: Baseline | None = None,
    *,
    person_height_known: bool = False,
) -> ExtrinsicCalibration:
    """Return where cameras are that have seen one person at the same times.

    Args:
        sightings: what each camera has seen; the first one with others is the reference.
        guess: where cameras are held to be, by their optical frames, relative to any one frame, as TF has
            it; taken where it fits better than what the person says.
        baseline: a distance between two cameras, which sets the scale.
        person_height_known: whether distances in the sightings rest on the person's measured height.

    Raises:
        ExtrinsicCalibrationError: the walk does not tell; the message says why and what to do.
    """
    cameras = [each for each in sightings if len(each.stamps_s)]
    if len(cameras) < 2:
        names = ", ".join(each.name for each in cameras) or "none"
        raise ExtrinsicCalibrationError(
            f"at least two cameras have to see the person; these do: {names}. A single camera has no place in"
            " relation to others"
        )
    times_s = common_times(cameras)
    start = _start(cameras, times_s, guess or {})
    used = [cameras[index] for index in sorted(start)]
    adjusted = _adjust(used, times_s, [start[index] for index in sorted(start)])
    if baseline is not None:
        adjusted = _scaled(adjusted, _scale(adjusted, used, baseline))
    _check_walk(adjusted.points)
    left_out = {each.name: _why_not(each, cameras) for each in cameras if each not in used}
    left_out |= {each.name: "it sees nobody" for each in sightings if not len(each.stamps_s)}
    scale_std = _scale_std(used, baseline, person_height_known=person_height_known)
    return _calibration(used, adjusted, times_s, left_out, scale_std)


def _start(
    cameras: Sequence[CameraSightings], times_s: NDArray, guess: Mapping[str, CameraPlace]
) -> dict[int, CameraPlace]:
    """Return a first idea of where cameras are, by their index; the first one is the reference."""
    places = chain(cameras, times_s)
    if len(places) < 2:
        names = " and ".join(each.name for each in cameras)
        raise ExtrinsicCalibrationError(
            f"{names} have too few images of the same person at the same times: {MIN_SHARED} are needed, in"
            f" which both see the person, with clocks that differ by less than {MAX_OFFSET_S:g} s"
        )
    if all(cameras[index].name in guess for index in places):
        reference = guess[cameras[0].name].inverse()
        given = {
            index: replace(guess[cameras[index].name].after(reference), offset_s=place.offset_s)
            for index, place in places.items()
        }
        if _misfit(cameras, times_s, given) < _misfit(cameras, times_s, places):
            return given
    return places


def _misfit(cameras: Sequence[CameraSightings], times_s: NDArray, places: Mapping[int, CameraPlace]) -> float:
    """Return how far points are from the rays that they should be on: the median tangent."""
    sampled = [cameras[index].at(times_s + place.offset_s) for index, place in places.items()]
    points = triangulate(sampled, list(places.values()))
    off = []
    for each, place in zip(sampled, places.values(), strict=True):
        in_camera = points @ place.rotation.T + place.translation
        with np.errstate(invalid="ignore", divide="ignore"):
            off.append(np.linalg.norm(in_camera[:, :, :2] / in_camera[:, :, 2:] - each.rays, axis=2))
    return float(np.nanmedian(off))


def _adjust(cameras: Sequence[CameraSightings], times_s: NDArray, places: Sequence[CameraPlace]) -> Adjusted:
    focals_px = [each.camera.focal_px for each in cameras]
    for _ in range(ROUNDS):
        sampled = [each.at(times_s + place.offset_s) for each, place in zip(cameras, places, strict=True)]
        adjusted = adjust(sampled, places, focals_px)
        places = adjusted.places
    return adjusted


def _scale(adjusted: Adjusted, cameras: Sequence[CameraSightings], baseline: Baseline) -> float:
    centers = {each.name: place.center for each, place in zip(cameras, adjusted.places, strict=True)}
    missing = [name for name in (baseline.first, baseline.second) if name not in centers]
    if missing:
        raise ExtrinsicCalibrationError(
            f"the baseline's camera {missing[0]} is none of those that were placed: {', '.join(centers)}"
        )
    return baseline.length_m / float(np.linalg.norm(centers[baseline.first] - centers[baseline.second]))


def _scaled(adjusted: Adjusted, scale: float) -> Adjusted:
    places = [replace(place, translation=scale * place.translation) for place in adjusted.places]
    stds = adjusted.stds * np.array([1.0, 1.0, 1.0, scale, scale, scale, 1.0])
    errors_m = [scale * each for each in adjusted.errors_m]
    return Adjusted(places, scale * adjusted.points, adjusted.errors_px, errors_m, stds)


def _check_walk(points: NDArray) -> None:
    """Refuse walks that leave places open.

    Raises:
        ExtrinsicCalibrationError: the person stood still, or walked along a straight line.
    """
    length_m, width_m = _extents(points[:, _HIPS].mean(axis=1))
    if length_m < MIN_LENGTH_M:
        raise ExtrinsicCalibrationError(
            f"the person stood still: the hips moved over {length_m:.2f} m. Walk about, over all of the floor"
            " that the cameras share"
        )
    if width_m < MIN_WIDTH_M:
        raise ExtrinsicCalibrationError(
            f"the person walked along a straight line, {length_m:.1f} m long and {width_m:.2f} m wide, about"
            " which the cameras may be turned. Walk criss-cross over all of the floor that the cameras share"
        )


def _extents(path: NDArray) -> tuple[float, float]:
    """Return how long and how wide a path is, meters."""
    known = path[np.isfinite(path).all(axis=1)]
    if len(known) < MIN_SHARED:
        raise ExtrinsicCalibrationError(
            f"the hips were seen by two cameras at {len(known)} times only, at least {MIN_SHARED} are needed"
        )
    spread = np.linalg.svd(known - known.mean(axis=0), compute_uv=False) / math.sqrt(len(known))
    return float(_EVEN * spread[0]), float(_EVEN * spread[1])


def _why_not(camera: CameraSightings, cameras: Sequence[CameraSightings]) -> str:
    others = ", ".join(each.name for each in cameras if each is not camera)
    return f"it has too few images of the same person at the same times as {others}"


def _scale_std(
    cameras: Sequence[CameraSightings], baseline: Baseline | None, *, person_height_known: bool
) -> float:
    """Return how uncertain lengths are; the camera that knows the stature best tells."""
    if baseline is not None:
        return 0.0
    if person_height_known:
        return KNOWN_STATURE_STD
    return min(each.stature_std_m / each.stature_m for each in cameras)


def _calibration(
    cameras: Sequence[CameraSightings],
    adjusted: Adjusted,
    times_s: NDArray,
    left_out: Mapping[str, str],
    scale_std: float,
) -> ExtrinsicCalibration:
    calibrated = [
        CalibratedCamera(
            each.name,
            adjusted.places[index],
            int(np.isfinite(adjusted.errors_px[index]).any(axis=1).sum()),
            float(np.nanmedian(adjusted.errors_px[index])),
            float(np.nanmedian(adjusted.errors_m[index])),
            math.degrees(float(np.linalg.norm(adjusted.stds[index, :3]))),
            float(np.linalg.norm(adjusted.stds[index, 3:6])),
        )
        for index, each in enumerate(cameras)
    ]
    points = adjusted.points
    stature_m = float(np.median([each.stature_m for each in cameras]))
    up, height_m = _floor(points, HEEL * stature_m)
    path = points[:, _HIPS].mean(axis=1)
    return ExtrinsicCalibration(calibrated, left_out, path, up, height_m, times_s, *_extents(path), scale_std)


def _floor(points: NDArray, heel_m: float) -> tuple[NDArray, float]:
    """Return the unit vector upwards, (3,), and how high the first camera is above the floor.

    Bodies are upright in the mean, more or less; the lower heels are all on one plane.

    Args:
        points: (K, 16, 3), meters, the joints in the axes of the first camera.
        heel_m: how high a heel is above the floor it stands on.
    """
    bodies = points[:, _SHOULDERS].mean(axis=1) - points[:, _ANKLES].mean(axis=1)
    upright = np.nanmean(bodies / np.linalg.norm(bodies, axis=1, keepdims=True), axis=0)
    up = upright = upright / np.linalg.norm(upright)
    heels = points[:, _HEELS]
    heels = heels[np.isfinite(heels).all(axis=(1, 2))]
    standing = heels[:, 0]
    for _ in range(FLOOR_ROUNDS if len(heels) else 0):
        lower = np.argmin(heels @ up, axis=1)
        standing = heels[np.arange(len(heels)), lower]
        off = standing - standing.mean(axis=0)
        weight = INDEPENDENT_SHARE / HEEL_STD_M**2
        up = np.linalg.solve(weight * off.T @ off + np.eye(3) / LEAN_PITCH_STD**2, upright)
        up /= np.linalg.norm(up)
    return up, heel_m - float(np.median(standing @ up)) if len(heels) else math.nan
