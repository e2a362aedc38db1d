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
from blazepose_ros.core.estimation.runtimes.runtime import BackendError, RuntimeOptions

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
