# SPDX-License-Identifier: Apache-2.0
"""The pipeline with fake models: what runs when, what is remembered, what failure does."""

import threading
from typing import Any

import cv2
import numpy as np
import pytest
from support.bodies import FACING_M

from blazepose_ros.core.estimation.blazepose_estimator import BlazePoseEstimator
from blazepose_ros.core.estimation.estimator import EstimatorError, EstimatorOptions
from blazepose_ros.core.estimation.runtimes.runtime import BackendError, Model
from blazepose_ros.core.types import Box, Frame

FRAME_NS = 33_000_000
SECOND_NS = 1_000_000_000
HEIGHT, WIDTH = 480, 640
CENTERS = (280, 588, 900)  # of anchors that lie apart from each other


class FakeDetector(Model):
    """Sees people at some anchors."""

    def __init__(self) -> None:
        self.anchors = [CENTERS[0]]
        self.surest = 5.0
        self.runs = 0

    def run(self, image: Any) -> tuple[Any, Any]:
        assert image.shape == (1, 224, 224, 3)
        self.runs += 1
        boxes, scores = np.zeros((1, 2254, 12), np.float32), np.full((1, 2254, 1), -9, np.float32)
        for order, anchor in enumerate(self.anchors):
            boxes[0, anchor, 2:4] = 10
            boxes[0, anchor, 7] = -15
            scores[0, anchor] = self.surest - order
        return boxes, scores


class FakeLandmarks(Model):
    """Sees a person who stays in the middle of the ROI."""

    def __init__(self) -> None:
        self.score = 0.9
        self.world = np.zeros((39, 3), np.float32)
        self.world[:33] = FACING_M
        self.runs = 0
        self.failure = None

    def run(self, image: Any) -> tuple[Any, Any, Any, Any, Any]:
        assert image.shape == (1, 256, 256, 3)
        self.runs += 1
        if self.failure:
            raise self.failure
        values = np.full((39, 5), 128, np.float32)
        values[34, 1] = 128 - 128 / 1.25
        return (
            values.reshape(1, 195),
            np.array([[self.score]], np.float32),
            np.full((1, 256, 256, 1), 9, np.float32),
            np.full((1, 64, 64, 39), -9, np.float32),
            self.world.reshape(1, 117),
        )


class FakeRuntime:
    def __init__(self) -> None:
        self.models: dict[bytes, Any] = {b"detector": FakeDetector(), b"landmarks": FakeLandmarks()}
        self.unused, self.most_images = {}, {}

    def load(self, content: Any, unused: Any = (), most_images: Any = 1, proof: Any = None) -> Any:  # noqa: ARG002
        self.unused[content], self.most_images[content] = unused, most_images
        return self.models[content]


class Setup:
    def __init__(self, **options: Any) -> None:
        self.runtime = FakeRuntime()
        self.detector, self.landmarks = self.runtime.models.values()
        self.estimator = BlazePoseEstimator(
            self.runtime, b"detector", b"landmarks", EstimatorOptions(b"", **options)
        )
        self.detector.runs = self.landmarks.runs = 0  # each is tried once when it is loaded
        self.stamp_ns = 10 * FRAME_NS

    def see(self, step_ns: Any = FRAME_NS, height: Any = HEIGHT, width: Any = WIDTH) -> Any:
        self.stamp_ns += step_ns
        return self.estimator.estimate(Frame(np.zeros((height, width, 3), np.uint8), self.stamp_ns))


@pytest.fixture
def one() -> Setup:
    return Setup()


def test_both_models_are_loaded_at_once() -> None:
    runtime, both = FakeRuntime(), threading.Barrier(2, timeout=10)
    load = runtime.load
    runtime.load = lambda *arguments, **options: both.wait() in (0, 1) and load(*arguments, **options)
    estimator = BlazePoseEstimator(runtime, b"detector", b"landmarks", EstimatorOptions(b""))
    assert estimator.where == runtime.models[b"landmarks"].where


@pytest.mark.parametrize("broken", [b"detector", b"landmarks"])
def test_what_keeps_a_model_from_loading_is_raised(broken: bytes) -> None:
    runtime = FakeRuntime()

    def load(content: bytes, *_arguments: Any, **_options: Any) -> Any:
        if content == broken:
            raise BackendError("no such device")
        return runtime.models[content]

    runtime.load = load
    with pytest.raises(BackendError, match="no such device"):
        BlazePoseEstimator(runtime, b"detector", b"landmarks", EstimatorOptions(b""))


def test_the_detector_runs_only_until_a_person_is_tracked(one: Setup) -> None:
    for _ in range(5):
        assert len(one.see()) == 1
    assert (one.detector.runs, one.landmarks.runs) == (1, 5)


def test_the_detector_runs_again_in_the_frame_after_the_person_is_lost(one: Setup) -> None:
    one.see()
    one.landmarks.score = 0.1
    assert one.see() == []
    one.landmarks.score = 0.9
    assert len(one.see()) == 1
    assert one.detector.runs == 2


def test_without_people_the_landmark_model_does_not_run(one: Setup) -> None:
    one.detector.anchors = []
    assert one.see() == one.see() == []
    assert (one.detector.runs, one.landmarks.runs) == (2, 0)


@pytest.mark.parametrize(
    "change",
    [{"step_ns": -SECOND_NS}, {"width": 320}, {"height": 640, "width": 480}],
    ids=["time", "size", "turned"],
)
def test_going_back_in_time_and_another_image_size_start_anew(one: Setup, change: Any) -> None:
    one.see()
    assert len(one.see(**change)) == 1
    assert one.detector.runs == 2


@pytest.mark.parametrize("step_ns", [0, -50_000_000, 1 - SECOND_NS])
def test_a_repeated_or_early_stamp_goes_on(one: Setup, step_ns: int) -> None:
    one.see()
    assert len(one.see(step_ns=step_ns)) == 1
    assert one.detector.runs == 1


def test_reset_forgets_the_person(one: Setup) -> None:
    one.see()
    one.estimator.reset()
    one.see()
    assert one.detector.runs == 2


def test_the_score_is_the_models_presence_flag(one: Setup) -> None:
    assert one.see()[0].score == pytest.approx(0.9)


@pytest.mark.parametrize("failure", [RuntimeError("runtime"), cv2.error("opencv")])
def test_one_failed_frame_does_not_spoil_the_next(one: Setup, failure: Any) -> None:
    one.see()
    one.landmarks.failure = failure
    with pytest.raises(EstimatorError):
        one.see()
    one.landmarks.failure = None
    assert len(one.see()) == 1


def test_an_image_of_one_pixel_does_no_harm(one: Setup) -> None:
    assert len(one.see(height=1, width=1)) == 1


def test_an_image_too_large_for_opencv_is_one_failed_frame(one: Setup) -> None:
    with pytest.raises(EstimatorError, match="could not be processed"):
        one.see(height=1, width=40_000)
    assert len(one.see()) == 1


def test_a_closed_estimator_says_so(one: Setup) -> None:
    one.estimator.close()
    one.estimator.close()
    with pytest.raises(EstimatorError, match="closed"):
        one.see()


def test_the_landmark_model_is_prepared_for_as_many_people_as_asked_for() -> None:
    assert Setup(num_poses=3).runtime.most_images == {b"detector": 1, b"landmarks": 3}


@pytest.mark.parametrize(("asked", "found"), [(1, 1), (2, 2), (3, 3), (5, 3)])
def test_no_more_people_than_asked_for_are_found(asked: int, found: int) -> None:
    setup = Setup(num_poses=asked)
    setup.detector.anchors = list(CENTERS)
    assert len(setup.see()) == found


def test_the_surest_detection_is_the_one_that_counts() -> None:
    setup = Setup()
    setup.detector.anchors = [CENTERS[2], CENTERS[0]]
    alone = Setup()
    alone.detector.anchors = [CENTERS[2]]
    np.testing.assert_array_equal(setup.see()[0].screen, alone.see()[0].screen)


def test_while_fewer_people_are_followed_than_asked_for_the_detector_looks_ten_times_a_second() -> None:
    setup = Setup(num_poses=2)
    for _ in range(7):
        assert len(setup.see()) == 1  # the same person, though tracked and detected
    assert setup.detector.runs == 4  # twice in the image in which the person is new
    setup.detector.anchors = list(CENTERS[:2])
    for _ in range(4):
        found = setup.see()
    assert len(found) == 2
    runs = setup.detector.runs
    setup.see()
    assert setup.detector.runs == runs


def test_who_is_new_is_covered_and_the_image_searched_again_for_others_a_few_times() -> None:
    setup = Setup(num_poses=5)
    setup.detector.anchors = [CENTERS[0]]
    seen = []
    run = setup.detector.run

    def look(image: Any) -> Any:
        seen.append(bool(image.max() > -1))  # the black image has no gray in it but for covered people
        setup.detector.anchors = [CENTERS[min(len(seen), 3) - 1]]
        return run(image)

    setup.detector.run = look
    setup.see()
    assert seen[:2] == [False, True]
    assert len(seen) <= 4
    looks = len(seen)
    setup.see()
    assert len(seen) == looks  # nobody is new, and it is not yet time


@pytest.mark.parametrize(("people", "num_poses", "most_looks"), [(1, 3, 1), (2, 3, 2), (2, 2, 0), (3, 4, 2)])
def test_of_several_people_one_is_looked_at_alone_where_others_are_looked_for(
    people: int, num_poses: int, most_looks: int
) -> None:
    setup = Setup(num_poses=num_poses)
    setup.detector.anchors = list(CENTERS[:people])
    for _ in range(2):
        assert len(setup.see()) == people
    looks = []
    for _ in range(12):
        before = setup.detector.runs
        assert len(setup.see()) == people
        looks.append(setup.detector.runs - before)
    assert max(looks) == most_looks


def test_with_one_person_asked_for_nobody_is_covered_and_no_detector_runs_twice(one: Setup) -> None:
    seen = []
    run = one.detector.run
    one.detector.run = lambda image: (seen.append(float(image.max())), run(image))[1]
    for _ in range(10):
        one.see()
    assert seen == [-1.0]
    assert one.landmarks.runs == 10


def test_masks_are_made_only_when_asked_for(one: Setup) -> None:
    assert one.see()[0].mask is None
    assert one.runtime.unused[b"landmarks"] == ((256, 256, 1),)
    setup = Setup(enable_segmentation=True)
    mask = setup.see()[0].mask
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask.max() > 0.99
    assert setup.runtime.unused[b"landmarks"] == ()


def test_a_model_with_other_outputs_is_an_error_of_the_frame(one: Setup) -> None:
    one.landmarks.run = lambda image: (image,)
    with pytest.raises(EstimatorError, match="the model has outputs"):
        one.see()


def test_a_lost_persons_place_is_kept_from_a_bystander_until_the_time_is_over() -> None:
    setup = Setup(max_lost_s=1.0)
    for _ in range(11):
        setup.see()
    setup.landmarks.score = 0.1
    setup.detector.anchors = [CENTERS[2]]
    setup.see()
    setup.landmarks.score = 0.9
    for _ in range(29):
        assert setup.see() == []
    assert len(setup.see(step_ns=50_000_000)) == 1


def test_a_lost_person_is_found_beside_a_surer_bystander() -> None:
    setup = Setup()
    for _ in range(11):
        (walker,) = setup.see()
    setup.landmarks.score = 0.1
    setup.see()
    setup.landmarks.score = 0.9
    setup.detector.anchors = [CENTERS[2], CENTERS[0]]
    np.testing.assert_array_equal(setup.see()[0].screen, walker.screen)


def test_what_the_detector_is_not_sure_of_has_to_prove_itself() -> None:
    setup = Setup(min_detection_confidence=0.4)
    setup.detector.surest = 0.0
    setup.landmarks.score = 0.99
    seen = [len(setup.see()) for _ in range(30)]
    assert seen == sorted(seen)
    assert 10 <= seen.index(1) <= 20


@pytest.mark.parametrize("scores", [[0.99, 0.7], [0.8, 0.8]])
def test_furniture_whose_presence_comes_and_goes_is_no_person(scores: Any) -> None:
    setup = Setup(min_detection_confidence=0.4)
    setup.detector.surest = 0.0
    for index in range(60):
        setup.landmarks.score = scores[index % 2]
        assert setup.see() == []


def test_a_sure_person_is_seen_at_once_beside_what_is_not() -> None:
    alone, setup = Setup(), Setup(min_detection_confidence=0.4)
    setup.detector.surest = 0.0
    assert setup.see() == []
    for each in (alone, setup):
        each.detector.anchors, each.detector.surest = [CENTERS[2]], 5.0
    (expected,), (person,) = alone.see(), setup.see()
    np.testing.assert_array_equal(person.screen, expected.screen)


def test_with_nothing_to_prove_weak_finds_are_seen_at_once() -> None:
    setup = Setup(min_detection_confidence=0.4, sure_confidence=0.0)
    setup.detector.surest = 0.0
    assert len(setup.see()) == 1


def test_what_has_no_human_proportions_proves_nothing() -> None:
    setup = Setup(min_detection_confidence=0.4)
    setup.detector.surest, setup.landmarks.score = 0.0, 0.99
    setup.landmarks.world *= 0.1
    assert not any(setup.see() for _ in range(30))


def boxed(setup: Any, *boxes: Any, said: bool = True) -> Any:
    setup.stamp_ns += FRAME_NS
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    return setup.estimator.estimate(Frame(rgb, setup.stamp_ns, tuple(boxes) if said else None))


def test_with_boxes_from_outside_the_detector_never_runs_and_people_are_followed_between_them() -> None:
    setup = Setup(external_detections=True, num_poses=2)
    assert boxed(setup, said=False) == []
    found = boxed(setup, Box(100, 240, 80, 200), Box(500, 240, 80, 200))
    assert sorted(round(pose.screen[0, 0]) for pose in found) == [100, 500]
    assert len(boxed(setup, said=False)) == 2
    assert len(boxed(setup)) == 2  # a detector that misses them for once
    assert setup.detector.runs == 0


def test_a_box_is_looked_at_twice_and_a_person_who_is_followed_once() -> None:
    setup = Setup(external_detections=True)
    boxed(setup, Box(100, 240, 80, 200))
    assert setup.landmarks.runs == 2
    boxed(setup, Box(102, 240, 80, 200))
    assert setup.landmarks.runs == 3


def test_no_more_boxes_are_looked_at_than_people_are_asked_for() -> None:
    setup = Setup(external_detections=True, num_poses=1)
    (pose,) = boxed(setup, Box(500, 240, 80, 200), Box(100, 240, 80, 200))
    assert round(pose.screen[0, 0]) == 500


def test_who_was_seen_for_a_moment_is_not_waited_for() -> None:
    setup = Setup()
    setup.see()
    setup.landmarks.score = 0.1
    setup.detector.anchors = [CENTERS[2]]
    setup.see()
    setup.landmarks.score = 0.9
    assert len(setup.see()) == 1
