"""What the first image of a topic tells of all of them: colour or depth, and whose."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import takewhile

from blazepose_ros.bag.cameras import (
    COMPRESSED_IMAGE,
    IMAGE,
    Camera,
    DepthTopic,
    ImageTopic,
    info_topic_of,
)
from blazepose_ros.bag.reader import BagReader
from blazepose_ros.cdr import CdrError, read_compressed_image, read_image
from blazepose_ros.depth_source import ENCODINGS

# How image_transport marks depth images that are compressed.
_COMPRESSED_DEPTH = "compressedDepth"


@dataclass(frozen=True)
class FirstLook:
    """What the first image of a topic tells.

    Attributes:
        is_depth: whether it is a depth image.
        is_usable_depth: whether it is one that the node takes.
        frame_id: the frame of its camera.
    """

    is_depth: bool
    is_usable_depth: bool
    frame_id: str


def _raw(serialized: bytes) -> FirstLook:
    message = read_image(serialized)
    is_depth = message.encoding in ENCODINGS
    return FirstLook(is_depth, is_depth, message.header.frame_id)


def _compressed(serialized: bytes) -> FirstLook:
    message = read_compressed_image(serialized)
    return FirstLook(_COMPRESSED_DEPTH in message.format, False, message.header.frame_id)


FIRST_LOOKS: Mapping[str, Callable[[bytes], FirstLook]] = {IMAGE: _raw, COMPRESSED_IMAGE: _compressed}


def first_look(bag: BagReader, images: ImageTopic) -> FirstLook | None:
    """Return what the first image tells; None where there is none.

    One that cannot be read is taken for a colour image, of which that will be said.
    """
    first = next(bag.messages({images.name}), None)
    if first is None:
        return None
    try:
        return FIRST_LOOKS[images.message_type](first[2])
    except CdrError:
        return FirstLook(is_depth=False, is_usable_depth=False, frame_id="")


def registered_depth(
    camera: Camera, looks: Mapping[str, FirstLook], info_topics: Collection[str]
) -> DepthTopic | None:
    """Return the depth images of a camera: those in its own frame, which is how registered ones are told.

    Of several, the topic that begins most like that of the colour images.
    """
    frame_id = looks[camera.images.name].frame_id
    topics = [topic for topic, look in looks.items() if look.is_usable_depth and look.frame_id == frame_id]
    if not topics or not frame_id:
        return None
    name = max(topics, key=lambda topic: _common_start(topic, camera.images.name))
    return DepthTopic(name, info_topic_of(name, info_topics))


def _common_start(topic: str, other: str) -> int:
    """Return how many characters two topics begin with that are the same."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(topic, other, strict=False))))
