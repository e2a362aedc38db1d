# SPDX-License-Identifier: Apache-2.0
"""Messages as no camera should send them: valid ones, changed at random."""

import array
import math
import struct
from typing import Any

import cv2
import numpy as np
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from blazepose_ros.conversions.encodings import LAYOUTS

WIDTH, HEIGHT = 32, 24
PICTURE = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
FILES = {
    "jpeg": cv2.imencode(".jpg", PICTURE)[1].tobytes(),
    "progressive jpeg": cv2.imencode(".jpg", PICTURE, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes(),
    "png": cv2.imencode(".png", PICTURE)[1].tobytes(),
}
DEPTHS = {"16UC1": 2, "32FC1": 4}

UINT32 = (0, 1, 2, 3, 7, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1)
INT32 = (0, 1, -1, 2**31 - 1, -(2**31))
DEPTHS_M = (2.0, 0.0, -1.0, 1e-30, 1e30, math.inf, -math.inf, math.nan)
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-300, 1e308, -1e308, math.inf, -math.inf, math.nan)
TEXTS = ("", "rgb8", "RGB8", "x" * 5000, "é\N{SNOWMAN}", "\n\x1b[31m", "a b", "../../etc", "%s%n", "'")
MODELS = ("plumb_bob", "rational_polynomial", "equidistant", "thin_prism", "")
MAX_CHANGES = 4
MAX_NOISE_BYTES = 64


def valid_image(random: Any) -> Image:
    encoding = random.choice([*LAYOUTS, *DEPTHS])
    pixel = DEPTHS[encoding] if encoding in DEPTHS else LAYOUTS[encoding].bytes_per_pixel
    step = WIDTH * pixel + random.choice((0, 0, 5))
    msg = Image(width=WIDTH, height=HEIGHT, encoding=encoding, step=step)
    msg.is_bigendian = random.randint(0, 1)
    msg.data = array.array("B", bytes(step * HEIGHT))
    return msg


def valid_compressed(random: Any) -> CompressedImage:
    return CompressedImage(format="bgr8; jpeg compressed bgr8", data=FILES[random.choice(list(FILES))])


def valid_calibration(_random: Any) -> CameraInfo:
    msg = CameraInfo(width=WIDTH, height=HEIGHT, distortion_model="plumb_bob", d=[0.1, -0.05, 0.0, 0.0, 0.0])
    msg.k = np.array([30.0, 0, 16, 0, 30, 12, 0, 0, 1])
    msg.r = np.eye(3).ravel()
    msg.p = np.array([30.0, 0, 16, 0, 0, 30, 12, 0, 0, 0, 1, 0])
    return msg


def change_stamp(msg: Any, random: Any) -> None:
    msg.header.stamp.sec = random.choice(INT32)
    msg.header.stamp.nanosec = random.choice(UINT32)


def change_frame_id(msg: Any, random: Any) -> None:
    msg.header.frame_id = random.choice(TEXTS)


def change_number(*names: Any) -> Any:
    def change(msg: Any, random: Any) -> None:
        setattr(msg, random.choice(names), random.choice(UINT32))

    return change


def change_text(name: Any) -> Any:
    def change(msg: Any, random: Any) -> None:
        setattr(msg, name, random.choice((*TEXTS, *LAYOUTS, *MODELS)))

    return change


def change_flag(msg: Any, random: Any) -> None:
    msg.is_bigendian = random.choice((0, 1, 2, 255))


def change_length(msg: Any, random: Any) -> None:
    """Cut the data, or repeat some of it."""
    data = bytes(msg.data)
    at = random.randint(0, len(data))
    msg.data = array.array("B", random.choice((data[:at], data + data[:at], b"")))


def change_data(msg: Any, random: Any) -> None:
    """Overwrite some of the data: of a file, its header too."""
    data = bytearray(msg.data)
    if data:
        at = random.randint(0, len(data) - 1)
        noise = random.choice((b"\0", b"\xff", b"\xff\xda", struct.pack(">I", random.choice(UINT32))))
        data[at : at + len(noise)] = noise
    msg.data = array.array("B", bytes(data))


def change_matrix(msg: Any, random: Any) -> None:
    matrix = getattr(msg, random.choice("krp"))
    matrix[random.randint(0, len(matrix) - 1)] = random.choice(FLOATS)


def change_distortion(msg: Any, random: Any) -> None:
    count = random.choice((0, 1, 4, 5, 8, 12, 14, 1000))
    msg.d = [random.choice(FLOATS) for _ in range(count)]


def change_roi(msg: Any, random: Any) -> None:
    name = random.choice(("x_offset", "y_offset", "width", "height"))
    setattr(msg.roi, name, random.choice(UINT32))


def valid_depth(random: Any) -> Image:
    encoding = random.choice(list(DEPTHS))
    msg = Image(width=WIDTH, height=HEIGHT, encoding=encoding, step=WIDTH * DEPTHS[encoding])
    depths = np.float32(random.choice(DEPTHS_M)) if encoding == "32FC1" else np.uint16(2000)
    msg.data = array.array("B", np.full((HEIGHT, WIDTH), depths).tobytes())
    return msg


HEADER_CHANGES = (change_stamp, change_frame_id)
# kind: a valid message, and what may be done to it
KINDS = {
    "image": (
        valid_image,
        (
            *HEADER_CHANGES, change_number("width", "height", "step"), change_text("encoding"),
            change_flag, change_length, change_data,
        ),
    ),
    "compressed": (valid_compressed, (*HEADER_CHANGES, change_text("format"), change_length, change_data)),
    "depth": (
        valid_depth,
        (
            *HEADER_CHANGES, change_number("width", "height", "step"), change_text("encoding"),
            change_flag, change_length, change_data,
        ),
    ),
    "calibration": (
        valid_calibration,
        (
            *HEADER_CHANGES, change_number("width", "height"), change_number("binning_x", "binning_y"),
            change_text("distortion_model"), change_matrix, change_distortion, change_roi,
        ),
    ),
}  # fmt: skip
KINDS["depth calibration"] = KINDS["calibration"]


def flip_bit(wire: Any, random: Any) -> None:
    if wire:
        wire[random.randint(0, len(wire) - 1)] ^= 1 << random.randint(0, 7)


def cut(wire: Any, random: Any) -> None:
    del wire[random.randint(0, len(wire)) :]


def append(wire: Any, random: Any) -> None:
    wire += random.randbytes(random.randint(1, MAX_NOISE_BYTES))


def drop(wire: Any, random: Any) -> None:
    at = random.randint(0, len(wire))
    del wire[at : at + random.randint(1, MAX_NOISE_BYTES)]


def overwrite_word(wire: Any, random: Any) -> None:
    """Put a number where one may be: lengths are what a reader trusts."""
    at = 4 * random.randint(0, len(wire) // 4)
    wire[at : at + 4] = struct.pack("<I", random.choice(UINT32))


def overwrite_encapsulation(wire: Any, random: Any) -> None:
    wire[:2] = struct.pack(">H", random.choice((0, 1, 2, 3, 6, 7, 65_535)))


def replace_all(wire: Any, random: Any) -> None:
    wire[:] = random.randbytes(random.randint(0, MAX_NOISE_BYTES))


WIRE_CHANGES = (flip_bit, cut, append, drop, overwrite_word, overwrite_encapsulation, replace_all)


def fuzzed(kind: Any, random: Any) -> bytes:
    """Return a serialised message of a kind, changed in its fields, in its bytes, or both.

    Args:
        kind: one of KINDS.
        random: as ``random.Random``; of hypothesis, for a failure to be made small.
    """
    make, changes = KINDS[kind]
    msg = make(random)
    for _ in range(random.randint(0, MAX_CHANGES)):
        random.choice(changes)(msg, random)
    wire = bytearray(serialize_message(msg))
    for _ in range(random.choice((0, 0, 0, 1, 2))):
        random.choice(WIRE_CHANGES)(wire, random)
    return bytes(wire)
