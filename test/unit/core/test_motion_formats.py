# SPDX-License-Identifier: Apache-2.0
"""Motions at a constant rate, and the files that motion tools open."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.bodies import FACING_M

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.motion_formats import (
    FROM_OPTICAL,
    BodyMotion,
    MotionError,
    motion_of,
    write_bvh,
    write_c3d,
    write_trc,
)

RATE_HZ = 30.0
FRAMES = 40
ARM = [Landmark.LEFT_ELBOW, Landmark.LEFT_WRIST, Landmark.LEFT_INDEX]
LEG = [Landmark.RIGHT_KNEE, Landmark.RIGHT_ANKLE, Landmark.RIGHT_HEEL, Landmark.RIGHT_FOOT_INDEX]


def turned(points: Any, marks: Any, about: Any, rotation: Rotation) -> None:
    points[marks] = points[about] + rotation.apply(points[marks] - points[about])


def walk(frames: int = FRAMES) -> np.ndarray:
    """Return a body that turns and leans while it raises an arm and bends a leg, in OpenSim's axes."""
    found = []
    for number in range(frames):
        points = FACING_M @ FROM_OPTICAL.T
        angle = number / frames
        turned(points, ARM, Landmark.LEFT_SHOULDER, Rotation.from_rotvec([angle, 0.5 * angle, 0.3]))
        turned(points, ARM[1:], ARM[0], Rotation.from_rotvec([0, 0, angle]))
        turned(points, LEG, Landmark.RIGHT_HIP, Rotation.from_rotvec([0.2, 0, angle]))
        turned(points, LEG[1:], LEG[0], Rotation.from_rotvec([0, 0, -angle]))
        body = Rotation.from_rotvec([0.1, 2 * angle, 0.2 * angle])
        found.append(body.apply(points) + np.array([3 - angle, 0.9, 0.1]))
    return np.array(found)


def test_a_motion_has_the_rate_of_most_images_and_is_interpolated_between_them() -> None:
    times_s = np.array([*np.arange(20) / 30, 20.5 / 30, 21 / 30])  # one was late
    points = times_s[:, None, None] * np.ones((33, 3))
    motion = motion_of(times_s + 1.7e9, points)
    assert motion.rate_hz == RATE_HZ
    assert len(motion.points) == 22
    np.testing.assert_allclose(motion.points, motion.times_s[:, None, None] * np.ones((33, 3)), atol=1e-6)


def test_where_a_person_was_not_seen_for_long_the_motion_has_a_gap() -> None:
    times_s = np.concatenate([np.arange(15), np.arange(45, 60)]) / RATE_HZ
    motion = motion_of(times_s, np.ones((30, 33, 3)))
    known = np.isfinite(motion.points[:, 0, 0])
    assert known.tolist() == [True] * 15 + [False] * 30 + [True] * 15


def test_repeated_stamps_count_once_and_any_order_will_do() -> None:
    times_s = np.array([*range(12), 3, 3, 0]) / RATE_HZ
    motion = motion_of(times_s[::-1], np.ones((15, 33, 3)))
    assert len(motion.points) == 12


def test_somebody_seen_in_passing_has_no_motion() -> None:
    with pytest.raises(MotionError, match="seen in 4 images"):
        motion_of([0, 1, 2, 3], np.ones((4, 33, 3)))


def test_points_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        BodyMotion(RATE_HZ, np.zeros((3, 17, 3)))


def test_a_trc_file_holds_every_landmark_in_millimeters(tmp_path: Path) -> None:
    points = walk()
    points[5, 3] = np.nan
    write_trc(tmp_path / "walk.trc", BodyMotion(RATE_HZ, points))
    lines = (tmp_path / "walk.trc").read_text().splitlines()
    assert lines[0].split("\t") == ["PathFileType", "4", "(X/Y/Z)", "walk.trc"]
    head = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    assert (head["DataRate"], head["NumFrames"], head["NumMarkers"], head["Units"]) == (
        "30",
        "40",
        "33",
        "mm",
    )
    assert lines[3].split("\t")[2::3] == [mark.frame_name for mark in Landmark]
    assert lines[4].split("\t")[-3:] == ["X33", "Y33", "Z33"]
    assert lines[5] == ""
    table = [[float(cell) if cell else np.nan for cell in line.split("\t")] for line in lines[6:]]
    assert [row[0] for row in table] == list(range(1, FRAMES + 1))
    np.testing.assert_allclose([row[1] for row in table], np.arange(FRAMES) / RATE_HZ, atol=1e-6)
    read = np.array(table)[:, 2:].reshape(FRAMES, 33, 3) / 1000
    np.testing.assert_allclose(read, points, atol=1e-6)


def test_a_c3d_file_holds_every_landmark(tmp_path: Path) -> None:
    ezc3d = pytest.importorskip("ezc3d")
    points = walk()
    write_c3d(tmp_path / "walk.c3d", BodyMotion(RATE_HZ, points))
    read = ezc3d.c3d(str(tmp_path / "walk.c3d"))
    assert read["header"]["points"]["frame_rate"] == RATE_HZ
    assert read["parameters"]["POINT"]["LABELS"]["value"] == [mark.frame_name for mark in Landmark]
    np.testing.assert_allclose(read["data"]["points"][:3].transpose(2, 1, 0), points, atol=1e-5)


def test_without_ezc3d_c3d_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ezc3d", None)
    with pytest.raises(MotionError, match="ezc3d"):
        write_c3d(tmp_path / "walk.c3d", BodyMotion(RATE_HZ, walk()))


def read_bvh(path: Path) -> tuple[dict[str, np.ndarray], float]:
    """Return where each joint and end is in each frame, as a reader of BVH puts them, and the frame time."""
    head, _, motion = path.read_text().partition("MOTION\n")
    _, frame_time, *rows = motion.splitlines()
    values = np.array([[float(cell) for cell in row.split()] for row in rows])
    stack: list[Any] = []
    places: dict[str, np.ndarray] = {}
    column = 0
    for words in (line.split() for line in head.splitlines()[1:]):
        if words[0] in ("ROOT", "JOINT", "End"):
            name = words[1] if words[0] != "End" else f"end of {stack[-1]['name']}"
            stack.append({"name": name, "turn": stack[-1]["turn"] if stack else None})
        elif words[0] == "OFFSET":
            offset = np.array([float(each) for each in words[1:]])
            parent = stack[-2] if len(stack) > 1 else None
            start = (
                parent["at"] + parent["turn"].apply(offset) if parent else np.tile(offset, (len(values), 1))
            )
            stack[-1]["at"] = places[stack[-1]["name"]] = start
        elif words[0] == "CHANNELS":
            if words[1] == "6":
                stack[-1]["at"] = places[stack[-1]["name"]] = values[:, :3]
                column = 3
            order = "".join(word[0] for word in words[-3:])
            turn = Rotation.from_euler(order, values[:, column : column + 3], degrees=True)
            column += 3
            above = stack[-2]["turn"] if len(stack) > 1 else None
            stack[-1]["turn"] = above * turn if above is not None else turn
        elif words[0] == "}":
            stack.pop()
    assert column == values.shape[1]
    return places, float(frame_time.split()[-1])


def test_the_skeleton_of_a_bvh_file_is_where_the_body_is(tmp_path: Path) -> None:
    points = walk()
    write_bvh(tmp_path / "walk.bvh", BodyMotion(RATE_HZ, points))
    places, frame_time_s = read_bvh(tmp_path / "walk.bvh")
    assert frame_time_s == pytest.approx(1 / RATE_HZ)
    for mark in (*ARM[:2], Landmark.RIGHT_KNEE, Landmark.RIGHT_ANKLE, Landmark.LEFT_ANKLE):
        np.testing.assert_allclose(places[mark.frame_name], points[:, mark], atol=1e-4)
    np.testing.assert_allclose(places["end of left_wrist"], points[:, Landmark.LEFT_INDEX], atol=1e-4)


def test_bones_of_a_bvh_file_keep_their_lengths_where_those_seen_do_not(tmp_path: Path) -> None:
    shaking = walk() + np.random.default_rng(0).normal(0, 0.03, (FRAMES, 33, 3))
    write_bvh(tmp_path / "walk.bvh", BodyMotion(RATE_HZ, shaking))
    places, _ = read_bvh(tmp_path / "walk.bvh")
    for start, end in (("left_elbow", "left_wrist"), ("right_hip", "right_knee"), ("spine", "chest")):
        lengths = np.linalg.norm(places[end] - places[start], axis=1)
        assert np.ptp(lengths) < 1e-5
        assert 0.1 < lengths[0] < 0.7
    seen = np.linalg.norm(shaking[:, Landmark.LEFT_WRIST] - shaking[:, Landmark.LEFT_ELBOW], axis=1)
    assert np.ptp(seen) > 0.05


def test_a_gap_is_bridged_in_a_bvh_file(tmp_path: Path) -> None:
    points = walk()
    points[10:20] = np.nan
    write_bvh(tmp_path / "walk.bvh", BodyMotion(RATE_HZ, points))
    places, _ = read_bvh(tmp_path / "walk.bvh")
    assert all(np.isfinite(each).all() for each in places.values())
