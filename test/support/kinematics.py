# SPDX-License-Identifier: Apache-2.0
"""Forward kinematics of a URDF of revolute and fixed joints, by the specification."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation


def link_poses(urdf: str, positions: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Return where each link is in the root's frame, (4, 4)."""
    robot = ElementTree.fromstring(urdf)
    children = {joint.find("child").get("link") for joint in robot.iter("joint")}
    (root,) = {link.get("name") for link in robot.iter("link")} - children
    poses = {root: np.eye(4)}
    joints = list(robot.iter("joint"))
    while joints:
        joint = next(each for each in joints if each.find("parent").get("link") in poses)
        joints.remove(joint)
        origin, moved = joint.find("origin"), np.eye(4)
        moved[:3, 3] = [float(number) for number in origin.get("xyz").split()]
        assert origin.get("rpy") == "0 0 0"
        if joint.get("type") == "revolute":
            axis = np.array([float(number) for number in joint.find("axis").get("xyz").split()])
            angle = positions[joint.get("name")]
            limit = joint.find("limit")
            assert float(limit.get("lower")) - 1e-3 <= angle <= float(limit.get("upper")) + 1e-3
            moved[:3, :3] = Rotation.from_rotvec(angle * axis).as_matrix()
        poses[joint.find("child").get("link")] = poses[joint.find("parent").get("link")] @ moved
    return poses
