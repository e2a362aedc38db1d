# SPDX-License-Identifier: Apache-2.0
"""The node `blazepose`: camera images in, people out."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass

from rclpy.clock import Clock, ClockType
from std_srvs.srv import SetBool

from blazepose_ros.conversions.diagnostics import figures
from blazepose_ros.conversions.frame_context import FrameContextCollector
from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.diagnostics.health import Situation, assess
from blazepose_ros.core.diagnostics.statistics import Snapshot, Statistics
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.loading import LoadedModel, load_model, same_model
from blazepose_ros.core.image_transport import COMPRESSED, RAW
from blazepose_ros.core.models.registry import ModelError
from blazepose_ros.core.parameters import ParameterError
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.nodes.common.diagnostics import DiagnosticsPublisher, Report
from blazepose_ros.nodes.common.events import TELLS_OF_SUBSCRIBERS
from blazepose_ros.nodes.common.image_topics import topics_of
from blazepose_ros.nodes.common.lifecycle import AsyncLifecycleNode, Bond, BondMessagesError, TransitionError
from blazepose_ros.nodes.common.log_throttle import LogThrottle
from blazepose_ros.nodes.common.parameters import DynamicParameters, QosOverrideError
from blazepose_ros.nodes.common.people_publishers import FrameCollisions
from blazepose_ros.nodes.common.process_tuning import leave_cores_to_the_model, rss_mb
from blazepose_ros.nodes.pose.image_pipeline import ImagePipeline
from blazepose_ros.nodes.pose.inference import Watchdog
from blazepose_ros.nodes.pose.publishers import Publishers
from blazepose_ros.nodes.pose.subscriptions import Subscriptions

# How often it is looked at what publishers offer, what becomes of images, and whether the model hangs.
WATCH_PERIOD_S = 0.5


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
        self._collisions = FrameCollisions(self, self._throttled_log)
        self._dynamic_parameters = DynamicParameters(self, NodeSettings, self._prepare_change, self._change)
        self._is_enabled = True
        self.create_service(SetBool, "~/enable", self._enable)
        # Not by the node's clock: with use_sim_time it may stand still.
        self.create_timer(WATCH_PERIOD_S, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._diagnostics = DiagnosticsPublisher(self, DIAGNOSTIC_NAME, self._report)
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
        try:
            self._outputs = Publishers(
                self, self._settings, self._transforms, self._throttled_log, self._take_images_while_wanted
            )
        except QosOverrideError as err:
            raise TransitionError(str(err)) from err

    def activate(self) -> None:
        """Work on images, while an output has a subscriber."""
        assert self._model is not None
        assert self._outputs is not None
        settings, log = self._settings, self._throttled_log
        contexts = FrameContextCollector(
            self.resolve_topic_name("camera_info"),
            log,
            image_topic=topics_of(self)[COMPRESSED if settings.image_transport == COMPRESSED else RAW],
            depth_topic=self.resolve_topic_name("depth"),
            transforms=self._transforms,
        )
        pipeline = ImagePipeline(settings, self._model, contexts, self._outputs, self._statistics, log)
        self._deactivation.callback(pipeline.stop)
        subscriptions = Subscriptions(self, settings, pipeline, contexts, self._transforms, log)
        self._deactivation.callback(subscriptions.close)  # called first
        watchdog = Watchdog(lambda: self._load(self._settings), self._replace_hanging_model, log)
        self._active = _Active(contexts, pipeline, subscriptions, watchdog)
        self._form_bond(settings.bond_heartbeat_period)
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
            self._active.subscriptions.follow()
            self._collisions.look(self._settings)
            self._active.watchdog.look(self._active.pipeline.trouble())
            if not TELLS_OF_SUBSCRIBERS:
                self._take_images_while_wanted()

    def _take_images_while_wanted(self) -> None:
        """Take images only while an output has a subscriber, unless told to take them always, or none."""
        if self._active is not None and self._outputs is not None:
            wanted = self._is_enabled and (self._outputs.have_listeners or not self._settings.lazy)
            self._active.subscriptions.take_images(wanted)
            self._statistics.listening(wanted)

    def _enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """Take images, or none for a while, whatever listens; the state of the life cycle stays."""
        self._is_enabled = request.data
        self._take_images_while_wanted()
        response.success, response.message = True, "enabled" if request.data else "disabled"
        return response

    def _form_bond(self, period_s: float) -> None:
        """Have a bond with a lifecycle manager until the node is deactivated, where that is asked for."""
        if period_s == 0.0:
            return
        try:
            self._deactivation.callback(Bond(self, period_s).close)
        except BondMessagesError as err:
            self.get_logger().error(str(err))

    def _situation(self) -> Situation:
        state = self.state_name
        if not self._is_enabled:
            state += ", disabled by ~/enable"
        outputs = self._outputs
        if self._active is None or outputs is None:
            return Situation(state, active=False, listens=False, topic=topics_of(self)[RAW])
        images, contexts = self._active.subscriptions.images, self._active.contexts
        contexts.depth.forget_old()
        return Situation(
            state,
            active=True,
            listens=images.is_open,
            topic=images.topic,
            publishers=images.publishers,
            elsewhere=images.elsewhere,
            mismatch=images.mismatch,
            impairment=images.impairment,
            trouble=self._active.pipeline.trouble(),
            places=self._settings.placement != "none",
            calibrated=contexts.calibration.is_calibrated,
            simulated=self.get_clock().ros_time_is_active,
            transforms="; ".join(
                filter(
                    None,
                    (
                        self._transforms.trouble,
                        outputs.trouble,
                        contexts.ground.trouble,
                        self._collisions.trouble,
                    ),
                )
            ),
            concerns=contexts.concerns,
        )

    def _report(self) -> Report:
        calibrated = self._active is not None and self._active.contexts.calibration.is_calibrated
        snapshot, situation = self._statistics.snapshot(), self._situation()
        return report(snapshot, situation, self._settings, self._model, calibrated=calibrated)


DIAGNOSTIC_NAME = "images to people"


def report(
    snapshot: Snapshot,
    situation: Situation,
    settings: NodeSettings,
    model: LoadedModel | None,
    *,
    calibrated: bool,
) -> Report:
    """Return how the node is doing, with its figures and settings."""
    values = {
        "state": situation.state,
        **figures(snapshot),
        "model": model.complexity.name if model else "none",
        "backend": model.backend if model else "none",
        "runs on": model.where if model else "none",
        "threads": str(settings.num_threads or "all cores"),
        "memory (MB)": f"{rss_mb(os.getpid()):.0f}",
        "calibration": "camera_info" if calibrated else "assumed",
        "placement": settings.placement,
    }
    return Report(situation.topic, assess(snapshot, situation), values)
