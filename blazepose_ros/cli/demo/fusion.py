# SPDX-License-Identifier: Apache-2.0
"""``blazepose demo --fusion``: four cameras, a node for each, and one person in space out of all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.console import FittingTable, progress, say, show
from blazepose_ros.cli.demo import walk
from blazepose_ros.cli.demo.camera_player import CameraPlayer, PlayedClip
from blazepose_ros.cli.demo.four_cameras import (
    IMAGES,
    ClipCamera,
    four_cameras,
    joint_errors_m,
    measured_joints,
)
from blazepose_ros.cli.processes import ChildProcess, ChildProcesses, executable_path, ros_arguments
from blazepose_ros.cli.signals import held_back
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.files import write_atomically
from blazepose_ros.core.frame_sources.frame_source import SourceError
from blazepose_ros.core.frame_sources.samples import fetch_samples
from blazepose_ros.core.fusion.sightings import in_frame
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.models.registry import Bundle
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.scene_view import SceneCamera, draw_scene, mosaic, viewpoint
from blazepose_ros.core.visualization.skeleton_overlay import annotate
from blazepose_ros.core.visualization.video_writer import VIDEO_SUFFIX, VideoWriter
from blazepose_ros.nodes.common.dds import use_image_profile
from blazepose_ros.nodes.common.main import init_rclpy

WORLD = "world"
PICTURE, VIDEO = "fusion.png", f"fusion{VIDEO_SUFFIX}"
# A sixth of the true speed: four models at once take a computer without a GPU so long.
RATE_HZ = 5.0
# The clips are 1920 pixels high, the models look at 256.
HEIGHT_PX = 640
# Four nodes load four models at once.
START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 2.0
# A computer that is slow answers the cameras one after the other.
MAX_WAIT_S = 0.8
# From where the video looks: it goes around the walker, by so many degrees in all.
VIEW_CENTER_M, VIEW_DISTANCE_M, VIEW_ELEVATION_DEG = (-0.6, 0.0, 0.9), 8.5, 18.0
VIEW_FROM_DEG, VIEW_TURN_DEG = -75.0, 60.0
SCENE_SIZE = (800, 720)

HIPS = (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)


class FusionDemoError(SourceError):
    """The demo ends without a result; the message says why."""


def run(model: Bundle, folder: Path) -> int:
    """Show four cameras, write picture and video into a folder, and return the exit status.

    Raises:
        SampleError: the clips cannot be had.
        FusionDemoError: a node does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cameras = four_cameras(fetch_samples(walk.PACKAGE, FunctionLogger(say)))
    say(f"four cameras see a person on a beam; the logs of their nodes are in {folder}")
    use_image_profile()
    with ChildProcesses() as children:
        nodes = [_start(children, camera, model, folder) for camera in cameras]
        nodes.append(_start_fusion(children, cameras[0], folder))
        clips = [PlayedClip(camera, camera.scaled(HEIGHT_PX)) for camera in cameras]
        stamps, fused = _play(clips, nodes)
    if not fused:
        raise FusionDemoError("the nodes have found nobody; their logs say why")
    _report(clips, fused, stamps)
    for path in _save(folder, clips, fused, stamps):
        say(f"wrote {path}")
    return 0


def _start(children: ChildProcesses, camera: ClipCamera, model: Bundle, folder: Path) -> ChildProcess:
    parameters = {
        "model_complexity": int(model.complexity),
        "image_reliability": "reliable",
        "tf_prefix": f"{camera.name}_",
        "num_threads": 1,
    }
    remapped = ("-r", "image:=image_raw", "-r", f"__ns:=/{camera.name}")
    command = [executable_path("blazepose_node"), *ros_arguments(parameters), *remapped]
    return children.start(command, folder / f"{camera.name}.log")


def _start_fusion(children: ChildProcesses, reference: ClipCamera, folder: Path) -> ChildProcess:
    parameters = {
        "fusion_frame": WORLD,
        "rate": 0.0,
        "reference_camera": reference.name,
        "max_wait_s": MAX_WAIT_S,
    }
    command = [executable_path("blazepose_fusion"), *ros_arguments(parameters)]
    return children.start(command, folder / "fusion.log")


def _play(clips: Sequence[PlayedClip], nodes: Sequence[ChildProcess]) -> tuple[list[int], Mapping[int, Pose]]:
    """Play the clips in step; return the images' stamps, and stamp -> the fused person."""
    with held_back():
        init_rclpy()
        player = CameraPlayer(clips, WORLD)
    try:
        _await_nodes(player, nodes)
        with progress("four cameras", IMAGES, "images") as bar:
            for images in _images(clips):
                player.play(images, round(NS_PER_S / RATE_HZ))
                player.wait_for_answers(1.0 / RATE_HZ, ANSWER_TIMEOUT_S)
                bar.advance()
        return player.stamps, player.fused
    finally:
        player.close()


def _images(clips: Sequence[PlayedClip]) -> Iterator[tuple[NDArray[np.uint8], ...]]:
    """Yield the images of all cameras, blue first, time by time."""
    return zip(*(clip.camera.images(HEIGHT_PX) for clip in clips), strict=False)


def _await_nodes(player: CameraPlayer, nodes: Sequence[ChildProcess]) -> None:
    started_s = time.monotonic()
    while player.missing:
        player.listen()
        failures = [failure for node in nodes if (failure := node.failure())]
        if failures:
            raise FusionDemoError(failures[0])
        if time.monotonic() - started_s > START_TIMEOUT_S:
            raise FusionDemoError(f"the nodes of {', '.join(player.missing)} do not take images")


def _report(clips: Sequence[PlayedClip], fused: Mapping[int, Pose], stamps: Sequence[int]) -> None:
    """Print how far off the joints are, for each camera alone and for all together."""
    rows = [_row(f"{clip.camera.name} alone", dict(_alone(clip)), stamps) for clip in clips]
    rows.append(_row("all four, fused", fused, stamps))
    head = ("off from the measured\njoints, in cm", "images", "hips", "joints,\nmedian", "joints,\nmean")
    show(FittingTable(head, rows))


def _alone(clip: PlayedClip) -> Iterator[tuple[int, Pose]]:
    for stamp, people in clip.people.items():
        if people and people[0].hip_center is not None:
            yield stamp, in_frame(people[0], clip.camera.pose)


def _row(name: str, people: Mapping[int, Pose], stamps: Sequence[int]) -> tuple[str, ...]:
    joints = measured_joints()
    middle = {Landmark.LEFT_HIP: np.mean([joints[hip] for hip in HIPS], axis=0)}
    off: list[float] = []
    hips_off: list[float] = []
    for image, stamp in enumerate(stamps):
        if (points := _points(people.get(stamp))) is not None:
            off += joint_errors_m(points, image, joints)
            points[Landmark.LEFT_HIP] = points[list(HIPS)].mean(axis=0)
            hips_off += joint_errors_m(points, image, middle)
    if not off:
        return name, "0", "-", "-", "-"
    values = (np.median(hips_off), np.median(off), np.mean(off))
    return name, str(len(hips_off)), *(f"{100.0 * value:.1f}" for value in values)


def _points(person: Pose | None) -> NDArray[np.float64] | None:
    if person is None or person.hip_center is None:
        return None
    return person.world.astype(np.float64) + person.hip_center.position


def _save(
    folder: Path, clips: Sequence[PlayedClip], fused: Mapping[int, Pose], stamps: Sequence[int]
) -> list[Path]:
    """Write a video of all views with the fused person, and a picture of its middle.

    Raises:
        RecordingError: the video cannot be written.
    """
    scenes = _scenes(clips, fused, stamps)
    stamp, picture = next(scenes)
    video = VideoWriter(folder / VIDEO, (picture.shape[1], picture.shape[0]), RATE_HZ)
    video.add(picture, stamp)
    with progress("drawing", len(stamps), "images") as bar:
        bar.advance()
        for number, (stamp, rgb) in enumerate(scenes, start=1):
            video.add(rgb, stamp)
            bar.advance()
            picture = rgb if number <= len(stamps) // 2 else picture
    video.close()
    _, content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    write_atomically(folder / PICTURE, content.tobytes())
    return [folder / PICTURE, folder / VIDEO]


def _scenes(
    clips: Sequence[PlayedClip], fused: Mapping[int, Pose], stamps: Sequence[int]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield stamp and picture of each image: what the cameras see, and the person in space."""
    threshold = NodeSettings.visibility_threshold
    cameras = [SceneCamera(clip.camera.name, clip.lens, clip.camera.pose) for clip in clips]
    for number, (stamp, images) in enumerate(zip(stamps, _images(clips), strict=False)):
        people = [fused[stamp]] if stamp in fused else []
        views = [
            annotate(
                cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB),
                [camera.seen(person) for person in people],
                threshold,
            )
            for bgr, camera in zip(images, cameras, strict=True)
        ]
        azimuth_deg = VIEW_FROM_DEG + VIEW_TURN_DEG * number / len(stamps)
        view = viewpoint(VIEW_CENTER_M, VIEW_DISTANCE_M, azimuth_deg, VIEW_ELEVATION_DEG)
        yield stamp, mosaic(views, draw_scene(people, cameras, view, SCENE_SIZE, threshold))
