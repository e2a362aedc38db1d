# SPDX-License-Identifier: Apache-2.0
import math
from typing import Any

import numpy as np
import pytest

from blazepose_ros.core.frame_sources.camera_stream import MOTIONS, PERIOD_S, Motion, affine_at, move

SECOND = 1_000_000_000
STAMPS = [int(fraction * PERIOD_S * SECOND) for fraction in (0.0, 0.1, 0.25, 0.4, 0.625, 0.9)]


@pytest.mark.parametrize("motion", MOTIONS.values(), ids=MOTIONS)
@pytest.mark.parametrize("stamp_ns", STAMPS)
def test_a_spot_is_seen_where_the_affine_says(motion: Any, stamp_ns: Any) -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    image[100:107, 200:207] = 255
    weights = move(image, motion, stamp_ns)[..., 0].astype(float)
    rows, cols = np.indices(weights.shape)
    found = np.array([(weights * cols).sum(), (weights * rows).sum()]) / weights.sum()
    assert found == pytest.approx(affine_at(motion, stamp_ns, 320, 240) @ (203, 103, 1), abs=0.1)


@pytest.mark.parametrize("motion", MOTIONS.values(), ids=MOTIONS)
def test_a_motion_starts_at_the_still_image_and_repeats(motion: Any) -> None:
    assert affine_at(motion, 0, 640, 480) == pytest.approx(np.eye(2, 3), abs=1e-9)
    now = 1_795_342_185 * SECOND + 123_456_789
    later = affine_at(motion, now + PERIOD_S * SECOND, 640, 480)
    assert np.array_equal(affine_at(motion, now, 640, 480), later)


def test_a_quarter_period_has_the_amplitudes_of_the_formula() -> None:
    motion = Motion(shift=0.1, angle_deg=30.0, zoom=0.2)
    affine = affine_at(motion, PERIOD_S * SECOND // 4, 101, 51)
    assert affine @ (50, 25, 1) == pytest.approx((50 + 10.1, 25))
    # Clockwise on the screen: what is right of the center goes down.
    right = affine @ (51, 25, 1) - affine @ (50, 25, 1)
    assert right == pytest.approx((math.cos(math.radians(30)), math.sin(math.radians(30))))


def test_an_eighth_of_a_period_zooms_and_shifts_down() -> None:
    motion = Motion(shift=0.1, zoom=0.2)
    affine = affine_at(motion, PERIOD_S * SECOND // 8, 101, 51)
    assert affine[0, 0] == affine[1, 1] == pytest.approx(1.2)
    assert (affine @ (50, 25, 1))[1] == pytest.approx(25 + 51 * 0.05)


@pytest.mark.parametrize("motion", MOTIONS.values(), ids=MOTIONS)
def test_every_motion_moves_smoothly_and_keeps_the_middle_of_the_image_in_sight(motion: Any) -> None:
    middle = np.array([[0.2, 0.2, 1], [0.8, 0.2, 1], [0.2, 0.8, 1], [0.8, 0.8, 1]]) * (640, 480, 1)
    stamps = range(0, PERIOD_S * SECOND, SECOND // 30)
    seen = np.array([middle @ affine_at(motion, stamp, 640, 480).T for stamp in stamps])
    assert (seen >= 0).all()
    assert (seen <= (639, 479)).all()
    steps = np.linalg.norm(np.diff(seen, axis=0), axis=-1)
    assert 0.5 < steps.max() < 5.0


def test_edges_are_continued_instead_of_turning_black() -> None:
    assert move(np.full((50, 60, 3), 200, np.uint8), MOTIONS["sway"], 3 * SECOND).min() == 200
