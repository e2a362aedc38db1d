# SPDX-License-Identifier: Apache-2.0
"""The stages from serialized images to published people, with an estimator that does as it is told."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, Image
from support.bodies import CAMERA, seen_by
from support.waiting import DEADLINE_S, wait_until

from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.frame_context import FrameContextCollector
from blazepose_ros.conversions.images import TRANSPORTS
from blazepose_ros.core.diagnostics.statistics import WINDOW_S, Drop, Statistics
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.loading import LoadedModel
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import ModelComplexity
from blazepose_ros.nodes.pose.image_pipeline import DECODING_MARGIN_S, MAX_CAMERAS, ImagePipeline
from blazepose_ros.nodes.pose.received_image import SerializedImage

POSE = seen_by(CAMERA, (0, 0, 3.0))
PERIOD_NS = 33_000_000


class FakeEstimator:
    """Finds one person, fails or hangs; counts what is asked of it."""

    def __init__(self) -> None:
        self.frames, self.resets, self.closed = [], 0, 0
        self.poses = [POSE]
        self.failure = None
        self.begun, self.may_end = threading.Semaphore(0), threading.Event()
        self.may_end.set()

    def estimate(self, frame: Any) -> Any:
        assert not self.closed
        self.frames.append(frame)
        self.begun.release()
        assert self.may_end.wait(DEADLINE_S)
        if self.failure:
            raise self.failure
        return self.poses

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed += 1


class Setup:
    """A pipeline whose publishers keep what they are given."""

    def __init__(self, **settings: Any) -> None:
        self.errors, self.warnings, self.published = [], [], []
        self.publishing_fails = None
        logger = SimpleNamespace(info=print, warning=self.warnings.append, error=self.errors.append)
        self.statistics = Statistics()
        self.contexts = FrameContextCollector("/camera_info", logger)
        self.estimator = FakeEstimator()
        self.settings = NodeSettings(**settings)
        self.pipeline = ImagePipeline(
            self.settings, model_of(self.estimator), self.contexts, self, self.statistics, logger
        )
        self.sent = 0

    def publish(self, image: Any, people: Any, complexity: Any, settings: Any) -> None:
        if self.publishing_fails:
            raise self.publishing_fails
        self.published.append(
            SimpleNamespace(image=image, people=people, complexity=complexity, settings=settings)
        )

    def send(self, frame_id: str = "camera", serialized: Any = None, **fields: Any) -> None:
        self.sent += 1
        header = header_message(self.sent * PERIOD_NS, frame_id)
        data = bytes(CAMERA.height * CAMERA.width)
        msg = Image(
            header=header,
            height=CAMERA.height,
            width=CAMERA.width,
            encoding="mono8",
            step=CAMERA.width,
            data=data,
        )
        serialized = bytes(serialize_message(msg)) if serialized is None else serialized
        self.pipeline.on_image(SerializedImage(serialized, TRANSPORTS["raw"], **({"taken_ns": 0} | fields)))

    def show(self, *arguments: Any, **fields: Any) -> Any:
        """Send an image and return what is published of it."""
        count = len(self.published)
        self.send(*arguments, **fields)
        wait_until(lambda: len(self.published) > count)
        return self.published[-1]

    def wait_for_drops(self, count: Any) -> Any:
        wait_until(lambda: sum(self.statistics.snapshot().dropped.values()) >= count)
        return self.statistics.snapshot().dropped


def model_of(estimator: Any, complexity: Any = ModelComplexity.FULL) -> LoadedModel:
    return LoadedModel(complexity, "fake", estimator)


@pytest.fixture
def make() -> Iterator[Any]:
    made = []

    def make(**settings: Any) -> Any:
        made.append(Setup(**settings))
        return made[-1]

    yield make
    for setup in made:
        setup.estimator.may_end.set()
        setup.pipeline.stop()


@pytest.fixture
def setup(make: Any) -> Any:
    return make()


def test_an_image_is_published_with_its_people_model_and_settings(setup: Any) -> None:
    shown = setup.show()
    assert [person.person_id for person in shown.people] == [1]
    assert shown.complexity is ModelComplexity.FULL
    assert shown.settings is setup.settings
    assert (shown.image.header.frame_id, shown.image.frame.stamp_ns) == ("camera", PERIOD_NS)
    assert set(shown.image.stopwatch.laps_ms) == {"waiting", "decoding", "inference", "transport"}


def test_images_are_counted_those_that_were_superseded_too(setup: Any) -> None:
    assert setup.show(superseded=2).image.count == 3
    assert setup.show().image.count == 4
    assert setup.show(superseded=1).image.count == 6
    snapshot = setup.statistics.snapshot()
    assert snapshot.input_hz == pytest.approx(6 / WINDOW_S)
    assert snapshot.dropped == {Drop.BUSY: 3}
    wait_until(lambda: setup.statistics.snapshot().processed_hz == pytest.approx(3 / WINDOW_S))


def test_an_image_that_takes_the_place_of_one_that_waits_drops_it(setup: Any) -> None:
    setup.estimator.may_end.clear()
    setup.send()
    assert setup.estimator.begun.acquire(timeout=DEADLINE_S)
    for _ in range(3):
        setup.send()
    assert setup.statistics.snapshot().dropped == {Drop.BUSY: 2}
    setup.estimator.may_end.set()
    wait_until(lambda: len(setup.published) == 2)
    assert [shown.image.count for shown in setup.published] == [1, 4]
    assert setup.statistics.snapshot().input_hz == pytest.approx(4 / WINDOW_S)


def test_an_image_can_wait_for_as_long_as_inference_needs_less_the_decoding(setup: Any) -> None:
    setup.show()
    assert setup.pipeline.spare_s() < 0  # nothing is at work
    setup.pipeline._inference.duration = SimpleNamespace(left_s=lambda: 0.05)
    setup.pipeline._decoding_duration = SimpleNamespace(usual_s=0.01)
    assert setup.pipeline.spare_s() == pytest.approx(0.05 - 0.01 - DECODING_MARGIN_S)
    assert DECODING_MARGIN_S == 0.001


def test_time_from_the_stamp_to_the_arrival_is_the_transport(setup: Any) -> None:
    shown = setup.show(taken_ns=PERIOD_NS + 9_000_000, waited_ns=2_000_000)
    assert shown.image.stopwatch.laps_ms["transport"] == pytest.approx(7.0)
    assert shown.image.stopwatch.laps_ms["waiting"] >= 2.0


def test_images_without_a_frame_have_the_parameters(make: Any) -> None:
    setup = make(camera_frame="eye")
    assert setup.show("").image.header.frame_id == "eye"
    assert setup.show("camera").image.header.frame_id == "camera"


def test_frames_are_called_as_tf2_has_them(make: Any) -> None:
    """Drivers ported from ROS 1 begin them with a slash, which tf2 refuses."""
    setup = make(camera_frame="/eye")
    assert setup.show("/camera").image.header.frame_id == "camera"
    assert setup.show("").image.header.frame_id == "eye"


def test_another_camera_on_the_topic_has_tracking_of_its_own(setup: Any) -> None:
    assert setup.show("left").people[0].person_id == 1
    assert setup.show("left").people[0].person_id == 1
    assert setup.estimator.resets == 0
    setup.contexts.detections.boxes_for(0)
    assert setup.show("right").people[0].person_id == 1
    assert setup.estimator.resets == 1
    assert setup.show("right").people[0].person_id == 1
    assert setup.estimator.resets == 1
    assert setup.show("left").people[0].person_id == 1
    assert setup.estimator.resets == 2
    left, right = (setup.pipeline._person_pipelines[name] for name in ("left", "right"))
    assert left is not right


def test_no_more_cameras_are_remembered_than_a_few(setup: Any) -> None:
    for index in range(3 * MAX_CAMERAS):
        setup.show(f"camera{index}")
        assert len(setup.pipeline._person_pipelines) <= MAX_CAMERAS
    assert f"camera{3 * MAX_CAMERAS - 1}" in setup.pipeline._person_pipelines


def test_a_failure_of_the_estimator_is_trouble_until_another_one_is_in_its_place(setup: Any) -> None:
    setup.estimator.failure = ValueError("torn")
    setup.send()
    assert setup.wait_for_drops(1) == {Drop.ESTIMATOR: 1}
    assert setup.pipeline.trouble() == "the estimator failed with ValueError: torn"
    assert setup.errors == ["image dropped: the estimator failed with ValueError: torn"]
    other = FakeEstimator()
    setup.pipeline.use_model(model_of(other, ModelComplexity.LITE))
    assert setup.pipeline.trouble() == ""
    assert setup.show().complexity is ModelComplexity.LITE
    assert setup.pipeline.trouble() == ""
    assert len(other.frames) == 1


def test_an_error_that_the_estimator_tells_of_costs_an_image_and_is_no_trouble(setup: Any) -> None:
    setup.estimator.failure = EstimatorError("too dark")
    setup.send()
    assert setup.wait_for_drops(1) == {Drop.ESTIMATOR: 1}
    assert setup.errors == ["image dropped: too dark"]
    assert setup.pipeline.trouble() == ""
    setup.estimator.failure = None
    assert setup.show().people


def test_a_model_is_closed_once_when_no_image_is_given_to_it_any_more(setup: Any) -> None:
    setup.show()
    first, second = setup.estimator, FakeEstimator()
    setup.pipeline.use_model(model_of(second))
    assert first.closed == 0
    setup.show()
    assert (first.closed, second.closed) == (1, 0)
    setup.show()
    assert (len(first.frames), len(second.frames), first.closed) == (1, 2, 1)


def test_a_model_that_was_replaced_is_closed_at_the_end(setup: Any) -> None:
    first, second = setup.estimator, FakeEstimator()
    setup.pipeline.use_model(model_of(second))
    setup.pipeline.stop()
    assert first.closed == 1


def test_an_estimator_that_exceeds_its_time_is_trouble(make: Any) -> None:
    setup = make(inference_timeout_s=0.1)
    setup.estimator.may_end.clear()
    assert setup.pipeline.trouble() == ""
    setup.send()
    wait_until(setup.pipeline.trouble)
    assert setup.pipeline.trouble() == "the estimator hangs: it is at one image for more than 0.1 s"
    setup.estimator.may_end.set()
    wait_until(lambda: not setup.pipeline.trouble())


def test_a_model_that_hangs_is_replaced_at_once_and_closed_when_it_comes_back(setup: Any) -> None:
    setup.estimator.may_end.clear()
    setup.send()
    assert setup.estimator.begun.acquire(timeout=DEADLINE_S)
    other = FakeEstimator()
    setup.pipeline.replace_hanging_model(model_of(other))
    assert setup.show().image.count == 2
    assert (setup.estimator.closed, other.closed) == (0, 0)
    setup.estimator.may_end.set()
    wait_until(lambda: setup.estimator.closed)
    assert setup.show().image.count == 3
    assert [shown.image.count for shown in setup.published] == [2, 3]  # what came late is not published
    assert (setup.estimator.closed, other.closed) == (1, 0)


def test_an_image_that_cannot_be_read_is_dropped_and_told(setup: Any) -> None:
    setup.send(serialized=b"\0\1\0\0torn")
    assert setup.wait_for_drops(1) == {Drop.UNREADABLE: 1}
    assert setup.errors == ["image dropped: the message ends too early"]
    assert setup.show().image.count == 2


def test_a_calibration_that_does_not_fit_costs_the_image(setup: Any) -> None:
    tiny = CameraInfo(width=1, height=1, k=[1e12, 0.0, 0.0, 0.0, 1e12, 0.0, 0.0, 0.0, 1.0])
    tiny.distortion_model = "plumb_bob"
    setup.contexts.calibration.update(tiny)
    setup.send()
    assert setup.wait_for_drops(1) == {Drop.CALIBRATION: 1}
    assert setup.errors[0].startswith("image dropped: camera_info does not fit 640 x 480 pixels")


def test_an_unknown_fault_costs_one_image_and_is_told_with_its_place(setup: Any) -> None:
    setup.publishing_fails = KeyError("what")
    setup.send()
    assert setup.wait_for_drops(1) == {Drop.ERROR: 1}
    assert setup.errors[0].startswith("image dropped: KeyError: 'what'\nTraceback")
    setup.publishing_fails = None
    assert setup.show().image.count == 2


def test_new_settings_hold_from_the_next_image_on(setup: Any) -> None:
    assert setup.show().people[0].hip_center is not None
    changed = NodeSettings(placement="none")
    setup.pipeline.change(changed)
    shown = setup.show()
    assert shown.settings is changed
    assert shown.people[0].hip_center is None


def test_what_a_detector_says_is_given_to_the_estimator(setup: Any) -> None:
    assert setup.show().image.frame.boxes is None
    frames = setup.estimator.frames
    assert frames[0].rgb.shape == (CAMERA.height, CAMERA.width, 3)
    assert not frames[0].rgb.any()
    assert isinstance(frames[0].rgb, np.ndarray)


def test_an_image_in_which_nobody_can_be_found_is_named_and_counted(setup: Any) -> None:
    setup.show()
    assert setup.statistics.snapshot().blank == 0
    setup.estimator.poses = []
    setup.show()
    assert setup.statistics.snapshot().blank == 1
    assert "nobody can be found: the image is black" in setup.warnings[-1]


def test_an_image_beyond_the_limit_is_dropped_until_the_limit_is_raised(make: Any) -> None:
    setup = make(max_image_megapixels=0.3)  # the images have 640 x 480 pixels
    setup.send()
    assert setup.errors == [
        "image dropped: 640 x 480 pixels are more than 0.3 megapixels (max_image_megapixels)"
    ]
    setup.pipeline.change(NodeSettings(max_image_megapixels=0.4))
    assert setup.show().people


def test_the_topics_name_and_the_parameter_say_which_camera_it_is(make: Any) -> None:
    setup = make(rectified="always")
    k, p = ([f, 0, 320, 0, f, 240, 0, 0, 1] for f in (500.0, 400.0))
    p = [*p[:3], 0, *p[3:6], 0, *p[6:], 0]
    setup.contexts.calibration.update(CameraInfo(width=640, height=480, k=k, p=p))
    rectified = setup.show().people[0].hip_center.position[2]
    setup.pipeline.change(NodeSettings(rectified="never", smoothing_enabled=False))
    raw = setup.show("another camera").people[0].hip_center.position[2]
    assert raw / rectified == pytest.approx(500 / 400, rel=0.03)
