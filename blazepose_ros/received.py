"""An image on its way through the node."""

from __future__ import annotations

from dataclasses import dataclass

from std_msgs.msg import Header

from blazepose_ros.image_transports import ImageTransport
from blazepose_ros.pose import Frame
from blazepose_ros.stopwatch import Stopwatch


@dataclass(frozen=True)
class Arrived:
    """An image as it came over the wire.

    Attributes:
        serialized: the message.
        transport: how to read it.
        arrival_ns: when it came, by the node's clock.
        count: how many images have arrived, this one included.
        stopwatch: measures the stages.
    """

    serialized: bytes
    transport: ImageTransport
    arrival_ns: int
    count: int
    stopwatch: Stopwatch


@dataclass(frozen=True)
class Received:
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
