# SPDX-License-Identifier: Apache-2.0
"""Which way each limb is turned: a frame with x along its bone.

A person who stands upright with hanging arms and palms at the thighs is at rest. There arms and legs
have x down, y to the person's left and z forward; feet x forward, y left and z up; trunk and head x up,
y left and z backward.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import Landmark

# Shorter than this, a bone has no direction to speak of, and a hand or a foot no width.
MIN_LENGTH_M = 0.02

# From this bend on, elbow and knee alone tell how upper arm, forearm, thigh and shank are turned about their
# bones; a straight limb does not show it. In between both have a say. The landmarks' error of 0.03 m is
# some 7 degrees of a forearm: a bend of 30 degrees is four of these.
CLEAR_BEND_SIN = math.sin(math.radians(30.0))

_DOWN, _LEFT = np.array([0.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.0])
_SIDES = ("left", "right")

Points = NDArray[np.float64]


def limb_frames(points: NDArray, visibility: NDArray, visibility_threshold: float) -> dict[str, NDArray]:
    """Return the rotation of each limb that is seen, by its name: (3, 3), columns x, y and z.

    x points from the limb's origin (`ORIGINS`) along its bone. y is the axis of elbow and knee, where they
    are bent, to the person's left with a hanging arm or leg; of a hand, a foot and the head it follows from
    knuckles, shin and ears. What no landmark shows, the twist of a straight limb about its bone, is that of
    the limb moved from rest to its direction on the shortest way, and through the front where it is raised
    straight up; a forearm and a shank then have the twist of the upper arm and the thigh.

    Args:
        points: (33, 3), meters, landmarks in the body's axes (`body_frame.body_axes`).
        visibility: (33,), 0 to 1.
        visibility_threshold: a limb with a landmark below it is left out, and so is one without a length.
    """
    known = np.isfinite(points).all(axis=1) & (visibility >= visibility_threshold)
    points = np.asarray(points, float)
    frames: dict[str, NDArray] = {}
    for side in _SIDES:
        frames |= _arm(points, known, side)
        frames |= _leg(points, known, side)
    frames |= _trunk_and_head(points, known)
    return frames


def origin(points: NDArray, limb: str) -> NDArray[np.float64]:
    """Return where a limb's frame is, (3,), the mean of its landmarks in ``ORIGINS``."""
    return np.asarray(points, float)[list(ORIGINS[limb])].mean(axis=0)


def _arm(points: Points, known: NDArray, side: str) -> dict[str, NDArray]:
    shoulder, elbow, wrist, index, pinky = _of(side, "shoulder", "elbow", "wrist", "index", "pinky")
    upper, fore = _bone(points, known, shoulder, elbow), _bone(points, known, elbow, wrist)
    frames = _hinged(upper, fore, lambda first, second: np.cross(second, first), ("upper_arm", "forearm"))
    knuckles = (points[index] + points[pinky]) / 2.0 - points[wrist]
    if known[[wrist, index, pinky]].all() and np.linalg.norm(knuckles) > MIN_LENGTH_M:
        x = _unit(knuckles)
        across = _across(points[index] - points[pinky], x)  # forward at rest: z
        shown = np.cross(across, x) if np.linalg.norm(across) > MIN_LENGTH_M else None
        rest = frames["forearm"][:, 1] if "forearm" in frames else swung_from_hanging(x)
        frames["hand"] = _frame(x, rest if shown is None else shown)
    return {f"{side}_{name}": frame for name, frame in frames.items()}


def _leg(points: Points, known: NDArray, side: str) -> dict[str, NDArray]:
    hip, knee, ankle, heel, toe = _of(side, "hip", "knee", "ankle", "heel", "foot_index")
    thigh, shank = _bone(points, known, hip, knee), _bone(points, known, knee, ankle)
    frames = _hinged(thigh, shank, np.cross, ("thigh", "shank"))
    foot = _bone(points, known, heel, toe)
    if foot is not None:
        upwards = np.zeros(3) if shank is None else _across(-shank, foot)
        is_clear = np.linalg.norm(upwards) > CLEAR_BEND_SIN
        frames["foot"] = _frame(foot, np.cross(upwards, foot) if is_clear else _LEFT)
    return {f"{side}_{name}": frame for name, frame in frames.items()}


def _trunk_and_head(points: Points, known: NDArray) -> dict[str, NDArray]:
    frames = {}
    shoulders, ears = ORIGINS["head"], (Landmark.LEFT_EAR, Landmark.RIGHT_EAR)
    upwards = origin(points, "head") - origin(points, "trunk")
    if known[[*ORIGINS["trunk"], *shoulders]].all() and np.linalg.norm(upwards) > MIN_LENGTH_M:
        frames["trunk"] = _frame(_unit(upwards), _LEFT)
    neck = points[list(ears)].mean(axis=0) - origin(points, "head")
    if known[[*shoulders, *ears]].all() and np.linalg.norm(neck) > MIN_LENGTH_M:
        frames["head"] = _frame(_unit(neck), points[ears[0]] - points[ears[1]])
    return frames


def _hinged(
    upper: NDArray | None,
    lower: NDArray | None,
    axis: Callable[[NDArray, NDArray], NDArray],
    names: tuple[str, str],
) -> dict[str, NDArray]:
    """Return the frames of two bones with a hinge between them, of unit vectors along them.

    Args:
        upper: the first; None where it is not seen.
        lower: the second, likewise.
        axis: the hinge's axis to the left, as long as the sine of the bend.
        names: of the two.
    """
    frames = {}
    hinge = np.zeros(3) if upper is None or lower is None else axis(upper, lower)
    share = min(1.0, float(np.linalg.norm(hinge)) / CLEAR_BEND_SIN)
    rest = None
    for bone, name in zip((upper, lower), names, strict=True):
        if bone is not None:
            rest = swung_from_hanging(bone) if rest is None else _across(rest, bone)
            shown = _unit(hinge) if share > 0.0 else rest
            # Opposite ones cancel out: then what is shown counts.
            y = share * shown + (1.0 - share) * rest
            frames[name] = _frame(bone, y if np.linalg.norm(_across(y, bone)) > _TINY else shown)
            rest = frames[name][:, 1]
    return frames


_TINY = 1e-6


def swung_from_hanging(bone: NDArray) -> NDArray:
    """Return y, (3,), of a limb that was moved on the shortest way from hanging to a direction, (3,)."""
    middle = _DOWN + bone
    closeness = 1.0 + float(_DOWN @ bone)
    return _LEFT if closeness < _TINY else _LEFT - float(_LEFT @ bone) / closeness * middle


def _frame(x: NDArray, towards_y: NDArray) -> NDArray[np.float64]:
    """Return axes, (3, 3), of x and of a vector on whose side y is; any y where that is along x."""
    y = _across(towards_y, x)
    if np.linalg.norm(y) < _TINY:
        y = _across(np.eye(3)[np.argmin(np.abs(x))], x)
    y = _unit(y)
    return np.column_stack([x, y, np.cross(x, y)])


def _bone(points: Points, known: NDArray, start: Landmark, end: Landmark) -> NDArray | None:
    vector = points[end] - points[start]
    is_seen = known[start] and known[end] and np.linalg.norm(vector) > MIN_LENGTH_M
    return _unit(vector) if is_seen else None


def _across(vector: NDArray, x: NDArray) -> NDArray:
    return vector - float(vector @ x) * x


def _unit(vector: NDArray) -> NDArray:
    return vector / np.linalg.norm(vector)


def _of(side: str, *parts: str) -> list[Landmark]:
    return [Landmark[f"{side}_{part}".upper()] for part in parts]


_STARTS = {
    "upper_arm": "shoulder",
    "forearm": "elbow",
    "hand": "wrist",
    "thigh": "hip",
    "shank": "knee",
    "foot": "heel",
}
# The landmarks in whose middle each limb's frame is.
ORIGINS: Mapping[str, Sequence[Landmark]] = {
    **{f"{side}_{limb}": _of(side, start) for side in _SIDES for limb, start in _STARTS.items()},
    "trunk": (Landmark.LEFT_HIP, Landmark.RIGHT_HIP),
    "head": (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER),
}
