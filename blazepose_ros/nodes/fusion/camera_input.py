# SPDX-License-Identifier: Apache-2.0
"""One camera: its people, its calibration, and where it is."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo

from blazepose_ros.conversions.camera_info import CalibrationInput, CameraInfoError
from blazepose_ros.conversions.cdr import CdrError, SerializedMessage, read_origin
from blazepose_ros.conversions.pose33 import PoseArray, read_pose33_array
from blazepose_ros.conversions.tf_buffer import TfBuffer, TransformError, TransformFault
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import BlazePoseError, Logger
from blazepose_ros.core.fusion.settings import FusionSettings
from blazepose_ros.core.fusion.sightings import CameraView
from blazepose_ros.core.settings import MAX_PEOPLE
from blazepose_ros.core.text import printable
from blazepose_ros.core.timestamps import is_restart
from blazepose_ros.core.transforms import IDENTITY, Rigid
from blazepose_ros.core.types import ImageSize, Placement, Status
from blazepose_ros.msg import Pose33Array
from blazepose_ros.nodes.common.followed_subscription import BEST_EFFORT, RELIABLE, FollowedSubscription
from blazepose_ros.nodes.common.image_topics import IMAGE_TYPES, endpoint_name
from blazepose_ros.nodes.common.message_receiver import MessageReceiver

DEPTH = 10
CALIBRATION_TYPE = "sensor_msgs/msg/CameraInfo"
DEPTH_CALIBRATION = "depth/camera_info"
# Once known, a calibration is asked for again only now and then.
CALIBRATION_PERIOD_S = 10.0
# Longer than the first calibration and the first transforms need to arrive.
START_S = 3.0
WINDOW_S = 5.0  # of the rate that diagnostics show
# Twice around the Earth: frames may begin at its center, or anywhere on it.
FURTHEST_CAMERA_M = 8e7
ASSUMED_HFOV_DEG = 60.0  # never used: a camera that is not calibrated is not fused


class ArrivedImage(NamedTuple):
    """The people of an image that has come.

    Attributes:
        camera: the camera's name.
        stamp_ns: when it was taken, by the camera's clock.
        at_s: when it came, monotonic seconds.
        read: returns the people; None where they cannot be fused, which is logged then.
    """

    camera: str
    stamp_ns: int
    at_s: float
    read: Callable[[], CameraView | None]


class CameraInput:
    """Takes the poses of one camera and tells where they were seen from.

    Args:
        node: the node that subscribes.
        name: the camera's.
        topic: of its poses.
        settings: as they are now; assign to change them.
        transforms: remembers where the camera is.
        receive: called with each image, in a thread of this camera's.
        logger: told of what cannot be used.

    Attributes:
        trouble: why the people of the last image are not fused, or less accurately; or nothing.
        needs_moving: whether no static transform tells where the camera is.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        topic: str,
        settings: FusionSettings,
        transforms: TfBuffer,
        receive: Callable[[ArrivedImage], object],
        logger: Logger,
    ) -> None:
        self.name, self.topic, self.settings = name, topic, settings
        self._printable_name = printable(name)
        self.trouble = ""
        self.needs_moving = False
        self._node = node
        self._transforms = transforms
        self._receive = receive
        self._logger = logger
        self._receiver: MessageReceiver | None = None
        self._calibration_topic = ""
        self._calibration = CalibrationInput("", logger)
        self._calibration_subscription: FollowedSubscription | None = None
        self._since_s = time.monotonic()
        self._asked_s = -math.inf
        self._stamp_ns: int | None = None
        self._arrivals: deque[float] = deque()

    @property
    def rate_hz(self) -> float:
        """How many images a second had their people published lately."""
        since_s = time.monotonic() - WINDOW_S
        return sum(at_s > since_s for at_s in list(self._arrivals)) / WINDOW_S

    @property
    def silent_s(self) -> float:
        """How long nothing has come."""
        return time.monotonic() - self._arrivals[-1] if self._arrivals else math.inf

    @property
    def is_calibrated(self) -> bool:
        """Whether the pixels' rays are known."""
        return self._calibration.is_calibrated

    @property
    def _has_just_begun(self) -> bool:
        """Whether the calibration and the transforms may still be on their way."""
        return time.monotonic() - self._since_s < START_S

    def follow(self) -> None:
        """Subscribe to the poses as their publisher offers them, and to the calibration now and then."""
        infos = self._node.get_publishers_info_by_topic(self.topic)
        if self._receiver is None and infos:
            offers = {info.qos_profile.reliability for info in infos}
            self._receiver = MessageReceiver(
                self._node,
                Pose33Array,
                self.topic,
                QoSProfile(depth=DEPTH, reliability=BEST_EFFORT if BEST_EFFORT in offers else RELIABLE),
                lambda serialized, _info: self._take(serialized),
            )
        if self._receiver is not None:
            self._receiver.check()
        if infos:
            self._follow_calibration(endpoint_name(infos[0]))

    def close(self) -> None:
        """End all subscriptions."""
        if self._receiver is not None:
            self._receiver.close()
        self._end_calibration()
        self._receiver = None

    def _follow_calibration(self, camera_node: str) -> None:
        if self._calibration_subscription is not None and self._node.count_publishers(
            self._calibration_topic
        ):
            self._calibration_subscription.follow()
        elif time.monotonic() - self._asked_s > (CALIBRATION_PERIOD_S if self.is_calibrated else 0.0):
            topic, image_topic = self._inputs_of(camera_node)
            self._end_calibration()
            self._asked_s = time.monotonic()
            if self._calibration_topic != topic:
                self._calibration_topic = topic
                self._calibration = CalibrationInput(topic, self._logger, image_topic=image_topic)
            self._calibration_subscription = FollowedSubscription(
                self._node, CameraInfo, topic, self._calibrate, DEPTH
            )

    def _inputs_of(self, camera_node: str) -> tuple[str, str]:
        """Return the topics of the calibration and of the images that a camera's node subscribes to.

        Where another program plays the poses, as from a recording, they are in the node's namespace.
        """
        namespace, _, name = camera_node.rpartition("/")
        beside = self.topic.removesuffix("/poses").rpartition("/")[0]
        subscribed: dict[str, str] = {}
        if (name, namespace or "/") in self._node.get_node_names_and_namespaces():
            of_node = self._node.get_subscriber_names_and_types_by_node(name, namespace or "/")
            subscribed = {topic: types[0] for topic, types in of_node}
        calibrations = [
            topic
            for topic, kind in subscribed.items()
            if kind == CALIBRATION_TYPE and not topic.endswith(DEPTH_CALIBRATION)
        ]
        images = [topic for topic, kind in subscribed.items() if kind in IMAGE_TYPES and "depth" not in topic]
        calibration = calibrations[0] if calibrations else f"{beside}/camera_info"
        return calibration, images[0] if images else ""

    def _calibrate(self, serialized: bytes) -> None:
        self._calibration.receive(serialized)
        self._end_calibration()

    def _end_calibration(self) -> None:
        """Subscribe to no more calibrations: one is known, and each would take time."""
        if self._calibration_subscription is not None:
            self._calibration_subscription.close()
            self._calibration_subscription = None

    def _take(self, serialized: SerializedMessage) -> None:
        """Take the people of an image, in the thread of the receiver."""
        now_s = time.monotonic()
        self._arrivals.append(now_s)
        while self._arrivals[0] < now_s - WINDOW_S:
            self._arrivals.popleft()
        try:
            stamp_ns, frame_id = read_origin(serialized)
            self._check_time(stamp_ns)
            pose = self._camera_pose(frame_id, self.settings.fusion_frame, stamp_ns)
        except (CdrError, TransformError, _NotFusedError) as err:
            self._refuse(err)
        else:
            self._receive(ArrivedImage(self.name, stamp_ns, now_s, partial(self._read, serialized, pose)))

    def _read(self, serialized: SerializedMessage, camera_pose: Rigid) -> CameraView | None:
        """Return the people of an image, in the thread that fuses; None where they cannot be fused."""
        try:
            view = self._view(read_pose33_array(serialized, MAX_PEOPLE), camera_pose)
        except (CdrError, CameraInfoError, _NotFusedError) as err:
            self._refuse(err)
            return None
        if self.trouble:
            self._logger.warning(self.trouble)
        return view

    def _refuse(self, reason: Exception) -> None:
        self.trouble = f"the people of {self._printable_name} are not fused: {reason}"
        if not self._has_just_begun:
            self._logger.error(self.trouble)

    def _view(self, message: PoseArray, camera_pose: Rigid) -> CameraView:
        if any(pose.placement is Placement.FUSED for pose in message.poses):
            raise _NotFusedError("they are fused already")
        lens = self._lens(message.image) if message.poses else None
        numbers = Counter(person.person_id for person in message.poses)
        people = tuple(person for person in message.poses if numbers[person.person_id] == 1)
        view = CameraView(self.name, message.stamp_ns, camera_pose, people, lens)
        self.trouble = self._trouble_of(message, view)
        return view

    def _check_time(self, stamp_ns: int) -> None:
        """Take note of an image's stamp.

        Raises:
            _NotFusedError: it is not after the one before, nor does a recording start again.
        """
        before_ns, self._stamp_ns = self._stamp_ns, stamp_ns
        if before_ns is not None and before_ns >= stamp_ns and not is_restart(before_ns, stamp_ns):
            raise _NotFusedError("their stamps " + ("do not change" if before_ns == stamp_ns else "go back"))

    def _trouble_of(self, message: PoseArray, view: CameraView) -> str:
        """Return why the people in an image are not fused, some of them, or less accurately; or nothing."""
        name, people = self._printable_name, message.poses
        if any(Status.UNCALIBRATED in person.status for person in people):
            return f"{name} is not calibrated: its people are not fused"
        if any(person.placement is Placement.NONE for person in people):
            return f"{name} does not place its people: they are not fused"
        if flaws := list(filter(None, view.flaws)):
            return f"{len(flaws)} of {len(people)} people of {name} are not fused: {flaws[0]}"
        if len(view.people) < len(people):
            return f"people of {name} who have the same id are not fused"
        if message.unread:
            return f"{name} has {message.unread} more people than the {len(people)} who are fused"
        if people and view.lens is None and not self._has_just_begun:
            return f"no camera_info of {name}: it is fused less accurately"
        return ""

    def _lens(self, image: ImageSize) -> CameraModel | None:
        if not self.is_calibrated or 0 in (image.width, image.height):
            return None
        return self._calibration.camera_for(image.width, image.height, ASSUMED_HFOV_DEG)

    def _camera_pose(self, frame_id: str, fusion_frame: str, stamp_ns: int) -> Rigid:
        """Return where the camera was; a moving one's transform is waited for, as long as cameras are.

        Raises:
            TransformError: it is not known.
            _NotFusedError: it cannot be.
        """
        if frame_id == fusion_frame:
            return IDENTITY
        if not frame_id:
            raise _NotFusedError("their frame_id is empty")
        try:
            pose = self._transforms.lookup(fusion_frame, frame_id, stamp_ns, self.settings.max_wait_s)
        except TransformError as err:
            self.needs_moving |= err.fault is TransformFault.UNCONNECTED
            raise
        # What was missing may have been static after all, and /tf has the frames of all people, 34 each.
        self.needs_moving = self.needs_moving and not self._transforms.is_static(fusion_frame, frame_id)
        if max(map(abs, pose.translation.tolist())) > FURTHEST_CAMERA_M:
            raise _NotFusedError(
                f"TF has {printable(frame_id)} further from {fusion_frame} than the Earth is large"
            )
        return pose


class _NotFusedError(BlazePoseError, ValueError):
    """People who are no camera's."""
