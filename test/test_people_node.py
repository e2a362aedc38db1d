"""People over time as the node publishes them."""

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from pose_client import START_NS, image_message, pose_node, screen_array
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from blazepose_ros.msg import Pose33

PERIOD_NS = 100_000_000
SHIFT_PX = 8


@pytest.fixture(scope="module")
def photograph(data):
    return cv2.imread(str(data / "images" / "mp_pose.jpg"))


def shifted(photograph, index):
    return np.roll(photograph, SHIFT_PX * index, axis=1)


def ask(client, pixels, index):
    return client.ask(image_message(pixels, "bgr8", START_NS + index * PERIOD_NS))


def set_parameter(client, name, value):
    service = client.node.create_client(SetParameters, "blazepose/set_parameters")
    client.wait_for(service.service_is_ready, "the service of parameters")
    request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
    future = service.call_async(request)
    client.wait_for(future.done, "the answer")
    return future.result().results[0]


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("backend", ["mediapipe", "openvino"])
def test_a_person_keeps_the_number_and_who_comes_back_late_gets_another(ros, photograph, backend):
    nobody = np.zeros_like(photograph)
    with pose_node(ros, "pose", model_complexity=0, backend=backend) as client:
        for index in range(4):
            (pose,) = ask(client, shifted(photograph, index), index).poses
            assert (pose.person_id, pose.status) == (1, 0)
        assert not ask(client, nobody, 4).poses
        ask(client, shifted(photograph, 4), 5)
        (pose,) = ask(client, shifted(photograph, 4), 6).poses
        assert pose.person_id == 1
        assert not ask(client, nobody, 7).poses
        ask(client, nobody, 30)
        ask(client, shifted(photograph, 4), 31)
        (pose,) = ask(client, shifted(photograph, 4), 32).poses
        assert pose.person_id == 2
        client.wait_for(
            lambda: {message.person_id for message in client.received["pose"]} == {1, 2}, "the primary person"
        )


@pytest.mark.usefixtures("models")
def test_smoothing_is_switched_while_the_node_runs(ros, photograph):
    with pose_node(ros, model_complexity=0) as client:
        moved_px = {}
        for enabled in (True, False):
            assert set_parameter(client, "smoothing.enabled", enabled).successful
            assert set_parameter(client, "smoothing.beta", 1.0).successful
            base = 0 if enabled else 1000
            (before,) = ask(client, photograph, base).poses
            ask(client, photograph, base + 1)
            (after,) = ask(client, np.roll(photograph, 40, axis=1), base + 2).poses
            moved_px[enabled] = np.median(screen_array(after)[:, 0] - screen_array(before)[:, 0])
        assert moved_px[True] < 25
        assert moved_px[False] == pytest.approx(40, abs=5)
        assert not set_parameter(client, "primary", "tallest").successful
        assert not set_parameter(client, "smoothing.beta", -1.0).successful


@pytest.mark.usefixtures("models")
def test_what_speaks_against_a_pose_is_published(ros, photograph):
    height = photograph.shape[0]
    knees = photograph[: height * 6 // 10]
    with pose_node(ros, model_complexity=1) as client:
        (whole,) = ask(client, photograph, 0).poses
        assert whole.status == 0
        (cut,) = ask(client, np.ascontiguousarray(knees), 20).poses
        assert cut.status & Pose33.TRUNCATED
        (dark,) = ask(client, photograph // 8, 40).poses
        assert dark.status & Pose33.LOW_LIGHT
