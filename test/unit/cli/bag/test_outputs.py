# SPDX-License-Identifier: Apache-2.0
"""The video of a camera is as wide and as high as its images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rclpy.serialization import serialize_message

from blazepose_ros.cli.bag import outputs
from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.images import compressed_message


class FakeVideo:
    """Keeps what is written."""

    def __init__(self, path: Any, size: Any, rate: Any) -> None:
        self.path, self.size, self.rate = path, size, rate
        self.images, self.closed = [], False

    def add(self, rgb: Any, stamp_ns: Any) -> None:
        self.images.append((rgb, stamp_ns))

    def close(self) -> None:
        self.closed = True


def drawn(width: Any, height: Any, stamp_ns: Any) -> bytes:
    """Return a drawn image that is red."""
    bgr = np.zeros((height, width, 3), np.uint8)
    bgr[..., 2] = 200
    return bytes(serialize_message(compressed_message(bgr, header_message(stamp_ns, "camera"))))


def filmed(monkeypatch: pytest.MonkeyPatch, images: Any) -> Any:
    videos = []
    monkeypatch.setattr(outputs, "VideoWriter", lambda *how: videos.append(FakeVideo(*how)) or videos[-1])
    outputs.film(images, Path("out.webm"))
    return videos


@pytest.mark.parametrize(("width", "height"), [(64, 32), (32, 64)])
def test_a_video_has_the_width_and_the_height_of_the_images(
    monkeypatch: pytest.MonkeyPatch, width: int, height: int
) -> None:
    (video,) = filmed(monkeypatch, [drawn(width, height, 7), drawn(width, height, 9)])
    assert (video.path, video.size, video.rate) == (Path("out.webm"), (width, height), 30.0)
    assert [stamp_ns for _, stamp_ns in video.images] == [7, 9]
    assert video.images[0][0].shape == (height, width, 3)
    assert video.images[0][0][..., 0].mean() > 150  # red comes first
    assert video.closed


def test_without_drawn_images_there_is_no_video(monkeypatch: pytest.MonkeyPatch) -> None:
    assert filmed(monkeypatch, []) == []
