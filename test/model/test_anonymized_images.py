# SPDX-License-Identifier: Apache-2.0
"""A face detector that is not ours finds no face in images in which people are hidden."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.photographs import frames, read_rgb

from blazepose_ros.core.api import create_estimator
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.frame_anonymizer import FrameAnonymizer
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import Frame, ModelComplexity
from blazepose_ros.core.visualization.anonymizer import COLOR, Anonymize

CASCADES = ("haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt2.xml")
FOLDER = Path(getattr(cv2, "data", cv2).__file__ or "").parent / ("" if hasattr(cv2, "data") else "data")
SETTINGS = NodeSettings(model_complexity=ModelComplexity.LITE, anonymize=Anonymize.FACE)
# Of a clip's images, so many apart; FACES_EVERY=1 takes all of them, which takes the better part of an hour.
EVERY = int(os.environ.get("FACES_EVERY", "13"))
LARGEST_PX = 800
FACES_PX = 1280  # of the longer side: faces are looked for in images of this size

HAS_CASCADES = (FOLDER / CASCADES[0]).exists()
CLIPS = (
    *("one_by_one", "park", "squats"),
    *(f"pose2sim_{trial}cam0{number}" for trial in ("", "two_") for number in (1, 2, 3, 4)),
)


def needs_cascades(test: Any) -> Any:
    """Mark a test that takes long, and needs OpenCV's face detector and the models."""
    for mark in (
        pytest.mark.thorough,
        pytest.mark.skipif(not HAS_CASCADES, reason="OpenCV comes without its cascades"),
        pytest.mark.usefixtures("models"),
    ):
        test = mark(test)
    return test


def photographs(data: Path) -> Iterator[Frame]:
    """Yield photographs, which have nothing to do with each other."""
    for path in sorted((data / "images").glob("*.[jp][pn]g")):
        rgb = read_rgb(path)
        if max(rgb.shape) <= LARGEST_PX:
            yield Frame(rgb, 0)


def clip(path: Path) -> Iterator[Frame]:
    """Yield a clip's images, some apart."""
    rate_hz = cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS)
    return islice(frames(path, rate_hz), 0, None, EVERY)


def faces(rgb: Any) -> Any:
    """Return boxes, (n, 4), of all faces that OpenCV's cascades find: left, top, width and height."""
    scale = min(1.0, FACES_PX / max(rgb.shape[:2]))
    gray = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), None, fx=scale, fy=scale)
    found = (cv2.CascadeClassifier(str(FOLDER / name)).detectMultiScale(gray, 1.1, 5) for name in CASCADES)
    return np.concatenate([np.reshape(boxes, (-1, 4)) for boxes in found]) / scale


def holds(box: Any, point: Any) -> bool:
    left, top, width, height = box
    return bool(left <= point[0] <= left + width and top <= point[1] <= top + height)


def faces_before_and_after(images: Iterable[Frame], *, apart: bool) -> tuple[int, int]:
    """Return how many faces are found in images, and how many of them in the anonymized ones.

    Cascades take furniture for faces as well: those count that hold a nose.

    Args:
        images: of one camera.
        apart: whether each is looked at as if there were no others.
    """
    anonymizer = FrameAnonymizer(FunctionLogger(print))
    before = after = 0
    with create_estimator(ModelComplexity.LITE, num_poses=4) as estimator:
        for frame in images:
            if apart:
                estimator.reset()
                anonymizer.reset()
            people = estimator.estimate(frame)
            noses = [person.screen[Landmark.NOSE] for person in people]
            shown = anonymizer.shown(frame, people, SETTINGS)
            real = [box for box in faces(frame.rgb) if any(holds(box, nose) for nose in noses)]
            places = [(left + width / 2, top + height / 2) for left, top, width, height in real]
            before += len(real)
            after += sum(holds(box, place) for box in faces(shown) for place in places)
    return before, after


@needs_cascades
def test_no_face_is_found_where_one_was_in_a_photograph(data: Path) -> None:
    before, after = faces_before_and_after(photographs(data), apart=True)
    assert before >= 2  # also in the photographs of the own data alone
    assert after == 0


# Whose people the cascades see a face of, at this rate or another one: the others turn away, or wear a cap.
FACING = {"squats"}


@needs_cascades
@pytest.mark.parametrize("name", CLIPS)
def test_no_face_is_found_where_one_was_in_a_clip(data: Path, name: str) -> None:
    path = data / "videos" / f"{name}.mp4"
    if not path.exists():
        pytest.skip(f"there is no clip {path}")
    before, after = faces_before_and_after(clip(path), apart=False)
    assert before > 0 or name not in FACING
    assert after == 0


# Of the camera that stands still, the middle of the face of a bystander who stands four meters behind others.
BYSTANDER_PX = (792, 522)


@pytest.mark.usefixtures("models")
def test_who_stands_small_behind_others_is_hidden_too(data: Path) -> None:
    anonymizer = FrameAnonymizer(FunctionLogger(print))
    with create_estimator(ModelComplexity.LITE) as estimator:
        for frame in islice(frames(data / "videos" / "pose2sim_two_cam02.mp4", 60), 0, 20, 10):
            shown = anonymizer.shown(frame, estimator.estimate(frame), SETTINGS)
            assert tuple(shown[BYSTANDER_PX[::-1]]) == COLOR
