"""The node's parameters, for what works without a node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace

import yaml

from blazepose_ros.declare_parameters import ParameterError
from blazepose_ros.parameters import PARAMETERS

_BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


class SettingError(ValueError):
    """A parameter does not exist or has a wrong value."""


def settings(given: Mapping[str, object]) -> SimpleNamespace:
    """Return all parameters of the node, those not given at their defaults.

    Raises:
        SettingError: there is no such parameter, or it takes another value.
    """
    for name in given:
        if name not in _BY_NAME:
            raise SettingError(f"there is no parameter {name!r}; these are: {', '.join(_BY_NAME)}")
    try:
        values = {name: each.check(given.get(name, each.default)) for name, each in _BY_NAME.items()}
    except ParameterError as err:
        raise SettingError(str(err)) from err
    return SimpleNamespace(**values)


def parse_assignments(assignments: Iterable[str]) -> dict[str, object]:
    """Return what ``NAME:=VALUE`` texts say, values as YAML, as ROS reads them.

    Raises:
        SettingError: one is no such text.
    """
    given: dict[str, object] = {}
    for text in assignments:
        name, separator, value = text.partition(":=")
        try:
            given[name] = yaml.safe_load(value)
        except yaml.YAMLError as err:
            raise SettingError(f"{text!r}: the value is not YAML") from err
        if not separator:
            raise SettingError(f"{text!r} is not NAME:=VALUE")
    return given


def read_parameter_file(path: Path) -> dict[str, object]:
    """Return the parameters in a ROS parameter file, of whichever node.

    Raises:
        SettingError: it is missing or no such file.
    """
    try:
        content = yaml.safe_load(path.read_text())
        sections = [section["ros__parameters"] for section in content.values()]
    except OSError as err:
        raise SettingError(f"{path} cannot be read: {err.strerror}") from err
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, UnicodeDecodeError) as err:
        raise SettingError(f"{path} is not a ROS parameter file") from err
    return {name: value for section in sections for name, value in section.items()}
