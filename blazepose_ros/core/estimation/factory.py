# SPDX-License-Identifier: Apache-2.0
"""The estimators by the name of their backend, and the runtimes that devices and precisions mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from blazepose_ros.core import hints
from blazepose_ros.core.estimation.blazepose_estimator import BlazePoseEstimator
from blazepose_ros.core.estimation.estimator import Estimator, EstimatorError, EstimatorOptions
from blazepose_ros.core.estimation.runtimes.runtime import BackendError, Precision, Runtime, RuntimeOptions
from blazepose_ros.core.estimation.runtimes.trial import Candidate, GuardedRuntime, TrialRuntime
from blazepose_ros.core.models.registry import cache_folder
from blazepose_ros.core.models.task_bundle import DETECTOR, LANDMARKER, BundleError, split_bundle

CPU, AUTO = "cpu", "auto"
# A kind of device, a number or a name behind it; several of them as OpenVINO writes them.
DEVICE_PATTERN = (
    r"auto|cpu|npu|gpu(\.[0-9]{1,2}|:[A-Za-z0-9 ._-]{1,40})?|(AUTO|HETERO|MULTI):[A-Z0-9.,]{3,40}"
)


def openvino_runtime(options: RuntimeOptions) -> Runtime:
    """Return OpenVINO on the device that is asked for, or for ``auto`` on the fastest.

    Raises:
        BackendError: there is no such device, or it has no such precision.
    """
    from blazepose_ros.core.estimation.runtimes.openvino import OpenVinoRuntime
    from blazepose_ros.core.estimation.runtimes.openvino_library import devices, low_precisions

    def on(device: str, precision: Precision) -> Candidate:
        own = replace(options, device=device, precision=precision)
        name = f"openvino {device} {precision.value}"
        return Candidate(name, lambda: OpenVinoRuntime(own), may_vanish=device.lower() != CPU)

    def all_on(device: str) -> list[Candidate]:
        """Return what a device may compute in, as far as that is left open."""
        if options.precision is not Precision.AUTO:
            return [on(device, options.precision)]
        mixed = [on(device, Precision.MIXED)] if low_precisions(device.upper()) else []
        return [on(device, Precision.F32), *mixed]

    if options.device == CPU:
        return _fastest(all_on(CPU), options)
    if options.device == AUTO:
        others = [device for device in devices() if device.lower() != CPU]
        rivals = [each for device in others for each in all_on(device)]
        elsewhere = litert_on_gpu(options) if options.any_backend else []
        return _fastest([*all_on(CPU), *rivals, *elsewhere], options)
    fallback = replace(options, device=CPU, precision=Precision.F32)
    return GuardedRuntime(OpenVinoRuntime(options), OpenVinoRuntime(fallback), options.logger)


def litert_runtime(options: RuntimeOptions) -> Runtime:
    """Return LiteRT on the device that is asked for, or for ``auto`` on the fastest.

    Raises:
        BackendError: it has no such device or precision.
    """
    from blazepose_ros.core.estimation.runtimes.litert import LiteRtRuntime

    if options.device == CPU:
        return LiteRtRuntime(options)
    processor = LiteRtRuntime(replace(options, device=CPU, precision=Precision.F32))
    if options.device == AUTO:
        reference = Candidate("litert cpu", lambda: processor, may_vanish=False)
        return _fastest([reference, *litert_on_gpu(options)], options)
    runtime: Runtime = LiteRtRuntime(options)
    if options.precision is Precision.AUTO and (candidates := litert_on_gpu(options)):
        runtime = _fastest(candidates, options)
    return GuardedRuntime(runtime, processor, options.logger)


def litert_on_gpu(options: RuntimeOptions) -> list[Candidate]:
    """Return LiteRT on a GPU, in each precision that is asked for; nothing where it or Vulkan is missing."""
    try:
        from blazepose_ros.core.estimation.runtimes.litert import GPU, PRECISIONS, LiteRtRuntime, has_vulkan
    except ImportError:
        return []
    if not has_vulkan():
        return []

    def on_gpu(precision: Precision) -> Candidate:
        own = replace(options, device=GPU, precision=precision)
        return Candidate(f"litert {GPU} {precision.value}", lambda: LiteRtRuntime(own))

    wanted = PRECISIONS[GPU] if options.precision is Precision.AUTO else (options.precision,)
    return [on_gpu(each) for each in PRECISIONS[GPU] if each in wanted]


def _fastest(candidates: list[Candidate], options: RuntimeOptions) -> Runtime:
    reference, *rivals = candidates
    return TrialRuntime(reference, rivals, options) if rivals else reference.make()


RUNTIMES: dict[str, Callable[[RuntimeOptions], Runtime]] = {
    "openvino": openvino_runtime,
    "litert": litert_runtime,
}


PACKAGES = {"openvino": "openvino", "litert": "ai-edge-litert"}  # what pip calls them


def create_native_estimator(
    backend: str, options: EstimatorOptions, runtime: RuntimeOptions
) -> BlazePoseEstimator:
    """Return BlazePose on one of ``RUNTIMES``; its library is imported only now.

    Raises:
        BackendError: the library or the model does not load, or it has no such precision.
    """
    try:
        models = split_bundle(options.model)
    except BundleError as err:
        raise BackendError(f"{backend} does not take the model: {err}") from err
    return BlazePoseEstimator(load_runtime(backend, runtime), models[DETECTOR], models[LANDMARKER], options)


def load_runtime(backend: str, options: RuntimeOptions) -> Runtime:
    """Return one of ``RUNTIMES``; its library is imported only now.

    Raises:
        BackendError: it does not load, or has no such precision.
    """
    try:
        return RUNTIMES[backend](options)
    except (ImportError, OSError) as err:
        raise BackendError(f"{backend} does not load: {err} ({hints.install(PACKAGES[backend])})") from err


FASTEST_FIRST = ("openvino", "litert", "mediapipe")
BACKENDS = (AUTO, *FASTEST_FIRST)
MEDIAPIPE_PRECISIONS = (Precision.F32, Precision.AUTO)
COMPILED_FOLDER = "compiled"  # in the cache folder, beside the models


def compiled_folder() -> Path:
    """Return where compiled models are kept for the next start."""
    return cache_folder() / COMPILED_FOLDER


@dataclass(frozen=True)
class ChosenEstimator:
    """An estimator and how it came to be chosen.

    Attributes:
        backend: the name of its backend.
        estimator: ready for the first frame.
        passed_over: why each faster backend was not taken.
    """

    backend: str
    estimator: Estimator
    passed_over: tuple[str, ...] = ()


def choose_estimator(
    backend: str,
    options: EstimatorOptions,
    runtime: RuntimeOptions | None = None,
    *,
    allow_telemetry: bool = False,
) -> ChosenEstimator:
    """Return a backend's estimator, or for ``AUTO`` that of the fastest one that loads.

    Args:
        backend: one of ``BACKENDS``.
        options: the model and the thresholds.
        runtime: threads, precision and cache of OpenVINO and LiteRT; MediaPipe has none of them.
        allow_telemetry: let MediaPipe report usage figures.

    Raises:
        EstimatorError: the library or the model does not load, of all of them for ``AUTO``.
    """
    runtime = runtime or RuntimeOptions(cache_dir=compiled_folder())
    runtime = replace(runtime, any_backend=backend == AUTO)
    passed_over: list[str] = []
    for name in FASTEST_FIRST if backend == AUTO else (backend,):
        try:
            estimator = _create(name, options, runtime, allow_telemetry)
        except EstimatorError as err:
            passed_over.append(str(err))
        except OSError as err:  # the machine's: a full disk, no more files
            passed_over.append(f"{name} does not load: {err}")
        else:
            where = estimator.where if isinstance(estimator, BlazePoseEstimator) else name
            return ChosenEstimator(where.partition(" ")[0], estimator, tuple(passed_over))
    raise EstimatorError("; ".join(passed_over))


def _create(
    name: str, options: EstimatorOptions, runtime: RuntimeOptions, allow_telemetry: bool
) -> Estimator:
    if name == "mediapipe":
        if runtime.precision not in MEDIAPIPE_PRECISIONS:
            raise EstimatorError(f"MediaPipe computes in f32 only, not in {runtime.precision.value}")
        if runtime.device not in (CPU, AUTO):
            raise EstimatorError(f"MediaPipe runs on the processor only, not on {runtime.device}")
        from blazepose_ros.core.estimation.mediapipe_estimator import MediaPipeEstimator

        return MediaPipeEstimator(options, allow_telemetry=allow_telemetry)

    return create_native_estimator(name, options, runtime)
