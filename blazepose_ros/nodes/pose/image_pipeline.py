"""From serialized images to people: decoding, inference and publishing side by side."""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from std_msgs.msg import Header

from blazepose_ros.conversions.camera_info import CameraInfoError
from blazepose_ros.conversions.cdr import CdrError
from blazepose_ros.conversions.frame_context import FrameContextCollector
from blazepose_ros.conversions.headers import stamp_ns
from blazepose_ros.conversions.images import ImageError, ImageTransport
from blazepose_ros.core.diagnostics.statistics import Drop, Statistics
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.loading import LoadedModel, pipeline_options
from blazepose_ros.core.logger import Logger
from blazepose_ros.core.person_pipeline import PersonPipeline
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.timestamps import NS_PER_MS, DurationEstimator, Stopwatch
from blazepose_ros.core.types import Frame, Pose
from blazepose_ros.nodes.pose.latest_worker import LatestItemWorker


@dataclass(frozen=True)
class SerializedImage:
    """An image as it came over the wire.

    Attributes:
        serialized: the message.
        transport: how to read it.
        arrival_ns: when it came, by the node's clock.
        count: how many images have arrived, this one included.
        stopwatch: measures the stages.
    """

    serialized: bytes
    transport: ImageTransport
    arrival_ns: int
    count: int
    stopwatch: Stopwatch


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image.

    Attributes:
        header: the message's, which every output carries.
        frame: the pixels.
        count: how many images have arrived, this one included.
        stopwatch: measures the stages.
    """

    header: Header
    frame: Frame
    count: int
    stopwatch: Stopwatch


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
        deliver: Callable[[DecodedImage, Sequence[Pose], LoadedModel], object],
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
        self.pace = DurationEstimator()
        self._worker = LatestItemWorker(self._infer, "inference")
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

    def _infer(self, received: DecodedImage) -> None:
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

    def _estimate(self, model: LoadedModel, received: DecodedImage) -> list[Pose]:
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


# No inference has to wait for an image that was decoded a little late.
DECODING_MARGIN_S = 0.001

# A node has one camera. A few more on its topic by mistake are kept apart by their frame_id.
MAX_CAMERAS = 4

Item = TypeVar("Item")
Publish = Callable[[DecodedImage, Sequence[Pose], LoadedModel], object]
Found = tuple[DecodedImage, Sequence[Pose], LoadedModel]


class ImagePipeline:
    """Decodes an image in the thread that brings it; infers and publishes in two more, side by side.

    Each is at work on the newest image there is: nothing queues, and only images that no inference
    has begun on are dropped.

    Args:
        settings: the parameters' values; assign `settings` to change them.
        model: what finds people.
        scenes: what is known about an image besides its pixels.
        publish: called with each image, the people in it, and the model that found them.
        statistics: counts what becomes of images.
        logger: told why an image is dropped.
    """

    def __init__(
        self,
        settings: NodeSettings,
        model: LoadedModel,
        scenes: FrameContextCollector,
        publish: Publish,
        statistics: Statistics,
        logger: Logger,
    ) -> None:
        self.settings = settings
        self._scenes = scenes
        self._publish_people = publish
        self._statistics = statistics
        self._logger = logger
        self._count = 0
        self._pipelines: dict[str, PersonPipeline] = {}
        self._publishing = LatestItemWorker(self._surviving(self._publish), "publishing")
        self._inference = self._start_inference(model)
        self._decoding_pace = DurationEstimator()
        self._decode = self._surviving(self._decode_image)

    @property
    def settings(self) -> NodeSettings:
        """The parameters' values."""
        return self._settings

    @settings.setter
    def settings(self, settings: NodeSettings) -> None:
        self._settings = settings
        self._options = pipeline_options(settings)

    def receive(
        self,
        serialized: bytes,
        transport: ImageTransport,
        taken_ns: int,
        waited_ns: int = 0,
        superseded: int = 0,
    ) -> None:
        """Decode an image that came over the wire and have people found in it.

        Args:
            serialized: the message.
            transport: how to read it.
            taken_ns: when it was taken, by the node's clock.
            waited_ns: how long before that it came.
            superseded: how many images that came before it made way for it.
        """
        self._count += superseded + 1
        self._statistics.arrived(superseded + 1)
        self._statistics.dropped(Drop.BUSY, superseded)
        stopwatch = Stopwatch(waited_ns)
        stopwatch.lap("waiting")
        self._decode(SerializedImage(serialized, transport, taken_ns - waited_ns, self._count, stopwatch))

    def spare_s(self) -> float:
        """Return how long an image can wait: until then a newer one may come in its place."""
        return self._inference.pace.left_s() - self._decoding_pace.usual_s - DECODING_MARGIN_S

    def use(self, model: LoadedModel) -> None:
        """Use another model from the next image on, and close the one in use."""
        self._inference.use(model)

    def trouble(self, timeout_s: float) -> str:
        """Return what is wrong with the estimator, or nothing."""
        return self._inference.trouble(timeout_s)

    def renew(self, model: LoadedModel) -> None:
        """Use another model, and wait no longer for the one in use."""
        given_up, self._inference = self._inference, self._start_inference(model)
        given_up.give_up()

    def stop(self) -> None:
        """Finish the images at hand and end."""
        self._inference.stop()
        self._publishing.stop()

    def _decode_image(self, arrived: SerializedImage) -> None:
        stopwatch = arrived.stopwatch
        try:
            with self._decoding_pace.turn():
                msg = arrived.transport.read(arrived.serialized)
                stamp = stamp_ns(msg.header)
                frame = Frame(arrived.transport.to_rgb(msg), stamp, self._scenes.detections.boxes_for(stamp))
        except (CdrError, ImageError) as err:
            self._drop(str(err), Drop.UNREADABLE)
            return
        self._statistics.stamped(frame.stamp_ns)
        msg.header.frame_id = msg.header.frame_id or self.settings.camera_frame
        stopwatch.laps_ms["transport"] = (arrived.arrival_ns - frame.stamp_ns) / NS_PER_MS
        stopwatch.lap("decoding")
        received = DecodedImage(msg.header, frame, arrived.count, stopwatch)
        if not self._inference.offer(received):
            self._statistics.dropped(Drop.BUSY)

    def _found(self, received: DecodedImage, poses: Sequence[Pose], model: LoadedModel) -> None:
        self._publishing.hand_over((received, poses, model))

    def _publish(self, found: Found) -> None:
        received, poses, model = found
        received.stopwatch.lap("waiting")
        settings = self.settings
        try:
            scene = self._scenes.context_of(received.frame, settings)
        except CameraInfoError as err:
            self._drop(str(err), Drop.CALIBRATION)
            return
        pipeline = self._pipeline_of(received.header.frame_id)
        pipeline.options = self._options
        people = pipeline.update(received.frame, poses, scene)
        self._publish_people(received, people, model)
        self._statistics.processed(received.stopwatch.laps_ms, people)

    def _pipeline_of(self, frame_id: str) -> PersonPipeline:
        """Return what follows the people of a camera, of whom another camera's are no part."""
        if frame_id not in self._pipelines:
            if len(self._pipelines) == MAX_CAMERAS:
                self._pipelines.clear()
            self._pipelines[frame_id] = PersonPipeline(self._options)
        return self._pipelines[frame_id]

    def _start_inference(self, model: LoadedModel) -> Inference:
        return Inference(model, self._found, lambda reason: self._drop(reason, Drop.ESTIMATOR))

    def _surviving(self, work: Callable[[Item], None]) -> Callable[[Item], None]:
        """Return work that drops an image and goes on with the next, whatever goes wrong."""

        def survive(item: Item) -> None:
            try:
                work(item)
            except Exception as err:  # noqa: BLE001  an unknown fault of one image costs that image
                self._drop(f"{type(err).__name__}: {err}\n{traceback.format_exc()}", Drop.ERROR)

        return survive

    def _drop(self, reason: str, why: Drop) -> None:
        self._statistics.dropped(why)
        self._logger.error(f"image dropped: {reason}")
