# SPDX-License-Identifier: Apache-2.0
"""What the demo shows for what a user names."""

from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
import pytest

from blazepose_ros.cli.demo.command import DURATION_S, MAX_SIDE_PX, PHOTOGRAPH_RATE, Show
from blazepose_ros.core.frame_sources import files as demo_photograph
from blazepose_ros.core.frame_sources.files import PhotographMissingError, photograph
from blazepose_ros.core.frame_sources.frame_source import SourceError

FOREVER = float("inf")


def write_image(path: Any, width: Any = 64, height: Any = 48) -> str:
    cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))
    return str(path)


def test_without_a_source_the_photograph_moves() -> None:
    show = Show.of("", None)
    assert show.source == str(photograph())
    assert show.settings == {"rate": PHOTOGRAPH_RATE, "motion": "sway"}
    assert (show.rate, show.duration_s) == (PHOTOGRAPH_RATE, DURATION_S)


def test_the_photograph_is_one_that_can_be_read() -> None:
    assert min(cv2.imread(str(photograph())).shape[:2]) >= 512


def test_without_scikit_image_there_is_another_photograph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_photograph, "find_spec", lambda _: None)
    assert photograph().name == "grace_hopper.jpg"


def test_without_any_photograph_the_user_is_asked_for_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(demo_photograph, "find_spec", lambda _: None)
    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    with pytest.raises(PhotographMissingError, match="name a source of your own"):
        Show.of("", None)


def test_an_image_is_shown_for_ten_seconds_as_it_is(tmp_path: Path) -> None:
    source = write_image(tmp_path / "image.png")
    assert Show.of(source, None) == Show(source, {}, 10.0, DURATION_S)


def test_a_folder_is_shown_once(tmp_path: Path) -> None:
    write_image(tmp_path / "image.png")
    assert Show.of(str(tmp_path), None) == Show(str(tmp_path), {"loop": False}, 10.0, FOREVER)


def test_a_video_is_shown_once_at_its_own_rate(tmp_path: Path) -> None:
    source = str(tmp_path / "clip.avi")
    writer = cv2.VideoWriter(source, cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    assert Show.of(source, None) == Show(source, {"loop": False}, 5.0, FOREVER)


def test_a_duration_ends_everything(tmp_path: Path) -> None:
    write_image(tmp_path / "image.png")
    for source in ("", "0", str(tmp_path), str(tmp_path / "image.png")):
        assert Show.of(source, 3.0).duration_s == 3.0


def test_a_webcam_is_left_to_the_camera() -> None:
    assert Show.of("0", None).settings == {}


@pytest.mark.parametrize(("width", "height", "side"), [(3000, 2000, "width"), (2000, 3000, "height")])
def test_a_large_image_is_scaled_down(tmp_path: Path, width: int, height: int, side: str) -> None:
    assert Show.of(write_image(tmp_path / "image.png", width, height), None).settings == {side: MAX_SIDE_PX}


def test_a_folder_that_begins_with_a_damaged_image_is_shown(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"damaged")
    write_image(tmp_path / "2.png")
    assert Show.of(str(tmp_path), None).settings == {"loop": False}


@pytest.mark.parametrize("name", ["missing.mp4", "notes.txt", "damaged.png", "empty_folder"])
def test_what_cannot_be_shown_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "damaged.png").write_bytes(b"damaged")
    (tmp_path / "empty_folder").mkdir()
    with pytest.raises(SourceError, match=name):
        Show.of(str(tmp_path / name), None)
