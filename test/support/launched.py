# SPDX-License-Identifier: Apache-2.0
"""What the launch tests share: the launch files, a client, and what a photograph must give."""

import os
import time
import unittest
from pathlib import Path
from typing import Any

import launch_testing.actions
import numpy as np
import rclpy
from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions

from blazepose_ros.cli.processes import isolate
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.nodes.common.dds import profile_variable
from support.own_data import own_data
from support.paths import LOOPBACK_PROFILE
from support.photographs import PERSON

LOOPBACK = str(LOOPBACK_PROFILE)

TIMEOUT_S = 60.0

# Normalised x and y of the person in the photograph as MediaPipe gives them, and the tolerance of its tests.
TOLERANCE = 0.03
WALKER = {
    Landmark.NOSE: (0.417, 0.177),
    Landmark.LEFT_WRIST: (0.452, 0.505),
    Landmark.RIGHT_WRIST: (0.148, 0.476),
    Landmark.LEFT_SHOULDER: (0.431, 0.256),
    Landmark.LEFT_ANKLE: (0.297, 0.902),
}


def isolate_once() -> None:
    """Keep the test's traffic apart, unless the tests that ran before have done so."""
    if os.environ.get(profile_variable()) != LOOPBACK:
        os.environ[profile_variable()] = LOOPBACK
        isolate()


def description(*actions: Any) -> LaunchDescription:
    """Return a launch description whose tests begin at once."""
    isolate_once()
    return LaunchDescription([*actions, launch_testing.actions.ReadyToTest()])


def included(name: Any, **arguments: Any) -> IncludeLaunchDescription:
    """Return an installed launch file with arguments."""
    path = Path(get_package_share_directory("blazepose_ros"), "launch", f"{name}.launch.py")
    return IncludeLaunchDescription(str(path), launch_arguments=arguments.items())


def photograph(name: Any = PERSON) -> str:
    """Return a photograph's path."""
    return str(own_data() / name)


class LaunchedTest(unittest.TestCase):
    """A test case with a node of its own."""

    def setUp(self) -> None:
        """Make a node that listens."""
        self.context = rclpy.Context()
        rclpy.init(context=self.context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node("launch_test", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def tearDown(self) -> None:
        """Free the node."""
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.shutdown()

    def wait_for(self, condition: Any, what: Any) -> Any:
        """Spin until a condition holds and return what it gave."""
        deadline = time.monotonic() + TIMEOUT_S
        while not (result := condition()):
            assert time.monotonic() < deadline, f"waited {TIMEOUT_S} s in vain for {what}"
            self.executor.spin_once(timeout_sec=0.05)
        return result

    def listen(self, message_type: Any, topic: Any, qos: Any = 10) -> Any:
        """Return the list in which a topic's messages will be."""
        received = []
        profile = qos if isinstance(qos, QoSProfile) else QoSProfile(depth=qos)
        self.node.create_subscription(message_type, topic, received.append, profile)
        return received

    def first(self, received: Any) -> Any:
        """Return the first message."""
        return self.wait_for(lambda: received and received[0], "a message")

    def people(self, received: Any) -> Any:
        """Return the people of the first image with any."""
        return self.wait_for(lambda: next((msg.poses for msg in received if msg.poses), None), "people")

    def call(self, service_type: Any, name: Any, request: Any) -> Any:
        """Return a service's response."""
        client = self.node.create_client(service_type, name)
        self.wait_for(client.service_is_ready, f"the service {name}")
        future = client.call_async(request)
        self.wait_for(future.done, f"an answer of {name}")
        return future.result()

    def assert_is_the_walker(self, pose: Any) -> None:
        """Check a person against the known landmarks."""
        size = (pose.image_width, pose.image_height)
        for landmark, expected in WALKER.items():
            point = pose.screen_landmarks[landmark]
            np.testing.assert_allclose(
                np.divide((point.x, point.y), size), expected, atol=TOLERANCE, err_msg=landmark.name
            )
