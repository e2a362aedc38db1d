# SPDX-License-Identifier: Apache-2.0
"""The settings of `blazepose_node`: every parameter is declared here, once."""

from __future__ import annotations

from dataclasses import dataclass

from blazepose_ros.core.estimation.factory import AUTO, BACKENDS, CPU, DEVICE_PATTERN
from blazepose_ros.core.estimation.runtimes.runtime import Precision
from blazepose_ros.core.image_headers import DEFAULT_MAX_MEGAPIXELS, MAX_PIXELS, PIXELS_PER_MEGAPIXEL
from blazepose_ros.core.image_transport import COMPRESSED, COMPRESSED_DEPTH, RAW
from blazepose_ros.core.parameters import Settings, parameter
from blazepose_ros.core.tracking.primary_person import Primary
from blazepose_ros.core.tracking.smoothing import OneEuroTuning
from blazepose_ros.core.tracking.tracker import MAX_LOST_S
from blazepose_ros.core.types import ModelComplexity
from blazepose_ros.core.visualization.anonymizer import Anonymize

MAX_PEOPLE = 32
MAX_THREADS = 1024
MAX_WAIT_S = 60.0
# Where people are a second late, no robot reacts in time.
MAX_TRANSFORM_WAIT_S = 1.0
# Nav2 takes a node for dead after 4 s of silence.
MAX_BOND_PERIOD_S = 2.0
MAX_CUTOFF_HZ = 100.0
MAX_BETA = 1000.0
MAX_HEIGHT_M = 3.0
MAX_CAMERA_HEIGHT_M = 100.0
SMOOTHING = "smoothing"
TUNING = OneEuroTuning()


# What TF and topics take alike: no slash, no space.
FRAME_NAME_PART = r"[A-Za-z0-9_.-]{0,100}"


@dataclass(frozen=True)
class NodeSettings(Settings):
    """The parameters of `blazepose_node`, which `blazepose bag` and `blazepose video` take as well."""

    autostart: bool = parameter(
        True,
        "Whether the node configures and activates itself when it starts, rather than wait for a"
        " lifecycle manager.",
        read_only=True,
    )
    model_complexity: ModelComplexity = parameter(
        ModelComplexity.FULL, "The landmark model: 0 Lite, 1 Full, 2 Heavy."
    )
    backend: str = parameter(
        AUTO, "What runs the model: auto for the fastest that is installed.", choices=BACKENDS
    )
    num_threads: int = parameter(
        0,
        "Threads of openvino and litert; 0 for all cores. MediaPipe always uses one.",
        minimum=0,
        maximum=MAX_THREADS,
    )
    precision: Precision = parameter(
        Precision.F32,
        "What the device computes in: f32, mixed (openvino) for its fastest with what is sensitive in f32,"
        " bf16 (openvino) throughout, which moves the world landmarks by centimeters, f16 (openvino, and"
        " litert on a GPU) throughout, or auto for mixed or f16 where a trial at the start finds it faster"
        " and as exact, and f32 elsewhere.",
    )
    device: str = parameter(
        CPU,
        "What the model runs on: cpu, gpu (openvino on Intel's, litert on any with Vulkan; openvino takes"
        " gpu.1 or gpu:NAME as well), npu, AUTO: or HETERO: with openvino's devices, or auto for the"
        " fastest that a trial at the start finds, of all backends where the backend is auto, too. Where a"
        " device fails, the processor takes over.",
        pattern=DEVICE_PATTERN,
    )
    model_path: str = parameter("", "A .task bundle to use; empty for the one in the user's cache.")
    fetch_models: bool = parameter(False, "Whether the node may download a missing model.")
    num_poses: int = parameter(
        1,
        "Maximum number of people to detect and track. BlazePose is made for one.",
        minimum=1,
        maximum=MAX_PEOPLE,
    )
    min_detection_confidence: float = parameter(
        0.6, "Minimum confidence of a detection; below it the detection is ignored.", minimum=0.0, maximum=1.0
    )
    min_presence_confidence: float = parameter(
        0.5,
        "Minimum confidence that a tracked region holds a person; below it the track is lost and the"
        " detector runs again.",
        minimum=0.0,
        maximum=1.0,
    )
    min_tracking_confidence: float = parameter(
        0.5,
        "Minimum IoU of a person's region between consecutive images; below it the track is lost.",
        minimum=0.0,
        maximum=1.0,
    )
    max_lost_s: float = parameter(
        MAX_LOST_S,
        "Timeout in seconds of a lost track: until then a person who reappears keeps id and place;"
        " with num_poses 1 no other person is tracked before.",
        minimum=0.0,
        maximum=MAX_WAIT_S,
    )
    external_detections: bool = parameter(
        False,
        "Whether people are searched only in the boxes on the topic detections, of a detector of your"
        " own. Not with the backend mediapipe.",
    )
    primary: Primary = parameter(
        Primary.LARGEST,
        "Whose pose ~/pose is: the largest person in the image, the nearest, the most central or the"
        " first tracked. Another person must be clearly better to take over.",
    )
    smoothing_enabled: bool = parameter(
        True, "Whether landmarks are smoothed in time (One-Euro filter).", group=SMOOTHING
    )
    smoothing_min_cutoff: float = parameter(
        TUNING.min_cutoff_hz,
        "Cutoff frequency in Hz at rest: lower is steadier.",
        minimum=0.0,
        maximum=MAX_CUTOFF_HZ,
        group=SMOOTHING,
    )
    smoothing_beta: float = parameter(
        TUNING.beta,
        "Increase of the cutoff frequency with speed, in Hz per body (2 m) a second: higher has less lag.",
        minimum=0.0,
        maximum=MAX_BETA,
        group=SMOOTHING,
    )
    visibility_threshold: float = parameter(
        0.5,
        "Landmarks below it are drawn black, get no frame and do not place the body.",
        minimum=0.0,
        maximum=1.0,
    )
    image_transport: str = parameter(
        AUTO,
        "raw for sensor_msgs/Image on image, compressed for CompressedImage on image/compressed, auto for raw"
        " while it arrives, and compressed where raw images are lost on the way or not published.",
        choices=(AUTO, RAW, COMPRESSED),
    )
    image_reliability: str = parameter(
        "auto",
        "Reliability of the image subscription: auto follows what the publishers offer, best_effort is"
        " compatible with every publisher, reliable has lost images sent again.",
        choices=("auto", "best_effort", "reliable"),
    )
    max_image_megapixels: float = parameter(
        DEFAULT_MAX_MEGAPIXELS,
        "Maximum size of an image in millions of pixels. A JPEG of more is decoded at reduced size, any"
        " other image is dropped.",
        minimum=0.01,
        maximum=MAX_PIXELS / PIXELS_PER_MEGAPIXEL,
    )
    placement: str = parameter(
        "auto",
        "How the hip center is placed in the camera's frame: mono from the color image, depth from"
        " depth alone, auto from depth where it is available and fits and from the color image"
        " otherwise, none not at all (no markers, no frames).",
        choices=("auto", "mono", "depth", "none"),
    )
    assumed_hfov_deg: float = parameter(
        60.0,
        "Field of view in degrees, along the longer side of the image, of a camera without a calibration.",
        minimum=1.0,
        maximum=179.0,
    )
    rectified: str = parameter(
        "auto",
        "Whether the images are rectified and P of camera_info is theirs, not K and D: always, never, or"
        " auto by the name of their topic (image_rect, image_rect_color).",
        choices=("auto", "always", "never"),
    )
    depth_transport: str = parameter(
        RAW,
        "raw for depth images on depth, compressedDepth for those that image_transport compresses, on"
        " depth/compressedDepth.",
        choices=(RAW, COMPRESSED_DEPTH),
    )
    depth_tolerance_s: float = parameter(
        0.05,
        "Maximum difference in seconds between the stamps of an image and of its depth image.",
        minimum=0.0,
        maximum=MAX_WAIT_S,
    )
    person_height_m: float = parameter(
        0.0,
        "Height of the people in meters, which makes their distance more accurate; 0 for unknown.",
        minimum=0.0,
        maximum=MAX_HEIGHT_M,
    )
    ground_frame: str = parameter(
        "",
        "A TF frame whose z = 0 is the floor that people stand on, such as base_footprint: their feet tell"
        " how far away they are, however tall; empty for none.",
    )
    ground_tilt_std_deg: float = parameter(
        0.5,
        "Standard deviation in degrees of the camera's tilt against the floor.",
        minimum=0.0,
        maximum=45.0,
    )
    ground_height_std_m: float = parameter(
        0.02,
        "Standard deviation in meters of the camera's height above the floor.",
        minimum=0.0,
        maximum=MAX_HEIGHT_M,
    )
    camera_height_m: float = parameter(
        0.0,
        "Height in meters above the floor of a camera that stands still, where no ground_frame tells it;"
        " 0 for unknown. blazepose calibrate floor finds it.",
        minimum=0.0,
        maximum=MAX_CAMERA_HEIGHT_M,
    )
    camera_tilt_deg: float = parameter(
        0.0,
        "How far that camera looks down, in degrees; it has to be level from side to side.",
        minimum=-90.0,
        maximum=90.0,
    )
    inference_timeout_s: float = parameter(
        10.0,
        "Timeout in seconds of the inference on one image; after it the estimator is replaced by a new one.",
        minimum=0.1,
        maximum=3600.0,
    )
    lazy: bool = parameter(
        True, "Whether the node subscribes to images only while one of its outputs has a subscriber."
    )
    bond_heartbeat_period: float = parameter(
        0.0,
        "How often in seconds the node tells a lifecycle manager that it lives, as Nav2's expects (0.1);"
        " 0 for never. It needs the package bond, and takes effect when the node is activated.",
        minimum=0.0,
        maximum=MAX_BOND_PERIOD_S,
    )
    publish_tf: bool = parameter(True, "Whether to publish the frames of people on /tf.")
    publish_landmark_tf: bool = parameter(True, "Whether landmarks have frames too.")
    publish_limb_tf: bool = parameter(
        False, "Whether limbs, trunk and head have frames too, which are turned as they are."
    )
    tf_prefix: str = parameter("", "Goes before the name of each frame of a person.", pattern=FRAME_NAME_PART)
    target_frame: str = parameter(
        "",
        "A frame to express people in as well, on ~/target/poses and ~/target/markers, through TF at the"
        " image's stamp; empty for none.",
    )
    target_timeout_s: float = parameter(
        0.2,
        "How long in seconds people wait for the transform of their image's time to target_frame, where"
        " it comes late; in the camera's frame they are published at once.",
        minimum=0.0,
        maximum=MAX_TRANSFORM_WAIT_S,
    )
    publish_joint_states: bool = parameter(
        False, "Whether to publish the angles of joints on ~/joint_states."
    )
    publish_detections: bool = parameter(
        False,
        "Whether to publish people as vision_msgs' detections on ~/detections_2d and ~/detections_3d.",
    )
    publish_hri: bool = parameter(
        False,
        "Whether to publish REP-155's topics of bodies, /humans/bodies/tracked and below /humans/bodies/<id>,"
        " which needs the package hri_msgs.",
    )
    enable_segmentation: bool = parameter(False, "Whether to publish ~/segmentation_mask.")
    anonymize: Anonymize = parameter(
        Anonymize.NONE,
        "What of people is painted over in ~/annotated_image: face or body, of everyone whom the models see,"
        " or none.",
    )
    camera_frame: str = parameter("", "The frame_id of images whose own is empty.")
    allow_mediapipe_telemetry: bool = parameter(
        False, "Let MediaPipe report usage figures (no images) to Google.", read_only=True
    )
