# SPDX-License-Identifier: Apache-2.0
"""The life of a node's process: it starts, spins, and leaves with a status and no traceback."""

from __future__ import annotations

import gc
import os
import re
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pkgutil import resolve_name
from types import FrameType
from typing import Any

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.parameters import ParameterError
from blazepose_ros.core.text import quoted
from blazepose_ros.nodes.common.dds import remove_own_segments

# How long closing may take after a signal. Launchers wait 5 s until they insist, robots less.
_LEAVE_TIMEOUT_S = 1.5
_LEAVING = "leaving"  # the thread that sees to it

# A node at rest has 27 files open, and more with every listener and neighbor.
_MIN_FILES = 256


class StartupError(BlazePoseError, RuntimeError):
    """The node cannot start; the message says in one line what to change."""


class _StopSignals:
    """SIGINT and SIGTERM: the exit at once while starting, a flag once the node spins.

    Launchers repeat their signals. All but the first do nothing.

    Attributes:
        received: whether one has come.
        starting: whether there is nothing to close yet.
        wake: called in another thread, to have the executor see the flag.
    """

    _NUMBERS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.received = False
        self.starting = True
        self.wake: Callable[[], object] = lambda: None
        heard, told = os.pipe()
        os.set_blocking(told, False)
        signal.set_wakeup_fd(told)
        threading.Thread(target=self._end_in_time, args=(heard,), name=_LEAVING, daemon=True).start()
        for number in self._NUMBERS:
            signal.signal(number, self._receive)

    def ignore(self) -> None:
        """Let nothing disturb Python's finalization, where no handler would catch a signal."""
        for number in self._NUMBERS:
            signal.signal(number, signal.SIG_IGN)

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        if self.starting:
            # No exception: an extension module that is being imported turns it into another one.
            _leave_at_once()
        self.received = True

    def _end_in_time(self, heard: int) -> None:
        """Wait for a signal, which comes here even while the main thread is stuck in a library."""
        while os.read(heard, 1)[0] not in self._NUMBERS:
            pass
        self.wake()
        time.sleep(_LEAVE_TIMEOUT_S)
        _leave_at_once()


def run_node(factory: str) -> int:
    """Make a node, spin it until it ends or is stopped, and return the exit status.

    The status is 0 after SIGINT, SIGTERM or a ``SystemExit(0)`` raised by a callback
    (the way for a node to end itself), and 1 after one logged line where the node
    cannot start. ``destroy_node()`` is always called on a node that was made; should it
    take too long after a signal, the process ends without it.

    Args:
        factory: where the node's class is, for example ``blazepose_ros.nodes.camera.node:CameraNode``.
            It is imported here, and so is rclpy, so that a signal during these imports,
            which take a second, ends the process like any other. It is called without
            arguments and raises `StartupError` or `ParameterError` for a configuration that cannot work.
    """
    if shortage := _shortage_of_files():
        sys.stderr.write(f"{_program()}: {shortage}\n")
        return 1
    signals = _StopSignals()
    import rclpy
    from rclpy.logging import get_logger

    try:
        init_rclpy(sys.argv)
        _refuse_unexpected(sys.argv)
        _live(factory, signals)
    except (StartupError, ParameterError) as error:
        get_logger(_program()).fatal(str(error))
        return 1
    finally:
        # rclpy frees a lifecycle node, and Fast DDS its shared memory, with the last reference.
        gc.collect()
        rclpy.try_shutdown()
        signals.ignore()
    if signals.received and _others_at_work():
        _leave_at_once()
    return 0


def _program() -> str:
    return sys.argv[0].rpartition("/")[2]


def _shortage_of_files() -> str:
    """Raise the soft limit of open files where it is too low; return what is wrong where that fails.

    Without descriptors Python, rclpy and Fast DDS fail anywhere, each in its own way.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_unlimited = hard == resource.RLIM_INFINITY
    if soft == resource.RLIM_INFINITY or soft >= _MIN_FILES:
        return ""
    if is_unlimited or hard >= _MIN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_MIN_FILES, hard))
        return ""
    return f"only {hard} files may be open at once, {_MIN_FILES} are needed: raise the limit (ulimit -n)"


def _others_at_work() -> bool:
    """Whether threads of the node go on: one that loads a model, or a library that hangs."""
    return any(thread.name != _LEAVING for thread in threading.enumerate()[1:])


def _leave_at_once() -> None:
    """End the process with status 0, without Python's finalization.

    The signal may have come at any point: while a library starts a thread, which finalization
    would then wait for without end, while an object is made, which is never closed, or while a
    model is loaded, from which finalization would take the interpreter away.
    """
    remove_own_segments()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def init_rclpy(arguments: Sequence[str] = ()) -> None:
    """Start rclpy, with no signal handlers: its own would shut the context down under a callback's feet.

    Args:
        arguments: a command line with --ros-args.

    Raises:
        StartupError: it does not start; the message says why, and what to change.
    """
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    if problem := domain_problem(os.environ.get(DOMAIN_VARIABLE, "")):
        raise StartupError(problem)
    try:
        rclpy.init(args=list(arguments), signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        raise StartupError(_why_not(str(error).splitlines()[0], arguments)) from error


DOMAIN_VARIABLE = "ROS_DOMAIN_ID"
# The ports of higher domains would be above 65535; Fast DDS ends the process there.
_MAX_DOMAIN = 232
_PLACE_IN_SOURCE = re.compile(r", at /\S+:\d+")


def domain_problem(domain: str) -> str:
    """Return what is wrong with a ROS domain as the environment names it; nothing where it is right."""
    text = domain.strip()
    if not text or (text.isascii() and text.isdecimal() and int(text) <= _MAX_DOMAIN):
        return ""
    return f"{DOMAIN_VARIABLE} is {quoted(domain)}, not a number from 0 to {_MAX_DOMAIN}"


def _why_not(error: str, arguments: Sequence[str]) -> str:
    """Return the cause of an error of rclpy's start, and what to change."""
    cause = _PLACE_IN_SOURCE.sub("", error)
    if "log director" in cause or "logging directory" in cause:
        return (
            f"ROS 2 has no folder for its logs ({cause}): set ROS_LOG_DIR to a folder that can be written,"
            " such as /tmp/ros_log"
        )
    kind = "bad --ros-args" if "--ros-args" in arguments else "ROS 2 does not start"
    return f"{kind}: {cause}"


def _refuse_unexpected(argv: list[str]) -> None:
    from rclpy.utilities import remove_ros_args

    unexpected = remove_ros_args(argv)[1:]
    if unexpected:
        raise StartupError(f"unexpected {unexpected[0]!r}: settings are given as --ros-args -p NAME:=VALUE")


def _live(factory: str, signals: _StopSignals) -> None:
    node = _made(factory)
    try:
        _spin(node, signals)
    finally:
        node.destroy_node()


def _spin(node: Any, signals: _StopSignals) -> None:
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor()
    try:
        executor.add_node(node)
        signals.wake = _waker(node)
        signals.starting = False
        while not signals.received:
            executor.spin_once()
    finally:
        # Left to the garbage collector it complains of what is gone by then.
        executor.shutdown()


def _waker(node: Any) -> Callable[[], None]:
    """Return what ends an executor's wait for the node, from any thread.

    That wait is in C, and a signal alone does not end it.
    """
    from rclpy.impl.implementation_singleton import rclpy_implementation

    condition = node.create_guard_condition(lambda: None)

    def wake() -> None:
        with suppress(rclpy_implementation.InvalidHandle):  # the node is closed already
            condition.trigger()

    return wake


def _made(factory: str) -> Any:
    from rclpy.impl.implementation_singleton import rclpy_implementation

    try:
        return resolve_name(factory)()
    except OSError as error:  # the machine's: a full disk, no more files
        raise StartupError(str(error)) from error
    except rclpy_implementation.RCLError as error:
        raise StartupError(" ".join(str(error).splitlines())) from error
