# SPDX-License-Identifier: Apache-2.0
"""A body as REP-155 describes it: a URDF of a stature, and the angles of its joints.

Links and joints are called as in ROS4HRI's package ``human_description``. The root is the body's frame:
x forward, y left, z from the hips to the shoulders. Limbs hang along -z at zero; the lengths of bones
are those between BlazePose's landmarks.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.limb_frames import swung_from_hanging
from blazepose_ros.core.placement.bone_length_range import FOREARM, SHANK, THIGH, TRUNK, UPPER_ARM

# The other lengths as fractions of the stature: half the lines of shoulders and hips (biacromial and
# between the hips' centers, which BlazePose marks), from the shoulders to the head's joint and its middle.
HALF_SHOULDERS, HALF_HIPS, NECK, HEAD = 0.1, 0.06, 0.05, 0.07
# A bend with less than this sine does not show about which axis; the limb's rest tells that.
_MIN_BEND_SIN = 0.02
# Angles that differ by less are the same.
_TIE = 1e-6
_SIDES = (("l", "LEFT", 1.0), ("r", "RIGHT", -1.0))


def joint_positions(points: NDArray, visibility: NDArray, visibility_threshold: float) -> dict[str, float]:
    """Return the angles of the joints by name, without the person's id, in radians; NaN for a hidden limb's.

    Args:
        points: (33, 3), meters, landmarks in the body's axes (`body_frame.body_axes`).
        visibility: (33,), 0 to 1.
        visibility_threshold: a limb with a landmark below it is hidden.
    """
    known = np.isfinite(points).all(axis=1) & (visibility >= visibility_threshold)
    points = np.asarray(points, float)
    angles = {"waist": 0.0}
    for letter, side, sign in _SIDES:
        shoulder, elbow, wrist, hip, knee, ankle = (
            Landmark[f"{side}_{part}"] for part in ("SHOULDER", "ELBOW", "WRIST", "HIP", "KNEE", "ANKLE")
        )
        upper, lower = _bone(points, known, shoulder, elbow), _bone(points, known, elbow, wrist)
        angles |= {f"{letter}_{name}": angle for name, angle in _arm(upper, lower, sign).items()}
        upper, lower = _bone(points, known, hip, knee), _bone(points, known, knee, ankle)
        angles |= {f"{letter}_{name}": angle for name, angle in _leg(upper, lower, sign).items()}
    return angles | _head(points, known)


def _arm(upper: NDArray | None, lower: NDArray | None, sign: float) -> dict[str, float]:
    """Return the shoulder's angles, about z, x and z, and the elbow's about -y."""
    names = ("y_shoulder", "p_shoulder", "r_shoulder", "elbow")
    if upper is None:
        return dict.fromkeys(names, math.nan)
    hinge = np.zeros(3) if lower is None else np.cross(lower, upper)
    rotation = _hanging(upper, hinge)
    yaw, pitch, roll = _within_reach(_zxz(rotation), sign)
    elbow = math.nan if lower is None else _bend(rotation, lower)
    return dict(zip(names, (-sign * yaw, sign * pitch, sign * roll, elbow), strict=True))


def _leg(upper: NDArray | None, lower: NDArray | None, sign: float) -> dict[str, float]:
    """Return the hip's angles, about -z, x and -y, and the knee's about -y."""
    names = ("y_hip", "p_hip", "r_hip", "knee")
    if upper is None:
        return dict.fromkeys(names, math.nan)
    hinge = np.zeros(3) if lower is None else np.cross(upper, lower)
    rotation = _hanging(upper, hinge)
    yaw, pitch, roll = _zxy(rotation)
    knee = math.nan if lower is None else _bend(rotation, lower)
    return dict(zip(names, (-yaw, sign * pitch, -roll, knee), strict=True))


def _within_reach(angles: tuple[float, float, float], sign: float) -> tuple[float, float, float]:
    """Return that one of two equal triples whose arm is not turned backward, and else raised outward."""
    yaw, pitch, roll = angles
    other = math.remainder(yaw + math.pi, math.tau), -pitch, math.remainder(roll + math.pi, math.tau)
    is_far = [abs(triple[0]) > math.pi / 2.0 + _TIE for triple in (angles, other)]
    if is_far[0] != is_far[1]:
        return other if is_far[0] else angles
    return other if sign * pitch < 0.0 else angles


def _head(points: NDArray, known: NDArray) -> dict[str, float]:
    names, ears = ("r_head", "y_head", "p_head"), [Landmark.LEFT_EAR, Landmark.RIGHT_EAR]
    y, forwards = points[ears[0]] - points[ears[1]], points[Landmark.NOSE] - points[ears].mean(axis=0)
    upwards = np.cross(forwards, y)
    if not known[[*ears, Landmark.NOSE]].all() or np.linalg.norm(upwards) == 0.0:
        return dict.fromkeys(names, math.nan)
    z, y = upwards / np.linalg.norm(upwards), y / np.linalg.norm(y)
    roll, yaw, pitch = _xzy(np.column_stack([np.cross(y, z), y, z]))
    return dict(zip(names, (roll, yaw, -pitch), strict=True))


def _hanging(bone: NDArray, hinge: NDArray) -> NDArray:
    """Return the rotation, (3, 3), of a bone that hangs along -z, with y along a hinge or as at rest."""
    y = hinge if np.linalg.norm(hinge) > _MIN_BEND_SIN else swung_from_hanging(bone)
    y = y / np.linalg.norm(y)
    return np.column_stack([np.cross(y, -bone), y, -bone])


def _bend(rotation: NDArray, lower: NDArray) -> float:
    """Return the angle about -y from the upper bone to the lower one."""
    x, _, z = rotation.T @ lower
    return math.atan2(x, -z)


def _zxz(r: NDArray) -> tuple[float, float, float]:
    """Return intrinsic angles of a rotation, (3, 3), about z, x and z; the last is zero without a bend."""
    middle = math.hypot(r[0, 2], r[1, 2])
    if middle < _TIE:
        return math.atan2(r[1, 0], r[0, 0]), math.atan2(middle, r[2, 2]), 0.0
    return math.atan2(r[0, 2], -r[1, 2]), math.atan2(middle, r[2, 2]), math.atan2(r[2, 0], r[2, 1])


def _zxy(r: NDArray) -> tuple[float, float, float]:
    """Return intrinsic angles about z, x and y; the last is zero where z and y are one."""
    across = math.hypot(r[2, 0], r[2, 2])
    if across < _TIE:
        return math.atan2(r[1, 0], r[0, 0]), math.atan2(r[2, 1], across), 0.0
    return math.atan2(-r[0, 1], r[1, 1]), math.atan2(r[2, 1], across), math.atan2(-r[2, 0], r[2, 2])


def _xzy(r: NDArray) -> tuple[float, float, float]:
    """Return intrinsic angles about x, z and y; the last is zero where x and y are one."""
    across = math.hypot(r[0, 0], r[0, 2])
    if across < _TIE:
        return math.atan2(-r[1, 2], r[2, 2]), math.atan2(-r[0, 1], across), 0.0
    return math.atan2(r[2, 1], r[1, 1]), math.atan2(-r[0, 1], across), math.atan2(r[0, 2], r[0, 0])


def _bone(points: NDArray, known: NDArray, start: Landmark, end: Landmark) -> NDArray | None:
    vector = points[end] - points[start]
    length = float(np.linalg.norm(vector))
    return vector / length if known[start] and known[end] and length > 0.0 else None


def human_urdf(name: str, stature_m: float) -> str:
    """Return the URDF of a person.

    Args:
        name: the end of the links' and joints' names, such as ``b1``.
        stature_m: in meters.
    """
    robot = _Robot(name, stature_m)
    robot.joint("waist", "body", "waist", "0 1 0")
    robot.joint("torso", "waist", "torso", offset=(0.0, 0.0, TRUNK))
    robot.joint("r_head", "torso", "r_head", "1 0 0", (0.0, 0.0, NECK))
    robot.joint("y_head", "r_head", "y_head", "0 0 1")
    robot.joint("p_head", "y_head", "p_head", "0 -1 0")
    robot.joint("head", "p_head", "head", offset=(0.0, 0.0, HEAD))
    for side, _, sign in _SIDES:
        towards = f"{sign:g} 0 0"
        shoulder, hip = (0.0, sign * HALF_SHOULDERS, 0.0), (0.0, sign * HALF_HIPS, 0.0)
        robot.joint(
            f"{side}_y_shoulder",
            "torso",
            f"{side}_y_shoulder",
            f"0 0 {-sign:g}",
            shoulder,
        )
        robot.joint(f"{side}_p_shoulder", f"{side}_y_shoulder", f"{side}_p_shoulder", towards)
        robot.joint(f"{side}_r_shoulder", f"{side}_p_shoulder", f"{side}_shoulder", f"0 0 {sign:g}")
        robot.joint(f"{side}_elbow", f"{side}_shoulder", f"{side}_elbow", "0 -1 0", (0, 0, -UPPER_ARM))
        robot.joint(f"{side}_wrist", f"{side}_elbow", f"{side}_wrist", offset=(0, 0, -FOREARM))
        robot.joint(f"{side}_y_hip", "body", f"{side}_y_hip", "0 0 -1", hip)
        robot.joint(f"{side}_p_hip", f"{side}_y_hip", f"{side}_p_hip", towards)
        robot.joint(f"{side}_r_hip", f"{side}_p_hip", f"{side}_hip", "0 -1 0")
        robot.joint(f"{side}_knee", f"{side}_hip", f"{side}_knee", "0 -1 0", (0, 0, -THIGH))
        robot.joint(f"{side}_ankle", f"{side}_knee", f"{side}_ankle", offset=(0, 0, -SHANK))
    return ElementTree.tostring(robot.root, encoding="unicode")


class _Robot:
    """A URDF that grows joint by joint, from the link ``body`` on."""

    def __init__(self, name: str, stature_m: float) -> None:
        self._name, self._stature_m = name, stature_m
        self.root = ElementTree.Element("robot", name=f"human_{name}")
        self._link("body")

    def joint(
        self,
        joint: str,
        parent: str,
        child: str,
        axis: str = "",
        offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        """Add a joint and the link beyond it; without an axis it is fixed.

        Args:
            joint: its name.
            parent: the link that it is on.
            child: the new link.
            axis: x, y and z.
            offset: of the joint on the parent, in statures.
        """
        self._link(child)
        kind = "revolute" if axis else "fixed"
        element = ElementTree.SubElement(self.root, "joint", name=f"{joint}_{self._name}", type=kind)
        ElementTree.SubElement(element, "parent", link=f"{parent}_{self._name}")
        ElementTree.SubElement(element, "child", link=f"{child}_{self._name}")
        xyz = " ".join(f"{self._stature_m * part:.4f}" for part in offset)
        ElementTree.SubElement(element, "origin", xyz=xyz, rpy="0 0 0")
        if axis:
            ElementTree.SubElement(element, "axis", xyz=axis)
            limits = {
                "lower": f"{-math.pi:.4f}",
                "upper": f"{math.pi:.4f}",
                "effort": "1000",
                "velocity": "10",
            }
            ElementTree.SubElement(element, "limit", limits)

    def _link(self, link: str) -> None:
        ElementTree.SubElement(self.root, "link", name=f"{link}_{self._name}")
