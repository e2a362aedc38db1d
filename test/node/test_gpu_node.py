# SPDX-License-Identifier: Apache-2.0
"""The node on a GPU."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support.pose_client import Stream, pose_node, screen_array
from support.vulkan import needs_vulkan, vulkan_environment

from blazepose_ros.core.estimation.drawn_person import JOINTS, drawn_person
from blazepose_ros.core.types import ModelComplexity

# Of the drawing's side: the published models are off by 0.04 at most.
MAX_ERROR = 0.1


@pytest.mark.thorough
@needs_vulkan
@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("precision", ["f32", "f16"])
def test_the_node_finds_a_person_on_a_gpu_and_says_where_it_runs(
    ros: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    for name, value in vulkan_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    settings = {"backend": "litert", "device": "gpu", "precision": precision}
    lite = ModelComplexity.LITE.value
    log = tmp_path / "log"
    with pose_node(ros, "diagnostics", log_path=log, model_complexity=lite, **settings) as client:
        stream = Stream(client, drawn_person()[..., ::-1])
        poses = [stream.ask() for _ in range(2)]  # found by the detector, and followed
        values = client.wait_for(lambda: _values(client), "diagnostics of a node that has a model")
    for pose in poses:
        joints = screen_array(pose)[list(JOINTS), :2] / len(drawn_person())
        assert np.abs(joints - list(JOINTS.values())).max() < MAX_ERROR
    assert values["backend"] == "litert"
    assert values["runs on"] == f"litert gpu {precision}"
    assert f"on litert gpu {precision}" in log.read_text()


def _values(client: Any) -> dict[str, str]:
    """Return the newest values of the node, empty before its model is loaded."""
    for message in reversed(client.received["diagnostics"]):
        for status in message.status:
            values = {each.key: each.value for each in status.values}
            if values.get("runs on", "none") != "none":
                return values
    return {}
