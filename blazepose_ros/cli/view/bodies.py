# SPDX-License-Identifier: Apache-2.0
"""People as bodies: tapered limbs, ellipsoids for head, trunk and hands, in meters.

The axes are those of the camera's optical frame: x right, y down, z away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.palette import depth_colors, label

# People who are not placed stand side by side, this far apart and away from the origin.
UNPLACED_STEP_M = 1.2
UNPLACED_DISTANCE_M = 3.0

# From a person's highest landmark, at the eyes, to the label.
LABEL_ABOVE_M = 0.28

# The axes of the ellipsoid around the hips, in standard deviations: each holds 95 %.
DEVIATIONS = 2.0

# A limb's radius at its end, as a share of that at its start.
TAPER = 0.78
# What is hidden or outside of the image, RGB 0 to 1.
UNSEEN = (0.62, 0.64, 0.68)

# The radii below are those of a body whose hips and shoulders are this far apart, as an adult's are.
TRUNK_M = 0.5
SIZE_LIMITS = (0.4, 1.4)

_L, _R = Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER
# Points between the landmarks, each the mean of some: the neck, the hips, the head, the knuckles.
_NECK, _HIPS, _HEAD, _LEFT_KNUCKLES, _RIGHT_KNUCKLES = range(NUM_LANDMARKS, NUM_LANDMARKS + 5)
_MEANS = (
    (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER),
    (Landmark.LEFT_HIP, Landmark.RIGHT_HIP),
    (Landmark.LEFT_EAR, Landmark.RIGHT_EAR),
    (Landmark.LEFT_INDEX, Landmark.LEFT_PINKY),
    (Landmark.RIGHT_INDEX, Landmark.RIGHT_PINKY),
)
_POINTS = NUM_LANDMARKS + len(_MEANS)

# Start, end, radius at the start in meters.
_SIDED_LIMBS = (
    ("SHOULDER", "ELBOW", 0.050),
    ("ELBOW", "WRIST", 0.039),
    ("HIP", "KNEE", 0.078),
    ("KNEE", "ANKLE", 0.056),
    ("HEEL", "FOOT_INDEX", 0.038),
    ("ANKLE", "HEEL", 0.040),
    ("WRIST", "THUMB", 0.017),
)
_LIMBS = (
    *(
        (Landmark[f"{side}_{a}"], Landmark[f"{side}_{b}"], r)
        for side in ("LEFT", "RIGHT")
        for a, b, r in _SIDED_LIMBS
    ),
    (_NECK, Landmark.LEFT_SHOULDER, 0.062),
    (_NECK, Landmark.RIGHT_SHOULDER, 0.062),
    (_NECK, _HEAD, 0.056),
)
_STARTS, _ENDS = (np.array(column) for column in list(zip(*_LIMBS, strict=True))[:2])
_LIMB_RADII_M = np.array([radius for *_, radius in _LIMBS])


# The trunk narrows to the waist from above and from below: two tapered cylinders with an ellipsoid
# over the thick end of each. Where between hips, 0, and shoulders, 1, they begin and end.
_CHEST, _WAIST, _PELVIS = 0.84, 0.38, 0.04
# Half a chest as a share of half the shoulders, and from a hip's joint to the skin beside it.
CHEST_WIDTH, FLESH_M = 0.98, 0.068
CHEST_DEPTH_M, PELVIS_DEPTH_M = 0.115, 0.112


class _Part(NamedTuple):
    """One of `Parts`, NaN where it is not known."""

    middle: NDArray[np.float64]
    axes: NDArray[np.float64]
    radii: NDArray[np.float64]


@dataclass(frozen=True)
class Parts:
    """N parts of a body, of one shape: ellipsoids, or tapered cylinders along their own z axis.

    Attributes:
        positions: (N, 3), meters, the middle of an ellipsoid, the start of a cylinder.
        rotations: (N, 3, 3), whose columns are the directions of the part's axes.
        scales: (N, 3), meters, the radii of an ellipsoid, radius twice and length of a cylinder;
            0 for a part that is not known.
        colors: (N, 3), RGB 0 to 1.
    """

    positions: NDArray[np.float64]
    rotations: NDArray[np.float64]
    scales: NDArray[np.float64]
    colors: NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """One person in the scene.

    Attributes:
        key: which person it is, in the names of the scene.
        limbs: always as many.
        ellipsoids: joints, head, trunk and hands, always as many.
        spread: where the hips may be, one ellipsoid; None for a person without a place.
        corners: (2, 3), the box around the landmarks and the label.
        label: what is written above.
        label_at: (3,), where.
        lowest_m: the y of the lowest landmark.
    """

    key: str
    limbs: Parts
    ellipsoids: Parts
    spread: Parts | None
    corners: NDArray[np.float64]
    label: str
    label_at: NDArray[np.float64]
    lowest_m: float


def figures(
    people: Sequence[Pose], visibility_threshold: float, lines: Mapping[int, Sequence[str]] | None = None
) -> list[Figure]:
    """Return the people of one image as figures; those without any landmark are left out.

    Args:
        people: the people.
        visibility_threshold: landmarks below it count as hidden.
        lines: what their labels say besides, by their ids.
    """
    lines = lines or {}
    known = [person for person in people if np.isfinite(person.world).all(axis=1).any()]
    spots = _spots(sum(not _is_placed(person) for person in known))
    return [
        _figure(
            person,
            person.hip_center.position if person.hip_center and _is_placed(person) else next(spots),
            visibility_threshold,
            ", ".join([label(person), *lines.get(person.person_id, ())]),
        )
        for person in known
    ]


def floor_y(shown: Sequence[Figure]) -> float | None:
    """Return how deep under the camera the lowest landmark is, meters; None without people."""
    return max((figure.lowest_m for figure in shown), default=None)


def _is_placed(person: Pose) -> bool:
    return person.hip_center is not None and bool(np.isfinite(person.hip_center.position).all())


def _spots(count: int) -> Iterator[NDArray[np.float64]]:
    """Yield places for the hips of people who are not placed, from left to right."""
    for number in range(count):
        yield np.array([(number - (count - 1) / 2) * UNPLACED_STEP_M, 0.0, UNPLACED_DISTANCE_M])


def _figure(person: Pose, hips: NDArray[np.float64], visibility_threshold: float, text: str) -> Figure:
    points = _with_means(person.world + hips)
    colors = _colors(person, visibility_threshold)
    size = _size(points)
    landmarks = points[:NUM_LANDMARKS]
    landmarks = landmarks[np.isfinite(landmarks).all(axis=1)]
    label_at = landmarks[landmarks[:, 1].argmin()] - (0.0, LABEL_ABOVE_M, 0.0)
    around = np.vstack([landmarks, label_at])
    return Figure(
        key=f"person_{person.person_id}",
        limbs=_limbs(points, colors, size),
        ellipsoids=_ellipsoids(points, colors, size),
        spread=_spread(person) if _is_placed(person) else None,
        corners=np.stack([around.min(axis=0), around.max(axis=0)]),
        label=text,
        label_at=label_at,
        lowest_m=float(landmarks[:, 1].max()),
    )


def _with_means(landmarks: NDArray[np.float64]) -> NDArray[np.float64]:
    means = [landmarks[list(members)].mean(axis=0) for members in _MEANS]
    points: NDArray[np.float64] = np.vstack([landmarks, *means])
    return points


def _colors(person: Pose, visibility_threshold: float) -> NDArray[np.float64]:
    """Return each point's color, (`_POINTS`, 3): by depth, as in all other views, or `UNSEEN`."""
    z_m = person.world[:, 2]
    seen = (person.visibility >= visibility_threshold) & np.isfinite(z_m)
    colors = np.where(seen[:, None], depth_colors(z_m)[:, :3], UNSEEN)
    return _with_means(colors)


def _size(points: NDArray[np.float64]) -> float:
    """Return how large the body is, 1 for an adult."""
    trunk_m = float(np.linalg.norm(points[_NECK] - points[_HIPS]))
    return float(np.clip(trunk_m / TRUNK_M, *SIZE_LIMITS)) if np.isfinite(trunk_m) else 1.0


def _limbs(points: NDArray[np.float64], colors: NDArray[np.float64], size: float) -> Parts:
    """Return arms, legs, feet, neck and thumbs, and the trunk down and up to the waist."""
    waist = _waist_middle(points)
    parts = [
        *(_limb(points[start], points[end], size * radius_m) for start, end, radius_m in _LIMBS),
        *(_to_waist(thick_end, waist) for thick_end in _trunk(points, size)),
    ]
    return _parts(parts, np.vstack([(colors[_STARTS] + colors[_ENDS]) / 2, colors[[_NECK, _HIPS]]]))


def _limb(start: NDArray[np.float64], end: NDArray[np.float64], radius_m: float) -> _Part:
    way = end - start
    return _Part(start, _pointing(way), np.array((radius_m, radius_m, np.linalg.norm(way))))


def _parts(parts: Sequence[_Part], colors: NDArray[np.float64]) -> Parts:
    """Return parts side by side; what is not known has no size."""
    middles, axes, radii = (np.array(column) for column in zip(*parts, strict=True))
    flat = np.column_stack([middles, axes.reshape(-1, 9), radii])
    known = np.isfinite(flat).all(axis=1)[:, None]
    return Parts(
        positions=np.where(known, middles, 0.0),
        rotations=np.where(known[..., None], axes, np.eye(3)),
        scales=np.where(known, radii, 0.0),
        colors=colors,
    )


def _ellipsoids(points: NDArray[np.float64], colors: NDArray[np.float64], size: float) -> Parts:
    """Return a ball at both ends of each limb, the trunk's ends, head, nose and hands."""
    head, nose = points[_HEAD], points[Landmark.NOSE]
    face = _axes(points[Landmark.LEFT_EAR] - points[Landmark.RIGHT_EAR], nose - head, swap=True)
    radii_m = size * np.concatenate([_LIMB_RADII_M, TAPER * _LIMB_RADII_M])
    parts = [
        *map(_ball, points[np.concatenate([_STARTS, _ENDS])], radii_m),
        *_trunk(points, size),
        _waist(points, size),
        _Part(head + 0.25 * (nose - head), face, size * np.array((0.078, 0.118, 0.105))),
        _Part(nose, face, size * np.array((0.016, 0.022, 0.022))),
        _hand(points, "LEFT", _LEFT_KNUCKLES, size),
        _hand(points, "RIGHT", _RIGHT_KNUCKLES, size),
    ]
    of_limbs = (colors[_STARTS] + colors[_ENDS]) / 2
    others = [_NECK, _HIPS, _HIPS, _HEAD, Landmark.NOSE, _LEFT_KNUCKLES, _RIGHT_KNUCKLES]
    return _parts(parts, np.vstack([of_limbs, of_limbs, colors[others]]))


def _ball(middle: NDArray[np.float64], radius_m: float) -> _Part:
    return _Part(middle, np.eye(3), np.full(3, radius_m))


def _trunk(points: NDArray[np.float64], size: float) -> list[_Part]:
    """Return the trunk's thick ends, chest and pelvis, as ellipsoids whose third axis points at the waist."""
    hips, along = points[_HIPS], points[_NECK] - points[_HIPS]
    shoulders = points[_L] - points[_R]
    hip_joints = points[Landmark.LEFT_HIP] - points[Landmark.RIGHT_HIP]
    height_m = 0.16 * float(np.linalg.norm(along))
    chest_m = CHEST_WIDTH * float(np.linalg.norm(shoulders)) / 2
    pelvis_m = float(np.linalg.norm(hip_joints)) / 2 + FLESH_M * size
    return [
        _Part(
            hips + _CHEST * along,
            _axes(shoulders, -along, swap=True),
            np.array((chest_m, CHEST_DEPTH_M * size, height_m)),
        ),
        _Part(
            hips + _PELVIS * along,
            _axes(hip_joints, along, swap=True),
            np.array((pelvis_m, PELVIS_DEPTH_M * size, height_m)),
        ),
    ]


def _waist(points: NDArray[np.float64], size: float) -> _Part:
    """Return the ellipsoid that covers the seam of the two cylinders."""
    chest, pelvis = _trunk(points, size)
    return _Part(_waist_middle(points), pelvis.axes, TAPER * (chest.radii + pelvis.radii) / 2)


def _waist_middle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points[_HIPS] + _WAIST * (points[_NECK] - points[_HIPS])


def _to_waist(thick_end: _Part, waist: NDArray[np.float64]) -> _Part:
    """Return the tapered cylinder from a thick end of the trunk to the waist."""
    length_m = float(np.linalg.norm(waist - thick_end.middle))
    return thick_end._replace(radii=np.array((*thick_end.radii[:2], length_m)))


def _hand(points: NDArray[np.float64], side: str, knuckles: int, size: float) -> _Part:
    wrist = points[Landmark[f"{side}_WRIST"]]
    width = points[Landmark[f"{side}_INDEX"]] - points[Landmark[f"{side}_PINKY"]]
    along = points[knuckles] - wrist
    return _Part(wrist + along, _axes(width, along), size * np.array((0.042, 0.085, 0.020)))


def _axes(
    across: NDArray[np.float64], along: NDArray[np.float64], *, swap: bool = False
) -> NDArray[np.float64]:
    """Return a rotation whose first axis is one direction and whose second is next to another.

    Args:
        across: (3,), any length.
        along: (3,), any length.
        swap: whether the third axis, and not the second, is next to ``along``.

    Returns:
        (3, 3), NaN where the two directions are missing or the same.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        first = across / np.linalg.norm(across)
        third = np.cross(first, along)
        third /= np.linalg.norm(third)
        second = np.cross(third, first)
    return np.column_stack([first, -third, second] if swap else [first, second, third])


def _pointing(way: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a rotation whose last axis points along a direction; NaN where there is none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        last = way / np.linalg.norm(way)
        first = np.cross(np.eye(3)[np.abs(last).argmin()], last)
        first /= np.linalg.norm(first)
    return np.column_stack([first, np.cross(last, first), last])


def _spread(person: Pose) -> Parts | None:
    """Return the ellipsoid of the hip center's covariance, None where that is none."""
    hips = person.hip_center
    if hips is None or not np.isfinite(hips.covariance).all():
        return None
    variances, directions = np.linalg.eigh((hips.covariance + hips.covariance.T) / 2)
    if variances.min() < 0:
        return None
    directions[:, 0] *= np.sign(np.linalg.det(directions))
    return Parts(
        hips.position[None], directions[None], DEVIATIONS * np.sqrt(variances)[None], np.array([UNSEEN])
    )
