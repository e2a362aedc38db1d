# SPDX-License-Identifier: Apache-2.0
"""What speaks against a pose is said, and nothing else."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, placed, seen_by

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.tracking.pose_quality import quality_of
from blazepose_ros.core.types import Frame, Status

DAY = Frame(np.full((CAMERA.height, CAMERA.width, 3), 120, np.uint8), 0)
NIGHT = Frame(np.full((CAMERA.height, CAMERA.width, 3), 3, np.uint8), 0)
WHOLE = seen_by(CAMERA, (0, 0, 3.9))


def visibility(hidden: Any) -> Any:
    values = np.ones(33)
    values[hidden] = 0.1
    return values


def test_a_whole_person_in_the_light_has_nothing_against_them() -> None:
    assert quality_of(WHOLE, DAY) is Status.NONE


@pytest.mark.parametrize(("z_m", "far"), [(3.9, False), (4.1, True)])
def test_a_placed_person_is_too_far_beyond_four_metres(z_m: float, far: bool) -> None:
    status = quality_of(placed((0.0, 0.0, z_m)), DAY)
    assert bool(status & Status.TOO_FAR) is far


@pytest.mark.parametrize(("z_m", "far"), [(6.0, False), (12.0, True)])
def test_without_a_place_the_size_says_who_is_far(z_m: float, far: bool) -> None:
    assert quality_of(seen_by(CAMERA, (0, 0, z_m)), DAY) is (Status.TOO_FAR if far else Status.NONE)


def test_a_face_that_is_hidden_is_said() -> None:
    turned = seen_by(CAMERA, (0, 0, 3.9), visibility=visibility(range(Landmark.MOUTH_RIGHT + 1)))
    assert quality_of(turned, DAY) is Status.HEAD_NOT_VISIBLE


def test_half_a_face_is_a_face() -> None:
    profile = seen_by(CAMERA, (0, 0, 3.9), visibility=visibility([4, 5, 6, 8, 10]))
    assert quality_of(profile, DAY) is Status.NONE


@pytest.mark.parametrize("position", [(0, 0, 1.2), (2.2, 0, 3.9), (0, -2.2, 3.9), (-2.2, 0, 3.9)])
def test_who_reaches_out_of_the_image_is_truncated(position: Any) -> None:
    assert quality_of(seen_by(CAMERA, position), DAY) & Status.TRUNCATED


def test_a_hand_outside_does_not_truncate() -> None:
    body = FACING_M.copy()
    body[[15, 17, 19, 21]] = (5.0, 0.0, 0.0)
    assert quality_of(seen_by(CAMERA, (0, 0, 3.9), body), DAY) is Status.NONE


def test_a_person_in_the_dark_is_said_and_a_dark_room_around_them_is_not() -> None:
    assert quality_of(WHOLE, NIGHT) is Status.LOW_LIGHT
    spot = NIGHT.rgb.copy()
    left, top = WHOLE.screen[:, :2].min(axis=0).astype(int)
    right, bottom = WHOLE.screen[:, :2].max(axis=0).astype(int)
    spot[top:bottom, left:right] = 120
    assert quality_of(WHOLE, Frame(spot, 0)) is Status.NONE


def test_several_things_are_said_at_once() -> None:
    status = quality_of(seen_by(CAMERA, (0, 0, 1.2), visibility=np.zeros(33)), NIGHT)
    assert status == Status.TRUNCATED | Status.HEAD_NOT_VISIBLE | Status.LOW_LIGHT


def test_a_person_outside_of_the_image_does_no_harm() -> None:
    assert quality_of(seen_by(CAMERA, (50, 0, 3.9)), DAY) & Status.TRUNCATED
    assert quality_of(WHOLE, Frame(np.full((1, 1, 3), 120, np.uint8), 0)) & Status.TRUNCATED


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unknown", [slice(25, None), slice(None)])
def test_landmarks_that_are_not_known_do_no_harm(unknown: Any) -> None:
    screen = WHOLE.screen.copy()
    screen[unknown] = np.nan
    assert quality_of(replace(WHOLE, screen=screen), DAY) in (Status.NONE, Status.TOO_FAR)
