# SPDX-License-Identifier: Apache-2.0
"""Recordings whose images show nobody: what takes the images' place, and what else may not be kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import cv2
from numpy.typing import NDArray
from rosbags.interfaces import Connection, Nodetype
from rosbags.typesys import TypesysError
from rosbags.typesys.store import Typestore
from std_msgs.msg import Header

from blazepose_ros.cli.bag.cameras import COMPRESSED_IMAGE, HIDDEN_COMPRESSED, HIDDEN_RAW, CameraTopics
from blazepose_ros.cli.bag.message_types import recorded_types, serialized, typestore
from blazepose_ros.conversions.images import compressed_message, to_image

# What pixels, points and packets of videos come in.
_OCTETS = {"uint8", "byte", "char", "octet"}
# Arrays of a fixed size are identifiers and covariances below this, and may be images above it.
_LARGE = 4096
# A cloud of points shows a face without a single octet.
_SHOWS = {"sensor_msgs/msg/PointCloud"}
# Their octets are meshes and textures of what somebody has drawn.
_SHOWS_NOBODY = {f"visualization_msgs/msg/{name}" for name in ("Marker", "MarkerArray")}


def replaced_image(rgb: NDArray, header: Header, camera: CameraTopics) -> tuple[str, bytes]:
    """Return output and serialized message of the image that takes the place of a recorded one.

    Args:
        rgb: (height, width, 3) uint8, the pixels that may be shown.
        header: the recorded image's.
        camera: whose image it is; raw ones stay raw, as rgb8, compressed ones become JPEGs.
    """
    if camera.images.message_type == COMPRESSED_IMAGE:
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        return HIDDEN_COMPRESSED, serialized(compressed_message(bgr, header))
    return HIDDEN_RAW, serialized(to_image(rgb, "rgb8", header))


def may_show_people(connections: Iterable[Connection]) -> Iterator[str]:
    """Yield the topics that may show people: those whose messages can hold pixels or points.

    These are images in color, depth or infrared, clouds of points and packets of videos, of whichever
    type: the definition of a message tells. What nothing defines may show people.
    """
    for connection in connections:
        if connection.msgtype in _SHOWS or not (
            connection.msgtype in _SHOWS_NOBODY or _is_free_of_octets(connection)
        ):
            yield connection.topic


def _is_free_of_octets(connection: Connection) -> bool:
    try:
        types = (
            recorded_types(connection.msgtype, connection.msgdef) if connection.msgdef.data else typestore()
        )
        return not any(map(_holds_octets, _fields(connection.msgtype, types)))
    except (KeyError, TypesysError):
        return False


def _fields(msgtype: str, types: Typestore) -> Iterator[tuple[Nodetype, Any]]:
    """Yield kind and description of every field of a message, and of those that it consists of.

    Raises:
        KeyError: a type is not defined.
    """
    described: Any = types.fielddefs[msgtype][1]
    for _, (kind, what) in described:
        yield kind, what
        inner_kind, inner = what[0] if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE) else (kind, what)
        if inner_kind is Nodetype.NAME:
            yield from _fields(inner, types)


def _holds_octets(field: tuple[Nodetype, Any]) -> bool:
    kind, what = field
    if kind not in (Nodetype.ARRAY, Nodetype.SEQUENCE) or what[0][0] is not Nodetype.BASE:
        return False
    is_octets = what[0][1][0] in _OCTETS
    return is_octets and (kind is Nodetype.SEQUENCE or what[1] > _LARGE)
