# SPDX-License-Identifier: Apache-2.0
"""The definitions of messages: those of today, those of a recording, from these to those, and their bytes."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.serialization import serialize_message
from rosbags.interfaces import Connection, MessageDefinition, MessageDefinitionFormat, Nodetype
from rosbags.typesys import Stores, TypesysError, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore
from sensor_msgs.msg import JointState

from blazepose_ros import msg
from blazepose_ros.conversions.cdr import ENCAPSULATION_BYTES

PACKAGE = "blazepose_ros"
# Between the definitions of a type and of those that it refers to.
_IDL_SEPARATOR = "=" * 80 + "\n"


@cache
def typestore() -> Typestore:
    """Return the common interfaces' definitions and this package's."""
    store = get_typestore(Stores.ROS2_JAZZY)  # those of the outputs are the same in every distribution
    for path in sorted(definitions().glob("*.msg")):
        store.register(get_types_from_msg(path.read_text(), f"{PACKAGE}/msg/{path.stem}"))
    return store


def definitions() -> Path:
    """Return the folder of this package's message definitions: those that were compiled."""
    share = Path("share", PACKAGE, "msg")
    prefixes = Path(msg.__file__).absolute().parents
    return next(prefix / share for prefix in prefixes if (prefix / share).is_dir())


@cache
def recorded_types(name: str, definition: MessageDefinition) -> Typestore:
    """Return the types of a recorded definition.

    Raises:
        TypesysError: it is wrong.
    """
    store = get_typestore(Stores.EMPTY)
    if definition.format is MessageDefinitionFormat.IDL:
        for text in definition.data.split(_IDL_SEPARATOR)[1:] or [definition.data]:
            store.register(get_types_from_idl(text.partition("\n")[2] if text.startswith("IDL: ") else text))
    else:
        store.register(get_types_from_msg(definition.data, name))
    return store


def hash_of(recorded: Connection) -> str:
    """Return the hash of a type, which recordings before Iron do not have.

    Raises:
        KeyError, TypesysError: the definition lacks a type that it refers to, or is wrong.
    """
    return recorded_types(recorded.msgtype, recorded.msgdef).hash_rihs01(recorded.msgtype)


def is_outdated(recorded: Connection) -> bool:
    """Whether messages of this package were recorded with another definition than today's."""
    name = recorded.msgtype
    if not (name.startswith(f"{PACKAGE}/") and name in typestore().fielddefs and recorded.msgdef.data):
        return False
    try:
        return (recorded.digest or hash_of(recorded)) != typestore().hash_rihs01(name)
    except (KeyError, TypesysError):
        return False


def updated(data: bytes, recorded: Connection) -> bytes:
    """Return a message as today's definition has it; what it did not say is NaN.

    A recording has one definition of each type, which has to be that of the new messages.
    """
    store = recorded_types(recorded.msgtype, recorded.msgdef)
    message = _as_today(store.deserialize_cdr(data, recorded.msgtype), recorded.msgtype)
    return bytes(typestore().serialize_cdr(message, recorded.msgtype))


def _as_today(message: Any, msgtype: str) -> Any:
    fields = {}
    for name, (kind, what) in typestore().fielddefs[msgtype][1]:
        value = getattr(message, name) if hasattr(message, name) else _unknown(kind, what)
        item = what[0][1] if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE) else None
        is_own = isinstance(item, str) and item.startswith(f"{PACKAGE}/")
        fields[name] = [_as_today(each, str(item)) for each in value] if is_own else value
    return typestore().types[msgtype](**fields)


def _unknown(kind: Nodetype, what: Any) -> Any:
    """Return a field of NaN: a number, an array of numbers, or a message of numbers."""
    if kind is Nodetype.NAME:
        numbers = {name: _unknown(*field) for name, field in typestore().fielddefs[what][1]}
        return typestore().types[what](**numbers)
    return np.full(what[1], np.nan, what[0][1][0]) if kind is Nodetype.ARRAY else math.nan


def type_name(message_type: Any) -> str:
    """Return a message type's name as recordings have it, such as ``std_msgs/msg/Header``."""
    package, _, _ = message_type.__module__.partition(".")
    return f"{package}/msg/{message_type.__name__}"


def serialized(message: Any) -> bytes:
    """Return a message, unless it is serialized already, as CDR: the same bytes for the same message.

    The middleware leaves what it finds in memory between fields, for the sake of their alignment, and behind
    a message that ends in empty lists of numbers, as joint states do; that strict readers refuse.
    """
    if isinstance(message, bytes):
        return message
    name, types = type_name(type(message)), typestore()
    data = serialize_message(message)
    if isinstance(message, JointState):
        data = data[: ENCAPSULATION_BYTES + types.get_msgdef(name).getsize_cdr(0, message, types)]
    return bytes(types.serialize_cdr(types.deserialize_cdr(data, name), name))
