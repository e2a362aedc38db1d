# SPDX-License-Identifier: Apache-2.0
"""From serialized images to published people: decoding, inference and publishing side by side."""

from __future__ import annotations

import time

from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.frame_context import FrameContextCollector
from blazepose_ros.conversions.image_stream import ImageStream
from blazepose_ros.core.diagnostics.health import contrast_fault
from blazepose_ros.core.diagnostics.statistics import Drop, Statistics
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.estimation.loading import LoadedModel, pipeline_options
from blazepose_ros.core.person_pipeline import PersonPipeline
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.timestamps import NS_PER_MS, DurationEstimator, StampSubstitute, Stopwatch
from blazepose_ros.core.types import Frame
from blazepose_ros.nodes.pose.inference import DropLog, EstimatedPoses, Inference
from blazepose_ros.nodes.pose.latest_worker import LatestItemWorker
from blazepose_ros.nodes.pose.publishers import Publishers
from blazepose_ros.nodes.pose.received_image import DecodedImage, SerializedImage

# No inference has to wait for an image that was decoded a little late.
DECODING_MARGIN_S = 0.001

# A node has one camera. A few more on its topic by mistake are kept apart by their frame_id.
MAX_CAMERAS = 4


class ImagePipeline:
    """Decodes an image in the thread that brings it; infers and publishes in two more, side by side.

    Each works on the latest image: nothing queues, and only images whose inference has not begun
    are superseded.

    Args:
        settings: as they are now.
        model: what finds people.
        contexts: what is known about an image besides its pixels.
        publishers: publish the people.
        statistics: counts what becomes of images.
        logger: told why an image is dropped.
    """

    def __init__(
        self,
        settings: NodeSettings,
        model: LoadedModel,
        contexts: FrameContextCollector,
        publishers: Publishers,
        statistics: Statistics,
        logger: Logger,
    ) -> None:
        self._images = ImageStream(settings.max_image_megapixels, logger)
        self.change(settings)
        self._contexts = contexts
        self._publishers = publishers
        self._statistics = statistics
        self._logger = logger
        self._drop_log = DropLog(statistics, logger)
        self._stamps = StampSubstitute(logger)
        self._count = 0
        self._person_pipelines: dict[str, PersonPipeline] = {}
        self._decoding_duration = DurationEstimator()
        self._publishing = LatestItemWorker(self._publish, "publishing")
        self._inference = self._start_inference(model)

    def change(self, settings: NodeSettings) -> None:
        """Work as new settings say, from the next image on."""
        self._settings = settings
        self._options = pipeline_options(settings)
        self._images.limit(settings.max_image_megapixels)

    def on_image(self, image: SerializedImage) -> None:
        """Decode an image that came over the wire and have people found in it."""
        self._count += image.superseded + 1
        self._statistics.arrived(image.superseded + 1)
        self._statistics.dropped(Drop.BUSY, image.superseded)
        with self._drop_log.drops_on_error():
            if not self._inference.offer(self._decode(image)):
                self._statistics.dropped(Drop.BUSY)

    def spare_s(self) -> float:
        """Return how long an image can wait: until then a newer one may supersede it."""
        return self._inference.duration.left_s() - self._decoding_duration.usual_s - DECODING_MARGIN_S

    def use_model(self, model: LoadedModel) -> None:
        """Use another model from the next image on, and close the one in use."""
        self._inference.use(model)

    def replace_hanging_model(self, model: LoadedModel) -> None:
        """Use another model, and wait no longer for the one in use."""
        abandoned, self._inference = self._inference, self._start_inference(model)
        abandoned.abandon()

    def trouble(self) -> str:
        """Return what is wrong with the estimator, or nothing."""
        return self._inference.trouble(self._settings.inference_timeout_s)

    def stop(self) -> None:
        """Finish the images at hand and end."""
        self._inference.stop()
        self._publishing.stop()

    def _start_inference(self, model: LoadedModel) -> Inference:
        return Inference(model, self._publishing, self._drop_log)

    def _decode(self, image: SerializedImage) -> DecodedImage:
        """Return an image decoded.

        Raises:
            CdrError: the message is damaged.
            ImageError: the image is damaged, or its encoding is not supported.
        """
        stopwatch = Stopwatch(image.waited_ns)
        stopwatch.lap("waiting")
        with self._decoding_duration.turn():
            msg = image.transport.read(image.serialized)
            stamp = stamp_ns(msg.header)
            # With use_sim_time, the node's clock is zero before the simulation runs.
            received_ns = max(image.taken_ns, 0) or time.time_ns()
            taken_ns = self._stamps.time_of(stamp, received_ns - image.waited_ns)
            rgb = image.transport.to_rgb(msg, self._images)
            frame = Frame(rgb, taken_ns, self._contexts.detections.boxes_for(stamp))
        self._statistics.stamped(stamp, image.taken_ns, usable=taken_ns == stamp)
        # tf2 refuses names that begin with a slash, as those of ROS 1 did.
        msg.header.frame_id = (msg.header.frame_id or self._settings.camera_frame).lstrip("/")
        if not msg.header.frame_id:
            self._logger.warning("images carry no frame_id: people get no frames on /tf; set camera_frame")
        stopwatch.laps_ms["transport"] = (image.taken_ns - image.waited_ns - stamp) / NS_PER_MS
        stopwatch.lap("decoding")
        return DecodedImage(msg.header, frame, self._count, stopwatch)

    def _publish(self, estimated: EstimatedPoses) -> None:
        """Follow and place the people in an image, and publish them."""
        image, settings = estimated.image, self._settings
        image.stopwatch.lap("waiting")
        with self._drop_log.drops_on_error():
            header = image.header
            context = self._contexts.context_of(image.frame, settings, header.frame_id, stamp_ns(header))
            person_pipeline = self._person_pipeline_of(image.header.frame_id)
            person_pipeline.options = self._options
            people = person_pipeline.update(image.frame, estimated.poses, context)
            self._contexts.depth.compare(people, context.depth, depth_only=self._options.depth_only)
            if not people and (fault := contrast_fault(image.frame.rgb)):
                self._statistics.blank()
                self._logger.warning(f"nobody can be found: {fault}")
            self._publishers.publish(image, people, estimated.model.complexity, settings)
            self._statistics.processed(image.stopwatch.laps_ms, people)

    def _person_pipeline_of(self, frame_id: str) -> PersonPipeline:
        """Return what follows the people of one camera, apart from those of others."""
        if frame_id not in self._person_pipelines:
            if len(self._person_pipelines) == MAX_CAMERAS:
                self._person_pipelines.clear()
            self._person_pipelines[frame_id] = PersonPipeline(self._options)
        return self._person_pipelines[frame_id]
