# SPDX-License-Identifier: Apache-2.0
"""The policy for SROS2 permits what the executables do and no more, and nothing runs unprotected."""

import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from support.paths import ROOT
from support.pose_client import PoseClient
from support.processes import executable, ros_arguments, running

from blazepose_ros.core.frame_sources.files import photograph

POLICY = ROOT / "config" / "security" / "policy.xml"
TIMEOUT_S = 60.0

# Where each node of the policy lies, and how it is started here.
NODES = {
    "blazepose": (
        "blazepose_node",
        {
            "model_complexity": 0,
            "enable_segmentation": True,
            "lazy": False,
            "target_frame": "base_link",
            "publish_detections": True,
            "bond_heartbeat_period": 0.5,
        },
    ),
    "blazepose_camera": ("blazepose_camera", {"source": str(photograph())}),
    "blazepose_fusion": ("blazepose_fusion", {"lazy": False}),
    "blazepose_gestures": ("blazepose_gestures", {}),
    "blazepose_repetitions": ("blazepose_repetitions", {}),
}
# What only other settings than these ask for (transports, use_sim_time), or a camera that moves.
OPTIONAL_TOPICS = {
    "blazepose": {"/image/compressed", "/depth/compressedDepth", "/clock"},
    "blazepose_fusion": {"/blazepose/poses", "/camera_info", "/clock", "/tf"},
    "blazepose_gestures": {"/clock"},
    "blazepose_repetitions": {"/blazepose/annotated_image", "/clock"},
}
SECURITY_FILES = (
    *("identity_ca.cert.pem", "cert.pem", "key.pem"),
    *("permissions_ca.cert.pem", "governance.p7s", "permissions.p7s"),
)


def permissions(node: Any) -> Any:
    """Return what the policy allows a node in the root namespace: the names by what it does with them."""
    profile = ElementTree.parse(POLICY).find(f".//profile[@node='{node}']")
    allowed = {}
    for rules in profile:
        for verb, qualifier in rules.attrib.items():
            assert qualifier == "ALLOW"
            names = {re.sub("^~", f"/{node}", child.text) for child in rules}
            allowed.setdefault(verb, set()).update(n if n.startswith("/") else f"/{n}" for n in names)
    return allowed


def names(names_and_types: Any) -> Any:
    return {name for name, _ in names_and_types}


def uses(client: Any, node: Any) -> Any:
    """Return what a node that runs does, and the one beside it that hears depth, as the policy says it."""
    hearing = {node, f"_{node}_receiving"} & set(client.node.get_node_names())
    heard = [client.node.get_subscriber_names_and_types_by_node(each, "/") for each in hearing]
    used = {
        "publish": names(client.node.get_publisher_names_and_types_by_node(node, "/")),
        "subscribe": names(topic for topics in heard for topic in topics),
        "reply": names(client.node.get_service_names_and_types_by_node(node, "/")),
    }
    return {verb: found for verb, found in used.items() if found}


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("node", NODES)
def test_the_policy_permits_what_the_node_does_and_no_more(ros: ModuleType, node: str) -> None:
    name, parameters = NODES[node]
    client = PoseClient(ros)
    client.node.create_publisher(Image, "depth", QoSProfile(depth=1))  # which is heard where it is published
    try:
        with running(name, *ros_arguments(parameters)):
            allowed = permissions(node)
            client.wait_for(lambda: node in client.node.get_node_names(), "the node")

            def is_settled() -> Any:
                used = uses(client, node)
                if "subscribe" in used:
                    used["subscribe"] |= OPTIONAL_TOPICS.get(node, set())
                return used == allowed

            try:
                client.wait_for(is_settled, "the node to use what it is permitted")
            except AssertionError:
                assert uses(client, node) == allowed  # which tells the difference
    finally:
        client.close()


def test_security_that_cannot_be_enforced_stops_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enclave = tmp_path / "enclaves" / "blazepose"
    enclave.mkdir(parents=True)
    for file in SECURITY_FILES:
        (enclave / file).touch()  # no keys at all
    for variable, value in {"KEYSTORE": tmp_path, "ENABLE": "true", "STRATEGY": "Enforce"}.items():
        monkeypatch.setenv(f"ROS_SECURITY_{variable}", str(value))
    result = subprocess.run(
        [executable("blazepose_node"), "--ros-args", "-e", "/blazepose"],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert "[FATAL]" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_enclave_stops_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {"KEYSTORE": tmp_path, "ENABLE": "true", "STRATEGY": "Enforce"}.items():
        monkeypatch.setenv(f"ROS_SECURITY_{variable}", str(value))
    result = subprocess.run(
        [executable("blazepose_node")], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert result.returncode == 1
    assert "SECURITY ERROR" in result.stderr
    assert "Traceback" not in result.stderr
