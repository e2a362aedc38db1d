# SPDX-License-Identifier: Apache-2.0
"""Cameras as CameraInfo messages and back, and the calibration that holds now."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from blazepose_ros.conversions.cdr import STAMP_END, CdrError, read_camera_info
from blazepose_ros.core.camera_model import CameraModel, Distortion, read_distortion, same_proportions
from blazepose_ros.core.errors import BlazePoseError, Logger
from blazepose_ros.core.frame_sources.calibration_file import Calibration
from blazepose_ros.core.frame_sources.resize import Size


class CameraInfoError(BlazePoseError, ValueError):
    """A CameraInfo that does not describe a camera; the message says what is wrong with it."""


@dataclass(frozen=True)
class Intrinsics:
    """What is certain of a camera's lens.

    Attributes:
        k: (3, 3), the intrinsic matrix in pixels.
        distortion: what the lens does besides.
        remarks: what of the message was read otherwise, or ignored.
    """

    k: NDArray[np.float64]
    distortion: Distortion = field(default_factory=Distortion)
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class CameraReading:
    """The camera of images of one size, by a CameraInfo.

    Attributes:
        camera: the camera.
        remarks: what of the message was read otherwise, or ignored.
    """

    camera: CameraModel
    remarks: tuple[str, ...] = ()


def read_intrinsics(msg: CameraInfo, *, rectified: bool = False) -> Intrinsics | None:
    """Return what a CameraInfo says of the lens, or None for a camera that is not calibrated.

    Raw images are seen through K and D, rectified ones through P. Where one of the two is missing,
    the other one is taken, without distortion.

    Raises:
        CameraInfoError: neither K nor P is a camera's.
    """
    k, p = np.reshape(msg.k, (3, 3)), np.reshape(msg.p, (3, 4))[:, :3]
    if not k.any() and not p.any():  # how sensor_msgs/CameraInfo says so
        return None
    if rectified:
        if not _k_fault(p):
            return Intrinsics(p)
        if not _k_fault(k):
            return Intrinsics(k, remarks=(f"{_k_fault(p, 'P')}: K is used, without distortion",))
    elif not _k_fault(k):
        try:
            distortion = read_distortion(msg.distortion_model, msg.d)
        except ValueError as err:
            raise CameraInfoError(f"camera_info is not usable: {err}") from err
        return Intrinsics(k, distortion, (distortion.remark,) if distortion.remark else ())
    elif not _k_fault(p):
        return Intrinsics(p, remarks=(f"{_k_fault(k)}: P is used, without distortion",))
    raise CameraInfoError(f"camera_info is not usable: {_k_fault(k)}")


def _k_fault(k: NDArray[np.float64], name: str = "K") -> str:
    """Return why a matrix is not a camera's, nothing where it is."""
    if not k.any():
        return f"{name} is zero"
    try:
        CameraModel(1, 1, k)
    except ValueError as err:
        return str(err).replace("K ", f"{name} ", 1)
    return ""


def read_camera(
    msg: CameraInfo, size: Size | None = None, *, rectified: bool = False
) -> CameraReading | None:
    """Return the camera of images of a size that a CameraInfo describes, or None for one not calibrated.

    K and P are those of the whole image in full resolution, of which a region may be cut out that
    may then be binned.

    Args:
        msg: the calibration.
        size: width and height of the images in pixels; None for that of the calibration.
        rectified: whether the images are rectified.

    Raises:
        CameraInfoError: the numbers do not describe a camera, or none with images of such a size.
    """
    intrinsics = read_intrinsics(msg, rectified=rectified)
    if intrinsics is None:
        return None
    whole_size = (msg.width, msg.height) if msg.width and msg.height else size
    if whole_size is None:
        raise CameraInfoError(f"camera_info is not usable: the image size is {msg.width} x {msg.height}")
    lens = intrinsics.distortion
    try:
        whole = CameraModel(whole_size[0], whole_size[1], intrinsics.k, lens.d, lens.model)
        part, region_remarks = _part(whole, msg, size)
        camera, fit_remarks = fit_to(part, size or (part.width, part.height))
    except ValueError as err:
        raise CameraInfoError(f"camera_info is not usable: {err}") from err
    return CameraReading(camera, (*intrinsics.remarks, *region_remarks, *fit_remarks))


def _part(whole: CameraModel, msg: CameraInfo, size: Size | None) -> tuple[CameraModel, Sequence[str]]:
    """Return the camera of the region that a message names, and what of it is ignored."""
    roi = msg.roi
    # A region of no size is the whole image, a binning of 0 is one of 1.
    width, height = roi.width or whole.width, roi.height or whole.height
    binned = width // max(msg.binning_x, 1), height // max(msg.binning_y, 1)
    named = f"the region of {width} x {height} pixels at ({roi.x_offset}, {roi.y_offset})"
    if not all(binned):
        return whole, [f"the binning {msg.binning_x} x {msg.binning_y} leaves no image: it is ignored"]
    try:
        region = whole.cropped_to(roi.x_offset, roi.y_offset, width, height)
    except ValueError:
        inside = f"{whole.width} x {whole.height}"
        return whole, [f"{named} is not inside of {inside}: it is ignored, as if cropped already"]
    if size == (whole.width, whole.height) != binned and (width, height) != size:
        return whole, [f"{named} is ignored: the images have all {whole.width} x {whole.height}"]
    return region.scaled_to(*binned), []


def fit_to(camera: CameraModel, size: Size) -> tuple[CameraModel, Sequence[str]]:
    """Return a camera for images of a size, and what that rests on where the proportions are others.

    Raises:
        ValueError: the numbers are out of all proportion to the size.
    """
    if same_proportions((camera.width, camera.height), size):
        return camera.scaled_to(*size), []
    remark = (
        f"the calibration is of {camera.width} x {camera.height} pixels, the images have"
        f" {size[0]} x {size[1]}, which are other proportions: the middle of the sensor is assumed;"
        " calibrate with images of this size"
    )
    return camera.cropped_in_the_middle(*size), [remark]


def camera_info_message(calibration: Calibration | None, size: Size, header: Header) -> CameraInfo:
    """Return the CameraInfo of images of a size (width, height).

    Without a calibration the matrices are zero, which is how CameraInfo says so.
    """
    message = CameraInfo(header=header, width=size[0], height=size[1])
    if calibration is not None:
        message.distortion_model = calibration.camera.distortion_model
        message.d = list(calibration.camera.d)
        message.k = calibration.camera.k.ravel()
        message.r = calibration.rectification.ravel()
        message.p = calibration.projection.ravel()
    return message


# How long after the first image a warning says that a calibration is assumed.
ASSUME_AFTER_S = 1.0

# A camera's images are of one size, and to make a model takes a tenth of a millisecond.
_assumed = lru_cache(maxsize=4)(CameraModel.from_hfov)


# A part of a topic's name that says that its images are rectified, and one that says that they are not.
_RECTIFIED = re.compile(r"(^|[/_])rect(ified|_|/|$)")
_RAW = re.compile(r"(^|[/_])(raw|unrectified)(_|/|$)")
# The values of the parameter ``rectified``.
AUTO, ALWAYS, NEVER = "auto", "always", "never"


def is_rectified(topic: str, choice: str = AUTO) -> bool:
    """Return whether the images of a topic are rectified: as chosen, or by its name, as image_proc has it."""
    return choice == ALWAYS or (choice == AUTO and bool(_RECTIFIED.search(topic)))


class CalibrationInput:
    """Knows the camera of the images: the latest usable calibration, or an assumption.

    Args:
        topic: where calibrations come from, for messages.
        logger: warned when distances rest on an assumption, and of what a calibration leaves uncertain.
        clock: monotonic seconds.
        image_topic: where images come from; its name says whether they are rectified.
    """

    def __init__(
        self,
        topic: str,
        logger: Logger,
        clock: Callable[[], float] = time.monotonic,
        image_topic: str = "",
    ) -> None:
        self._topic = topic
        self._image_topic = image_topic
        self._logger = logger
        self._clock = clock
        # Another thread reads these: they are replaced, never changed.
        self._message: CameraInfo | None = None
        self._read: tuple[CameraInfo, object, CameraReading] | None = None
        self._concerns: tuple[str, ...] = ()
        self._choice = AUTO
        self._content: tuple[bytes, str] | None = None  # of the latest one, and how it was read
        self._is_known = False
        self._assume_from_s: float | None = None
        self._has_warned = False
        self._has_said_how = False

    @property
    def is_calibrated(self) -> bool:
        """Whether there is a usable calibration."""
        return self._message is not None

    @property
    def is_known(self) -> bool:
        """Whether the camera has said how it is calibrated, or that it is not."""
        return self._is_known

    @property
    def concerns(self) -> tuple[str, ...]:
        """What the calibration in use leaves uncertain."""
        return self._concerns

    def receive(self, serialized: bytes) -> None:
        """Take a calibration as it came over the wire; one that cannot be read changes nothing.

        Most cameras send the same one with every image: it is read once.
        """
        content = bytes(serialized[STAMP_END:]), self._choice
        if content == self._content:
            return
        self._content = content
        try:
            self.update(read_camera_info(serialized))
        except CdrError as err:
            self._content = None
            self._logger.error(f"camera_info dropped: {err}")

    def update(self, msg: CameraInfo) -> None:
        """Take the latest calibration; an unusable one counts as none."""
        self._is_known = True
        try:
            rectified = is_rectified(self._image_topic, self._choice)
            self._message = msg if read_intrinsics(msg, rectified=rectified) else None
        except CameraInfoError as err:
            self._message = self._content = None
            self._logger.error(f"{err}; a field of view is assumed")
        if self._message is None:
            self._assume_from_s = self._clock()  # no better one will come

    def camera_for(
        self, width: int, height: int, assumed_hfov_deg: float, rectified: str = AUTO
    ) -> CameraModel:
        """Return the camera for an image of a size in pixels.

        Args:
            width: the image's.
            height: the image's.
            assumed_hfov_deg: the field of view of a camera without a calibration.
            rectified: whether images are rectified: auto, always or never.

        Raises:
            CameraInfoError: the calibration's numbers are out of all proportion to the image.
        """
        message, self._choice = self._message, rectified
        if message is None:
            self._warn_of_assumption(assumed_hfov_deg)
            return _assumed(width, height, assumed_hfov_deg)
        images = (width, height, rectified)
        if self._read is None or self._read[0] is not message or self._read[1] != images:
            self._read = (message, images, self._reading(message, (width, height), rectified))
        return self._read[2].camera

    def _reading(self, msg: CameraInfo, size: Size, choice: str) -> CameraReading:
        rectified = is_rectified(self._image_topic, choice)
        try:
            reading = read_camera(msg, size, rectified=rectified)
        except CameraInfoError as err:
            reason = err.__cause__ or err
            raise CameraInfoError(f"camera_info does not fit {size[0]} x {size[1]} pixels: {reason}") from err
        assert reading is not None  # as update() has found out
        self._has_warned = False
        self._say(reading.remarks)
        if choice == AUTO and _differs_when_rectified(msg):
            self._say_how_it_is_taken(rectified)
        return reading

    def _say(self, remarks: tuple[str, ...]) -> None:
        if remarks != self._concerns:
            for remark in remarks:
                self._logger.warning(f"camera_info on {self._topic}: {remark}")
            self._concerns = remarks

    def _say_how_it_is_taken(self, rectified: bool) -> None:
        """Say once what the topic's name means, unless it says by itself that the images are raw."""
        if self._has_said_how or (not rectified and _RAW.search(self._image_topic)):
            return
        self._has_said_how = True
        kind, used = ("rectified", "P instead of K and D") if rectified else ("raw", "K and D instead of P")
        self._logger.info(
            f"by the name of their topic, {self._image_topic or 'image'}, the images are taken as {kind}:"
            f" {used} of camera_info; if they are not, set the parameter rectified"
        )

    def _warn_of_assumption(self, hfov_deg: float) -> None:
        self._concerns = ()
        if self._assume_from_s is None:
            self._assume_from_s = self._clock() + ASSUME_AFTER_S
        if not self._has_warned and self._clock() >= self._assume_from_s:
            self._has_warned = True
            self._logger.warning(
                f"no calibration on {self._topic}: distances rest on an assumed field of view"
                f" of {hfov_deg:g} degrees (assumed_hfov_deg)"
            )


def _differs_when_rectified(msg: CameraInfo) -> bool:
    """Return whether rectified images are seen through other numbers than raw ones."""
    k, p = np.reshape(msg.k, (3, 3)), np.reshape(msg.p, (3, 4))[:, :3]
    return not _k_fault(k) and not _k_fault(p) and (any(msg.d) or not np.allclose(k, p))
