# SPDX-License-Identifier: Apache-2.0
"""TFLite models on OpenVINO's devices, compiled once and kept from one start to the next."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from blazepose_ros.core.estimation.runtimes.compiled_cache import CompiledCache
from blazepose_ros.core.estimation.runtimes.mixed_precision import PortKey, Stage, cut, port_key
from blazepose_ros.core.estimation.runtimes.openvino_library import (
    CPU,
    core,
    device_named,
    device_property,
    devices,
    is_combined,
    low_precisions,
    named_tflite,
    openvino,
)
from blazepose_ros.core.estimation.runtimes.openvino_model import CompiledStage, OpenVinoModel
from blazepose_ros.core.estimation.runtimes.runtime import (
    BackendError,
    Precision,
    Proof,
    RuntimeOptions,
)

_PRECISION_HINT = "INFERENCE_PRECISION_HINT"
_KEEPS_COMPILED = "EXPORT_IMPORT"
_Reader = Callable[[], openvino.Model]


@dataclass(frozen=True)
class _CompiledStages:
    """A model, compiled.

    Attributes:
        stages: its parts in the order in which they run.
        are_kept: whether an earlier start has compiled any of them.
        precision: what it is computed in; mixed where some parts are in f32 and others are not.
    """

    stages: list[CompiledStage]
    are_kept: bool
    precision: Precision


class OpenVinoRuntime:
    """Compiles models for a device.

    Raises:
        BackendError: there is no such device, or it has no such precision.
    """

    def __init__(self, options: RuntimeOptions) -> None:
        self._core = core()
        self._logger = options.logger
        self._device = device_named(options.device)
        self._cache = CompiledCache(options.cache_dir, options.logger)
        self._precision = self._checked(options.precision)
        self._keeps_compiled = _KEEPS_COMPILED in device_property(self._device, "OPTIMIZATION_CAPABILITIES")
        self._config: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if self._device == CPU:
            self._config["ENABLE_CPU_PINNING"] = False  # other processes of a robot want the cores as well
            if options.num_threads:
                self._config["INFERENCE_NUM_THREADS"] = options.num_threads

    def load(
        self,
        content: bytes,
        unused: Sequence[tuple[int, ...]] = (),
        most_images: int = 1,
        proof: Proof | None = None,
    ) -> OpenVinoModel:
        """Return a compiled model; see ``Runtime``."""
        source = _Source(content, tuple(unused))
        try:
            model, is_kept = self._model(source, most_images, use_kept=proof is not None)
            if is_kept and proof is not None and not _passes(proof, model):
                self._logger.warning("a compiled model that was kept is damaged: it is compiled again")
                model, _ = self._model(source, most_images, use_kept=False)
        except (RuntimeError, OSError) as err:
            raise BackendError(f"OpenVINO does not load the model: {err}") from err
        return model

    def _model(self, source: _Source, most_images: int, *, use_kept: bool) -> tuple[OpenVinoModel, bool]:
        """Return a model, and whether an earlier start has compiled any of it."""
        alone = self._stages(source, self._config, use_kept)
        where = f"openvino {self._device} {alone.precision.value}"
        lanes = self._lanes(alone.stages[0].compiled, most_images)
        if lanes == 1:
            return OpenVinoModel(alone.stages, where=where), alone.are_kept
        streams = {**self._config, "NUM_STREAMS": lanes}
        together = self._stages(source, streams, use_kept)
        return OpenVinoModel(alone.stages, together.stages, where), alone.are_kept or together.are_kept

    def _lanes(self, compiled: openvino.CompiledModel, most_images: int) -> int:
        """Return how many images are computed side by side: on other devices one after the other."""
        if self._device != CPU or most_images == 1:
            return 1
        return min(most_images, int(compiled.get_property("INFERENCE_NUM_THREADS")))

    def _stages(self, source: _Source, config: dict[str, Any], use_kept: bool) -> _CompiledStages:
        precision = self._precision
        read: _Reader = partial(self._read, source)
        if precision is Precision.MIXED:
            model = read()
            parts = cut(model)
            if not all(part.is_exact for part in parts):
                return self._mixed(source, model, parts, config, use_kept)
            precision, read = Precision.F32, lambda: model
        config = self._in_precision(config, precision)
        compiled, is_kept = self._compiled(source.key, config, use_kept, read)
        results = tuple(range(len(compiled.outputs)))
        return _CompiledStages([CompiledStage(compiled, True, (), results)], is_kept, precision)

    def _mixed(
        self,
        source: _Source,
        model: openvino.Model,
        parts: Sequence[Stage],
        config: dict[str, Any],
        use_kept: bool,
    ) -> _CompiledStages:
        low = low_precisions(self._device)[0]
        produced: dict[PortKey, tuple[int, int]] = {}
        stages, are_kept = [], False
        for index, stage in enumerate(parts):
            stage_config = self._in_precision(config, Precision.F32 if stage.is_exact else low)
            key = (*source.key, "stage", index, stage.size)
            part = partial(_part, model, stage)
            compiled, is_kept = self._compiled(key, stage_config, use_kept, part)
            inputs = tuple(produced[key] for key in stage.inputs)
            produced |= {key: (index, number) for number, key in enumerate(stage.outputs)}
            stages.append(CompiledStage(compiled, stage.takes_image, inputs, stage.results))
            are_kept |= is_kept
        return _CompiledStages(stages, are_kept, Precision.MIXED)

    def _in_precision(self, config: dict[str, Any], precision: Precision) -> dict[str, Any]:
        hint = {_PRECISION_HINT: precision.value}
        if is_combined(self._device):  # whose parts otherwise take what they are fastest in
            parts = {name: hint for name in devices() if _takes_precision(name)}
            return {**config, "DEVICE_PROPERTIES": parts}
        return {**config, **hint} if _takes_precision(self._device) else config

    def _compiled(
        self, source_key: tuple[object, ...], config: dict[str, Any], use_kept: bool, read: _Reader
    ) -> tuple[openvino.CompiledModel, bool]:
        key = repr((source_key, config, self._machine())).encode()
        if use_kept and (kept := self._kept(key, config)) is not None:
            return kept, True
        compiled = self._core.compile_model(read(), self._device, config)
        if self._keeps_compiled:
            self._cache.store(key, compiled.export_model().getvalue())
        return compiled, False

    def _kept(self, key: bytes, config: dict[str, Any]) -> openvino.CompiledModel | None:
        """Return what an earlier start compiled, or None where nothing fits."""
        blob = self._cache.load(key) if self._keeps_compiled else None
        if blob is None:
            return None
        try:
            return self._core.import_model(blob, self._device, config)
        except RuntimeError:
            return None

    def _machine(self) -> tuple[str, ...]:
        """What compiled models hold for: OpenVINO's version, the device and its abilities."""
        names = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
        return (
            openvino.get_version(),
            self._device,
            *(str(device_property(self._device, name)) for name in names),
        )

    def _read(self, source: _Source) -> openvino.Model:
        with named_tflite(source.content) as path:
            model = self._core.read_model(path)
        for output in [port for port in model.outputs if tuple(port.shape)[1:] in source.unused]:
            model.remove_result(output.node)
        return model

    def _checked(self, asked: Precision) -> Precision:
        """Return the precision to compute in; the caller tries others where that is left to it.

        Raises:
            BackendError: the device has it not.
        """
        if asked in (Precision.AUTO, Precision.F32):
            return Precision.F32
        has = low_precisions(self._device)
        if asked is Precision.MIXED and not has:
            raise BackendError(
                f"{self._device} has neither bf16 nor f16 for OpenVINO: mixed precision is no faster there"
                " than f32; set precision to auto or f32"
            )
        if asked is not Precision.MIXED and asked not in has:
            names = ", ".join(precision.value for precision in (*has, Precision.F32))
            raise BackendError(f"{self._device} has no {asked.value} for OpenVINO, only {names}")
        return asked


@dataclass(frozen=True)
class _Source:
    """A TFLite file, and the shapes of those of its outputs that are left out."""

    content: bytes
    unused: tuple[tuple[int, ...], ...]

    @property
    def key(self) -> tuple[object, ...]:
        return hashlib.sha256(self.content).digest(), self.unused


def _takes_precision(device: str) -> bool:
    return _PRECISION_HINT in device_property(device, "SUPPORTED_PROPERTIES")


def _part(model: openvino.Model, stage: Stage) -> openvino.Model:
    """Return a stage as a model of its own."""
    clone = model.clone()
    ports = {port_key(port): port for node in clone.get_ordered_ops() for port in node.outputs()}
    parameters = clone.get_parameters() if stage.takes_image else []
    results = [openvino.op.Result(ports[key]) for key in stage.outputs]
    for key in stage.inputs:
        parameter = openvino.op.Parameter(ports[key].get_element_type(), ports[key].get_shape())
        for target in ports[key].get_target_inputs():
            target.replace_source_output(parameter.output(0))
        parameters.append(parameter)
    return openvino.Model(results, parameters)


def _passes(proof: Proof, model: OpenVinoModel) -> bool:
    try:
        return proof.works(model)
    except RuntimeError:  # also where it is another model
        return False
