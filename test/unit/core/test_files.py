# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import pytest

from blazepose_ros.core.files import (
    InputFileError,
    check_regular,
    parse_yaml,
    read_limited,
    read_yaml,
)

# Nine levels of nine: a list of 387 million.
BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 10)
)


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_limited(tmp_path / "file", 5) == b"12345"
    with pytest.raises(InputFileError, match="is larger than 4 bytes"):
        read_limited(tmp_path / "file", 4)


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputFileError, match="is not a regular file"):
        read_limited(tmp_path / "fifo", 5)
    with pytest.raises(InputFileError, match="is not a regular file"):
        check_regular(tmp_path / "fifo")


def test_a_device_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/zero")
    with pytest.raises(InputFileError, match="is not a regular file"):
        read_limited(tmp_path / "link", 5)


def test_a_folder_and_a_missing_file_are_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_limited(tmp_path, 5)
    with pytest.raises(FileNotFoundError):
        read_limited(tmp_path / "nothing", 5)


def test_yaml_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a: [1, zwei, 3.5]\nb: {c: true}\n")
    assert read_yaml(tmp_path / "file") == {"a": [1, "zwei", 3.5], "b": {"c": True}}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "has an alias in line"),
        ("a: &a {b: *a}", "has an alias in line"),
        ("a: &a {x: 1}\nb: {<<: *a}", "has an alias in line"),
        ("[" * 100_000, "nested too deeply"),
        ("a: [", "is not a YAML file"),
        ("a: \x00", "is not a YAML file"),
    ],
    ids=["bomb", "endless", "merge", "deep", "broken", "control"],
)
def test_yaml_that_is_none_or_never_ends_is_refused(text: str, why: str) -> None:
    with pytest.raises(InputFileError, match=why):
        parse_yaml(text)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputFileError, match="UTF-8"):
        read_yaml(tmp_path / "file")


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("kind", ["folder", "fifo", "device", "too large", "fine"])
def test_nothing_stays_open_whatever_a_name_leads_to(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "named"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    else:
        path.write_bytes(bytes(9 if kind == "too large" else 8))
    before = open_descriptors()
    if kind == "fine":
        assert read_limited(path, 8) == bytes(8)
    else:
        with pytest.raises(IsADirectoryError if kind == "folder" else InputFileError):
            read_limited(path, 8)
    assert open_descriptors() == before
