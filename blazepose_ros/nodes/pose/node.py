"""The node `blazepose`: camera images in, people out."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lifecycle_msgs.msg import State
from rclpy.clock import Clock, ClockType

from blazepose_ros.conversions.frame_context import FrameContextCollector
from blazepose_ros.conversions.images import TRANSPORTS
from blazepose_ros.conversions.tf_buffer import Rigid, TfBuffer, TransformError
from blazepose_ros.core.diagnostics.health import Situation
from blazepose_ros.core.diagnostics.statistics import Statistics
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.loading import LoadedModel, load_model, same_model
from blazepose_ros.core.models.registry import ModelError
from blazepose_ros.core.parameters import ParameterError
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import Pose
from blazepose_ros.nodes.common.lifecycle import AsyncLifecycleNode, TransitionError
from blazepose_ros.nodes.common.log_throttle import LogThrottle
from blazepose_ros.nodes.common.parameters import DynamicParameters
from blazepose_ros.nodes.common.process_tuning import leave_cores_to_the_model, rss_mb
from blazepose_ros.nodes.pose.diagnostics import DiagnosticsPublisher
from blazepose_ros.nodes.pose.image_pipeline import DecodedImage, ImagePipeline
from blazepose_ros.nodes.pose.publishers import PublisherOptions, Publishers
from blazepose_ros.nodes.pose.subscriptions import Subscriptions
from blazepose_ros.nodes.pose.watchdog import Watchdog

WATCH_PERIOD_S = 0.5

STATES = {
    State.PRIMARY_STATE_UNCONFIGURED: "unconfigured",
    State.PRIMARY_STATE_INACTIVE: "inactive",
    State.PRIMARY_STATE_ACTIVE: "active",
    State.PRIMARY_STATE_FINALIZED: "finalized",
}


class BlazePoseNode(AsyncLifecycleNode):
    """Finds the people in a camera's images and publishes them.

    Unconfigured it has its parameters, inactive also the model and the publishers, active also
    the subscriptions and three stages that work on images.

    Raises:
        ParameterError: a parameter has a value that it does not take.
        StartupError: with ``autostart``, the model is missing or does not load.
    """

    def __init__(self) -> None:
        super().__init__("blazepose", automatically_declare_parameters_from_overrides=True)
        leave_cores_to_the_model()
        self._throttled_log = LogThrottle(self.get_logger())
        self._tree = TfBuffer()
        self._model: LoadedModel | None = None
        self._outputs: Publishers | None = None
        self._stages: ImagePipeline | None = None
        self._inputs: Subscriptions | None = None
        self._watchdog: Watchdog | None = None
        self._scenes: FrameContextCollector | None = None
        self._statistics = Statistics()
        self._live = DynamicParameters(self, NodeSettings, self._prepare_change, self._change)
        # Not by the node's clock: with use_sim_time it may stand still.
        self.create_timer(WATCH_PERIOD_S, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._diagnostics = DiagnosticsPublisher(
            self, self._statistics, self._situation, self._diagnostic_values
        )
        if self._settings.autostart:
            self.start()

    def destroy_node(self) -> None:
        """Stop working, free everything and close the node."""
        self.clean_up()
        super().destroy_node()

    def prepare(self) -> LoadedModel:
        """Load the model."""
        try:
            return load_model(self._settings, self.get_logger())
        except (ModelError, EstimatorError) as err:
            raise TransitionError(str(err)) from err

    def configure(self, prepared: LoadedModel) -> None:
        """Keep the model and announce the outputs."""
        self._model = prepared
        self._outputs = Publishers(
            self,
            segmentation=self._settings.enable_segmentation,
            hri=self._settings.publish_hri,
            on_matched=self._take_images_while_wanted,
        )

    def activate(self) -> None:
        """Work on images, while somebody wants them."""
        assert self._model is not None
        logger = self._throttled_log
        self._scenes = FrameContextCollector(self.resolve_topic_name("camera_info"), logger)
        self._stages = ImagePipeline(
            self._settings, self._model, self._scenes, self._publish, self._statistics, logger
        )
        self._inputs = Subscriptions(
            self,
            self._settings,
            self._scenes,
            self._stages.receive,
            self._stages.spare_s,
            logger,
            self._tree,
        )
        self._watchdog = Watchdog(
            lambda: load_model(self._settings, self.get_logger()), self._renew_model, logger
        )
        self._take_images_while_wanted()

    def deactivate(self) -> None:
        """Take no more images and end what is being done with the last ones."""
        if self._inputs is not None:
            self._inputs.close()
        if self._stages is not None:
            self._stages.stop()
        self._inputs = self._stages = self._watchdog = self._scenes = None
        self._statistics.listening(False)

    def clean_up(self) -> None:
        """Free the model and take the outputs away."""
        self.deactivate()
        if self._outputs is not None:
            self._outputs.close()
        if self._model is not None:
            self._model.estimator.close()
        self._outputs = self._model = None

    @property
    def _settings(self) -> NodeSettings:
        return self._live.settings

    def _prepare_change(self, settings: NodeSettings) -> LoadedModel | None:
        """Return the model that new values ask for, where there is one and it is another."""
        if self._model is None or same_model(settings, self._settings):
            return None
        try:
            return load_model(settings, self.get_logger())
        except (ModelError, EstimatorError) as err:
            raise ParameterError(str(err)) from err

    def _change(self, settings: NodeSettings, model: LoadedModel | None) -> None:
        if model is not None:
            self._replace_model(model)
        if self._outputs is not None:
            self._outputs.offer_mask(settings.enable_segmentation)
            self._outputs.offer_hri(settings.publish_hri)
        if self._stages is not None:
            self._stages.settings = settings
        if self._inputs is not None:
            self._inputs.change(settings)
        self._take_images_while_wanted()

    def _replace_model(self, model: LoadedModel) -> None:
        replaced, self._model = self._model, model
        if self._stages is not None:
            self._stages.use(model)  # closes the replaced one after its last image
        elif replaced is not None:
            replaced.estimator.close()

    def _renew_model(self, model: LoadedModel) -> None:
        self._model = model
        if self._stages is not None:
            self._stages.renew(model)

    def _watch(self) -> None:
        if self._watchdog is not None and self._stages is not None:
            self._watchdog.look(self._stages.trouble(self._settings.inference_timeout_s))

    def _take_images_while_wanted(self) -> None:
        """Take images only while somebody listens, unless told to take them always."""
        if self._inputs is not None and self._outputs is not None:
            wanted = self._outputs.wanted or not self._settings.lazy
            self._inputs.take_images(wanted)
            self._statistics.listening(wanted)

    def _situation(self) -> Situation:
        state = STATES.get(self.state, "in transition")
        topic = self.resolve_topic_name(TRANSPORTS[self._settings.image_transport].topic)
        if self._inputs is None or self._stages is None or self._scenes is None:
            return Situation(state, active=False, listens=False, topic=topic)
        return Situation(
            state,
            active=True,
            listens=self._inputs.images.is_open,
            topic=topic,
            publishers=self._inputs.images.publishers,
            mismatch=self._inputs.images.mismatch,
            trouble=self._stages.trouble(self._settings.inference_timeout_s),
            places=self._settings.placement != "none",
            calibrated=self._scenes.calibration.is_calibrated,
        )

    def _diagnostic_values(self) -> dict[str, str]:
        """Return the keys and values that diagnostics show beside the figures."""
        model, scenes = self._model, self._scenes
        return {
            "model": model.complexity.name if model else "none",
            "backend": model.backend if model else "none",
            "threads": str(self._settings.num_threads or "all cores"),
            "memory (MB)": f"{rss_mb(os.getpid()):.0f}",
            "calibration": "camera_info" if scenes and scenes.calibration.is_calibrated else "assumed",
            "placement": self._settings.placement,
        }

    def _publish(self, received: DecodedImage, people: Sequence[Pose], model: LoadedModel) -> None:
        assert self._outputs is not None
        settings = self._settings
        options = PublisherOptions(
            model_complexity=model.complexity,
            visibility_threshold=settings.visibility_threshold,
            publish_tf=settings.publish_tf,
            publish_landmark_tf=settings.publish_landmark_tf,
            tf_prefix=settings.tf_prefix,
            publish_joint_states=settings.publish_joint_states,
            target_frame=settings.target_frame,
            camera_in_target=self._camera_in_target(received),
        )
        self._outputs.publish(received, people, options)

    def _camera_in_target(self, received: DecodedImage) -> Rigid | None:
        """Return where the camera was in the target frame, None where that is not known."""
        target, header = self._settings.target_frame, received.header
        if not target:
            return None
        try:
            return self._tree.lookup(target, header.frame_id, received.frame.stamp_ns)
        except TransformError as err:
            self._throttled_log.error(f"nobody is expressed in {target} (target_frame): {err}")
            return None
