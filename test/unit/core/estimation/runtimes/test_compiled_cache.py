# SPDX-License-Identifier: Apache-2.0
"""What is kept of compiled models, and whose files are used."""

import errno
import os
import stat
import time
from pathlib import Path

import pytest

from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.estimation.runtimes import compiled_cache
from blazepose_ros.core.estimation.runtimes.compiled_cache import CompiledCache, trouble

log: list[str] = []


@pytest.fixture(autouse=True)
def no_messages() -> None:
    log.clear()


def cache_in(folder: Path | None) -> CompiledCache:
    return CompiledCache(folder, FunctionLogger(log.append))


def the_blob(folder: Path) -> Path:
    (path,) = folder.glob("*.blob")
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache with one blob."""
    folder = tmp_path / "compiled"
    cache_in(folder).store(b"key", b"blob")
    return folder


def test_what_was_stored_is_loaded_and_nothing_else(tmp_path: Path) -> None:
    cache = cache_in(tmp_path / "new" / "compiled")
    assert cache.load(b"key") is None
    cache.store(b"key", b"blob")
    assert cache.load(b"key") == b"blob"
    assert cache.load(b"other key") is None
    assert log == []


@pytest.mark.parametrize("umask", [0, 0o002, 0o077])
def test_nobody_else_may_write_or_read_what_is_kept(tmp_path: Path, umask: int) -> None:
    folder, usual = tmp_path / "compiled", os.umask(umask)
    try:
        cache_in(folder).store(b"key", b"blob")
    finally:
        os.umask(usual)
    assert (mode(folder), mode(the_blob(folder))) == (0o700, 0o600)
    assert cache_in(folder).load(b"key") == b"blob"
    assert trouble(folder) == ""


@pytest.mark.parametrize("others", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_is_neither_read_nor_written(folder: Path, others: int) -> None:
    folder.chmod(others)
    cache = cache_in(folder)
    assert cache.load(b"key") is None
    cache.store(b"new", b"blob")
    assert len(list(folder.iterdir())) == 1
    reason = f"others may write the folder: its mode is {others:o}"
    assert log == [f"compiled models are neither used nor kept in {folder}: {reason}"]
    assert trouble(folder) == reason


def test_a_file_that_others_may_write_is_not_read_and_written_anew(folder: Path) -> None:
    the_blob(folder).chmod(0o666)
    assert "its mode is 666" in trouble(folder)
    cache = cache_in(folder)
    assert cache.load(b"key") is None
    assert "its mode is 666" in log[0]
    cache.store(b"key", b"new")
    assert cache.load(b"key") == b"new"
    assert trouble(folder) == ""


def test_another_users_folder_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert cache_in(folder).load(b"key") is None
    assert trouble(folder) == f"the folder belongs to user {owner}, not to {owner + 1}"
    assert trouble(folder) in log[0]


def test_no_link_is_followed(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert cache_in(link).load(b"key") is None
    cache_in(link).store(b"new", b"blob")
    assert len(list(folder.iterdir())) == 1
    assert trouble(link) == "the folder is a link"
    blob = the_blob(folder)
    blob.rename(tmp_path / "blob")
    blob.symlink_to(tmp_path / "blob")
    assert cache_in(folder).load(b"key") is None
    assert trouble(folder) == f"{blob.name} is a link"
    cache_in(folder).store(b"key", b"new")
    assert cache_in(folder).load(b"key") == b"new"
    assert (tmp_path / "blob").read_bytes().endswith(b"blob")


def test_what_is_no_file_or_too_large_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = the_blob(folder)
    with monkeypatch.context() as patch:
        patch.setattr(compiled_cache, "MAX_BYTES", 8)
        assert cache_in(folder).load(b"key") is None
    blob.unlink()
    os.mkfifo(blob, 0o600)
    assert cache_in(folder).load(b"key") is None  # and does not block


def test_what_was_not_used_for_longest_makes_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_cache, "MAX_BYTES", 3 * 1032)  # a blob stands behind 32 bytes
    folder = tmp_path / "compiled"
    cache = cache_in(folder)
    for age_s, key in enumerate((b"c", b"b", b"a")):
        cache.store(key, bytes(1000))
        then_s = time.time() - 100 * (age_s + 1)
        os.utime(folder / compiled_cache._name(key), (then_s, then_s))
    assert cache.load(b"a") is not None  # used again
    cache.store(b"d", bytes(1000))
    assert [key for key in (b"a", b"b", b"c", b"d") if cache.load(key) is not None] == [b"a", b"c", b"d"]


def test_a_cache_without_a_folder_keeps_nothing() -> None:
    cache = cache_in(None)
    cache.store(b"key", b"blob")
    assert cache.load(b"key") is None


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = cache_in(tmp_path / "file")
    cache.store(b"key", b"blob")
    assert cache.load(b"key") is None
    assert log == [f"compiled models are neither used nor kept in {tmp_path / 'file'}: File exists"]


def test_a_full_disk_is_named_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    cache_in(folder).store(b"new", b"blob")
    assert log == [f"compiled models are neither used nor kept in {folder}: No space left on device"]
    assert len(list(folder.iterdir())) == 1
