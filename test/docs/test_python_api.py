# SPDX-License-Identifier: Apache-2.0
"""The Python blocks of the pages run in the order of the page, and print what the page says."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.pages import ROOT, RUN_IN_ORDER, blocks, write_clip
from support.photographs import read_rgb

import blazepose_ros
from blazepose_ros.core.frame_sources.files import photograph

DEADLINE_S = 120.0
CLIP_FRAMES = 3
NUMBER = re.compile(r"\d+(?:\.\d+)?")
PORTRAIT = "astronaut.png"  # whose figures the page shows


def blocks_of(page: Any, language: Any) -> Any:
    """Return the blocks of a page in a language, one after the other."""
    return "".join(block.text for block in blocks() if (block.page, block.language) == (page, language))


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    """A folder with the files that the blocks name."""
    rgb = read_rgb(photograph())
    cv2.imwrite(str(tmp_path / "photo.jpg"), rgb[..., ::-1])
    write_clip(tmp_path / "walk.mp4", [rgb] * CLIP_FRAMES)
    return tmp_path


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("page", RUN_IN_ORDER)
def test_the_blocks_of_a_page_print_what_it_shows(page: Any, folder: Any) -> None:
    program = [sys.executable, "-c", blocks_of(page, "python")]
    said = subprocess.run(
        program, cwd=folder, stdout=subprocess.PIPE, text=True, check=True, timeout=DEADLINE_S
    ).stdout.splitlines()
    shown = blocks_of(page, "text").splitlines()
    assert len(said) > len(shown)
    if photograph().name == PORTRAIT:
        assert [NUMBER.sub("N", line) for line in said[: len(shown)]] == [
            NUMBER.sub("N", line) for line in shown
        ]
        assert numbers(said[: len(shown)]) == pytest.approx(numbers(shown), rel=0.02)


def numbers(lines: Any) -> Any:
    return [float(number) for line in lines for number in NUMBER.findall(line)]


def test_the_page_names_everything_that_is_public() -> None:
    page = (ROOT / "docs" / "python_api.md").read_text()
    first_cells = re.findall(r"^\| (`.+?`) \|", page, re.MULTILINE)
    assert {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)} == set(
        blazepose_ros.__all__
    )
