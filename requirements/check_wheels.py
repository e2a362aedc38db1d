# SPDX-License-Identifier: Apache-2.0
"""Show that what the package needs has wheels: for Python 3.10 and 3.14, on x86-64 and aarch64.

    .venv/bin/python requirements/check_wheels.py

It resolves what a ROS distribution leaves to pip; nothing is installed or built.
"""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_35")
PYTHONS = ("3.10", "3.12", "3.13", "3.14")
# OpenVINO's wheels for aarch64 need the glibc of Ubuntu 22.04.
# From the distribution or the ROS wheels come rclpy and the messages, which have no aarch64 wheel.
INPUTS = ("distribution.in",)


def missing(platform: str, python: str) -> str:
    """Return why there are not all wheels, or nothing."""
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else "uv"
    command = [uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:"]
    command += ["--python-platform", platform, "--python-version", python, "--output-file", "/dev/null"]
    process = subprocess.run(
        [*command, *(FOLDER / name for name in INPUTS)], capture_output=True, text=True, check=False
    )
    return process.stderr.strip() if process.returncode else ""


def main() -> int:
    """Print a line for each platform and Python; the exit status is 0 if all wheels are there."""
    problems = 0
    for platform in PLATFORMS:
        for python in PYTHONS:
            problem = missing(platform, python)
            problems += bool(problem)
            sys.stdout.write(f"{platform} Python {python}: {problem or 'all wheels are there'}\n")
    return min(problems, 1)


if __name__ == "__main__":
    sys.exit(main())
