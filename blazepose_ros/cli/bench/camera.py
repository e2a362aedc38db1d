# SPDX-License-Identifier: Apache-2.0
"""The benchmark's camera: a process that only publishes.

Every image is rendered and serialized in advance. What is left to do for each one is to write
its stamp into the bytes and to hand them to the middleware.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

from blazepose_ros.cli.bench.plan import (
    BEST_EFFORT,
    BOTH,
    ENCODINGS,
    JPEG,
    RAW,
    RELIABILITIES,
    forth_and_back,
    load_clip,
)
from blazepose_ros.cli.bench.worker_process import take_turns
from blazepose_ros.conversions.cdr import header_message, write_stamp_ns
from blazepose_ros.conversions.images import compressed_message, to_image
from blazepose_ros.nodes.common.dds import use_stock_transport

FRAME_ID = "camera_optical_frame"
# The messages of one image, serialized, by encoding.
Frame = Mapping[str, bytes]
# What usb_cam, v4l2_camera and realsense2_camera call their topics, less the namespace.
TOPICS = {RAW: (Image, "image"), JPEG: (CompressedImage, "image/compressed")}
# As qos_profile_sensor_data has it.
DEPTH = 5


def play(
    publish: Callable[[Frame], bool], frames: Iterator[Frame], rate_hz: float, duration_s: float
) -> list[int]:
    """Publish frames at a rate for a time; one that is late delays those after it.

    Args:
        publish: sends a frame and returns whether it has a subscriber.
        frames: the messages of each, serialized, each starting with a header; they are given new stamps.
        rate_hz: frames per second.
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
        frame, stamp_ns = next(frames), time.time_ns()
        for message in frame.values():
            write_stamp_ns(message, stamp_ns)
        if publish(frame):
            sent_ns.append(stamp_ns)
    return sent_ns


def render(source: str, width: int, height: int, encoding: str) -> list[Frame]:
    """Return the clip as serialized messages, by encoding."""
    header = header_message(0, FRAME_ID)
    encodings = (RAW, JPEG) if encoding == BOTH else (encoding,)

    def message(bgr: NDArray[np.uint8], encoding: str) -> bytes:
        if encoding == JPEG:
            return bytes(serialize_message(compressed_message(bgr, header)))
        # The encoding of those drivers' images unless they are told otherwise.
        return bytes(serialize_message(to_image(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), "rgb8", header)))

    clip = load_clip(source, (width, height))
    return [{encoding: message(bgr, encoding) for encoding in encodings} for bgr in clip]


def main(arguments: Sequence[str]) -> int:
    """Play the clip for each rate and duration that is read, and write the stamps of what was sent."""
    import rclpy
    from rclpy.signals import SignalHandlerOptions
    from rclpy.utilities import remove_ros_args

    options = _parser().parse_args(remove_ros_args(list(arguments)))
    if options.stock_transport:
        use_stock_transport()
    clip = render(options.source, options.width, options.height, options.encoding)
    frames = (clip[index] for index in forth_and_back(len(clip)))
    rclpy.init(args=list(arguments), signal_handler_options=SignalHandlerOptions.NO)
    node = Node("bench_camera")
    reliability = (
        ReliabilityPolicy.BEST_EFFORT if options.reliability == BEST_EFFORT else ReliabilityPolicy.RELIABLE
    )
    qos = QoSProfile(depth=DEPTH, reliability=reliability)
    publishers = {encoding: node.create_publisher(*TOPICS[encoding], qos) for encoding in clip[0]}

    def publish(frame: Frame) -> bool:
        subscribed = [encoding for encoding in frame if publishers[encoding].get_subscription_count()]
        for encoding in subscribed:
            publishers[encoding].publish(frame[encoding])
        return bool(subscribed)

    take_turns(lambda turn: play(publish, frames, *turn))
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench_camera")
    parser.add_argument("--source", required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    parser.add_argument("--encoding", choices=ENCODINGS, required=True)
    parser.add_argument("--reliability", choices=RELIABILITIES, required=True)
    parser.add_argument("--stock-transport", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
