# SPDX-License-Identifier: Apache-2.0
"""Which cameras a recording holds, what their first images tell, and where what is found belongs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from blazepose_ros.cli.bag.bag_files import BagError, BagReader
from blazepose_ros.conversions.cdr import CdrError, read_compressed_image, read_image
from blazepose_ros.conversions.depth_input import ENCODINGS

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
COMPRESSED_SUFFIX = "/compressed"
NODE = "blazepose"  # what the node is called


@dataclass(frozen=True)
class ImageTopic:
    """A topic of images.

    Attributes:
        name: as recorded.
        message_type: ``IMAGE`` or ``COMPRESSED_IMAGE``.
        count: how many images there are.
    """

    name: str
    message_type: str
    count: int

    @property
    def base(self) -> str:
        """The topic without its transport, as image_transport names it."""
        compressed = self.message_type == COMPRESSED_IMAGE
        return self.name.removesuffix(COMPRESSED_SUFFIX) if compressed else self.name


@dataclass(frozen=True)
class DepthTopic:
    """A topic of depth images.

    Attributes:
        name: as recorded.
        info_topic: its calibration; empty where none was recorded.
    """

    name: str
    info_topic: str


@dataclass(frozen=True)
class CameraTopics:
    """A camera of a recording.

    Attributes:
        images: its images.
        info_topic: its calibration; empty where none was recorded.
        namespace: the namespace of what is found, that of a node beside the camera.
        depth: the depth images that are registered to its images, if there are any.
        tf_prefix: goes before the frames of people, so that two cameras' people differ.
    """

    images: ImageTopic
    info_topic: str
    namespace: str
    tf_prefix: str = ""
    depth: DepthTopic | None = None

    def topic(self, output: str) -> str:
        """Return the topic of an output: for ``~/poses`` for example ``/front/blazepose/poses``."""
        if output.startswith("/"):
            return output
        return f"{self.namespace}/{output.replace('~', NODE, 1)}"


def find_cameras(
    images: Sequence[ImageTopic], info_topics: Collection[str], chosen: Iterable[str] = ()
) -> list[CameraTopics]:
    """Return the cameras of a recording, in the order of their topics.

    Where a camera was recorded raw and compressed, the raw images are taken. An output goes to
    the namespace of its camera where that has one camera, else to that of the image's topic.

    Args:
        images: the recorded topics of color images.
        info_topics: the recorded topics of calibrations.
        chosen: topics of images to take, raw or compressed; nothing for all cameras.

    Raises:
        BagError: there is no such topic.
    """
    topics = _chosen(images, list(chosen)) or _raw_first(images)
    parents = Counter(_parent(topic.base) for topic in topics)
    return [_camera(topic, info_topics, parents) for topic in sorted(topics, key=lambda topic: topic.name)]


def _chosen(images: Sequence[ImageTopic], names: Sequence[str]) -> list[ImageTopic]:
    by_name = {topic.name: topic for topic in images}
    for name in names:
        if name not in by_name:
            raise BagError(f"there are no color images on {name}, only on: {', '.join(sorted(by_name))}")
    return [by_name[name] for name in names]


def _raw_first(images: Iterable[ImageTopic]) -> list[ImageTopic]:
    """Return one topic for each camera."""
    by_base: dict[str, ImageTopic] = {}
    for topic in sorted(images, key=lambda topic: topic.message_type == COMPRESSED_IMAGE):
        by_base.setdefault(topic.base, topic)
    return list(by_base.values())


def _camera(topic: ImageTopic, info_topics: Collection[str], parents: Mapping[str, int]) -> CameraTopics:
    parent = _parent(topic.base)
    namespace = parent if parents[parent] == 1 else topic.base
    several = sum(parents.values()) > 1
    prefix = f"{namespace.strip('/').replace('/', '_')}_" if several and namespace else ""
    return CameraTopics(topic, info_topic_of(topic.base, info_topics), namespace, prefix)


def info_topic_of(images: str, info_topics: Collection[str]) -> str:
    """Return where the calibration of a topic of images is, beside it as image_transport has it.

    Empty where there is none. That of a depth image may also be below it.
    """
    places = (f"{_parent(images)}/camera_info", f"{images}/camera_info")
    return next((topic for topic in reversed(places) if topic in info_topics), "")


def _parent(topic: str) -> str:
    return topic.rpartition("/")[0]


# How image_transport marks depth images that are compressed.
_COMPRESSED_DEPTH = "compressedDepth"


@dataclass(frozen=True)
class TopicProbe:
    """What the first image of a topic tells.

    Attributes:
        is_depth: whether it is a depth image.
        is_usable_depth: whether it is one that the node takes.
        frame_id: the frame of its camera.
    """

    is_depth: bool
    is_usable_depth: bool
    frame_id: str


def _raw(serialized: bytes) -> TopicProbe:
    message = read_image(serialized)
    is_depth = message.encoding in ENCODINGS
    return TopicProbe(is_depth, is_depth, message.header.frame_id)


def _compressed(serialized: bytes) -> TopicProbe:
    message = read_compressed_image(serialized)
    return TopicProbe(_COMPRESSED_DEPTH in message.format, False, message.header.frame_id)


TOPIC_PROBES: Mapping[str, Callable[[bytes], TopicProbe]] = {IMAGE: _raw, COMPRESSED_IMAGE: _compressed}


def probe_topic(bag: BagReader, images: ImageTopic) -> TopicProbe | None:
    """Return what the first image tells; None where there is none.

    One that cannot be read is taken for a color image: reading its camera will name the error.
    """
    first = next(bag.messages({images.name}), None)
    if first is None:
        return None
    try:
        return TOPIC_PROBES[images.message_type](first[2])
    except CdrError:
        return TopicProbe(is_depth=False, is_usable_depth=False, frame_id="")


def registered_depth(
    camera: CameraTopics, probes: Mapping[str, TopicProbe], info_topics: Collection[str]
) -> DepthTopic | None:
    """Return the depth images of a camera: those in its own frame, which is how registered ones are told.

    Of several, the topic that begins most like that of the color images.
    """
    frame_id = probes[camera.images.name].frame_id
    topics = [
        topic for topic, probe in probes.items() if probe.is_usable_depth and probe.frame_id == frame_id
    ]
    if not topics or not frame_id:
        return None
    name = max(topics, key=lambda topic: _common_start(topic, camera.images.name))
    return DepthTopic(name, info_topic_of(name, info_topics))


def _common_start(topic: str, other: str) -> int:
    """Return how many characters two topics begin with that are the same."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(topic, other, strict=False))))
