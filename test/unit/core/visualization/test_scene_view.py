# SPDX-License-Identifier: Apache-2.0
"""People of several cameras in one picture."""

from dataclasses import replace

import numpy as np
import pytest
from support.bodies import placed
from support.walks import MOUNTS, body_at

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import Placement, Pose
from blazepose_ros.core.visualization.scene_view import (
    BACKGROUND,
    FRUSTUM,
    FRUSTUM_M,
    SceneCamera,
    draw_scene,
    mosaic,
    viewpoint,
)

CAMERAS = [
    SceneCamera(mount.name, mount.lens, Rigid(mount.rotation.T, np.array(mount.center))) for mount in MOUNTS
]


def fused() -> Pose:
    points = body_at(0.0)
    hips = points[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]].mean(axis=0)
    person = placed(hips, world=points - hips)
    assert person.hip_center is not None
    return replace(person, hip_center=replace(person.hip_center, source=Placement.FUSED))


@pytest.mark.parametrize("number", range(len(MOUNTS)))
def test_a_camera_sees_a_fused_person_where_it_saw_them_itself(number: int) -> None:
    seen, true = CAMERAS[number].seen(fused()), MOUNTS[number].sees(0.0)
    assert seen.screen[:, :2] == pytest.approx(true.screen[:, :2], abs=0.01)
    assert seen.world == pytest.approx(true.world, abs=1e-5)


def test_who_is_not_placed_is_seen_as_they_are() -> None:
    person = replace(fused(), hip_center=None)
    assert CAMERAS[0].seen(person) is person


def test_what_is_behind_a_camera_is_not_in_its_image() -> None:
    away = SceneCamera("away", MOUNTS[0].lens, Rigid(MOUNTS[0].rotation.T, np.array([-9.0, 0.0, 1.8])))
    assert np.isnan(away.seen(fused()).screen[:, 0]).all()


def test_a_frustum_begins_at_the_lens_and_opens_where_it_looks() -> None:
    for mount, camera in zip(MOUNTS, CAMERAS, strict=True):
        center, *corners = camera.corners()
        assert center == pytest.approx(mount.center)
        middle = np.mean(corners, axis=0) - mount.center
        assert mount.rotation @ middle == pytest.approx([0.0, 0.0, FRUSTUM_M], abs=0.01)


def test_a_viewpoint_is_as_far_away_as_told_and_upright() -> None:
    view = viewpoint((1.0, 2.0, 3.0), 5.0, 30.0, 20.0)
    assert view.rotation @ view.rotation.T == pytest.approx(np.eye(3))
    assert np.linalg.det(view.rotation) == pytest.approx(1.0)
    assert view.translation + 5.0 * view.rotation[:, 2] == pytest.approx([1.0, 2.0, 3.0])
    assert view.rotation[2, 0] == pytest.approx(0.0)  # the image's rows are level
    assert view.rotation[2, 1] < 0.0  # its columns point down


def test_the_scene_shows_cameras_and_people() -> None:
    view = viewpoint((0.0, 0.0, 1.0), 9.0, 30.0, 20.0)
    empty = draw_scene([], [], view, (320, 240))
    with_cameras = draw_scene([], CAMERAS, view, (320, 240))
    with_all = draw_scene([fused()], CAMERAS, view, (320, 240))
    assert empty.shape == (240, 320, 3)
    assert (empty[0] == BACKGROUND).all()
    assert (with_cameras == FRUSTUM).all(axis=2).any()
    assert not (empty == FRUSTUM).all(axis=2).any()
    changed = (with_all != with_cameras).any(axis=2)
    assert changed[60:180, 120:200].any()


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (3, 2), (4, 2)])
def test_a_mosaic_is_as_high_as_the_scene(count: int, columns: int) -> None:
    rows = 1 if count < 3 else 2
    views = [np.full((60, 80, 3), 10 * number, np.uint8) for number in range(count)]
    picture = mosaic(views, np.full((120, 100, 3), 255, np.uint8))
    width = round(80 * (120 // rows) / 60)
    assert picture.shape == (120, columns * width + 100, 3)
    assert (picture[:, -1] == 255).all()
    for number in range(count):
        row, column = divmod(number, columns)
        assert (picture[row * 120 // rows + 5, column * width + 5] == 10 * number).all()
