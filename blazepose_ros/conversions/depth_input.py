# SPDX-License-Identifier: Apache-2.0
"""The depth images that come beside the color images."""

from __future__ import annotations

import math
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo

from blazepose_ros.conversions.camera_info import (
    CameraInfoError,
    CameraReading,
    fit_to,
    is_rectified,
    read_camera,
    read_intrinsics,
)
from blazepose_ros.conversions.cdr import (
    CdrError,
    RawImage,
    SerializedMessage,
    read_camera_info,
    read_image,
    stamp_ns,
)
from blazepose_ros.conversions.compressed_images import read_compressed_depth
from blazepose_ros.conversions.image_stream import ImageError
from blazepose_ros.conversions.images import pixel_rows
from blazepose_ros.conversions.tf_buffer import TfBuffer, TransformError, TransformFault
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.frame_sources.resize import Size
from blazepose_ros.core.placement.depth_range import MAX_FACTOR, RADIUS_M, DepthImage, metres, register_depth
from blazepose_ros.core.text import quoted
from blazepose_ros.core.timestamps import NS_PER_MS, NS_PER_S
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import Placement, Pose

# Half a second at 30 Hz: an image waits for its inference while newer depth images come.
DEPTH_IMAGES_KEPT = 16
# Depth images are not looked at later than this after their color images, slow recordings included.
KEPT_NS = 2 * NS_PER_S
KEPT_S = KEPT_NS / NS_PER_S
# Sixteen depth images of 1280 x 720 in 32FC1.
MAX_BYTES_KEPT = 1 << 26
# No depth camera is finer than this. Beside large color images: four times as many pixels in 32FC1.
MAX_MESSAGE_BYTES = 1 << 24
MAX_BYTES_PER_COLOR_PIXEL = 16

# So many images in a row tell that something is wrong with the depth, not with one image: a second at 30 Hz.
TELLING = 30
# What is as good as no displacement: a millimeter, and what a pixel sees.
SAME_PLACE_M, SAME_DIRECTION_RAD = 0.001, 0.001

_NUMBER = re.compile(r"\d+")

# Infrared images are mono16, too, but no depths.
_INFRARED = re.compile(r"(^|[/_])(ir|infra\d?|infrared)\d?([/_]|$)")


@dataclass(frozen=True)
class DepthEncoding:
    """How a depth lies in memory, and its unit in meters (REP-118)."""

    dtype: str
    unit_m: float


ENCODINGS = {
    "16UC1": DepthEncoding("u2", 0.001),
    "mono16": DepthEncoding("u2", 0.001),
    "32FC1": DepthEncoding("f4", 1.0),
}

# What depths in a wrong unit are to those in the right one, from and to.
_WRONG_UNITS = (
    (600.0, 1600.0, "millimeters in 32FC1, which is in meters?"),
    (6.0, 16.0, "units of 0.1 mm in 16UC1, which is in millimeters?"),
)


@dataclass(frozen=True)
class _Received:
    """A depth image, when it was taken and when it came."""

    taken_ns: int
    received_s: float
    size_bytes: int
    msg: RawImage


class DepthInput:
    """Keeps the latest depth images and finds the one that belongs to a color image.

    Args:
        logger: told of unusable messages, and of depth that is not used.
        transforms: for depth images in another frame than the color images; None where none are known.
        topic: where depth images come from; its name tells infrared images.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        logger: Logger,
        transforms: TfBuffer | None = None,
        topic: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._transforms = transforms
        self._topic = topic
        self._clock = clock
        self._info: CameraInfo | None = None
        self._color_pixels = 0
        self._read: tuple[CameraInfo, Size, CameraReading | None] | None = None
        self._misses = 0
        self._ratios: deque[float] = deque(maxlen=TELLING)
        # Other threads read these: they are replaced, never changed, by one thread at a time.
        self._latest: tuple[_Received, ...] = ()
        self._lock = threading.Lock()
        self._concerns: dict[str, str] = {}

    @property
    def concerns(self) -> tuple[str, ...]:
        """Why depth images are not used, although they come."""
        return tuple(self._concerns.values()) if self._latest else ()

    def receive_calibration(self, serialized: bytes) -> None:
        """Take the latest sensor_msgs/CameraInfo; instead of an unusable one the color camera's is used."""
        try:
            msg = read_camera_info(serialized)
            self._info = msg if read_intrinsics(msg) else None
        except (CdrError, CameraInfoError) as err:
            self._info = None
            self._logger.error(f"depth: {err}; that of the color image is used")

    def receive(self, serialized: SerializedMessage) -> None:
        """Keep a serialized sensor_msgs/Image, unless it is larger than any depth image."""
        most = max(MAX_MESSAGE_BYTES, MAX_BYTES_PER_COLOR_PIXEL * self._color_pixels)
        if len(serialized) > min(most, MAX_BYTES_KEPT):
            self._logger.error(
                f"depth image dropped: it has {len(serialized)} bytes, which no depth image beside a color"
                f" image of {self._color_pixels} pixels has"
            )
            return
        self._keep(read_image, serialized)

    def receive_compressed(self, serialized: SerializedMessage) -> None:
        """Keep a serialized sensor_msgs/CompressedImage of the transport compressedDepth."""
        self._keep(read_compressed_depth, serialized)

    def _keep(self, read: Callable[[SerializedMessage], RawImage], serialized: SerializedMessage) -> None:
        try:
            msg = read(serialized)
        except (CdrError, ImageError) as err:
            self._logger.error(f"depth image dropped: {err}")
            return
        received = _Received(stamp_ns(msg.header), self._clock(), len(msg.data), msg)
        with self._lock:
            self._latest = _bounded((*self._latest, received))

    def forget_old(self) -> None:
        """Free the depth images of a sender that has left."""
        now_s = self._clock()
        with self._lock:
            self._latest = tuple(each for each in self._latest if now_s - each.received_s <= KEPT_S)

    def depth_for(
        self, image_ns: int, tolerance_s: float, camera: CameraModel, frame_id: str = ""
    ) -> DepthImage | None:
        """Return the depth image that was taken with a color image, None where there is none.

        Args:
            image_ns: the stamp of the color image.
            tolerance_s: how far apart the stamps may be.
            camera: the color camera, in place of a depth camera without a calibration.
            frame_id: the frame of the color image.
        """
        self._color_pixels = camera.width * camera.height
        received = min(reversed(self._latest), key=lambda each: abs(each.taken_ns - image_ns), default=None)
        if received is None:
            return None
        apart_s = abs(received.taken_ns - image_ns) / NS_PER_S
        if not self._is_in_time(apart_s, tolerance_s):
            return None
        try:
            return self._registered(received.msg, camera, frame_id)
        except ValueError as err:
            self._logger.error(f"depth image dropped: {err}")
            return None

    def compare(self, people: Sequence[Pose], depth: DepthImage | None, *, depth_only: bool = False) -> None:
        """Notice where the depth never fits the people that are seen.

        Args:
            people: as they were placed.
            depth: the depth image that they were placed with.
            depth_only: whether those that the depth does not fit have no place.
        """
        if depth is None:
            return
        for person in people:
            if person.placement is Placement.DEPTH:
                self._ratios.clear()
            else:
                self._ratios.append(_depth_ratio(person, depth))
        self._note("fit", self._misfit(depth_only) if len(self._ratios) == TELLING else "")

    def _misfit(self, depth_only: bool) -> str:
        """Return how depth differs from what the color images show, nothing where it does not."""
        known = [ratio for ratio in self._ratios if not math.isnan(ratio)]
        if not known:
            return "depth never fits: nobody is placed, for want of depth where people are" * depth_only
        ratio = float(np.median(known))
        if 1 / MAX_FACTOR < ratio < MAX_FACTOR:
            return ""
        hint = next((f" ({unit})" for low, high, unit in _WRONG_UNITS if low < ratio < high), "")
        return (
            f"depth never fits: where people are, it is {ratio:.2g} times what the color image shows{hint};"
            " it is not used"
        )

    def _is_in_time(self, apart_s: float, tolerance_s: float) -> bool:
        """Return whether a depth image belongs to a color image; notice where none ever does."""
        is_in_time = apart_s <= tolerance_s
        self._misses = 0 if is_in_time else self._misses + 1
        late = f"depth images come, but the nearest one is {apart_s * NS_PER_S / NS_PER_MS:.0f} ms from its"
        late += f" image, more than depth_tolerance_s ({tolerance_s:g} s); depth is not used"
        self._note("time", late if self._misses >= TELLING else "")
        return is_in_time

    def _registered(self, msg: RawImage, camera: CameraModel, frame_id: str) -> DepthImage | None:
        """Return a depth image in the place of the color camera, None where it cannot be brought there.

        Raises:
            ValueError: the message is not a depth image, or out of all proportion.
        """
        if msg.encoding == "mono16" and _INFRARED.search(f"{self._topic}/{msg.header.frame_id}"):
            raise ImageError("it is an infrared image, not one of depth: mono16 of an infrared camera")
        depth_m = to_meters(msg)
        displacement, problem = self._displacement(msg, frame_id)
        own = self._own_camera((msg.width, msg.height))
        if displacement is not None and own is None:
            problem = (
                "the depth images are not registered to the color images, and depth/camera_info is missing"
            )
        self._note("frame", f"{problem}: depth is not used" if problem else "")
        if problem:
            return None
        if displacement is not None and own is not None:
            return register_depth(
                depth_m, own.camera, camera, displacement.rotation, displacement.translation
            )
        depth_camera, remarks = (
            (own.camera, own.remarks) if own is not None else fit_to(camera, (msg.width, msg.height))
        )
        self._note("proportions", "; ".join(f"depth: {remark}" for remark in remarks))
        return DepthImage(depth_m, depth_camera)

    def _own_camera(self, size: Size) -> CameraReading | None:
        """Return the depth camera by its own calibration, None without one.

        Raises:
            CameraInfoError: the calibration is out of all proportion to the size.
        """
        info = self._info
        if info is None:
            return None
        if self._read is None or self._read[0] is not info or self._read[1] != size:
            self._read = (info, size, read_camera(info, size, rectified=is_rectified(self._topic)))
        return self._read[2]

    def _displacement(self, msg: RawImage, frame_id: str) -> tuple[Rigid | None, str]:
        """Return the depth camera's pose in the color camera's frame, None where they are one, or a problem.

        Images that name no frame are taken for registered ones.
        """
        depth_frame, color_frame = msg.header.frame_id.lstrip("/"), frame_id.lstrip("/")
        if not depth_frame or not color_frame or depth_frame == color_frame:
            return None, ""
        try:
            if self._transforms is None:
                raise TransformError("no transforms are known", TransformFault.UNCONNECTED)
            pose = self._transforms.lookup(color_frame, depth_frame, stamp_ns(msg.header))
        except TransformError as err:
            return None, f"the depth images are in another frame than the color images, and {err}"
        turned = np.abs(pose.rotation - np.eye(3)).max() > SAME_DIRECTION_RAD
        moved = np.abs(pose.translation).max() > SAME_PLACE_M
        return (pose if turned or moved else None), ""

    def _note(self, kind: str, concern: str) -> None:
        """Keep what is to be said of one kind, and say it where it is new; nothing ends it."""
        before = self._concerns.get(kind, "")
        if _NUMBER.sub("", before) == _NUMBER.sub("", concern):
            return
        others = {name: text for name, text in self._concerns.items() if name != kind}
        self._concerns = {**others, kind: concern} if concern else others
        if concern:
            self._logger.warning(concern)


def _bounded(images: tuple[_Received, ...]) -> tuple[_Received, ...]:
    """Return the latest depth images, not too many, too old or too large in all."""
    newest_ns, room = images[-1].taken_ns, MAX_BYTES_KEPT
    kept: list[_Received] = []
    for image in reversed(images[-DEPTH_IMAGES_KEPT:]):
        room -= image.size_bytes
        if room < 0:
            break
        if abs(newest_ns - image.taken_ns) <= KEPT_NS:
            kept.append(image)
    return tuple(reversed(kept))


def _depth_ratio(person: Pose, depth: DepthImage) -> float:
    """Return what the depth is where a person's hips are, by what the color image shows; NaN for unknown."""
    if person.hip_center is None:
        return math.nan
    x, y, z = person.hip_center.position
    depths, _ = depth.patch(np.array([x / z, y / z]), RADIUS_M / z)
    measured = depths[np.isfinite(depths)]
    return float(np.median(measured) / z) if len(measured) else math.nan


def to_meters(msg: RawImage) -> NDArray[np.float32]:
    """Return a depth image message in meters, (height, width), NaN where nothing was measured.

    Raises:
        ImageError: an empty image, an encoding of no depth, a step or data too short for it.
    """
    encoding = ENCODINGS.get(msg.encoding)
    if encoding is None:
        names = ", ".join(ENCODINGS)
        raise ImageError(f"the encoding {quoted(msg.encoding)} is not one of depth; these are: {names}")
    dtype = np.dtype(encoding.dtype).newbyteorder(">" if msg.is_bigendian else "<")
    rows = np.ascontiguousarray(pixel_rows(msg, dtype.itemsize))
    return metres(rows.view(dtype), encoding.unit_m)
