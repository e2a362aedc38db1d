"""Has another estimator built in the place of one that hangs or fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future

from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.loading import LoadedModel
from blazepose_ros.core.models.registry import ModelError
from blazepose_ros.nodes.common.lifecycle import in_thread

# Building one takes a second at most. What prevents it may be mended by then.
RETRY_S = 5.0


class Watchdog:
    """Looks after the estimator, whenever `look` is called.

    Args:
        load: loads the model anew; called in a thread.
        replace: given the new one.
        complain: told what is wrong.
        clock: seconds that rise.
    """

    def __init__(
        self,
        load: Callable[[], LoadedModel],
        replace: Callable[[LoadedModel], object],
        complain: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._replace = replace
        self._complain = complain
        self._clock = clock
        self._loading: Future[LoadedModel] | None = None
        self._not_before_s = clock()

    def look(self, trouble: str) -> None:
        """Have another estimator built if there is trouble, and used as soon as it is there."""
        if self._loading is not None:
            if self._loading.done():
                self._finish(self._loading)
        elif trouble and self._clock() >= self._not_before_s:
            self._complain(f"{trouble}: another one is built in its place")
            self._loading = in_thread(self._load, "rebuilding")

    def _finish(self, loading: Future[LoadedModel]) -> None:
        self._loading = None
        try:
            self._replace(loading.result())
        except (ModelError, EstimatorError, MemoryError) as err:
            self._not_before_s = self._clock() + RETRY_S
            self._complain(f"the estimator cannot be built again: {err or type(err).__name__}")
