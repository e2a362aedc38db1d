# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blazepose_ros.cli.bag.work_folder import SpooledMessage, read_spool, writing_spool

MESSAGES = [SpooledMessage(-5, 0, b"one"), SpooledMessage(7, 3, b""), SpooledMessage(7, 1, bytes(1000))]


def write(path: Any, messages: Any) -> None:
    with writing_spool(path) as append:
        for message in messages:
            append(message)


def interrupted() -> Iterator[Any]:
    yield MESSAGES[0]
    raise KeyboardInterrupt


def test_a_spool_gives_back_what_was_written(tmp_path: Path) -> None:
    write(tmp_path / "spool", MESSAGES)
    assert list(read_spool(tmp_path / "spool")) == MESSAGES


def test_a_spool_exists_once_it_is_complete(tmp_path: Path) -> None:
    with writing_spool(tmp_path / "spool") as append:
        append(MESSAGES[0])
        assert not (tmp_path / "spool").exists()
    assert list(read_spool(tmp_path / "spool")) == MESSAGES[:1]


def test_what_an_interrupted_run_wrote_is_dropped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "spool", interrupted())
    assert not (tmp_path / "spool").exists()
    write(tmp_path / "spool", MESSAGES[1:])
    assert list(read_spool(tmp_path / "spool")) == MESSAGES[1:]
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]
