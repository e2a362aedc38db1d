# SPDX-License-Identifier: Apache-2.0
"""Where the people come from whom calibrations need: nodes that run, or a recording."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

from blazepose_ros.cli.bag.bag_files import BagReader
from blazepose_ros.cli.bag.cameras import CAMERA_INFO, cameras_of
from blazepose_ros.cli.bag.message_types import is_outdated, updated
from blazepose_ros.cli.bag.recorded_camera import (
    STATIC_TF,
    TF_TOPICS,
    CameraRecording,
    RecordedFrame,
    Recording,
)
from blazepose_ros.cli.calibrate.camera_views import CameraViews
from blazepose_ros.cli.console import note, progress
from blazepose_ros.cli.signals import held_back
from blazepose_ros.conversions.cdr import CdrError, read_camera_info
from blazepose_ros.conversions.pose33 import POSES_TYPE
from blazepose_ros.conversions.tf_buffer import remember
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.loading import load_model, pipeline_options
from blazepose_ros.core.person_pipeline import PersonPipeline
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import Pose
from blazepose_ros.msg import Pose33Array
from blazepose_ros.nodes.common.main import init_rclpy
from blazepose_ros.nodes.common.process_tuning import configure_opencv


def recorded_people(
    recording: Recording, settings: NodeSettings
) -> Iterator[tuple[RecordedFrame, list[Pose]]]:
    """Yield each image and the people in it; what cannot be read is noted and left out.

    Raises:
        BagError: the recording is damaged.
        ModelError: the model is missing or damaged.
        EstimatorError: the backend or the model does not load.
    """
    configure_opencv()
    logger = FunctionLogger(note)
    estimator = load_model(settings, logging.getLogger(__name__)).estimator
    pipeline = PersonPipeline(pipeline_options(settings))
    with closing(estimator):
        for image in recording.frames(settings, logger):
            try:
                poses = estimator.estimate(image.frame)
            except EstimatorError as err:
                logger.warning(f"{recording.name}: image {image.number} is left out: {err}")
                continue
            yield image, pipeline.update(image.frame, poses, image.context)


# The longest wait for a message: Ctrl-C, new topics and the progress bar wait as long.
MOMENT_S = 0.05
# Discovery takes up to two seconds, and a node begins with the first subscriber.
PATIENCE_S = 15.0

_LATEST = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
_LATCHED = QoSProfile(
    depth=100, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
_TF = QoSProfile(depth=100)


class _Listener(Node):
    """Subscribes to every topic of poses and calibrations that appears."""

    def __init__(self, views: CameraViews, topics: Sequence[str]) -> None:
        super().__init__("blazepose_calibrate_cameras")
        self._views = views
        self._wanted = {self.resolve_topic_name(topic) for topic in topics}
        self.heard: set[str] = set()
        for topic, qos in zip(TF_TOPICS, (_TF, _LATCHED), strict=True):
            take = partial(self._take_transforms, static=topic == STATIC_TF)
            self.create_subscription(TFMessage, topic, take, qos, raw=True)

    def look(self) -> None:
        """Subscribe to the topics that have appeared."""
        for topic, types in self.get_topic_names_and_types():
            if topic in self.heard:
                continue
            if POSES_TYPE in types and (not self._wanted or topic in self._wanted):
                self.heard.add(topic)
                self.create_subscription(Pose33Array, topic, partial(self._views.take_poses, topic), _LATEST)
            elif CAMERA_INFO in types:
                self.heard.add(topic)
                self.create_subscription(CameraInfo, topic, self._views.take_calibration, _LATEST)

    def _take_transforms(self, serialized: bytes, *, static: bool) -> None:
        try:
            remember(self._views.transforms, serialized, static=static)
        except CdrError as err:
            self.get_logger().warning(f"transforms left out: {err}")


def from_nodes(topics: Sequence[str], duration_s: float) -> CameraViews:
    """Return what the nodes that run have found for some time, from when two cameras see somebody.

    Ctrl-C ends it, and what has come until then counts; so does what has come where no two cameras see
    anybody for `PATIENCE_S`.

    Args:
        topics: of the poses; nothing for all.
        duration_s: how long to listen.
    """
    views = CameraViews()
    with held_back():
        init_rclpy()
        node = _Listener(views, topics)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
    try:
        _listen(node, executor, views, duration_s)
    except KeyboardInterrupt:
        note("stopped: what has come until now counts")
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return views


def _listen(node: _Listener, executor: SingleThreadedExecutor, views: CameraViews, duration_s: float) -> None:
    started_s = time.monotonic()
    while len(views) < 2:
        _turn(node, executor)
        if time.monotonic() - started_s > PATIENCE_S:
            return  # what is missing is told of what there is
    with progress("watching the person", round(duration_s), "s") as bar:
        started_s = last_s = time.monotonic()
        while last_s - started_s < duration_s:
            _turn(node, executor)
            now_s = time.monotonic()
            bar.advance(now_s - last_s)
            last_s = now_s


def _turn(node: _Listener, executor: SingleThreadedExecutor) -> None:
    with held_back():
        node.look()
        executor.spin_once(MOMENT_S)


def from_recording(path: Path, topics: Sequence[str], settings: NodeSettings) -> CameraViews:
    """Return what the cameras of a recording see: the recorded people, or else those in the images.

    Args:
        path: the recording.
        topics: of the poses or the images; nothing for all.
        settings: of the model, where people have to be found.

    Raises:
        BagError: it cannot be read, or there are neither people nor images of several cameras.
    """
    views = CameraViews()
    with BagReader(path) as bag:
        types = {each.topic: each.msgtype for each in bag.connections if each.msgcount}
        infos = {topic for topic, name in types.items() if name == CAMERA_INFO}
        poses = {topic for topic, name in types.items() if name == POSES_TYPE and _is_wanted(topic, topics)}
        for connection, _, data in bag.messages({*poses, *infos, *TF_TOPICS}):
            if connection.topic in poses:
                current = updated(data, connection) if is_outdated(connection) else data
                views.take_poses(connection.topic, deserialize_message(current, Pose33Array))
            elif connection.topic in infos:
                _take_calibration(views, connection.topic, data)
            else:
                remember(views.transforms, data, static=connection.topic == STATIC_TF)
        if len(views):
            return views
        cameras = cameras_of(bag, topics)
    recordings = [CameraRecording(path, camera) for camera in cameras]
    with progress("finding the person", sum(camera.images.count for camera in cameras), "images") as bar:
        for recording in recordings:
            for _ in _find(recording, settings, views):
                bar.advance(1)
    return views


def _is_wanted(topic: str, topics: Sequence[str]) -> bool:
    return not topics or topic in topics


def _take_calibration(views: CameraViews, topic: str, data: bytes) -> None:
    try:
        views.take_calibration(read_camera_info(data))
    except CdrError as err:
        note(f"{topic}: a calibration is left out: {err}")


def _find(recording: CameraRecording, settings: NodeSettings, views: CameraViews) -> Iterator[None]:
    """Find the people in one camera's images, and yield after each."""
    for image, people in recorded_people(recording, settings):
        views.add(recording.name, image.header.frame_id, image.frame.stamp_ns, people, image.context.camera)
        yield None
