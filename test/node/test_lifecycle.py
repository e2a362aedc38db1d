# SPDX-License-Identifier: Apache-2.0
"""The node as a managed one: its states, and what becomes of errors and signals in each."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from support.node_services import change_state, state
from support.photographs import PERSON
from support.pose_client import START_NS, PoseClient, image_message
from support.processes import executable, ros_arguments

from blazepose_ros.core.models.registry import cache_folder

pytestmark = pytest.mark.usefixtures("models")
FRAME_NS = 33_000_000
STOP_TIMEOUT_S = 10.0
OUTPUT = "blazepose/poses"


@pytest.fixture(scope="module")
def bgr(data: Path) -> Any:
    return cv2.imread(str(data / PERSON))


@pytest.fixture
def client(ros: ModuleType) -> Iterator[PoseClient]:
    client = PoseClient(ros)
    client.listen("poses")
    yield client
    client.close()


@contextmanager
def managed_node(client: Any, **parameters: Any) -> Iterator[Any]:
    """Run a node that waits for a lifecycle manager, and stop it as launchers do."""
    settings = {"autostart": False, "model_complexity": 0, "image_reliability": "reliable", **parameters}
    arguments = [executable("blazepose_node"), *ros_arguments(settings)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as node:
        try:
            client.wait_for(lambda: "blazepose" in client.node.get_node_names(), "the node")
            yield node
        finally:
            node.send_signal(signal.SIGINT)
            try:
                output, _ = node.communicate(timeout=STOP_TIMEOUT_S)
            finally:
                node.kill()
    assert node.returncode == 0, output
    vars(node)["output"] = output


def steps(client: Any, *labels: Any) -> None:
    for label in labels:
        assert change_state(client, label), label


def takes_images(client: Any) -> Any:
    return client.image.get_subscription_count() > 0


def announces_outputs(client: Any) -> Any:
    return client.node.count_publishers(OUTPUT) > 0


def test_it_works_only_while_active_and_can_be_cleaned_up_and_configured_again(
    client: PoseClient, bgr: Any
) -> None:
    with managed_node(client):
        assert state(client) == "unconfigured"
        assert not announces_outputs(client)
        for stamp_ns in (START_NS, 2 * START_NS):
            steps(client, "configure")
            client.wait_for(lambda: announces_outputs(client), "the outputs")
            assert not takes_images(client)
            steps(client, "activate")
            client.wait_for(lambda: takes_images(client), "the subscription")
            assert client.ask(image_message(bgr, "bgr8", stamp_ns)).poses
            steps(client, "deactivate")
            client.wait_for(lambda: not takes_images(client), "the end of the subscription")
            assert announces_outputs(client)
            steps(client, "activate")
            client.wait_for(lambda: takes_images(client), "the subscription")
            assert client.ask(image_message(bgr, "bgr8", stamp_ns + FRAME_NS)).poses
            steps(client, "deactivate", "cleanup")
            client.wait_for(lambda: not announces_outputs(client), "the end of the outputs")
        steps(client, "shutdown")
        assert state(client) == "finalized"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc")
def test_cleaning_up_frees_the_memory(client: PoseClient) -> None:
    with managed_node(client, model_complexity=2) as node:
        steps(client, "configure", "cleanup")  # libraries stay loaded
        before = resident_bytes(node)
        steps(client, "configure")
        configured = resident_bytes(node)
        steps(client, "cleanup")
        after = resident_bytes(node)
    assert configured - before > 20_000_000
    assert after - before < (configured - before) / 4


def resident_bytes(process: Any) -> Any:
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_a_missing_model_fails_configuring_until_it_is_there(
    client: PoseClient, bgr: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = cache_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with managed_node(client) as node:
        assert not change_state(client, "configure")
        assert state(client) == "unconfigured"
        shutil.copytree(models, tmp_path / models.name, ignore=shutil.ignore_patterns("compiled"))
        steps(client, "configure", "activate")
        client.wait_for(lambda: takes_images(client), "the subscription")
        assert client.ask(image_message(bgr, "bgr8", START_NS)).poses
    assert node.output.count("blazepose models fetch --model 0") == 1
    assert "Traceback" not in node.output


def test_transitions_that_the_state_does_not_have_are_refused(client: PoseClient) -> None:
    with managed_node(client) as node:
        for label, number in (("", 3), ("", 99), ("activate", 0), ("levitate", 0)):
            assert not change_state(client, label, number), (label, number)
            assert state(client) == "unconfigured"
    assert "Traceback" not in node.output


@pytest.mark.parametrize(
    ("labels", "number"),
    [
        ((), signal.SIGTERM),
        (("configure",), signal.SIGINT),
        (("configure", "activate", "deactivate"), signal.SIGTERM),
        (("configure", "shutdown"), signal.SIGINT),
    ],
    ids=["unconfigured", "configured", "deactivated", "shut down"],
)
def test_a_signal_ends_it_in_any_state(client: PoseClient, number: signal.Signals, labels: Any) -> None:
    with managed_node(client) as node:
        steps(client, *labels)
        node.send_signal(number)
    assert "Traceback" not in node.output


@pytest.mark.parametrize("delay_s", [0.0, 0.2])
def test_a_signal_ends_it_while_the_model_is_loading(client: PoseClient, delay_s: float) -> None:
    with managed_node(client, model_complexity=2, backend="mediapipe") as node:
        ask_to_configure(client)
        with pytest.raises(subprocess.TimeoutExpired):
            node.wait(delay_s)
    assert "Traceback" not in node.output


def ask_to_configure(client: Any) -> None:
    """Ask, and do not wait for the answer."""
    service = client.node.create_client(ChangeState, "blazepose/change_state")
    client.wait_for(service.service_is_ready, "the service")
    service.call_async(ChangeState.Request(transition=Transition(label="configure")))
    client.executor.spin_once(timeout_sec=0.0)
