# SPDX-License-Identifier: Apache-2.0
"""The stamps of a camera whose clock is not to be trusted."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from robustness.soak.invariants import Content, Invariants, Sent
from robustness.soak.picture import BREAKAGES, Look, Photograph, as_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.images import compressed_message
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.timestamps import NS_PER_S

# sec is an int32: what would lie beyond is left where the clock is.
_LIMIT_NS = (1 << 31) * NS_PER_S


class Stamps:
    """Gives each image its stamp.

    Args:
        clock: the true time in nanoseconds.

    Attributes:
        offset_ns: how far the camera's clock is ahead of the true one.
        repeating: whether it stands still.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self.offset_ns = 0
        self.repeating = False
        self._clock = clock
        self._last_ns = 0

    def next_ns(self) -> int:
        """Return the stamp of the next image."""
        if not self.repeating:
            stamp_ns = self._clock() + self.offset_ns
            self._last_ns = stamp_ns if abs(stamp_ns) < _LIMIT_NS else self._clock()
        return self._last_ns

    def begin_at_zero(self) -> None:
        """Count from now on, as a camera that knows no time."""
        self.offset_ns = -self._clock()


HFOV_DEG = 60.0
USUAL_RATE_HZ = 15.0

_QOS = QoSProfile(depth=5)
# Between the stamps of two cameras on one topic.
_NEXT_CAMERA_NS = 1_000_000


class SoakCamera:
    """The topics of one camera.

    Args:
        node: the node that publishes.
        frame_id: the frame in its headers.
    """

    def __init__(self, node: Node, frame_id: str) -> None:
        self.frame_id = frame_id
        self._node = node
        self.image = node.create_publisher(Image, "image", _QOS)
        self.compressed = node.create_publisher(CompressedImage, "image/compressed", _QOS)
        self.camera_info = node.create_publisher(CameraInfo, "camera_info", _QOS)

    @property
    def is_heard(self) -> bool:
        """Whether anybody takes its images."""
        return bool(self.image.get_subscription_count() or self.compressed.get_subscription_count())

    def close(self) -> None:
        """Take the topics away."""
        for publisher in (self.image, self.compressed, self.camera_info):
            self._node.destroy_publisher(publisher)


class SoakCameras:
    """All cameras, which show the same; events change the attributes while they run.

    Args:
        node: the node that publishes.
        photograph: what they show.
        numbers: decides what is broken, and how.

    Attributes:
        ledger: where every image is written down.
        landmarks: (N, 2), where the photograph has its person's landmarks, as parts of its size.
        look: size and encoding of the images.
        content: what they show.
        broken: the part of them that cannot be read, 0 to 1.
        moving: whether the photograph moves.
        rate_hz: images of each camera per second.
        stamps: their common clock.
        calibrate: changes each CameraInfo, which is right before.
    """

    def __init__(self, node: Node, photograph: Photograph, numbers: random.Random) -> None:
        self.ledger = Invariants()
        self.landmarks: NDArray[np.float64] = np.empty((0, 2))
        self.look = Look()
        self.content = Content.PERSON
        self.broken = 0.0
        self.moving = False
        self.rate_hz = USUAL_RATE_HZ
        self.stamps = Stamps(lambda: node.get_clock().now().nanoseconds)
        self.calibrate: Callable[[CameraInfo], object] = lambda _msg: None
        self._node = node
        self._photograph = photograph
        self._numbers = numbers
        self._started_ns = time.monotonic_ns()
        self._cameras: list[SoakCamera] = []

    @property
    def are_heard(self) -> bool:
        """Whether the images of any camera are taken."""
        return any(camera.is_heard for camera in self._cameras)

    def add(self) -> None:
        """Start another camera."""
        self._cameras.append(SoakCamera(self._node, f"soak_camera_{len(self._cameras)}"))

    def remove(self) -> None:
        """Take the newest camera away."""
        self._cameras.pop().close()

    def send(self) -> None:
        """Send the next image of every camera that is heard."""
        moment_ns = time.monotonic_ns() - self._started_ns if self.moving else 0
        stamp_ns = self.stamps.next_ns()
        for number, camera in enumerate(self._cameras):
            if camera.is_heard:
                self._send_from(camera, stamp_ns + number * _NEXT_CAMERA_NS, moment_ns)

    def _send_from(self, camera: SoakCamera, stamp_ns: int, moment_ns: int) -> None:
        content = Content.BROKEN if self._numbers.random() < self.broken else self.content
        rgb = self._picture(content, moment_ns)
        header = header_message(stamp_ns, camera.frame_id)
        size = rgb.shape[1], rgb.shape[0]
        camera.camera_info.publish(self._camera_info(size, header))
        landmarks = self._landmarks(moment_ns, size)
        for publisher, message in (
            (camera.image, self._image),
            (camera.compressed, _compressed),
        ):
            if publisher.get_subscription_count():
                sent_s = time.monotonic()
                self.ledger.send(Sent(stamp_ns, camera.frame_id, size, content, sent_s, landmarks))
                publisher.publish(message(rgb, header, content))

    def _picture(self, content: Content, moment_ns: int) -> NDArray[np.uint8]:
        if content is Content.NOBODY:
            return self._photograph.wall(self.look)
        return self._photograph.at(self.look, moment_ns)

    def _landmarks(self, moment_ns: int, size: tuple[int, int]) -> NDArray[np.float64]:
        affine = self._photograph.affine(self.look, moment_ns)
        return (self.landmarks * size) @ affine[:, :2].T + affine[:, 2]

    def _camera_info(self, size: tuple[int, int], header: Header) -> CameraInfo:
        msg = CameraInfo(header=header, width=size[0], height=size[1], distortion_model="plumb_bob")
        msg.d, msg.k = [0.0] * 5, CameraModel.from_hfov(*size, HFOV_DEG).k.ravel()
        self.calibrate(msg)
        return msg

    def _image(self, rgb: NDArray[np.uint8], header: Header, content: Content) -> Image:
        msg = as_message(rgb, self.look.encoding, header)
        if content is Content.BROKEN:
            self._numbers.choice(BREAKAGES)(msg)
        return msg


def _compressed(rgb: NDArray[np.uint8], header: Header, content: Content) -> CompressedImage:
    msg = compressed_message(rgb[:, :, ::-1], header)
    if content is Content.BROKEN:
        msg.data = msg.data[: len(msg.data) // 2]
    return msg
