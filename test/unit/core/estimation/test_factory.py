# SPDX-License-Identifier: Apache-2.0
"""Which backends there are, and what they refuse."""

import errno
import importlib.util
import os
from typing import Any

import pytest

from blazepose_ros.core.estimation import factory
from blazepose_ros.core.estimation.estimator import EstimatorError, EstimatorOptions
from blazepose_ros.core.estimation.factory import BACKENDS, RUNTIMES
from blazepose_ros.core.estimation.runtimes.runtime import BackendError, Precision, RuntimeOptions

LIBRARIES = {"openvino": "openvino", "litert": "ai_edge_litert"}
INSTALLED = [name for name, library in LIBRARIES.items() if importlib.util.find_spec(library)]
PLAIN = RuntimeOptions()


def test_there_are_the_backends_that_the_parameter_names() -> None:
    assert set(BACKENDS) == {"auto", "mediapipe", "openvino", "litert"}


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_model_that_is_none_is_refused(backend: Any) -> None:
    with pytest.raises(BackendError, match="does not load the model"):
        RUNTIMES[backend](PLAIN).load(b"no model")


def test_a_negative_number_of_threads_is_refused() -> None:
    with pytest.raises(ValueError, match="num_threads"):
        RuntimeOptions(num_threads=-1)


def test_a_full_disk_is_a_backend_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it fails: the next backend is tried, and the last one's error is the estimator's."""

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(factory, "create_native_estimator", full)
    options = EstimatorOptions(b"no model")
    with pytest.raises(EstimatorError) as caught:
        factory.choose_estimator("auto", options, PLAIN)
    for backend in ("openvino", "litert"):
        assert f"{backend} does not load: [Errno 28] No space left on device" in str(caught.value)


@pytest.mark.skipif("litert" not in INSTALLED, reason="LiteRT is not installed")
@pytest.mark.parametrize(
    ("device", "precision", "reason"),
    [
        ("cpu", "bf16", "LiteRT has no bf16 on the device cpu, only f32"),
        ("cpu", "f16", "LiteRT has no f16 on the device cpu, only f32"),
        ("gpu", "mixed", "LiteRT has no mixed on the device gpu, only f32, f16"),
        ("npu", "auto", "LiteRT has the devices cpu and gpu, not npu"),
    ],
)
def test_litert_names_what_it_has_instead(device: str, precision: str, reason: str) -> None:
    with pytest.raises(BackendError, match=reason):
        RUNTIMES["litert"](RuntimeOptions(device=device, precision=Precision(precision)))


@pytest.mark.skipif("litert" not in INSTALLED, reason="LiteRT is not installed")
def test_a_gpu_is_tried_in_each_precision_that_is_asked_for_where_vulkan_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from blazepose_ros.core.estimation.runtimes import litert

    def tried(precision: str) -> list[str]:
        return [each.name for each in factory.litert_on_gpu(RuntimeOptions(precision=Precision(precision)))]

    monkeypatch.setattr(litert, "has_vulkan", lambda: True)
    assert tried("auto") == ["litert gpu f32", "litert gpu f16"]
    assert tried("f16") == ["litert gpu f16"]
    assert tried("bf16") == []
    monkeypatch.setattr(litert, "has_vulkan", lambda: False)
    assert tried("auto") == []


@pytest.mark.skipif("litert" not in INSTALLED, reason="LiteRT is not installed")
def test_without_vulkan_a_gpu_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from blazepose_ros.core.estimation.runtimes import litert

    def fail(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("ERROR: [litert/runtime/compiled_model.cc:1036]")

    monkeypatch.setattr(f"{litert.__name__}.CompiledModel.from_buffer", fail)
    for is_there, hint in ((False, "apt install libvulkan1"), (True, "apt install vulkan-tools")):
        monkeypatch.setattr(litert, "has_vulkan", lambda is_there=is_there: is_there)
        with pytest.raises(BackendError, match=hint):
            RUNTIMES["litert"](RuntimeOptions(device="gpu")).load(b"model")
