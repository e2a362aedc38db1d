"""Where the package's messages to the user go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


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
