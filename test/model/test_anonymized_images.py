# SPDX-License-Identifier: Apache-2.0
"""A face detector that is not ours finds no face in images in which people are hidden."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.photographs import clip_bgr, read_rgb

from blazepose_ros.core.api import create_estimator
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.frame_anonymizer import FrameAnonymizer
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import Frame, ModelComplexity
from blazepose_ros.core.visualization.anonymizer import Anonymize

CASCADES = ("haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt2.xml")
FOLDER = Path(getattr(cv2, "data", cv2).__file__ or "").parent / ("" if hasattr(cv2, "data") else "data")
SETTINGS = NodeSettings(model_complexity=ModelComplexity.LITE, anonymize=Anonymize.FACE)
EVERY = 13  # of a clip's images
LARGEST_PX = 800

HAS_CASCADES = (FOLDER / CASCADES[0]).exists()


def pictures(data: Path) -> Iterator[Any]:
    """Yield photographs, and images of the clip in which somebody faces the camera, where it is."""
    for path in sorted((data / "images").glob("*.[jp][pn]g")):
        rgb = read_rgb(path)
        if max(rgb.shape) <= LARGEST_PX:
            yield rgb
    squats = data / "videos" / "squats.mp4"
    if squats.exists():
        for bgr in islice(clip_bgr(squats), 0, None, EVERY):
            yield np.ascontiguousarray(bgr[..., ::-1])


def faces(rgb: Any) -> Any:
    """Return boxes, (n, 4), of all faces that OpenCV's cascades find: left, top, width and height."""
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    found = (cv2.CascadeClassifier(str(FOLDER / name)).detectMultiScale(gray, 1.1, 5) for name in CASCADES)
    return np.concatenate([np.reshape(boxes, (-1, 4)) for boxes in found])


def holds(box: Any, point: Any) -> bool:
    left, top, width, height = box
    return bool(left <= point[0] <= left + width and top <= point[1] <= top + height)


@pytest.mark.thorough
@pytest.mark.skipif(not HAS_CASCADES, reason="OpenCV comes without its cascades")
@pytest.mark.usefixtures("models")
def test_no_face_is_found_where_one_was_before(data: Path) -> None:
    """Cascades take furniture for faces as well: those count that hold a nose."""
    anonymizer = FrameAnonymizer(FunctionLogger(print))
    before = after = 0
    with create_estimator(ModelComplexity.LITE, num_poses=4) as estimator:
        for rgb in pictures(data):
            estimator.reset()
            anonymizer.reset()
            people = estimator.estimate(frame := Frame(rgb, 0))
            noses = [person.screen[Landmark.NOSE] for person in people]
            shown = anonymizer.shown(frame, people, SETTINGS)
            real = [box for box in faces(rgb) if any(holds(box, nose) for nose in noses)]
            places = [(left + width / 2, top + height / 2) for left, top, width, height in real]
            before += len(real)
            after += sum(holds(box, place) for box in faces(shown) for place in places)
    assert before >= 2  # also in the photographs of the own data alone
    assert after == 0
