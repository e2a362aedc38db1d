"""A video file as a camera's recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from blazepose_ros.bag.errors import BagError
from blazepose_ros.bag.outputs import CAMERA_INFO, IMAGES
from blazepose_ros.bag.shot import Shot
from blazepose_ros.camera.calibration import Calibration, CalibrationError
from blazepose_ros.camera.frame_fit import FrameFit
from blazepose_ros.camera.image_source import VideoFile
from blazepose_ros.camera.messages import camera_info_message, compressed_message, header_message
from blazepose_ros.nanoseconds import NS_PER_S
from blazepose_ros.pose import Frame
from blazepose_ros.scene_source import SceneSource


@dataclass(frozen=True)
class VideoRecording:
    """A ``Recording`` of a video.

    Attributes:
        path: the file.
        rate: frames per second.
        start_ns: the stamp of the first frame.
        frame_id: the camera's frame.
        calibration: the camera's; None where nobody calibrated.
        with_images: whether the frames go into the recording.
    """

    path: Path
    rate: float
    start_ns: int
    frame_id: str
    calibration: Calibration | None
    with_images: bool

    @property
    def name(self) -> str:
        """The file."""
        return str(self.path)

    def shots(self, settings: SimpleNamespace, skip: int, warn: Callable[[str], object]) -> Iterator[Shot]:
        """Yield the frames after the first ``skip``; see ``Recording``."""
        scenes = SceneSource(self.name, warn, warn)
        with closing(VideoFile(self.path)) as video:
            number = 0
            while (captured := video.read()) is not None:
                number += 1
                if number > skip:
                    yield self._shot(number, captured.bgr, scenes, settings)

    def extras(self, shot: Shot) -> Iterator[tuple[str, bytes]]:
        """Yield the frame as a JPEG, and the calibration."""
        if self.with_images:
            bgr = cv2.cvtColor(shot.frame.rgb, cv2.COLOR_RGB2BGR)
            yield IMAGES, serialize_message(compressed_message(bgr, shot.header))
        yield CAMERA_INFO, serialize_message(self._info(shot.frame, shot.header))

    def _shot(
        self, number: int, bgr: NDArray[np.uint8], scenes: SceneSource, settings: SimpleNamespace
    ) -> Shot:
        stamp_ns = self.start_ns + round((number - 1) * NS_PER_S / self.rate)
        frame = Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), stamp_ns)
        header = header_message(stamp_ns, self.frame_id)
        scenes.calibration.update(self._info(frame, header))
        return Shot(number, stamp_ns, header, frame, scenes.scene_of(frame, settings))

    def _info(self, frame: Frame, header: Header) -> CameraInfo:
        """Return the calibration for a frame.

        Raises:
            BagError: it is of images with other proportions.
        """
        size = (frame.width, frame.height)
        try:
            fitting = self.calibration and self.calibration.seen_through(FrameFit(size, size))
        except CalibrationError as err:
            raise BagError(f"{self.name}: {err}") from err
        return camera_info_message(fitting, size, header)
