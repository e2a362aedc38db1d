# SPDX-License-Identifier: Apache-2.0
"""MediaPipe behind the estimator protocol: the real models on real photographs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.photographs import PERSON

from blazepose_ros.core.estimation import mediapipe_estimator
from blazepose_ros.core.estimation.estimator import EstimatorError, EstimatorOptions
from blazepose_ros.core.estimation.mediapipe_estimator import MediaPipeEstimator
from blazepose_ros.core.types import Frame, ModelComplexity

SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def rgb(data: Path) -> Any:
    return cv2.cvtColor(cv2.imread(str(data / PERSON)), cv2.COLOR_BGR2RGB)


@pytest.fixture
def make(models: dict[ModelComplexity, bytes]) -> Iterator[Any]:
    """Create estimators with the Lite model and close them after the test."""
    created = []

    def create(**options: Any) -> MediaPipeEstimator:
        estimator = MediaPipeEstimator(EstimatorOptions(models[ModelComplexity.LITE], **options))
        created.append(estimator)
        return estimator

    yield create
    for estimator in created:
        estimator.close()


def screen(poses: Any) -> Any:
    (pose,) = poses
    return pose.screen


@pytest.mark.parametrize("stamp_ns", [0, 1, 4 * 10**18], ids=["zero", "a nanosecond", "the year 2096"])
def test_any_first_stamp_is_accepted(make: Any, rgb: Any, stamp_ns: Any) -> None:
    assert len(make().estimate(Frame(rgb, stamp_ns))) == 1


def test_stamps_that_repeat_or_share_a_millisecond_are_answered(make: Any, rgb: Any) -> None:
    estimator = make()
    for stamp_ns in (SECOND_NS, SECOND_NS, SECOND_NS + 1, SECOND_NS + 500_000):
        assert len(estimator.estimate(Frame(rgb, stamp_ns))) == 1


def test_going_back_in_time_starts_as_a_fresh_estimator_does(make: Any, rgb: Any) -> None:
    fresh = screen(make().estimate(Frame(rgb, 0)))
    estimator = make()
    blank = np.zeros_like(rgb)
    for index in range(5):
        estimator.estimate(Frame(np.roll(rgb, 20 * index, axis=1), 9 * SECOND_NS + index))
    estimator.estimate(Frame(blank, 10 * SECOND_NS))
    np.testing.assert_allclose(screen(estimator.estimate(Frame(rgb, SECOND_NS))), fresh, atol=1e-3)


def test_reset_forgets_the_person(make: Any, rgb: Any) -> None:
    estimator = make()
    first = screen(estimator.estimate(Frame(rgb, 0)))
    estimator.estimate(Frame(np.ascontiguousarray(rgb[:, ::-1]), SECOND_NS // 30))
    estimator.reset()
    np.testing.assert_allclose(screen(estimator.estimate(Frame(rgb, SECOND_NS // 15))), first, atol=1e-3)


def test_landmarks_are_in_pixels_of_the_image(make: Any, rgb: Any) -> None:
    small = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    large, halved = screen(make().estimate(Frame(rgb, 0))), screen(make().estimate(Frame(small, 0)))
    np.testing.assert_allclose(halved[:, :2] * 2, large[:, :2], atol=15)


def test_nobody_is_an_empty_list(make: Any) -> None:
    assert make().estimate(Frame(np.zeros((48, 64, 3), np.uint8), 0)) == []


def test_an_image_of_one_pixel_does_no_harm(make: Any, rgb: Any) -> None:
    estimator = make()
    assert estimator.estimate(Frame(np.zeros((1, 1, 3), np.uint8), 0)) == []
    assert len(estimator.estimate(Frame(rgb, SECOND_NS))) == 1


def test_the_mask_covers_the_person_and_outlives_the_next_frame(make: Any, rgb: Any) -> None:
    estimator = make(enable_segmentation=True)
    (pose,) = estimator.estimate(Frame(rgb, 0))
    kept = pose.mask.copy()
    estimator.estimate(Frame(np.zeros_like(rgb), SECOND_NS))
    assert pose.mask.shape == rgb.shape[:2]
    np.testing.assert_array_equal(pose.mask, kept)
    hips = pose.screen[[23, 24], :2].mean(axis=0).astype(int)
    assert pose.mask[hips[1], hips[0]] > 0.9
    assert pose.mask[5, 5] < 0.1


def test_without_segmentation_there_is_no_mask(make: Any, rgb: Any) -> None:
    assert make().estimate(Frame(rgb, 0))[0].mask is None


def test_a_closed_estimator_says_so(make: Any, rgb: Any) -> None:
    estimator = make()
    estimator.close()
    estimator.close()
    with pytest.raises(EstimatorError, match="closed"):
        estimator.estimate(Frame(rgb, 0))


@pytest.mark.parametrize("keep", [0, 1000, -1000], ids=["empty", "the head", "without the tail"])
def test_a_damaged_bundle_is_refused(models: dict[ModelComplexity, bytes], keep: int) -> None:
    with pytest.raises(EstimatorError, match="does not take the model"):
        MediaPipeEstimator(EstimatorOptions(models[ModelComplexity.LITE][:keep]))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("num_poses", 0),
        ("min_detection_confidence", 1.5),
        ("min_presence_confidence", -0.1),
        ("min_tracking_confidence", float("nan")),
    ],
)
def test_options_out_of_range_are_refused(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=option):
        EstimatorOptions(b"", **{option: value})


def test_after_an_error_inside_mediapipe_the_next_frame_succeeds(
    make: Any, rgb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimator = make()

    def fail(*_: object) -> None:
        raise RuntimeError("graph is poisoned")

    monkeypatch.setattr(estimator._landmarker, "detect_for_video", fail)
    with pytest.raises(EstimatorError, match="poisoned"):
        estimator.estimate(Frame(rgb, 0))
    assert len(estimator.estimate(Frame(rgb, 1))) == 1


def test_an_image_after_others_gives_what_it_gives_alone(make: Any, rgb: Any) -> None:
    """Neither landmarks nor visibility are smoothed."""
    dark = rgb.copy()
    dark[2 * rgb.shape[0] // 3 :] = 0
    (alone,) = make().estimate(Frame(dark, 0))
    estimator = make()
    for index in range(3):
        estimator.estimate(Frame(rgb, index))
    for index in range(3, 6):
        (after,) = estimator.estimate(Frame(dark, index))
    hidden = alone.visibility < 0.3
    assert hidden.any()
    assert np.all(after.visibility[hidden] < 0.5)
    np.testing.assert_allclose(after.screen[:11, :2], alone.screen[:11, :2], atol=15)


def test_a_landmarker_that_has_counted_far_enough_is_made_anew(
    make: Any, rgb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mediapipe_estimator, "MAX_FRAMES", 3)
    estimator = make()
    for index in range(8):
        assert len(estimator.estimate(Frame(rgb, index))) == 1
