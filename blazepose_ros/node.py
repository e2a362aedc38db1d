"""The node `blazepose`: camera images in, people out."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from blazepose_ros import images
from blazepose_ros.calibration_source import CalibrationError, camera_for, to_camera_model
from blazepose_ros.camera_model import CameraModel
from blazepose_ros.complaints import Complaints
from blazepose_ros.declare_parameters import declare_parameters
from blazepose_ros.estimator import Estimator, EstimatorError, EstimatorOptions
from blazepose_ros.estimators import create_estimator
from blazepose_ros.image_messages import stamp_ns
from blazepose_ros.model_fetch import fetch
from blazepose_ros.model_store import ModelError, ModelFile, resolve
from blazepose_ros.newest_worker import NewestWorker
from blazepose_ros.parameters import PARAMETERS
from blazepose_ros.pipeline import find_people
from blazepose_ros.pose import Frame, ModelComplexity, Pose
from blazepose_ros.publishers import OutputOptions, Publishers
from blazepose_ros.run_node import StartupError

# transport: topic, message type, how to read its pixels
TRANSPORTS = {
    "raw": ("image", Image, images.to_rgb),
    "compressed": ("image/compressed", CompressedImage, images.decode),
}

RELIABILITIES = {
    "best_effort": ReliabilityPolicy.BEST_EFFORT,
    "reliable": ReliabilityPolicy.RELIABLE,
}

# How long the first image waits for a calibration before one is assumed aloud.
CALIBRATION_PATIENCE_S = 1.0


class BlazePoseNode(Node):
    """Finds the people in a camera's images and publishes them.

    Images are taken by a worker that always has the newest one; nothing queues.

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
        self._outputs = Publishers(self, segmentation=settings.enable_segmentation)
        self._camera: CameraModel | None = None
        self._first_image_s: float | None = None
        self._assuming = False
        self._worker = NewestWorker(self._process, "blazepose")
        self._subscribe(settings)

    def destroy_node(self) -> None:
        """End the worker, free the model and close the node."""
        self._worker.stop()
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
        try:
            estimator = create_estimator(
                settings.backend, options, allow_telemetry=settings.allow_mediapipe_telemetry
            )
        except EstimatorError as err:
            raise StartupError(str(err)) from err
        self.get_logger().info(f"{model.complexity.name} model from {model.path} on {settings.backend}")
        return estimator

    def _subscribe(self, settings: SimpleNamespace) -> None:
        topic, message_type, self._read_pixels = TRANSPORTS[settings.image_transport]
        image_qos = QoSProfile(depth=1, reliability=RELIABILITIES[settings.image_reliability])
        self.create_subscription(message_type, topic, self._worker.offer, image_qos)
        self.create_subscription(CameraInfo, "camera_info", self._calibrate, qos_profile_sensor_data)
        self.get_logger().info(f"waiting for images on {self.resolve_topic_name(topic)}")

    def _calibrate(self, msg: CameraInfo) -> None:
        try:
            self._camera = to_camera_model(msg)
        except CalibrationError as err:
            self._camera = None
            self._complaints.complain(f"{err}; a field of view is assumed")

    def _process(self, msg: Image | CompressedImage) -> None:
        try:
            frame = Frame(self._read_pixels(msg), stamp_ns(msg.header))
            poses = self._find_people(frame)
        except (images.ImageError, CalibrationError, EstimatorError) as err:
            self._complaints.complain(f"image dropped: {err}")
            return
        self._outputs.publish(self._header(msg), frame, poses, self._output_options())

    def _find_people(self, frame: Frame) -> list[Pose]:
        camera = None
        if self._value("placement") != "none":
            camera = camera_for(frame.width, frame.height, self._camera, self._value("assumed_hfov_deg"))
            self._announce_assumption(camera)
        return find_people(self._estimator, frame, camera, self._value("visibility_threshold"))

    def _announce_assumption(self, camera: CameraModel) -> None:
        """Say it once where distances rest on an assumed field of view."""
        self._first_image_s = self._first_image_s or time.monotonic()
        patient = time.monotonic() - self._first_image_s < CALIBRATION_PATIENCE_S
        if camera.assumed and not self._assuming and not patient:
            self._assuming = True
            self.get_logger().warning(
                f"no calibration on {self.resolve_topic_name('camera_info')}: distances rest on an assumed"
                f" horizontal field of view of {self._value('assumed_hfov_deg'):g} degrees (assumed_hfov_deg)"
            )

    def _header(self, msg: Image | CompressedImage) -> Header:
        return Header(stamp=msg.header.stamp, frame_id=msg.header.frame_id or self._value("camera_frame"))

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
