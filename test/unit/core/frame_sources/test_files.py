# SPDX-License-Identifier: Apache-2.0
import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from blazepose_ros.core.frame_sources.files import STILL_RATE, ImageFolder, StillImage, VideoFile, open_source
from blazepose_ros.core.frame_sources.frame_source import FrameError, SourceError

RED = (0, 0, 255)


def write_image(path: Any, value: Any) -> None:
    cv2.imwrite(str(path), np.full((24, 32, 3), value, np.uint8))


def write_video(path: Any, values: Any, rate: float = 7.0) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (32, 24))
    for value in values:
        writer.write(np.full((24, 32, 3), value, np.uint8))
    writer.release()


def play(source: Any) -> Any:
    """Return the mean colors of all frames, to the end."""
    frames = itertools.takewhile(lambda frame: frame is not None, (source.read() for _ in itertools.count()))
    return [frame.bgr.mean(axis=(0, 1)).round().astype(int).tolist() for frame in frames]


def grays(source: Any) -> Any:
    return [round(sum(color) / 30) for color in play(source)]


def test_a_video_is_played_frame_by_frame_at_its_own_rate_and_again_from_the_start(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.avi", [10, 80, 150, 220])
    source = open_source(str(tmp_path / "clip.avi"))
    assert isinstance(source, VideoFile)
    assert not source.live
    assert source.rate == pytest.approx(7.0)
    assert grays(source) == [1, 8, 15, 22]
    assert source.read() is None
    source.rewind()
    assert grays(source) == [1, 8, 15, 22]


def test_a_closed_video_has_ended_and_may_be_closed_again(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.avi", [10, 80])
    source = open_source(str(tmp_path / "clip.avi"))
    source.close()
    source.close()
    assert source.read() is None


def test_an_image_is_given_once_or_as_often_as_wanted(tmp_path: Path) -> None:
    write_image(tmp_path / "photo.PNG", RED)
    source = open_source(str(tmp_path / "photo.PNG"))
    assert isinstance(source, StillImage)
    assert source.rate == STILL_RATE
    assert play(source) == [[*RED]]
    source.repeats = 3
    source.rewind()
    assert play(source) == [[*RED]] * 3


def test_an_image_is_eight_bit_color_whatever_the_file_holds(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "depth.png"), np.full((24, 32), 51400, np.uint16))
    frame = open_source(str(tmp_path / "depth.png")).read()
    assert frame.bgr.shape == (24, 32, 3)
    assert frame.bgr.dtype == np.uint8
    assert frame.age_ns == 0


def test_a_folder_is_played_in_the_order_that_people_count(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        write_image(tmp_path / f"frame{number}.png", number * 10)
    (tmp_path / "notes.txt").write_text("not an image")
    source = open_source(str(tmp_path))
    assert isinstance(source, ImageFolder)
    assert grays(source) == [1, 9, 10]
    source.rewind()
    assert grays(source) == [1, 9, 10]


def test_names_that_start_with_digits_and_letters_sort_together(tmp_path: Path) -> None:
    for name, value in (("a.png", 20), ("7.png", 10)):
        write_image(tmp_path / name, value)
    assert sorted(grays(open_source(str(tmp_path)))) == [1, 2]


def test_a_damaged_image_in_a_folder_is_one_error_and_the_next_is_given(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png", 10)
    (tmp_path / "2.png").write_bytes(b"damaged")
    write_image(tmp_path / "3.png", 30)
    source = open_source(str(tmp_path))
    source.read()
    with pytest.raises(FrameError, match=r"2\.png cannot be decoded"):
        source.read()
    assert grays(source) == [3]


def test_an_image_that_vanished_from_a_folder_is_one_error(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png", 10)
    source = open_source(str(tmp_path))
    (tmp_path / "1.png").unlink()
    with pytest.raises(FrameError, match=r"1\.png cannot be decoded"):
        source.read()


@pytest.mark.parametrize("name", ["damaged.png", "damaged.mp4"])
@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=f"{name} cannot be decoded"):
        open_source(str(tmp_path / name))


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("", "is empty"),
        ("missing.mp4", "missing.mp4 does not exist"),
        ("notes.txt", "notes.txt is of no known"),
    ],
)
def test_what_is_no_source_is_refused_with_what_would_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, error: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("words\n" * 100)
    with pytest.raises(SourceError, match=rf"{error}.*\.mp4 .*\.png .*a folder of images, or a webcam"):
        open_source(source)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no image"):
        open_source(str(tmp_path))


@pytest.mark.parametrize("source", ["9999", "/dev/video9999"])
def test_a_webcam_that_is_not_there_is_refused_and_those_that_are_there_are_listed(source: str) -> None:
    with pytest.raises(SourceError, match="webcam 9999 does not open; devices that there are: "):
        open_source(source)
