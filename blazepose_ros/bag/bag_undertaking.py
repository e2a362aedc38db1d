"""From a bag to what is to be done with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from rosbags.interfaces import Connection

from blazepose_ros.bag.camera_recording import CameraRecording
from blazepose_ros.bag.cameras import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE, Camera, ImageTopic, find_cameras
from blazepose_ros.bag.errors import BagError
from blazepose_ros.bag.first_look import FIRST_LOOKS, first_look, registered_depth
from blazepose_ros.bag.job import Job
from blazepose_ros.bag.outputs import OUTPUTS
from blazepose_ros.bag.reader import BagReader
from blazepose_ros.bag.undertaking import Undertaking, Wanted, products
from blazepose_ros.bag.work_folder import WorkFolder, fingerprint

KEEP_ALL, KEEP_NO_IMAGES, KEEP_NOTHING = KEEPS = ("all", "no-images", "nothing")


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
        [[each.images.name, each.depth and each.depth.name] for each in cameras],
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
    looks = {
        topic: ImageTopic(topic, message_type, count)
        for (topic, message_type), count in counts.items()
        if message_type in FIRST_LOOKS
    }
    first = {topic: look for topic, images in looks.items() if (look := first_look(bag, images)) is not None}
    colour = [looks[topic] for topic, look in first.items() if not look.is_depth]
    if not colour:
        types = sorted({f"{topic} ({message_type})" for topic, message_type in counts})
        raise BagError(f"{bag.path} holds no colour images, only: {', '.join(types)}")
    infos = {topic for topic, message_type in counts if message_type == CAMERA_INFO}
    return [
        replace(camera, depth=registered_depth(camera, first, infos))
        for camera in find_cameras(colour, infos, topics)
    ]


def _kept(connections: Sequence[Connection], cameras: Sequence[Camera], keep: str) -> frozenset[str]:
    """Return the topics that are taken over: those whose place is not taken by what is found."""
    if keep == KEEP_NOTHING:
        return frozenset()
    replaced = {camera.topic(output) for camera in cameras for output in OUTPUTS if output.startswith("~")}
    left_out = {IMAGE, COMPRESSED_IMAGE} if keep == KEEP_NO_IMAGES else set()
    return frozenset(each.topic for each in connections if each.msgtype not in left_out) - replaced
