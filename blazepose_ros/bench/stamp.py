"""The stamp of a serialised message, read and written in place.

In plain CDR, the header's stamp comes right after the four bytes of encapsulation: int32
seconds, uint32 nanoseconds. Machines that ROS 2 runs on are little-endian.
"""

from __future__ import annotations

import ctypes
import struct

from blazepose_ros.nanoseconds import NS_PER_S

OFFSET_BYTES = 4
_STAMP = struct.Struct("<iI")


def read_stamp_ns(serialized: bytes) -> int:
    """Return the stamp of a message that starts with a header, in nanoseconds."""
    seconds, nanoseconds = _STAMP.unpack_from(serialized, OFFSET_BYTES)
    return int(seconds * NS_PER_S + nanoseconds)


def write_stamp_ns(serialized: bytes, stamp_ns: int) -> None:
    """Put a stamp into a message that starts with a header.

    rclpy publishes serialised messages from ``bytes`` alone. Making new ones would copy the
    image after it was stamped, so these are changed: nobody but the caller may hold them.
    """
    stamp = _STAMP.pack(*divmod(stamp_ns, NS_PER_S))
    if len(serialized) < OFFSET_BYTES + len(stamp):
        raise ValueError(f"{len(serialized)} bytes are no message with a header")
    address = ctypes.cast(ctypes.c_char_p(serialized), ctypes.c_void_p).value or 0
    ctypes.memmove(address + OFFSET_BYTES, stamp, len(stamp))
