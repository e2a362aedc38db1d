# SPDX-License-Identifier: Apache-2.0
"""``blazepose calibrate cameras``, on recordings and beside nodes that run, with a person who is made up."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation
from support.processes import executable, stopped_after
from support.recordings import camera_info, static_transform, write_bag, write_timed
from support.walks import MOUNTS, START_NS, Mount, still

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

from blazepose_ros.cli.calibrate.cameras import NOT_GOOD
from blazepose_ros.cli.main import main
from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.pose33 import serialize_pose33_array
from blazepose_ros.core.types import Frame, ModelComplexity
from blazepose_ros.msg import Pose33Array

TIMES_S = np.arange(50) * 0.1
FRONT, LEFT, REAR = MOUNTS
IMAGE = np.zeros((FRONT.lens.height, FRONT.lens.width, 3), np.uint8)
BASELINE_M = float(np.linalg.norm(np.subtract(FRONT.center, LEFT.center)))


def poses_message(mount: Mount, time_s: float, stamp_ns: int, **options: Any) -> Pose33Array:
    people = [mount.sees(time_s, **options)]
    header = header_message(stamp_ns, mount.name)
    content = serialize_pose33_array(people, header, Frame(IMAGE, stamp_ns), ModelComplexity.FULL)
    return deserialize_message(content, Pose33Array)


def info_message(mount: Mount) -> CameraInfo:
    info = camera_info(mount.lens.k, mount.lens.d, (mount.lens.width, mount.lens.height))
    info.header.frame_id = mount.name
    return info


def recorded(mounts: Sequence[Mount], *, calibrated: bool = True, **options: Any) -> Iterator[tuple]:
    """Yield what nodes beside cameras publish, in the order of time."""
    if calibrated:
        yield from ((f"/{mount.name}/camera_info", info_message(mount)) for mount in mounts)
    for time_s in TIMES_S:
        stamp_ns = START_NS + round(time_s * 1e9)
        for mount in mounts:
            yield f"/{mount.name}/blazepose/poses", poses_message(mount, time_s, stamp_ns, **options)


def relative(transforms: Sequence[Any]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return rotation and translation by child frame."""
    return {
        each["child"]: (
            Rotation.from_quat([each[name] for name in ("qx", "qy", "qz", "qw")]).as_matrix(),
            np.array([each[name] for name in "xyz"]),
        )
        for each in transforms
    }


def test_poses_in_a_recording_give_transforms_a_launch_file_and_a_picture(
    tmp_path: Path, capsys: Any
) -> None:
    bag = write_bag(tmp_path / "bag", recorded(MOUNTS))
    output = tmp_path / "rig.yaml"
    baseline = ("--baseline", "front", "left", str(BASELINE_M))
    assert main(["calibrate", "cameras", str(bag), "--output", str(output), *baseline]) == 0
    found = yaml.safe_load(output.read_text())
    assert {each["parent"] for each in found["transforms"]} == {"map"}
    places = relative(found["transforms"])
    for mount in MOUNTS:
        rotation, center = (places["front"][0].T @ places[mount.name][0]), places[mount.name][1]
        assert rotation == pytest.approx(FRONT.rotation @ mount.rotation.T, abs=1e-3)
        # The frame is level, on the floor under the front camera.
        assert center[2] == pytest.approx(mount.center[2], abs=0.2)
        assert found["cameras"][mount.name]["residual_px"] < 0.1
    assert places["front"][1][:2] == pytest.approx([0.0, 0.0])
    assert np.linalg.norm(places["left"][1] - places["front"][1]) == pytest.approx(BASELINE_M, abs=1e-3)
    launch = (tmp_path / "rig.launch.py").read_text()
    compile(launch, "rig.launch.py", "exec")
    assert launch.count("static_transform_publisher") == 3
    assert cv2.imread(str(tmp_path / "rig.png")).shape[1] > 1000
    printed = capsys.readouterr().out
    assert "residual" in printed
    assert f"wrote {output}" in printed


def test_cameras_that_tf_connects_keep_their_root(tmp_path: Path) -> None:
    """The first one stays, the others' highest own frames get new transforms."""
    turn = Rotation.from_euler("x", 4.0, degrees=True).as_matrix()
    lens_in_link = np.array([0.0, 0.02, 0.0])
    transforms = []
    for mount, off_m in zip(MOUNTS, (0.0, 0.1, -0.1), strict=True):  # the first one is right
        rotation = mount.rotation.T @ (np.eye(3) if mount is FRONT else turn)
        link = f"{mount.name}_link"
        center = np.array(mount.center) + off_m - rotation @ lens_in_link
        transforms.append(static_transform("world", link, rotation, center))
        transforms.append(static_transform(link, mount.name, np.eye(3), lens_in_link))
    poses = ((topic, START_NS, message) for topic, message in recorded(MOUNTS))
    tf = ("/tf_static", START_NS, TFMessage(transforms=transforms))
    with_tf = write_timed(tmp_path / "with_tf", [tf, *poses])
    output = tmp_path / "rig.yaml"
    assert main(["calibrate", "cameras", str(with_tf), "--output", str(output)]) == NOT_GOOD
    found = yaml.safe_load(output.read_text())["transforms"]
    assert [(each["parent"], each["child"]) for each in found] == [
        ("world", "left_link"),
        ("world", "rear_link"),
    ]
    for mount in (LEFT, REAR):
        rotation, translation = relative(found)[f"{mount.name}_link"]
        assert rotation == pytest.approx(mount.rotation.T, abs=2e-3)
        assert translation + rotation @ lens_in_link == pytest.approx(mount.center, abs=5e-3)


@pytest.mark.parametrize(
    ("mounts", "options", "reason"),
    [
        (MOUNTS[:1], {}, "at least two cameras have to see the person; these do: front"),
        (MOUNTS[:2], {"path": still}, "the person stood still"),
        (MOUNTS[:2], {"calibrated": False}, "no camera_info has this frame_id (those that came: none)"),
        ((FRONT, Mount("front", LEFT.center)), {}, "at least two cameras have to see the person"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    tmp_path: Path, capsys: Any, mounts: Any, options: Any, reason: str
) -> None:
    bag = write_bag(tmp_path / "bag", recorded(mounts, **options))
    output = tmp_path / "rig.yaml"
    assert main(["calibrate", "cameras", str(bag), "--output", str(output)]) == 1
    assert reason in capsys.readouterr().err
    assert not output.exists()


def test_a_baseline_is_a_number(capsys: Any, tmp_path: Path) -> None:
    output = str(tmp_path / "rig.yaml")
    assert main(["calibrate", "cameras", "bag", "--output", output, "--baseline", "a", "b", "far"]) == 1
    assert "--baseline: 'far' is not a number above 0" in capsys.readouterr().err


def test_nodes_that_run_are_listened_to(ros: ModuleType, tmp_path: Path) -> None:
    node = ros.create_node("three_cameras")
    publishers = [
        (
            mount,
            node.create_publisher(CameraInfo, f"/{mount.name}/camera_info", 10),
            node.create_publisher(Pose33Array, f"/{mount.name}/blazepose/poses", 10),
        )
        for mount in MOUNTS
    ]
    output = tmp_path / "rig.yaml"
    command = [executable("blazepose"), "calibrate", "cameras", "--duration", "6", "--output", str(output)]
    pipes = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    started_s = time.monotonic()
    with stopped_after(pipes) as process:
        while process.poll() is None and time.monotonic() - started_s < 90.0:
            now_s = time.monotonic() - started_s
            for mount, infos, poses in publishers:
                infos.publish(info_message(mount))
                poses.publish(poses_message(mount, now_s, START_NS + round(now_s * 1e9)))
            time.sleep(0.08)
        printed, told = process.communicate()
    node.destroy_node()
    assert process.returncode == NOT_GOOD, told  # how tall the person is nobody knows
    assert "give --person-height" in told
    assert "residual" in printed
    places = relative(yaml.safe_load(output.read_text())["transforms"])
    assert places["front"][0].T @ places["left"][0] == pytest.approx(
        FRONT.rotation @ LEFT.rotation.T, abs=0.02
    )
