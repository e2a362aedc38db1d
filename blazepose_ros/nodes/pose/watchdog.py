# SPDX-License-Identifier: Apache-2.0
"""Replaces an estimator that hangs or fails by a new one."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future

from blazepose_ros.core.errors import Logger
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.loading import LoadedModel
from blazepose_ros.core.models.registry import ModelError
from blazepose_ros.nodes.common.lifecycle import in_thread

# Building one takes a second at most. What prevents it may be fixed by then.
RETRY_S = 5.0


class Watchdog:
    """Replaces the estimator where it is in trouble, whenever `look` is called.

    Args:
        load: loads the model anew; called in a thread.
        replace: given the new one.
        logger: told what is wrong.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        load: Callable[[], LoadedModel],
        replace: Callable[[LoadedModel], object],
        logger: Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._replace = replace
        self._logger = logger
        self._clock = clock
        self._loading: Future[LoadedModel] | None = None
        self._not_before_s = clock()

    def look(self, trouble: str) -> None:
        """Have another estimator built if there is trouble, and used as soon as it is there."""
        if self._loading is not None:
            if self._loading.done():
                self._finish(self._loading)
        elif trouble and self._clock() >= self._not_before_s:
            self._logger.error(f"{trouble}: another one is built in its place")
            self._loading = in_thread(self._load, "rebuilding")

    def _finish(self, loading: Future[LoadedModel]) -> None:
        self._loading = None
        try:
            self._replace(loading.result())
        except (ModelError, EstimatorError, MemoryError) as err:
            self._not_before_s = self._clock() + RETRY_S
            self._logger.error(f"the estimator cannot be built again: {err or type(err).__name__}")
