"""The installed executables, run as real processes."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STOP_TIMEOUT_S = 10.0


def executable(name: str) -> str:
    """Return the installed command: pip's beside Python, colcon's in the package's lib folder."""
    beside_python = Path(sys.executable).with_name(name)
    if beside_python.exists():
        return str(beside_python)
    from ament_index_python.packages import get_package_prefix

    return str(Path(get_package_prefix("blazepose_ros")) / "lib" / "blazepose_ros" / name)


def ros_arguments(parameters: dict[str, object], remappings: dict[str, str] | None = None) -> list[str]:
    """Return the command line that sets parameters and renames topics."""
    arguments = ["--ros-args"]
    for name, value in parameters.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        arguments += ["-p", f"{name}:={text}"]
    for old, new in (remappings or {}).items():
        arguments += ["-r", f"{old}:={new}"]
    return arguments


@contextmanager
def running(name: str, *arguments: str) -> Iterator[subprocess.Popen]:
    """Run an executable for the length of a block, then stop it as Ctrl-C does."""
    process = subprocess.Popen([executable(name), *arguments])
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
