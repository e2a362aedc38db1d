# SPDX-License-Identifier: Apache-2.0
"""A person's motion at a constant rate, as motion tools want it, and its files: TRC, C3D and BVH."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark

# The axes of all files, OpenSim's: x ahead, y up, z to the right. From a camera's optical frame (x right,
# y down, z ahead), which is taken for level, and from one by REP-103 (x ahead, y left, z up).
FROM_OPTICAL = np.array([[0.0, 0, 1], [0, -1, 0], [1, 0, 0]])
FROM_REP_103 = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
# Between two images that are further apart nothing is interpolated.
MAX_GAP_S = 0.25
# Somebody who was seen more shortly has no motion.
MIN_IMAGES = 10

_MM_PER_M = 1000.0


class MotionError(BlazePoseError, ValueError):
    """A person has no motion, or it cannot be written; the message says why."""


@dataclass(frozen=True)
class BodyMotion:
    """A person's motion.

    Attributes:
        rate_hz: the constant rate.
        points: (frames, 33, 3), meters, the landmarks in OpenSim's axes; NaN in gaps.
    """

    rate_hz: float
    points: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.points.ndim != 3 or self.points.shape[1:] != (NUM_LANDMARKS, 3):
            raise ValueError(f"points has shape {self.points.shape} instead of (frames, {NUM_LANDMARKS}, 3)")

    @property
    def times_s(self) -> NDArray[np.float64]:
        """(frames,), seconds since the first frame."""
        return np.arange(len(self.points)) / self.rate_hz


def motion_of(stamps_s: Sequence[float], points: NDArray[np.float64]) -> BodyMotion:
    """Return the motion of a person who was seen at any times, at the rate of most of them.

    Between two images that are near each other the points are interpolated; the rate is rounded to a
    whole number.

    Args:
        stamps_s: of the images, in seconds.
        points: (images, 33, 3), meters, in OpenSim's axes.

    Raises:
        MotionError: there are too few images.
    """
    times_s, first = np.unique(np.asarray(stamps_s, np.float64), return_index=True)
    if len(times_s) < MIN_IMAGES:
        raise MotionError(f"seen in {len(times_s)} images, {MIN_IMAGES} are the least")
    rate_hz = max(1.0, float(np.round(1.0 / np.median(np.diff(times_s)))))
    frames = int(np.floor((times_s[-1] - times_s[0]) * rate_hz + 1e-6)) + 1
    wanted_s = times_s[0] + np.arange(frames) / rate_hz
    known = points[first].reshape(len(times_s), -1)
    resampled = np.column_stack([np.interp(wanted_s, times_s, column) for column in known.T])
    after = np.clip(np.searchsorted(times_s, wanted_s), 1, len(times_s) - 1)
    nearest_s = np.minimum(abs(wanted_s - times_s[after]), abs(wanted_s - times_s[after - 1]))
    in_gap = (times_s[after] - times_s[after - 1] > MAX_GAP_S) & (nearest_s > 0.5 / rate_hz)
    resampled[in_gap] = np.nan
    return BodyMotion(rate_hz, resampled.reshape(frames, NUM_LANDMARKS, 3))


def write_trc(path: Path, motion: BodyMotion) -> None:
    """Write a TRC file, OpenSim's format of markers: a marker for each landmark, in millimeters.

    Raises:
        OSError: the disk does not take it.
    """
    names = [landmark.frame_name for landmark in Landmark]
    frames, rate = len(motion.points), f"{motion.rate_hz:g}"
    axes = "\t".join(f"X{number}\tY{number}\tZ{number}" for number in range(1, len(names) + 1))
    with path.open("w", newline="\n") as file:
        file.write(f"PathFileType\t4\t(X/Y/Z)\t{path.name}\n")
        file.write("DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame")
        file.write("\tOrigNumFrames\n")
        file.write(f"{rate}\t{rate}\t{frames}\t{len(names)}\tmm\t{rate}\t1\t{frames}\n")
        file.write("Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t\n")
        file.write(f"\t\t{axes}\n\n")
        for number, (time_s, points) in enumerate(zip(motion.times_s, motion.points, strict=True), start=1):
            cells = (f"{_MM_PER_M * value:.3f}" if np.isfinite(value) else "" for value in points.ravel())
            file.write(f"{number}\t{time_s:.6f}\t" + "\t".join(cells) + "\n")


def write_c3d(path: Path, motion: BodyMotion) -> None:
    """Write a C3D file: a point for each landmark, in meters.

    Raises:
        MotionError: ezc3d is not installed.
    """
    try:
        import ezc3d
    except ImportError as err:
        raise MotionError("C3D needs the Python package ezc3d") from err
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["RATE"]["value"] = [motion.rate_hz]
    file["parameters"]["POINT"]["LABELS"]["value"] = [landmark.frame_name for landmark in Landmark]
    file["parameters"]["POINT"]["UNITS"]["value"] = ["m"]
    file["data"]["points"] = np.concatenate(
        [motion.points, np.ones((*motion.points.shape[:2], 1))], axis=2
    ).transpose(2, 1, 0)
    file.write(str(path))


# A person in the rest pose faces z, with the left arm along x and y up.
_LEFT, _UP, _AHEAD = np.eye(3)
_EULER = "ZXY"
_CHANNELS = "Zrotation Xrotation Yrotation"
_MIN_LENGTH_M = 1e-6

Points = Sequence[Landmark]  # a joint is in the middle between them
_HIPS = (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)
_SHOULDERS = (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER)
_EARS = (Landmark.LEFT_EAR, Landmark.RIGHT_EAR)


@dataclass(frozen=True)
class SkeletonJoint:
    """A joint of the skeleton, and the bone that begins there.

    Attributes:
        name: in the file.
        parent: the number of the joint that it hangs on; -1 for the root.
        at: where it is.
        end: where its bone ends, which turns it.
        rest: the direction of its bone in the rest pose.
        across: the pair, left then right, that turns it about its bone as well; empty where nothing does.
    """

    name: str
    parent: int
    at: Points
    end: Points
    rest: NDArray[np.float64]
    across: Points = ()


def _limb(
    side: str, first: int, parent: int, joints: Sequence[str], rests: Sequence[NDArray]
) -> list[SkeletonJoint]:
    marks = [Landmark[f"{side}_{joint}"] for joint in joints]
    parents = (parent, *range(first, first + len(marks) - 2))
    bones = zip(marks, marks[1:], parents, rests, strict=False)
    return [
        SkeletonJoint(start.frame_name, number, (start,), (end,), rest) for start, end, number, rest in bones
    ]


_ARM, _LEG = ("SHOULDER", "ELBOW", "WRIST", "INDEX"), ("HIP", "KNEE", "ANKLE", "FOOT_INDEX")
_LEGS = (-_UP, -_UP, _AHEAD)
JOINTS = (
    SkeletonJoint("hips", -1, _HIPS, _SHOULDERS, _UP, _HIPS),
    SkeletonJoint("spine", 0, _HIPS, _SHOULDERS, _UP, _SHOULDERS),
    SkeletonJoint("chest", 1, _SHOULDERS, _EARS, _UP, _SHOULDERS),
    SkeletonJoint("neck", 2, _SHOULDERS, _EARS, _UP),
    *_limb("LEFT", 4, 2, _ARM, [_LEFT] * 3),
    *_limb("RIGHT", 7, 2, _ARM, [-_LEFT] * 3),
    *_limb("LEFT", 10, 0, _LEG, _LEGS),
    *_limb("RIGHT", 13, 0, _LEG, _LEGS),
)


def write_bvh(path: Path, motion: BodyMotion) -> None:
    """Write a BVH file in meters, y up; gaps are bridged, since the format has none.

    Raises:
        OSError: the disk does not take it.
    """
    points = _without_gaps(motion.points)
    offsets = [_offset(joint, points) for joint in JOINTS]
    turned = _orientations(points)
    roots = _middle(points, _HIPS)
    local = [
        turned[number] if joint.parent < 0 else turned[joint.parent].inv() * turned[number]
        for number, joint in enumerate(JOINTS)
    ]
    angles_deg = np.concatenate([each.as_euler(_EULER, degrees=True) for each in local], axis=1)
    with path.open("w", newline="\n") as file:
        file.write("HIERARCHY\n")
        file.writelines(f"{line}\n" for line in _hierarchy(0, offsets, points, ""))
        file.write(f"MOTION\nFrames: {len(points)}\nFrame Time: {1 / motion.rate_hz:.8f}\n")
        for row in np.concatenate([roots, angles_deg], axis=1):
            file.write(" ".join(f"{value:.6f}" for value in row) + "\n")


def _without_gaps(points: NDArray) -> NDArray:
    """Return points, (frames, 33, 3), with the gaps between them bridged."""
    frames = np.arange(len(points))
    flat = points.reshape(len(points), -1)
    known = np.isfinite(flat).all(axis=1)
    return np.column_stack([np.interp(frames, frames[known], each[known]) for each in flat.T]).reshape(
        points.shape
    )


def _middle(points: NDArray, marks: Points) -> NDArray:
    return points[:, list(marks)].mean(axis=1)


def _length_m(points: NDArray, start: Points, end: Points) -> float:
    """Return the median length of a bone."""
    return float(np.median(np.linalg.norm(_middle(points, end) - _middle(points, start), axis=1)))


def _offset(joint: SkeletonJoint, points: NDArray) -> NDArray:
    """Return where a joint is from its parent in the rest pose, meters."""
    if joint.parent < 0 or joint.at == JOINTS[joint.parent].at:
        return np.zeros(3)
    parent = JOINTS[joint.parent]
    length_m = _length_m(points, parent.at, joint.at)
    if joint.at == parent.end:
        return length_m * parent.rest
    side = _LEFT if joint.at[0].name.startswith("LEFT") else -_LEFT
    return length_m * side  # a shoulder or a hip, beside the middle of both


def _orientations(points: NDArray) -> list[Rotation]:
    """Return how each joint is turned from the rest pose in each frame."""
    turned: list[Rotation] = []
    for joint in JOINTS:
        bone = _unit(_middle(points, joint.end) - _middle(points, joint.at))
        if joint.across:
            left = _unit(points[:, joint.across[0]] - points[:, joint.across[1]])
            turned.append(_frame(bone, left, exact_bone=joint.name == "spine"))
        else:
            parent = turned[joint.parent]
            turned.append(_swing(parent.apply(joint.rest), bone) * parent)
    return turned


def _frame(up: NDArray, left: NDArray, *, exact_bone: bool) -> Rotation:
    """Return the rotation to two directions, (frames, 3), of which one is kept as it is."""
    ahead = _unit(np.cross(left, up))
    if exact_bone:
        left = np.cross(up, ahead)
    else:
        up = np.cross(ahead, left)
    return Rotation.from_matrix(np.stack([left, up, ahead], axis=2))


def _swing(start: NDArray, end: NDArray) -> Rotation:
    """Return the shortest rotation from one direction to another, (frames, 3)."""
    axis = np.cross(start, end)
    angle = np.arctan2(np.linalg.norm(axis, axis=1), np.sum(start * end, axis=1))
    return Rotation.from_rotvec(_unit(axis) * angle[:, None])


def _unit(vectors: NDArray) -> NDArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _MIN_LENGTH_M)


def _hierarchy(number: int, offsets: Sequence[NDArray], points: NDArray, indent: str) -> Iterator[str]:
    """Yield the lines of a joint and of those that hang on it."""
    joint, inner = JOINTS[number], indent + "  "
    yield f"{indent}{'ROOT' if joint.parent < 0 else 'JOINT'} {joint.name}"
    yield f"{indent}{{"
    yield f"{inner}OFFSET {_text(offsets[number])}"
    positions = "6 Xposition Yposition Zposition " if joint.parent < 0 else "3 "
    yield f"{inner}CHANNELS {positions}{_CHANNELS}"
    children = [child for child, each in enumerate(JOINTS) if each.parent == number]
    for child in children:
        yield from _hierarchy(child, offsets, points, inner)
    if not children:
        yield f"{inner}End Site"
        yield f"{inner}{{"
        yield f"{inner}  OFFSET {_text(_length_m(points, joint.at, joint.end) * joint.rest)}"
        yield f"{inner}}}"
    yield f"{indent}}}"


def _text(vector: NDArray) -> str:
    return " ".join(f"{value:.6f}" for value in vector)
