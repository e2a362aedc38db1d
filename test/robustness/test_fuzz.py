# SPDX-License-Identifier: Apache-2.0
"""Fuzzed messages do no harm: no exception, no crash, no growth, and the next good image is answered.

``FUZZ_COUNT=200000`` (``make fuzz COUNT=200000``) makes it long. A message that fails is made
again by its number: ``fuzzed(kind, Random(number))``.
"""

import os
from collections.abc import Iterator
from functools import partial
from random import Random
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rclpy", reason="rclpy is not installed")

import cv2
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage
from support.bodies import CAMERA, seen_by
from support.fuzzing import KINDS, fuzzed
from support.pose_client import START_NS, image_message, pose_node, screen_array

from blazepose_ros.conversions.frame_context import FrameContextCollector
from blazepose_ros.conversions.frames import to_tf_message
from blazepose_ros.conversions.images import TRANSPORTS
from blazepose_ros.conversions.markers import MarkerArrays
from blazepose_ros.conversions.pose33 import serialize_pose33_array
from blazepose_ros.core.diagnostics.statistics import Statistics
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.estimation.loading import LoadedModel
from blazepose_ros.core.frame_sources.files import photograph
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import ModelComplexity
from blazepose_ros.nodes.common.process_tuning import anonymous_mb
from blazepose_ros.nodes.pose import image_pipeline, inference
from blazepose_ros.nodes.pose.image_pipeline import ImagePipeline
from blazepose_ros.nodes.pose.received_image import SerializedImage

pytestmark = pytest.mark.alone

FUZZ_COUNT = int(os.environ.get("FUZZ_COUNT", "3000"))
WARM_UP = 1000
MAX_GROWTH_MB = 20.0

# Over DDS messages take longer: one of so many.
OVER_DDS = 10
BETWEEN_GOOD_IMAGES = 100
MAX_ERROR_PX = 5.0
IMAGES = 10  # within which landmarks settle


class AtOnce:
    """A worker in its caller's thread: what it raises is raised in the test."""

    def __init__(self, work: Any, _name: Any, _spare_s: Any = None) -> None:
        self.offer = self.hand_over = work

    def stop(self) -> bool:
        return True


class Estimator:
    """Sees a person in every image."""

    def estimate(self, _frame: Any) -> Any:
        return [seen_by(CAMERA, (0.0, 0.0, 3.0))]


class Node:
    """All that the node does with a message, between the middleware's two ends."""

    def __init__(self) -> None:
        self.published = 0
        self.complaints = 0
        logger = FunctionLogger(self._complain)
        self._contexts = FrameContextCollector("camera_info", logger)
        self._model = LoadedModel(ModelComplexity.LITE, "fake", Estimator())
        self._pipeline = ImagePipeline(
            NodeSettings(), self._model, self._contexts, self, Statistics(), logger
        )
        self._markers = MarkerArrays()
        self._receivers = {
            "image": partial(self._receive_image, transport="raw"),
            "compressed": partial(self._receive_image, transport="compressed"),
            "calibration": self._contexts.calibration.receive,
            "depth": self._contexts.depth.receive,
            "depth calibration": self._contexts.depth.receive_calibration,
        }

    def receive(self, kind: Any, serialized: Any) -> None:
        self._receivers[kind](serialized)

    def _receive_image(self, serialized: Any, transport: Any) -> None:
        self._pipeline.on_image(SerializedImage(serialized, TRANSPORTS[transport], START_NS))

    def publish(self, image: Any, poses: Any, model_complexity: Any, _settings: Any) -> None:
        serialize_pose33_array(poses, image.header, image.frame, model_complexity)
        for output in (
            to_tf_message(poses, image.header, prefix="", landmark_visibility=0.5),
            self._markers.update(poses, image.header, 0.5),
        ):
            serialize_message(output)
        self.published += 1

    def _complain(self, message: Any) -> None:
        assert len(message) < 2000
        assert "Traceback" not in message  # of what nobody has thought of
        self.complaints += 1


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (image_pipeline, inference):
            patch.setattr(module, "LatestItemWorker", AtOnce)
        yield Node()


@pytest.mark.filterwarnings("error")
@settings(deadline=None, max_examples=200)
@given(st.sampled_from(list(KINDS)), st.randoms(use_true_random=False))
def test_a_fuzzed_message_is_worked_on_or_complained_of(node: Node, kind: Any, random: Any) -> None:
    node.receive(kind, fuzzed(kind, random))


@pytest.mark.filterwarnings("error")
def test_many_fuzzed_messages_leave_memory_as_it_was(node: Node) -> None:
    before_mb = 0.0
    for number in range(WARM_UP + FUZZ_COUNT):
        if number == WARM_UP:
            before_mb = anonymous_mb(os.getpid())
        kind = list(KINDS)[number % len(KINDS)]
        try:
            node.receive(kind, fuzzed(kind, Random(number)))
        except Exception as err:
            raise AssertionError(f"fuzzed({kind!r}, Random({number}))") from err
    after_mb = anonymous_mb(os.getpid())
    print(  # noqa: T201
        f"{FUZZ_COUNT} messages: {node.published} published, {node.complaints} complaints,"
        f" {before_mb:.0f} MB before and {after_mb:.0f} MB after"
    )
    assert node.published > FUZZ_COUNT / 20  # a tenth of them are images that can be read
    assert node.complaints > FUZZ_COUNT / 5
    assert after_mb - before_mb < MAX_GROWTH_MB


def jpeg_message(bgr: Any, stamp_ns: Any) -> CompressedImage:
    msg = CompressedImage(format="jpeg", data=cv2.imencode(".jpg", bgr)[1].tobytes())
    msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    return msg


def good_image(transport: Any, stamp_ns: Any) -> Any:
    """Return a photograph of a person as a message."""
    bgr = cv2.imread(str(photograph()))
    return image_message(bgr, "bgr8", stamp_ns) if transport == "raw" else jpeg_message(bgr, stamp_ns)


def landmarks(client: Any, transport: Any, start_ns: Any) -> Iterator[Any]:
    """Yield the landmarks, (33, 2) pixels, that the node finds in the photograph, going back in time."""
    for number in range(IMAGES):
        answer = client.ask(good_image(transport, start_ns + number * 10**8))
        yield screen_array(answer.poses[0])[:, :2]


def is_found_again(reference: Any, found: Any) -> Any:
    """Tell whether landmarks settle where they were; an image that was sent again begins anew."""
    return any(np.median(np.linalg.norm(each - reference, axis=1)) < MAX_ERROR_PX for each in found)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(("transport", "kind"), [("raw", "image"), ("compressed", "compressed")])
def test_a_node_that_is_sent_fuzzed_messages_goes_on(
    ros: ModuleType, capfd: pytest.CaptureFixture[str], transport: str, kind: str
) -> None:
    count = max(FUZZ_COUNT // OVER_DDS // 2, BETWEEN_GOOD_IMAGES)
    sizes_mb = []
    with pose_node(ros, image_transport=transport, model_complexity=0) as client:
        *_, reference = landmarks(client, transport, START_NS)
        for number in range(1, count + 1):
            client.image.publish(fuzzed(kind, Random(number)))
            client.camera_info.publish(fuzzed("calibration", Random(number)))
            client.executor.spin_once(timeout_sec=0.001)
            if number % BETWEEN_GOOD_IMAGES == 0:
                found = landmarks(client, transport, START_NS - number * 10**9)
                assert is_found_again(reference, found)
                sizes_mb.append(anonymous_mb(client.process.pid))
    assert "Traceback" not in capfd.readouterr().err
    print(f"{2 * count} messages over DDS: {sizes_mb[0]:.0f} MB at first, {sizes_mb[-1]:.0f} MB at last")  # noqa: T201
    assert sizes_mb[-1] - sizes_mb[0] < 2 * MAX_GROWTH_MB
