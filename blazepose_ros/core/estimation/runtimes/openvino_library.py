# SPDX-License-Identifier: Apache-2.0
"""OpenVINO: the library's entry, the devices that it finds here, and names for models that are in memory."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from blazepose_ros.core.estimation.runtimes.runtime import BackendError, Precision

# OpenVINO reports its import to its makers unless this package is missing: then it takes a stub.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino  # noqa: E402

__all__ = [
    "CPU",
    "core",
    "device_named",
    "device_property",
    "devices",
    "is_combined",
    "low_precisions",
    "named_tflite",
    "openvino",
]

CPU = "CPU"
# Precision -> what OpenVINO calls it in OPTIMIZATION_CAPABILITIES, the fastest first.
_LOW_PRECISIONS = {Precision.BF16: "BF16", Precision.F16: "FP16"}
# Several devices as one: AUTO:GPU,CPU and HETERO:NPU,CPU, as OpenVINO writes them.
_COMBINED = ("AUTO", "HETERO", "MULTI")


@cache
def core() -> openvino.Core:
    """Return the library's entry, one for all models and as long as the process lives.

    With it goes the stack that it gives the thread for signals: had each model its own, the
    next Ctrl-C after another model was loaded and the first one closed would find that stack freed.
    """
    return openvino.Core()


def devices() -> list[str]:
    """Return OpenVINO's names of what it can compute on here, such as CPU, GPU.0 and NPU."""
    return list(core().available_devices)


def device_named(asked: str) -> str:
    """Return OpenVINO's name of a device that is asked for: gpu, gpu.1, npu, auto:gpu,cpu or gpu:arc.

    Raises:
        BackendError: there is no such device.
    """
    kind, _, words = asked.upper().partition(":")
    found = devices()
    if is_combined(asked.upper()):
        return asked.upper()
    if words:
        full_names = {name: str(device_property(name, "FULL_DEVICE_NAME")).upper() for name in found}
        named = [name for name in found if name.startswith(kind) and words in full_names[name]]
    else:  # GPU is the first of GPU.0 and GPU.1
        named = [name for name in found if kind in (name, name.partition(".")[0])]
    if not named:
        raise BackendError(f"OpenVINO finds no device {asked} here, only {', '.join(found)}")
    return named[0]


def is_combined(device: str) -> bool:
    """Whether a device stands for several, such as AUTO:GPU,CPU."""
    return device.partition(":")[0] in _COMBINED


def low_precisions(device: str = CPU) -> list[Precision]:
    """Return what a device computes in natively besides f32, the fastest first."""
    capabilities = device_property(device, "OPTIMIZATION_CAPABILITIES")
    return [precision for precision, name in _LOW_PRECISIONS.items() if name in capabilities]


def device_property(device: str, name: str) -> Any:
    """Return a property of a device, empty where it has none such."""
    try:
        return core().get_property(device, name)
    except RuntimeError:
        return ()


_SHARED_MEMORY = Path("/dev/shm")


@contextlib.contextmanager
def named_tflite(content: bytes) -> Iterator[Path]:
    """Return the name of a TFLite file that is on no disk, which may be full.

    OpenVINO's reader takes files only, and knows them by their suffix: so the memory that holds it
    gets a name by a link, which takes no room even where no block is free.

    Raises:
        OSError: there is no memory, or no folder for the link.
    """
    name = f"blazepose_ros_{uuid4().hex}.tflite"
    with open(os.memfd_create(name), "wb") as file:  # noqa: PTH123 (a descriptor that is open already)
        file.write(content)
        file.flush()
        folder = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
        link = folder / name
        link.symlink_to(f"/proc/{os.getpid()}/fd/{file.fileno()}")
        try:
            yield link
        finally:
            link.unlink(missing_ok=True)
