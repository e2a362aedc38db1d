# SPDX-License-Identifier: Apache-2.0
"""The videos that the commands write, in the browser that people open them with."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.chromium import TIMEOUT_MS, chromium_browser

from blazepose_ros.core.visualization.video_writer import VIDEO_SUFFIX, VideoWriter

pytestmark = pytest.mark.alone

SIZE = WIDTH, HEIGHT = 320, 240
RATE_HZ, SECONDS = 10, 2
LEFT, RIGHT = (200, 40, 40), (40, 40, 200)

PLAYED = """async () => {
    const video = document.querySelector("video");
    video.muted = true;
    const ended = new Promise(done => {
        video.onended = () => done(true);
        video.onerror = () => done(false);
    });
    await video.play();
    const played = await ended;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    const pixel = x => [...context.getImageData(x, video.videoHeight / 2, 1, 1).data].slice(0, 3);
    const size = [video.videoWidth, video.videoHeight];
    return [played, size, video.duration, pixel(size[0] / 4), pixel(size[0] * 3 / 4)];
}"""


@pytest.fixture
def page() -> Any:
    with chromium_browser() as browser:
        page = browser.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        yield page


def test_a_video_plays_to_its_end_in_its_size_time_and_colors(page: Any, tmp_path: Path) -> None:
    rgb = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:, : WIDTH // 2], rgb[:, WIDTH // 2 :] = LEFT, RIGHT
    path = tmp_path / f"clip{VIDEO_SUFFIX}"
    video = VideoWriter(path, SIZE, RATE_HZ)
    for number in range(RATE_HZ * SECONDS):
        video.add(rgb, number * 10**9 // RATE_HZ)
    video.close()
    # A page of the same folder may read the pixels of its video.
    page.route(
        "**/*",
        lambda route: (
            route.fulfill(path=path)
            if "clip" in route.request.url
            else route.fulfill(body=f"<video src={path.name}></video>", content_type="text/html")
        ),
    )
    page.goto("http://localhost/")
    played, size, duration_s, left, right = page.evaluate(PLAYED)
    assert played
    assert tuple(size) == SIZE
    assert duration_s == pytest.approx(SECONDS, abs=1.5 / RATE_HZ)
    np.testing.assert_allclose([left, right], [LEFT, RIGHT], atol=15)


def test_opening_a_video_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """OpenCV calls VP8 not supported, and writes it."""
    VideoWriter(tmp_path / f"clip{VIDEO_SUFFIX}", SIZE, RATE_HZ).close()
    assert capfd.readouterr() == ("", "")
