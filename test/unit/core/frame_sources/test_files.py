# SPDX-License-Identifier: Apache-2.0
import itertools
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.videos import write_timed_video, write_upright_video

from blazepose_ros.core.frame_sources import files
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
    with pytest.raises(FrameError, match=r"1\.png cannot be read: No such file"):
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


# As a browser's MediaRecorder takes them, and a phone whose rate falls in the dark.
BROWSER_MS = [0, 33, 67, 99, 135, 166, 199, 233]
PHONE_MS = [0, 33, 66, 99, 182, 265, 348, 431]
GRAYS = range(0, 240, 30)


def gray_images(size: tuple[int, int] = (32, 24)) -> list[Any]:
    return [np.full((size[1], size[0], 3), value, np.uint8) for value in GRAYS]


@pytest.mark.parametrize("times_ms", [BROWSER_MS, PHONE_MS])
def test_each_frame_of_a_video_has_its_own_time(tmp_path: Path, times_ms: Any) -> None:
    source = VideoFile(write_timed_video(tmp_path / "clip.mkv", gray_images(), times_ms))
    for _ in range(2):
        frames = list(iter(source.read, None))
        assert [frame.time_ns for frame in frames] == [each * 1_000_000 for each in times_ms]
        source.rewind()


def test_a_video_that_names_its_clock_as_its_rate_has_the_rate_of_most_of_its_frames(tmp_path: Path) -> None:
    path = write_timed_video(tmp_path / "clip.mkv", gray_images(), BROWSER_MS)
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) >= 1000
    source = VideoFile(path)
    assert source.rate == pytest.approx(30.0, rel=0.05)
    assert play(source) == [[value] * 3 for value in GRAYS]


def test_times_are_counted_from_the_first_frame(tmp_path: Path) -> None:
    source = VideoFile(
        write_timed_video(tmp_path / "clip.mkv", gray_images(), [500 + ms for ms in BROWSER_MS])
    )
    assert [frame.time_ns for frame in iter(source.read, None)] == [ms * 1_000_000 for ms in BROWSER_MS]


class WithoutTimes:
    """A cv2.VideoCapture of a backend that knows no times of frames."""

    def __init__(self) -> None:
        self.frames = 0

    def open(self, _path: str) -> None:
        self.frames = 3

    def isOpened(self) -> bool:  # noqa: N802 (OpenCV's)
        return True

    def get(self, what: int) -> float:
        return {cv2.CAP_PROP_FPS: 20.0, cv2.CAP_PROP_FRAME_COUNT: 3.0}.get(what, 0.0)

    def read(self) -> Any:
        self.frames -= 1
        return self.frames >= 0, np.zeros((4, 4, 3), np.uint8)


def test_frames_without_times_come_at_the_video_s_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clip.mp4").touch()
    monkeypatch.setattr(cv2, "VideoCapture", WithoutTimes)
    source = VideoFile(tmp_path / "clip.mp4")
    assert [frame.time_ns for frame in iter(source.read, None)] == [0, 50_000_000, 100_000_000]
    assert source.count == 3


def test_a_video_of_a_phone_that_was_held_upright_stands_upright(tmp_path: Path) -> None:
    lying = np.zeros((48, 64, 3), np.uint8)
    lying[:, :32] = 255  # what is on the left is above once the frame is turned clockwise
    source = VideoFile(write_upright_video(tmp_path / "clip.mp4", [lying] * 5, 10.0))
    captured = source.read()
    assert captured is not None
    assert captured.bgr.shape == (64, 48, 3)
    assert captured.bgr[:24].mean() > 200
    assert captured.bgr[40:].mean() < 50


@pytest.mark.parametrize("name", ["12:30:00.mp4", "walk #2.avi", "100%d.mp4", "who?.mkv", "file:walk.mp4"])
def test_a_video_may_be_called_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_timed_video(Path("clip.mkv"), gray_images(), BROWSER_MS).rename(name)
    assert play(open_source(name)) == [[value] * 3 for value in GRAYS]


def test_an_image_may_be_called_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("12:30.png", "100%d #1?.png"):
        write_image(Path(name), RED)
        assert play(open_source(name)) == [[*RED]]


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_jpeg_that_is_cut_short_is_refused(tmp_path: Path, progressive: int, share: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    whole = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
    (tmp_path / "photo.jpg").write_bytes(whole)
    assert len(play(open_source(str(tmp_path / "photo.jpg")))) == 1
    (tmp_path / "photo.jpg").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(SourceError, match=r"photo\.jpg is cut short"):
        open_source(str(tmp_path / "photo.jpg"))


def test_junk_behind_a_jpeg_does_no_harm(tmp_path: Path) -> None:
    whole = cv2.imencode(".jpg", np.full((24, 32, 3), 128, np.uint8))[1].tobytes()
    (tmp_path / "photo.jpg").write_bytes(whole + b"\xff\xda" + bytes(1000))
    assert play(open_source(str(tmp_path / "photo.jpg"))) == [[128] * 3]


@pytest.mark.parametrize("name", ["clip.mp4", "photo.png", "anything"])
def test_a_fifo_is_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(SourceError, match=f"{name} is not a regular file"):
        open_source(str(tmp_path / name))


def test_a_fifo_in_a_folder_is_one_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1.png")
    with pytest.raises(FrameError, match=r"1\.png is not a regular file"):
        open_source(str(tmp_path)).read()


def test_a_device_that_is_no_camera_is_named(tmp_path: Path) -> None:
    (tmp_path / "usb-Webcam-video-index0").symlink_to("/dev/null")
    with pytest.raises(SourceError, match="usb-Webcam-video-index0 is /dev/null, which is no camera"):
        open_source(str(tmp_path / "usb-Webcam-video-index0"))


@pytest.mark.parametrize("link", ["by-id/usb-Webcam-video-index0", "by-path/pci-usb-0:1.4:1.0-video-index0"])
def test_a_webcam_may_be_named_by_a_link_to_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    """As udev makes them; only root may make a device, so that here a file stands for it."""
    device, path = Path("/dev/video7"), tmp_path / link
    path.parent.mkdir()
    path.symlink_to(device)
    monkeypatch.setattr(Path, "is_char_device", lambda self: self == path)
    opened = []
    monkeypatch.setattr(files, "Webcam", lambda index, *_: opened.append(index))
    open_source(str(path))
    assert opened == [7]
