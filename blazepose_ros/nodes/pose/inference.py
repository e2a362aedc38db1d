# SPDX-License-Identifier: Apache-2.0
"""The thread that runs the estimator, what becomes of images that it cannot work on, and its watchdog."""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from blazepose_ros.conversions.camera_info import CameraInfoError
from blazepose_ros.conversions.cdr import CdrError
from blazepose_ros.conversions.image_stream import ImageError
from blazepose_ros.core.background import in_thread
from blazepose_ros.core.diagnostics.statistics import Drop, Statistics
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.loading import LoadedModel
from blazepose_ros.core.models.registry import ModelError
from blazepose_ros.core.timestamps import DurationEstimator
from blazepose_ros.core.types import Pose
from blazepose_ros.nodes.pose.latest_worker import LatestItemWorker
from blazepose_ros.nodes.pose.received_image import DecodedImage


class DropLog:
    """Counts and logs the images that are dropped.

    Args:
        statistics: counts them.
        logger: told why.
    """

    def __init__(self, statistics: Statistics, logger: Logger) -> None:
        self._statistics = statistics
        self._logger = logger

    @contextmanager
    def drops_on_error(self) -> Iterator[None]:
        """Drop the image that is worked on inside, whatever goes wrong: the next one is worked on."""
        try:
            yield
        except (CdrError, ImageError) as err:
            self._drop(str(err), Drop.UNREADABLE)
        except CameraInfoError as err:
            self._drop(str(err), Drop.CALIBRATION)
        except EstimatorError as err:
            self._drop(str(err), Drop.ESTIMATOR)
        except Exception as err:  # noqa: BLE001  an unknown fault of one image costs that image
            self._drop(f"{type(err).__name__}: {err}\n{traceback.format_exc()}", Drop.ERROR)

    def _drop(self, reason: str, why: Drop) -> None:
        self._statistics.dropped(why)
        self._logger.error(f"image dropped: {reason}")


@dataclass(frozen=True)
class EstimatedPoses:
    """What an estimator found in an image.

    Attributes:
        image: the image.
        poses: the poses in it.
        model: what found them.
    """

    image: DecodedImage
    poses: Sequence[Pose]
    model: LoadedModel


class Inference:
    """Finds the poses in the latest image, one image at a time, in a thread of its own.

    Attributes:
        duration: of the estimator's work on an image.

    Args:
        model: what finds them; it is closed here once another is used in its place.
        publishing: is handed what is found.
        drop_log: drops the images that the estimator fails on.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        model: LoadedModel,
        publishing: LatestItemWorker[EstimatedPoses],
        drop_log: DropLog,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._replaced: deque[LoadedModel] = deque()
        self._publishing = publishing
        self._drop_log = drop_log
        self._clock = clock
        self._began_s: float | None = None
        self._failure = ""
        self._abandoned = False
        self._frame_id: str | None = None
        self.duration = DurationEstimator()
        self._worker = LatestItemWorker(self._infer, "inference")

    def offer(self, image: DecodedImage) -> bool:
        """Make an image the next one; return false where it supersedes one that waited."""
        return self._worker.offer(image)

    def use(self, model: LoadedModel) -> None:
        """Use another model from the next image on."""
        replaced, self._model = self._model, model
        self._replaced.append(replaced)
        self._failure = ""

    def stop(self) -> None:
        """Finish the image at hand and end."""
        if self._worker.stop():
            self._close_replaced()

    def abandon(self) -> None:
        """End without waiting for the image at hand, whose poses are not handed on any more."""
        self._abandoned = True
        self._replaced.append(self._model)
        self._worker.end()

    def trouble(self, timeout_s: float) -> str:
        """Return what is wrong with the estimator: it exceeds a timeout, or failed; or nothing."""
        began_s = self._began_s
        if began_s is not None and self._clock() - began_s > timeout_s:
            return f"the estimator hangs: it is at one image for more than {timeout_s:g} s"
        return self._failure

    def _infer(self, image: DecodedImage) -> None:
        image.stopwatch.lap("waiting")
        self._close_replaced()
        model = self._model
        with self._drop_log.drops_on_error():
            poses = self._timed_estimate(model, image)
            image.stopwatch.lap("inference")
            if not self._abandoned:
                self._publishing.hand_over(EstimatedPoses(image, poses, model))

    def _timed_estimate(self, model: LoadedModel, image: DecodedImage) -> list[Pose]:
        self._began_s = self._clock()
        try:
            with self.duration.turn():
                return self._estimate(model, image)
        finally:
            self._began_s = None
            if self._abandoned:
                self._close_replaced()

    def _estimate(self, model: LoadedModel, image: DecodedImage) -> list[Pose]:
        another_camera = self._frame_id not in (None, image.header.frame_id)
        self._frame_id = image.header.frame_id
        try:
            if another_camera:  # on the same topic
                model.estimator.reset()
            return model.estimator.estimate(image.frame)
        except EstimatorError:
            raise
        except Exception as err:
            self._failure = f"the estimator failed with {type(err).__name__}: {err}"
            raise EstimatorError(self._failure) from err

    def _close_replaced(self) -> None:
        """Close the models that no image is given to any more; none is being worked on."""
        while self._replaced:
            self._replaced.popleft().estimator.close()


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
