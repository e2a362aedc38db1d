# SPDX-License-Identifier: Apache-2.0
"""The node `blazepose_fusion`: the people of several cameras in, each of them once out."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSProfile

from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.diagnostics.health import SEVERITY, STALE_AFTER_S, Finding, Health, Level
from blazepose_ros.core.fusion.clock_offset import UNKNOWN
from blazepose_ros.core.fusion.settings import FusionSettings
from blazepose_ros.core.text import printable
from blazepose_ros.core.timestamps import NS_PER_MS, NS_PER_S
from blazepose_ros.nodes.common.diagnostics import DiagnosticsPublisher, Report
from blazepose_ros.nodes.common.events import TELLS_OF_SUBSCRIBERS, when_matched
from blazepose_ros.nodes.common.lifecycle import AsyncLifecycleNode
from blazepose_ros.nodes.common.log_throttle import LogThrottle
from blazepose_ros.nodes.common.parameters import DynamicParameters
from blazepose_ros.nodes.common.people_publishers import FrameCollisions, PeoplePublishers, has_listeners
from blazepose_ros.nodes.common.process_tuning import rss_mb
from blazepose_ros.nodes.fusion.camera_input import CameraInput
from blazepose_ros.nodes.fusion.cameras import FUSION_NODE, Cameras
from blazepose_ros.nodes.fusion.fusing import Fusing

WATCH_PERIOD_S = 0.5
DEPTH = 10
# REP-103: the z axis of a frame that is no camera's points upwards.
UP = (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class _ActiveFusion:
    """What the node has only while it is active."""

    fusing: Fusing
    cameras: Cameras


class BlazePoseFusionNode(AsyncLifecycleNode):
    """Makes one of each person whom several cameras see.

    Unconfigured it has its parameters, inactive also the publishers, active also the cameras and the
    thread that fuses.

    Raises:
        ParameterError: a parameter has a value that it does not take.
    """

    def __init__(self) -> None:
        super().__init__(FUSION_NODE, automatically_declare_parameters_from_overrides=True)
        self._throttled_log = LogThrottle(self.get_logger())
        self._transforms = TfBuffer()
        self._outputs: PeoplePublishers | None = None
        self._active: _ActiveFusion | None = None
        self._deactivation = ExitStack()
        self._collisions = FrameCollisions(self, self._throttled_log)
        self._dynamic_parameters = DynamicParameters(
            self, FusionSettings, lambda _settings: self._settings, self._change
        )
        # Not by the node's clock: with use_sim_time it may stand still.
        self.create_timer(WATCH_PERIOD_S, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._diagnostics = DiagnosticsPublisher(self, DIAGNOSTIC_NAME, self._report)
        if self._settings.autostart:
            self.start()

    @property
    def _settings(self) -> FusionSettings:
        return self._dynamic_parameters.settings

    def destroy_node(self) -> None:
        """Stop working, free everything and close the node."""
        self.clean_up()
        super().destroy_node()

    def configure(self, prepared: Any) -> None:  # noqa: ARG002 (nothing has to be prepared)
        """Announce the outputs."""
        self._outputs = PeoplePublishers(self._create, UP)

    def activate(self) -> None:
        """Fuse, while an output has a subscriber."""
        assert self._outputs is not None
        settings, log = self._settings, self._throttled_log
        fusing = Fusing(settings, self._outputs, log)
        self._deactivation.callback(fusing.stop)
        cameras = Cameras(self, settings, self._transforms, fusing, log)
        self._deactivation.callback(cameras.close)  # called first
        self._active = _ActiveFusion(fusing, cameras)
        self.get_logger().info(f"people are fused in {printable(settings.fusion_frame)}")
        self._take_cameras_while_wanted()

    def deactivate(self) -> None:
        """Take no more people and end what is being done with the last ones."""
        self._deactivation.close()
        self._active = None

    def clean_up(self) -> None:
        """Take the outputs away."""
        self.deactivate()
        outputs, self._outputs = self._outputs, None
        if outputs is not None:
            for publisher in outputs.all:
                self.destroy_publisher(publisher)

    def _create(self, message_type: type, topic: str, depth: int = DEPTH) -> Any:
        events = when_matched(self._take_cameras_while_wanted)
        return self.create_publisher(message_type, topic, QoSProfile(depth=depth), event_callbacks=events)

    def _change(self, settings: FusionSettings, before: FusionSettings) -> None:
        if self._active is None:
            return
        if settings.fusion_frame != before.fusion_frame:
            self.deactivate()
            self.activate()
        else:
            self._active.fusing.change(settings)
            self._active.cameras.change(settings)
            self._take_cameras_while_wanted()

    def _watch(self) -> None:
        if self._active is not None:
            self._collisions.look(self._settings)
            self._active.fusing.check()
            for camera in self._active.fusing.strays:
                self._throttled_log.warning(_of_another_clock(camera))
            if not TELLS_OF_SUBSCRIBERS:
                self._take_cameras_while_wanted()

    def _take_cameras_while_wanted(self) -> None:
        """Subscribe to cameras only while an output has a subscriber, unless told to do so always."""
        if self._active is not None and self._outputs is not None:
            listeners = any(map(has_listeners, self._outputs.all))
            self._active.cameras.take(listeners or not self._settings.lazy)

    def _report(self) -> Report:
        if self._active is None:
            health = Health(Level.OK, self.state_name)
            return Report(self._settings.fusion_frame, health, {"state": self.state_name})
        cameras, fusing = self._active.cameras, self._active.fusing
        trouble = "; ".join(filter(None, (self._transforms.trouble, self._collisions.trouble)))
        made = report(self.state_name, cameras.inputs, fusing, self._settings, trouble)
        if cameras.is_listening and not cameras.inputs:
            return made._replace(health=Health(Level.STALE, "no camera publishes poses"))
        return made


DIAGNOSTIC_NAME = "cameras to people"
MS_PER_S = NS_PER_S / NS_PER_MS
# Below this an offset costs less than a landmark's own noise.
REMARKABLE_OFFSET_S = 0.015


def report(
    state: str, cameras: Sequence[CameraInput], fusing: Fusing, settings: FusionSettings, trouble: str
) -> Report:
    """Return how the fusion is doing, while it is active.

    Args:
        state: of the life cycle.
        cameras: those there are; none while nobody listens.
        fusing: the thread that fuses.
        settings: as they are now.
        trouble: what is wrong besides; or nothing.
    """
    values = {
        "state": state,
        "outputs per second": f"{fusing.rate_hz:.1f}",
        "people": str(len(fusing.people)),
        "fusion frame": settings.fusion_frame,
        "memory (MB)": f"{rss_mb(os.getpid()):.0f}",
    }
    for camera in cameras:
        values |= _values_of(camera, fusing)
    findings = [finding for camera in cameras for finding in _findings_of(camera, fusing, settings)]
    if trouble:
        findings.append(Finding(Level.WARN, trouble))
    findings.sort(key=lambda finding: SEVERITY.index(finding.level), reverse=True)
    health = Health(Level.OK, "working" if cameras else "no listeners")
    if findings:
        health = Health(findings[0].level, "; ".join(finding.message for finding in findings))
    return Report(settings.fusion_frame, health, values)


def _values_of(camera: CameraInput, fusing: Fusing) -> dict[str, str]:
    name, offset = printable(camera.name), fusing.offsets.get(camera.name, UNKNOWN)
    known = math.isfinite(offset.std_s)
    deviation = f" (standard deviation {MS_PER_S * offset.std_s:.0f})" if known else ""
    return {
        f"{name}: images per second": f"{camera.rate_hz:.1f}",
        f"{name}: calibration": "camera_info" if camera.is_calibrated else "none",
        f"{name}: stamps late by (ms)": f"{MS_PER_S * offset.offset_s:.0f}{deviation}",
    }


def _findings_of(camera: CameraInput, fusing: Fusing, settings: FusionSettings) -> Iterator[Finding]:
    """Yield what is wrong with a camera."""
    name, offset_s = printable(camera.name), fusing.offsets.get(camera.name, UNKNOWN).offset_s
    if camera.silent_s > STALE_AFTER_S:
        yield Finding(Level.STALE, f"no people of {name} on {camera.topic} for {STALE_AFTER_S:.0f} s")
    elif camera.trouble:
        yield Finding(Level.WARN, camera.trouble)
    if camera.name in fusing.strays:
        yield Finding(Level.WARN, _of_another_clock(camera.name))
    if abs(offset_s) > REMARKABLE_OFFSET_S:
        done = "corrected" if settings.correct_clocks else "not corrected: see correct_clocks"
        yield Finding(
            Level.OK, f"the stamps of {name} are {MS_PER_S * offset_s:.0f} ms late, which is {done}"
        )


def _of_another_clock(camera: str) -> str:
    return (
        f"the stamps of {printable(camera)} are seconds away from those of the others:"
        " set its machine's clock"
    )
