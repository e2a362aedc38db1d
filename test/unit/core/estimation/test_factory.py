# SPDX-License-Identifier: Apache-2.0
"""Which backends there are, and what OpenVINO keeps of the models that it compiled."""

import importlib.util
import os
import time
from pathlib import Path
from typing import Any

import pytest

from blazepose_ros.core.estimation.factory import BACKENDS, RUNTIMES
from blazepose_ros.core.estimation.runtimes import openvino
from blazepose_ros.core.estimation.runtimes.openvino import CompiledCache
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


def test_what_was_stored_is_loaded_and_nothing_else(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "new")
    assert cache.load(b"key") is None
    cache.store(b"key", b"blob")
    assert cache.load(b"key") == b"blob"
    assert cache.load(b"other key") is None


def test_what_was_not_used_for_longest_makes_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino, "MAX_BYTES", 3 * 1032)  # a blob stands behind 32 bytes
    cache = CompiledCache(tmp_path)
    for age_s, key in enumerate((b"c", b"b", b"a")):
        cache.store(key, bytes(1000))
        age(cache, key, 100 * (age_s + 1))
    assert cache.load(b"a") is not None  # used again
    cache.store(b"d", bytes(1000))
    assert [key for key in (b"a", b"b", b"c", b"d") if cache.load(key) is not None] == [b"a", b"c", b"d"]


def age(cache: Any, key: Any, seconds: Any) -> None:
    """Make a blob look as if it was last used so long ago."""
    then_s = time.time() - seconds
    os.utime(cache._path(cache._folder, key), (then_s, then_s))


def test_a_cache_without_a_folder_keeps_nothing() -> None:
    cache = CompiledCache(None)
    cache.store(b"key", b"blob")
    assert cache.load(b"key") is None


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = CompiledCache(tmp_path / "file")
    cache.store(b"key", b"blob")
    assert cache.load(b"key") is None
