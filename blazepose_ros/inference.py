"""The estimator at work, in a thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from blazepose_ros.estimator import EstimatorError
from blazepose_ros.loading import LoadedModel
from blazepose_ros.newest_worker import NewestWorker
from blazepose_ros.pose import Pose
from blazepose_ros.received import Received


class Inference:
    """Finds the poses in the newest image there is, one image at a time.

    Args:
        model: what finds them; it is closed here once another is used in its place.
        deliver: called with each image, the poses in it, and the model that found them.
        drop: told why an image is dropped.
    """

    def __init__(
        self,
        model: LoadedModel,
        deliver: Callable[[Received, Sequence[Pose], LoadedModel], object],
        drop: Callable[[str], object],
    ) -> None:
        self._model = model
        self._replaced: deque[LoadedModel] = deque()
        self._deliver = deliver
        self._drop = drop
        self._worker = NewestWorker(self._infer, "inference")
        self.offer = self._worker.offer

    def use(self, model: LoadedModel) -> None:
        """Use another model from the next image on."""
        replaced, self._model = self._model, model
        self._replaced.append(replaced)

    def stop(self) -> None:
        """Finish the image at hand and end."""
        if self._worker.stop():
            self._close_replaced()

    def _infer(self, received: Received) -> None:
        received.stopwatch.lap("waiting")
        self._close_replaced()
        model = self._model
        try:
            poses = model.estimator.estimate(received.frame)
        except EstimatorError as err:
            self._drop(str(err))
            return
        received.stopwatch.lap("inference")
        self._deliver(received, poses, model)

    def _close_replaced(self) -> None:
        """Close what no image will be given to any more; none is being worked on."""
        while self._replaced:
            self._replaced.popleft().estimator.close()
