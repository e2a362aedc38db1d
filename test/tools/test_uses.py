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
from blazepose_ros.core.types import Frame, ModelComplexity

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


# What may be said of the photographs, each held for a second, looked at one by one; of any other: nothing.
# An arm that is held out in a balance points: a photograph does not tell.
IN_PHOTOGRAPHS: dict[str, set[str]] = {
    "mp_portrait.jpg": {"ARMS_CROSSED"},
    "mp_ios_test_image.jpg": {"SITTING"},
    "coco174375_crowd.jpg": {"HAND_RAISED", "STANDING"},
    "coco234748.jpg": {"STANDING"},
    "coco433998_spectators.jpg": {"STANDING"},
    "coco442450_two.jpg": {"STANDING"},
    "coco785_skier.jpg": {"STANDING"},
    "pcl_five_people_rgb.png": {"STANDING"},
    "passer_by.png": {"STANDING"},
    "two_in_a_park.png": {"STANDING"},
    "two_in_line.png": {"STANDING"},
    "two_people.png": {"STANDING"},
    "walker.png": {"STANDING"},
    "walker_back.png": {"HAND_RAISED"},
    "walker_balance.png": {"STANDING"},
    "walker_far_away.png": {"STANDING"},
    "walker_from_behind.png": {"STANDING"},
    "walker_front.png": {"STANDING"},
    "walker_low.png": {"STANDING"},
    "walker_turn.png": {"POINTING", "STANDING"},
    "walker_upright.png": {"STANDING"},
}
# What the other two models show besides: arms that hold poles, handlebars or the balance, and a deep lunge.
OF_OTHER_MODELS: dict[ModelComplexity, dict[str, set[str]]] = {
    ModelComplexity.LITE: {
        "coco349860.jpg": {"POINTING"},
        "coco433998_spectators.jpg": {"POINTING"},
        "coco785_skier.jpg": {"POINTING"},
        "mp_pose.jpg": {"SITTING"},
        "walker_balance.png": {"POINTING"},
    },
    ModelComplexity.FULL: {},
    ModelComplexity.HEAVY: {"coco165518.jpg": {"POINTING"}, "walker_balance.png": {"POINTING"}},
}


OTHERS = [pytest.param(each, marks=pytest.mark.thorough) for each in ModelComplexity if OF_OTHER_MODELS[each]]


@pytest.mark.parametrize("model", [ModelComplexity.FULL, *OTHERS])
def test_a_photograph_shows_no_gesture_that_is_not_in_it(data: Path, model: ModelComplexity) -> None:
    wrong, right = {}, {}
    with create_estimator(model, num_poses=5) as estimator:
        for path in sorted((data / "images").iterdir()):
            bgr = cv2.imread(str(path))
            if "depth" in path.name or bgr is None:
                continue
            estimator.reset()
            poses = estimator.estimate(Frame(np.ascontiguousarray(bgr[..., ::-1]), 1))
            recognizer = GestureRecognizer(0.5)
            for stamp_ns in range(0, 10**9, 10**8):
                found = recognizer.update(poses, UP_IN_IMAGES, stamp_ns)
            names, there = {each.kind.name for each in found}, IN_PHOTOGRAPHS.get(path.name, set())
            if names - there:
                wrong[path.name] = names - there
            right[path.name] = names & there
    assert wrong == {name: kinds for name, kinds in OF_OTHER_MODELS[model].items() if name in right}
    assert sum(map(bool, right.values())) >= 10


# What may be said of the clips' people, looked at: the walker balances with an arm above the head.
IN_CLIPS = {
    "one_by_one": {"STANDING"},
    "park": {"STANDING", "HAND_RAISED", "BOTH_HANDS_RAISED"},
    "pose2sim_cam01": {"STANDING"},
    "pose2sim_cam02": {"STANDING"},
    "pose2sim_cam03": {"STANDING", "HAND_RAISED"},
    "pose2sim_cam04": {"STANDING", "HAND_RAISED"},
    "pose2sim_two_cam01": {"STANDING"},
    "pose2sim_two_cam02": {"STANDING"},
    "pose2sim_two_cam03": {"STANDING", "HAND_RAISED"},
    "pose2sim_two_cam04": {"STANDING", "HAND_RAISED"},
    "squats": {"STANDING"},
}
IN_NO_PACKAGE = {"one_by_one", "squats"}


@pytest.mark.thorough
@pytest.mark.parametrize("clip_name", IN_CLIPS if DATA.is_dir() else sorted(IN_CLIPS.keys() - IN_NO_PACKAGE))
def test_a_clip_shows_no_gesture_that_is_not_in_it(data: Path, clip_name: str) -> None:
    """Every image of it; two people at most are looked for."""
    path = data / "videos" / f"{clip_name}.mp4"
    recognizer, shown = GestureRecognizer(0.5), set()
    rate_hz = cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS)
    with create_estimator(num_poses=2) as estimator:
        for frame in frames(path, rate_hz):
            found = recognizer.update(estimator.estimate(frame), UP_IN_IMAGES, frame.stamp_ns)
            shown |= {each.kind.name for each in found}
    assert shown <= IN_CLIPS[clip_name]
