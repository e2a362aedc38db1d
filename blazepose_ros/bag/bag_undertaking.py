"""From a bag to what is to be done with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace

from rosbags.interfaces import Connection

from blazepose_ros import cdr
from blazepose_ros.bag.camera_recording import CameraRecording
from blazepose_ros.bag.cameras import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE, Camera, ImageTopic, find_cameras
from blazepose_ros.bag.errors import BagError
from blazepose_ros.bag.job import Job
from blazepose_ros.bag.outputs import OUTPUTS
from blazepose_ros.bag.reader import BagReader
from blazepose_ros.bag.undertaking import Undertaking, Wanted, products
from blazepose_ros.bag.work_folder import WorkFolder, fingerprint

KEEP_ALL, KEEP_NO_IMAGES, KEEP_NOTHING = KEEPS = ("all", "no-images", "nothing")
# Encodings of depth images, and how image_transport marks them when they are compressed.
_DEPTH_ENCODINGS = ("16UC1", "32FC1", "mono16")
_COMPRESSED_DEPTH = "compressedDepth"


def undertake(
    source: Path,
    target: Path,
    settings: SimpleNamespace,
    wanted: Wanted,
    *,
    topics: Iterable[str] = (),
    keep: str = KEEP_ALL,
) -> Undertaking:
    """Return what is to be done with a bag.

    Args:
        source: the bag.
        target: the new one.
        settings: the node's parameters.
        wanted: what is made.
        topics: the images to work on; nothing for all cameras.
        keep: one of ``KEEPS``, what of the bag goes into the new one.

    Raises:
        BagError: the bag cannot be read or holds no images, or the target exists.
    """
    with BagReader(source) as bag:
        connections = list(bag.connections)
        cameras = _cameras(bag, topics)
    folder = WorkFolder(target, products(target, cameras, wanted))
    what = [
        str(source.absolute()),
        fingerprint(source),
        vars(settings),
        [each.images.name for each in cameras],
    ]
    jobs = [
        Job(
            recording=CameraRecording(source, camera),
            settings=settings,
            tf_prefix=camera.tf_prefix,
            annotated=wanted.annotated or wanted.video,
            part=folder.path / f"camera{number}.part",
        )
        for number, camera in enumerate(cameras)
    ]
    return Undertaking(
        cameras,
        jobs,
        folder,
        wanted,
        kept=(source, _kept(connections, cameras, keep)),
        purpose={"what": what, "drawn": wanted.annotated or wanted.video},
    )


def _cameras(bag: BagReader, topics: Iterable[str]) -> list[Camera]:
    counts: dict[tuple[str, str], int] = {}
    for connection in bag.connections:
        key = connection.topic, connection.msgtype
        counts[key] = counts.get(key, 0) + connection.msgcount
    images = [
        ImageTopic(topic, message_type, count)
        for (topic, message_type), count in counts.items()
        if message_type in (IMAGE, COMPRESSED_IMAGE) and _shows_colour(bag, topic, message_type)
    ]
    if not images:
        types = sorted({f"{topic} ({message_type})" for topic, message_type in counts})
        raise BagError(f"{bag.path} holds no colour images, only: {', '.join(types)}")
    infos = {topic for topic, message_type in counts if message_type == CAMERA_INFO}
    return find_cameras(images, infos, topics)


def _shows_colour(bag: BagReader, topic: str, message_type: str) -> bool:
    """Tell colour from depth by the first image; one that cannot be read is a colour image's matter."""
    first = next(bag.messages({topic}), None)
    if first is None:
        return False
    try:
        if message_type == IMAGE:
            return cdr.read_image(first[2]).encoding not in _DEPTH_ENCODINGS
        return _COMPRESSED_DEPTH not in cdr.read_compressed_image(first[2]).format
    except cdr.CdrError:
        return True


def _kept(connections: Sequence[Connection], cameras: Sequence[Camera], keep: str) -> frozenset[str]:
    """Return the topics that are taken over: those whose place is not taken by what is found."""
    if keep == KEEP_NOTHING:
        return frozenset()
    replaced = {camera.topic(output) for camera in cameras for output in OUTPUTS if output.startswith("~")}
    left_out = {IMAGE, COMPRESSED_IMAGE} if keep == KEEP_NO_IMAGES else set()
    return frozenset(each.topic for each in connections if each.msgtype not in left_out) - replaced
