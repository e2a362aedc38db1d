# SPDX-License-Identifier: Apache-2.0
"""`blazepose_fusion` through its life cycle, in simulated time, and with a camera that moves."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from builtin_interfaces.msg import Time
from rosgraph_msgs.msg import Clock
from support.fusion_client import THREE, CameraClient, fusion, is_fused, mounted, place, where, written
from support.node_services import change_state, state
from support.several_cameras import CAMERAS, camera_at, person_seen, walker
from tf2_msgs.msg import TFMessage

from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.transforms import Rigid

# A busy machine sends images late: between two that are far apart nobody walks straight.
pytestmark = pytest.mark.alone

# More than a camera's images between two outputs.
SOME = 10


def until_fused(client: CameraClient, cameras: Any = THREE) -> list[Any]:
    """Return some outputs in a row, from now on, of the person whom several cameras see."""
    poses = client.received["poses"]
    poses.clear()

    def fused() -> Any:
        return len(poses) >= SOME and all(map(is_fused, poses[-SOME:])) and poses[-SOME:]

    return list(client.publish_until(cameras, fused, "people"))


def test_people_are_fused_after_every_turn_of_the_life_cycle(ros: ModuleType) -> None:
    with fusion(ros) as client:
        until_fused(client)
        assert change_state(client, "deactivate")
        client.wait_for(lambda: not client.poses["east"].get_subscription_count(), "the cameras to be left")
        client.received["poses"].clear()
        client.publish(THREE, 0.5)
        assert not client.received["poses"]
        assert change_state(client, "activate")
        until_fused(client)
        assert change_state(client, "deactivate")
        assert change_state(client, "cleanup")
        assert state(client) == "unconfigured"
        client.wait_for(
            lambda: not client.node.count_publishers("blazepose_fusion/poses"), "the outputs to be gone"
        )
        assert change_state(client, "configure")
        assert change_state(client, "activate")
        outputs = until_fused(client)
        assert {message.poses[0].person_id for message in outputs} == {1}


BEGAN_S, BACK_S = 1000.0, 100.0


class SimulatedCameras(CameraClient):
    """Cameras in a time that began at another moment, which is published as well."""

    def __init__(self, ros: ModuleType) -> None:
        super().__init__(ros)
        self.ahead_s = BEGAN_S - self.now_s
        self._clock = self.node.create_publisher(Clock, "/clock", 10)

    def publish(self, cameras: Any, seconds: float) -> None:
        sec, nanosec = divmod(round(self.now_s * NS_PER_S), NS_PER_S)
        self._clock.publish(Clock(clock=Time(sec=sec, nanosec=nanosec)))
        super().publish(cameras, seconds)


def is_of_now(client: CameraClient) -> bool:
    """Tell whether the newest output is of the time that it is, or was moments ago."""
    poses = client.received["poses"]
    return bool(poses) and 0.0 < client.now_s - poses[-1].stamp_ns / NS_PER_S < BACK_S / 2


def test_a_simulation_that_starts_again_is_followed_at_once(ros: ModuleType) -> None:
    with fusion(ros, "diagnostics", client_type=SimulatedCameras, use_sim_time=True) as client:
        for earliest_s in (BEGAN_S, BEGAN_S - BACK_S):
            client.publish_until(THREE, lambda: is_of_now(client), "people of this time")
            for message in until_fused(client):
                at_s = message.stamp_ns / NS_PER_S
                assert earliest_s < at_s < client.now_s
                hips = message.poses[0].hip_center
                assert hips is not None
                np.testing.assert_allclose(hips.position, where(at_s)[[23, 24]].mean(axis=0), atol=0.03)
                assert message.poses[0].person_id == 1
            client.ahead_s -= BACK_S

        def simulated() -> bool:
            stamps_s = [msg.header.stamp.sec for msg in client.received["diagnostics"]]
            return any(0 < stamp_s < BEGAN_S + BACK_S for stamp_s in stamps_s)

        client.publish_until(THREE, simulated, "diagnostics of simulated time")


# A robot that drives back and forth, at 2 m/s when it passes the middle; its transforms come between images.
SWAY_M, SWAY_HZ = 1.0, 0.32
AFTER_IMAGE_S = 0.02
# A transform of another time would be off by 4 cm or more where the robot is fast.
STILL_M = 0.02
STANDING = walker(0.0)


def robot_at(time_s: float) -> Rigid:
    at_m = SWAY_M * np.sin(2 * np.pi * SWAY_HZ * time_s)
    return camera_at(4.0, at_m, towards=(0.0, at_m, 1.0))


class CamerasOfARobot(CameraClient):
    """The eastern one moves and looks ahead, all others are on walls."""

    def __init__(self, ros: ModuleType) -> None:
        super().__init__(ros)
        self._moving = self.node.create_publisher(TFMessage, "/tf", 100)

    def place_cameras(self) -> None:
        walls = [mounted(name, pose) for name, pose in CAMERAS.items() if name != "east"]
        self.static.publish(TFMessage(transforms=walls))

    def see(self, name: str, now_s: float) -> None:
        camera = robot_at(now_s) if name == "east" else CAMERAS[name]
        self.poses[name].publish(written([person_seen(camera, STANDING)], name, now_s))
        if name == "east":
            after_s = now_s + AFTER_IMAGE_S
            self._moving.publish(TFMessage(transforms=[mounted(name, robot_at(after_s), after_s)]))


def test_who_stands_still_does_so_for_a_camera_that_moves(ros: ModuleType) -> None:
    with fusion(ros, client_type=CamerasOfARobot, cameras="east,north,south") as client:
        until_fused(client, ("east", "north"))
        poses = client.received["poses"]
        poses.clear()
        client.publish(("east", "north"), 1.0 / SWAY_HZ)
        fused = [message for message in poses if is_fused(message)]
        assert len(fused) > len(poses) // 2
        for message in fused:
            np.testing.assert_allclose(place(message), STANDING, atol=STILL_M)
