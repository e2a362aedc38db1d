# SPDX-License-Identifier: Apache-2.0
"""What is refused before it can be misread."""

import math
from typing import Any

import numpy as np
import pytest
from support.bodies import placed, pose_of

from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.types import (
    Frame,
    HipCenter,
    ModelComplexity,
    Placement,
    Pose,
    Status,
    covariance_matrices,
    upper_triangle,
)

RGB = np.zeros((4, 6, 3), np.uint8)


def test_a_frame_knows_its_size() -> None:
    frame = Frame(RGB, 0)
    assert (frame.width, frame.height) == (6, 4)


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((1, 4, 6, 3), np.uint8),
        np.zeros((0, 6, 3), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
        np.zeros((4, 6, 3), np.float32),
        np.zeros((4, 6, 3), np.int8),
    ],
    ids=lambda rgb: f"{rgb.shape} {rgb.dtype}",
)
def test_a_frame_of_another_shape_or_type_is_refused_with_its_shape(rgb: Any) -> None:
    with pytest.raises(ValueError, match=r"a frame is \(height, width, 3\) uint8") as refusal:
        Frame(rgb, 0)
    assert str(rgb.shape) in str(refusal.value)


@pytest.mark.parametrize(
    "view",
    [RGB[:, ::-1], RGB[:, :, ::-1], RGB[:, :3], RGB[::2], RGB.transpose(1, 0, 2)],
    ids=["mirrored", "bgr", "cropped", "every other row", "transposed"],
)
def test_a_view_that_would_be_misread_is_refused(view: Any) -> None:
    with pytest.raises(ValueError, match="ascontiguousarray"):
        Frame(view, 0)
    Frame(np.ascontiguousarray(view), 0)


@pytest.mark.parametrize(
    ("field", "shape"),
    [
        ("landmark_covariances", (33, 3)),
        ("screen", (33, 2)),
        ("visibility", (32,)),
        ("presence", (33, 1)),
        ("world", (39, 3)),
    ],
)
def test_a_pose_with_another_number_of_landmarks_is_refused(field: str, shape: Any) -> None:
    pose = pose_of()
    fields = {name: getattr(pose, name) for name in ("screen", "visibility", "presence", "world")}
    with pytest.raises(ValueError, match=field):
        Pose(**fields | {field: np.zeros(shape, np.float32)})


@pytest.mark.parametrize(
    ("position", "covariance", "wrong"),
    [
        (np.zeros((3, 1)), np.eye(3), "position"),
        (np.zeros(2), np.eye(3), "position"),
        (np.zeros(3), np.eye(6), "covariance"),
    ],
)
def test_a_hip_centre_of_another_shape_is_refused(position: Any, covariance: Any, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        HipCenter(position, covariance, Placement.MONO)


def test_a_pose_is_placed_as_its_hip_centre_says() -> None:
    assert pose_of().placement == Placement.NONE
    assert placed().placement == Placement.MONO


def test_what_is_not_given_is_missing() -> None:
    pose = pose_of()
    assert math.isnan(pose.score)
    assert (pose.person_id, pose.hip_center, pose.mask) == (0, None, None)
    assert np.isnan([pose.stature_m, pose.stature_std_m, *pose.landmark_covariances.ravel()]).all()
    hips = placed().hip_center
    assert np.isnan([*hips.velocity, *hips.velocity_covariance.ravel()]).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_poses": 0},
        {"min_detection_confidence": -0.1},
        {"min_presence_confidence": 1.1},
        {"min_tracking_confidence": math.nan},
    ],
)
def test_an_estimator_option_out_of_its_range_is_refused_by_name(wrong: Any) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        EstimatorOptions(b"", **wrong)


def test_the_constants_of_pose33_equal_the_enumerations() -> None:
    pose33 = pytest.importorskip("blazepose_ros.msg").Pose33
    for one in (*ModelComplexity, *Placement, *(flag for flag in Status if flag)):
        assert getattr(pose33, str(one.name)) == one.value


def test_a_covariance_comes_back_from_its_upper_triangle() -> None:
    matrices = np.array([[[1, 2, 3], [2, 4, 5], [3, 5, 6]]] * 2)
    np.testing.assert_array_equal(upper_triangle(matrices), [[1, 2, 3, 4, 5, 6]] * 2)
    np.testing.assert_array_equal(covariance_matrices(upper_triangle(matrices)), matrices)
