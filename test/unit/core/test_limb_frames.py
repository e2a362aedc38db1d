# SPDX-License-Identifier: Apache-2.0
"""Frames of limbs, with a rotation."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from support.bodies import FACING_AXES, FACING_M

from blazepose_ros.core.landmarks import MIRRORED, Landmark
from blazepose_ros.core.limb_frames import MIN_LENGTH_M, ORIGINS, limb_frames

SEEN = np.ones(33)
BODY = FACING_M @ FACING_AXES
FORWARD, LEFT, UP = np.eye(3)
DOWN = -UP
ENDS = {
    "left_upper_arm": (Landmark.LEFT_SHOULDER, Landmark.LEFT_ELBOW),
    "right_forearm": (Landmark.RIGHT_ELBOW, Landmark.RIGHT_WRIST),
    "left_thigh": (Landmark.LEFT_HIP, Landmark.LEFT_KNEE),
    "right_shank": (Landmark.RIGHT_KNEE, Landmark.RIGHT_ANKLE),
    "right_foot": (Landmark.RIGHT_HEEL, Landmark.RIGHT_FOOT_INDEX),
}
bodies = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(0, 0.5, (33, 3)))


def limb(start: str, *bones: Any) -> Any:
    """Return the body at rest with a chain of bones, directions of 0.3 m each, laid from a landmark on."""
    chain = {"LEFT_SHOULDER": ["LEFT_ELBOW", "LEFT_WRIST"], "LEFT_HIP": ["LEFT_KNEE", "LEFT_ANKLE"]}[start]
    points = BODY.copy()
    at = points[Landmark[start]]
    for name, bone in zip(chain, bones, strict=True):
        at = at + 0.3 * np.asarray(bone) / np.linalg.norm(bone)
        points[Landmark[name]] = at
    return points


@given(bodies)
@example(np.random.default_rng(2612753679).normal(0, 0.5, (33, 3)))  # whose right foot has no length
def test_every_frame_is_a_rotation_whose_x_is_along_the_bone(points: Any) -> None:
    frames = limb_frames(points, SEEN, 0.5)
    for frame in frames.values():
        np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-9)
        assert np.linalg.det(frame) == pytest.approx(1)
    for name, (start, end) in ENDS.items():
        bone = points[end] - points[start]
        length_m = np.linalg.norm(bone)
        assert (name in frames) == (length_m > MIN_LENGTH_M)
        if name in frames:
            np.testing.assert_allclose(frames[name][:, 0], bone / length_m, atol=1e-9)


@given(bodies)
def test_left_and_right_are_mirror_images(points: Any) -> None:
    mirror = np.diag([1.0, -1.0, 1.0])
    frames, others = limb_frames(points, SEEN, 0.5), limb_frames(points[MIRRORED] @ mirror, SEEN, 0.5)
    for name, frame in frames.items():
        other = others[name.replace("left", "?").replace("right", "left").replace("?", "right")]
        np.testing.assert_allclose(mirror @ other @ mirror, frame, atol=1e-6)


def test_all_limbs_are_there_and_those_that_are_not_seen_are_not() -> None:
    assert limb_frames(BODY, SEEN, 0.5).keys() == ORIGINS.keys()
    hidden = SEEN.copy()
    hidden[Landmark.LEFT_ELBOW] = 0.4
    missing = ORIGINS.keys() - limb_frames(BODY, hidden, 0.5).keys()
    assert missing == {"left_upper_arm", "left_forearm"}
    assert limb_frames(np.full((33, 3), np.nan), SEEN, 0.5) == {}
    assert limb_frames(np.zeros((33, 3)), SEEN, 0.5) == {}


@pytest.mark.parametrize(("start", "limbs"), [
    ("LEFT_SHOULDER", ("left_upper_arm", "left_forearm")), ("LEFT_HIP", ("left_thigh", "left_shank")),
])  # fmt: skip
def test_a_hanging_limb_is_at_rest(start: str, limbs: Any) -> None:
    frames = limb_frames(limb(start, DOWN, DOWN), SEEN, 0.5)
    for name in limbs:
        np.testing.assert_allclose(frames[name], np.column_stack([DOWN, LEFT, FORWARD]), atol=1e-9)


def test_trunk_head_and_feet_at_rest() -> None:
    points = BODY.copy()
    heel = points[Landmark.LEFT_HEEL]
    points[Landmark.LEFT_ANKLE], points[Landmark.LEFT_KNEE] = heel + 0.1 * UP, heel + 0.5 * UP
    points[Landmark.LEFT_FOOT_INDEX] = heel + 0.2 * FORWARD
    frames = limb_frames(points, SEEN, 0.5)
    np.testing.assert_allclose(frames["trunk"], np.column_stack([UP, LEFT, -FORWARD]), atol=1e-9)
    np.testing.assert_allclose(frames["head"][:, 1], LEFT, atol=1e-9)
    np.testing.assert_allclose(frames["left_foot"], np.column_stack([FORWARD, LEFT, UP]), atol=1e-9)


def test_a_bent_elbow_tells_how_the_upper_arm_is_turned() -> None:
    """The arm hangs, the forearm points forward, to the left and to the right: 90 degrees of twist each."""
    for fore, y in ((FORWARD, LEFT), (LEFT, -FORWARD), (-LEFT, FORWARD)):
        frames = limb_frames(limb("LEFT_SHOULDER", DOWN, fore), SEEN, 0.5)
        np.testing.assert_allclose(frames["left_upper_arm"][:, 1], y, atol=1e-9)
        np.testing.assert_allclose(frames["left_forearm"][:, 1], y, atol=1e-9)


def test_a_bent_knee_tells_how_the_thigh_is_turned() -> None:
    for shank, y in ((-FORWARD, LEFT), (LEFT, FORWARD)):
        frames = limb_frames(limb("LEFT_HIP", DOWN, shank), SEEN, 0.5)
        np.testing.assert_allclose(frames["left_thigh"][:, 1], y, atol=1e-9)


@pytest.mark.parametrize("direction", [UP, FORWARD, -FORWARD, LEFT, -LEFT, UP + 1e-9 * LEFT])
def test_a_straight_arm_has_a_frame_wherever_it_points(direction: Any) -> None:
    frames = limb_frames(limb("LEFT_SHOULDER", direction, direction), SEEN, 0.5)
    np.testing.assert_allclose(frames["left_upper_arm"], frames["left_forearm"], atol=1e-6)
    if abs(direction @ LEFT) < 0.5:  # raised through the front
        np.testing.assert_allclose(frames["left_upper_arm"][:, 1], LEFT, atol=1e-6)


@given(st.floats(0.05, 1.4))
def test_the_frame_does_not_jump_while_an_elbow_bends(angle: float) -> None:
    def bent(by: float) -> Any:
        fore = np.cos(by) * DOWN + np.sin(by) * (FORWARD + 0.5 * LEFT) / np.linalg.norm(FORWARD + 0.5 * LEFT)
        return limb_frames(limb("LEFT_SHOULDER", DOWN, fore), SEEN, 0.5)["left_upper_arm"]

    turned = Rotation.from_matrix(bent(angle).T @ bent(angle + 1e-3)).magnitude()
    assert turned < 0.02


def test_a_hand_follows_its_knuckles() -> None:
    points = BODY.copy()
    wrist = points[Landmark.LEFT_WRIST]
    points[Landmark.LEFT_INDEX] = wrist + 0.03 * FORWARD + 0.08 * DOWN
    points[Landmark.LEFT_PINKY] = wrist - 0.03 * FORWARD + 0.08 * DOWN
    frames = limb_frames(points, SEEN, 0.5)
    np.testing.assert_allclose(frames["left_hand"], np.column_stack([DOWN, LEFT, FORWARD]), atol=1e-9)
