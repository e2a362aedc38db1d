"""The node `blazepose`: camera images in, people out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from blazepose_ros import cdr, images
from blazepose_ros.calibration_source import CalibrationError, CalibrationSource
from blazepose_ros.complaints import Complaints
from blazepose_ros.declare_parameters import declare_parameters
from blazepose_ros.estimator import EstimatorError
from blazepose_ros.image_messages import stamp_ns
from blazepose_ros.image_subscription import ImageSubscription
from blazepose_ros.loading import find_model, load_estimator
from blazepose_ros.models.store import ModelError
from blazepose_ros.newest_worker import NewestWorker
from blazepose_ros.parameters import PARAMETERS
from blazepose_ros.pipeline import PersonPipeline, PipelineOptions, Scene
from blazepose_ros.pose import Frame, Pose
from blazepose_ros.publishers import OutputOptions, Publishers, Received
from blazepose_ros.run_node import StartupError
from blazepose_ros.stopwatch import NS_PER_MS, Stopwatch

# transport: topic, message type, how to read it, how to get its pixels
TRANSPORTS: dict[str, tuple[str, type, Callable[[bytes], Any], Callable[[Any], NDArray[np.uint8]]]] = {
    "raw": ("image", Image, cdr.read_image, images.to_rgb),
    "compressed": ("image/compressed", CompressedImage, cdr.read_compressed_image, images.decode),
}

# A stage that ends its inference wants the interpreter back sooner than after Python's 5 ms.
SWITCH_INTERVAL_S = 0.0005


@dataclass(frozen=True)
class Arrived:
    """An image as it came over the wire, the ``count``-th of all."""

    serialized: bytes
    arrival_ns: int
    count: int
    stopwatch: Stopwatch


class BlazePoseNode(Node):
    """Finds the people in a camera's images and publishes them.

    Three stages work side by side, each on the newest image there is: decoding, inference,
    publishing. Nothing queues, and only images that no inference has begun on are dropped.

    Raises:
        StartupError: a parameter is wrong, or the model is missing or does not load.
    """

    def __init__(self) -> None:
        super().__init__("blazepose", automatically_declare_parameters_from_overrides=True)
        settings = SimpleNamespace(**declare_parameters(self, PARAMETERS))
        self._load(settings)
        self._complaints = Complaints(self.get_logger().error)
        self._calibration = CalibrationSource(
            self.resolve_topic_name("camera_info"), self.get_logger().warning, self._complaints.complain
        )
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._publishing = NewestWorker(self._publish, "publishing")
        self._inference = NewestWorker(self._infer, "inference")
        self._decoding = NewestWorker(self._decode, "decoding")
        self._pipeline = PersonPipeline(PipelineOptions())
        self._count = 0
        self._lazy = settings.lazy
        self._outputs = Publishers(
            self, segmentation=settings.enable_segmentation, on_matched=self._open_while_wanted
        )
        self._images = self._subscribe(settings)
        self._open_while_wanted()

    def destroy_node(self) -> None:
        """End the stages, free the model and close the node."""
        for stage in (self._decoding, self._inference, self._publishing):
            stage.stop()
        self._estimator.close()
        super().destroy_node()

    def _load(self, settings: SimpleNamespace) -> None:
        try:
            model = find_model(settings, self.get_logger())
            self._estimator = load_estimator(settings, model, self.get_logger()).estimator
        except (ModelError, EstimatorError) as err:
            raise StartupError(str(err)) from err
        self._model_complexity = model.complexity

    def _subscribe(self, settings: SimpleNamespace) -> ImageSubscription:
        topic, message_type, self._read, self._to_rgb = TRANSPORTS[settings.image_transport]
        self.create_subscription(CameraInfo, "camera_info", self._calibration.update, qos_profile_sensor_data)
        self.get_logger().info(f"waiting for images on {self.resolve_topic_name(topic)}")
        return ImageSubscription(
            self, message_type, topic, settings.image_reliability, self._receive, self._complaints
        )

    def _open_while_wanted(self) -> None:
        """Take images only while somebody listens, unless told to take them always."""
        if self._outputs.wanted or not self._lazy:
            self._images.open()
        else:
            self._images.close()

    def _receive(self, serialized: bytes) -> None:
        self._count += 1
        arrival_ns = self.get_clock().now().nanoseconds
        self._decoding.offer(Arrived(serialized, arrival_ns, self._count, Stopwatch()))

    def _decode(self, arrived: Arrived) -> None:
        stopwatch = arrived.stopwatch
        stopwatch.lap("waiting")
        try:
            msg = self._read(arrived.serialized)
            frame = Frame(self._to_rgb(msg), stamp_ns(msg.header))
        except (cdr.CdrError, images.ImageError) as err:
            self._complaints.complain(f"image dropped: {err}")
            return
        header = Header(stamp=msg.header.stamp, frame_id=msg.header.frame_id or self._value("camera_frame"))
        stopwatch.laps_ms["transport"] = (arrived.arrival_ns - frame.stamp_ns) / NS_PER_MS
        stopwatch.lap("decoding")
        self._inference.offer(Received(header, frame, arrived.count, stopwatch))

    def _infer(self, received: Received) -> None:
        received.stopwatch.lap("waiting")
        try:
            poses = self._estimator.estimate(received.frame)
        except EstimatorError as err:
            self._complaints.complain(f"image dropped: {err}")
            return
        received.stopwatch.lap("inference")
        self._publishing.hand_over((received, poses))

    def _publish(self, found: tuple[Received, list[Pose]]) -> None:
        received, poses = found
        received.stopwatch.lap("waiting")
        try:
            scene = self._scene(received.frame)
        except CalibrationError as err:
            self._complaints.complain(f"image dropped: {err}")
            return
        self._pipeline.options = PipelineOptions(self._value("visibility_threshold"))
        people = self._pipeline.update(received.frame, poses, scene)
        self._outputs.publish(received, people, self._output_options())

    def _scene(self, frame: Frame) -> Scene:
        if self._value("placement") == "none":
            return Scene()
        return Scene(self._calibration.camera_for(frame.width, frame.height, self._value("assumed_hfov_deg")))

    def _output_options(self) -> OutputOptions:
        return OutputOptions(
            model_complexity=self._model_complexity,
            visibility_threshold=self._value("visibility_threshold"),
            publish_tf=self._value("publish_tf"),
            publish_landmark_tf=self._value("publish_landmark_tf"),
            tf_prefix=self._value("tf_prefix"),
        )

    def _value(self, parameter: str) -> Any:
        return self.get_parameter(parameter).value
