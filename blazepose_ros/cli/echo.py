# SPDX-License-Identifier: Apache-2.0
"""``blazepose echo``: the people that nodes find, as text."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence

import rclpy
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from blazepose_ros.cli.console import note, say
from blazepose_ros.cli.demo.report import visible_landmarks
from blazepose_ros.cli.signals import Interruption, held_back
from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.pose33 import POSES_TYPE, from_pose33
from blazepose_ros.core import hints
from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.core.text import quoted
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Pose
from blazepose_ros.msg import Pose33Array
from blazepose_ros.nodes.common.main import init_rclpy

DEFAULT_RATE_HZ = 2.0  # what can be read while it scrolls by
HINT_AFTER_S = 3.0  # discovery takes up to two seconds
QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
# The longest wait for a message: Ctrl-C and new topics wait as long.
MOMENT_S = 0.05


class PoseEcho(Node):
    """Prints what comes on topics of poses.

    Args:
        topic: the one to listen to; empty for every one that has a publisher.
        rate_hz: at most so many messages of a topic are printed in a second; 0 for all.
        landmarks: whose places are printed as well.
        as_json: print a JSON object for each message.

    Attributes:
        printed: how many messages have been printed.
    """

    def __init__(self, topic: str, rate_hz: float, landmarks: Sequence[Landmark], *, as_json: bool) -> None:
        super().__init__("blazepose_echo")
        self.printed = 0
        self._wanted = topic and self.resolve_topic_name(topic)
        self._period_s = 1 / rate_hz if rate_hz else 0.0
        self._landmarks = landmarks
        self._as_json = as_json
        self._due_s: dict[str, float] = {}

    def look(self) -> None:
        """Subscribe to the topics that have appeared."""
        for topic, types in self.get_topic_names_and_types():
            if POSES_TYPE in types and topic not in self._due_s and self._wanted in ("", topic):
                self._due_s[topic] = -math.inf
                self.create_subscription(
                    Pose33Array, topic, lambda msg, name=topic: self._take(name, msg), QOS
                )

    def missing(self) -> str:
        """Return why nothing has been printed, and what to do."""
        if not self._due_s:
            return (
                f"waiting: nothing publishes {self._wanted or 'poses'} yet. Start a camera and"
                f" `{hints.run('blazepose_node')}`; `{hints.run('blazepose doctor')}` looks for what is wrong"
            )
        topics = ", ".join(sorted(self._due_s))
        return f"waiting: no image has been answered on {topics} yet; the log of the node says why"

    def _take(self, topic: str, msg: Pose33Array) -> None:
        now_s = time.monotonic()
        if now_s < self._due_s[topic]:
            return
        self._due_s[topic] = now_s + self._period_s
        self.printed += 1
        write = json_lines if self._as_json else text_lines
        for line in write(topic, msg, self._landmarks):
            say(line)


def text_lines(topic: str, msg: Pose33Array, landmarks: Sequence[Landmark]) -> Iterator[str]:
    """Yield a line for the image, one for each person, and one for each landmark asked for."""
    people = [from_pose33(pose) for pose in msg.poses]
    count = "1 person" if len(people) == 1 else f"{len(people)} people"
    seconds = stamp_ns(msg.header) / NS_PER_S
    yield f"{topic}  {seconds:.3f} s  {quoted(msg.header.frame_id)}  {count}"
    for person in people:
        visible = f"{visible_landmarks(person)} of {NUM_LANDMARKS} landmarks visible"
        yield f"  person {person.person_id}: {_place(person)}; {visible}"
        for landmark in landmarks:
            yield f"    {landmark.frame_name}: {_landmark(person, landmark)}"


def _place(person: Pose) -> str:
    hips = person.hip_center
    if hips is None:
        return "no place (placement: none, or no landmark to place it by)"
    distance_m, std_m = hips.distance_m, hips.distance_std_m
    x, y, z = hips.position
    return (
        f"{distance_m:.2f} m away (std {std_m:.2f}), hips at x {x:.2f}, y {y:.2f}, z {z:.2f} m"
        f" ({hips.source.name.lower()})"
    )


def _landmark(person: Pose, landmark: Landmark) -> str:
    u, v, _ = person.screen[landmark]
    pixel = f"pixel {u:.0f}, {v:.0f}, visibility {person.visibility[landmark]:.2f}"
    if person.hip_center is None:
        return pixel
    x, y, z = person.hip_center.position + person.world[landmark]
    return f"x {x:.2f}, y {y:.2f}, z {z:.2f} m, {pixel}"


def json_lines(topic: str, msg: Pose33Array, landmarks: Sequence[Landmark]) -> Iterator[str]:
    """Yield one line of JSON; lengths in meters, null where something is not known."""
    people = [from_pose33(pose) for pose in msg.poses]
    yield json.dumps(
        {
            "topic": topic,
            "stamp_ns": stamp_ns(msg.header),
            "frame_id": msg.header.frame_id,
            "people": [_person_json(person, landmarks or tuple(Landmark)) for person in people],
        }
    )


def _person_json(person: Pose, landmarks: Sequence[Landmark]) -> dict[str, object]:
    hips = person.hip_center
    return {
        "person_id": person.person_id,
        "placement": person.placement.name.lower(),
        "hip_center": hips and _known(hips.position),
        "distance_std_m": hips and hips.distance_std_m,
        "landmarks": {
            landmark.frame_name: {
                "screen": _known(person.screen[landmark]),
                "world": _known(person.world[landmark]),
                "visibility": _known(person.visibility[landmark, None])[0],
            }
            for landmark in landmarks
        },
    }


def _known(values: NDArray) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose echo`` until Ctrl-C, which is its regular end."""
    options = _parser().parse_args(arguments)
    try:
        with Interruption():
            _run(options)
    except KeyboardInterrupt:
        return 0
    return 0


def _run(options: argparse.Namespace) -> None:
    with held_back():
        init_rclpy()
        node = PoseEcho(options.topic, options.rate, options.landmarks, as_json=options.json)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
    hint_s = time.monotonic() + HINT_AFTER_S
    try:
        while not options.count or node.printed < options.count:
            with held_back():
                node.look()
                executor.spin_once(MOMENT_S)
            if not node.printed and time.monotonic() > hint_s:
                note(node.missing())
                hint_s = math.inf
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="blazepose echo",
        description="Print the people that nodes find: distance, hip center, visible landmarks."
        " Ctrl-C ends it.",
    )
    parser.add_argument(
        "topic", nargs="?", default="", help="a topic of Pose33Array (default: every one in the ROS graph)"
    )
    parser.add_argument(
        "--landmarks",
        type=_landmarks,
        default=(),
        metavar="NAMES",
        help="print these as well: left_wrist,right_wrist, say, or all",
    )
    parser.add_argument(
        "--rate",
        type=_rate,
        default=DEFAULT_RATE_HZ,
        metavar="HZ",
        help=f"at most so many images a second; 0 for every one (default: {DEFAULT_RATE_HZ:g})",
    )
    parser.add_argument("--count", type=_count, default=0, metavar="N", help="leave after so many images")
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each image")
    return parser


def _landmarks(text: str) -> tuple[Landmark, ...]:
    if text == "all":
        return tuple(Landmark)
    known = {landmark.frame_name: landmark for landmark in Landmark}
    names = [name.strip().lower() for name in text.split(",")]
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
    return tuple(known[name] for name in names)


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of images in a second, 0 or above")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of images, 1 or above")
    return int(text)
