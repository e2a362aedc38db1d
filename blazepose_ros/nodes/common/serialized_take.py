# SPDX-License-Identifier: Apache-2.0
"""Takes serialized messages without holding up Python's other threads.

rclpy's ``take_message`` holds the interpreter's lock while the middleware copies a message, and then
copies it once more. librcl is called through ctypes here, which gives the lock away, and the message stays
where the middleware has put it. Where librcl is not found as ROS 2 builds it for Linux, rclpy takes.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from rclpy.impl.implementation_singleton import rclpy_implementation

from blazepose_ros.conversions.cdr import SerializedMessage

# What is said of a message: "source_timestamp", "received_timestamp" (nanoseconds since the epoch) and
# "publication_sequence_number"; nothing or 0 where the middleware does not know.
MessageInfo = Mapping[str, int | None]

# rcl/types.h and rmw/types.h; all that follows is the same from Humble on.
_OK, _BAD_ALLOC, _TAKE_FAILED = 0, 10, 401
_SEQUENCE_NUMBER_UNSUPPORTED = (1 << 64) - 1


class _Allocator(ctypes.Structure):
    """``rcutils_allocator_t``."""

    _fields_ = [
        (name, ctypes.c_void_p) for name in ("allocate", "deallocate", "reallocate", "zero_allocate", "state")
    ]


class _Uint8Array(ctypes.Structure):
    """``rcutils_uint8_array_t``, as which rcl has serialized messages."""

    _fields_ = [
        ("buffer", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("capacity", ctypes.c_size_t),
        ("allocator", _Allocator),
    ]


_NUMBERS = {
    "source_timestamp": ctypes.c_int64,
    "received_timestamp": ctypes.c_int64,
    "publication_sequence_number": ctypes.c_uint64,
    "reception_sequence_number": ctypes.c_uint64,
}


class _Info(ctypes.Structure):
    """How ``rmw_message_info_t`` begins, and more room than the rest has, which distributions differ in."""

    _fields_ = [*_NUMBERS.items(), ("rest", ctypes.c_uint8 * 256)]


class _ErrorString(ctypes.Structure):
    """``rcutils_error_string_t``."""

    _fields_ = [("text", ctypes.c_char * 1024)]


def _loaded_librcl() -> Any:
    """Return the librcl that rclpy uses, never another one; None where it is not to be had."""
    try:
        rcl = ctypes.CDLL("librcl.so", mode=os.RTLD_NOLOAD)
        rcl.rcl_take_serialized_message.argtypes = [ctypes.c_void_p] * 4
        rcl.rcutils_uint8_array_fini.argtypes = [ctypes.c_void_p]
        rcl.rcutils_get_default_allocator.restype = _Allocator
        rcl.rcutils_get_error_string.restype = _ErrorString
        rcl.rcutils_reset_error.restype = None
    except (OSError, AttributeError):
        return None
    return rcl if hasattr(rclpy_implementation.Subscription, "pointer") else None


_LIBRCL = _loaded_librcl()
_ALLOCATOR = _LIBRCL and _LIBRCL.rcutils_get_default_allocator()


class _TakenMessage:
    """Owns the memory of one message: NumPy's array of it holds this, and each view holds the array."""

    def __init__(self, rcl: Any) -> None:
        self._free = rcl.rcutils_uint8_array_fini  # names of modules may be gone when a process ends
        self.octets = _Uint8Array(allocator=_ALLOCATOR)

    def __del__(self) -> None:
        if self.octets.buffer:  # else nothing was taken
            self._free(ctypes.addressof(self.octets))

    @property
    def __array_interface__(self) -> dict[str, object]:
        data = (self.octets.buffer or 0, True)  # read-only
        return {"version": 3, "typestr": "|u1", "shape": (self.octets.length,), "data": data}


def take_serialized(subscription: Any) -> tuple[SerializedMessage, MessageInfo] | None:
    """Return the next message of a subscription and what is said of it; None where there is none.

    The message and views of it outlive the subscription.

    Args:
        subscription: rclpy's; the caller keeps its handle from being destroyed meanwhile (``with``).

    Raises:
        RCLError: rcl cannot take the message.
        MemoryError: there is no room for it.
    """
    if _LIBRCL is None:
        return subscription.handle.take_message(subscription.msg_type, True)
    taken, info = _TakenMessage(_LIBRCL), _Info()
    result = _LIBRCL.rcl_take_serialized_message(
        subscription.handle.pointer, ctypes.addressof(taken.octets), ctypes.addressof(info), None
    )
    if result == _TAKE_FAILED:
        return None
    if result != _OK:
        _raise(_LIBRCL, result)
    message: Any = taken
    numbers = {name: getattr(info, name) for name in _NUMBERS}
    return np.asarray(message).data, {
        name: None if number == _SEQUENCE_NUMBER_UNSUPPORTED else number for name, number in numbers.items()
    }


def _raise(rcl: Any, result: int) -> None:
    """Raise what rclpy raises of an error; rcl keeps the last one's words for each thread."""
    words = rcl.rcutils_get_error_string().text.decode(errors="replace")
    rcl.rcutils_reset_error()
    if result == _BAD_ALLOC:
        raise MemoryError(words)
    raise rclpy_implementation.RCLError(f"failed to take a serialized message: {words}")
