# SPDX-License-Identifier: Apache-2.0
"""The root of the package's errors, and who is told of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class BlazePoseError(Exception):
    """Base of every error of this package; each is a builtin error, such as a ``ValueError``, as well."""


class Logger(Protocol):
    """What rclpy's loggers and those of ``logging`` have in common."""

    def info(self, message: str, /) -> object:
        """Log what happens."""
        ...

    def warning(self, message: str, /) -> object:
        """Log what may not be as intended."""
        ...

    def error(self, message: str, /) -> object:
        """Log what went wrong."""
        ...


class FunctionLogger:
    """A `Logger` that gives messages of every severity to one function.

    Args:
        log: called with each message.
    """

    def __init__(self, log: Callable[[str], object]) -> None:
        self.info = self.warning = self.error = log
