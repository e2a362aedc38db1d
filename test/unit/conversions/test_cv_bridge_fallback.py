# SPDX-License-Identifier: Apache-2.0
"""Encodings beyond the table go to cv_bridge: a stand-in for it, missing, broken and working."""

import array
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sensor_msgs", reason="sensor_msgs is not installed")

from sensor_msgs.msg import Image

from blazepose_ros.conversions import cv_bridge_fallback
from blazepose_ros.conversions.cv_bridge_fallback import cv_bridge_failure
from blazepose_ros.conversions.image_stream import ImageError
from blazepose_ros.conversions.images import to_rgb
from blazepose_ros.core.image_headers import MAX_PIXELS

PIXELS = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)


def image(encoding: str = "nv61", width: Any = 4, height: Any = 2) -> Image:
    return Image(encoding=encoding, width=width, height=height, step=width, data=array.array("B", bytes(12)))


@pytest.fixture(autouse=True)
def unasked() -> Iterator[None]:
    cv_bridge_fallback._unavailable.cache_clear()
    yield
    cv_bridge_fallback._unavailable.cache_clear()


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that installs a cv_bridge: why it does not work, and what it makes of images."""

    def install(failure: str = "", convert: Any = None) -> tuple[Any, Any]:
        asked, messages = [], []
        monkeypatch.setattr(cv_bridge_fallback, "cv_bridge_failure", lambda: asked.append(1) or failure)

        def imgmsg_to_cv2(msg: Any, encoding: Any) -> Any:
            messages.append((msg, encoding))
            return convert(msg)

        bridge = SimpleNamespace(imgmsg_to_cv2=imgmsg_to_cv2)
        monkeypatch.setitem(sys.modules, "cv_bridge", SimpleNamespace(CvBridge=lambda: bridge))
        return asked, messages

    return install


def raises(err: Any) -> Any:
    def convert(_msg: Any) -> None:
        raise err

    return convert


def test_an_encoding_beyond_the_table_is_converted_by_cv_bridge(stand_in: Any) -> None:
    _, messages = stand_in(convert=lambda _msg: PIXELS)
    msg = image()
    np.testing.assert_array_equal(to_rgb(msg), PIXELS)
    assert messages == [(msg, "rgb8")]


def test_an_encoding_of_the_table_is_not(stand_in: Any) -> None:
    _, messages = stand_in(convert=lambda _msg: PIXELS)
    assert to_rgb(image("mono8")).shape == (2, 4, 3)
    assert messages == []


def test_without_cv_bridge_the_error_names_the_encodings_and_the_package(stand_in: Any) -> None:
    stand_in(failure=None)
    with pytest.raises(
        ImageError, match=r"'nv61' is not supported; these are: mono8, .*, nv24; cv_bridge may"
    ) as err:
        to_rgb(image())
    assert "sudo apt install ros-$ROS_DISTRO-cv-bridge" in str(err.value)


def test_a_cv_bridge_that_does_not_work_is_not_called_missing_and_not_used(stand_in: Any) -> None:
    _, messages = stand_in("compiled using NumPy 1.x", lambda _msg: PIXELS)
    with pytest.raises(
        ImageError, match=r"cv_bridge is installed, but does not work .*: compiled using NumPy 1\.x"
    ) as err:
        to_rgb(image())
    assert "apt install" not in str(err.value)
    assert messages == []


@pytest.mark.parametrize("failure", [None, "", "broken"])
def test_cv_bridge_is_looked_for_once(stand_in: Any, failure: str | None) -> None:
    asked, _ = stand_in(failure, raises(TypeError("no")))
    for _ in range(3):
        with pytest.raises(ImageError):
            to_rgb(image())
    assert asked == [1]


@pytest.mark.parametrize(
    "err",
    [TypeError("[nv61] is not a color format"), KeyError(16), AttributeError("newbyteorder"), MemoryError()],
)
def test_whatever_cv_bridge_raises_is_an_image_error_that_names_it(stand_in: Any, err: Any) -> None:
    stand_in(convert=raises(err))
    with pytest.raises(ImageError, match=rf"'nv61' is not supported; .*; cv_bridge: {type(err).__name__} "):
        to_rgb(image())


def test_what_cv_bridge_says_cannot_write_on_terminals_or_fill_the_log(stand_in: Any) -> None:
    stand_in(convert=raises(TypeError("\x1b[2J" + 5000 * "x")))
    with pytest.raises(ImageError) as err:
        to_rgb(image("\x1b[2J"))
    assert "\x1b" not in str(err.value)
    assert len(str(err.value)) < 1000


def test_an_image_of_another_size_than_the_message_s_is_refused(stand_in: Any) -> None:
    stand_in(convert=lambda _msg: PIXELS[:, :3])
    with pytest.raises(ImageError, match=r"returns \(2, 3, 3\) for 4 x 2 pixels"):
        to_rgb(image())


@pytest.mark.parametrize(
    ("width", "complaint"), [(0, "the image is empty"), (MAX_PIXELS, "more pixels than any")]
)
def test_an_image_of_no_possible_size_is_refused_before_cv_bridge_sees_it(
    stand_in: Any, width: Any, complaint: str
) -> None:
    _, messages = stand_in(convert=lambda _msg: PIXELS)
    with pytest.raises(ImageError, match=complaint):
        to_rgb(image(width=width))
    assert messages == []


NUMPY_1 = "A module that was compiled using NumPy 1.x cannot be run in"
COMPILED_PARTS = {
    "works": ("def cvtColor2(image, source, target): return image", ""),
    "numpy 1": ("raise AttributeError('_ARRAY_API not found')", "AttributeError: _ARRAY_API not found"),
    "numpy 1, crash": (
        f"import os, sys; sys.stderr.write('{NUMPY_1}\\n'); sys.stderr.flush(); os.kill(os.getpid(), 11)",
        "compiled using NumPy 1.x",
    ),
    "crash": ("import os; os.kill(os.getpid(), 11)", "it ends with code -11"),
    "a library is missing": (
        "raise ImportError('libopencv_core.so.4.6')",
        "ImportError: libopencv_core.so.4.6",
    ),
    "hangs": ("import time; time.sleep(60)", "a conversion takes longer than 0.5 s"),
}


@pytest.mark.parametrize(("compiled_part", "failure"), COMPILED_PARTS.values(), ids=COMPILED_PARTS)
def test_a_conversion_is_tried_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled_part: Any, failure: Any
) -> None:
    boost = tmp_path / "cv_bridge" / "boost"
    boost.mkdir(parents=True)
    for folder in (boost.parent, boost):
        (folder / "__init__.py").touch()
    (boost / "cv_bridge_boost.py").write_text(compiled_part)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(str(tmp_path))
    if "longer" in failure:
        monkeypatch.setattr(cv_bridge_fallback, "_PROBE_TIMEOUT_S", 0.5)
    assert cv_bridge_failure() == failure
