# SPDX-License-Identifier: Apache-2.0
"""Exercises in clips are counted and learned, pictures measured, and gestures are those that they show."""

import subprocess
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from support import figures
from support.paths import DATA
from support.photographs import frames
from support.processes import executable

from blazepose_ros.core.api import create_estimator
from blazepose_ros.core.body_view import UP_IN_IMAGES, UP_IN_WORLD
from blazepose_ros.core.frame_sources.files import photograph
from blazepose_ros.core.gestures.recognizer import GestureRecognizer
from blazepose_ros.core.repetitions.counter import PeopleCounter
from blazepose_ros.core.repetitions.exercises import EXERCISES
from blazepose_ros.core.repetitions.learning import load_exercise
from blazepose_ros.core.types import Frame

RATE_HZ = 30.0
ALL = tuple(EXERCISES.values())

pytestmark = pytest.mark.usefixtures("models")


def blazepose(*arguments: Any) -> Any:
    command = [executable("blazepose"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def people_of(images: Sequence[tuple[int, np.ndarray]]) -> list[tuple[int, Any]]:
    """Return the stamps and the people of numbered images."""
    with create_estimator() as estimator:
        found = []
        for number, rgb in images:
            frame = Frame(np.ascontiguousarray(rgb), round(1e9 * (1 + number / RATE_HZ)))
            found.append((frame.stamp_ns, estimator.estimate(frame)))
        return found


class Exercised(NamedTuple):
    """A clip of somebody who does an exercise, and how often, counted by eye."""

    name: str
    exercise: str
    count: int
    corner: tuple[slice, slice] = (slice(None), slice(None))
    images: int | None = None
    gestures: frozenset[str] = frozenset()


CLIPS = [
    # A man on a hut, above whom and below whom others walk; then he jumps down.
    Exercised(
        "park.mp4",
        "jumping_jack",
        2,
        (slice(0, 540), slice(0, 960)),
        95,
        frozenset({"STANDING", "HAND_RAISED", "BOTH_HANDS_RAISED"}),
    ),
    # Which no package carries. It ends at the bottom of a third one.
    *([Exercised("squats.mp4", "squat", 2)] if (DATA / "videos" / "squats.mp4").exists() else []),
]


@pytest.fixture(scope="module", params=CLIPS, ids=lambda clip: clip.exercise)
def done(request: pytest.FixtureRequest) -> Exercised:
    """An exercise, done in a clip."""
    return request.param


@pytest.fixture(scope="module")
def images(done: Exercised, data: Path) -> list[np.ndarray]:
    return [
        frame.rgb[done.corner] for frame in islice(frames(data / "videos" / done.name, RATE_HZ), done.images)
    ]


@pytest.fixture(scope="module")
def people(images: list[np.ndarray]) -> list[tuple[int, Any]]:
    return people_of(list(enumerate(images)))


def counts(people: Any, up: Any = UP_IN_IMAGES, exercises: Any = ALL) -> dict[str, int]:
    counter, found = PeopleCounter(exercises, 0.5), {}
    for stamp_ns, poses in people:
        found |= {each.exercise.name: each.count for _, each in counter.update(poses, up, stamp_ns)}
    return found


def test_the_repetitions_of_a_clip_are_counted_exactly(done: Exercised, people: Any) -> None:
    assert counts(people) == {done.exercise: done.count}


def test_so_are_those_of_fused_people(done: Exercised, people: Any) -> None:
    fused = [(stamp_ns, [figures.fused(pose) for pose in poses]) for stamp_ns, poses in people]
    assert counts(fused, UP_IN_WORLD) == {done.exercise: done.count}


def changed(images: Sequence[np.ndarray], how: str) -> list[tuple[int, np.ndarray]]:
    kept = np.random.default_rng(0).random(len(images)) > 0.4
    return {
        "mirrored": [(number, rgb[:, ::-1]) for number, rgb in enumerate(images)],
        "at 10 Hz": list(enumerate(images))[::3],
        "dropped": [each for each, is_kept in zip(enumerate(images), kept, strict=True) if is_kept],
    }[how]


@pytest.mark.parametrize("how", ["mirrored", "at 10 Hz", "dropped"])
def test_so_are_those_of_a_changed_clip(done: Exercised, images: Any, how: str) -> None:
    assert counts(people_of(changed(images, how))) == {done.exercise: done.count}


def test_who_exercises_shows_no_other_gesture(done: Exercised, people: Any) -> None:
    recognizer = GestureRecognizer(0.5)
    shown = {
        each.kind.name
        for stamp_ns, poses in people
        for each in recognizer.update(poses, UP_IN_IMAGES, stamp_ns)
    }
    assert shown <= done.gestures


def test_an_exercise_is_learned_from_a_clip_and_counted_in_it(
    done: Exercised, images: Any, people: Any, tmp_path: Path
) -> None:
    clip, path = written(tmp_path / "clip.mp4", images), tmp_path / "mine.json"
    learned = blazepose("learn", clip, "--name", "mine", "--output", path)
    assert learned.returncode == 0, learned.stderr
    assert learned.stdout.startswith(f"{done.count} seen")
    assert f"exercise:={path}" in learned.stdout
    assert counts(people, exercises=[load_exercise(path).exercise()]) == {"mine": done.count}


def written(path: Path, images: Sequence[np.ndarray]) -> Path:
    height, width = images[0].shape[:2]
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE_HZ, (width, height))
    for rgb in images:
        video.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    video.release()
    return path


def test_a_picture_is_measured() -> None:
    measured = blazepose("measure", photograph(), "--distance", "left_shoulder,right_shoulder")
    assert measured.returncode == 0, measured.stderr
    words = measured.stdout.split()
    assert words[:3] == ["person", "1:", "left_shoulder,right_shoulder"]
    assert 0.25 < float(words[3]) < 0.45
    assert words[4] == "m"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["measure", "missing.jpg"], "does not exist"),
        (["measure", "x.jpg", "--angle", "left_tail"], "is none of left_elbow"),
        (["measure", "x.jpg", "--distance", "left_wrist"], "is not two of"),
        (["learn", "missing.mp4"], "does not exist"),
    ],
)
def test_what_cannot_be_is_refused_with_a_message(arguments: list[str], problem: str) -> None:
    done = blazepose(*arguments)
    assert done.returncode in {1, 2}
    assert problem in done.stderr


def test_a_picture_is_no_exercise(tmp_path: Path) -> None:
    done = blazepose("learn", photograph(), "--output", tmp_path / "x.json")
    assert done.returncode == 1
    assert "too few to learn from" in done.stderr
    assert not (tmp_path / "x.json").exists()


# What photographs show, looked at one by one.
SHOWN: dict[str, list[str]] = {
    "walker.png": ["STANDING"],
    "walker_upright.png": ["STANDING"],
    "walker_from_behind.png": ["STANDING"],
    "passer_by.png": ["STANDING"],
    "two_people.png": ["STANDING"],
    "two_in_line.png": ["STANDING"],
    "upper_body.png": [],
    "nobody_cat.png": [],
    "nobody_lab.png": [],
    "nobody_motorcycle.png": [],
    "nobody_park.png": [],
}
# Those that no package carries.
SHOWN_IN_MORE: dict[str, list[str]] = {
    "mp_portrait.jpg": ["ARMS_CROSSED"],
    "mp_ios_test_image.jpg": ["SITTING"],
    "mp_pose.jpg": [],
    "coco174375_crowd.jpg": ["HAND_RAISED"],
    "coco442450_two.jpg": ["STANDING"],
    "coco785_skier.jpg": ["STANDING"],
    "nobody_lego.jpg": [],
    "nobody_umbrellas.jpg": [],
    "nobody_warehouse_dark.jpg": [],
}


def test_a_photograph_shows_no_gesture_that_is_not_in_it(data: Path) -> None:
    expected = SHOWN | (SHOWN_IN_MORE if DATA.is_dir() else {})
    shown = {}
    with create_estimator(num_poses=5) as estimator:
        for name in expected:
            estimator.reset()
            rgb = np.ascontiguousarray(cv2.imread(str(data / "images" / name))[..., ::-1])
            poses = estimator.estimate(Frame(rgb, 1))
            recognizer = GestureRecognizer(0.5)
            for stamp_ns in range(0, 10**9, 10**8):
                found = recognizer.update(poses, UP_IN_IMAGES, stamp_ns)
            shown[name] = sorted({each.kind.name for each in found})
    assert shown == expected
