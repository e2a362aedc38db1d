"""The measures of accuracy, on people made up for it."""

import numpy as np
import pytest

from blazepose_ros.bench.accuracy import COCO_JOINTS, detected_joints, world_error_m
from blazepose_ros.pose import Pose

LEFT_SHOULDER, RIGHT_HIP = 5, 12


def person(x_px=0.0):
    """Return a labelled person whose joints are all at one height but the right hip."""
    joints = np.column_stack([np.arange(17) + x_px, np.zeros(17), np.full(17, 2)])
    joints[RIGHT_HIP, :2] = joints[LEFT_SHOULDER, :2] + (0, 100)
    return joints


def pose_of(joints, off_px=0.0):
    screen = np.zeros((33, 3))
    screen[COCO_JOINTS, :2] = joints[:, :2] + (off_px, 0)
    return Pose(screen, np.ones(33), np.ones(33), np.zeros((33, 3)))


@pytest.mark.parametrize(("off_px", "share"), [(0, 1), (19, 1), (-19, 1), (21, 0)])
def test_a_joint_is_detected_within_a_fifth_of_the_torso(off_px, share):
    assert detected_joints(pose_of(person(), off_px), [person()]).mean() == share


def test_joints_without_a_label_do_not_count():
    labelled = person()
    labelled[:5, 2] = 0
    assert len(detected_joints(pose_of(labelled), [labelled])) == 12


def test_of_several_people_the_one_that_fits_counts():
    assert detected_joints(pose_of(person(500)), [person(), person(500)]).all()


def test_people_without_a_labelled_torso_are_left_out():
    labelled = person()
    labelled[RIGHT_HIP, 2] = 0
    assert len(detected_joints(pose_of(labelled), [labelled])) == 0


def test_the_world_error_is_the_distance():
    pose, other = pose_of(person()), pose_of(person())
    other.world[:] = (0, 3, 4)
    np.testing.assert_allclose(world_error_m(pose, other), 5)
