# SPDX-License-Identifier: Apache-2.0
"""Everything that is done to the node in the table of faults, one after the other."""

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

WIDTH, HEIGHT = 64, 48
NOISE = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
JPEG = cv2.imencode(".jpg", NOISE)[1].tobytes()
PNG = cv2.imencode(".png", NOISE)[1].tobytes()
PROGRESSIVE = cv2.imencode(".jpg", NOISE, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
SCAN = b"\xff\xda\0\x08\x01\x01\0\x01\x05\0\0"
YEAR_S = 365 * 24 * 3600


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong outside of the node.

    Attributes:
        what: the fault, in a few words.
        how: how it is provoked.
        message: what is published, as a message or as bytes; for parameters their values.
        says: what the node says, a regular expression; empty where it answers as usual.
    """

    what: str
    how: str
    message: object
    says: str = ""


def image(
    change: Callable[[Image], object] = lambda _msg: None, encoding: str = "rgb8", pixels: Any = NOISE
) -> Image:
    height, width = pixels.shape[:2]
    msg = Image(width=width, height=height, encoding=encoding, step=pixels.nbytes // height)
    msg.header.frame_id = "faulty_frame"
    msg.header.stamp.sec = 1000
    msg.data.frombytes(pixels.tobytes())
    change(msg)
    return msg


def with_fields(**fields: Any) -> Image:
    def change(msg: Any) -> None:
        for name, value in fields.items():
            setattr(msg, name, value)

    return image(change)


def with_stamp(sec: Any, nanosec: Any = 0) -> Image:
    def change(msg: Any) -> None:
        msg.header.stamp.sec, msg.header.stamp.nanosec = sec, nanosec

    return image(change)


def with_frame(frame_id: Any) -> Image:
    return image(lambda msg: setattr(msg.header, "frame_id", frame_id))


def with_data(data: Any) -> Image:
    def change(msg: Any) -> None:
        msg.data = msg.data[:0]
        msg.data.frombytes(data)

    return image(change)


def wire(msg: Any, start: Any = 0, stop: Any = None) -> bytes:
    return bytes(serialize_message(msg))[start:stop]


def replaced(msg: Any, old: bytes, new: bytes) -> bytes:
    serialized = wire(msg)
    assert serialized.count(old) == 1
    return serialized.replace(old, new)


RAW = (
    Fault(
        "an image of no size",
        "width and height 0",
        with_fields(width=0, height=0),
        "the image is empty: 0 x 0",
    ),
    Fault("an image of no width", "width 0", with_fields(width=0), "the image is empty: 0 x 48"),
    Fault("an image of no height", "height 0", with_fields(height=0), "the image is empty: 64 x 0"),
    Fault("an unknown encoding", "encoding `nv99`", with_fields(encoding="nv99"), "'nv99' is not supported"),
    Fault("no encoding", "encoding empty", with_fields(encoding=""), "'' is not supported"),
    Fault(
        "an encoding in capitals", "encoding `RGB8`", with_fields(encoding="RGB8"), "'RGB8' is not supported"
    ),
    Fault(
        "a depth image among the colour images",
        "encoding `32FC1`",
        image(encoding="32FC1", pixels=np.zeros((HEIGHT, WIDTH), np.float32)),
        "'32FC1' is not supported",
    ),
    Fault(
        "an encoding that writes on terminals",
        "control characters in `encoding`",
        with_fields(encoding="\x1b[2J"),
        r"x1b\[2J' is not supported",
    ),
    Fault(
        "rows too short",
        "step one byte less than a row",
        with_fields(step=3 * WIDTH - 1),
        "step is 191 bytes, but 64 pixels of rgb8 take 192",
    ),
    Fault("no step", "step 0", with_fields(step=0), "step is 0 bytes"),
    Fault(
        "rows too long", "step a million", with_fields(step=1_000_000), "48 rows with a step of 1000000 take"
    ),
    Fault(
        "a byte is missing",
        "data one byte short",
        with_data(NOISE.tobytes()[:-1]),
        "data has 9215 bytes, but 48 rows",
    ),
    Fault(
        "half of the image is missing",
        "data cut in the middle",
        with_data(NOISE.tobytes()[: NOISE.nbytes // 2]),
        "data has 4608 bytes, but 48 rows",
    ),
    Fault("all of the image is missing", "no data", with_data(b""), "data has 0 bytes, but 48 rows"),
    Fault(
        "a size that no camera has",
        "100,000 x 100,000 pixels claimed",
        with_fields(width=100_000, height=100_000),
        "100000 x 100000 are more pixels than any camera has",
    ),
    Fault(
        "the largest size there is",
        "2^32 - 1 pixels claimed each way",
        with_fields(width=2**32 - 1, height=2**32 - 1),
        "4294967295 x 4294967295 are more pixels",
    ),
    Fault(
        "half a pair of pixels",
        "yuv422 of odd width",
        image(encoding="yuv422", pixels=NOISE[:, :63, :2]),
        "yuv422 cannot be 63 x 48",
    ),
    Fault(
        "half a block of pixels",
        "nv12 of odd height",
        image(encoding="nv12", pixels=NOISE[:47, :, :1]),
        "nv12 cannot be 64 x 47",
    ),
    Fault(
        "planes that end too early",
        "nv12 without its color",
        image(encoding="nv12", pixels=NOISE[..., :1]),
        "data has 3072 bytes, but nv12",
    ),
    Fault(
        "an image beyond the limit",
        "10,000 x 10,000 pixels claimed",
        with_fields(width=10_000, height=10_000),
        "10000 x 10000 pixels are more than 40 megapixels",
    ),
    Fault(
        "a lens cap",
        "an image of zeros",
        image(pixels=np.zeros_like(NOISE)),
        "nobody can be found: the image is black",
    ),
    Fault(
        "fog",
        "an image of one gray",
        image(pixels=np.full_like(NOISE, 99)),
        "nobody can be found: the image has no contrast",
    ),
    Fault(
        "fewer bits than the encoding has",
        "10 bits in mono16",
        image(encoding="mono16", pixels=NOISE[..., :1].astype(np.uint16) << 2),
    ),
    Fault(
        "more data than the image has",
        "a kilobyte after the last row",
        with_data(NOISE.tobytes() + bytes(1024)),
    ),
    Fault("a byte order that is no order", "is_bigendian 255", with_fields(is_bigendian=255)),
    Fault("the smallest image", "1 x 1 pixel", image(pixels=NOISE[:1, :1])),
    Fault("a very narrow image", "1 x 2000 pixels", image(pixels=np.zeros((2000, 1, 3), np.uint8))),
    Fault(
        "a message of no bytes",
        "nothing but the encapsulation",
        wire(image(), 0, 4),
        "the message ends too early",
    ),
    Fault(
        "a message cut in its header",
        "the first 20 bytes",
        wire(image(), 0, 20),
        "the message ends .*too early",
    ),
    Fault(
        "a message cut in its data",
        "the first 1000 bytes",
        wire(image(), 0, 1000),
        "the message ends 8276 bytes too early",
    ),
    Fault(
        "another serialisation",
        "the encapsulation of XCDR2",
        b"\x00\x07" + wire(image(), 2),
        "the encapsulation is 0007, not plain CDR",
    ),
    Fault(
        "noise instead of a message",
        "200 random bytes",
        b"\xa7" * 200,
        "the encapsulation is a7a7, not plain CDR",
    ),
    Fault(
        "a length beyond the message",
        "frame_id says 4 GB",
        replaced(image(), b"\x0d\0\0\0faulty_frame", b"\xff\xff\xff\xfffaulty_frame"),
        "the message ends 4294958035 bytes too early",
    ),
    Fault(
        "a text that is no text",
        "frame_id is not UTF-8",
        replaced(image(), b"faulty_frame", b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4"),
        "a text is not UTF-8",
    ),
    Fault(
        "a text with an end within",
        "a zero byte in frame_id",
        replaced(image(), b"faulty_frame", b"faulty\0frame"),
        "a text has a zero within",
    ),
    Fault(
        "an endless name",
        "frame_id of 5000 letters",
        with_frame("x" * 5000),
        "a text has 5001 bytes, more than 1024",
    ),
    Fault("no frame", "frame_id empty", with_frame("")),
    Fault("a camera without a clock", "stamp 0", with_stamp(0)),
    Fault("a time before 1970", "a negative stamp", with_stamp(-5, 7)),
    Fault("a time in the far future", "the last second there is", with_stamp(2**31 - 1)),
    Fault("a clock set back", "a stamp a year earlier", with_stamp(2 * YEAR_S)),
    Fault("more than a second of nanoseconds", "nanosec 4,000,000,000", with_stamp(1000, 4_000_000_000)),
)


def file(data: bytes, image_format: str = "bgr8; jpeg compressed bgr8") -> CompressedImage:
    msg = CompressedImage(format=image_format)
    msg.header.frame_id = "faulty_frame"
    msg.header.stamp.sec = 1000
    msg.data.frombytes(data)
    return msg


def png_claiming(width: Any, height: Any) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG[:8] + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + PNG[33:]


def jpeg_claiming(width: Any, height: Any, jpeg: bytes = JPEG) -> bytes:
    at = jpeg.index(b"\xff\xc0" if jpeg is JPEG else b"\xff\xc2") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


def half(extension: str) -> bytes:
    whole = cv2.imencode(extension, NOISE)[1].tobytes()
    return whole[: len(whole) // 2]


COMPRESSED = (
    Fault("a file of no bytes", "no data", file(b""), "0 bytes. is not a JPEG, PNG"),
    Fault(
        "a text as an image",
        "a sentence as data",
        file(b"This is not an image."),
        "21 bytes. is not a JPEG, PNG",
    ),
    Fault(
        "another kind of image",
        "a GIF",
        file(b"GIF89a" + bytes(100), "gif"),
        "'gif'.* is not a JPEG, PNG",
    ),
    *(
        Fault(
            f"a {kind}", "an image in that format", file(cv2.imencode(f".{kind}", NOISE)[1].tobytes(), kind)
        )
        for kind in ("webp", "bmp", "tiff")
    ),
    *(
        Fault(
            f"half a {kind}",
            "cut in the middle",
            file(half(f".{kind}"), kind),
            f"'{kind}'.* is (cut|damaged)",
        )
        for kind in ("webp", "bmp", "tiff")
    ),
    Fault(
        "a mosaic of colors in a file",
        "a Bayer pattern as PNG",
        file(cv2.imencode(".png", NOISE[..., 0])[1].tobytes(), "bayer_rggb8; png compressed"),
    ),
    Fault(
        "a PNG beyond the limit",
        "9000 x 9000 pixels",
        file(png_claiming(9_000, 9_000), "png"),
        "has 9000 x 9000 pixels, more than 40 megapixels",
    ),
    Fault(
        "a JPEG beyond the limit",
        "6400 x 6400 pixels",
        file(cv2.imencode(".jpg", np.zeros((6400, 6400), np.uint8))[1].tobytes()),
        "6400 x 6400 pixels are decoded at 1/2 of their size",
    ),
    Fault(
        "a large JPEG made to be slow",
        "60 scans of 5000 x 5000 pixels",
        file(
            jpeg_claiming(5_000, 5_000, PROGRESSIVE)[:-2] + 50 * SCAN + bytes(60_000) + PROGRESSIVE[-2:],
        ),
        "5000 x 5000 pixels in .* scans, which take longer",
    ),
    Fault("half a JPEG", "cut in the middle", file(JPEG[: len(JPEG) // 2]), "is cut short"),
    Fault("a JPEG without its end", "the last two bytes missing", file(JPEG[:-2])),
    Fault("a JPEG without its last rows", "the last 1000 bytes missing", file(JPEG[:-1000]), "is cut short"),
    Fault("the head of a JPEG", "its first 100 bytes", file(JPEG[:100]), "100 bytes. is cut short"),
    Fault(
        "a JPEG that loops",
        "a segment of length 0",
        file(JPEG[:2] + b"\xff\xfe\0\0" + JPEG[2:]),
        "a segment has the length 0",
    ),
    Fault(
        "a JPEG of no size",
        "0 x 0 pixels in its header",
        file(jpeg_claiming(0, 0)),
        "is damaged",
    ),
    Fault(
        "a small JPEG of an enormous image",
        "65,000 x 65,000 pixels in its header",
        file(jpeg_claiming(65_000, 65_000)),
        "is too short for the 65000 x 65000 pixels",
    ),
    Fault(
        "a large JPEG of an enormous image",
        "the same, with 9 MB of padding",
        file(jpeg_claiming(65_000, 65_000) + bytes(9_000_000)),
        "claims more pixels than any camera has",
    ),
    Fault(
        "a JPEG made to be slow",
        "1000 scans",
        file(JPEG[:-2] + 1000 * SCAN + JPEG[-2:]),
        "has 1001 scans, more than 64",
    ),
    Fault("half a PNG", "cut in the middle", file(PNG[: len(PNG) // 2], "png"), "'png'.* is cut short"),
    Fault(
        "a damaged PNG",
        "a byte missing in its pixels",
        file(PNG[:100] + PNG[101:], "damaged png"),
        "'damaged png'.* is damaged",
    ),
    Fault("a PNG without a header", "IHDR missing", file(PNG[:8] + PNG[33:], "png"), "is damaged"),
    Fault(
        "a PNG of no size",
        "0 x 0 pixels in its header",
        file(png_claiming(0, 0), "png"),
        "is damaged",
    ),
    Fault(
        "a small PNG of an enormous image",
        "100,000 x 100,000 pixels in its header",
        file(png_claiming(100_000, 100_000), "png"),
        "claims more pixels than any camera has",
    ),
    Fault(
        "a cut message", "the first 60 bytes", wire(file(JPEG), 0, 60), "the message ends .* bytes too early"
    ),
    Fault("a format of lies", "a JPEG called PNG", file(JPEG, "png")),
    Fault("the smallest JPEG", "1 x 1 pixel", file(cv2.imencode(".jpg", NOISE[:1, :1])[1].tobytes())),
    Fault(
        "an image of 8K",
        "7680 x 4320 pixels",
        file(cv2.imencode(".jpg", np.zeros((4320, 7680), np.uint8))[1].tobytes()),
    ),
)


def calibration(change: Callable[[CameraInfo], object]) -> CameraInfo:
    msg = CameraInfo(width=512, height=512, distortion_model="plumb_bob", d=[0.0] * 5)
    msg.k = np.array([450.0, 0, 256, 0, 450, 256, 0, 0, 1])
    change(msg)
    return msg


def with_k(**entries: Any) -> CameraInfo:
    def change(msg: Any) -> None:
        for name, value in entries.items():
            msg.k[{"fx": 0, "cx": 2, "fy": 4}[name]] = value

    return calibration(change)


def with_info(**fields: Any) -> CameraInfo:
    def change(msg: Any) -> None:
        for name, value in fields.items():
            setattr(msg, name, value)

    return calibration(change)


def with_region(**fields: Any) -> CameraInfo:
    def change(msg: Any) -> None:
        for name, value in fields.items():
            setattr(msg.roi, name, value)

    return calibration(change)


CALIBRATIONS = (
    # The others are of other proportions, too, which is not said again within five seconds.
    Fault(
        "a calibration of other proportions",
        "512 x 512 pixels, the images have 64 x 48",
        calibration(lambda _msg: None),
        "other proportions: the middle of the sensor is assumed",
    ),
    Fault(
        "a focal length that is no number",
        "fx NaN",
        with_k(fx=math.nan),
        "K is not a 3 x 3 matrix of finite numbers",
    ),
    Fault(
        "a centre at infinity",
        "cx infinite",
        with_k(cx=math.inf),
        "K is not a 3 x 3 matrix of finite numbers",
    ),
    Fault(
        "a focal length of zero", "fx 0", with_k(fx=0.0), "the focal lengths are 0 and 450, not both positive"
    ),
    Fault(
        "a camera that looks backwards", "fy -450", with_k(fy=-450.0), "the focal lengths are 450 and -450"
    ),
    Fault(
        "a lens beyond all lenses",
        "fx 1e300",
        with_k(fx=1e300),
        r"K holds 1e\+300, more pixels than any lens has",
    ),
    Fault(
        "a calibration of another camera",
        "1 x 1 pixel and fx 1e11",
        calibration(
            lambda msg: (
                setattr(msg, "width", 1),
                setattr(msg, "height", 1),
                msg.k.__setitem__(0, 1e11),
                msg.k.__setitem__(4, 1e11),
            )
        ),
        "camera_info does not fit",
    ),
    Fault(
        "an unknown lens",
        "distortion_model `thin_prism`, its coefficients in D",
        with_info(distortion_model="thin_prism", d=[0.1] * 6),
        "the distortion model is 'thin_prism': D is ignored",
    ),
    Fault(
        "a lens that is no pinhole's",
        "distortion_model `omnidirectional`",
        with_info(distortion_model="omnidirectional"),
        "'omnidirectional' is not one of a pinhole camera",
    ),
    Fault(
        "distortion of another lens",
        "plumb_bob with 8 coefficients",
        with_info(d=[0.1] * 8),
        "plumb_bob does not take 8 coefficients",
    ),
    Fault(
        "distortion that is no number",
        "NaN in D",
        with_info(d=[0.0, math.nan, 0.0, 0.0, 0.0]),
        "D is not finite: it is ignored",
    ),
    Fault(
        "a calibration of rectified images alone",
        "K of zeros, P",
        with_info(k=[0.0] * 9, p=[450.0, 0, 256, 0, 0, 450, 256, 0, 0, 0, 1, 0]),
        "K is zero: P is used, without distortion",
    ),
    Fault(
        "a binning that leaves nothing",
        "binning_x 1000",
        with_info(binning_x=1000),
        "the binning 1000 x 0 leaves no image",
    ),
    Fault(
        "a region outside of the image",
        "x_offset 500, width 500",
        with_region(x_offset=500, width=500, height=512),
        "is not inside of 512 x 512",
    ),
    Fault(
        "a cut calibration",
        "the first 100 bytes",
        wire(calibration(lambda _msg: None), 0, 100),
        "camera_info dropped: the message ends .*too early",
    ),
    Fault(
        "noise instead of a calibration",
        "200 bytes of noise",
        b"\xa7" * 200,
        "camera_info dropped: the encapsulation is a7a7",
    ),
)


def depth(**fields: Any) -> Image:
    """Return a depth image of two metres everywhere, at the time of ``image()``."""
    msg = image(encoding="32FC1", pixels=np.full((HEIGHT, WIDTH), 2, np.float32))
    for name, value in fields.items():
        setattr(msg, name, value)
    return msg


def infrared() -> Image:
    msg = image(encoding="mono16", pixels=np.full((HEIGHT, WIDTH), 2000, np.uint16))
    msg.header.frame_id = "camera_infra1_optical_frame"
    return msg


def elsewhere() -> Image:
    msg = depth()
    msg.header.frame_id = "depth_optical_frame"
    return msg


def earlier() -> Image:
    msg = depth()
    msg.header.stamp.sec -= 3
    return msg


DEPTHS = (
    Fault("colours for depth", "encoding `rgb8`", image(), "the encoding 'rgb8' is not one of depth"),
    Fault(
        "half of the depths are missing",
        "data cut in the middle",
        depth(data=depth().data[: 2 * WIDTH * HEIGHT]),
        "data has 6144 bytes, but 48 rows",
    ),
    Fault(
        "a depth image of no size", "width and height 0", depth(width=0, height=0), "image is empty: 0 x 0"
    ),
    Fault(
        "an enormous depth image",
        "100,000 x 100,000 pixels claimed",
        depth(width=100_000, height=100_000),
        "100000 x 100000 are more pixels than any camera has",
    ),
    Fault(
        "infrared for depth",
        "mono16 in the frame `camera_infra1_optical_frame`",
        infrared(),
        "it is an infrared image, not one of depth",
    ),
    Fault(
        "depth of another camera",
        "another `frame_id`, no transform",
        elsewhere(),
        "another frame than the color images, and no transform",
    ),
    Fault(
        "depth at another time",
        "a stamp 3 s before the images'",
        earlier(),
        "the nearest one is 3000 ms from its image, more than depth_tolerance_s",
    ),
    Fault("rows of depth too short", "step 1", depth(step=1), "step is 1 bytes"),
    Fault("a cut depth message", "the first 60 bytes", wire(depth(), 0, 60), "the message ends .*too early"),
    Fault(
        "a depth camera that is none",
        "fx NaN",
        with_k(fx=math.nan),
        "depth: .*K is not a 3 x 3 matrix",
    ),
)

PARAMETERS = (
    Fault(
        "a value out of range",
        "`visibility_threshold: 2.0`",
        {"visibility_threshold": 2.0},
        "visibility_threshold",
    ),
    Fault(
        "a value of another type",
        "`visibility_threshold: much`",
        {"visibility_threshold": "much"},
        "visibility_threshold",
    ),
    Fault(
        "a value that is no number",
        "`assumed_hfov_deg: .nan`",
        {"assumed_hfov_deg": math.nan},
        "assumed_hfov_deg",
    ),
    Fault("an unknown choice", "`placement: somewhere`", {"placement": "somewhere"}, "placement"),
    Fault("a model that there is not", "`model_complexity: 7`", {"model_complexity": 7}, "model_complexity"),
    Fault(
        "a model file that is missing",
        "`model_path: /nowhere.task`",
        {"model_path": "/nowhere.task"},
        "there is no model at /nowhere.task",
    ),
    Fault(
        "a model file that is none",
        "`model_path: /dev/zero`",
        {"model_path": "/dev/zero"},
        "/dev/zero is no model: it is not a regular file",
    ),
    Fault("nobody to look for", "`num_poses: 0`", {"num_poses": 0}, "num_poses"),
    Fault(
        "one bad value of two",
        "`publish_tf: false`, `placement: nowhere`",
        {"publish_tf": False, "placement": "nowhere"},
        "placement",
    ),
    Fault("an unknown parameter", "`model_size: 1`", {"model_size": 1}, "model_size"),
)
