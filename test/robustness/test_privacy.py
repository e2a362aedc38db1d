# SPDX-License-Identifier: Apache-2.0
"""What docs/privacy.md says: the node talks to DDS alone, and runs nothing that it reads.

``WATCH_S=60`` watches the node for a minute, the period of what MediaPipe would report.
"""

import ast
import os
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import connection_watch

pytest.importorskip("rclpy", reason="rclpy is not installed")

import cv2
from support.pose_client import START_NS, image_message, pose_node

import blazepose_ros
from blazepose_ros.core.frame_sources.files import photograph

pytestmark = pytest.mark.alone

WATCH_S = float(os.environ.get("WATCH_S", "5"))
PERIOD_NS = 100_000_000
PERIOD_S = 0.1

SOURCES = sorted(Path(blazepose_ros.__file__).parent.rglob("*.py"))
# What turns data into code, or a file into objects with methods.
RUNS_DATA = {
    *("eval", "exec", "compile", "__import__"),
    *("pickle.load", "pickle.loads", "marshal.load", "marshal.loads", "shelve.open", "runpy.run_path"),
    *("joblib.load", "torch.load", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load"),
    *("yaml.full_load", "cv2.dnn.readNet"),
}
UNPICKLES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "torch"}


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("backend", ["auto", pytest.param("mediapipe", marks=pytest.mark.thorough)])
def test_the_node_talks_to_dds_alone_at_work_and_at_its_end(
    ros: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, backend: str
) -> None:
    library, log = connection_watch.build(tmp_path), tmp_path / "attempts.log"
    for name, value in connection_watch.settings(library, log).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("https_proxy", raising=False)
    pixels = cv2.imread(str(photograph()))
    with pose_node(ros, backend=backend) as client:
        assert str(library) in Path(f"/proc/{client.process.pid}/maps").read_text()
        end_s, stamp_ns = time.monotonic() + WATCH_S, START_NS
        while time.monotonic() < end_s:
            stamp_ns += PERIOD_NS
            assert client.ask(image_message(pixels, "bgr8", stamp_ns)).poses
            client.executor.spin_once(timeout_sec=PERIOD_S)
    assert log.read_text() == ""


def called(node: Any) -> Any:
    """Return the name of what is called, dots included, as far as the source says."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{called(node.value)}.{node.attr}"
    return ""


def runs_data(call: Any) -> Any:
    """Tell whether a call may run what it is given."""
    asks = {keyword.arg for keyword in call.keywords if not is_false(keyword.value)}
    return called(call.func) in RUNS_DATA or bool(asks & {"allow_pickle", "shell"})


def is_false(node: Any) -> Any:
    return isinstance(node, ast.Constant) and node.value is False


def imported(node: Any) -> Any:
    names = [alias.name for alias in getattr(node, "names", [])] if isinstance(node, ast.Import) else []
    return {name.partition(".")[0] for name in [*names, getattr(node, "module", None) or ""]}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_nothing_that_is_read_is_run_or_unpickled(path: Any) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not (isinstance(node, ast.Call) and runs_data(node)), ast.unparse(node)
        assert not (isinstance(node, ast.Import | ast.ImportFrom) and imported(node) & UNPICKLES)


@pytest.mark.parametrize(
    "line",
    [
        "eval(text)", "pickle.loads(data)", "yaml.load(file)", "np.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
    ],
)  # fmt: skip
def test_the_scan_finds_what_it_looks_for(line: str) -> None:
    assert runs_data(ast.parse(line, mode="eval").body)


def test_the_scan_finds_imports_too() -> None:
    for line in ("import pickle", "from marshal import loads", "import torch.serialization"):
        assert imported(ast.parse(line).body[0]) & UNPICKLES
