# SPDX-License-Identifier: Apache-2.0
"""Two people, one beside or behind the other: both are found, and each keeps the number."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from support.photographs import frames, model_name, read_rgb

from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.types import Frame, ModelComplexity

pytest.importorskip("openvino", reason="OpenVINO is not installed")

FPS, IMAGES = 60, 100
# Where the hips of the walker and of the woman beside him are in every eleventh image, by camera:
# x and y in pixels, read with Heavy in squares drawn by hand and checked by eye.
EVERY = 11
HIPS_PX = {
    1: (
        "420,740 430,750 440,770 440,790 450,800 450,790 460,790 520,830 580,850 630,870",
        "760,1330 750,1330 750,1320 750,1340 670,1360 700,1310 700,1310 710,1310 710,1330 750,1330",
    ),
    2: (
        "590,760 560,760 530,780 500,790 480,800 480,780 490,780 510,810 530,820 540,830",
        "190,1080 190,1090 190,1090 200,1100 160,1110 190,1080 190,1090 190,1090 180,1080 200,1090",
    ),
    3: (
        "650,910 620,900 590,880 570,860 560,830 560,830 520,810 470,820 400,810 360,810",
        "270,790 270,790 270,790 270,780 300,790 300,770 300,780 300,780 290,790 270,790",
    ),
    4: (
        "400,990 440,950 480,910 510,880 540,860 540,840 550,830 530,830 510,810 510,800",
        "780,680 780,680 780,680 780,680 810,690 800,690 800,690 800,690 800,690 780,680",
    ),
}
REACH_PX = 80  # a third of a torso
LEAST_BOTH = 85
STILL_IMAGES, STILL_NS = 30, 33_000_000
# An image of the empty room, and one of somebody alone in it.
ALONE = slice(60, 200)


def hips_of(camera: int) -> Any:
    """Return where the hips of both are, (images, 2, 2), pixels."""
    known = np.array([[each.split(",") for each in person.split()] for person in HIPS_PX[camera]], float)
    images = np.arange(IMAGES)
    return np.stack(
        [[np.interp(images, images[::EVERY], axis) for axis in person.T] for person in known]
    ).transpose(2, 0, 1)


@pytest.mark.parametrize(
    ("camera", "complexity"),
    [
        *((camera, ModelComplexity.FULL) for camera in HIPS_PX),
        *((camera, ModelComplexity.LITE) for camera in (1, 3)),
        (3, ModelComplexity.HEAVY),
    ],
)
def test_both_are_found_and_keep_their_numbers(
    models: dict[ModelComplexity, bytes], data: Path, camera: int, complexity: ModelComplexity
) -> None:
    clip = data / "videos" / f"pose2sim_two_cam0{camera}.mp4"
    if not clip.exists():
        pytest.skip(f"there is no clip of two people at {clip}")
    estimator = choose_estimator("openvino", EstimatorOptions(models[complexity], num_poses=2)).estimator
    pipeline = PersonPipeline(PipelineOptions())
    both, numbers = 0, (set[int](), set[int]())
    for frame, hips in zip(frames(clip, FPS), hips_of(camera), strict=True):
        people = pipeline.update(frame, estimator.estimate(frame), FrameContext())
        found = np.array([pose.screen[[23, 24], :2].mean(axis=0) for pose in people]).reshape(-1, 2)
        away = np.linalg.norm(hips[:, None] - found, axis=2)
        near = [(a, b) for a, b in zip(*linear_sum_assignment(away), strict=True) if away[a, b] < REACH_PX]
        both += len(near) == 2
        for person, index in near:
            numbers[person].add(people[index].person_id)
    estimator.close()
    print(  # noqa: T201
        f"two people, camera {camera}, {model_name(complexity)}: both in {both} images, numbers {numbers}"
    )
    assert both >= LEAST_BOTH
    assert [len(given) for given in numbers] == [1, 1]


@pytest.mark.parametrize("num_poses", [2, 5])
def test_who_is_alone_stays_alone(models: dict[ModelComplexity, bytes], data: Path, num_poses: int) -> None:
    options = EstimatorOptions(models[ModelComplexity.LITE], num_poses=num_poses)
    estimator = choose_estimator("openvino", options).estimator
    squats = frames(data / "videos" / "squats.mp4", 30)
    assert all(len(estimator.estimate(frame)) == 1 for frame in squats)
    room = itertools.islice(frames(data / "videos" / "one_by_one.mp4", 10), ALONE.start, ALONE.stop)
    several = sum(len(estimator.estimate(frame)) > 1 for frame in room)
    estimator.close()
    print(f"one person, {num_poses} asked for: others in {several} images of 140")  # noqa: T201
    assert several <= 3


@pytest.mark.parametrize(
    "path", ["nobody_park.png", "nobody_coffee.png", "nobody_motorcycle.png", "nobody_lab_dark.png"]
)
def test_where_nobody_is_five_are_not_found(
    models: dict[ModelComplexity, bytes], data: Path, path: str
) -> None:
    rgb = read_rgb(data / "images" / path)
    options = EstimatorOptions(models[ModelComplexity.FULL], num_poses=5)
    estimator = choose_estimator("openvino", options).estimator
    assert not any(estimator.estimate(Frame(rgb, number * STILL_NS)) for number in range(STILL_IMAGES))
    estimator.close()
