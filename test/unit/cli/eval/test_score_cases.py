# SPDX-License-Identifier: Apache-2.0
"""The errors of a hip center, in millimeters and as a share of the true distance."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.bodies import placed, pose_of

from blazepose_ros.cli.eval.score import _hip_errors

TRUTH = np.array([1.0, 2.0, 2.0])  # 3 m away


def errors(estimate: Any, truth: Any = TRUTH) -> Any:
    return _hip_errors(placed(estimate), SimpleNamespace(hip_center=truth))


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5, 3.0])
def test_the_error_is_a_share_of_the_true_distance_not_of_the_estimate(factor: float) -> None:
    away = abs(factor - 1)
    assert errors(factor * TRUTH) == pytest.approx((3000 * away, 100 * away))


def test_an_error_aside_counts_like_one_in_depth() -> None:
    assert errors(np.add(TRUTH, (0, 0, -0.3))) == pytest.approx(errors(np.add(TRUTH, (0.3, 0, 0))))


def test_where_a_place_is_missing_there_is_no_error() -> None:
    assert np.isnan(errors(TRUTH, None)).all()
    for pose, truth in ((None, TRUTH), (pose_of(), TRUTH)):
        assert np.isnan(_hip_errors(pose, SimpleNamespace(hip_center=truth))).all()
    assert np.isnan(_hip_errors(placed(TRUTH), None)).all()
