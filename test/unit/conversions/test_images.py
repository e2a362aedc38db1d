# SPDX-License-Identifier: Apache-2.0
"""Image messages of every encoding as RGB, against pixels written by hand."""

import array
import struct
import subprocess
import sys
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sensors import mosaic, yuv422

pytest.importorskip("sensor_msgs", reason="sensor_msgs is not installed")

from sensor_msgs.msg import CompressedImage, Image

from blazepose_ros.conversions.compressed_images import decode
from blazepose_ros.conversions.encodings import LAYOUTS, PLANAR_LAYOUTS
from blazepose_ros.conversions.image_stream import ImageError, ImageStream
from blazepose_ros.conversions.images import to_rgb
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.image_headers import MAX_PIXELS

HEIGHT, WIDTH = 6, 8
ROSE = (200, 40, 120)  # no two channels alike, so that no order can be mistaken for another
RGB = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
FLAT = np.full((HEIGHT, WIDTH, 3), ROSE, np.uint8)
ALPHA = np.full((HEIGHT, WIDTH, 1), 77, np.uint8)
GRAY = RGB[:, :, :1]
GRAY_AS_RGB = np.repeat(GRAY, 3, axis=2)

PLAIN = {
    "rgb8": (RGB, RGB),
    "bgr8": (RGB[:, :, ::-1], RGB),
    "rgba8": (np.dstack([RGB, ALPHA]), RGB),
    "bgra8": (np.dstack([RGB[:, :, ::-1], ALPHA]), RGB),
    "mono8": (GRAY, GRAY_AS_RGB),
    "8UC1": (GRAY, GRAY_AS_RGB),
    "8UC3": (RGB[:, :, ::-1], RGB),
    "8UC4": (np.dstack([RGB[:, :, ::-1], ALPHA]), RGB),
}


def message(samples: Any, encoding: Any, padding: Any = 0, is_bigendian: bool = False) -> Any:
    """Return samples, (height, width, channels), as a message with padded rows."""
    height, width = samples.shape[:2]
    rows = np.ascontiguousarray(samples).reshape(height, -1).view(np.uint8)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=170)
    return raw_message(width, height, padded.shape[1], encoding, padded.tobytes(), is_bigendian)


def raw_message(
    width: Any, height: Any, step: Any, encoding: Any, data: Any, is_bigendian: bool = False
) -> Image:
    return Image(
        width=width, height=height, step=step, encoding=encoding,
        is_bigendian=int(is_bigendian), data=array.array("B", data),
    )  # fmt: skip


def assert_is_rgb(pixels: Any, expected: Any, atol: Any = 0) -> None:
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.shape == expected.shape
    np.testing.assert_allclose(pixels.astype(int), expected, atol=atol)


@pytest.mark.parametrize("padding", [0, 1, 13])
@pytest.mark.parametrize("encoding", PLAIN)
def test_pixels_of_eight_bits_come_through_exactly(encoding: str, padding: int) -> None:
    samples, expected = PLAIN[encoding]
    assert_is_rgb(to_rgb(message(samples, encoding, padding)), expected)


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("is_bigendian", [False, True])
@pytest.mark.parametrize("encoding", ["rgb16", "bgr16", "rgba16", "bgra16", "mono16"])
def test_of_sixteen_bits_the_upper_eight_remain(encoding: str, is_bigendian: bool, padding: int) -> None:
    samples, expected = PLAIN[encoding.replace("16", "8")]
    noise = np.random.default_rng(1).integers(0, 256, samples.shape)
    words = (samples.astype(np.uint16) << 8 | noise).astype(">u2" if is_bigendian else "<u2")
    assert_is_rgb(to_rgb(message(words, encoding, padding, is_bigendian)), expected)


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_colored_wall_seen_through_a_bayer_filter_keeps_its_color(pattern: str, padding: int) -> None:
    pixels = to_rgb(message(mosaic(FLAT, pattern), f"bayer_{pattern}8", padding))
    assert_is_rgb(pixels, FLAT)


@pytest.mark.parametrize("is_bigendian", [False, True])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_bayer_filter_of_sixteen_bits_gives_the_same_color(pattern: str, is_bigendian: bool) -> None:
    words = (mosaic(FLAT, pattern).astype(np.uint16) << 8).astype(">u2" if is_bigendian else "<u2")
    assert_is_rgb(to_rgb(message(words, f"bayer_{pattern}16", 0, is_bigendian)), FLAT)


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize(
    ("encoding", "order"),
    [("yuv422", "uyvY"), ("uyvy", "uyvY"), ("yuv422_yuy2", "yuYv"), ("yuyv", "yuYv")],
)
def test_yuv_gives_the_colors_it_was_made_from(encoding: str, order: str, padding: int) -> None:
    blocks = np.repeat(RGB[:, ::2], 2, axis=1)  # two pixels share their color
    pixels = to_rgb(message(yuv422(blocks, order), encoding, padding))
    assert_is_rgb(pixels, blocks, atol=3)


BLOCKS = np.repeat(np.repeat(RGB[::2, ::2], 2, axis=0), 2, axis=1)  # two by two pixels share their color


def planes(rgb: Any, encoding: str, padding: int) -> bytes:
    """Return the pixels of an image in luma and color, as OpenCV's YUV 4:2:0 of the same pixels has them."""
    height, width = rgb.shape[:2]
    flat = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).reshape(-1)
    luma, u, v = np.split(flat, [height * width, height * width * 5 // 4])
    u, v = (plane.reshape(height // 2, width // 2) for plane in (u, v))

    def padded(plane: Any, surplus: int) -> bytes:
        return np.pad(plane, ((0, 0), (0, surplus)), constant_values=170).tobytes()

    rows = {
        "nv12": [np.stack([u, v], -1).reshape(height // 2, width)],
        "nv21": [np.stack([v, u], -1).reshape(height // 2, width)],
        "nv24": [np.stack([u, v], -1).repeat(2, 0).repeat(2, 1).reshape(height, 2 * width)],
        "i420": [u, v],
        "yv12": [v, u],
    }[encoding]
    surplus = {"nv24": 2 * padding, "i420": padding // 2, "yv12": padding // 2}.get(encoding, padding)
    return padded(luma.reshape(height, width), padding) + b"".join(padded(row, surplus) for row in rows)


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("encoding", PLANAR_LAYOUTS)
def test_planes_of_luma_and_color_give_the_colors_they_were_made_from(encoding: str, padding: int) -> None:
    data = planes(BLOCKS, encoding, padding)
    assert_is_rgb(to_rgb(raw_message(WIDTH, HEIGHT, WIDTH + padding, encoding, data)), BLOCKS, atol=4)


@pytest.mark.parametrize("step", [0, WIDTH * 3 // 2, 2 * WIDTH])
@pytest.mark.parametrize("encoding", PLANAR_LAYOUTS)
def test_planes_without_padding_are_read_whatever_the_step(encoding: str, step: int) -> None:
    data = planes(BLOCKS, encoding, 0)
    assert_is_rgb(to_rgb(raw_message(WIDTH, HEIGHT, step, encoding, data)), BLOCKS, atol=4)


@pytest.mark.parametrize("encoding", PLANAR_LAYOUTS)
def test_planes_that_end_too_early_or_share_colors_unevenly_are_refused(encoding: str) -> None:
    data = planes(BLOCKS, encoding, 0)
    for msg, complaint in (
        (raw_message(WIDTH, HEIGHT, WIDTH, encoding, data[:-1]), "data has .* takes"),
        (raw_message(WIDTH, HEIGHT, WIDTH, encoding, data[:5]), "data has 5 bytes"),
        (raw_message(WIDTH, HEIGHT, WIDTH - 1, encoding, data + b"0"), "step is 7 bytes"),
        (raw_message(WIDTH - 1, HEIGHT, WIDTH, encoding, data), f"{encoding} cannot be 7 x 6"),
        (raw_message(WIDTH, HEIGHT - 1, WIDTH, encoding, data), f"{encoding} cannot be 8 x 5"),
        (raw_message(0, 0, 0, encoding, data), "the image is empty"),
    ):
        with pytest.raises(ImageError, match=complaint):
            to_rgb(msg)


SCENE_16 = np.random.default_rng(2).integers(0, 256, (48, 64, 1)).astype(np.uint16)


@pytest.mark.parametrize("is_bigendian", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("encoding", ["mono16", "rgb16", "bayer_rggb16"])
def test_the_bits_that_a_camera_uses_are_found_from_its_images(
    encoding: str, bits: int, is_bigendian: bool
) -> None:
    channels = 3 if encoding == "rgb16" else 1
    words = np.repeat(SCENE_16 << (bits - 8), channels, axis=2)
    pixels = to_rgb(message(words.astype(">u2" if is_bigendian else "<u2"), encoding, 2, is_bigendian))
    eight = np.repeat(SCENE_16.astype(np.uint8), channels, axis=2)
    assert_is_rgb(pixels, to_rgb(message(eight, encoding.replace("16", "8"))))


@pytest.mark.parametrize(("offset", "gain"), [(7000, 20), (29_000, 4), (60_000, 20)])
def test_the_counts_of_a_thermal_camera_are_stretched(offset: int, gain: int) -> None:
    pixels = to_rgb(message(SCENE_16 * gain + offset, "mono16"))
    assert_is_rgb(pixels, np.repeat(SCENE_16, 3, axis=2), atol=2)


def test_the_bits_stay_when_an_image_is_dark() -> None:
    stream = ImageStream()
    to_rgb(message(SCENE_16 << 4, "mono16"), stream)
    dark = to_rgb(message(SCENE_16, "mono16"), stream)
    assert_is_rgb(dark, np.repeat(SCENE_16 >> 4, 3, axis=2))
    another_camera = message(SCENE_16, "mono16")
    another_camera.header.frame_id = "another"
    assert_is_rgb(to_rgb(another_camera, stream), np.repeat(SCENE_16, 3, axis=2))


def test_every_encoding_is_tested_here() -> None:
    sixteen = {name.replace("8", "16") for name in PLAIN if not name.startswith("8")}
    bayer = {f"bayer_{pattern}{bits}" for pattern in ("rggb", "bggr", "gbrg", "grbg") for bits in (8, 16)}
    assert set(LAYOUTS) == {*PLAIN, *sixteen, *bayer, "yuv422", "uyvy", "yuv422_yuy2", "yuyv"}


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "mono8"])
def test_the_last_row_may_come_without_its_padding(encoding: str) -> None:
    samples, expected = PLAIN[encoding]
    padded = message(samples, encoding, padding=5)
    padded.data = padded.data[:-5]
    assert_is_rgb(to_rgb(padded), expected)


def test_data_beyond_the_last_row_are_ignored() -> None:
    longer = message(RGB, "rgb8")
    longer.data.extend([1, 2, 3])
    assert_is_rgb(to_rgb(longer), RGB)


def test_an_rgb8_image_is_not_copied() -> None:
    msg = message(RGB, "rgb8")
    assert np.shares_memory(to_rgb(msg), np.frombuffer(msg.data, np.uint8))


@pytest.mark.parametrize(
    ("msg", "complaint"),
    [
        (raw_message(0, 0, 0, "rgb8", b""), "the image is empty: 0 x 0"),
        (raw_message(0, 4, 0, "rgb8", b""), "the image is empty: 0 x 4"),
        (raw_message(4, 0, 12, "rgb8", b""), "the image is empty: 4 x 0"),
        (raw_message(4, 2, 11, "rgb8", bytes(24)), "step is 11 bytes, but 4 pixels of rgb8 take 12"),
        (raw_message(4, 2, 0, "mono8", bytes(8)), "step is 0 bytes, but 4 pixels of mono8 take 4"),
        (raw_message(4, 2, 12, "rgb8", bytes(23)), "data has 23 bytes, but 2 rows .* take 24"),
        (raw_message(4, 2, 12, "rgb8", b""), "data has 0 bytes"),
        (raw_message(4, 2, 16, "rgb8", bytes(24)), "data has 24 bytes, but 2 rows with a step of 16 take 28"),
        (raw_message(4, 2, 12, "32FC1", bytes(24)), "encoding '32FC1' is not supported; these are: mono8"),
        (raw_message(4, 2, 12, "", bytes(24)), "encoding '' is not supported"),
        (raw_message(4, 2, 12, "RGB8", bytes(24)), "encoding 'RGB8' is not supported"),
        (raw_message(3, 2, 6, "yuv422", bytes(12)), "yuv422 cannot be 3 x 2"),
    ],
)  # fmt: skip
def test_an_image_that_cannot_be_read_is_refused_by_what_is_wrong(msg: Any, complaint: str) -> None:
    with pytest.raises(ImageError, match=complaint):
        to_rgb(msg)


@pytest.mark.parametrize("encoding", LAYOUTS)
def test_a_size_that_the_data_cannot_fill_is_refused_before_anything_is_allocated(encoding: Any) -> None:
    most = 2**32 - 1
    for width, height, step in [(most, most, most), (most // 8, most, most), (1, most, most)]:
        with pytest.raises(ImageError):
            to_rgb(raw_message(width, height, step, encoding, bytes(64)))


SIZES = st.one_of(st.integers(0, 12), st.integers(0, 2**32 - 1))


@settings(deadline=None, max_examples=500)
@given(
    SIZES, SIZES, SIZES,
    st.one_of(st.sampled_from(list(LAYOUTS)), st.text(max_size=12)),
    st.binary(max_size=600), st.booleans(),
)  # fmt: skip
def test_any_message_is_an_image_or_an_image_error(
    width: Any, height: Any, step: Any, encoding: Any, data: bytes, is_bigendian: bool
) -> None:
    try:
        pixels = to_rgb(raw_message(width, height, step, encoding, data, is_bigendian))
    except ImageError:
        return
    assert_is_rgb(pixels, np.broadcast_to(pixels, (height, width, 3)))


@settings(deadline=None)
@given(
    st.integers(1, 6), st.integers(1, 6), st.integers(-2, 5), st.integers(-3, 3),
    st.sampled_from(list(LAYOUTS)), st.booleans(),
)  # fmt: skip
def test_a_message_whose_numbers_nearly_fit_is_an_image_where_they_do(
    width: int, height: int, padding: int, surplus: int, encoding: Any, is_bigendian: bool
) -> None:
    layout = LAYOUTS[encoding]
    row = width * layout.bytes_per_pixel
    data = bytes(max(0, (height - 1) * (row + padding) + row + surplus))
    msg = raw_message(width, height, row + padding, encoding, data, is_bigendian)
    if padding >= 0 and surplus >= 0 and not (layout.channels == 2 and width % 2):
        assert to_rgb(msg).shape == (height, width, 3)
    else:
        with pytest.raises(ImageError):
            to_rgb(msg)


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 5), st.sampled_from(list(LAYOUTS)))
def test_the_smallest_images_are_read_too(width: int, height: int, padding: int, encoding: Any) -> None:
    layout = LAYOUTS[encoding]
    step = width * layout.bytes_per_pixel + padding
    msg = raw_message(width, height, step, encoding, bytes(height * step))
    if layout.channels == 2 and width % 2:
        with pytest.raises(ImageError, match="cannot be"):
            to_rgb(msg)
    else:
        assert to_rgb(msg).shape == (height, width, 3)


def compressed(data: Any, image_format: str = "jpeg") -> CompressedImage:
    return CompressedImage(format=image_format, data=array.array("B", bytes(data)))


def encoded(extension: Any, pixels: Any) -> Any:
    return cv2.imencode(extension, pixels)[1].tobytes()


# Larger than the plain ones: a JPEG keeps colors for blocks of 16 x 16.
SCENE = np.repeat(np.repeat(RGB, 16, axis=0), 16, axis=1)


def test_a_png_decodes_to_its_colors() -> None:
    assert_is_rgb(decode(compressed(encoded(".png", RGB[:, :, ::-1]), "bgr8; png compressed bgr8")), RGB)


def test_a_jpeg_decodes_nearly_to_its_colors() -> None:
    pixels = decode(compressed(encoded(".jpg", SCENE[:, :, ::-1]), "bgr8; jpeg compressed bgr8"))
    assert pixels.flags.c_contiguous
    assert np.abs(pixels.astype(int) - SCENE).mean() < 5
    assert np.abs(pixels[:, :, ::-1].astype(int) - SCENE).mean() > 30  # the test can tell red from blue


@pytest.mark.parametrize(
    ("png", "expected"),
    [
        (GRAY, GRAY_AS_RGB),
        (np.dstack([RGB[:, :, ::-1], ALPHA]), RGB),
        (RGB[:, :, ::-1].astype(np.uint16) * 257, RGB),
        (GRAY.astype(np.uint16) * 257, GRAY_AS_RGB),
    ],
    ids=["gray", "with alpha", "16 bit", "16 bit gray"],
)
def test_pngs_of_other_kinds_decode_too(png: Any, expected: Any) -> None:
    assert_is_rgb(decode(compressed(encoded(".png", png))), expected)


def png_that_claims(width: Any, height: Any) -> Any:
    """Return a PNG whose header names a size and whose data are a few bytes."""

    def chunk(kind: Any, body: Any) -> Any:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


def jpeg_that_claims(width: Any, height: Any) -> bytes:
    """Return a small JPEG whose header names another size."""
    jpeg = bytearray(encoded(".jpg", SCENE))
    frame_header = jpeg.index(b"\xff\xc0")
    jpeg[frame_header + 5 : frame_header + 9] = struct.pack(">HH", height, width)
    return bytes(jpeg)


JPEG, PNG = encoded(".jpg", SCENE), encoded(".png", SCENE)
WEBP, BMP, TIFF = (encoded(f".{kind}", SCENE) for kind in ("webp", "bmp", "tiff"))
PROGRESSIVE = cv2.imencode(".jpg", SCENE, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()


ALL_COLORS = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
FILES = {
    "jpeg": JPEG,
    "jpeg with the color of each pixel": cv2.imencode(".jpg", SCENE, ALL_COLORS)[1].tobytes(),
    "progressive jpeg": PROGRESSIVE,
    "gray jpeg": encoded(".jpg", SCENE[:, :, 0]),
    "png": PNG,
    "gray png": encoded(".png", SCENE[:, :, 0]),
    "png with alpha": encoded(".png", cv2.cvtColor(SCENE, cv2.COLOR_RGB2RGBA)),
    "webp": WEBP,
    "webp with alpha": encoded(".webp", cv2.cvtColor(SCENE, cv2.COLOR_RGB2RGBA)),
    "bmp": BMP,
    "gray bmp": encoded(".bmp", SCENE[:, :, 0]),
    "bmp with alpha": encoded(".bmp", cv2.cvtColor(SCENE, cv2.COLOR_RGB2RGBA)),
}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_the_pixels_are_those_of_opencv_at_full_size(data: bytes) -> None:
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert_is_rgb(decode(compressed(data)), bgr[:, :, ::-1])


def jpeg_with_a_segment_of_length(length: Any) -> Any:
    return JPEG[:2] + b"\xff\xfe" + struct.pack(">H", length) + JPEG[2:]


def jpeg_with_scans(count: Any) -> Any:
    """Return a JPEG that says to go over all pixels so many times."""
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x05\x00\x00"
    return JPEG[:-2] + count * scan + JPEG[-2:]


NO_IMAGES = {
    "empty": (b"", "0 bytes. is not a JPEG, PNG, WebP, BMP or TIFF"),
    "one byte": (b"\x00", "1 bytes. is not a JPEG, PNG, WebP, BMP or TIFF"),
    "text": (b"not an image at all", "is not a JPEG, PNG, WebP, BMP or TIFF"),
    "zeros": (bytes(1000), "is not a JPEG, PNG, WebP, BMP or TIFF"),
    "gif": (b"GIF89a" + bytes(1000), "is not a JPEG, PNG, WebP, BMP or TIFF"),
    "sound": (b"RIFF\x10\0\0\0WAVE" + bytes(1000), "is not a JPEG, PNG, WebP, BMP or TIFF"),
    "cut webp": (WEBP[:200], "is cut short"),
    "cut webp header": (WEBP[:14], "is cut short"),
    "damaged webp": (WEBP[:40] + bytes(len(WEBP) - 40), "is damaged"),
    "huge webp": (
        WEBP[:12] + b"VP8X" + bytes(8) + b"\xff" * 6 + WEBP[30:],
        "more pixels than any camera has: 16777216 x 16777216",
    ),
    "cut bmp": (BMP[:200], "is damaged"),
    "cut bmp header": (BMP[:20], "is cut short"),
    "huge bmp": (
        BMP[:18] + b"\xff\xff\xff\x7f" * 2 + BMP[26:],
        "more pixels than any camera has: 2147483647 x 2147483647",
    ),
    "cut tiff": (TIFF[:200], "is cut short"),
    "cut tiff header": (TIFF[:6], "is cut short"),
    "tiff of floats": (encoded(".tiff", SCENE.astype(np.float32)), "holds float32 samples"),
    "png of 12 bytes": (PNG[:12], "is cut short"),
    "cut png": (PNG[:200], "is cut short"),
    "cut and closed png": (PNG[:200] + PNG[-12:], "is damaged"),
    "png without its end": (PNG[:-300], "is cut short"),
    "png without a byte": (PNG[:100] + PNG[101:], "is damaged"),
    "png without its header": (PNG[:8] + PNG[33:], "is damaged: its header is missing"),
    "png of no size": (png_that_claims(0, 0), "is damaged"),
    "huge png": (png_that_claims(100_000, 100_000), "more pixels than any camera has"),
    "huge padded png": (png_that_claims(100_000, 100_000) + bytes(2**21), "more pixels than any camera has"),
    "largest png": (png_that_claims(2**32 - 1, 2**32 - 1), "more pixels than any camera has"),
    "jpeg of 2 bytes": (JPEG[:2], "is cut short"),
    "cut jpeg header": (JPEG[:100], "is cut short"),
    "half a jpeg": (JPEG[: len(JPEG) // 2], "is cut short"),
    "jpeg with its last sixth missing": (JPEG[: -len(JPEG) // 12], "is cut short"),
    "progressive jpeg without its end": (PROGRESSIVE[:-2], "is cut short"),
    "jpeg of two markers": (JPEG[:2] + JPEG[-2:], "is cut short"),
    "jpeg of no size": (jpeg_that_claims(0, 0), "is damaged"),
    "large jpeg": (jpeg_that_claims(4000, 4000), "too short for the 4000 x 4000 pixels"),
    "huge padded jpeg": (jpeg_that_claims(65_500, 65_500) + bytes(2**23), "more pixels than any camera has"),
    "segment of no length": (jpeg_with_a_segment_of_length(0), "a segment has the length 0"),
    "segment beyond the end": (jpeg_with_a_segment_of_length(65_535), "is cut short"),
    "a thousand segments": (JPEG[:2] + b"\xff\xfe\x00\x02" * 1000 + JPEG[2:], "has more than 512 segments"),
    "slow jpeg": (jpeg_with_scans(1000), "has 1001 scans, more than 64"),
}


@pytest.mark.parametrize(("data", "complaint"), NO_IMAGES.values(), ids=NO_IMAGES)
def test_compressed_data_that_are_no_image_are_refused_by_what_is_wrong(data: Any, complaint: Any) -> None:
    with pytest.raises(ImageError, match=complaint):
        decode(compressed(data))


BLOCK_PX = 16  # what a JPEG codes together


@given(st.sampled_from([JPEG, PNG, WEBP, BMP, TIFF]), st.data())
def test_an_image_cut_short_anywhere_is_refused_or_misses_its_last_block_at_most(
    whole: Any, draw: Any
) -> None:
    cut = whole[: draw.draw(st.integers(0, len(whole) - 2))]
    try:
        pixels = decode(compressed(cut))
    except ImageError:
        return
    assert whole is JPEG
    expected = decode(compressed(whole))
    touched = np.s_[-BLOCK_PX - 1 :, -BLOCK_PX - 1 :]  # colors are interpolated across the block's border
    expected[touched] = pixels[touched]
    assert_is_rgb(pixels, expected)


FLOOR = np.vstack([SCENE, np.zeros((64, SCENE.shape[1], 3), np.uint8)])


@pytest.mark.parametrize("scene", [SCENE, FLOOR, FLOOR * 0], ids=["scene", "dark floor", "darkness"])
@pytest.mark.parametrize("end", [0, 1, 2], ids=["whole", "half of the marker", "no marker"])
def test_a_jpeg_without_its_last_marker_has_all_of_its_pixels(scene: Any, end: int) -> None:
    jpeg = encoded(".jpg", scene)
    assert_is_rgb(decode(compressed(jpeg[: len(jpeg) - end])), decode(compressed(jpeg)))


@pytest.mark.parametrize("kind", ["webp", "bmp", "tiff"])
@pytest.mark.parametrize("gray", [False, True])
def test_webp_bmp_and_tiff_are_read_too(kind: str, gray: bool) -> None:
    scene = np.ascontiguousarray(SCENE[:, :, ::-1])
    data = encoded(f".{kind}", cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY) if gray else scene)
    expected = cv2.cvtColor(cv2.cvtColor(SCENE, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) if gray else SCENE
    assert np.abs(decode(compressed(data, kind)).astype(int) - expected).mean() < 3


@pytest.mark.parametrize("kind", ["png", "tiff"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_bayer_mosaic_in_a_file_gets_its_colors(pattern: str, bits: int, kind: str) -> None:
    samples = mosaic(FLAT, pattern)
    words = samples if bits == 8 else samples.astype(np.uint16) << 4  # 12 bits
    data = encoded(f".{kind}", words)
    for image_format in (
        f"bayer_{pattern}{bits}; {kind} compressed",
        f"bayer_{pattern}{bits}; {kind} compressed ",
    ):
        assert_is_rgb(decode(compressed(data, image_format)), FLAT)
    converted = decode(compressed(data, f"bayer_{pattern}{bits}; {kind} compressed mono8"))
    assert (converted[..., :1] == converted).all()
    rgb = encoded(f".{kind}", FLAT[:, :, ::-1])
    assert_is_rgb(decode(compressed(rgb, f"bayer_{pattern}{bits}; {kind} compressed bgr8")), FLAT)


@pytest.mark.parametrize("quality", [cv2.IMWRITE_JPEG_PROGRESSIVE, cv2.IMWRITE_JPEG_OPTIMIZE])
@pytest.mark.parametrize(
    ("megapixels", "reduction"), [(1.0, 1), (0.01, 2), (0.0031, 2), (0.001, 4), (0.0005, 8)]
)
def test_a_jpeg_beyond_the_limit_is_decoded_at_reduced_size(
    megapixels: float, reduction: int, quality: int
) -> None:
    said: list[str] = []
    stream = ImageStream(megapixels, FunctionLogger(said.append))
    jpeg = cv2.imencode(".jpg", SCENE[:, :, ::-1], [quality, 0])[1].tobytes()
    for _ in range(3):
        pixels = decode(compressed(jpeg), stream)
    height, width = SCENE.shape[:2]
    assert pixels.shape == (height // reduction, width // reduction, 3)
    smaller = cv2.resize(SCENE, pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(pixels.astype(int) - smaller).mean() < 6
    assert len(said) == (reduction > 1)
    assert all(f"128 x 96 pixels are decoded at 1/{reduction} of their size" in line for line in said)


@pytest.mark.parametrize("kind", ["png", "webp", "bmp", "tiff"])
def test_any_other_image_beyond_the_limit_is_refused(kind: str) -> None:
    data = encoded(f".{kind}", SCENE)
    with pytest.raises(ImageError, match=r"has 128 x 96 pixels, more than 0.01 megapixels \(max_image_meg"):
        decode(compressed(data), ImageStream(0.01))
    with pytest.raises(ImageError, match=r"128 x 96 pixels are more than 0.01 megapixels \(max_image_meg"):
        to_rgb(message(SCENE, "rgb8"), ImageStream(0.01))
    with pytest.raises(ImageError, match=r"128 x 96 pixels are more than 0.01 megapixels"):
        to_rgb(message(SCENE[..., :1], "nv12"), ImageStream(0.01))


def test_a_large_progressive_jpeg_of_many_scans_is_refused() -> None:
    scans = 30 * b"\xff\xda\x00\x08\x01\x01\x00\x01\x05\x00\x00"
    slow = PROGRESSIVE[:-2] + scans + PROGRESSIVE[-2:]
    assert decode(compressed(slow)).shape == SCENE.shape
    with pytest.raises(
        ImageError, match=r"128 x 96 pixels in .. scans, which take longer than an image of 0.01"
    ):
        decode(compressed(slow), ImageStream(0.01))


def test_a_jpeg_may_be_followed_by_padding() -> None:
    assert decode(compressed(JPEG + bytes(64))).shape == SCENE.shape


def test_progressive_jpegs_and_such_with_restart_markers_are_read() -> None:
    for option in (cv2.IMWRITE_JPEG_PROGRESSIVE, cv2.IMWRITE_JPEG_RST_INTERVAL, cv2.IMWRITE_JPEG_OPTIMIZE):
        jpeg = cv2.imencode(".jpg", SCENE[:, :, ::-1], [option, 1])[1].tobytes()
        assert np.abs(decode(compressed(jpeg)).astype(int) - SCENE).mean() < 5


def test_a_jpeg_is_not_turned_by_its_metadata() -> None:
    upside_down = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    segment = b"\xff\xe1" + struct.pack(">H", len(upside_down) + 2) + upside_down
    turned = JPEG[:2] + segment + JPEG[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape != SCENE.shape
    assert decode(compressed(turned)).shape == SCENE.shape


@settings(deadline=None)
@given(st.sampled_from([".png", ".jpg"]), st.data())
def test_damaged_data_are_an_image_or_an_image_error(extension: Any, draw: Any) -> None:
    data = bytearray(encoded(extension, SCENE))
    for _ in range(draw.draw(st.integers(1, 5))):
        # Beyond the header, whose sizes have their own test.
        data[draw.draw(st.integers(170, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        pixels = decode(compressed(data))
    except ImageError:
        return
    assert_is_rgb(pixels, np.broadcast_to(pixels, SCENE.shape))


def test_a_raw_image_larger_than_any_camera_s_is_refused_though_its_data_are_there() -> None:
    msg = raw_message(1, MAX_PIXELS + 1, 1, "mono8", b"")
    msg.data = array.array("B", bytes(1)) * (MAX_PIXELS + 1)
    with pytest.raises(ImageError, match="more pixels than any camera has"):
        to_rgb(msg)


BOMB = """
import resource, sys
from blazepose_ros.nodes.common.process_tuning import configure_opencv
configure_opencv()
from sensor_msgs.msg import CompressedImage
from blazepose_ros.conversions.compressed_images import decode
from blazepose_ros.conversions.image_stream import ImageError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode(CompressedImage(data=sys.stdin.buffer.read()))
except ImageError as err:
    print(err)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
BOMBS = {
    "jpeg": (jpeg_that_claims(65_000, 2_000), "too short for the 65000 x 2000 pixels"),
    "png": (png_that_claims(65_000, 2_000), "65000 x 2000 pixels, more than 40 megapixels"),
    "largest png within the limit": (png_that_claims(20_000, 2_000), "is damaged"),
    "padded jpeg": (jpeg_that_claims(12_000, 12_000) + bytes(300_000), "more pixels than any camera has"),
    "padded png": (png_that_claims(12_000, 12_000) + bytes(300_000), "more pixels than any camera has"),
}


@pytest.mark.parametrize(("bomb", "reason"), BOMBS.values(), ids=BOMBS)
def test_a_few_bytes_cannot_make_the_node_allocate_gigabytes(bomb: Any, reason: Any) -> None:
    result = subprocess.run([sys.executable, "-c", BOMB], input=bomb, capture_output=True, check=True)
    complaint, grown_kib = result.stdout.decode().splitlines()
    assert reason in complaint
    assert int(grown_kib) < 20_000


def test_the_image_of_a_very_large_camera_is_within_the_limit() -> None:
    assert MAX_PIXELS > 12_000 * 9_000
    eight_k = np.zeros((4320, 7680), np.uint8)
    assert decode(compressed(encoded(".jpg", eight_k))).shape == (4320, 7680, 3)
