# SPDX-License-Identifier: Apache-2.0
"""The benchmark's camera: a process that only publishes.

Every image is rendered and serialized in advance. What is left to do for each one is to write
its stamp into the bytes and to hand them to the middleware.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import cv2
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

from blazepose_ros.cli.bench.plan import ENCODINGS, JPEG, forth_and_back, load_clip
from blazepose_ros.cli.bench.worker_process import take_turns
from blazepose_ros.conversions.cdr import header_message, write_stamp_ns
from blazepose_ros.conversions.images import compressed_message, to_image

FRAME_ID = "camera_optical_frame"
# What usb_cam, v4l2_camera and realsense2_camera call their topics, less the namespace.
TOPICS = {"raw": (Image, "image"), "jpeg": (CompressedImage, "image/compressed")}


def play(
    publish: Callable[[bytes], bool], messages: Iterator[bytes], rate_hz: float, duration_s: float
) -> list[int]:
    """Publish messages at a rate for a time; one that is late delays those after it.

    Args:
        publish: sends a message and returns whether it has a subscriber.
        messages: serialized, each starting with a header; they are given new stamps.
        rate_hz: messages per second.
        duration_s: how long, in seconds.

    Returns:
        The stamps of those sent while there was a subscriber, in nanoseconds.
    """
    sent_ns: list[int] = []
    next_s = time.monotonic()
    end_s = next_s + duration_s
    while next_s < end_s:
        time.sleep(max(0.0, next_s - time.monotonic()))
        next_s = max(next_s + 1 / rate_hz, time.monotonic())
        message, stamp_ns = next(messages), time.time_ns()
        write_stamp_ns(message, stamp_ns)
        if publish(message):
            sent_ns.append(stamp_ns)
    return sent_ns


def render(source: str, width: int, height: int, encoding: str) -> list[bytes]:
    """Return the clip as serialized messages."""
    header = header_message(0, FRAME_ID)
    images = load_clip(source, (width, height))
    if encoding == JPEG:
        return [serialize_message(compressed_message(bgr, header)) for bgr in images]
    # The encoding of those drivers' images unless they are told otherwise.
    return [
        serialize_message(to_image(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), "rgb8", header)) for bgr in images
    ]


def main(arguments: Sequence[str]) -> int:
    """Play the clip for each rate and duration that is read, and write the stamps of what was sent."""
    import rclpy
    from rclpy.signals import SignalHandlerOptions
    from rclpy.utilities import remove_ros_args

    options = _parser().parse_args(remove_ros_args(list(arguments)))
    clip = render(options.source, options.width, options.height, options.encoding)
    messages = (clip[index] for index in forth_and_back(len(clip)))
    rclpy.init(args=list(arguments), signal_handler_options=SignalHandlerOptions.NO)
    node = Node("bench_camera")
    publisher = node.create_publisher(*TOPICS[options.encoding], qos_profile_sensor_data)

    def publish(message: bytes) -> bool:
        publisher.publish(message)
        return bool(publisher.get_subscription_count())

    take_turns(lambda turn: play(publish, messages, *turn))
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench_camera")
    parser.add_argument("--source", required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    parser.add_argument("--encoding", choices=ENCODINGS, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
