"""What is written beside a person, in the overlay and the markers alike."""

from __future__ import annotations

import math

import numpy as np

from blazepose_ros.pose import Pose


def label(pose: Pose) -> str:
    """Return who this is and how far from the camera, as far as that is known."""
    who = f"person {pose.person_id}" if pose.person_id > 0 else ""
    distance_m = math.nan if pose.hip_center is None else float(np.linalg.norm(pose.hip_center.position))
    return f"{who}  {distance_m:.1f} m".strip() if math.isfinite(distance_m) else who
