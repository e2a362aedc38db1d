# SPDX-License-Identifier: Apache-2.0
"""PDJ, the percentage of detected joints, as BlazePose GHUM 3D's model card defines it.

A joint is detected if its predicted visibility is that of the truth and it is less than a fifth
of the torso's diameter away; the diameter is that from the left shoulder to the right hip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.core.types import Pose

# COCO's flags of a joint.
UNLABELED, HIDDEN, VISIBLE = 0, 1, 2
# The model card's reach.
REACH = 0.2
_TORSO = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_HIP]


@dataclass(frozen=True)
class Rule:
    """When a joint counts as detected.

    Attributes:
        reach: how far off it may be, in diameters of the torso.
        visibility: from which predicted visibility on a joint counts as visible; None to
            leave visibility out of it.
    """

    reach: float = REACH
    visibility: float | None = 0.5


WITHOUT_VISIBILITY = Rule(visibility=None)


def has_torso(person: NDArray) -> bool:
    """Tell whether a labeled person, (33, 3), can be measured at all."""
    return bool((person[_TORSO, 2] != UNLABELED).all()) and torso_px(person) > 0


def torso_px(person: NDArray) -> float:
    """Return the diameter of a labeled person's torso in pixels."""
    return float(np.linalg.norm(person[_TORSO[0], :2] - person[_TORSO[1], :2]))


def detected_joints(pose: Pose, person: NDArray, rule: Rule) -> NDArray[np.bool_]:
    """Return for each labeled joint of a person whether a pose has it.

    Args:
        pose: what an estimator found.
        person: (33, 3), x and y in pixels and COCO's flag: 0 not labeled, 1 hidden, 2 visible.
        rule: what counts.
    """
    detected = _distances_px(pose, person) < rule.reach * torso_px(person)
    if rule.visibility is not None:
        detected &= (pose.visibility >= rule.visibility) == (person[:, 2] == VISIBLE)
    return detected[person[:, 2] != UNLABELED]


def nearest_person(pose: Pose, people: Sequence[NDArray]) -> NDArray | None:
    """Return the person whose joints are nearest to a pose, in torso diameters.

    Args:
        pose: what an estimator found.
        people: (33, 3) each; those without a labeled torso are left out.
    """
    return min(filter(has_torso, people), key=lambda person: _mean_distance(pose, person), default=None)


def largest_person(people: Sequence[NDArray]) -> NDArray | None:
    """Return the person, (33, 3), with the largest torso, of those whose torso is labeled."""
    return max(filter(has_torso, people), key=torso_px, default=None)


def labeled(joints: Sequence[Landmark], values: NDArray) -> NDArray[np.float64]:
    """Return a person, (33, 3), whose other joints are not labeled."""
    person = np.zeros((NUM_LANDMARKS, 3))
    person[list(joints)] = values
    return person


def _mean_distance(pose: Pose, person: NDArray) -> float:
    return float(_distances_px(pose, person)[person[:, 2] != UNLABELED].mean()) / torso_px(person)


def _distances_px(pose: Pose, person: NDArray) -> NDArray[np.float64]:
    return np.linalg.norm(pose.screen[:, :2] - person[:, :2], axis=1)
