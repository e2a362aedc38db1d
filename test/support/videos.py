# SPDX-License-Identifier: Apache-2.0
"""Videos as browsers and phones make them: frames at times of their own, turned when they are shown."""

import struct
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np


def write_timed_video(
    path: Path, images: Iterable[np.ndarray], times_ms: Iterable[int], duration_ms: float = 0.0
) -> Path:
    """Write a Matroska file of JPEGs, blue first, that says 1000 frames a second, as browsers do.

    Browsers leave out how long it is, as a duration of 0 does here.
    """
    blocks = (
        _element("A3", b"\x81" + struct.pack(">hB", time_ms, 0x80) + cv2.imencode(".jpg", bgr)[1].tobytes())
        for bgr, time_ms in zip(images, times_ms, strict=True)
    )
    content = list(blocks)
    first = cv2.imdecode(np.frombuffer(content[0][13:], np.uint8), cv2.IMREAD_COLOR)
    size = _number("B0", first.shape[1]) + _number("BA", first.shape[0])
    track = b"".join(_number(identifier, 1) for identifier in ("D7", "73C5", "83")) + _element(
        "86", b"V_MJPEG"
    )
    claim = _number("23E383", 1_000_000)  # from frame to frame, in ns
    length = _element("4489", struct.pack(">d", duration_ms)) if duration_ms else b""
    path.write_bytes(
        _element("1A45DFA3", _element("4282", b"matroska"))
        + _element(
            "18538067",
            _element("1549A966", _number("2AD7B1", 1_000_000) + length)  # times in ms
            + _element("1654AE6B", _element("AE", track + claim + _element("E0", size)))
            + _element("1F43B675", _number("E7", 0) + b"".join(content)),
        )
    )
    return path


def _element(identifier: str, payload: bytes) -> bytes:
    """Return an element of EBML, the format beneath Matroska; its length takes eight bytes."""
    return bytes.fromhex(identifier) + (len(payload) | 1 << 56).to_bytes(8, "big") + payload


def _number(identifier: str, value: int) -> bytes:
    return _element(identifier, value.to_bytes(8, "big"))


# What a phone writes where it was held upright: the frame is turned clockwise when it is shown.
_UPRIGHT = struct.pack(">9i", *(0, 1 << 16, 0), *(-(1 << 16), 0, 0), *(0, 0, 1 << 30))
_PLAIN = struct.pack(">9i", *(1 << 16, 0, 0), *(0, 1 << 16, 0), *(0, 0, 1 << 30))


def write_upright_video(path: Path, images: Iterable[np.ndarray], rate: float) -> Path:
    """Write an MP4 of images, blue first, that lie on their left side, to be turned when they are shown."""
    writer = None
    for bgr in images:
        if writer is None:
            writer = cv2.VideoWriter(
                str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, (bgr.shape[1], bgr.shape[0])
            )
        writer.write(bgr)
    assert writer is not None
    writer.release()
    content = path.read_bytes()
    track = content.index(b"tkhd")
    matrix = content.index(_PLAIN, track)
    path.write_bytes(content[:matrix] + _UPRIGHT + content[matrix + len(_UPRIGHT) :])
    return path
