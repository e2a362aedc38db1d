# SPDX-License-Identifier: Apache-2.0
"""``blazepose bag --fuse``: the people of a recording's cameras, fused as blazepose_fusion does it."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from blazepose_ros.cli.bag.bag_files import BagMessage, BagReader
from blazepose_ros.cli.bag.cameras import CameraTopics
from blazepose_ros.cli.bag.message_types import serialized, type_name
from blazepose_ros.cli.bag.outputs import MARKERS, POSE, POSES, TF
from blazepose_ros.cli.bag.recorded_camera import MAX_DELAY_NS, STATIC_TF, TF_TOPICS
from blazepose_ros.conversions.camera_info import CameraInfoError, is_rectified, read_camera
from blazepose_ros.conversions.cdr import CdrError, header_message, read_camera_info
from blazepose_ros.conversions.frames import to_tf_message
from blazepose_ros.conversions.markers import MarkerArrays
from blazepose_ros.conversions.pose33 import (
    PoseArray,
    read_pose33_array,
    serialize_pose33,
    serialize_pose33_array,
)
from blazepose_ros.conversions.tf_buffer import TfBuffer, TransformError, remember
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.fusion.fusion_pipeline import FusedPeople, FusionOptions, FusionPipeline
from blazepose_ros.core.fusion.sightings import CameraView
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import NO_IMAGE, ModelComplexity
from blazepose_ros.msg import Pose33, Pose33Array

NODE = "blazepose_fusion"  # what the node is called


class PosesRecord(NamedTuple):
    """The people of one image, as they go into the new recording.

    Attributes:
        log_ns: when the image was recorded, in nanoseconds.
        camera: the index of its camera.
        data: a serialized Pose33Array.
    """

    log_ns: int
    camera: int
    data: bytes


@dataclass(frozen=True)
class FusedRecording:
    """A recording whose cameras' people are fused.

    Attributes:
        path: the recording, with its calibrations and transforms.
        cameras: its cameras.
        frame: what people are fused in; transforms of the recording tell where cameras are in it.
        settings: those of the cameras' nodes.
    """

    path: Path
    cameras: Sequence[CameraTopics]
    frame: str
    settings: NodeSettings

    def messages(self, people: Sequence[Iterator[PosesRecord]], logger: Logger) -> Iterator[BagMessage]:
        """Yield what blazepose_fusion would publish, in the order of time.

        Args:
            people: those of each camera's images, in the order of time.
            logger: told as an error of cameras that are not fused.

        Raises:
            BagError: the recording is damaged.
        """
        lenses = _Lenses(self)
        pipeline = FusionPipeline(FusionOptions())
        writer = _Writer(self)
        faults: Counter[tuple[str, str]] = Counter()
        log_ns = 0
        with BagReader(self.path) as bag:
            transforms = _Transforms(bag, logger)
            for record in heapq.merge(*people, key=lambda each: each.log_ns):
                log_ns = record.log_ns
                transforms.read_until(log_ns + MAX_DELAY_NS)
                name = self.cameras[record.camera].images.name
                message = read_pose33_array(record.data)
                try:
                    pose = transforms.buffer.lookup(self.frame, message.frame_id, message.stamp_ns)
                except TransformError as err:
                    faults[name, str(err)] += 1
                    continue
                lens = lenses.of(record.camera, message)
                view = CameraView(name, message.stamp_ns, pose, tuple(message.poses), lens)
                yield from writer.messages(pipeline.update(view), log_ns)
        yield from writer.messages(pipeline.finish(), log_ns)
        for name in {name for name, _ in faults}:
            count = sum(number for (each, _), number in faults.items() if each == name)
            reason = next(reason for each, reason in faults if each == name)
            logger.error(f"{name}: the people of {count} images are not fused: {reason}")


class _Transforms:
    """Reads the recording's transforms along with its images; static ones hold from the beginning."""

    def __init__(self, bag: BagReader, logger: Logger) -> None:
        self.buffer = TfBuffer(clock=lambda: 0.0)  # nothing is forgotten by the time of the day
        self._logger = logger
        for connection, _, data in bag.messages({STATIC_TF}):
            self._take(connection.topic, data)
        self._moving = bag.messages(set(TF_TOPICS) - {STATIC_TF})
        self._next = next(self._moving, None)

    def read_until(self, log_ns: int) -> None:
        """Take the transforms that were recorded until a time."""
        while self._next is not None and self._next[1] <= log_ns:
            self._take(self._next[0].topic, self._next[2])
            self._next = next(self._moving, None)

    def _take(self, topic: str, data: bytes) -> None:
        try:
            remember(self.buffer, data, static=topic == STATIC_TF)
        except CdrError as err:
            self._logger.warning(f"{topic}: message left out: {err}")


class _Lenses:
    """The cameras' models at the size of their images."""

    def __init__(self, recording: FusedRecording) -> None:
        self._recording = recording
        self._infos = self._read()
        self._lenses: dict[tuple[int, int, int], CameraModel | None] = {}

    def of(self, camera: int, message: PoseArray) -> CameraModel | None:
        """Return a camera's model for the image of a message; None where it is not calibrated."""
        size = message.image.width, message.image.height
        if not message.poses or 0 in size:
            return None
        key = (camera, *size)
        if key not in self._lenses:
            self._lenses[key] = self._lens(camera, size)
        return self._lenses[key]

    def _lens(self, camera: int, size: tuple[int, int]) -> CameraModel | None:
        topics = self._recording.cameras[camera]
        info = self._infos.get(topics.info_topic)
        rectified = is_rectified(topics.images.name, self._recording.settings.rectified)
        try:
            reading = None if info is None else read_camera(info, size, rectified=rectified)
        except CameraInfoError:
            return None
        return None if reading is None else reading.camera

    def _read(self) -> Mapping[str, CameraInfo]:
        """Return the first calibration on each topic."""
        infos: dict[str, CameraInfo] = {}
        wanted = {camera.info_topic for camera in self._recording.cameras if camera.info_topic}
        with BagReader(self._recording.path) as bag:
            for connection, _, data in bag.messages(wanted):
                if connection.topic not in infos:
                    infos[connection.topic] = read_camera_info(data)
                if infos.keys() == wanted:
                    break
        return infos


class _Writer:
    """Makes the messages of fused people."""

    def __init__(self, recording: FusedRecording) -> None:
        self._recording = recording
        self._markers = MarkerArrays()

    def messages(self, fused: Sequence[FusedPeople], log_ns: int) -> Iterator[BagMessage]:
        """Yield the messages of some times, recorded at one time."""
        for each in fused:
            for output, message_type, message in self._of(each):
                topic = output.replace("~", f"/{NODE}")
                yield BagMessage(log_ns, topic, type_name(message_type), serialized(message))

    def _of(self, fused: FusedPeople) -> Iterator[tuple[str, type, Any]]:
        settings, people = self._recording.settings, fused.people
        header = header_message(fused.stamp_ns, self._recording.frame)
        what = header, NO_IMAGE, ModelComplexity(settings.model_complexity)
        yield POSES, Pose33Array, serialize_pose33_array(people, *what)
        if people:
            yield POSE, Pose33, serialize_pose33(people[0], *what)
        yield MARKERS, MarkerArray, self._markers.update(people, header, settings.visibility_threshold)
        if people and settings.publish_tf:
            visibility = settings.visibility_threshold if settings.publish_landmark_tf else None
            yield TF, TFMessage, to_tf_message(people, header, prefix="", landmark_visibility=visibility)
