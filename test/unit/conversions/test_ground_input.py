# SPDX-License-Identifier: Apache-2.0
"""The floor under a camera, from TF and from parameters."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from blazepose_ros.conversions.ground_input import LATE_NS, GroundInput
from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.transforms import Rigid

NOW_NS = 10_000_000_000
# A camera's optical axes in a frame of a robot: z ahead, x to the right; then 20 degrees down.
LOOKING_AHEAD = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
DOWN = LOOKING_AHEAD @ Rotation.from_euler("x", -20, degrees=True).as_matrix()
GROUND = NodeSettings(ground_frame="base_footprint")


class Log:
    def __init__(self) -> None:
        self.errors: list[str] = []
        self.error = self.errors.append


def robot(height_m: float = 1.2, stamp_ns: int | None = None) -> TfBuffer:
    tree = TfBuffer()
    tree.insert("base_footprint", "base_link", Rigid(np.eye(3), np.array([0.0, 0.0, 0.2])), stamp_ns)
    tree.insert("base_link", "eye", Rigid(DOWN, np.array([0.3, 0.1, height_m - 0.2])), None)
    return tree


def floor(tree: TfBuffer, settings: NodeSettings = GROUND, stamp_ns: int = NOW_NS) -> Any:
    log = Log()
    ground = GroundInput(tree, log)
    found = ground.floor_for("eye", stamp_ns, settings)
    assert [ground.trouble] == (log.errors or [""])
    return found, ground.trouble


def test_the_floor_is_where_transforms_put_it() -> None:
    found, trouble = floor(robot())
    assert trouble == ""
    assert found.height_m == pytest.approx(1.2)
    down = math.radians(20)
    np.testing.assert_allclose(found.up, (0.0, -math.cos(down), -math.sin(down)), atol=1e-9)
    assert (found.tilt_std, found.height_std_m) == pytest.approx((math.radians(0.5), 0.02))


def test_parameters_tell_the_same_floor_of_a_camera_that_stands_still() -> None:
    settings = NodeSettings(camera_height_m=1.2, camera_tilt_deg=20.0)
    (by_parameters, _), (by_tf, _) = floor(TfBuffer(), settings), floor(robot())
    np.testing.assert_allclose(by_parameters.up, by_tf.up, atol=1e-9)
    assert by_parameters.height_m == by_tf.height_m


def test_the_uncertainty_is_as_the_parameters_say() -> None:
    settings = NodeSettings(camera_height_m=1.0, ground_tilt_std_deg=3.0, ground_height_std_m=0.1)
    found, _ = floor(TfBuffer(), settings)
    assert (found.tilt_std, found.height_std_m) == pytest.approx((math.radians(3.0), 0.1))


def test_no_floor_is_asked_for_by_default() -> None:
    assert floor(robot(), NodeSettings()) == (None, "")


@pytest.mark.parametrize("late_ns", [1, LATE_NS])
def test_a_transform_that_comes_a_little_late_is_not_waited_for(late_ns: int) -> None:
    tree = robot(stamp_ns=NOW_NS - 5 * LATE_NS)
    tree.insert("base_footprint", "base_link", Rigid(np.eye(3), np.array([0, 0, 0.2])), NOW_NS - late_ns)
    found, trouble = floor(tree)
    assert (found.height_m, trouble) == (pytest.approx(1.2), "")


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        (TfBuffer(), "no transform connects eye with base_footprint"),
        (robot(stamp_ns=NOW_NS - 2 * LATE_NS), "ms after the newest"),
        (robot(stamp_ns=NOW_NS + 1), "before the oldest"),
        (robot(height_m=-0.5), "the camera is -0.50 m above the floor"),
    ],
)
def test_a_floor_that_transforms_do_not_give_is_told(tree: TfBuffer, reason: str) -> None:
    found, trouble = floor(tree)
    assert found is None
    assert trouble.startswith("the floor is not known from base_footprint (ground_frame): ")
    assert reason in trouble


def test_trouble_ends_with_the_next_floor() -> None:
    tree = TfBuffer()
    ground = GroundInput(tree, Log())
    assert ground.floor_for("eye", NOW_NS, GROUND) is None
    assert ground.trouble
    tree.insert("base_footprint", "eye", Rigid(DOWN, np.array([0.0, 0.0, 1.0])), None)
    assert ground.floor_for("eye", NOW_NS, GROUND) is not None
    assert ground.trouble == ""
