# SPDX-License-Identifier: Apache-2.0
"""Actions of launch files that may find that they cannot start what they should."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import NoReturn

from launch import Action, Condition, LaunchContext
from launch.actions import OpaqueFunction, TimerAction

from blazepose_ros.core.frame_sources.files import PhotographMissingError
from blazepose_ros.launch_support.lookup import MissingPackageError, ParameterFileError

OBSTACLES = (MissingPackageError, ParameterFileError, PhotographMissingError)

Start = Callable[[LaunchContext], Sequence[Action]]


def starting(function: Start, condition: Condition | None = None) -> OpaqueFunction:
    """Return an action that starts what a function returns.

    An obstacle that the function raises ends the launch with status 1, with all that it has
    started. Raised while launch reads a launch file, it would end launch alone: the processes
    started so far would go on without it.
    """

    @wraps(function)
    def start(context: LaunchContext) -> Sequence[Action]:
        try:
            return function(context)
        except OBSTACLES as obstacle:
            return [TimerAction(period=0.0, actions=[OpaqueFunction(function=_raise, args=[obstacle])])]

    return OpaqueFunction(function=start, condition=condition)


def _raise(_context: LaunchContext, error: Exception) -> NoReturn:
    raise error
