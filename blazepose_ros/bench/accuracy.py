"""How right poses are, against labelled joints and against other poses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.landmarks import Landmark
from blazepose_ros.pose import Pose

# COCO's 17 joints in its order.
COCO_JOINTS = (
    *(Landmark.NOSE, Landmark.LEFT_EYE, Landmark.RIGHT_EYE, Landmark.LEFT_EAR, Landmark.RIGHT_EAR),
    *(Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, Landmark.LEFT_ELBOW, Landmark.RIGHT_ELBOW),
    *(Landmark.LEFT_WRIST, Landmark.RIGHT_WRIST, Landmark.LEFT_HIP, Landmark.RIGHT_HIP),
    *(Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE, Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE),
)
_LEFT_SHOULDER, _RIGHT_HIP = 5, 12
# BlazePose GHUM 3D's model card: a joint is detected within a fifth of the torso's diameter.
_PDJ_REACH = 0.2


def detected_joints(pose: Pose, people: Sequence[NDArray]) -> NDArray[np.bool_]:
    """Return for each labelled joint of the person that fits best whether the pose has it.

    Args:
        pose: what an estimator found.
        people: (17, 3) each, COCO's x and y in pixels and a flag that is 0 where not labelled;
            those whose left shoulder or right hip is not labelled have no torso and are left out.
    """
    whole = [person for person in people if person[[_LEFT_SHOULDER, _RIGHT_HIP], 2].all()]
    hits = [_hits(pose.screen[COCO_JOINTS, :2], person) for person in whole]
    return max(hits, key=np.mean, default=np.zeros(0, np.bool_))


def world_error_m(pose: Pose, reference: Pose) -> NDArray[np.float64]:
    """Return how far each of the 33 world landmarks is from the reference's, in metres."""
    return np.linalg.norm(pose.world - reference.world, axis=1)


def _hits(joints_px: NDArray, person: NDArray) -> NDArray[np.bool_]:
    torso_px = np.linalg.norm(person[_LEFT_SHOULDER, :2] - person[_RIGHT_HIP, :2])
    apart_px = np.linalg.norm(joints_px - person[:, :2], axis=1)
    return (apart_px < _PDJ_REACH * torso_px)[person[:, 2] > 0]
