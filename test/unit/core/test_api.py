# SPDX-License-Identifier: Apache-2.0
"""Images in, people with their places out: the facade over estimator and pipeline."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.bodies import CAMERA, as_described, seen_by

from blazepose_ros.core import api
from blazepose_ros.core.api import PoseEstimator, create_estimator, read_frames
from blazepose_ros.core.estimation.factory import ChosenEstimator
from blazepose_ros.core.frame_sources.frame_source import SourceError
from blazepose_ros.core.models.registry import ModelFile, ModelMissingError
from blazepose_ros.core.person_pipeline import PipelineOptions
from blazepose_ros.core.placement.depth_range import DepthImage
from blazepose_ros.core.tracking.tracker import TrackingOptions
from blazepose_ros.core.types import Frame, ModelComplexity, Placement

HIPS_M = (0.2, 0.1, 3.0)
FRAME = Frame(np.full((480, 640, 3), 128, np.uint8), 0)
PERSON = as_described(seen_by(CAMERA, HIPS_M), CAMERA)


class OnePerson:
    """An estimator that always finds the same person, and notes what else it is told."""

    def __init__(self) -> None:
        self.told = []

    def estimate(self, _frame: Any) -> Any:
        return [PERSON]

    def reset(self) -> None:
        self.told.append("reset")

    def close(self) -> None:
        self.told.append("close")


def estimator_of(found: Any = None, **options: Any) -> PoseEstimator:
    return PoseEstimator(ChosenEstimator("fake", found or OnePerson()), PipelineOptions(), **options)


def test_people_have_an_id_and_a_place() -> None:
    (person,) = estimator_of(camera=CAMERA).estimate(FRAME)
    assert (person.person_id, person.primary, person.placement) == (1, True, Placement.MONO)
    np.testing.assert_allclose(person.hip_center.position, HIPS_M, rtol=0.1)


def test_a_camera_is_scaled_to_the_image() -> None:
    whole = estimator_of(camera=CAMERA).estimate(FRAME)
    of_other_size = estimator_of(camera=CAMERA.scaled_to(1280, 960)).estimate(FRAME)
    np.testing.assert_allclose(of_other_size[0].hip_center.position, whole[0].hip_center.position, rtol=1e-9)


def test_a_camera_that_is_unknown_is_assumed() -> None:
    (assumed,), (known,) = estimator_of().estimate(FRAME), estimator_of(camera=CAMERA).estimate(FRAME)
    assert np.linalg.det(assumed.hip_center.covariance) > np.linalg.det(known.hip_center.covariance)


def test_a_depth_image_gives_the_distance() -> None:
    depth = DepthImage(np.full((480, 640), HIPS_M[2] - 0.1, np.float32), CAMERA)
    (person,) = estimator_of(camera=CAMERA).estimate(FRAME, depth)
    assert person.placement == Placement.DEPTH
    assert person.hip_center.position[2] == pytest.approx(HIPS_M[2], abs=0.05)


def test_a_reset_forgets_people() -> None:
    found = OnePerson()
    estimator = estimator_of(found)
    assert [estimator.estimate(FRAME)[0].person_id for _ in range(2)] == [1, 1]
    estimator.reset()
    assert found.told == ["reset"]
    assert estimator.estimate(FRAME)[0].person_id == 2


def test_the_model_is_freed_at_the_end() -> None:
    found = OnePerson()
    with estimator_of(found) as estimator:
        assert estimator.backend == "fake"
    assert found.told == ["close"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fast",), "there is no model 'fast'; these are: 0 or lite, 1 or full, 2 or heavy"),
        (("lite", "torch"), "the backend is 'torch', not one of auto, openvino, litert, mediapipe"),
    ],
)
def test_a_choice_that_there_is_not_lists_those_there_are(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create_estimator(*arguments)


def test_a_missing_model_says_how_to_fetch_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ModelMissingError, match="blazepose models fetch --model 2"):
        create_estimator("heavy")


@pytest.mark.parametrize("model", ["heavy", ModelComplexity.HEAVY, 2])
def test_the_model_and_the_options_reach_the_estimator(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(
        api, "resolve", lambda complexity: ModelFile(Path(), complexity, complexity.name.encode())
    )
    monkeypatch.setattr(
        api, "choose_estimator", lambda *arguments: given.extend(arguments) or ChosenEstimator("fake", None)
    )
    options = PipelineOptions(tracking=TrackingOptions(max_lost_s=3.0))
    estimator = create_estimator(model, "litert", num_poses=2, options=options, enable_segmentation=True)
    backend, estimation = given
    assert backend == "litert"
    assert estimation.model == b"HEAVY"
    assert estimation.model_complexity == estimator._pipeline.options.model == ModelComplexity.HEAVY
    assert (estimation.num_poses, estimation.max_lost_s, estimation.enable_segmentation) == (2, 3.0, True)


def test_an_image_file_is_one_frame_with_red_first(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), np.full((4, 6, 3), (0, 0, 255), np.uint8))
    (frame,) = read_frames(tmp_path / "red.png")
    assert (frame.width, frame.height, frame.stamp_ns) == (6, 4, 0)
    assert frame.rgb[0, 0].tolist() == [255, 0, 0]


def test_the_images_of_a_folder_are_a_tenth_of_a_second_apart(tmp_path: Path) -> None:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((4, 6, 3), np.uint8))
    assert [frame.stamp_ns for frame in read_frames(tmp_path)] == [0, 100_000_000, 200_000_000]


def test_a_source_that_there_is_not_says_what_there_is() -> None:
    with pytest.raises(SourceError, match="give a video"):
        next(read_frames("nothing.mp4"))
