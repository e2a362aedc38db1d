# SPDX-License-Identifier: Apache-2.0
"""What points upwards comes from TF, a little before the image if need be, and is assumed otherwise."""

from typing import Any

import numpy as np
import pytest
from std_msgs.msg import Header
from support.figures import MAP

from blazepose_ros.conversions.ground_input import UpwardsInput
from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.msg import Pose33, Pose33Array

STAMP_NS = 10**12


def up(transforms: TfBuffer, ground_frame: str, said: Any, tilt_deg: float = 0.0, **pose: Any) -> np.ndarray:
    msg = Pose33Array(header=Header(frame_id=pose.pop("frame_id", "camera")), poses=[Pose33(**pose)])
    return UpwardsInput(transforms, FunctionLogger(said.append)).of_message(
        msg, STAMP_NS, ground_frame, tilt_deg
    )


@pytest.mark.parametrize("late_ns", [0, 50_000_000])
def test_it_is_z_of_the_ground_frame(late_ns: int) -> None:
    transforms, said = TfBuffer(), []
    for stamp_ns in (STAMP_NS - 10**9, STAMP_NS - late_ns):
        transforms.insert("map", "camera", Rigid(MAP, np.zeros(3)), stamp_ns)
    np.testing.assert_allclose(up(transforms, "map", said, 30.0), [0.0, -1.0, 0.0])
    assert said == []


def test_people_who_are_in_the_ground_frame_need_no_transform() -> None:
    said: list[str] = []
    np.testing.assert_allclose(up(TfBuffer(), "map", said, frame_id="map"), [0.0, 0.0, 1.0])
    assert said == []


def test_without_a_transform_it_is_assumed_and_said() -> None:
    said: list[str] = []
    found = up(TfBuffer(), "map", said, 30.0)
    np.testing.assert_allclose(found, [0.0, -np.cos(np.pi / 6), -0.5])
    assert "ground_frame" in said[0]


def test_of_fused_people_it_is_z_without_a_word() -> None:
    said: list[str] = []
    np.testing.assert_allclose(up(TfBuffer(), "", said, 30.0, placement=Pose33.FUSED), [0.0, 0.0, 1.0])
    assert said == []
