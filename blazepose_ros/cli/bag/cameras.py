# SPDX-License-Identifier: Apache-2.0
"""Which cameras a recording holds, what their first images tell, and where what is found belongs."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from blazepose_ros.cli.bag.bag_files import BagReader
from blazepose_ros.cli.bag.recording_files import BagError
from blazepose_ros.conversions.cdr import CdrError, read_compressed_image, read_image
from blazepose_ros.conversions.depth_input import ENCODINGS
from blazepose_ros.conversions.pose33 import POSES_TYPE

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
COMPRESSED_SUFFIX = "/compressed"
NODE = "blazepose"  # what the node is called
# The outputs that take the place of a camera's own images.
HIDDEN_RAW, HIDDEN_COMPRESSED = "@image", "@image/compressed"


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
        """Return the topic of an output: for ``~/poses`` for example ``/front/blazepose/poses``.

        What begins with ``@`` takes the place of the camera's images.
        """
        if output.startswith("/"):
            return output
        if output.startswith("@"):
            return self.images.name
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
    topics.sort(key=lambda topic: topic.name)
    parents = Counter(_parent(topic.base) for topic in topics)
    namespaces = [_namespace(topic, parents) for topic in topics]
    prefixes = distinct(namespace.strip("/").replace("/", "_") for namespace in namespaces)
    return [
        CameraTopics(
            topic,
            info_topic_of(topic.base, info_topics),
            namespace,
            f"{prefix}_" if len(topics) > 1 and namespace else "",
        )
        for topic, namespace, prefix in zip(topics, namespaces, prefixes, strict=True)
    ]


def distinct(names: Iterable[str]) -> list[str]:
    """Return names of which no two are alike: where one has been, a number is added."""
    found: list[str] = []
    for name in names:
        numbered = (f"{name}_{number}" for number in itertools.count(2))
        found.append(next(each for each in itertools.chain([name], numbered) if each not in found))
    return found


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


def _namespace(topic: ImageTopic, parents: Mapping[str, int]) -> str:
    parent = _parent(topic.base)
    return parent if parents[parent] == 1 else topic.base


def info_topic_of(images: str, info_topics: Collection[str]) -> str:
    """Return where the calibration of a topic of images is, beside it as image_transport has it.

    Empty where there is none. That of a depth image may also be below it.
    """
    places = (f"{_parent(images)}/camera_info", f"{images}/camera_info")
    return next((topic for topic in reversed(places) if topic in info_topics), "")


# What blazepose_node draws, below its own name, beside its poses.
_DRAWN = ("annotated_image", "annotated_image/compressed", "segmentation_mask")


def drawn_topics(recorded: Collection[tuple[str, str]]) -> set[str]:
    """Return the topics of images that this package's node has drawn and published.

    Args:
        recorded: topic and type of everything in the recording.
    """
    nodes = {_parent(topic) for topic, message_type in recorded if message_type == POSES_TYPE}
    return {f"{node}/{image}" for node in nodes for image in _DRAWN}


def _parent(topic: str) -> str:
    return topic.rpartition("/")[0]


# How image_transport marks depth images that are compressed.
_COMPRESSED_DEPTH = "compressedDepth"
_MONO, _DEPTH = "mono16", "depth"  # the encoding that both have, and what the topics of one say


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


def _raw(topic: str, serialized: bytes) -> TopicProbe:
    message = read_image(serialized)
    # Infrared and thermal cameras send mono16 as well.
    is_depth = message.encoding in ENCODINGS and (message.encoding != _MONO or _DEPTH in topic)
    return TopicProbe(is_depth, is_depth, message.header.frame_id)


def _compressed(_topic: str, serialized: bytes) -> TopicProbe:
    message = read_compressed_image(serialized)
    return TopicProbe(_COMPRESSED_DEPTH in message.format, False, message.header.frame_id)


TOPIC_PROBES: Mapping[str, Callable[[str, bytes], TopicProbe]] = {IMAGE: _raw, COMPRESSED_IMAGE: _compressed}


def probe_topic(bag: BagReader, images: ImageTopic) -> TopicProbe | None:
    """Return what the first image tells; None where there is none.

    One that cannot be read is taken for a color image: reading its camera will name the error.
    """
    first = next(bag.messages({images.name}), None)
    if first is None:
        return None
    try:
        return TOPIC_PROBES[images.message_type](images.name, first[2])
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
    return len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(topic, other, strict=False))))


def cameras_of(bag: BagReader, topics: Iterable[str] = ()) -> list[CameraTopics]:
    """Return the cameras of a recording, each with the depth that is registered to it.

    Args:
        bag: the recording, open.
        topics: the images to take; nothing for all cameras.

    Raises:
        BagError: there are no color images, or none on such a topic.
    """
    counts: dict[tuple[str, str], int] = {}
    for connection in bag.connections:
        key = connection.topic, connection.msgtype
        counts[key] = counts.get(key, 0) + connection.msgcount
    chosen = list(topics)
    own = () if chosen else drawn_topics(counts)
    image_topics = {
        topic: ImageTopic(topic, message_type, count)
        for (topic, message_type), count in counts.items()
        if message_type in TOPIC_PROBES and topic not in own
    }
    probes = {
        topic: probe
        for topic, images in image_topics.items()
        if (probe := probe_topic(bag, images)) is not None
    }
    color = [image_topics[topic] for topic, probe in probes.items() if not probe.is_depth]
    if not color:
        raise BagError(f"{bag.path} holds no color images, only: {', '.join(_in_words(counts, probes, own))}")
    infos = {topic for topic, message_type in counts if message_type == CAMERA_INFO}
    return [
        replace(camera, depth=registered_depth(camera, probes, infos))
        for camera in find_cameras(color, infos, chosen)
    ]


def _in_words(
    counts: Mapping[tuple[str, str], int], probes: Mapping[str, TopicProbe], own: Collection[str]
) -> list[str]:
    """Return what a recording holds, and why that is no camera where it looks like one."""
    words = []
    for (topic, message_type), count in sorted(counts.items()):
        what = message_type
        if not count:
            what += ", no messages"
        elif topic in own:
            what += ", drawn by blazepose_node"
        elif topic in probes:
            what += ", depth"
        words.append(f"{topic} ({what})")
    return words
