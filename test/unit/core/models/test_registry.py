# SPDX-License-Identifier: Apache-2.0
"""The model store, on small files that pass for models."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from blazepose_ros.core.models.registry import (
    BUNDLES,
    ModelDamagedError,
    ModelError,
    ModelMissingError,
    ModelState,
    UnknownModelError,
    bundle_named,
    cache_folder,
    resolve,
    state_of,
)
from blazepose_ros.core.types import ModelComplexity

ASSEMBLED = b"assembled "
PUBLISHED = b"published "


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and three models small enough for a test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for complexity, bundle in BUNDLES.items():
        small = dataclasses.replace(
            bundle,
            sha256=hashlib.sha256(PUBLISHED + bundle.name.encode()).hexdigest(),
            assembled_sha256=hashlib.sha256(ASSEMBLED + bundle.name.encode()).hexdigest(),
        )
        monkeypatch.setitem(BUNDLES, complexity, small)
    folder = tmp_path / "blazepose_ros"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("origin", [ASSEMBLED, PUBLISHED])
@pytest.mark.parametrize("complexity", ModelComplexity)
def test_either_known_bundle_is_found_in_the_cache(
    cache: Path, complexity: ModelComplexity, origin: Any
) -> None:
    path = cache / f"pose_landmarker_{complexity.name.lower()}.task"
    path.write_bytes(origin + complexity.name.lower().encode())
    model = resolve(complexity)
    assert (model.path, model.complexity) == (path, complexity)
    assert model.content == path.read_bytes()


def test_a_missing_model_is_named_with_the_command_that_fetches_it(cache: Path) -> None:
    with pytest.raises(ModelMissingError) as caught:
        resolve(ModelComplexity.HEAVY)
    assert str(cache / "pose_landmarker_heavy.task") in str(caught.value)
    assert "blazepose models fetch --model 2" in str(caught.value)


def test_a_damaged_model_is_named_with_the_command_that_fixes_it(cache: Path) -> None:
    path = cache / "pose_landmarker_full.task"
    path.write_bytes(PUBLISHED + b"ful!")
    with pytest.raises(ModelDamagedError) as caught:
        resolve(ModelComplexity.FULL)
    assert str(path) in str(caught.value)
    assert "blazepose models fetch --model 1" in str(caught.value)


def test_a_model_under_the_name_of_another_is_damaged(cache: Path) -> None:
    (cache / "pose_landmarker_full.task").write_bytes(PUBLISHED + b"lite")
    with pytest.raises(ModelDamagedError):
        resolve(ModelComplexity.FULL)


def test_an_empty_file_is_damaged(cache: Path) -> None:
    (cache / "pose_landmarker_full.task").touch()
    assert state_of(BUNDLES[ModelComplexity.FULL]) is ModelState.DAMAGED


def test_a_damage_after_the_first_load_is_noticed(cache: Path) -> None:
    path = cache / "pose_landmarker_full.task"
    path.write_bytes(PUBLISHED + b"full")
    resolve(ModelComplexity.FULL)
    path.write_bytes(PUBLISHED + b"fulL")
    with pytest.raises(ModelDamagedError):
        resolve(ModelComplexity.FULL)


@pytest.mark.usefixtures("cache")
def test_an_explicit_path_is_used_and_its_hash_says_which_model_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.task"
    path.write_bytes(PUBLISHED + b"heavy")
    model = resolve(ModelComplexity.FULL, str(path))
    assert (model.path, model.complexity) == (path, ModelComplexity.HEAVY)


@pytest.mark.usefixtures("cache")
def test_an_explicit_path_may_start_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.task").write_bytes(PUBLISHED + b"lite")
    assert resolve(ModelComplexity.LITE, "~/mine.task").complexity is ModelComplexity.LITE


@pytest.mark.usefixtures("cache")
def test_an_unknown_model_at_an_explicit_path_is_refused_with_the_known_hashes(tmp_path: Path) -> None:
    path = tmp_path / "mine.task"
    path.write_bytes(b"another model")
    with pytest.raises(ModelDamagedError) as caught:
        resolve(ModelComplexity.FULL, str(path))
    for bundle in BUNDLES.values():
        assert bundle.sha256 in str(caught.value)
        assert bundle.assembled_sha256 in str(caught.value)


@pytest.mark.usefixtures("cache")
def test_a_refusal_tells_nothing_of_what_the_file_holds(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"password")
    with pytest.raises(ModelDamagedError) as caught:
        resolve(ModelComplexity.FULL, str(secret))
    assert hashlib.sha256(b"password").hexdigest() not in str(caught.value)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.fixture
def huge(tmp_path: Path) -> Path:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: no disk holds so much
    return path


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("name", "reason"), [("fifo", "is not a regular file"), ("huge", "is larger than .* bytes")]
)
def test_what_cannot_be_a_model_is_refused_without_reading_it(
    request: pytest.FixtureRequest, name: str, reason: str
) -> None:
    with pytest.raises(ModelDamagedError, match=reason):
        resolve(ModelComplexity.FULL, str(request.getfixturevalue(name)))


@pytest.mark.usefixtures("cache")
def test_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(ModelDamagedError, match="/dev/zero is no model: it is not a regular file"):
        resolve(ModelComplexity.FULL, "/dev/zero")


@pytest.mark.usefixtures("cache")
def test_nothing_at_an_explicit_path_does_not_fall_back_on_the_cache(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match=r"nowhere\.task.*Leave model_path empty"):
        resolve(ModelComplexity.FULL, str(tmp_path / "nowhere.task"))


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    "path", ["/", "/etc/passwd/model.task", "~no-such-user/model.task", "mod\0el", "x" * 5000]
)
def test_a_path_that_holds_no_file_is_told(path: Any) -> None:
    with pytest.raises(ModelError, match="model"):
        resolve(ModelComplexity.FULL, path)


@pytest.mark.parametrize("configured", ["", "relative/cache"])
def test_without_an_absolute_xdg_cache_home_the_cache_is_in_the_home(
    configured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", configured)
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/blazepose_ros")


@pytest.mark.parametrize("complexity", ModelComplexity)
def test_a_model_has_a_name_and_a_number(complexity: ModelComplexity) -> None:
    for name in (complexity.name.lower(), str(complexity.value)):
        assert bundle_named(name).complexity is complexity


@pytest.mark.parametrize("name", ["3", "-1", "", "medium", "Full", "all"])
def test_an_unknown_model_is_refused_with_those_that_exist(name: str) -> None:
    with pytest.raises(UnknownModelError, match=r"no model .*0 or lite, 1 or full, 2 or heavy"):
        bundle_named(name)


def test_every_complexity_has_hashes_and_an_address_of_its_own() -> None:
    assert set(BUNDLES) == set(ModelComplexity)
    hashes = [sha256 for bundle in BUNDLES.values() for sha256 in bundle.known_sha256]
    assert len(set(hashes)) == 6
    assert all(bundle.url.endswith(f"/float16/1/{bundle.file_name}") for bundle in BUNDLES.values())
