# SPDX-License-Identifier: Apache-2.0
"""How fast each backend is, and the accuracy of its precisions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.console import FittingTable
from blazepose_ros.cli.eval.pdj import WITHOUT_VISIBILITY, detected_joints, nearest_person
from blazepose_ros.core.estimation.estimator import Estimator, EstimatorError, EstimatorOptions
from blazepose_ros.core.estimation.factory import RUNTIMES, choose_estimator
from blazepose_ros.core.estimation.landmark_model import INPUT_PX, MASK_SHAPE
from blazepose_ros.core.estimation.runtimes.runtime import Precision, RuntimeOptions
from blazepose_ros.core.models.task_bundle import LANDMARKER, split_bundle
from blazepose_ros.core.types import Frame, Pose

REFERENCE = "mediapipe"
# Precisions other than f32 that a backend may have, on the processor or on other devices.
_LOWER_PRECISIONS = {"openvino": (Precision.MIXED, Precision.BF16, Precision.F16), "litert": (Precision.F16,)}
# What is not the processor; those that a machine has not do not load.
_OTHER_DEVICES = {"openvino": ("gpu.0", "gpu.1", "npu"), "litert": ("gpu",)}
_OUTPUTS_LEFT_OUT: tuple[tuple[tuple[int, ...], ...], ...] = ((), (MASK_SHAPE,))
_FRAME_NS = 33_000_000
_WARM_UP_RUNS = 5
# So many in a row: every runtime is timed with its caches warm, and all meet the same load.
_RUNS_IN_A_ROW = 4


@dataclass(frozen=True)
class SpeedRow:
    """The time of one variant.

    Attributes:
        name: the backend and its precision, or the physical floor of them.
        frame_ms: the median, in milliseconds.
        speedup: how many times faster than MediaPipe; NaN where it was not timed.
    """

    name: str
    frame_ms: float
    speedup: float


@dataclass(frozen=True)
class AccuracyRow:
    """The accuracy of one variant on photographs with labeled people.

    Attributes:
        name: the backend and its precision.
        pdj: the share of labeled joints found within a fifth of the torso's diameter.
        world_error_m: the median distance of the world landmarks to MediaPipe's, in meters;
            NaN where it was not there to compare with.
    """

    name: str
    pdj: float
    world_error_m: float


@dataclass(frozen=True)
class LabeledPhotograph:
    """An image and its labels.

    Attributes:
        frame: the image.
        people: the labeled joints of all people in it, (33, 3) each; see ``LabeledPerson``.
    """

    frame: Frame
    people: tuple[NDArray, ...]


def speed_rows(bundle: bytes, frame: Frame, rounds: int = 20, *, devices: bool = False) -> list[SpeedRow]:
    """Return the time per frame of each installed backend, and of one inference alone.

    Args:
        bundle: the models.
        frame: shows a person.
        rounds: how often all of them take turns.
        devices: whether to time GPUs and NPUs, too.
    """
    estimators = dict(_estimators(EstimatorOptions(bundle), devices))
    cases = {name: _next_frame(estimator, frame) for name, estimator in estimators.items()}
    cases.update(_floors(bundle, devices))
    times_ms = interleaved_ms(cases, rounds)
    for estimator in estimators.values():
        estimator.close()
    reference_ms = times_ms.get(REFERENCE, np.nan)
    return [SpeedRow(name, time_ms, reference_ms / time_ms) for name, time_ms in times_ms.items()]


def accuracy_rows(
    bundle: bytes, photographs: Sequence[LabeledPhotograph], *, devices: bool = False
) -> list[AccuracyRow]:
    """Return what each installed backend and precision gets right on unrelated photographs."""
    poses: dict[str, list[Pose | None]] = {}
    for name, estimator in _estimators(EstimatorOptions(bundle), devices):
        poses[name] = [_first_pose(estimator, photograph.frame) for photograph in photographs]
        estimator.close()
    reference = poses.get(REFERENCE, [None] * len(photographs))
    return [
        AccuracyRow(name, _pdj(found, photographs), _world_error_m(found, reference))
        for name, found in poses.items()
    ]


def interleaved_ms(cases: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median time of each case in milliseconds, all of them taking turns."""
    times_ms: dict[str, list[float]] = {name: [] for name in cases}
    for case in cases.values():
        for _ in range(_WARM_UP_RUNS):
            case()
    for _ in range(rounds):
        for name, case in cases.items():
            case()
            times_ms[name] += [_timed_ms(case) for _ in range(_RUNS_IN_A_ROW)]
    return {name: median(values) for name, values in times_ms.items()}


def variants(devices: bool = False) -> Iterator[tuple[str, str, RuntimeOptions]]:
    """Yield name, backend and options of everything worth comparing.

    Args:
        devices: also what is not the processor.
    """
    yield REFERENCE, REFERENCE, RuntimeOptions()
    for backend in RUNTIMES:
        yield f"{backend} f32", backend, RuntimeOptions()
        for precision in _LOWER_PRECISIONS[backend]:
            yield f"{backend} {precision.value}", backend, RuntimeOptions(precision=precision)
        for device in _OTHER_DEVICES[backend] if devices else ():
            for precision in (Precision.F32, *_LOWER_PRECISIONS[backend]):
                name = f"{backend} {device} {precision.value}"
                yield name, backend, RuntimeOptions(precision=precision, device=device)


def _estimators(options: EstimatorOptions, devices: bool) -> Iterator[tuple[str, Estimator]]:
    for name, backend, runtime in variants(devices):
        try:
            yield name, choose_estimator(backend, options, runtime).estimator
        except EstimatorError:
            continue  # not installed, or a precision that this processor lacks


def _floors(bundle: bytes, devices: bool) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield one inference of the landmark model alone, for each backend but the reference.

    Once as the model is published and once without the mask, which the pipeline does not
    compute unless it is asked for.
    """
    content = split_bundle(bundle)[LANDMARKER]
    image = np.random.default_rng(0).random((1, INPUT_PX, INPUT_PX, 3), np.float32)
    for name, backend, options in variants(devices):
        if backend == REFERENCE:
            continue
        try:
            whole, maskless = (
                RUNTIMES[backend](options).load(content, unused) for unused in _OUTPUTS_LEFT_OUT
            )
        except (ImportError, OSError, EstimatorError):
            continue
        yield f"{name}, one inference", partial(whole.run, image)
        yield f"{name}, one inference without mask", partial(maskless.run, image)


def _first_pose(estimator: Estimator, frame: Frame) -> Pose | None:
    """Return the first person in a frame that has nothing to do with those before."""
    estimator.reset()
    return next(iter(estimator.estimate(frame)), None)


def _pdj(poses: Sequence[Pose | None], photographs: Sequence[LabeledPhotograph]) -> float:
    """Return the share of joints found, of the photographs in which a person was found."""
    pairs = zip(poses, photographs, strict=True)
    hits = [
        detected_joints(pose, person, WITHOUT_VISIBILITY)
        for pose, photograph in pairs
        if pose is not None and (person := nearest_person(pose, photograph.people)) is not None
    ]
    return float(np.concatenate(hits).mean()) if hits else math.nan


def _world_error_m(poses: Sequence[Pose | None], reference: Sequence[Pose | None]) -> float:
    pairs = zip(poses, reference, strict=True)
    errors = [
        np.linalg.norm(pose.world - other.world, axis=1)
        for pose, other in pairs
        if pose is not None and other is not None
    ]
    return float(np.median(np.concatenate(errors))) if errors else math.nan


def _next_frame(estimator: Estimator, frame: Frame) -> Callable[[], object]:
    """Return a call that shows an estimator the same image a little later each time."""
    stamp_ns = frame.stamp_ns

    def show() -> object:
        nonlocal stamp_ns
        stamp_ns += _FRAME_NS
        return estimator.estimate(Frame(frame.rgb, stamp_ns))

    return show


def _timed_ms(case: Callable[[], object]) -> float:
    start = time.perf_counter()
    case()
    return 1000 * (time.perf_counter() - start)


CM_PER_M = 100
PERCENT = 100


def speed_table(model: str, rows: Iterable[SpeedRow]) -> FittingTable:
    """Return milliseconds per frame and how many times faster than MediaPipe that is."""
    lines = [(row.name, f"{row.frame_ms:.1f}", f"{row.speedup:.2f}") for row in rows]
    return FittingTable((f"estimators alone, {model}", "ms", "times faster"), lines)


def accuracy_table(model: str, rows: Iterable[AccuracyRow]) -> FittingTable:
    """Return PDJ at a fifth of the torso, and how far world landmarks are from MediaPipe's."""
    lines = [(row.name, f"{PERCENT * row.pdj:.1f}", f"{CM_PER_M * row.world_error_m:.2f}") for row in rows]
    return FittingTable((f"on labeled photographs, {model}", "PDJ %", "world cm"), lines)
