"""One camera of a bag: its images with the calibration that held for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from blazepose_ros.bag.cameras import COMPRESSED_IMAGE, IMAGE, Camera
from blazepose_ros.bag.reader import BagReader
from blazepose_ros.bag.shot import Shot
from blazepose_ros.calibration_source import CalibrationError
from blazepose_ros.cdr import CdrError, read_camera_info
from blazepose_ros.image_messages import stamp_ns
from blazepose_ros.image_transports import TRANSPORTS
from blazepose_ros.images import ImageError
from blazepose_ros.pose import Frame
from blazepose_ros.scene_source import SceneSource

_TRANSPORTS = {IMAGE: TRANSPORTS["raw"], COMPRESSED_IMAGE: TRANSPORTS["compressed"]}


@dataclass(frozen=True)
class CameraRecording:
    """A ``Recording`` of one camera of a bag."""

    bag: Path
    camera: Camera

    @property
    def name(self) -> str:
        """The topic of the images."""
        return self.camera.images.name

    def shots(self, settings: SimpleNamespace, skip: int, warn: Callable[[str], object]) -> Iterator[Shot]:
        """Yield the images after the first ``skip``; see ``Recording``."""
        scenes = SceneSource(self.camera.info_topic or "camera_info", warn, warn)
        info_topics = {self.camera.info_topic} - {""}
        with BagReader(self.bag) as bag:
            _begin(scenes, bag, info_topics, warn)
            number = 0
            for connection, log_ns, data in bag.messages({self.name, *info_topics}):
                if connection.topic != self.name:
                    _calibrate(scenes, data, warn)
                    continue
                number += 1
                if number > skip:
                    try:
                        yield self._shot(number, log_ns, data, scenes, settings)
                    except (CdrError, ImageError, CalibrationError) as err:
                        warn(f"{self.name}: image {number} is left out: {err}")

    def extras(self, _shot: Shot) -> Iterator[tuple[str, bytes]]:
        """Yield nothing: everything is in the bag already."""
        yield from ()

    def _shot(
        self, number: int, log_ns: int, data: bytes, scenes: SceneSource, settings: SimpleNamespace
    ) -> Shot:
        transport = _TRANSPORTS[self.camera.images.message_type]
        message = transport.read(data)
        frame = Frame(transport.to_rgb(message), stamp_ns(message.header))
        frame_id = message.header.frame_id or settings.camera_frame
        header = Header(stamp=message.header.stamp, frame_id=frame_id)
        return Shot(number, log_ns, header, frame, scenes.scene_of(frame, settings))


def _begin(scenes: SceneSource, bag: BagReader, info_topics: set[str], warn: Callable[[str], object]) -> None:
    """Take the first calibration at once: images may have been recorded before it."""
    first = next(bag.messages(info_topics), None)
    if first is None:
        scenes.calibration.update(CameraInfo())  # zeros: nobody calibrated, and no other will come
    else:
        _calibrate(scenes, first[2], warn)


def _calibrate(scenes: SceneSource, data: bytes, warn: Callable[[str], object]) -> None:
    try:
        scenes.calibration.update(read_camera_info(data))
    except CdrError as err:
        warn(f"a calibration is left out: {err}")
