"""Objects of this package as data that JSON can hold, and back, with nothing run on the way.

Everything but lists, numbers and texts becomes an object of JSON with one key: what it is.
"""

from __future__ import annotations

import base64
import sys
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_OWN = __name__.partition(".")[0] + "."
_AS_THEY_ARE = (type(None), bool, int, float, str)
_NUMBERS = "biuf"  # numpy's kinds of them: an array of anything else could hold objects


class PlainDataError(ValueError):
    """This is no data that was made here, or nothing that can be made such."""


def to_plain(value: Any) -> Any:
    """Return what JSON can hold.

    Args:
        value: an object of this package, a container, an array of numbers, or any of them within others.

    Raises:
        PlainDataError: there is something else in it.
    """
    if type(value) in _AS_THEY_ARE:
        return value
    if type(value) is list:
        return _all_to_plain(value)
    name = next((name for name, kind in _KINDS.items() if kind.holds(value)), None)
    if name is None:
        raise PlainDataError(f"{type(value)} cannot be made plain data")
    return {name: _KINDS[name].to_plain(value)}


def from_plain(plain: Any) -> Any:
    """Return what was made plain.

    No code of a class runs, and no class is loaded: those that are in use already come back.

    Raises:
        PlainDataError: it is no such data.
    """
    if isinstance(plain, list):
        return _all_from_plain(plain)
    if not isinstance(plain, dict):
        return plain
    try:
        ((name, content),) = plain.items()
        return _KINDS[name].from_plain(content)
    except (KeyError, TypeError, AttributeError, ValueError) as err:
        raise PlainDataError(f"no data of this package: {err}") from err


def _all_to_plain(values: Iterable[Any]) -> list[Any]:
    return [to_plain(value) for value in values]


def _all_from_plain(plain: Iterable[Any]) -> list[Any]:
    return [from_plain(each) for each in plain]


def _array_to_plain(array: NDArray) -> list[Any]:
    if array.dtype.kind not in _NUMBERS:
        raise PlainDataError(f"an array of {array.dtype} cannot be made plain data")
    return [array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode()]


def _array_from_plain(plain: Any) -> NDArray:
    name, shape, content = plain
    dtype = np.dtype(name)
    if dtype.kind not in _NUMBERS:
        raise PlainDataError(f"an array of {dtype}")
    return np.frombuffer(base64.b64decode(content), dtype).reshape(shape).copy()


def _own_class(name: str) -> type:
    module, _, path = name.partition(":")
    found = vars(sys.modules[module])[path] if module.startswith(_OWN) else None
    if not isinstance(found, type) or found.__module__ != module:
        raise PlainDataError(f"{name} is no class of this package")
    return found


def _class_name(value: Any) -> str:
    return f"{type(value).__module__}:{type(value).__qualname__}"


def _object_from_plain(plain: Any) -> object:
    name, fields = plain
    made: object = object.__new__(_own_class(name))
    vars(made).update((field, from_plain(value)) for field, value in fields.items())
    return made


def _choice_from_plain(plain: Any) -> Enum:
    name, value = plain
    choices = _own_class(name)
    if not issubclass(choices, Enum):
        raise PlainDataError(f"{name} is no choice")
    return choices(value)


class _PlainKind(NamedTuple):
    """How one kind of thing is recognised, made plain, and made again."""

    holds: Callable[[Any], bool]
    to_plain: Callable[[Any], Any]
    from_plain: Callable[[Any], Any]


_KINDS = {
    "tuple": _PlainKind(
        lambda value: type(value) is tuple, _all_to_plain, lambda plain: tuple(map(from_plain, plain))
    ),
    "set": _PlainKind(
        lambda value: type(value) is set, _all_to_plain, lambda plain: set(map(from_plain, plain))
    ),
    "dict": _PlainKind(
        lambda value: type(value) is dict,
        lambda value: _all_to_plain(map(list, value.items())),
        lambda plain: dict(_all_from_plain(plain)),
    ),
    "deque": _PlainKind(
        lambda value: type(value) is deque,
        lambda value: [value.maxlen, _all_to_plain(value)],
        lambda plain: deque(_all_from_plain(plain[1]), plain[0]),
    ),
    "array": _PlainKind(lambda value: type(value) is np.ndarray, _array_to_plain, _array_from_plain),
    "number": _PlainKind(
        lambda value: isinstance(value, np.generic),
        lambda value: _array_to_plain(np.asarray(value)),
        lambda plain: _array_from_plain(plain)[()],
    ),
    "choice": _PlainKind(
        lambda value: isinstance(value, Enum),
        lambda value: [_class_name(value), value.value],
        _choice_from_plain,
    ),
    "object": _PlainKind(
        lambda value: type(value).__module__.startswith(_OWN) and hasattr(value, "__dict__"),
        lambda value: [_class_name(value), {field: to_plain(each) for field, each in vars(value).items()}],
        _object_from_plain,
    ),
}
