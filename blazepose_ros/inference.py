"""The estimator at work, in a thread of its own."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from blazepose_ros.estimator import EstimatorError
from blazepose_ros.loading import LoadedModel
from blazepose_ros.newest_worker import NewestWorker
from blazepose_ros.pace import Pace
from blazepose_ros.pose import Pose
from blazepose_ros.received import Received


class Inference:
    """Finds the poses in the newest image there is, one image at a time.

    Attributes:
        pace: of the estimator.

    Args:
        model: what finds them; it is closed here once another is used in its place.
        deliver: called with each image, the poses in it, and the model that found them.
        drop: told why an image is dropped.
        clock: seconds that rise.
    """

    def __init__(
        self,
        model: LoadedModel,
        deliver: Callable[[Received, Sequence[Pose], LoadedModel], object],
        drop: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._replaced: deque[LoadedModel] = deque()
        self._deliver = deliver
        self._drop = drop
        self._clock = clock
        self._began_s: float | None = None
        self._failure = ""
        self._given_up = False
        self._frame_id: str | None = None
        self.pace = Pace()
        self._worker = NewestWorker(self._infer, "inference")
        self.offer = self._worker.offer

    def use(self, model: LoadedModel) -> None:
        """Use another model from the next image on."""
        replaced, self._model = self._model, model
        self._replaced.append(replaced)
        self._failure = ""

    def stop(self) -> None:
        """Finish the image at hand and end."""
        if self._worker.stop():
            self._close_replaced()

    def give_up(self) -> None:
        """End without waiting for the image at hand, of which nobody wants to hear any more."""
        self._given_up = True
        self._replaced.append(self._model)
        self._worker.end()

    def trouble(self, timeout_s: float) -> str:
        """Return what is wrong with the estimator: it takes longer than a time, or failed; or nothing."""
        began_s = self._began_s
        if began_s is not None and self._clock() - began_s > timeout_s:
            return f"the estimator hangs: it is at one image for more than {timeout_s:g} s"
        return self._failure

    def _infer(self, received: Received) -> None:
        received.stopwatch.lap("waiting")
        self._close_replaced()
        model = self._model
        self._began_s = self._clock()
        try:
            with self.pace.turn():
                poses = self._estimate(model, received)
        except EstimatorError as err:
            self._drop(str(err))
            return
        finally:
            self._began_s = None
            if self._given_up:
                self._close_replaced()
        received.stopwatch.lap("inference")
        if not self._given_up:
            self._deliver(received, poses, model)

    def _estimate(self, model: LoadedModel, received: Received) -> list[Pose]:
        another_camera = self._frame_id not in (None, received.header.frame_id)
        self._frame_id = received.header.frame_id
        try:
            if another_camera:  # on the same topic
                model.estimator.reset()
            return model.estimator.estimate(received.frame)
        except EstimatorError:
            raise
        except Exception as err:
            self._failure = f"the estimator failed with {type(err).__name__}: {err}"
            raise EstimatorError(self._failure) from err

    def _close_replaced(self) -> None:
        """Close what no image will be given to any more; none is being worked on."""
        while self._replaced:
            self._replaced.popleft().estimator.close()
