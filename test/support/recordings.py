# SPDX-License-Identifier: Apache-2.0
"""Recordings made for the tests, from images and clips."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import Header

from blazepose_ros.cli.bag.message_types import type_name, typestore
from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.images import compressed_message
from support.pose_client import image_message

START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 33_000_000
DELAY_NS = 2_000_000  # from the capture of an image to its recording


def stamps(count: int) -> list[int]:
    return [START_NS + number * PERIOD_NS for number in range(count)]


def raw_images(topic: str, images: Iterable[np.ndarray], frame_id: str = "camera") -> Iterator[tuple]:
    """Yield what a camera publishes of (height, width, 3) images, red first."""
    for number, rgb in enumerate(images):
        message = image_message(rgb, "rgb8", START_NS + number * PERIOD_NS)
        message.header.frame_id = frame_id
        yield topic, message


def compressed_images(topic: str, images: Iterable[np.ndarray], frame_id: str = "camera") -> Iterator[tuple]:
    for number, rgb in enumerate(images):
        header = header_message(START_NS + number * PERIOD_NS, frame_id)
        yield topic, compressed_message(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), header)


def camera_info(k: Any, d: Any, size: Any, number: Any = 0) -> CameraInfo:
    info = CameraInfo(header=header_message(START_NS + number * PERIOD_NS, "camera"))
    info.width, info.height = size
    info.k, info.d, info.distortion_model = np.ravel(k).astype(float), list(d), "plumb_bob"
    return info


def write_bag(
    path: Path,
    messages: Iterable[tuple],
    storage: Any = StoragePlugin.MCAP,
    compression: Any = CompressionMode.NONE,
    late_ns: dict[str, int] | None = None,
) -> Path:
    """Write topic and message pairs as a recording, some topics later than the others."""
    writer = Writer(path, version=8, storage_plugin=storage)
    if compression is not CompressionMode.NONE:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    connections = {}
    timed = ((log_ns(message) + (late_ns or {}).get(topic, 0), topic, message) for topic, message in messages)
    with writer:
        for time_ns, topic, message in sorted(timed, key=lambda each: each[0]) if late_ns else timed:
            name = type_name(type(message))
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, name, typestore=typestore())
            writer.write(connections[topic], time_ns, serialize_message(message))
    return path


def write_timed(path: Path, messages: Iterable[tuple]) -> Path:
    """Write topic, time in nanoseconds and message, which needs no header, as a recording."""
    connections: dict[str, Any] = {}
    with Writer(path, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        for topic, time_ns, message in messages:
            if topic not in connections:
                name = type_name(type(message))
                connections[topic] = writer.add_connection(topic, name, typestore=typestore())
            writer.write(connections[topic], time_ns, serialize_message(message))
    return path


def static_transform(parent: str, child: str, rotation: Any, translation: Any) -> TransformStamped:
    """Return the pose of a frame in its parent, given as a matrix (3, 3) and meters."""
    transform = TransformStamped(header=header_message(START_NS, parent), child_frame_id=child)
    place, turn = transform.transform.translation, transform.transform.rotation
    place.x, place.y, place.z = map(float, translation)
    turn.x, turn.y, turn.z, turn.w = Rotation.from_matrix(rotation).as_quat().tolist()
    return transform


def log_ns(message: Any) -> int:
    """Return when a message with a stamp was recorded."""
    header: Header = message.header
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec + DELAY_NS


def in_order(*streams: Iterable[tuple]) -> list[tuple]:
    """Return the messages of several topics in the order of their stamps."""
    return sorted((pair for stream in streams for pair in stream), key=lambda pair: log_ns(pair[1]))


def read_bag(path: Path, topic: str) -> list[tuple]:
    """Return time and message, as rosbags understands them, of one topic."""
    with Reader(path) as reader:
        wanted = [connection for connection in reader.connections if connection.topic == topic]
        return [
            (time_ns, typestore().deserialize_cdr(data, connection.msgtype))
            for connection, time_ns, data in (reader.messages(wanted) if wanted else ())
        ]


def topics(path: Path) -> dict[str, str]:
    """Return the types of a recording's topics."""
    with Reader(path) as reader:
        return {connection.topic: connection.msgtype for connection in reader.connections}


def jpeg(rgb: np.ndarray) -> CompressedImage:
    return compressed_message(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), header_message(START_NS, "camera"))
