# SPDX-License-Identifier: Apache-2.0
"""Skeletons on images."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from blazepose_ros.core.landmarks import NUM_LANDMARKS, RIGHT_SIDE, Landmark
from blazepose_ros.core.types import HipCenter, Placement, Pose
from blazepose_ros.core.visualization.palette import landmark_colors
from blazepose_ros.core.visualization.skeleton_overlay import annotate, write_under

# On the unit square, a person that faces the camera: left landmarks on the image's right.
NOSE_XY, PERSON_XY = (0.5, 0.15), {
    "SHOULDER": (0.10, 0.3), "ELBOW": (0.2, 0.42), "WRIST": (0.25, 0.55), "PINKY": (0.28, 0.6),
    "INDEX": (0.26, 0.62), "THUMB": (0.22, 0.6), "HIP": (0.07, 0.58), "KNEE": (0.08, 0.75),
    "ANKLE": (0.08, 0.9), "HEEL": (0.05, 0.93), "FOOT_INDEX": (0.12, 0.95), "EYE_INNER": (0.01, 0.12),
    "EYE": (0.02, 0.12), "EYE_OUTER": (0.03, 0.12), "EAR": (0.05, 0.13),
    "MOUTH": (0.015, 0.18),
}  # fmt: skip
BODY_HEIGHT_M = 1.8


def unit_xy(landmark: Any) -> Any:
    if landmark is Landmark.NOSE:
        return NOSE_XY
    part = landmark.name.replace("LEFT", "").replace("RIGHT", "").strip("_")
    offset, y = PERSON_XY[part]
    return (0.5 - offset if landmark in RIGHT_SIDE else 0.5 + offset), y


def person(width: Any = 640, height: Any = 480, **changes: Any) -> Pose:
    """Return a standing person that fills an image, its right side nearer."""
    xy = np.array([unit_xy(landmark) for landmark in Landmark], np.float32)
    z_m = np.where([landmark in RIGHT_SIDE for landmark in Landmark], -0.3, 0.3)
    hips = xy[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]].mean(axis=0)
    world = np.column_stack([(xy - hips) * BODY_HEIGHT_M, z_m])
    fields = {
        "screen": np.column_stack([xy * (width, height), z_m]).astype(np.float32),
        "visibility": np.ones(NUM_LANDMARKS, np.float32),
        "presence": np.ones(NUM_LANDMARKS, np.float32),
        "world": world.astype(np.float32),
    }
    return Pose(**(fields | changes))


def grey(width: Any = 640, height: Any = 480) -> Any:
    return np.full((height, width, 3), 128, np.uint8)


def painted(before: Any, after: Any) -> Any:
    return (before != after).any(axis=2)


def moved(pose: Any, dx: Any, dy: Any) -> Any:
    return person(screen=pose.screen + np.array([dx, dy, 0], np.float32))


def test_the_image_given_is_never_changed() -> None:
    image = grey()
    annotated = annotate(image, [person()], 0.5)
    assert (image == 128).all()
    assert not np.shares_memory(image, annotated)
    assert annotated.shape == image.shape
    assert annotated.dtype == np.uint8


def test_without_people_the_copy_equals_the_image() -> None:
    assert (annotate(grey(), [], 0.5) == 128).all()


def test_a_read_only_view_that_is_not_contiguous_can_be_annotated() -> None:
    image = np.full((480, 1280, 3), 128, np.uint8)[:, ::2]
    image.flags.writeable = False
    assert (annotate(image, [person()], 0.5) == annotate(grey(), [person()], 0.5)).all()


@pytest.mark.parametrize(("width", "height"), [(320, 240), (640, 480), (1920, 1080)])
def test_joints_are_painted_where_the_landmarks_are(width: int, height: int) -> None:
    pose, image = person(width, height), grey(width, height)
    alone = np.full((NUM_LANDMARKS, 3), np.nan, np.float32)
    for joint in (Landmark.LEFT_ELBOW, Landmark.RIGHT_ANKLE, Landmark.NOSE):
        screen = alone.copy()
        screen[joint] = pose.screen[joint]
        one_joint = person(width, height, screen=screen)
        rows, columns = np.nonzero(painted(image, annotate(image, [one_joint], 0.5)))
        # The middle of pixel 0 is half a pixel from the image's corner.
        center = columns.mean() + 0.5, rows.mean() + 0.5
        assert center == pytest.approx(pose.screen[joint, :2], abs=0.5)


def test_a_left_joint_has_the_color_of_its_landmark_and_a_right_one_a_white_core() -> None:
    pose = person(1920, 1080)
    annotated = annotate(grey(1920, 1080), [pose], 0.5)
    colors = 255 * landmark_colors(pose, 0.5)[:, :3]
    x, y = pose.screen[Landmark.LEFT_ELBOW, :2].astype(int)
    assert annotated[y, x] == pytest.approx(colors[Landmark.LEFT_ELBOW], abs=1)
    x, y = pose.screen[Landmark.RIGHT_ELBOW, :2].astype(int)
    assert (annotated[y, x] == 255).all()


def test_a_bone_is_painted_between_its_joints_with_the_color_between_theirs() -> None:
    pose = person(1920, 1080)
    annotated = annotate(grey(1920, 1080), [pose], 0.5)
    ends = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]
    x, y = pose.screen[ends, :2].mean(axis=0).astype(int)
    expected = 255 * landmark_colors(pose, 0.5)[ends, :3].mean(axis=0)
    # One of the bone's eight pieces differs from the next by 3 % to 4 % of the gradient.
    assert annotated[y, x] == pytest.approx(expected, abs=10)


def test_a_hidden_joint_is_black_with_a_white_outline_on_a_black_image() -> None:
    hidden = person(visibility=np.zeros(NUM_LANDMARKS, np.float32))
    annotated = annotate(np.zeros((480, 640, 3), np.uint8), [hidden], 0.5)
    x, y = hidden.screen[Landmark.LEFT_ELBOW, :2].astype(int)
    assert (annotated[y, x] == 0).all()
    assert (annotated[y - 10 : y + 10, x - 10 : x + 10] == 255).all(axis=2).any()


def test_what_is_nearer_covers_what_is_further() -> None:
    pose = person(1920, 1080)
    screen = pose.screen.copy()
    screen[Landmark.LEFT_ELBOW] = screen[Landmark.RIGHT_ELBOW]
    annotated = annotate(grey(1920, 1080), [person(1920, 1080, screen=screen)], 0.5)
    x, y = screen[Landmark.RIGHT_ELBOW, :2].astype(int)
    assert (annotated[y, x] == 255).all()  # the core of the right one, which is nearer


def test_the_drawing_scales_with_the_image() -> None:
    # The outline is white on grey: at least half covered, a pixel is 192 or brighter.
    shares = [
        (annotate(grey(w, h), [person(w, h)], 0.5) >= 192).all(axis=2).mean()
        for w, h in ((640, 480), (1280, 960), (2560, 1920))
    ]
    assert shares == pytest.approx([shares[-1]] * 3, rel=0.15)


def test_a_person_far_away_is_drawn_with_thinner_bones() -> None:
    near, far = person(), person(screen=person().screen / 5)
    areas = [painted(grey(), annotate(grey(), [pose], 0.5)).sum() for pose in (near, far)]
    # A fifth of the length at the same width would leave a fifth of the area.
    assert areas[1] < 0.15 * areas[0]


def test_a_person_outside_of_the_image_leaves_no_trace() -> None:
    away = moved(person(person_id=3), 5000, 0)
    assert (annotate(grey(), [away], 0.5) == 128).all()


def test_a_person_partly_outside_is_drawn_up_to_the_edge() -> None:
    changed = painted(grey(), annotate(grey(), [moved(person(), 300, 0)], 0.5))
    assert changed[:, 630:].any()
    assert not changed[:, :300].any()


def test_a_landmark_that_is_missing_is_left_out_with_its_bones() -> None:
    screen = person().screen.copy()
    screen[Landmark.LEFT_ELBOW] = np.nan
    without = painted(grey(), annotate(grey(), [person(screen=screen)], 0.5))
    x, y = person().screen[Landmark.LEFT_ELBOW, :2].astype(int)
    assert not without[y - 8 : y + 8, x - 8 : x + 8].any()
    x, y = person().screen[Landmark.LEFT_SHOULDER, :2].astype(int)
    assert without[y, x]


def test_a_pose_of_nothing_but_nan_leaves_no_trace() -> None:
    nothing = np.full((NUM_LANDMARKS, 3), np.nan, np.float32)
    pose = person(screen=nothing, world=nothing, visibility=nothing[:, 0], person_id=1)
    assert (annotate(grey(), [pose], 0.5) == 128).all()


def test_a_pose_without_world_landmarks_is_drawn_black() -> None:
    pose = person(world=np.full((NUM_LANDMARKS, 3), np.nan, np.float32))
    annotated = annotate(grey(), [pose], 0.5)
    x, y = pose.screen[Landmark.LEFT_ELBOW, :2].astype(int)
    assert (annotated[y, x] == 0).all()


def hip_center(*position: Any) -> HipCenter:
    return HipCenter(np.array(position, float), np.eye(3), Placement.MONO)


@pytest.mark.parametrize("known", [{"person_id": 7}, {"hip_center": hip_center(0, 0, 3.4)}])
def test_a_label_stands_above_a_person_of_whom_something_is_known(known: Any) -> None:
    unlabeled = annotate(grey(), [person()], 0.5)
    rows = np.nonzero(painted(unlabeled, annotate(grey(), [person(**known)], 0.5)))[0]
    assert len(rows) > 100
    assert rows.max() < person().screen[:, 1].min()


def test_the_label_tells_the_distance() -> None:
    labels = [
        annotate(grey(), [person(hip_center=hip_center(*position))], 0.5)
        for position in ((0, 0, 5.0), (3.0, 0, 4.0), (0, 0, 2.0))
    ]
    assert (labels[0] == labels[1]).all()  # both are 5 m away
    assert (labels[0] != labels[2]).any()


def test_a_distance_that_is_not_a_number_is_not_written() -> None:
    nowhere = person(person_id=1, hip_center=hip_center(np.nan, 0, 1))
    assert (annotate(grey(), [nowhere], 0.5) == annotate(grey(), [person(person_id=1)], 0.5)).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 300), (300, 2), (16, 16)])
def test_tiny_images_are_annotated_too(width: int, height: int) -> None:
    pose = person(width, height, person_id=12, hip_center=hip_center(0, 0, 3.4))
    assert annotate(grey(width, height), [pose], 0.5).shape == (height, width, 3)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float32, (NUM_LANDMARKS, 3), elements=st.floats(width=32)),
    arrays(np.float32, (NUM_LANDMARKS, 3), elements=st.floats(width=32)),
)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_no_landmarks_do_any_harm(screen: Any, world: Any) -> None:
    image = grey(64, 48)
    assert annotate(image, [person(screen=screen, world=world, person_id=1)], 0.5).shape == image.shape


def test_lines_are_written_under_the_feet_one_below_the_other() -> None:
    image, pose = grey(), person(640, 240)  # in the upper half
    rows = [
        np.nonzero(painted(image, write_under(image, [(pose, lines)])).any(axis=1))[0]
        for lines in ([], ["squat 3"], ["squat 3", "arm raise 1"])
    ]
    assert (image == 128).all()
    assert not len(rows[0])
    lowest = pose.screen[:, 1].max()
    assert rows[1].min() == rows[2].min() == pytest.approx(lowest, abs=1)
    assert np.ptp(rows[2]) + 1 == 2 * (np.ptp(rows[1]) + 1)


def test_lines_under_feet_at_the_edge_are_in_the_image_as_a_whole() -> None:
    inside, at_edge = (
        painted(grey(), write_under(grey(), [(pose, ["squat 3", "lunge 12"])])).sum()
        for pose in (person(640, 240), moved(person(640, 240), 320, 235))
    )
    assert inside == at_edge


@pytest.mark.parametrize("pose", [person(screen=np.full((33, 3), np.nan)), moved(person(), 5000, 0)])
def test_nothing_is_written_under_who_is_nowhere_in_the_image(pose: Pose) -> None:
    assert (write_under(grey(), [(pose, ["squat 3"])]) == 128).all()
