"""The stamps and frames in messages' headers."""

from __future__ import annotations

from std_msgs.msg import Header

from blazepose_ros.core.timestamps import NS_PER_S


def stamp_ns(header: Header) -> int:
    """Return a header's stamp in nanoseconds; unlike rclpy's Time, it may be before the epoch."""
    return header.stamp.sec * NS_PER_S + header.stamp.nanosec


def header_message(stamp_ns: int, frame_id: str) -> Header:
    """Return a header for a stamp in nanoseconds."""
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, NS_PER_S)
    return header
