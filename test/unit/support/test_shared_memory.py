# SPDX-License-Identifier: Apache-2.0
"""Cleaning up shared memory takes nothing that is in use, and fails at nothing."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from support.shared_memory import remove_unused, shared_memory


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Files that are called as Fast DDS calls its own."""
    paths = [tmp_path / name for name in ("fastrtps_port7410", "sem.fastdds_1")]
    for path in paths:
        path.touch()
    return paths


def test_only_files_of_fast_dds_are_found(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "pulse-shm-1").touch()
    assert shared_memory(tmp_path) == set(files)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc")
@pytest.mark.parametrize("is_open", [False, True])
def test_a_file_stays_while_a_process_has_it_open(files: list[Path], is_open: bool) -> None:
    with files[0].open() if is_open else nullcontext():
        remove_unused(set(files))
    assert [path.exists() for path in files] == [is_open, False]


def test_files_of_another_user_and_files_that_are_gone_do_no_harm(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    files[1].unlink()
    tried = []

    def refuse(path: Path, *, missing_ok: bool) -> None:
        tried.append((path, missing_ok))
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    remove_unused(set(files))
    assert set(tried) == {(path, True) for path in files}
