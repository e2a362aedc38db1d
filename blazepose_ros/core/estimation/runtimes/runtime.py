# SPDX-License-Identifier: Apache-2.0
"""The contract between the pipeline and a library that runs TFLite models."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.errors import Logger
from blazepose_ros.core.estimation.estimator import EstimatorError

_LOGGER = logging.getLogger("blazepose_ros")


class BackendError(EstimatorError):
    """A backend is not installed, does not load the model, or cannot do what was asked."""


class Precision(str, Enum):
    """What a runtime computes in.

    MIXED keeps what is sensitive to rounding in f32 and has the rest in the fastest that the device has.
    AUTO is MIXED where a trial finds it faster and as exact as needed, else F32.
    """

    F32 = "f32"
    MIXED = "mixed"
    BF16 = "bf16"
    F16 = "f16"
    AUTO = "auto"


@dataclass(frozen=True)
class RuntimeOptions:
    """How a model runs.

    Attributes:
        num_threads: how many threads compute, 0 for all processor cores.
        precision: what they compute in.
        device: what it runs on, one of the runtime's own names.
        any_backend: whether the device ``auto`` may be another library's.
        cache_dir: where compiled models are kept for the next start; None for nowhere.
        logger: told which of those are not used, and why.

    Raises:
        ValueError: the number of threads is negative.
    """

    num_threads: int = 0
    precision: Precision = Precision.F32
    cache_dir: Path | None = None
    logger: Logger = _LOGGER
    device: str = "cpu"
    any_backend: bool = False

    def __post_init__(self) -> None:
        if self.num_threads < 0:
            raise ValueError(f"num_threads is {self.num_threads}: 0 for all cores, or how many")


class Model(Protocol):
    """A loaded model."""

    @property
    def where(self) -> str:
        """The library, the device and the precision that compute it, for people: "openvino CPU f32"."""
        return ""

    def run(self, image: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        """Return the outputs, each (1, ...), for a (1, height, width, 3) input.

        They are valid until the next call.
        """
        ...

    def run_each(self, images: Sequence[NDArray[np.float32]]) -> Iterator[Sequence[NDArray[np.float32]]]:
        """Yield what ``run`` returns for each image, valid until the next one is asked for."""
        return map(self.run, images)


class Proof(Protocol):
    """What shows that a model is what it should be."""

    @property
    def image(self) -> NDArray[np.float32]:
        """An input of the model, (1, height, width, 3), as it may come."""
        ...

    def works(self, model: Model) -> bool:
        """Whether a model does its work.

        Raises:
            RuntimeError: it is another model, or does not run.
        """
        ...

    def agrees(self, model: Model, reference: Model) -> bool:
        """Whether a model gives what another one gives, up to what does not matter.

        Raises:
            RuntimeError: one of them does not run.
        """
        ...


class Runtime(Protocol):
    """A library that runs models."""

    def load(
        self,
        content: bytes,
        unused: Sequence[tuple[int, ...]] = (),
        most_images: int = 1,
        proof: Proof | None = None,
    ) -> Model:
        """Return a model, ready to run.

        Args:
            content: a TFLite file.
            unused: shapes, without the first axis, of outputs that need not be computed.
            most_images: how many are given to ``run_each`` at once, which a runtime may prepare for.
            proof: tells whether what an earlier start compiled still is this model. Without it
                everything is compiled anew.

        Raises:
            BackendError: the runtime does not take this content.
        """
        ...


def check_model(model: Model, name: str, input_px: int, shapes: Sequence[tuple[int, ...]]) -> None:
    """Run a model once: the first frame then finds it warm, and a wrong one is found at the start.

    Raises:
        BackendError: the model has another input or other outputs.
    """
    try:
        outputs_by_shape(model.run(np.zeros((1, input_px, input_px, 3), np.float32)), shapes)
    except (RuntimeError, ValueError) as err:
        raise BackendError(f"this is no {name}: {err}") from err


def outputs_by_shape(
    outputs: Sequence[NDArray[np.float32]], shapes: Sequence[tuple[int, ...]]
) -> list[NDArray[np.float32]]:
    """Return the outputs of the given shapes, in their order, without the first axis.

    Raises:
        BackendError: an output is missing: this is another model.
    """
    by_shape = {output.shape[1:]: output[0] for output in outputs}
    try:
        return [by_shape[shape] for shape in shapes]
    except KeyError as err:
        raise BackendError(f"the model has outputs {sorted(by_shape)}, none of shape {err}") from err
