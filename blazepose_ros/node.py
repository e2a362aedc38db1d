"""The node `blazepose`: camera images in, people out."""

from __future__ import annotations

import sys
import time
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
from blazepose_ros.blazepose.runtime import Precision, RuntimeOptions
from blazepose_ros.calibration_source import CalibrationError, camera_for, to_camera_model
from blazepose_ros.camera_model import CameraModel
from blazepose_ros.complaints import Complaints
from blazepose_ros.declare_parameters import declare_parameters
from blazepose_ros.estimator import Estimator, EstimatorError, EstimatorOptions
from blazepose_ros.estimators import choose_estimator, compiled_folder
from blazepose_ros.image_messages import stamp_ns
from blazepose_ros.image_subscription import ImageSubscription
from blazepose_ros.model_fetch import fetch
from blazepose_ros.model_store import ModelError, ModelFile, resolve
from blazepose_ros.newest_worker import NewestWorker
from blazepose_ros.parameters import PARAMETERS
from blazepose_ros.pipeline import find_people
from blazepose_ros.pose import Frame, ModelComplexity, Pose
from blazepose_ros.publishers import Found, OutputOptions, Publishers
from blazepose_ros.run_node import StartupError
from blazepose_ros.stopwatch import NS_PER_MS, Stopwatch

# transport: topic, message type, how to read it, how to get its pixels
TRANSPORTS: dict[str, tuple[str, type, Callable[[bytes], Any], Callable[[Any], NDArray[np.uint8]]]] = {
    "raw": ("image", Image, cdr.read_image, images.to_rgb),
    "compressed": ("image/compressed", CompressedImage, cdr.read_compressed_image, images.decode),
}

# How long the first image waits for a calibration before one is assumed aloud.
CALIBRATION_PATIENCE_S = 1.0

# A stage that ends its inference wants the interpreter back sooner than after Python's 5 ms.
SWITCH_INTERVAL_S = 0.0005


@dataclass(frozen=True)
class Arrived:
    """An image as it came over the wire, and how many had come with it."""

    serialized: bytes
    arrival_ns: int
    received: int
    stopwatch: Stopwatch


@dataclass(frozen=True)
class Decoded:
    """An image as pixels."""

    header: Header
    frame: Frame
    received: int
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
        self._complaints = Complaints(self.get_logger().error)
        model = self._find_model(settings)
        self._model_complexity = model.complexity
        self._estimator = self._load(settings, model)
        self._camera: CameraModel | None = None
        self._patience_ends_s: float | None = None
        self._assuming = False
        self._received = 0
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._publishing = NewestWorker(self._publish, "publishing")
        self._inference = NewestWorker(self._infer, "inference")
        self._decoding = NewestWorker(self._decode, "decoding")
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

    def _find_model(self, settings: SimpleNamespace) -> ModelFile:
        complexity = ModelComplexity(settings.model_complexity)
        try:
            if settings.fetch_models and not settings.model_path:
                fetch([complexity], self.get_logger().info)
            model = resolve(complexity, settings.model_path)
        except ModelError as err:
            raise StartupError(str(err)) from err
        if model.complexity != complexity:
            self.get_logger().warning(
                f"{model.path} is the {model.complexity.name} model: model_complexity says {complexity.name}"
            )
        return model

    def _load(self, settings: SimpleNamespace, model: ModelFile) -> Estimator:
        options = EstimatorOptions(
            model=model.content,
            model_complexity=model.complexity,
            num_poses=settings.num_poses,
            min_detection_confidence=settings.min_detection_confidence,
            min_presence_confidence=settings.min_presence_confidence,
            min_tracking_confidence=settings.min_tracking_confidence,
            enable_segmentation=settings.enable_segmentation,
        )
        runtime = RuntimeOptions(settings.num_threads, Precision(settings.precision), compiled_folder())
        try:
            chosen = choose_estimator(
                settings.backend, options, runtime, allow_telemetry=settings.allow_mediapipe_telemetry
            )
        except EstimatorError as err:
            raise StartupError(str(err)) from err
        for reason in chosen.passed_over:
            self.get_logger().warning(f"a faster backend is passed over: {reason}")
        self.get_logger().info(f"{model.complexity.name} model from {model.path} on {chosen.backend}")
        return chosen.estimator

    def _subscribe(self, settings: SimpleNamespace) -> ImageSubscription:
        topic, message_type, self._read, self._to_rgb = TRANSPORTS[settings.image_transport]
        self.create_subscription(CameraInfo, "camera_info", self._calibrate, qos_profile_sensor_data)
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

    def _calibrate(self, msg: CameraInfo) -> None:
        try:
            self._camera = to_camera_model(msg)
            if self._camera is None:
                self._patience_ends_s = 0.0  # no better one will come
        except CalibrationError as err:
            self._camera = None
            self._complaints.complain(f"{err}; a field of view is assumed")

    def _receive(self, serialized: bytes) -> None:
        arrival_ns = self.get_clock().now().nanoseconds
        self._received += 1
        self._decoding.offer(Arrived(serialized, arrival_ns, self._received, Stopwatch()))

    def _decode(self, arrived: Arrived) -> None:
        stopwatch = arrived.stopwatch
        stopwatch.lap("waiting")
        try:
            msg = self._read(arrived.serialized)
            frame = Frame(self._to_rgb(msg), stamp_ns(msg.header))
        except (cdr.CdrError, images.ImageError) as err:
            self._complaints.complain(f"image dropped: {err}")
            return
        stopwatch.laps_ms["transport"] = (arrived.arrival_ns - frame.stamp_ns) / NS_PER_MS
        stopwatch.lap("decoding")
        header = Header(stamp=msg.header.stamp, frame_id=msg.header.frame_id or self._value("camera_frame"))
        self._inference.offer(Decoded(header, frame, arrived.received, stopwatch))

    def _infer(self, decoded: Decoded) -> None:
        decoded.stopwatch.lap("waiting")
        try:
            poses = self._find_people(decoded.frame)
        except (CalibrationError, EstimatorError) as err:
            self._complaints.complain(f"image dropped: {err}")
            return
        decoded.stopwatch.lap("inference")
        found = Found(decoded.header, decoded.frame, poses, decoded.received, decoded.stopwatch)
        self._publishing.hand_over(found)

    def _publish(self, found: Found) -> None:
        found.stopwatch.lap("waiting")
        options = OutputOptions(
            model_complexity=self._model_complexity,
            visibility_threshold=self._value("visibility_threshold"),
            publish_tf=self._value("publish_tf"),
            publish_landmark_tf=self._value("publish_landmark_tf"),
            tf_prefix=self._value("tf_prefix"),
        )
        self._outputs.publish(found, options)

    def _find_people(self, frame: Frame) -> list[Pose]:
        camera = None
        if self._value("placement") != "none":
            camera = camera_for(frame.width, frame.height, self._camera, self._value("assumed_hfov_deg"))
            self._announce_assumption(camera)
        return find_people(self._estimator, frame, camera, self._value("visibility_threshold"))

    def _announce_assumption(self, camera: CameraModel) -> None:
        """Say it once where distances rest on an assumed field of view."""
        now_s = time.monotonic()
        if self._patience_ends_s is None:
            self._patience_ends_s = now_s + CALIBRATION_PATIENCE_S
        if camera.assumed and not self._assuming and now_s >= self._patience_ends_s:
            self._assuming = True
            self.get_logger().warning(
                f"no calibration on {self.resolve_topic_name('camera_info')}: distances rest on an assumed"
                f" horizontal field of view of {self._value('assumed_hfov_deg'):g} degrees (assumed_hfov_deg)"
            )

    def _value(self, parameter: str) -> Any:
        return self.get_parameter(parameter).value
