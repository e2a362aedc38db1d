"""The pipeline with fake models: what runs when, what is remembered, what failure does."""

import cv2
import numpy as np
import pytest

from blazepose_ros.blazepose.pipeline import BlazePose
from blazepose_ros.blazepose.region import Region
from blazepose_ros.estimator import EstimatorError, EstimatorOptions
from blazepose_ros.pose import Frame

FRAME_NS = 33_000_000
HEIGHT, WIDTH = 480, 640
CENTERS = (280, 588, 900)  # of anchors that lie apart from each other


class FakeDetector:
    """Sees people at some anchors."""

    def __init__(self):
        self.anchors = [CENTERS[0]]
        self.runs = 0

    def run(self, image):
        assert image.shape == (1, 224, 224, 3)
        self.runs += 1
        boxes, scores = np.zeros((1, 2254, 12), np.float32), np.full((1, 2254, 1), -9, np.float32)
        for order, anchor in enumerate(self.anchors):
            boxes[0, anchor, 2:4] = 10
            boxes[0, anchor, 7] = -15
            scores[0, anchor] = 5 - order
        return boxes, scores


class FakeLandmarks:
    """Sees a person who stays in the middle of the region."""

    def __init__(self):
        self.score = 0.9
        self.runs = 0
        self.failure = None

    def run(self, image):
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
            np.zeros((1, 117), np.float32),
        )


class FakeRuntime:
    def __init__(self):
        self.models = {b"detector": FakeDetector(), b"landmarks": FakeLandmarks()}
        self.unused = {}

    def load(self, content, unused=()):
        self.unused[content] = unused
        return self.models[content]


class Setup:
    def __init__(self, **options):
        self.runtime = FakeRuntime()
        self.detector, self.landmarks = self.runtime.models.values()
        self.estimator = BlazePose(self.runtime, b"detector", b"landmarks", EstimatorOptions(b"", **options))
        self.detector.runs = self.landmarks.runs = 0  # each is tried once when it is loaded
        self.stamp_ns = 10 * FRAME_NS

    def see(self, step_ns=FRAME_NS, height=HEIGHT, width=WIDTH):
        self.stamp_ns += step_ns
        return self.estimator.estimate(Frame(np.zeros((height, width, 3), np.uint8), self.stamp_ns))


@pytest.fixture
def one():
    return Setup()


def test_the_detector_runs_only_until_somebody_is_tracked(one):
    for _ in range(5):
        assert len(one.see()) == 1
    assert (one.detector.runs, one.landmarks.runs) == (1, 5)


def test_the_detector_runs_again_in_the_frame_after_the_person_is_lost(one):
    one.see()
    one.landmarks.score = 0.1
    assert one.see() == []
    one.landmarks.score = 0.9
    assert len(one.see()) == 1
    assert one.detector.runs == 2


def test_without_anybody_the_landmark_model_does_not_run(one):
    one.detector.anchors = []
    assert one.see() == one.see() == []
    assert (one.detector.runs, one.landmarks.runs) == (2, 0)


@pytest.mark.parametrize(
    "change", [{"step_ns": -1}, {"width": 320}, {"height": 640, "width": 480}], ids=["time", "size", "turned"]
)
def test_going_back_in_time_and_another_image_size_start_anew(one, change):
    one.see()
    assert len(one.see(**change)) == 1
    assert one.detector.runs == 2


def test_a_repeated_stamp_goes_on(one):
    one.see()
    assert len(one.see(step_ns=0)) == 1
    assert one.detector.runs == 1


def test_reset_forgets_the_person(one):
    one.see()
    one.estimator.reset()
    one.see()
    assert one.detector.runs == 2


def test_the_score_is_the_models_presence_flag(one):
    assert one.see()[0].score == pytest.approx(0.9)


@pytest.mark.parametrize("failure", [RuntimeError("runtime"), cv2.error("opencv")])
def test_one_failed_frame_does_not_spoil_the_next(one, failure):
    one.see()
    one.landmarks.failure = failure
    with pytest.raises(EstimatorError):
        one.see()
    one.landmarks.failure = None
    assert len(one.see()) == 1


def test_an_image_of_one_pixel_does_no_harm(one):
    assert len(one.see(height=1, width=1)) == 1


def test_an_image_too_large_for_opencv_is_one_failed_frame(one):
    with pytest.raises(EstimatorError, match="could not be processed"):
        one.see(height=1, width=40_000)
    assert len(one.see()) == 1


def test_a_closed_estimator_says_so(one):
    one.estimator.close()
    one.estimator.close()
    with pytest.raises(EstimatorError, match="closed"):
        one.see()


@pytest.mark.parametrize(("asked", "found"), [(1, 1), (2, 2), (3, 3), (5, 3)])
def test_no_more_people_than_asked_for_are_found(asked, found):
    setup = Setup(num_poses=asked)
    setup.detector.anchors = list(CENTERS)
    assert len(setup.see()) == found


def test_the_surest_detection_is_the_one_that_counts():
    setup = Setup()
    setup.detector.anchors = [CENTERS[2], CENTERS[0]]
    alone = Setup()
    alone.detector.anchors = [CENTERS[2]]
    np.testing.assert_array_equal(setup.see()[0].screen, alone.see()[0].screen)


def test_while_fewer_people_are_tracked_than_asked_for_the_detector_looks_on():
    setup = Setup(num_poses=2)
    for _ in range(3):
        assert len(setup.see()) == 1  # nobody twice, though tracked and detected
    assert setup.detector.runs == 3
    setup.detector.anchors = list(CENTERS[:2])
    assert len(setup.see()) == len(setup.see()) == 2
    assert setup.detector.runs == 4


def test_masks_are_made_only_when_asked_for(one):
    assert one.see()[0].mask is None
    assert one.runtime.unused[b"landmarks"] == ((256, 256, 1),)
    setup = Setup(enable_segmentation=True)
    mask = setup.see()[0].mask
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask.max() > 0.99
    assert setup.runtime.unused[b"landmarks"] == ()


def test_a_model_with_other_outputs_is_an_error_of_the_frame(one):
    one.landmarks.run = lambda image: (image,)
    with pytest.raises(EstimatorError, match="the model has outputs"):
        one.see()


def test_regions_are_where_the_detector_looked(one):
    pose = one.see()[0]
    assert isinstance(one.estimator._tracked[0], Region)
    np.testing.assert_allclose(
        pose.screen[0, :2], [one.estimator._tracked[0].x_px, one.estimator._tracked[0].y_px]
    )
