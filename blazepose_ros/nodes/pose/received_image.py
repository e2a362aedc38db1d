# SPDX-License-Identifier: Apache-2.0
"""One image on its way through the node: as it came over the wire, and decoded."""

from __future__ import annotations

from dataclasses import dataclass

from std_msgs.msg import Header

from blazepose_ros.conversions.cdr import SerializedMessage
from blazepose_ros.conversions.images import ImageTransport
from blazepose_ros.core.timestamps import Stopwatch
from blazepose_ros.core.types import Frame


@dataclass(frozen=True)
class SerializedImage:
    """An image as it came over the wire.

    Attributes:
        serialized: the message.
        transport: how to read it.
        taken_ns: when it was taken from the middleware, in nanoseconds of the node's clock.
        waited_ns: how long it was there before that, in nanoseconds.
        superseded: how many images it superseded meanwhile.
    """

    serialized: SerializedMessage
    transport: ImageTransport
    taken_ns: int
    waited_ns: int = 0
    superseded: int = 0


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image.

    Attributes:
        header: the message's, which every output carries.
        frame: the pixels.
        count: how many images have arrived, this one included.
        stopwatch: measures the stages.
    """

    header: Header
    frame: Frame
    count: int
    stopwatch: Stopwatch
