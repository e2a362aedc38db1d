# SPDX-License-Identifier: Apache-2.0
"""Which DDS profile the executables start with."""

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
