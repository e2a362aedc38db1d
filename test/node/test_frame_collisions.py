# SPDX-License-Identifier: Apache-2.0
"""Two nodes whose frames have the same names notice it."""

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.pose_client import PoseClient, pose_node
from support.processes import ros_arguments, running

DEADLINE_S = 30.0

pytestmark = pytest.mark.usefixtures("models")


def wait_for(client: PoseClient, condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, client.log()
        time.sleep(0.1)


def test_a_node_of_the_same_prefix_is_named_and_one_of_another_is_not(
    ros: ModuleType, tmp_path: Path
) -> None:
    apart = ros_arguments({"model_complexity": 0, "tf_prefix": "right_"}, {"__ns": "/right"})
    alike = ros_arguments({"model_complexity": 0}, {"__ns": "/left"})
    with (
        pose_node(ros, "diagnostics", log_path=tmp_path / "log", model_complexity=0) as client,
        (tmp_path / "others").open("w") as others,
        running("blazepose_node", *apart, log=others),
        running("blazepose_node", *alike, log=others),
    ):
        wait_for(client, lambda: "/left/blazepose has frames of the same names on /tf" in client.log())
        client.wait_for(
            lambda: any("/left/blazepose has frames" in msg.status[0].message for msg in said(client)),
            "the diagnostics",
        )
        assert "/right/blazepose has frames" not in client.log()


def said(client: PoseClient) -> list:
    return client.received["diagnostics"]


def test_a_node_of_the_same_name_is_noticed(ros: ModuleType, tmp_path: Path) -> None:
    twin = ros_arguments({"model_complexity": 0})
    with (
        pose_node(ros, log_path=tmp_path / "log", model_complexity=0) as client,
        (tmp_path / "twin").open("w") as log,
        running("blazepose_node", *twin, log=log),
    ):
        wait_for(client, lambda: "another node is called /blazepose, too" in client.log())
