"""One camera of a bag: its images with the calibration that held for each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
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

# How much later than an image its depth may have been recorded.
DEPTH_PATIENCE_NS = 100_000_000

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
        receivers = self._receivers(scenes, warn)
        with BagReader(self.bag) as bag:
            _begin(scenes, bag, {self.camera.info_topic} & receivers.keys(), warn)
            for number, (log_ns, data) in enumerate(self._images(bag, receivers), start=1):
                if number > skip:
                    try:
                        yield self._shot(number, log_ns, data, scenes, settings)
                    except (CdrError, ImageError, CalibrationError) as err:
                        warn(f"{self.name}: image {number} is left out: {err}")

    def extras(self, _shot: Shot) -> Iterator[tuple[str, bytes]]:
        """Yield nothing: everything is in the bag already."""
        yield from ()

    def _receivers(
        self, scenes: SceneSource, warn: Callable[[str], object]
    ) -> dict[str, Callable[[bytes], object]]:
        """Return who takes the messages of each topic beside the images."""
        receivers: dict[str, Callable[[bytes], object]] = {
            self.camera.info_topic: lambda data: _calibrate(scenes, data, warn)
        }
        if self.camera.depth is not None:
            receivers[self.camera.depth.info_topic] = scenes.depth.receive_calibration
            receivers[self.camera.depth.name] = scenes.depth.receive
        return {topic: receive for topic, receive in receivers.items() if topic}

    def _images(
        self, bag: BagReader, receivers: Mapping[str, Callable[[bytes], object]]
    ) -> Iterator[tuple[int, bytes]]:
        """Yield time and message of each image, once what was taken with it has been received."""
        waiting: deque[tuple[int, bytes]] = deque()
        patience_ns = 0 if self.camera.depth is None else DEPTH_PATIENCE_NS
        for connection, log_ns, data in bag.messages({self.name, *receivers}):
            while waiting and log_ns > waiting[0][0] + patience_ns:
                yield waiting.popleft()
            if connection.topic == self.name:
                waiting.append((log_ns, data))
            else:
                receivers[connection.topic](data)
        yield from waiting

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
