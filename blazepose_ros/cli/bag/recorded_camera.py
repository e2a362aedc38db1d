# SPDX-License-Identifier: Apache-2.0
"""One camera of a recording: its images with the calibration that held for each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from blazepose_ros.cli.bag.anonymized import replaced_image
from blazepose_ros.cli.bag.bag_files import BagReader
from blazepose_ros.cli.bag.cameras import COMPRESSED_IMAGE, IMAGE, CameraTopics
from blazepose_ros.conversions.camera_info import CameraInfoError
from blazepose_ros.conversions.cdr import CdrError, read_camera_info, stamp_ns
from blazepose_ros.conversions.frame_context import FrameContextCollector
from blazepose_ros.conversions.image_stream import ImageError, ImageStream
from blazepose_ros.conversions.images import TRANSPORTS
from blazepose_ros.conversions.tf_buffer import TfBuffer, remember
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.person_pipeline import FrameContext
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import Frame


@dataclass(frozen=True)
class RecordedFrame:
    """One image of a recording.

    Attributes:
        number: of the camera's images, from 1; those that cannot be read are counted.
        log_ns: when it was recorded, in nanoseconds.
        header: the message's, which every output carries.
        frame: the pixels.
        context: what else is known about the image.
    """

    number: int
    log_ns: int
    header: Header
    frame: Frame
    context: FrameContext


class Recording(Protocol):
    """One camera's images, from a bag or a video."""

    @property
    def name(self) -> str:
        """What to call it in messages."""
        ...

    def frames(self, settings: NodeSettings, logger: Logger) -> Generator[RecordedFrame, None, None]:
        """Yield the images; what cannot be read is told and left out.

        Raises:
            BagError: the recording is damaged.
        """
        ...

    def extras(self, recorded: RecordedFrame) -> Iterator[tuple[str, bytes]]:
        """Yield topic and serialized message of what belongs to an image and is not recorded yet."""
        ...


# How much later than an image its depth and the transforms of its time may have been recorded.
MAX_DELAY_NS = 100_000_000

STATIC_TF = "/tf_static"
TF_TOPICS = ("/tf", STATIC_TF)

_TRANSPORTS = {IMAGE: TRANSPORTS["raw"], COMPRESSED_IMAGE: TRANSPORTS["compressed"]}


@dataclass(frozen=True)
class CameraRecording:
    """A ``Recording`` of one camera of a bag.

    Attributes:
        bag: the recording.
        camera: which of its topics.
        replaces_images: whether images in which people are hidden take the place of those recorded.
    """

    bag: Path
    camera: CameraTopics
    replaces_images: bool = False

    @property
    def name(self) -> str:
        """The topic of the images."""
        return self.camera.images.name

    def frames(self, settings: NodeSettings, logger: Logger) -> Generator[RecordedFrame, None, None]:
        """Yield the images; see ``Recording``."""
        transforms = TfBuffer()
        contexts = FrameContextCollector(
            self.camera.info_topic or "camera_info",
            logger,
            image_topic=self.camera.images.name,
            transforms=transforms,
        )
        images = ImageStream(settings.max_image_megapixels, logger)
        receivers = self._receivers(contexts, logger)
        if settings.ground_frame:
            for topic in TF_TOPICS:
                receivers[topic] = partial(_remember, transforms, topic, logger)
        with BagReader(self.bag) as bag:
            _take_first_calibration(contexts, bag, {self.camera.info_topic} & receivers.keys(), logger)
            for number, (log_ns, data) in enumerate(self._images(bag, receivers), start=1):
                try:
                    yield self._frame(number, log_ns, data, contexts, settings, images)
                except (CdrError, ImageError, CameraInfoError) as err:
                    logger.warning(f"{self.name}: image {number} is left out: {err}")

    def extras(self, recorded: RecordedFrame) -> Iterator[tuple[str, bytes]]:
        """Yield the image that replaces the recorded one, if so; all else is in the bag already."""
        if self.replaces_images:
            yield replaced_image(recorded.frame.rgb, recorded.header, self.camera)

    def _receivers(
        self, contexts: FrameContextCollector, logger: Logger
    ) -> dict[str, Callable[[bytes], object]]:
        """Return what takes the messages of each topic beside the images."""
        receivers: dict[str, Callable[[bytes], object]] = {
            self.camera.info_topic: lambda data: _calibrate(contexts, data, logger)
        }
        if self.camera.depth is not None:
            receivers[self.camera.depth.info_topic] = contexts.depth.receive_calibration
            receivers[self.camera.depth.name] = contexts.depth.receive
        return {topic: receive for topic, receive in receivers.items() if topic}

    def _images(
        self, bag: BagReader, receivers: Mapping[str, Callable[[bytes], object]]
    ) -> Iterator[tuple[int, bytes]]:
        """Yield time and message of each image, once what was taken with it has been received."""
        waiting: deque[tuple[int, bytes]] = deque()
        max_delay_ns = 0 if receivers.keys() <= {self.camera.info_topic} else MAX_DELAY_NS
        for connection, log_ns, data in bag.messages({self.name, *receivers}):
            while waiting and log_ns > waiting[0][0] + max_delay_ns:
                yield waiting.popleft()
            if connection.topic == self.name:
                waiting.append((log_ns, data))
            else:
                receivers[connection.topic](data)
        yield from waiting

    def _frame(
        self,
        number: int,
        log_ns: int,
        data: bytes,
        contexts: FrameContextCollector,
        settings: NodeSettings,
        images: ImageStream,
    ) -> RecordedFrame:
        transport = _TRANSPORTS[self.camera.images.message_type]
        message = transport.read(data)
        frame = Frame(transport.to_rgb(message, images), stamp_ns(message.header))
        frame_id = message.header.frame_id or settings.camera_frame
        header = Header(stamp=message.header.stamp, frame_id=frame_id)
        return RecordedFrame(number, log_ns, header, frame, contexts.context_of(frame, settings, frame_id))


def _remember(transforms: TfBuffer, topic: str, logger: Logger, data: bytes) -> None:
    try:
        remember(transforms, data, static=topic == STATIC_TF)
    except CdrError as err:
        logger.warning(f"{topic}: message left out: {err}")


def _take_first_calibration(
    contexts: FrameContextCollector, bag: BagReader, info_topics: set[str], logger: Logger
) -> None:
    """Take it at once: images may have been recorded before it."""
    first = next(bag.messages(info_topics), None)
    if first is None:
        contexts.calibration.update(CameraInfo())  # zeros: not calibrated, and no other will come
    else:
        _calibrate(contexts, first[2], logger)


def _calibrate(contexts: FrameContextCollector, data: bytes, logger: Logger) -> None:
    try:
        contexts.calibration.update(read_camera_info(data))
    except CdrError as err:
        logger.warning(f"a calibration is left out: {err}")
