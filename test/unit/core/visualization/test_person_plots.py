# SPDX-License-Identifier: Apache-2.0
"""The picture with the screen and the 3D views."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from blazepose_ros.core.landmarks import NUM_LANDMARKS
from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.person_plots import DPI, SKELETON_SIZE_INCHES, save_skeleton_plot

IMAGE = np.full((120, 160, 3), (200, 40, 40), np.uint8)


def pose(world: Any) -> Pose:
    screen = np.column_stack([np.linspace(10, 150, 33), np.linspace(10, 110, 33), np.zeros(33)])
    ones = np.ones(NUM_LANDMARKS, np.float32)
    return Pose(screen.astype(np.float32), ones, ones, world.astype(np.float32), person_id=1)


def spiral() -> Any:
    t = np.linspace(0, 6, NUM_LANDMARKS)
    return np.column_stack([0.4 * np.cos(t), np.linspace(-0.7, 0.8, NUM_LANDMARKS), 0.4 * np.sin(t)])


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    """Return a function that saves a plot and reads it back, red first."""

    def save(world: Any) -> Any:
        path = tmp_path / "skeleton.png"
        save_skeleton_plot(path, IMAGE, pose(world))
        return cv2.imread(str(path))[:, :, ::-1].astype(int)

    return save


def blue_or_green(rgb: Any) -> Any:
    """Return where the colors of depth are: little red, much of another."""
    return (rgb[:, :, 0] < 60) & (rgb[:, :, 1:].max(axis=2) > 120)


def test_the_png_has_its_size_and_shows_the_photograph_on_the_left(saved: Any) -> None:
    rgb = saved(spiral())
    assert rgb.shape == (SKELETON_SIZE_INCHES[1] * DPI, SKELETON_SIZE_INCHES[0] * DPI, 3)
    red = (rgb == (200, 40, 40)).all(axis=2)
    columns = np.nonzero(red)[1]
    assert columns.size > 100_000
    assert columns.max() < rgb.shape[1] / 2


def test_all_four_views_of_the_world_show_the_skeleton(saved: Any) -> None:
    right_half = blue_or_green(saved(spiral()))[:, 960:]
    for rows in np.array_split(right_half, 2, axis=0):
        for view in np.array_split(rows, 2, axis=1):
            assert view.sum() > 500


def test_up_is_up_in_the_front_view(saved: Any) -> None:
    """A body whose landmarks are below the hips (y down) lies below the middle of the view."""
    upper = blue_or_green(saved(spiral() * (1, 0.02, 1) + (0, -0.7, 0)))
    lower = blue_or_green(saved(spiral() * (1, 0.02, 1) + (0, 0.7, 0)))
    front = np.s_[560:1000, 980:1400]
    assert np.nonzero(upper[front])[0].mean() + 100 < np.nonzero(lower[front])[0].mean()


def test_landmarks_that_are_missing_are_left_out(saved: Any) -> None:
    world = spiral()
    world[5:20] = np.nan
    some = blue_or_green(saved(world))[:, 960:].sum()
    assert 0 < some < blue_or_green(saved(spiral()))[:, 960:].sum()


def test_a_pose_without_world_landmarks_still_gives_a_picture(saved: Any) -> None:
    assert not blue_or_green(saved(np.full((33, 3), np.nan)))[:, 960:].any()


def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save_skeleton_plot(tmp_path / "none" / "skeleton.png", IMAGE, pose(spiral()))
