# SPDX-License-Identifier: Apache-2.0
"""Parameters as fields of a frozen dataclass: default, range and description stand beside each other."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import TypeVar

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.text import printable, quoted

Value = bool | int | float | str

_KINDS = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}
# YAML reads `rate:=30` as an integer and `source:=0` as well.
_CONVERTIBLE = {(int, float), (int, str)}


class ParameterError(BlazePoseError, ValueError):
    """A parameter does not exist or does not take a value; the message says what it takes."""


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter.

    Attributes:
        attribute: what it is called in its dataclass.
        default: its default, whose type is the parameter's.
        description: what it does, in its unit.
        minimum: the least value, for numbers.
        maximum: the greatest value, for numbers.
        choices: all values there are, for strings and integers.
        read_only: true where it cannot change while the node runs.
        group: the group that it belongs to, with which its attribute begins.
        pattern: a regular expression that the whole of a string matches.

    Raises:
        ParameterError: the default is out of range or not among the choices.
    """

    attribute: str
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Value, ...] = ()
    read_only: bool = False
    group: str = ""
    pattern: str = ""

    def __post_init__(self) -> None:
        self.check(self.default)

    @property
    def name(self) -> str:
        """What ROS calls it: ``smoothing.beta`` for the attribute ``smoothing_beta`` of a group."""
        return (
            f"{self.group}.{self.attribute.removeprefix(f'{self.group}_')}" if self.group else self.attribute
        )

    @property
    def takes(self) -> str:
        """What values it takes, for people: "a number from 0 to 1", "one of auto, mono"."""
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        if self.pattern:
            return f"{_KINDS[str]} that matches {self.pattern}"
        lower = "" if self.minimum is None else f" from {self.minimum:g}"
        upper = "" if self.maximum is None else f" to {self.maximum:g}"
        return _KINDS[type(self.default)] + lower + upper

    def check(self, value: object) -> Value:
        """Return the value in the parameter's type.

        Raises:
            ParameterError: it is of another type, out of range or not among the choices.
        """
        kind = type(self.default)
        if (type(value), kind) in _CONVERTIBLE:
            value = kind(value)  # type: ignore[call-overload, arg-type]
        if kind is str and isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
            value = ",".join(value)  # a list of names
        if type(value) is not kind or not self._allows(value):
            shown = quoted(value) if isinstance(value, str) else printable(repr(value))
            raise ParameterError(f"parameter {self.name} is {shown}, it takes {self.takes}")
        return value

    def _allows(self, value: Value) -> bool:
        if self.choices:
            return value in self.choices
        if self.pattern:
            return re.fullmatch(self.pattern, str(value)) is not None
        if self.minimum is None and self.maximum is None:
            return True
        lower = -math.inf if self.minimum is None else self.minimum
        upper = math.inf if self.maximum is None else self.maximum
        return lower <= value <= upper  # type: ignore[operator]


Default = TypeVar("Default", bound=Value)


def parameter(
    default: Default,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[Value, ...] = (),
    read_only: bool = False,
    group: str = "",
    pattern: str = "",
) -> Default:
    """Return a field of a `Settings` dataclass; see `ParameterSpec`.

    A default that is a member of an enum has the enum's values as choices.
    """
    if isinstance(default, Enum):
        choices = tuple(member.value for member in type(default))
    spec = ParameterSpec(
        "", _plain(default), description, minimum, maximum, choices, read_only, group, pattern
    )
    return field(default=default, metadata={_SPEC: spec})


_SPEC = "parameter"
Own = TypeVar("Own", bound="Settings")


@dataclass(frozen=True)
class Settings:
    """The base of a program's settings: each field is made by `parameter` and is one parameter."""

    @classmethod
    def parameters(cls) -> dict[str, ParameterSpec]:
        """Return what is declared, by the name that ROS uses, in the order of the fields."""
        specs = [replace(each.metadata[_SPEC], attribute=each.name) for each in fields(cls)]
        return {spec.name: spec for spec in specs}

    @classmethod
    def from_values(cls: type[Own], given: Mapping[str, object]) -> Own:
        """Return settings with values as a user gave them, by the names that ROS uses.

        Raises:
            ParameterError: a parameter does not exist or does not take its value.
        """
        return cls()._with(_checked(cls.parameters(), given))

    def changed(self: Own, changes: Mapping[str, object]) -> Own:
        """Return the settings after changes while the program runs.

        Raises:
            ParameterError: a parameter does not exist, is read-only or does not take its value.
        """
        parameters = self.parameters()
        for name in changes:
            if name in parameters and parameters[name].read_only:
                raise ParameterError(f"parameter {name} is read-only: it is set when the node starts")
        return self._with(_checked(parameters, changes))

    def values(self) -> dict[str, Value]:
        """Return all values, by the names that ROS uses and in ROS's types."""
        return {name: _plain(getattr(self, spec.attribute)) for name, spec in self.parameters().items()}

    def _with(self: Own, values: Mapping[str, Value]) -> Own:
        attributes = {name: spec.attribute for name, spec in self.parameters().items()}
        typed = {
            attributes[name]: type(getattr(self, attributes[name]))(value) for name, value in values.items()
        }
        return replace(self, **typed)


def unknown_parameter(name: str, known: Iterable[str]) -> str:
    """Return what to say of a name that is no parameter's."""
    known = list(known)
    longer = [each for each in known if name and each.startswith(f"{name}_")]
    meant = " or ".join(longer or difflib.get_close_matches(name, known, n=1))
    return f"there is no parameter {printable(name)}" + (f", perhaps {meant} is meant" if meant else "")


def _checked(parameters: Mapping[str, ParameterSpec], given: Mapping[str, object]) -> dict[str, Value]:
    for name in given:
        if name not in parameters:
            raise ParameterError(unknown_parameter(name, parameters))
    return {name: spec.check(given[name]) for name, spec in parameters.items() if name in given}


def _plain(value: Value) -> Value:
    """Return a value as ROS takes it: of an enum's member, the value."""
    return value.value if isinstance(value, Enum) else value
