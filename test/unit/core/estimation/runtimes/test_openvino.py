# SPDX-License-Identifier: Apache-2.0
"""Images side by side on OpenVINO, with requests that are as strict as its own; files and full disks."""

import errno
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("openvino", reason="OpenVINO is not installed")

from blazepose_ros.core.estimation.runtimes import openvino_library
from blazepose_ros.core.estimation.runtimes.openvino import OpenVinoRuntime
from blazepose_ros.core.estimation.runtimes.openvino_library import named_tflite
from blazepose_ros.core.estimation.runtimes.openvino_model import CompiledStage, OpenVinoModel
from blazepose_ros.core.estimation.runtimes.runtime import BackendError, RuntimeOptions

LANES = 3


class FakeRequest:
    """Doubles its input. It is busy from its start until it is waited for."""

    def __init__(self) -> None:
        self.fails_at = None
        self._busy = False

    def set_input_tensor(self, _index: Any, tensor: Any) -> None:
        if self._busy:
            raise RuntimeError("Infer Request is busy")
        self._input = tensor.data

    def start_async(self) -> None:
        self._fail_at("start")
        self._busy = True

    def wait(self) -> None:
        self._busy = False
        self._fail_at("wait")

    def get_output_tensor(self, _index: Any) -> SimpleNamespace:
        assert not self._busy
        return SimpleNamespace(data=2 * self._input)

    def _fail_at(self, step: Any) -> None:
        if self.fails_at == step:
            raise RuntimeError(f"{step} failed")


class FakeCompiledModel:
    outputs = ("output",)

    def __init__(self) -> None:
        self.requests = []

    def create_infer_request(self) -> Any:
        self.requests.append(FakeRequest())
        return self.requests[-1]

    def get_property(self, name: Any) -> Any:
        return {"NUM_STREAMS": LANES}[name]


@pytest.fixture
def together() -> FakeCompiledModel:
    return FakeCompiledModel()


@pytest.fixture
def model(together: FakeCompiledModel) -> OpenVinoModel:
    alone, side_by_side = ([CompiledStage(each, True, (), (0,))] for each in (FakeCompiledModel(), together))
    return OpenVinoModel(alone, side_by_side)


def values(model: Any, numbers: Any) -> Any:
    """Return what a model makes of images of one number each."""
    images = [np.full((1, 2, 2, 3), number, np.float32) for number in numbers]
    return [float(outputs[0].max()) for outputs in model.run_each(images)]


def test_images_side_by_side_keep_their_order(model: OpenVinoModel) -> None:
    assert values(model, [1, 2, 3]) == [2, 4, 6]
    assert values(model, [1, 2, 3, 4, 5]) == [2, 4, 6, 8, 10]


def test_outputs_that_are_not_used_leave_no_image_running(model: OpenVinoModel) -> None:
    """As where the decoding of the first ones fails."""
    images = [np.zeros((1, 2, 2, 3), np.float32) for _ in range(LANES)]
    outputs = model.run_each(images)
    next(outputs)
    outputs.close()  # type: ignore[attr-defined]
    assert values(model, [1, 2, 3]) == [2, 4, 6]


@pytest.mark.parametrize("step", ["start", "wait"])
@pytest.mark.parametrize("lane", range(LANES))
def test_one_image_that_fails_leaves_no_other_running(
    model: OpenVinoModel, together: FakeCompiledModel, step: str, lane: Any
) -> None:
    together.requests[lane].fails_at = step
    with pytest.raises(RuntimeError, match=f"{step} failed"):
        values(model, [1, 2, 3])
    together.requests[lane].fails_at = None
    assert values(model, [1, 2, 3]) == [2, 4, 6]


def test_a_model_is_read_without_a_file_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_usable() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none_usable)
    before = set(Path("/dev/shm").iterdir())
    with named_tflite(b"content") as path:
        assert path.suffix == ".tflite"
        assert path.read_bytes() == b"content"
        assert path.lstat().st_blocks == 0
    assert not {each for each in set(Path("/dev/shm").iterdir()) - before if "blazepose" in each.name}


def test_no_shared_memory_leaves_the_link_to_the_temporary_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(openvino_library, "_SHARED_MEMORY", tmp_path / "none")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with named_tflite(b"content") as path:
        assert path.parent == tmp_path
        assert path.read_bytes() == b"content"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("call", ["os.memfd_create", "pathlib.Path.symlink_to"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.ENOMEM, errno.EMFILE])
def test_a_machine_without_room_is_a_backend_that_does_not_load(
    monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    runtime = OpenVinoRuntime(RuntimeOptions())

    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(call, fail)
    with pytest.raises(BackendError, match=os.strerror(number)):
        runtime.load(b"no model")
