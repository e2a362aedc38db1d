# SPDX-License-Identifier: Apache-2.0
"""A short soak of the real node."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import cv2
import numpy as np
from support.paths import TESTS

pytestmark = pytest.mark.alone


def soak(*arguments: Any) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "robustness.soak", *arguments],
        cwd=TESTS,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.thorough
@pytest.mark.usefixtures("models")
def test_a_node_stands_a_short_soak(tmp_path: Path) -> None:
    result = soak("--duration", "10", "--output", str(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "violations  0" in result.stdout
    assert (tmp_path / "node.log").exists()


@pytest.mark.usefixtures("models")
def test_a_picture_of_nobody_is_refused(tmp_path: Path) -> None:
    picture = tmp_path / "wall.png"
    cv2.imwrite(str(picture), np.full((120, 160, 3), 128, np.uint8))
    result = soak("--source", str(picture), "--output", str(tmp_path))
    assert result.returncode == 1
    assert result.stderr == "soak: the node sees nobody in the picture\n"


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    result = soak("--source", str(tmp_path / "none.png"), "--output", str(tmp_path))
    assert result.returncode == 1
    assert "none.png is not a picture" in result.stderr


def test_a_duration_of_nothing_is_refused() -> None:
    result = soak("--duration", "0")
    assert result.returncode == 2
    assert "'0' is not a number above 0" in result.stderr
