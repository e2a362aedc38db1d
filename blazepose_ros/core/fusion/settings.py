# SPDX-License-Identifier: Apache-2.0
"""The settings of `blazepose_fusion`: every parameter is declared here, once."""

from __future__ import annotations

from dataclasses import dataclass

from blazepose_ros.core.fusion.fusion_pipeline import FusionOptions
from blazepose_ros.core.parameters import Settings, parameter
from blazepose_ros.core.settings import FRAME_NAME_PART, NodeSettings

MAX_RATE_HZ = 240.0
# Where people are a second late, no robot reacts in time.
MAX_WAIT_S = 1.0
_OF_NODE = NodeSettings.parameters()
_OPTIONS = FusionOptions()


@dataclass(frozen=True)
class FusionSettings(Settings):
    """The parameters of `blazepose_fusion`."""

    autostart: bool = parameter(True, _OF_NODE["autostart"].description, read_only=True)
    cameras: str = parameter(
        "",
        "The cameras: a list, or separated by commas, of the namespaces of their nodes, such as front for"
        " /front/blazepose/poses, or of topics that end with /poses; empty for all that are found.",
    )
    fusion_frame: str = parameter(
        "map",
        "The frame that people are fused in, its z axis up. TF has to know where each camera is in it.",
    )
    rate: float = parameter(
        _OPTIONS.rate_hz,
        "Outputs per second; 0 for one with each image of the reference camera.",
        minimum=0.0,
        maximum=MAX_RATE_HZ,
    )
    reference_camera: str = parameter(
        "",
        "The camera whose stamps are right, by its name in cameras; empty for none: of three the one in"
        " the middle, of two the earlier one.",
    )
    max_wait_s: float = parameter(
        _OPTIONS.max_wait_s,
        "How long in seconds people wait for the cameras that are late.",
        minimum=0.0,
        maximum=MAX_WAIT_S,
    )
    correct_clocks: bool = parameter(
        _OPTIONS.correct_clocks,
        "Whether constant offsets between the cameras' stamps are corrected; they are estimated in any case.",
    )
    lazy: bool = parameter(
        True, "Whether the node subscribes to cameras only while one of its outputs has a subscriber."
    )
    visibility_threshold: float = parameter(
        0.5, "Landmarks below it are drawn black and get no frame.", minimum=0.0, maximum=1.0
    )
    publish_tf: bool = parameter(True, _OF_NODE["publish_tf"].description)
    publish_landmark_tf: bool = parameter(True, _OF_NODE["publish_landmark_tf"].description)
    publish_limb_tf: bool = parameter(False, _OF_NODE["publish_limb_tf"].description)
    tf_prefix: str = parameter("", _OF_NODE["tf_prefix"].description, pattern=FRAME_NAME_PART)
    publish_joint_states: bool = parameter(False, _OF_NODE["publish_joint_states"].description)

    @property
    def camera_names(self) -> tuple[str, ...]:
        """The cameras that were named."""
        return tuple(self.cameras.replace(",", " ").split())

    @property
    def options(self) -> FusionOptions:
        """How people are fused."""
        return FusionOptions(self.rate, self.reference_camera, self.max_wait_s, self.correct_clocks)
