# SPDX-License-Identifier: Apache-2.0
"""How much later than the cameras' own people those of `blazepose_fusion` come: four cameras at 30 Hz."""

import threading
import time
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.fusion_client import LISTENED, CameraClient, fusion, is_fused
from support.several_cameras import CAMERAS

from blazepose_ros.conversions.pose33 import read_pose33_array
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.msg import Pose33Array

pytestmark = pytest.mark.alone

PERIOD_S = 1 / 30
# How long a camera's image and its model take, and when within a period each camera takes its images.
LATENCY_S = 0.05
PHASES = {"east": 0.0, "north": 0.3, "south": 0.55, "west": 0.8}
SECONDS = 6.0
LEAST = 100  # outputs


class Sent(NamedTuple):
    """A camera's message: the stamp and when it was sent, seconds of the day."""

    stamp_s: float
    at_s: float


class CamerasOutOfStep(CameraClient):
    """Four cameras whose images are never of the same time, and whose models take a while."""

    def __init__(self, ros: ModuleType) -> None:
        super().__init__(ros)
        self.poses["west"] = self.node.create_publisher(Pose33Array, "west/blazepose/poses", 10)
        self.sent: dict[str, list[Sent]] = {name: [] for name in CAMERAS}
        self.came_s: dict[float, float] = {}

    def listen(self, *_: str) -> None:
        self.node.create_subscription(Pose33Array, LISTENED["poses"][1], self._take, 50, raw=True)

    def _take(self, raw: bytes) -> None:
        message = read_pose33_array(raw)
        self.received["poses"].append(message)
        self.came_s[message.stamp_ns / NS_PER_S] = time.time()

    def play(self, seconds: float) -> None:
        """Send the images of some seconds, each when its model is done."""
        thread = threading.Thread(target=self.executor.spin)
        thread.start()
        first = np.ceil(time.time() / PERIOD_S)
        for number in range(round(seconds / PERIOD_S)):
            for name, phase in PHASES.items():
                stamp_s = (first + number + phase) * PERIOD_S
                time.sleep(max(0.0, stamp_s + LATENCY_S - time.time()))
                self.see(name, stamp_s)
                self.sent[name].append(Sent(stamp_s, time.time()))
        time.sleep(0.3)
        self.executor.shutdown()
        thread.join()


def test_what_the_fusion_adds_to_the_latency_of_the_cameras(ros: ModuleType) -> None:
    with fusion(ros, client_type=CamerasOutOfStep) as client:
        client.play(SECONDS)
    fused = {message.stamp_ns / NS_PER_S for message in client.received["poses"] if is_fused(message)}
    last_s = min(sent[-1].stamp_s for sent in client.sent.values())
    added, computing = [], []
    for stamp_s, came_s in client.came_s.items():
        if stamp_s in fused and client.sent["east"][30].stamp_s < stamp_s < last_s:
            passed = [next(each for each in sent if each.stamp_s >= stamp_s) for sent in client.sent.values()]
            computing.append(1000 * (came_s - max(each.at_s for each in passed)))
            added.append(1000 * (came_s - stamp_s - LATENCY_S))
    assert len(added) > LEAST
    for what, times_ms in (("after the last camera's pose", computing), ("beyond the cameras' own", added)):
        middle, most = np.median(times_ms), np.percentile(times_ms, 90)
        print(f"fused people come {middle:.1f} ms (90 %: {most:.1f} ms) {what}")  # noqa: T201
