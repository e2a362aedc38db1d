# SPDX-License-Identifier: Apache-2.0
"""Notes when the poses of each camera arrive, and what their node says of the time it took."""

from __future__ import annotations

import time
from functools import partial

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message

from blazepose_ros.cli.bench.results import Answer
from blazepose_ros.conversions.cdr import SerializedMessage, read_stamp_ns
from blazepose_ros.core.diagnostics.statistics import STAGES
from blazepose_ros.msg import Pose33Array, Timing
from blazepose_ros.nodes.common.message_receiver import MessageReceiver, NotForExecutors
from blazepose_ros.nodes.common.serialized_take import MessageInfo

# Enough for a second of any camera: no answer is lost while the listener waits for its turn.
QOS = QoSProfile(depth=200)
# How often what the nodes say of the time it took is fetched.
FETCH_PERIOD_S = 0.25


class BenchListener(Node):
    """Listens to the nodes of cameras in the namespaces given.

    Poses are noted as they come over the wire. Timings wait in the middleware for now and then,
    and are read at the end: the less it does, the less it takes from those it watches.
    """

    def __init__(self, namespaces: list[str], image_topic: str) -> None:
        super().__init__("bench_listener")
        self._image_topics = [f"{namespace}/{image_topic}" for namespace in namespaces]
        self._arrivals_ns: list[dict[int, int]] = [{} for _ in namespaces]
        self._timings: list[list[bytes]] = [[] for _ in namespaces]
        self._receivers = [
            MessageReceiver(
                self, Pose33Array, f"{namespace}/blazepose/poses", QOS, partial(_note, arrivals_ns)
            )
            for namespace, arrivals_ns in zip(namespaces, self._arrivals_ns, strict=True)
        ]
        self._timing_subscriptions = [
            self.create_subscription(
                Timing,
                f"{namespace}/blazepose/timing",
                timings.append,
                QOS,
                callback_group=NotForExecutors(),
                raw=True,
            )
            for namespace, timings in zip(namespaces, self._timings, strict=True)
        ]
        self.create_timer(FETCH_PERIOD_S, self._fetch_timings)

    def destroy_node(self) -> None:
        """End the subscriptions and close the node."""
        for receiver in self._receivers:
            receiver.close()
        super().destroy_node()

    def connected(self) -> bool:
        """Tell whether every camera's images have a publisher and a subscriber."""
        return all(
            self.count_publishers(topic) and self.count_subscribers(topic) for topic in self._image_topics
        )

    def fewest_answers(self) -> int:
        """Return how many answers the camera has that has the fewest."""
        return min(map(len, self._arrivals_ns))

    def answers(self) -> list[list[Answer]]:
        """Return the answers to each camera's images, by stamp ascending."""
        self._fetch_timings()
        return [
            sorted(_answers(arrivals_ns, timings), key=lambda answer: answer.stamp_ns)
            for arrivals_ns, timings in zip(self._arrivals_ns, self._timings, strict=True)
        ]

    def _fetch_timings(self) -> None:
        for subscription, timings in zip(self._timing_subscriptions, self._timings, strict=True):
            while (taken := subscription.handle.take_message(Timing, True)) is not None:
                timings.append(taken[0])


def _note(arrivals_ns: dict[int, int], serialized: SerializedMessage, _info: MessageInfo) -> None:
    arrivals_ns[read_stamp_ns(serialized)] = time.time_ns()


def _answers(arrivals_ns: dict[int, int], timings: list[bytes]) -> list[Answer]:
    answers = []
    for serialized in timings:
        stamp_ns = read_stamp_ns(serialized)
        if stamp_ns in arrivals_ns:
            msg = deserialize_message(serialized, Timing)
            stages_ms = {stage: getattr(msg, f"{stage}_ms") for stage in STAGES}
            answers.append(Answer(stamp_ns, msg.received, stages_ms, arrivals_ns[stamp_ns]))
    return answers
