# SPDX-License-Identifier: Apache-2.0
"""Choosing a backend, and what each makes of the models."""

import builtins
import hashlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.photographs import PERSON

from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.estimation import runtimes
from blazepose_ros.core.estimation.blazepose_estimator import BlazePoseEstimator
from blazepose_ros.core.estimation.estimator import EstimatorError, EstimatorOptions
from blazepose_ros.core.estimation.factory import AUTO, PACKAGES, RUNTIMES, choose_estimator
from blazepose_ros.core.estimation.runtimes.runtime import BackendError, Precision, RuntimeOptions
from blazepose_ros.core.models.task_bundle import DETECTOR, LANDMARKER, split_bundle
from blazepose_ros.core.types import Frame, ModelComplexity

LIBRARIES = {"openvino": "openvino", "litert": "ai_edge_litert"}
INSTALLED = [name for name, library in LIBRARIES.items() if importlib.util.find_spec(library)]
PLAIN = RuntimeOptions()
SHA256_BYTES = 32


@pytest.fixture(scope="module")
def options(models: dict[ModelComplexity, bytes]) -> EstimatorOptions:
    return EstimatorOptions(models[ModelComplexity.LITE])


@pytest.fixture(scope="module")
def frame(data: Path) -> Frame:
    return Frame(cv2.cvtColor(cv2.imread(str(data / PERSON)), cv2.COLOR_BGR2RGB), 0)


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes libraries look as if they were not installed."""
    original = builtins.__import__

    def hide(*libraries: Any) -> None:
        def import_others(name: Any, *args: Any, **kwargs: Any) -> Any:
            if name.partition(".")[0] in libraries:
                raise ImportError(f"No module named {name!r}")
            return original(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", import_others)
        for module in ("openvino", "openvino_library", "openvino_model", "litert"):
            monkeypatch.delitem(sys.modules, f"{runtimes.__name__}.{module}", raising=False)
            monkeypatch.delattr(runtimes, module, raising=False)  # set where it is imported again

    return hide


def screen(estimator: Any, frame: Any) -> Any:
    (pose,) = estimator.estimate(frame)
    return pose.screen


@pytest.mark.skipif(len(INSTALLED) < 2, reason="OpenVINO and LiteRT are not both installed")
@pytest.mark.parametrize(
    ("hidden", "chosen"),
    [((), "openvino"), (("openvino",), "litert"), (("openvino", "ai_edge_litert"), "mediapipe")],
)
def test_auto_takes_the_fastest_that_loads_and_says_why_not_the_others(
    options: EstimatorOptions, frame: Frame, missing: Any, hidden: Any, chosen: str
) -> None:
    missing(*hidden)
    choice = choose_estimator(AUTO, options, PLAIN)
    assert choice.backend == chosen
    assert len(choice.passed_over) == len(hidden)
    assert all("pip install" in reason for reason in choice.passed_over)
    assert len(choice.estimator.estimate(frame)) == 1
    choice.estimator.close()


def test_with_nothing_installed_all_reasons_are_given(options: EstimatorOptions, missing: Any) -> None:
    missing("openvino", "ai_edge_litert", "mediapipe")
    with pytest.raises(EstimatorError, match=r"(?s)openvino.*litert.*MediaPipe"):
        choose_estimator(AUTO, options, PLAIN)


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_backend_asked_for_by_name_is_not_replaced(
    options: EstimatorOptions, missing: Any, backend: Any
) -> None:
    missing(LIBRARIES[backend])
    with pytest.raises(EstimatorError, match=rf"pip install {PACKAGES[backend]}"):
        choose_estimator(backend, options, PLAIN)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("keep", [0, 1000, -1000], ids=["empty", "the head", "without the tail"])
def test_a_damaged_bundle_is_refused(options: EstimatorOptions, backend: Any, keep: int) -> None:
    with pytest.raises(EstimatorError, match="does not take the model"):
        choose_estimator(backend, EstimatorOptions(options.model[:keep]), PLAIN)


@pytest.mark.parametrize("backend", INSTALLED)
def test_models_in_the_wrong_places_are_refused(options: EstimatorOptions, backend: Any) -> None:
    models = split_bundle(options.model)
    with pytest.raises(BackendError, match="this is no person detector"):
        BlazePoseEstimator(RUNTIMES[backend](PLAIN), models[LANDMARKER], models[DETECTOR], options)
    with pytest.raises(BackendError, match="this is no landmark model"):
        BlazePoseEstimator(RUNTIMES[backend](PLAIN), models[DETECTOR], models[DETECTOR], options)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("num_threads", [1, 2])
def test_the_number_of_threads_does_not_change_the_result(
    options: EstimatorOptions, frame: Frame, backend: Any, num_threads: int
) -> None:
    expected = screen(choose_estimator(backend, options, PLAIN).estimator, frame)
    runtime = RuntimeOptions(num_threads=num_threads)
    found = screen(choose_estimator(backend, options, runtime).estimator, frame)
    np.testing.assert_allclose(found, expected, atol=0.05)


@pytest.mark.parametrize("backend", INSTALLED)
def test_the_fastest_precision_finds_the_same_person(
    options: EstimatorOptions, frame: Frame, backend: Any
) -> None:
    expected = screen(choose_estimator(backend, options, PLAIN).estimator, frame)
    runtime = RuntimeOptions(precision=Precision.AUTO)
    found = screen(choose_estimator(backend, options, runtime).estimator, frame)
    assert np.median(np.abs(found - expected)[:, :2]) < 5


@pytest.mark.skipif("litert" not in INSTALLED, reason="LiteRT is not installed")
def test_a_precision_that_a_backend_lacks_is_refused(options: EstimatorOptions) -> None:
    with pytest.raises(EstimatorError, match="only f32"):
        choose_estimator("litert", options, RuntimeOptions(precision=Precision.BF16))


@pytest.mark.skipif("openvino" not in INSTALLED, reason="OpenVINO is not installed")
@pytest.mark.parametrize("damage", [b"", b"nonsense", None], ids=["empty", "nonsense", "one bit"])
def test_a_damaged_compiled_model_is_compiled_again(
    options: EstimatorOptions, frame: Frame, tmp_path: Path, damage: bytes | None
) -> None:
    runtime = RuntimeOptions(cache_dir=tmp_path)
    expected = screen(choose_estimator("openvino", options, runtime).estimator, frame)
    blobs = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for path, blob in blobs.items():
        middle = len(blob) // 2
        flipped = blob[:middle] + bytes([blob[middle] ^ 1]) + blob[middle + 1 :]
        path.write_bytes(flipped if damage is None else damage)
    np.testing.assert_array_equal(
        screen(choose_estimator("openvino", options, runtime).estimator, frame), expected
    )
    assert set(tmp_path.iterdir()) == blobs.keys()
    assert all(map(has_its_hash, blobs))


@pytest.mark.skipif("openvino" not in INSTALLED, reason="OpenVINO is not installed")
@pytest.mark.parametrize("which", ["smallest", "largest"])  # the detector and the landmark model
def test_a_compiled_model_of_zeros_with_a_right_hash_is_compiled_again(
    options: EstimatorOptions, frame: Frame, tmp_path: Path, which: str
) -> None:
    messages: list[str] = []
    runtime = RuntimeOptions(cache_dir=tmp_path, logger=FunctionLogger(messages.append))
    expected = screen(choose_estimator("openvino", options, runtime).estimator, frame)
    assert messages == []
    by_size = sorted(tmp_path.iterdir(), key=lambda path: path.stat().st_size)
    path = by_size[0 if which == "smallest" else -1]
    blob = with_zero_weights(path.read_bytes()[SHA256_BYTES:])
    path.write_bytes(hashlib.sha256(blob).digest() + blob)
    np.testing.assert_array_equal(
        screen(choose_estimator("openvino", options, runtime).estimator, frame), expected
    )
    assert messages == ["a compiled model that was kept is damaged: it is compiled again"]
    assert path.read_bytes()[SHA256_BYTES:] != blob
    assert has_its_hash(path)


def has_its_hash(path: Path) -> bool:
    """Whether a compiled model is whole; its size differs with what the process has compiled before."""
    kept = path.read_bytes()
    return hashlib.sha256(kept[SHA256_BYTES:]).digest() == kept[:SHA256_BYTES]


def with_zero_weights(blob: bytes) -> bytes:
    """Return a compiled model that loads and answers nonsense: its weights stand in its middle."""
    start, end = len(blob) // 5, len(blob) * 7 // 10
    return blob[:start] + bytes(end - start) + blob[end:]


@pytest.mark.skipif("openvino" not in INSTALLED, reason="OpenVINO is not installed")
def test_a_compiled_model_that_was_kept_gives_the_same_poses(
    options: EstimatorOptions, frame: Frame, tmp_path: Path
) -> None:
    runtime = RuntimeOptions(cache_dir=tmp_path / "new")
    first = screen(choose_estimator("openvino", options, runtime).estimator, frame)
    written = {path: path.stat().st_ino for path in (tmp_path / "new").iterdir()}
    second = screen(choose_estimator("openvino", options, runtime).estimator, frame)
    np.testing.assert_array_equal(first, second)
    assert len(written) == 2
    assert written == {path: path.stat().st_ino for path in (tmp_path / "new").iterdir()}
