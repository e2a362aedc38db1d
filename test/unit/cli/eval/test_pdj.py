# SPDX-License-Identifier: Apache-2.0
"""PDJ and the other measures of accuracy, on people made up for it."""

from typing import Any

import numpy as np
import pytest
from support.bodies import FACING_M, pose_of

from blazepose_ros.cli.eval.annotations import COCO_JOINTS, LabeledPerson, from_coco
from blazepose_ros.cli.eval.pdj import (
    HIDDEN,
    UNLABELED,
    VISIBLE,
    WITHOUT_VISIBILITY,
    Rule,
    detected_joints,
    largest_person,
    nearest_person,
)
from blazepose_ros.cli.eval.score import mpjpe_mm, pdj_percent
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import Pose

SHOULDER, HIP, NOSE = Landmark.LEFT_SHOULDER, Landmark.RIGHT_HIP, Landmark.NOSE
TORSO_PX = 100.0
JOINTS = len(COCO_JOINTS)


def person(x_px: float = 0.0, torso_px: Any = TORSO_PX) -> Any:
    """Return a labeled person whose joints are all at one height but the right hip."""
    joints = np.column_stack([np.arange(JOINTS) + x_px, np.zeros(JOINTS), np.full(JOINTS, VISIBLE)])
    labeled = from_coco(joints)
    labeled[HIP, :2] = labeled[SHOULDER, :2] + (0, torso_px)
    return labeled


def pose_at(joints: Any, off_px: float = 0.0, visibility: float = 1.0) -> Pose:
    screen = np.zeros((33, 3))
    screen[:, :2] = joints[:, :2] + (off_px, 0)
    return Pose(screen, np.full(33, visibility), np.ones(33), np.zeros((33, 3)))


@pytest.mark.parametrize(("off_px", "share"), [(0, 1), (19, 1), (-19, 1), (20, 0), (21, 0)])
def test_a_joint_is_detected_within_a_fifth_of_the_torso(off_px: int, share: int) -> None:
    assert detected_joints(pose_at(person(), off_px), person(), Rule()).mean() == share


def test_the_reach_can_be_another_one() -> None:
    assert detected_joints(pose_at(person(), 49), person(), Rule(reach=0.5)).all()
    assert not detected_joints(pose_at(person(), 51), person(), Rule(reach=0.5)).any()


@pytest.mark.parametrize(
    ("truth", "visibility", "right"),
    [
        (VISIBLE, 0.9, True),
        (VISIBLE, 0.5, True),
        (VISIBLE, 0.4, False),
        (HIDDEN, 0.9, False),
        (HIDDEN, 0.4, True),
    ],
)
def test_the_predicted_visibility_must_be_that_of_the_truth(
    truth: Any, visibility: float, right: bool
) -> None:
    labeled = person()
    labeled[list(COCO_JOINTS), 2] = truth
    assert (detected_joints(pose_at(labeled, visibility=visibility), labeled, Rule()) == right).all()


def test_visibility_can_be_left_out_of_it() -> None:
    assert detected_joints(pose_at(person(), visibility=0.0), person(), WITHOUT_VISIBILITY).all()


def test_joints_without_a_label_do_not_count() -> None:
    labeled = person()
    labeled[[NOSE, Landmark.LEFT_EYE], 2] = UNLABELED
    assert len(detected_joints(pose_at(labeled), labeled, Rule())) == JOINTS - 2


def test_the_percentage_is_that_of_the_labeled_joints() -> None:
    pose = pose_at(person())
    pose.screen[[NOSE, Landmark.LEFT_EYE, Landmark.LEFT_ANKLE], 1] = 500
    percent = pdj_percent(pose, [LabeledPerson(person())], Rule())
    assert percent == pytest.approx(100 * (JOINTS - 3) / JOINTS)


def test_no_person_found_means_no_joint_found() -> None:
    assert pdj_percent(None, [LabeledPerson(person())], Rule()) == 0


def test_without_a_labeled_torso_there_is_no_percentage() -> None:
    labeled = person()
    labeled[HIP, 2] = UNLABELED
    assert np.isnan(pdj_percent(pose_at(labeled), [LabeledPerson(labeled)], Rule()))
    assert np.isnan(pdj_percent(None, [LabeledPerson(labeled)], Rule()))


def test_a_torso_of_no_length_is_none() -> None:
    flat = person(torso_px=0)
    assert np.isnan(pdj_percent(pose_at(flat), [LabeledPerson(flat)], Rule()))


def test_of_several_people_the_nearest_is_meant() -> None:
    people = [person(), person(500)]
    assert nearest_person(pose_at(person(490)), people) is people[1]


def test_the_nearest_is_measured_by_torsos() -> None:
    far_and_large, near_and_small = person(0, torso_px=200), person(90, torso_px=20)
    assert nearest_person(pose_at(person(50)), [near_and_small, far_and_large]) is far_and_large


def test_the_largest_person_is_the_one_with_the_largest_torso() -> None:
    people = [person(0, 50), person(100, 80), person(200, 20)]
    assert largest_person(people) is people[1]
    assert largest_person([]) is None


def test_the_world_error_does_not_depend_on_where_the_origin_is() -> None:
    truth = FACING_M + np.array([1.0, 2.0, 3.0])
    assert mpjpe_mm(pose_of(FACING_M), truth) == pytest.approx(0, abs=1e-3)


def test_the_world_error_is_the_mean_over_the_known_joints() -> None:
    truth = FACING_M.copy()
    truth[NOSE] += (0, 0.3, 0.4)  # half a metre
    truth[Landmark.LEFT_EYE] = np.nan
    assert mpjpe_mm(pose_of(FACING_M), truth) == pytest.approx(500 / 32)


def test_without_true_hips_there_is_no_world_error() -> None:
    truth = FACING_M.copy()
    truth[HIP] = np.nan
    assert np.isnan(mpjpe_mm(pose_of(FACING_M), truth))
