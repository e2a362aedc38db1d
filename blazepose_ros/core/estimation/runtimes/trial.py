# SPDX-License-Identifier: Apache-2.0
"""Several runtimes as one: the fastest of them on this machine, and the processor where a device fails."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.errors import Logger
from blazepose_ros.core.estimation.runtimes.compiled_cache import CompiledCache
from blazepose_ros.core.estimation.runtimes.runtime import (
    BackendError,
    Model,
    Proof,
    Runtime,
    RuntimeOptions,
)

_ROUNDS = 15
# A rival that is not faster by more than two runs of the same model differ is not worth it.
_WORTHWHILE = 0.95
# One run of a rival that takes so much longer than the reference's ends its trial.
_HOPELESS = 5.0


@dataclass(frozen=True)
class Candidate:
    """A runtime that may be the one to use.

    Attributes:
        name: tells it from the others, such as "openvino GPU.0 mixed".
        make: returns it, or raises BackendError or OSError.
        may_vanish: whether it is on a device that another one has to take over from where it fails.
    """

    name: str
    make: Callable[[], Runtime]
    may_vanish: bool = True


class TrialRuntime:
    """Loads each model where a trial finds it fastest; where all rivals run, that is kept for the next start.

    A rival has to give what the reference gives (``Proof.agrees``) and to be faster, measured by turns.
    Several threads may load a model each: nothing is measured while one of them still loads.

    Args:
        reference: what always works.
        rivals: what may be faster.
        options: the cache for verdicts, and who is told of them.
    """

    def __init__(self, reference: Candidate, rivals: Sequence[Candidate], options: RuntimeOptions) -> None:
        self._reference_name, self._reference = reference.name, reference.make()
        self._rivals = {rival.name: rival for rival in rivals}
        self._cache = CompiledCache(options.cache_dir, options.logger)
        self._logger = options.logger
        self._loads = 0  # that go on
        self._loads_change = threading.Condition()

    def load(
        self,
        content: bytes,
        unused: Sequence[tuple[int, ...]] = (),
        most_images: int = 1,
        proof: Proof | None = None,
    ) -> Model:
        """Return the fastest model; see ``Runtime``."""

        def on(runtime: Runtime) -> Model:
            return runtime.load(content, unused, most_images, proof)

        if proof is None:
            return on(self._reference)
        names = (self._reference_name, *self._rivals)
        key = repr(("trial", hashlib.sha256(content).digest(), tuple(unused), names)).encode()
        kept = self._cache.load(key)
        if kept is not None:
            return self._loaded(str(json.loads(kept)), on)
        with self._counted_load():
            trial = self._load_all(on)
        with self._loads_change:
            self._loads_change.wait_for(lambda: self._loads == 0)
            fastest = self._try_out(trial, proof)
        if trial.all_ran:  # else a driver may be there at the next start
            self._cache.store(key, json.dumps(fastest).encode())
        return self._guarded(fastest, trial.models[fastest], on)

    def _loaded(self, name: str, on: Callable[[Runtime], Model]) -> Model:
        """Return a model of a candidate, or of the reference where that does not load any more."""
        if name in self._rivals:
            try:
                return self._guarded(name, on(self._rivals[name].make()), on)
            except (BackendError, ImportError, OSError) as err:
                self._logger.warning(f"{name} does not load any more: {err}")
        return on(self._reference)

    def _guarded(self, name: str, model: Model, on: Callable[[Runtime], Model]) -> Model:
        """Return a model, with the reference behind it where its device may vanish."""
        if name in self._rivals and self._rivals[name].may_vanish:
            return GuardedModel(model, lambda: on(self._reference), self._logger)
        return model

    @contextmanager
    def _counted_load(self) -> Iterator[None]:
        with self._loads_change:
            self._loads += 1
        try:
            yield
        finally:
            with self._loads_change:
                self._loads -= 1
                self._loads_change.notify_all()

    def _load_all(self, on: Callable[[Runtime], Model]) -> _Trial:
        """Load the reference and what is another model than that."""
        reference = on(self._reference)
        trial = _Trial({self._reference_name: reference}, {}, all_ran=True)
        for name, rival in self._rivals.items():
            try:
                model = on(rival.make())
            except (ImportError, OSError, RuntimeError) as err:
                trial.objections[name], trial.all_ran = str(err), False
            else:
                if model.where != reference.where:
                    trial.models[name] = model
        return trial

    def _try_out(self, trial: _Trial, proof: Proof) -> str:
        """Return who is fastest of those that answer as the reference does."""
        reference = trial.models[self._reference_name]
        for name, model in list(trial.models.items()):
            try:
                objection = "" if model is reference else _objection(model, reference, proof)
            except RuntimeError as err:
                objection, trial.all_ran = str(err), False
            if objection:
                trial.objections[name] = objection
                del trial.models[name]
        times_ms = _times_ms(trial.models, proof.image) if len(trial.models) > 1 else {}
        fastest = _fastest(times_ms, self._reference_name)
        findings = trial.objections | {name: f"{time_ms:.2f} ms" for name, time_ms in times_ms.items()}
        if findings:
            figures = ", ".join(f"{name}: {finding}" for name, finding in findings.items())
            self._logger.info(f"tried out: {figures}; {fastest} it is")
        return fastest


@dataclass
class _Trial:
    """What a trial has found.

    Attributes:
        models: those that load, later those that answer as the reference does.
        objections: why others are not taken.
        all_ran: whether each candidate ran.
    """

    models: dict[str, Model]
    objections: dict[str, str]
    all_ran: bool


def _fastest(times_ms: Mapping[str, float], reference: str) -> str:
    """Return the name of the fastest candidate, or the reference where that is hardly slower, or alone."""
    if not times_ms:
        return reference
    fastest = min(times_ms, key=lambda name: times_ms[name])
    return fastest if times_ms[fastest] <= _WORTHWHILE * times_ms[reference] else reference


def _objection(model: Model, reference: Model, proof: Proof) -> str:
    """Return why a model is not taken, however fast it is; or nothing."""
    model.run(proof.image)  # the first run of a device may compile what it runs
    if _run_ms(model, proof.image) > _HOPELESS * _run_ms(reference, proof.image):
        return "several times slower"
    if not proof.works(model):
        return "does not find the drawn person"
    return "" if proof.agrees(model, reference) else "differs more than by a camera's noise"


def _times_ms(models: dict[str, Model], image: NDArray[np.float32]) -> dict[str, float]:
    """Return the median time of a run of each model, all of them taking turns."""
    times_ms: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(_ROUNDS):
        for name, model in models.items():
            model.run(image)  # with its caches warm
            times_ms[name].append(_run_ms(model, image))
    return {name: median(values) for name, values in times_ms.items()}


def _run_ms(model: Model, image: NDArray[np.float32]) -> float:
    start_s = time.perf_counter()
    model.run(image)
    return 1e3 * (time.perf_counter() - start_s)


class GuardedRuntime:
    """A device's runtime, with another one that takes over where the device fails.

    Args:
        runtime: the device's.
        fallback: the processor's.
        logger: told of a failure.
    """

    def __init__(self, runtime: Runtime, fallback: Runtime, logger: Logger) -> None:
        self._runtime, self._fallback, self._logger = runtime, fallback, logger

    def load(
        self,
        content: bytes,
        unused: Sequence[tuple[int, ...]] = (),
        most_images: int = 1,
        proof: Proof | None = None,
    ) -> Model:
        """Return a model on the device, or on the processor where the device computes it wrong."""

        def fallback() -> Model:
            return self._fallback.load(content, unused, most_images, proof)

        model = self._runtime.load(content, unused, most_images, proof)
        guarded = GuardedModel(model, fallback, self._logger)
        if proof is None or proof.works(guarded):
            return guarded
        instead = fallback()
        self._logger.warning(f"{model.where} computes one of the models wrong: it is on {instead.where}")
        return instead


class GuardedModel(Model):
    """A model on a device that may vanish: another one answers from then on.

    Args:
        model: on the device.
        load_fallback: returns the other one.
        logger: told of the failure.
    """

    def __init__(self, model: Model, load_fallback: Callable[[], Model], logger: Logger) -> None:
        self._model = model
        self._load_fallback: Callable[[], Model] | None = load_fallback
        self._logger = logger
        self._failure = ""

    @property
    def where(self) -> str:
        """See ``Model``."""
        return f"{self._model.where}{self._failure}"

    def run(self, image: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        """Return the outputs; see ``Model``."""
        try:
            return self._model.run(image)
        except RuntimeError as err:
            if self._load_fallback is None:
                raise
            self._take_over(self._load_fallback, err)
            return self._model.run(image)

    def _take_over(self, load_fallback: Callable[[], Model], err: RuntimeError) -> None:
        device, self._load_fallback = self._model.where, None
        self._failure = f" in place of {device}, which failed"
        self._model = load_fallback()
        self._logger.error(f"{device} failed, {self._model.where} takes over: {err}")
