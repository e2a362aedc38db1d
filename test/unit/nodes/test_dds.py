# SPDX-License-Identifier: Apache-2.0
"""Which DDS profile the executables start with, and which shared memory they clear."""

import fcntl
import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from blazepose_ros.nodes.common import dds
from blazepose_ros.nodes.common.dds import (
    CHOICES,
    FAST_DDS_2_VARIABLE,
    FAST_DDS_3_VARIABLE,
    remove_dead_segments,
    remove_own_segments,
    use_image_profile,
)

PROFILES = "{http://www.eprosima.com}"
LARGEST_IMAGE_BYTES = 4 * 1920 * 1080


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in CHOICES:
        monkeypatch.setenv(variable, "")


@pytest.mark.parametrize(
    ("library", "variable"),
    [("libfastdds.so", FAST_DDS_3_VARIABLE), ("libfastrtps.so", FAST_DDS_2_VARIABLE)],
)
def test_the_profile_is_set_by_the_name_that_the_library_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: str, variable: Any
) -> None:
    (tmp_path / library).touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere::{tmp_path}")
    use_image_profile()
    assert os.environ[variable] == str(dds.image_profile())


@pytest.mark.parametrize("choice", CHOICES)
def test_what_the_user_has_chosen_stays(monkeypatch: pytest.MonkeyPatch, choice: Any) -> None:
    monkeypatch.setenv(choice, "mine")
    before = dict(os.environ)
    use_image_profile()
    assert dict(os.environ) == before


def test_the_installed_profile_has_room_for_large_images() -> None:
    root = ElementTree.parse(dds.image_profile()).getroot()
    kinds = [element.text for element in root.iter(f"{PROFILES}type")]
    assert kinds == ["SHM", "UDPv4"]
    (message,) = (int(element.text) for element in root.iter(f"{PROFILES}maxMessageSize"))
    (segment,) = (int(element.text) for element in root.iter(f"{PROFILES}segment_size"))
    assert LARGEST_IMAGE_BYTES < message < segment


SEGMENT = "fastrtps_0123456789abcdef"


def left_behind(folder: Path, name: str = SEGMENT) -> None:
    """Make what a killed process leaves."""
    for each in (name, f"{name}_el"):
        (folder / each).touch()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is made now count as old."""
    monkeypatch.setattr(dds, "_MIN_AGE_S", -1.0)


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize("name", [SEGMENT, "fastdds_0123456789abcdef"])
def test_what_a_killed_process_left_is_removed(tmp_path: Path, name: str) -> None:
    left_behind(tmp_path, name)
    remove_dead_segments(tmp_path)
    assert names(tmp_path) == set()


@pytest.mark.usefixtures("old")
def test_what_a_process_uses_stays(tmp_path: Path) -> None:
    left_behind(tmp_path)
    with (tmp_path / f"{SEGMENT}_el").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        remove_dead_segments(tmp_path)
        assert len(names(tmp_path)) == 2
    remove_dead_segments(tmp_path)
    assert names(tmp_path) == set()


def test_what_may_just_be_made_stays(tmp_path: Path) -> None:
    left_behind(tmp_path)
    remove_dead_segments(tmp_path)
    assert len(names(tmp_path)) == 2


@pytest.mark.usefixtures("old")
def test_what_is_another_users_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left_behind(tmp_path)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    remove_dead_segments(tmp_path)
    assert len(names(tmp_path)) == 2


@pytest.mark.usefixtures("old")
def test_what_is_not_certainly_a_dead_segment_stays(tmp_path: Path) -> None:
    others = {"fastrtps_port7412", "fastrtps_port7412_el", "fastrtps_0123", "fastrtps_0123_el", "mine"}
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / SEGMENT).touch()  # without a lock beside it
    linked = "fastrtps_fedcba9876543210"
    (tmp_path / linked).symlink_to(tmp_path / "mine")
    (tmp_path / f"{linked}_el").touch()
    remove_dead_segments(tmp_path)
    assert names(tmp_path) == {*others, SEGMENT, linked, f"{linked}_el"}


def test_no_shared_memory_is_no_error(tmp_path: Path) -> None:
    remove_dead_segments(tmp_path / "none")


def test_what_this_process_holds_is_removed_and_nothing_else(tmp_path: Path) -> None:
    mine, theirs = (tmp_path / f"fastrtps_{digit * 16}" for digit in "ab")
    locks = [path.with_name(f"{path.name}_el") for path in (mine, theirs)]
    other = tmp_path / "notes_el"
    for path in (mine, theirs, *locks, other):
        path.touch()
    with locks[0].open(), other.open():
        remove_own_segments(tmp_path)
    assert set(tmp_path.iterdir()) == {theirs, locks[1], other}
