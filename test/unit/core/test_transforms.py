# SPDX-License-Identifier: Apache-2.0
"""Rotations are those of SciPy."""

import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from blazepose_ros.core.transforms import between, matrix_of, quaternion_of

HALF_TURNS = Rotation.from_rotvec(np.pi * np.eye(3)).as_matrix()
MATRICES = [np.eye(3), *HALF_TURNS, *Rotation.random(50, random_state=0).as_matrix()]


@pytest.mark.parametrize("matrix", MATRICES)
def test_a_quaternion_is_that_of_scipy_and_gives_its_matrix_again(matrix: np.ndarray) -> None:
    quaternion = quaternion_of(matrix)
    np.testing.assert_allclose(quaternion, Rotation.from_matrix(matrix).as_quat(), atol=1e-12)
    np.testing.assert_allclose(matrix_of(quaternion), matrix, atol=1e-12)
    np.testing.assert_allclose(matrix_of(-3 * quaternion), matrix, atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_what_lies_between_two_rotations_is_that_of_scipy(share: float) -> None:
    for first, second in itertools.pairwise(MATRICES[4:]):
        expected = Slerp([0.0, 1.0], Rotation.from_matrix([first, second]))(share).as_matrix()
        np.testing.assert_allclose(between(first, second, share), expected, atol=1e-9)


def test_between_a_rotation_and_itself_is_that_rotation() -> None:
    for matrix in MATRICES:
        np.testing.assert_allclose(between(matrix, matrix, 0.4), matrix, atol=1e-12)
