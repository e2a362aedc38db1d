# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.frame_sources.calibration_file import Calibration, CalibrationFileError
from blazepose_ros.core.frame_sources.camera_stream import (
    MOTIONS,
    PERIOD_S,
    CameraStream,
    StreamOptions,
    move,
)
from blazepose_ros.core.frame_sources.files import open_source
from blazepose_ros.core.frame_sources.frame_source import Captured, FrameError, SourceError

SECOND = 1_000_000_000


class FakeSource:
    """Gives prepared frames; an exception among them is raised."""

    rate = 10.0

    def __init__(self, *frames: Any, live: bool = False, age_ns: Any = 0) -> None:
        self.live = live
        self.frames = frames
        self.age_ns = age_ns
        self.index = 0
        self.closed = False

    def read(self) -> Any:
        if self.index == len(self.frames):
            return None
        self.index += 1
        frame = self.frames[self.index - 1]
        if isinstance(frame, Exception):
            raise frame
        return Captured(frame, self.age_ns)

    def rewind(self) -> None:
        self.index = 0

    def close(self) -> None:
        self.closed = True


def gray(value: Any, size: Any = (64, 48)) -> Any:
    return np.full((size[1], size[0], 3), value, np.uint8)


@pytest.fixture
def photograph(tmp_path: Path) -> tuple[str, Any]:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)
    image = cv2.resize(pixels, (160, 120), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "photograph.png"), image)
    return str(tmp_path / "photograph.png"), image


def test_a_source_is_shown_from_its_first_frame_to_its_end() -> None:
    stream = CameraStream(FakeSource(gray(1), gray(2)), StreamOptions(loop=False))
    assert [stream.next(k * SECOND).bgr[0, 0, 0] for k in range(2)] == [1, 2]
    assert stream.next(2 * SECOND) is None


def test_a_loop_has_no_end_and_its_stamps_go_on() -> None:
    stream = CameraStream(FakeSource(gray(1), gray(2)), StreamOptions(rate=4.0, loop=True))
    frames = [stream.next(k * SECOND // 4 + 7) for k in range(5)]
    assert [frame.bgr[0, 0, 0] for frame in frames] == [1, 2, 1, 2, 1]
    assert np.diff([frame.stamp_ns for frame in frames]).tolist() == [SECOND // 4] * 4


@pytest.mark.parametrize(("rate", "shown"), [(0.0, 10.0), (25.0, 25.0)])
def test_a_rate_of_zero_is_the_source_s_own(rate: float, shown: float) -> None:
    assert CameraStream(FakeSource(gray(1)), StreamOptions(rate=rate)).rate == shown


def test_a_live_frame_is_stamped_with_the_moment_of_its_capture() -> None:
    stream = CameraStream(FakeSource(gray(1), live=True, age_ns=30), StreamOptions())
    assert stream.next(SECOND).stamp_ns == SECOND - 30


def test_a_frame_that_fails_is_an_error_and_the_next_is_shown() -> None:
    stream = CameraStream(FakeSource(FrameError("damaged"), gray(2)), StreamOptions())
    with pytest.raises(FrameError, match="damaged"):
        stream.next(SECOND)
    assert stream.next(SECOND).bgr[0, 0, 0] == 2


def test_a_source_of_failing_frames_is_refused() -> None:
    with pytest.raises(SourceError, match="no image of the source can be decoded"):
        CameraStream(FakeSource(FrameError("damaged"), FrameError("damaged")), StreamOptions())


def test_a_source_that_dries_up_in_a_loop_is_an_error_each_time() -> None:
    source = FakeSource(gray(1))
    stream = CameraStream(source, StreamOptions())
    source.frames = ()
    source.rewind()
    for _ in range(2):
        with pytest.raises(FrameError, match="no images any more"):
            stream.next(SECOND)


def test_a_moving_image_is_what_its_stamp_says(photograph: tuple[str, Any]) -> None:
    path, image = photograph
    stream = CameraStream(open_source(path), StreamOptions(rate=30.0, motion=MOTIONS["sway"]))
    for now_ns in (5 * SECOND, 6 * SECOND + 123, 7 * SECOND):
        frame = stream.next(now_ns)
        assert np.array_equal(frame.bgr, move(image, MOTIONS["sway"], frame.stamp_ns))


def test_a_moving_image_that_does_not_loop_lasts_one_period(photograph: tuple[str, Any]) -> None:
    stream = CameraStream(
        open_source(photograph[0]), StreamOptions(rate=5.0, loop=False, motion=MOTIONS["turn"])
    )
    frames = [stream.next(k) for k in range(5 * PERIOD_S + 1)]
    assert frames[-1] is None
    assert None not in frames[:-1]


def test_only_a_still_image_moves() -> None:
    with pytest.raises(SourceError, match="a source that is one image"):
        CameraStream(FakeSource(gray(1)), StreamOptions(motion=MOTIONS["sway"]))


def test_frames_and_calibration_have_the_size_that_was_asked_for() -> None:
    options = StreamOptions(width=128, height=128, assumed_hfov_deg=90.0)
    frame = CameraStream(FakeSource(gray(255)), options).next(0)
    assert frame.size == (128, 128)
    assert frame.bgr[0].max() == 0  # 64 x 48 leaves borders above and below
    assert (frame.calibration.camera.width, frame.calibration.camera.height) == (128, 128)
    assert frame.calibration.camera.focal_px == pytest.approx(64)
    assert frame.calibration.camera.k[:2, 2] == pytest.approx((63.5, 63.5))
    assert frame.calibration.camera.assumed


def test_without_a_calibration_and_a_guess_nothing_is_known() -> None:
    assert CameraStream(FakeSource(gray(1)), StreamOptions()).next(0).calibration is None


def test_each_size_in_a_folder_has_its_own_calibration() -> None:
    source = FakeSource(gray(1), gray(2, size=(32, 24)))
    stream = CameraStream(source, StreamOptions(assumed_hfov_deg=60.0))
    assert [stream.next(k).calibration.camera.width for k in range(2)] == [64, 32]


def test_a_calibration_for_other_proportions_is_refused_at_the_start_and_later_frame_by_frame() -> None:
    options = StreamOptions(calibration=Calibration.monocular(CameraModel.from_hfov(640, 480, 60.0)))
    with pytest.raises(CalibrationFileError, match="other proportions"):
        CameraStream(FakeSource(gray(1, size=(64, 36))), options)
    stream = CameraStream(FakeSource(gray(1), gray(1, size=(64, 36)), gray(3)), options)
    stream.next(0)
    with pytest.raises(CalibrationFileError, match="other proportions"):
        stream.next(1)
    assert stream.next(2).bgr[0, 0, 0] == 3


def test_closing_closes_the_source() -> None:
    source = FakeSource(gray(1))
    CameraStream(source, StreamOptions()).close()
    assert source.closed


class TimedSource(FakeSource):
    """Gives prepared frames at times of their own, in ms."""

    def __init__(self, *times_ms: int) -> None:
        super().__init__(*(gray(number + 1) for number in range(len(times_ms))))
        self.times_ms = times_ms

    def read(self) -> Any:
        captured = super().read()
        return captured and captured._replace(time_ns=self.times_ms[self.index - 1] * 1_000_000)


def play_in_time(stream: CameraStream, count: int) -> list[Any]:
    """Return the frames of a stream that is played as the node does, each as soon as it is due."""
    now_ns, frames = SECOND, []
    for _ in range(count):
        frames.append(stream.next(now_ns))
        wait_ns = stream.wait_ns(now_ns)
        assert wait_ns is not None
        now_ns += wait_ns
    return frames


def test_frames_are_due_at_their_own_times_and_after_the_last_the_first_follows_at_the_rate() -> None:
    stream = CameraStream(TimedSource(0, 33, 133), StreamOptions())
    frames = play_in_time(stream, 6)
    assert [frame.bgr[0, 0, 0] for frame in frames] == [1, 2, 3, 1, 2, 3]
    assert np.diff([frame.stamp_ns for frame in frames]).tolist() == [
        each * 1_000_000 for each in (33, 100, 100, 33, 100)
    ]


def test_the_end_comes_when_the_last_frame_was_shown_for_a_period() -> None:
    stream = CameraStream(TimedSource(0, 33), StreamOptions(loop=False))
    play_in_time(stream, 2)
    assert stream.wait_ns(SECOND) == 100_000_000
    assert stream.next(2 * SECOND) is None


def test_a_rate_that_is_asked_for_takes_the_place_of_the_frames_own_times() -> None:
    stream = CameraStream(TimedSource(0, 33, 133), StreamOptions(rate=10.0))
    frames = [stream.next(SECOND + number * SECOND // 10) for number in range(4)]
    assert stream.wait_ns(SECOND) is None
    assert np.diff([frame.stamp_ns for frame in frames]).tolist() == [SECOND // 10] * 3


def test_sources_without_times_are_not_waited_for() -> None:
    stream = CameraStream(FakeSource(gray(1)), StreamOptions())
    stream.next(SECOND)
    assert stream.wait_ns(SECOND) is None
