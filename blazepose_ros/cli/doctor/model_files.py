"""The models in the cache."""

from __future__ import annotations

from collections.abc import Iterator

from blazepose_ros.cli.doctor.check_result import CheckResult, error, ok, warn
from blazepose_ros.core.models.registry import BUNDLES, ModelError, ModelState, cache_folder, state_of
from blazepose_ros.core.types import ModelComplexity

# The default of the node's parameter model_complexity.
DEFAULT = ModelComplexity.FULL


def examine() -> Iterator[CheckResult]:
    """Yield the state of each model."""
    for complexity, bundle in BUNDLES.items():
        try:
            yield check_model(complexity, state_of(bundle))
        except ModelError as err:
            yield error(_name(complexity), str(err), f"ls -l {cache_folder()}")


def check_model(complexity: ModelComplexity, state: ModelState) -> CheckResult:
    """Check that a model is there and whole; only the default's absence is an error."""
    if state is ModelState.VERIFIED:
        return ok(_name(complexity), "its hash is right")
    fix = f"blazepose models fetch --model {complexity.value}"
    if state is ModelState.DAMAGED or complexity is DEFAULT:
        return error(_name(complexity), f"is {state.value} in {cache_folder()}", fix)
    return warn(_name(complexity), f"is missing: model_complexity {complexity.value} cannot be used", fix)


def _name(complexity: ModelComplexity) -> str:
    return f"model {complexity.name.lower()}"
