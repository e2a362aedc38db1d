# SPDX-License-Identifier: Apache-2.0
"""Python and the libraries in it that are known to be at odds with each other."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator, Mapping

from blazepose_ros.cli.doctor.check_result import CheckResult, error, ok, warn
from blazepose_ros.conversions.cv_bridge_fallback import cv_bridge_failure
from blazepose_ros.core import hints
from blazepose_ros.core.estimation.factory import FASTEST_FIRST

OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 13)

# What pip calls the backends, by the module that is imported.
BACKEND_MODULES = {"openvino": "openvino", "litert": "ai_edge_litert", "mediapipe": "mediapipe"}

OPENCV_MAJOR = 4  # 5 renumbers its types
OPENCV = "opencv-contrib-python<5"


def examine() -> Iterator[CheckResult]:
    """Yield what is found in this Python."""
    yield check_python(sys.version_info[:2])
    yield check_numpy(version_of("numpy"))
    yield check_opencv(opencv_version())
    yield check_cv_bridge(cv_bridge_failure(), version_of("numpy"), opencv_version())
    yield check_backends({name: _is_installed(BACKEND_MODULES[name]) for name in FASTEST_FIRST})
    yield check_devices()


def check_python(version: tuple[int, int]) -> CheckResult:
    """Check that this Python is one that the package is tested with."""
    text = ".".join(map(str, version))
    if OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        return ok("python", text)
    return warn("python", f"{text} is not tested, 3.10 to 3.13 are", "make PYTHON=python3.12 install")


def check_numpy(version: str) -> CheckResult:
    """Check that numpy is there; both 1 and 2 work."""
    if not version:
        return error("numpy", "is not installed", hints.install("numpy"))
    return ok("numpy", version)


def check_opencv(version: str) -> CheckResult:
    """Check that OpenCV is one whose types have the numbers of OpenCV 4."""
    if not version:
        return error("opencv", "is not installed", hints.install(OPENCV))
    if int(version.partition(".")[0]) > OPENCV_MAJOR:
        return warn(
            "opencv",
            f"{version} numbers its types anew: cv_bridge and what else was built with OpenCV 4 breaks",
            hints.install(OPENCV),
        )
    return ok("opencv", version)


def check_cv_bridge(failure: str | None, numpy: str, opencv: str) -> CheckResult:
    """Check that cv_bridge, which other nodes use, works with these numpy and OpenCV.

    Args:
        failure: why it does not work; empty where it does, None where it is not installed.
        numpy: the version of numpy.
        opencv: the version of OpenCV.
    """
    name = "cv_bridge"
    if failure is None:
        return ok(name, "is not installed, and not needed")
    if any(sign in failure for sign in ("NumPy 1", "_ARRAY_API", "numpy.core.multiarray")):
        return error(
            name, f"was built for numpy 1 and does not work with numpy {numpy}", hints.install("numpy<2")
        )
    if failure:
        return error(
            name, f"does not import: {failure}", "sudo apt install --reinstall ros-$ROS_DISTRO-cv-bridge"
        )
    if opencv and int(opencv.partition(".")[0]) > OPENCV_MAJOR:
        return error(name, f"raises KeyError with OpenCV {opencv}", hints.install(OPENCV))
    return ok(name, f"works with numpy {numpy}")


def check_devices() -> CheckResult:
    """Say what OpenVINO can compute on here, and in what besides f32; and what a GPU needs for LiteRT."""
    return ok("devices", "; ".join((_openvino_devices(), _litert_devices())))


def _openvino_devices() -> str:
    try:
        from blazepose_ros.core.estimation.runtimes.openvino_library import devices, low_precisions
    except (ImportError, OSError) as err:
        return f"the processor, in f32: {err}"
    precisions = {device: ["f32", *(each.value for each in low_precisions(device))] for device in devices()}
    return "; ".join(f"{device} in {', '.join(has)}" for device, has in precisions.items())


def _litert_devices() -> str:
    try:
        from blazepose_ros.core.estimation.runtimes.litert import has_vulkan
    except (ImportError, OSError):
        return f"a GPU with Vulkan, if there is one: {hints.install('ai-edge-litert')}"
    if not has_vulkan():
        return "a GPU with Vulkan, if there is one: sudo apt install libvulkan1, and its driver"
    return "a GPU with Vulkan, if vulkaninfo shows one: blazepose bench --devices times it"


def check_backends(installed: Mapping[str, bool]) -> CheckResult:
    """Check that something is there to run the models, the fastest first."""
    present = [name for name, is_there in installed.items() if is_there]
    if not present:
        return error("backends", "nothing is installed that runs the models", hints.install("openvino"))
    if present == ["mediapipe"]:
        return warn("backends", "mediapipe alone, which uses one core", hints.install("openvino"))
    return ok("backends", ", ".join(present))


def version_of(package: str) -> str:
    """Return the version of an installed package; empty where it is not."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def opencv_version() -> str:
    """Return the version of the OpenCV that is imported, whichever package brought it."""
    try:
        import cv2
    except ImportError:
        return ""
    return cv2.__version__


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
