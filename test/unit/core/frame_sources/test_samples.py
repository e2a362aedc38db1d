# SPDX-License-Identifier: Apache-2.0
"""Fetching a small wheel through the real pip, from a folder instead of an index."""

import hashlib
import importlib.util
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.frame_sources import samples
from blazepose_ros.core.frame_sources.samples import PypiPackage, SampleError, fetch_samples

pytest.importorskip("pip", reason="pip is not installed")

CLIP, CONTENT = "clips/one.mp4", b"a clip"
QUIET = FunctionLogger(lambda _: None)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for all the packages there are; the cache is empty."""
    for name, value in {
        "XDG_CACHE_HOME": tmp_path / "cache",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": tmp_path / "index",
    }.items():
        monkeypatch.setenv(name, str(value))
    (tmp_path / "index").mkdir()
    return tmp_path / "index"


@pytest.fixture
def package(index: Path) -> PypiPackage:
    """A wheel with one clip."""
    wheel = index / "walks-1.0-py3-none-any.whl"
    about = "Metadata-Version: 2.1\nName: walks\nVersion: 1.0\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(CLIP, CONTENT)
        archive.writestr("walks-1.0.dist-info/METADATA", about)
        archive.writestr("walks-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("walks-1.0.dist-info/RECORD", "")
    content = wheel.read_bytes()
    return PypiPackage("walks==1.0", wheel.name, len(content), sha256(content), {CLIP: sha256(CONTENT)})


def test_the_files_are_taken_from_the_wheel_which_is_not_kept(package: PypiPackage) -> None:
    folder = fetch_samples(package, QUIET)
    assert folder == package.folder
    assert (folder / CLIP).read_bytes() == CONTENT
    assert not (folder / package.wheel).exists()


def test_what_is_there_is_not_fetched_again_and_what_is_damaged_is(package: PypiPackage, index: Path) -> None:
    clip = fetch_samples(package, QUIET) / CLIP
    clip.write_bytes(b"damaged")
    fetch_samples(package, QUIET)
    assert clip.read_bytes() == CONTENT
    (index / package.wheel).unlink()
    fetch_samples(package, QUIET)


def test_a_wheel_that_was_put_there_by_hand_is_taken(package: PypiPackage, index: Path) -> None:
    package.folder.mkdir(parents=True)
    (index / package.wheel).rename(package.folder / package.wheel)
    assert (fetch_samples(package, QUIET) / CLIP).read_bytes() == CONTENT


def test_where_there_is_no_such_package_it_says_what_to_do(package: PypiPackage, index: Path) -> None:
    (index / package.wheel).unlink()
    with pytest.raises(
        SampleError, match=r"(?s)No matching distribution.*`pip download --no-deps walks==1.0`"
    ):
        fetch_samples(package, QUIET)


def test_without_pip_it_says_what_to_do(package: PypiPackage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SampleError, match=r"pip is not installed.*Where PyPI cannot be reached"):
        fetch_samples(package, QUIET)


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ({"sha256": sha256(b"")}, "another walks"),
        ({"files": {CLIP: sha256(b"")}}, "does not hold the known files"),
    ],
)
def test_another_content_than_the_known_one_is_refused(
    package: PypiPackage, other: Any, complaint: str
) -> None:
    with pytest.raises(SampleError, match=complaint):
        fetch_samples(replace(package, **other), QUIET)


def test_a_cache_that_cannot_be_written_is_told(package: PypiPackage, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(SampleError, match=r"cannot write walks==1.0 into"):
        fetch_samples(package, QUIET)


def test_pip_that_hangs_is_given_up(package: PypiPackage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "DOWNLOAD_TIMEOUT_S", 0.001)
    with pytest.raises(SampleError, match="takes longer than"):
        fetch_samples(package, QUIET)
