# SPDX-License-Identifier: Apache-2.0
"""The demo's video and pictures."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.bodies import CAMERA, seen_by

from blazepose_ros.cli.demo.recorder import PICTURES, DemoFrame, Recorder
from blazepose_ros.core.visualization import person_plots
from blazepose_ros.core.visualization.video_writer import RecordingError, VideoWriter

RED, GREEN, BLUE = (220, 30, 30), (30, 220, 30), (30, 30, 220)
SECOND_NS = 1_000_000_000


def image(color: Any, width: Any = 64, height: Any = 48) -> Any:
    return np.full((height, width, 3), color, np.uint8)


def read_back(path: Any) -> tuple[Any, Any]:
    """Return a video's rate and its frames' mean colors, red first."""
    capture = cv2.VideoCapture(str(path))
    colors = []
    while (frame := capture.read())[0]:
        colors.append(frame[1].mean(axis=(0, 1))[::-1])
    return capture.get(cv2.CAP_PROP_FPS), np.array(colors).reshape(-1, 3)


def film(path: Any, *shown: Any, rate: float = 10.0) -> Any:
    """Write images, given as color or image and time in seconds, and read the video back."""
    video = VideoWriter(path, (64, 48), rate)
    for content, time_s in shown:
        rgb = content if isinstance(content, np.ndarray) else image(content)
        video.add(rgb, round(time_s * SECOND_NS))
    video.close()
    return read_back(path)


def test_images_in_step_with_the_rate_are_a_frame_each(tmp_path: Path) -> None:
    rate, colors = film(tmp_path / "v.webm", (RED, 5.0), (GREEN, 5.1), (BLUE, 5.2))
    assert rate == 10
    np.testing.assert_allclose(colors, [RED, GREEN, BLUE], atol=12)


def test_an_image_is_held_until_the_next(tmp_path: Path) -> None:
    _, colors = film(tmp_path / "v.webm", (RED, 0.0), (GREEN, 0.3), (BLUE, 0.4))
    np.testing.assert_allclose(colors, [RED, RED, RED, GREEN, BLUE], atol=12)


def test_images_faster_than_the_rate_do_not_slow_the_video(tmp_path: Path) -> None:
    _, colors = film(tmp_path / "v.webm", *((RED, number / 40) for number in range(41)))
    assert len(colors) == 11


@pytest.mark.parametrize("jump_s", [-100.0, 1e6])
def test_a_clock_that_jumps_neither_stops_nor_swells_the_video(tmp_path: Path, jump_s: float) -> None:
    shown = ((RED, 200.0), (GREEN, 200.1 + jump_s), (BLUE, 200.2 + jump_s))
    _, colors = film(tmp_path / "v.webm", *shown)
    assert 2 <= len(colors) <= 12
    np.testing.assert_allclose(colors[-1], BLUE, atol=12)


@pytest.mark.parametrize(("width", "height"), [(64, 48), (33, 99), (1, 1), (200, 20)])
def test_images_of_every_size_fit_into_a_video(tmp_path: Path, width: int, height: int) -> None:
    video = VideoWriter(tmp_path / "v.webm", (width, height), 10.0)
    video.add(image(RED, width, height), 0)
    video.add(image(GREEN), SECOND_NS // 10)
    video.close()
    assert len(read_back(tmp_path / "v.webm")[1]) == 2


def test_a_video_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nowhere.*cannot be written"):
        VideoWriter(tmp_path / "nowhere" / "v.webm", (64, 48), 10.0)


def shot(visibility: Any, color: Any) -> DemoFrame:
    visible = np.full(33, visibility, np.float32)
    pose = seen_by(CAMERA, (0, 0, 3), visibility=visible)
    return DemoFrame(pose, image(BLUE, 640, 480), image(color, 640, 480))


def test_the_pictures_show_the_person_at_their_clearest(tmp_path: Path) -> None:
    with Recorder(tmp_path, 10.0) as recorder:
        for visibility, color in ((0.4, RED), (0.9, GREEN), (0.6, RED)):
            recorder.offer(shot(visibility, color))
    recorder.save_pictures()
    assert cv2.imread(str(tmp_path / "annotated.png"))[0, 0, ::-1].tolist() == list(GREEN)
    assert cv2.imread(str(tmp_path / "skeleton.png")).std() > 0
    assert recorder.written() == [tmp_path / "annotated.png", tmp_path / "skeleton.png"]


def test_without_a_person_there_are_no_pictures_and_older_ones_are_gone(tmp_path: Path) -> None:
    for name in PICTURES:
        (tmp_path / name).write_bytes(b"old")
    with Recorder(tmp_path, 10.0) as recorder:
        pass
    recorder.save_pictures()
    assert recorder.written() == []


def test_the_video_is_finished_even_where_an_error_ends_the_block(tmp_path: Path) -> None:
    def interrupted() -> None:
        with Recorder(tmp_path, 10.0) as recorder:
            recorder.film(image(RED), 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    np.testing.assert_allclose(read_back(tmp_path / "annotated.webm")[1], [RED], atol=12)


def test_a_picture_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    recorder = Recorder(folder, 10.0)
    recorder.offer(shot(0.9, RED))
    folder.rmdir()
    with pytest.raises(RecordingError, match=r"annotated.png cannot be written"):
        recorder.save_pictures()


def test_where_people_are_hidden_no_picture_is_made_of_the_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plotted = []
    monkeypatch.setattr(person_plots, "save_skeleton_plot", lambda _path, rgb, _pose: plotted.append(rgb))
    with Recorder(tmp_path, 10.0, anonymized=True) as recorder:
        recorder.offer(shot(0.9, GREEN))
    recorder.save_pictures()
    (rgb,) = plotted
    assert rgb[0, 0].tolist() == list(GREEN)
