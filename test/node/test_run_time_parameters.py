# SPDX-License-Identifier: Apache-2.0
"""Parameters that change while the node works."""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not installed")

from sensor_msgs.msg import CompressedImage
from support.node_services import begin_to_set, parameters, set_parameters
from support.photographs import PERSON
from support.pose_client import PoseClient, Stream, pose_node, screen_array
from support.processes import running
from support.shared_nodes import SharedNodes

pytestmark = pytest.mark.usefixtures("models")
SETTLED = 8

# MODEL_CHANGES=50 makes it long.
MODEL_CHANGES = int(os.environ.get("MODEL_CHANGES", "6"))
# The first image after a change is not smoothed yet: its landmarks lie some pixels beside the settled ones.
POSE_TOLERANCE_PX = 15.0
# Until then the allocator still finds the room that two models beside each other take.
WARM_UP_CHANGES = 9
MAX_GROWTH_BYTES = 60_000_000


@pytest.fixture(scope="module")
def bgr(data: Path) -> Any:
    return cv2.imread(str(data / PERSON))


def test_images_are_answered_while_another_model_is_loading(nodes: SharedNodes, bgr: Any) -> None:
    with nodes.node(model_complexity=0) as client:
        stream = Stream(client, bgr)
        stream.ask()
        client.received["poses"].clear()
        publishing = client.node.create_timer(0.05, stream.publish)
        assert set_parameters(client, backend="mediapipe") == ""  # its import alone takes a second
        during = len(client.received["poses"])
        client.node.destroy_timer(publishing)
        stream.ask()
    assert during >= 3


def test_image_transport_changes(nodes: SharedNodes, bgr: Any) -> None:
    with nodes.node(model_complexity=0) as client:
        stream = Stream(client, bgr)
        stream.ask()
        compressed = client.node.create_publisher(CompressedImage, "image/compressed", 10)
        assert set_parameters(client, image_transport="compressed") == ""
        client.wait_for(compressed.get_subscription_count, "the new subscription")
        client.wait_for(lambda: not client.image.get_subscription_count(), "the end of the old one")
        msg = CompressedImage(header=stream.message().header, format="jpeg")
        msg.data.frombytes(cv2.imencode(".jpg", bgr)[1].tobytes())

        def answered() -> Any:
            compressed.publish(msg)
            return [a for a in client.received["poses"] if a.header.stamp == msg.header.stamp]

        assert client.wait_for(answered, "an answer")[0].poses
        assert set_parameters(client, image_transport="raw") == ""
        stream.ask()


def test_the_mask_comes_and_goes(nodes: SharedNodes, bgr: Any) -> None:
    with nodes.node(model_complexity=0) as client:
        stream = Stream(client, bgr)
        for offered in (True, False, True):
            assert set_parameters(client, enable_segmentation=offered) == ""
            client.wait_for(
                lambda offered=offered: (
                    client.node.count_publishers("blazepose/segmentation_mask") == offered
                ),
                f"a mask: {offered}",
            )
            stream.ask()


def masks(client: Any) -> Any:
    return client.node.count_publishers("blazepose/segmentation_mask")


def test_laziness_changes(ros: ModuleType, nodes: SharedNodes) -> None:
    nodes.close()  # those below have nodes of their own
    client = PoseClient(ros)
    try:
        with running("blazepose_node", "--ros-args", "-p", "model_complexity:=0"):
            assert set_parameters(client, lazy=False) == ""
            client.wait_for(client.image.get_subscription_count, "the subscription")
            assert set_parameters(client, lazy=True) == ""
            client.wait_for(lambda: not client.image.get_subscription_count(), "its end")
    finally:
        client.close()


def test_a_dump_of_the_parameters_starts_the_same_node(ros: ModuleType, bgr: Any, tmp_path: Path) -> None:
    wanted = {"model_complexity": 0, "num_poses": 2, "placement": "none", "tf_prefix": "a_"}
    with pose_node(ros, **wanted) as client:
        assert set_parameters(client, visibility_threshold=0.25, publish_tf=False) == ""
        dumped = parameters(client)
    assert dumped.items() >= {**wanted, "visibility_threshold": 0.25, "publish_tf": False}.items()
    path = tmp_path / "blazepose.yaml"
    path.write_text(yaml.safe_dump({"/blazepose": {"ros__parameters": nested(dumped)}}))
    client = PoseClient(ros)
    client.listen("poses")
    try:
        with running("blazepose_node", "--ros-args", "--params-file", str(path)):
            assert parameters(client) == dumped
            client.wait_until_connected()
            assert Stream(client, bgr).ask().model_complexity == 0
    finally:
        client.close()


def nested(values: Any) -> Any:
    """Return parameters in the groups that the dots in their names make, as `ros2 param dump` does."""
    groups = {}
    for name, value in values.items():
        *path, last = name.split(".")
        group = groups
        for part in path:
            group = group.setdefault(part, {})
        group[last] = value
    return groups


def test_a_signal_in_the_middle_of_a_change_of_the_model_ends_the_node_in_order(
    ros: ModuleType, bgr: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with pose_node(ros, model_complexity=0) as client:
        Stream(client, bgr).ask()
        begin_to_set(client, backend="mediapipe", model_complexity=2)  # pose_node interrupts it, and looks
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc")
def test_the_model_changes_under_load_without_a_wrong_pose(ros: ModuleType, bgr: Any) -> None:
    with pose_node(ros, model_complexity=0) as client:
        stream = Stream(client, bgr)
        settled = {}
        for complexity in (0, 1, 2):
            assert set_parameters(client, model_complexity=complexity) == ""
            settled[complexity] = screen_array([stream.ask() for _ in range(SETTLED)][-1])
        client.received["poses"].clear()
        publishing = client.node.create_timer(0.04, stream.publish)
        for number in range(WARM_UP_CHANGES + MODEL_CHANGES):
            if number == WARM_UP_CHANGES:
                before = resident_bytes(client.process)
            assert set_parameters(client, model_complexity=number % 3) == ""
            client.wait_for(
                lambda number=number: (
                    client.received["poses"][-1:]
                    and client.received["poses"][-1].poses[0].model_complexity == number % 3
                ),
                "an answer of the new model",
            )
        client.node.destroy_timer(publishing)
        grown = resident_bytes(client.process) - before
    answers = client.received["poses"]
    stamps = [(answer.header.stamp.sec, answer.header.stamp.nanosec) for answer in answers]
    assert stamps == sorted(stamps)
    for answer in answers:
        (pose,) = answer.poses
        error_px = np.linalg.norm(screen_array(pose)[:, :2] - settled[pose.model_complexity][:, :2], axis=1)
        assert np.median(error_px) < POSE_TOLERANCE_PX
    print(f"{MODEL_CHANGES} changes, {len(answers)} answers, {grown / 1e6:+.1f} MB")  # noqa: T201
    assert grown < MAX_GROWTH_BYTES


def resident_bytes(process: Any) -> Any:
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
