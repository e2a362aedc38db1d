# SPDX-License-Identifier: Apache-2.0
"""By what a compiled model is told from one that answers nonsense."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from blazepose_ros.core.estimation.drawn_person import JOINTS, DetectorProof, LandmarksProof, drawn_person
from blazepose_ros.core.estimation.landmark_model import INPUT_PX
from blazepose_ros.core.estimation.person_detector import DETECTOR_INPUT_PX, anchor_centers
from blazepose_ros.core.estimation.runtimes.runtime import BackendError, Model


class Answering(Model):
    """A model that always gives the same answer."""

    def __init__(self, *outputs: NDArray[np.float32]) -> None:
        self._outputs = [output[None] for output in outputs]

    def run(self, _image: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        return self._outputs


def landmark_answer(
    score: float = 0.99, moved: float = 0.0, meters: float = 1.0, filled_with: float | None = None
) -> Answering:
    """Return a model that finds the joints, moved by a part of the image, in so many meters."""
    points, world = np.zeros((39, 5), np.float32), np.zeros((39, 3), np.float32)
    points[33, :2], points[34, :2] = 128, (128, 10)
    for joint, place in JOINTS.items():
        points[joint, :2] = (np.array(place) + moved) * INPUT_PX
        world[joint, :2] = meters * np.array(place)
    outputs = (np.array([score]), points.ravel(), np.full((64, 64, 39), -9.0), world.ravel())
    if filled_with is not None:
        outputs = tuple(np.full_like(output, filled_with) for output in outputs)
    return Answering(*(output.astype(np.float32) for output in outputs))


def detector_answer(people: Sequence[tuple[float, float]] = ((0.5, 0.6),)) -> Answering:
    """Return a model that finds people with the middle of their hips there."""
    boxes, scores = np.zeros((2254, 12), np.float32), np.full((2254, 1), -9, np.float32)
    for place in people:
        row = int(np.linalg.norm(anchor_centers() - place, axis=1).argmin())
        scores[row] = 9
        boxes[row, 2:4] = 40
        boxes[row, 7] = -0.5 * DETECTOR_INPUT_PX
    return Answering(boxes, scores)


def test_the_drawing_fits_the_landmark_model() -> None:
    assert drawn_person().shape == (INPUT_PX, INPUT_PX, 3)
    for x, y in JOINTS.values():  # something is drawn there
        assert tuple(drawn_person()[round(y * INPUT_PX), round(x * INPUT_PX)]) != tuple(drawn_person()[0, 0])


def test_a_model_that_finds_the_joints_works() -> None:
    assert LandmarksProof().works(landmark_answer())


@pytest.mark.parametrize(
    "answer",
    [
        landmark_answer(score=0.1),
        landmark_answer(moved=0.1),
        landmark_answer(meters=0.0),
        landmark_answer(meters=-1.0),
        landmark_answer(filled_with=0.0),
        landmark_answer(filled_with=1.0),
        landmark_answer(filled_with=np.nan),
    ],
    ids=["nobody", "elsewhere", "no meters", "upside down", "zeros", "ones", "no numbers"],
)
def test_a_model_that_does_not_find_the_joints_does_not_work(answer: Answering) -> None:
    assert not LandmarksProof().works(answer)


def test_a_detector_that_finds_the_person_works() -> None:
    assert DetectorProof().works(detector_answer())


@pytest.mark.parametrize("people", [(), ((0.1, 0.6),), ((0.5, 0.6), (0.1, 0.6))])
def test_a_detector_that_finds_nobody_or_somebody_elsewhere_does_not_work(
    people: Sequence[tuple[float, float]],
) -> None:
    assert not DetectorProof().works(detector_answer(people))


def test_another_model_is_refused() -> None:
    with pytest.raises(BackendError):
        LandmarksProof().works(detector_answer())
