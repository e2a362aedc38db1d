# SPDX-License-Identifier: Apache-2.0
"""The node `blazepose`: camera images in, people out."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from lifecycle_msgs.msg import State
from rclpy.clock import Clock, ClockType

from blazepose_ros.conversions.frame_context import FrameContextCollector
from blazepose_ros.conversions.images import TRANSPORTS
from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.diagnostics.health import Situation
from blazepose_ros.core.diagnostics.statistics import Statistics
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.loading import LoadedModel, load_model, same_model
from blazepose_ros.core.models.registry import ModelError
from blazepose_ros.core.parameters import ParameterError
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.nodes.common.lifecycle import AsyncLifecycleNode, TransitionError
from blazepose_ros.nodes.common.log_throttle import LogThrottle
from blazepose_ros.nodes.common.parameters import DynamicParameters
from blazepose_ros.nodes.common.process_tuning import leave_cores_to_the_model
from blazepose_ros.nodes.pose.diagnostics import DiagnosticsPublisher, key_values
from blazepose_ros.nodes.pose.image_pipeline import ImagePipeline
from blazepose_ros.nodes.pose.publishers import Publishers
from blazepose_ros.nodes.pose.subscriptions import Subscriptions
from blazepose_ros.nodes.pose.watchdog import Watchdog

WATCH_PERIOD_S = 0.5

STATES = {
    State.PRIMARY_STATE_UNCONFIGURED: "unconfigured",
    State.PRIMARY_STATE_INACTIVE: "inactive",
    State.PRIMARY_STATE_ACTIVE: "active",
    State.PRIMARY_STATE_FINALIZED: "finalized",
}


@dataclass(frozen=True)
class _Active:
    """What the node has only while it is active."""

    contexts: FrameContextCollector
    pipeline: ImagePipeline
    subscriptions: Subscriptions
    watchdog: Watchdog


class BlazePoseNode(AsyncLifecycleNode):
    """Finds the people in a camera's images and publishes them.

    Unconfigured it has its parameters, inactive also the model and the publishers, active also
    the subscriptions and the pipeline that works on images.

    Raises:
        ParameterError: a parameter has a value that it does not take.
        StartupError: with ``autostart``, the model is missing or does not load.
    """

    def __init__(self) -> None:
        super().__init__("blazepose", automatically_declare_parameters_from_overrides=True)
        leave_cores_to_the_model()
        self._throttled_log = LogThrottle(self.get_logger())
        self._transforms = TfBuffer()
        self._model: LoadedModel | None = None
        self._outputs: Publishers | None = None
        self._active: _Active | None = None
        self._deactivation = ExitStack()
        self._statistics = Statistics()
        self._dynamic_parameters = DynamicParameters(self, NodeSettings, self._prepare_change, self._change)
        # Not by the node's clock: with use_sim_time it may stand still.
        self.create_timer(WATCH_PERIOD_S, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._diagnostics = DiagnosticsPublisher(
            self, self._statistics, self._situation, self._diagnostic_values
        )
        if self._settings.autostart:
            self.start()

    @property
    def _settings(self) -> NodeSettings:
        return self._dynamic_parameters.settings

    def destroy_node(self) -> None:
        """Stop working, free everything and close the node."""
        self.clean_up()
        super().destroy_node()

    def prepare(self) -> LoadedModel:
        """Load the model."""
        try:
            return self._load(self._settings)
        except (ModelError, EstimatorError) as err:
            raise TransitionError(str(err)) from err

    def configure(self, prepared: LoadedModel) -> None:
        """Keep the model and announce the outputs."""
        self._model = prepared
        self._outputs = Publishers(
            self, self._settings, self._transforms, self._throttled_log, self._take_images_while_wanted
        )

    def activate(self) -> None:
        """Work on images, while an output has a subscriber."""
        assert self._model is not None
        assert self._outputs is not None
        settings, log = self._settings, self._throttled_log
        contexts = FrameContextCollector(self.resolve_topic_name("camera_info"), log)
        pipeline = ImagePipeline(settings, self._model, contexts, self._outputs, self._statistics, log)
        self._deactivation.callback(pipeline.stop)
        subscriptions = Subscriptions(self, settings, pipeline, contexts, self._transforms, log)
        self._deactivation.callback(subscriptions.close)  # called first
        watchdog = Watchdog(lambda: self._load(self._settings), self._replace_hanging_model, log)
        self._active = _Active(contexts, pipeline, subscriptions, watchdog)
        self._take_images_while_wanted()

    def deactivate(self) -> None:
        """Take no more images and end what is being done with the last ones."""
        self._deactivation.close()
        self._active = None
        self._statistics.listening(False)

    def clean_up(self) -> None:
        """Free the model and take the outputs away."""
        self.deactivate()
        if self._outputs is not None:
            self._outputs.close()
        if self._model is not None:
            self._model.estimator.close()
        self._outputs = self._model = None

    def _load(self, settings: NodeSettings) -> LoadedModel:
        return load_model(settings, self.get_logger())

    def _prepare_change(self, settings: NodeSettings) -> LoadedModel | None:
        """Return the model that new settings ask for, where there is one and it is another."""
        if self._model is None or same_model(settings, self._settings):
            return None
        try:
            return self._load(settings)
        except (ModelError, EstimatorError) as err:
            raise ParameterError(str(err)) from err

    def _change(self, settings: NodeSettings, model: LoadedModel | None) -> None:
        if model is not None:
            self._replace_model(model)
        if self._outputs is not None:
            self._outputs.change(settings)
        if self._active is not None:
            self._active.pipeline.change(settings)
            self._active.subscriptions.change(settings)
        self._take_images_while_wanted()

    def _replace_model(self, model: LoadedModel) -> None:
        replaced, self._model = self._model, model
        if self._active is not None:
            self._active.pipeline.use_model(model)  # closes the replaced one after its last image
        elif replaced is not None:
            replaced.estimator.close()

    def _replace_hanging_model(self, model: LoadedModel) -> None:
        self._model = model
        if self._active is not None:
            self._active.pipeline.replace_hanging_model(model)

    def _watch(self) -> None:
        if self._active is not None:
            self._active.watchdog.look(self._active.pipeline.trouble())

    def _take_images_while_wanted(self) -> None:
        """Take images only while an output has a subscriber, unless told to take them always."""
        if self._active is not None and self._outputs is not None:
            wanted = self._outputs.have_listeners or not self._settings.lazy
            self._active.subscriptions.take_images(wanted)
            self._statistics.listening(wanted)

    def _situation(self) -> Situation:
        state = STATES.get(self.state, "in transition")
        topic = self.resolve_topic_name(TRANSPORTS[self._settings.image_transport].topic)
        if self._active is None:
            return Situation(state, active=False, listens=False, topic=topic)
        images = self._active.subscriptions.images
        return Situation(
            state,
            active=True,
            listens=images.is_open,
            topic=topic,
            publishers=images.publishers,
            mismatch=images.mismatch,
            trouble=self._active.pipeline.trouble(),
            places=self._settings.placement != "none",
            calibrated=self._active.contexts.calibration.is_calibrated,
        )

    def _diagnostic_values(self) -> dict[str, str]:
        calibrated = self._active is not None and self._active.contexts.calibration.is_calibrated
        return key_values(self._settings, self._model, calibrated=calibrated)
