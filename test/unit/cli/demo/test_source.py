# SPDX-License-Identifier: Apache-2.0
"""What the demo shows for what a user names."""

from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
import pytest

from blazepose_ros.cli.demo import command, walk
from blazepose_ros.cli.demo.command import DURATION_S, MAX_SIDE_PX, PHOTOGRAPH_RATE, Show
from blazepose_ros.core.frame_sources import files as demo_photograph
from blazepose_ros.core.frame_sources.calibration_file import load_calibration
from blazepose_ros.core.frame_sources.files import PhotographMissingError, photograph
from blazepose_ros.core.frame_sources.frame_source import SourceError
from blazepose_ros.core.frame_sources.samples import SampleError

FOREVER = float("inf")


@pytest.fixture
def no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise SampleError("PyPI cannot be reached")

    monkeypatch.setattr(command, "fetch_samples", refuse)


def test_without_a_source_a_person_walks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "fetch_samples", lambda package, _: package.folder)
    show = Show.of_sample(tmp_path, None)
    assert show.source == str(walk.PACKAGE.folder / walk.CLIP)
    assert show.settings["loop"] is False
    assert (show.rate, show.duration_s) == (walk.RATE, FOREVER)
    assert len(show.true_distances_m) == 100
    camera = load_calibration(Path(show.settings["camera_info_url"])).camera
    np.testing.assert_allclose(camera.k, walk.CAMERA.k)
    assert camera.d == pytest.approx(walk.CAMERA.d)


@pytest.mark.usefixtures("no_sample")
def test_where_the_clip_cannot_be_had_the_photograph_moves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show = Show.of_sample(tmp_path, None)
    assert show.source == str(photograph())
    assert show.settings == {"rate": PHOTOGRAPH_RATE, "motion": "sway"}
    assert (show.rate, show.duration_s) == (PHOTOGRAPH_RATE, DURATION_S)
    assert "PyPI cannot be reached\nShowing a photograph instead" in capsys.readouterr().out


def test_the_photograph_is_one_that_can_be_read() -> None:
    assert min(cv2.imread(str(photograph())).shape[:2]) >= 512


def test_without_scikit_image_there_is_another_photograph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_photograph, "find_spec", lambda _: None)
    assert photograph().name == "grace_hopper.jpg"


@pytest.mark.usefixtures("no_sample")
def test_without_any_photograph_the_user_is_asked_for_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(demo_photograph, "find_spec", lambda _: None)
    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    with pytest.raises(PhotographMissingError, match="name a source of your own"):
        Show.of_sample(tmp_path, None)


def write_video(path: Any, width: Any = 64, height: Any = 48) -> str:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (width, height))
    writer.write(np.zeros((height, width, 3), np.uint8))
    writer.release()
    return str(path)


def test_a_video_is_shown_once_at_its_own_rate(tmp_path: Path) -> None:
    source = write_video(tmp_path / "clip.avi")
    assert Show.of(source, None) == Show(source, {"loop": False}, 5.0, FOREVER)


def test_a_duration_ends_everything(tmp_path: Path) -> None:
    for source in ("0", write_video(tmp_path / "clip.avi")):
        assert Show.of(source, 3.0).duration_s == 3.0


def test_a_webcam_is_left_to_the_camera() -> None:
    assert Show.of("0", None).settings == {}


@pytest.mark.parametrize(("width", "height", "side"), [(3000, 2000, "width"), (2000, 3000, "height")])
def test_a_large_video_is_scaled_down(tmp_path: Path, width: int, height: int, side: str) -> None:
    source = write_video(tmp_path / "clip.avi", width, height)
    assert Show.of(source, None).settings == {"loop": False, side: MAX_SIDE_PX}


@pytest.mark.parametrize("name", ["missing.mp4", "notes.txt", "damaged.avi"])
def test_what_cannot_be_shown_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "damaged.avi").write_bytes(b"damaged")
    with pytest.raises(SourceError, match=name):
        Show.of(str(tmp_path / name), None)
