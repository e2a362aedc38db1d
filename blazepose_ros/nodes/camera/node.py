# SPDX-License-Identifier: Apache-2.0
"""The node `blazepose_camera`: a file, a folder or a webcam as the topics of a camera."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from blazepose_ros.conversions.camera_info import camera_info_message
from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.images import compressed_message, to_image
from blazepose_ros.core.frame_sources.calibration_file import (
    Calibration,
    CalibrationFileError,
    load_calibration,
)
from blazepose_ros.core.frame_sources.camera_stream import MOTIONS, CameraStream, StreamFrame, StreamOptions
from blazepose_ros.core.frame_sources.files import open_source
from blazepose_ros.core.frame_sources.frame_source import FrameError
from blazepose_ros.core.text import printable
from blazepose_ros.nodes.camera.settings import CameraSettings
from blazepose_ros.nodes.common.main import StartupError
from blazepose_ros.nodes.common.parameters import declare_parameters


def resolve_url(url: str) -> Path:
    """Return the file that a path, ``file:///PATH`` or ``package://PACKAGE/PATH`` names.

    Raises:
        ValueError: the URL is of another kind or names a package that is not installed.
    """
    if "://" not in url:
        return Path(url).expanduser()
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(path)
    if parts.scheme == "package":
        return _share_directory(parts.netloc) / path.lstrip("/")
    raise ValueError(f"{url} is neither a path nor file:///PATH nor package://PACKAGE/PATH")


def _share_directory(package: str) -> Path:
    try:
        return Path(get_package_share_directory(package))
    except (PackageNotFoundError, OSError, ValueError) as error:  # OSError: no AMENT_PREFIX_PATH
        raise ValueError(f"package {package!r} is not installed") from error


# A reliable publisher serves reliable and best-effort subscribers alike.
_QOS = QoSProfile(depth=5)
_THROTTLE_S = 5.0
# A subscriber that was discovered here may need a moment more to discover this node.
_SETTLE_S = 0.5
_DELIVERY_TIMEOUT = Duration(nanoseconds=500_000_000)


class CameraNode(Node):
    """Plays a source as ``image_raw``, ``image_raw/compressed`` and ``camera_info``.

    Raises:
        ParameterError: a parameter has a value that it does not take.
        StartupError: the parameters describe no camera.
    """

    def __init__(self) -> None:
        super().__init__("blazepose_camera", automatically_declare_parameters_from_overrides=True)
        self._settings = declare_parameters(self, CameraSettings)
        self._stream = self._open_stream()
        self._image = self.create_publisher(Image, "image_raw", _QOS)
        self._compressed = self.create_publisher(CompressedImage, "image_raw/compressed", _QOS)
        self._camera_info = self.create_publisher(CameraInfo, "camera_info", _QOS)
        self._frames = 0
        self._heard = False
        if self._settings.wait_for_subscribers:
            self._waiting = self.create_timer(_SETTLE_S, self._wait)
        else:
            self._start()

    def destroy_node(self) -> None:
        """Close the source and the node."""
        self._stream.close()
        super().destroy_node()

    def _open_stream(self) -> CameraStream:
        settings = self._settings
        try:
            calibration = self._load_calibration()
            source = open_source(settings.source, settings.rate, settings.width, settings.height)
            options = StreamOptions(
                rate=settings.rate,
                loop=settings.loop,
                motion=MOTIONS.get(settings.motion),
                width=settings.width,
                height=settings.height,
                calibration=calibration,
                assumed_hfov_deg=settings.assumed_hfov_deg,
            )
            return CameraStream(source, options)
        except ValueError as error:
            raise StartupError(str(error)) from error

    def _load_calibration(self) -> Calibration | None:
        if self._settings.camera_info_url:
            return load_calibration(resolve_url(self._settings.camera_info_url))
        return None

    def _wait(self) -> None:
        heard = self._image.get_subscription_count() + self._compressed.get_subscription_count()
        enough = heard >= self._settings.wait_for_subscribers
        if enough and self._heard:
            self._waiting.cancel()
            self._start()
        self._heard = enough

    def _start(self) -> None:
        self._timer = self.create_timer(1 / self._stream.rate, self._play)
        self.get_logger().info(
            f"playing {self._settings.source} at {self._stream.rate:g} Hz, {self._calibration_in_words()}"
        )

    def _calibration_in_words(self) -> str:
        if self._settings.camera_info_url:
            return f"calibration {self._settings.camera_info_url}"
        if self._settings.assumed_hfov_deg:
            return f"an assumed field of view of {self._settings.assumed_hfov_deg:g} degrees"
        return "not calibrated"

    def _play(self) -> None:
        try:
            frame = self._stream.next(self.get_clock().now().nanoseconds)
            if frame is None:
                self._end()
            else:
                self._publish(frame)
                self._wait_for_next()
        except (FrameError, CalibrationFileError) as error:
            self.get_logger().error(printable(str(error)), throttle_duration_sec=_THROTTLE_S)

    def _wait_for_next(self) -> None:
        """Have the timer wait until the next frame is due, where each has its own time."""
        wait_ns = self._stream.wait_ns(self.get_clock().now().nanoseconds)
        if wait_ns is not None:
            self._timer.timer_period_ns = wait_ns
            self._timer.reset()

    def _publish(self, frame: StreamFrame) -> None:
        header = header_message(frame.stamp_ns, self._settings.frame_id)
        self._camera_info.publish(camera_info_message(frame.calibration, frame.size, header))
        if self._image.get_subscription_count():
            self._image.publish(to_image(frame.bgr, "bgr8", header))
        if self._compressed.get_subscription_count():
            self._compressed.publish(compressed_message(frame.bgr, header))
        self._frames += 1

    def _end(self) -> None:
        for publisher in (self._image, self._compressed, self._camera_info):
            publisher.wait_for_all_acked(_DELIVERY_TIMEOUT)
        self.get_logger().info(f"the source has ended after {self._frames} frames")
        raise SystemExit(0)
