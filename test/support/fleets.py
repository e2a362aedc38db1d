# SPDX-License-Identifier: Apache-2.0
"""Folders of small recordings, and ``blazepose bag`` on them as a process."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from blazepose_ros.core.frame_sources.files import photograph
from support.photographs import read_rgb
from support.processes import executable
from support.recordings import compressed_images, write_bag

TIMEOUT_S = 240.0
HEIGHT_PX = 240


def photograph_fleet(folder: Path, recordings: int, images: int) -> Path:
    """Make recordings, each of so many images of a photograph; return their folder."""
    rgb = read_rgb(photograph())
    scale = HEIGHT_PX / rgb.shape[0]
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    first = folder / "robot0" / "walk"
    first.parent.mkdir(parents=True)
    write_bag(first, compressed_images("/image/compressed", [small] * images))
    for number in range(1, recordings):
        shutil.copytree(first, folder / f"robot{number}" / "walk")
    return folder


def bag(
    source: Path, target: Path, *arguments: str, start: Sequence[str] = (), **how: Any
) -> subprocess.Popen:
    """Start the command with a thread for each task, so that results are the same wherever it runs."""
    what = ["bag", source, target, "--model", "lite", "--backend", "openvino", "-p", "num_threads:=1"]
    return subprocess.Popen(
        [*start, executable("blazepose"), *map(str, what), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


def states(target: Path) -> dict[str, str]:
    """Return what became of each recording."""
    summary = json.loads((target / "summary.json").read_text())
    return {each["recording"]: each["state"] for each in summary["recordings"]}
