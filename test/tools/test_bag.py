# SPDX-License-Identifier: Apache-2.0
"""Recordings in, recordings with people out; the people are made up, see fake_bag_work."""

import csv
import errno
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from rosbags.rosbag2 import CompressionMode, Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from support.bodies import CAMERA, fully_known
from support.fake_bag_work import body_in_every_image, gray, placed_m  # noqa: F401
from support.pose_client import image_message
from support.recordings import (
    DELAY_NS,
    camera_info,
    compressed_images,
    in_order,
    raw_images,
    read_bag,
    stamps,
    topics,
    write_bag,
)
from support.transforms import serialized, transform

from blazepose_ros.cli.bag import conversion_task
from blazepose_ros.cli.bag.bag_files import BagReader
from blazepose_ros.cli.bag.command import main
from blazepose_ros.cli.bag.conversion_run import INCOMPLETE
from blazepose_ros.cli.bag.message_types import definitions, typestore
from blazepose_ros.cli.bag.recording_files import BagError
from blazepose_ros.conversions.pose33 import serialize_pose33_array
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import Frame, ModelComplexity, Placement

pytestmark = pytest.mark.usefixtures("body_in_every_image")

COUNT = 4
ASSUMED = CameraModel.from_hfov(CAMERA.width, CAMERA.height, 60.0)
PICTURE = Header(frame_id="eye"), Frame(np.zeros((4, 4, 3), np.uint8), 0), ModelComplexity.FULL
TOPICS = {"/front/image_raw", "/front/camera_info"}
INFO = [("/front/camera_info", camera_info(CAMERA.k, [], (CAMERA.width, CAMERA.height)))]


def bag(folder: Any, *streams: Any, **how: Any) -> Any:
    """Write a recording of one camera, or of what else there is."""
    streams = streams or (INFO, raw_images("/front/image_raw", gray(COUNT)))
    return write_bag(folder / "in", in_order(*streams), **how)


def run(source: Any, target: Any, *arguments: Any) -> Any:
    return main([str(source), str(target), *arguments])


def test_what_the_node_would_publish_stands_beside_what_was_recorded(tmp_path: Path) -> None:
    source = bag(tmp_path)
    assert run(source, tmp_path / "out") == 0
    assert topics(tmp_path / "out") == {
        "/front/camera_info": "sensor_msgs/msg/CameraInfo",
        "/front/image_raw": "sensor_msgs/msg/Image",
        "/front/blazepose/poses": "blazepose_ros/msg/Pose33Array",
        "/front/blazepose/pose": "blazepose_ros/msg/Pose33",
        "/front/blazepose/markers": "visualization_msgs/msg/MarkerArray",
        "/tf": "tf2_msgs/msg/TFMessage",
    }
    for topic in ("/front/camera_info", "/front/image_raw"):
        assert str(read_bag(tmp_path / "out", topic)) == str(read_bag(source, topic))
    assert not (tmp_path / "out.partial").exists()


def test_the_stamps_are_those_of_the_images(tmp_path: Path) -> None:
    assert run(bag(tmp_path), tmp_path / "out") == 0
    found = read_bag(tmp_path / "out", "/front/blazepose/poses")
    assert [time_ns for time_ns, _ in found] == [stamp + DELAY_NS for stamp in stamps(COUNT)]
    headers = [message.header for _, message in found]
    assert [each.stamp.sec * 10**9 + each.stamp.nanosec for each in headers] == stamps(COUNT)
    assert {each.frame_id for each in headers} == {"camera"}


def test_people_are_placed_by_the_recorded_calibration(tmp_path: Path) -> None:
    assert run(bag(tmp_path), tmp_path / "out") == 0
    _, message = read_bag(tmp_path / "out", "/front/blazepose/poses")[0]
    assert message.poses[0].hip_center.pose.position.z == pytest.approx(placed_m(CAMERA))
    assert placed_m(CAMERA) != pytest.approx(placed_m(ASSUMED), abs=0.05)


def test_a_calibration_that_comes_after_the_first_image_holds_for_it_as_well(tmp_path: Path) -> None:
    late = [("/front/camera_info", camera_info(CAMERA.k, [], (CAMERA.width, CAMERA.height), number=2))]
    assert run(bag(tmp_path, late, raw_images("/front/image_raw", gray(COUNT))), tmp_path / "out") == 0
    _, message = read_bag(tmp_path / "out", "/front/blazepose/poses")[0]
    assert message.poses[0].hip_center.pose.position.z == pytest.approx(placed_m(CAMERA))


def test_a_missing_calibration_is_said_and_a_field_of_view_assumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = bag(tmp_path, raw_images("/front/image_raw", gray(COUNT)))
    assert run(source, tmp_path / "out") == 0
    assert "no calibration" in (said := capsys.readouterr().err)
    assert "assumed_hfov_deg" in said
    _, message = read_bag(tmp_path / "out", "/front/blazepose/poses")[0]
    assert message.poses[0].hip_center.pose.position.z == pytest.approx(placed_m(ASSUMED))


@pytest.mark.parametrize(
    ("storage", "compression"),
    [
        *((StoragePlugin.MCAP, compression) for compression in CompressionMode),
        (StoragePlugin.SQLITE3, CompressionMode.NONE),
        (StoragePlugin.SQLITE3, CompressionMode.FILE),
        (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
    ],
)
def test_every_storage_is_read(tmp_path: Path, storage: Any, compression: Any) -> None:
    source = bag(tmp_path, storage=storage, compression=compression)
    assert run(source, tmp_path / "out", "--keep", "nothing") == 0
    assert len(read_bag(tmp_path / "out", "/front/blazepose/poses")) == COUNT


@pytest.mark.parametrize("suffix", [".mcap", ".db3"])
def test_a_single_file_is_read_and_written(tmp_path: Path, suffix: str) -> None:
    storage = StoragePlugin.MCAP if suffix == ".mcap" else StoragePlugin.SQLITE3
    source = bag(tmp_path, storage=storage) / f"in{suffix}"
    assert run(source, tmp_path / f"out{suffix}") == 0
    assert (tmp_path / f"out{suffix}").is_file()
    assert len(read_bag(tmp_path / f"out{suffix}", "/front/blazepose/poses")) == COUNT


@pytest.mark.parametrize("arguments", [["--storage", "sqlite3"], ["--compress"], []])
def test_every_storage_is_written(tmp_path: Path, arguments: Any) -> None:
    assert run(bag(tmp_path), tmp_path / "out", *arguments) == 0
    assert len(read_bag(tmp_path / "out", "/front/blazepose/poses")) == COUNT


def test_split_recordings_are_read_as_one(tmp_path: Path) -> None:
    """A recording in two files: the metadata of both halves together."""
    images = list(raw_images("/front/image_raw", gray(2 * COUNT)))
    halves = [write_bag(tmp_path / f"half{n}", images[n * COUNT : (n + 1) * COUNT]) for n in (0, 1)]
    metadata = [yaml.safe_load((half / "metadata.yaml").read_text()) for half in halves]
    whole, second = (each["rosbag2_bagfile_information"] for each in metadata)
    for field in ("relative_file_paths", "files"):
        whole[field] += second[field]
    whole["message_count"] *= 2
    whole["topics_with_message_count"][0]["message_count"] *= 2
    whole["duration"]["nanoseconds"] += second["duration"]["nanoseconds"]
    shutil.copy(halves[1] / "half1.mcap", halves[0])
    (halves[0] / "metadata.yaml").write_text(yaml.safe_dump(metadata[0]))
    assert run(halves[0], tmp_path / "out") == 0
    found = read_bag(tmp_path / "out", "/front/blazepose/poses")
    assert [time_ns - DELAY_NS for time_ns, _ in found] == stamps(2 * COUNT)


def test_raw_and_compressed_cameras_are_worked_on_together(tmp_path: Path) -> None:
    left = raw_images("/left/image_raw", gray(COUNT))
    right = compressed_images("/right/image_raw/compressed", gray(COUNT))
    assert run(bag(tmp_path, left, right), tmp_path / "out") == 0
    for side in ("left", "right"):
        assert len(read_bag(tmp_path / "out", f"/{side}/blazepose/poses")) == COUNT
    children = {
        transform.child_frame_id
        for _, message in read_bag(tmp_path / "out", "/tf")
        for transform in message.transforms
    }
    assert {"left_body_1", "right_body_1"} <= children


def test_joint_angles_are_written_where_the_node_would_publish_them(tmp_path: Path) -> None:
    assert run(bag(tmp_path), tmp_path / "out", "-p", "publish_joint_states:=true") == 0
    found = read_bag(tmp_path / "out", "/front/blazepose/joint_states")
    assert len(found) == COUNT
    assert "left_elbow_flexion_1" in found[0][1].name


DEPTH_M = 2.0


def depths(topic: Any, frame_id: Any) -> Iterator[tuple[Any, Any]]:
    """Yield depth images of a wall in front of everything."""
    for number in range(COUNT):
        millimetres = np.full((CAMERA.height, CAMERA.width), int(1000 * DEPTH_M), np.uint16)
        message = image_message(millimetres, "16UC1", stamps(COUNT)[number])
        message.header.frame_id = frame_id
        yield topic, message


@pytest.mark.parametrize("late_ns", [0, 50_000_000])
def test_registered_depth_places_people(tmp_path: Path, late_ns: int) -> None:
    """Depth in the camera's own frame; it may be recorded somewhat later than the image."""
    images = raw_images("/front/image_raw", gray(COUNT))
    streams = in_order(INFO, images, depths("/front/depth/image", "camera"))
    source = write_bag(tmp_path / "in", streams, late_ns={"/front/depth/image": late_ns})
    assert run(source, tmp_path / "out") == 0
    poses = [message.poses[0] for _, message in read_bag(tmp_path / "out", "/front/blazepose/poses")]
    assert [pose.placement for pose in poses] == [2] * COUNT
    assert poses[0].hip_center.pose.position.z == pytest.approx(DEPTH_M, abs=0.3)


def test_depth_in_another_frame_is_not_registered(tmp_path: Path) -> None:
    images = raw_images("/front/image_raw", gray(COUNT))
    source = bag(tmp_path, INFO, images, depths("/front/depth/image", "depth_camera"))
    assert run(source, tmp_path / "out") == 0
    _, message = read_bag(tmp_path / "out", "/front/blazepose/poses")[0]
    assert message.poses[0].placement == 1


def test_depth_images_are_no_color_cameras(tmp_path: Path) -> None:
    depth = Image(height=2, width=2, encoding="16UC1", step=4, data=bytes(8))
    depth.header.stamp.sec = 1
    source = bag(tmp_path, raw_images("/front/image_raw", gray(COUNT)), [("/front/depth", depth)])
    assert run(source, tmp_path / "out") == 0
    assert "/front/blazepose/poses" in topics(tmp_path / "out")
    assert "/front/depth" in topics(tmp_path / "out")


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("all", {"/front/camera_info", "/front/image_raw"}),
        ("no-images", {"/front/camera_info"}),
        ("nothing", set()),
    ],
)
def test_what_was_recorded_is_kept_as_wished(tmp_path: Path, keep: str, kept: Any) -> None:
    assert run(bag(tmp_path), tmp_path / "out", "--keep", keep) == 0
    assert {topic for topic in topics(tmp_path / "out") if "blazepose" not in topic} - {"/tf"} == kept


def test_poses_of_an_earlier_run_are_replaced(tmp_path: Path) -> None:
    assert run(bag(tmp_path), tmp_path / "first") == 0
    assert run(tmp_path / "first", tmp_path / "second") == 0
    assert len(read_bag(tmp_path / "second", "/front/blazepose/poses")) == COUNT


def test_messages_of_foreign_types_are_taken_over_as_they_are(tmp_path: Path) -> None:
    source = bag(tmp_path)
    with_foreign = Writer(tmp_path / "foreign", version=8, storage_plugin=StoragePlugin.MCAP)
    with with_foreign, Reader(source) as reader:
        foreign = with_foreign.add_connection(
            "/odd", "odd_msgs/msg/Odd", msgdef="uint8 value", rihs01="RIHS01_1"
        )
        copies = {}
        for connection, time_ns, data in reader.messages():
            if connection.topic not in copies:
                copies[connection.topic] = with_foreign.add_connection(
                    connection.topic, connection.msgtype, typestore=typestore()
                )
            with_foreign.write(copies[connection.topic], time_ns, data)
        with_foreign.write(foreign, time_ns, b"\x00\x01\x00\x00\x07")
    assert run(tmp_path / "foreign", tmp_path / "out") == 0
    with Reader(tmp_path / "out") as reader:
        (connection,) = [each for each in reader.connections if each.topic == "/odd"]
        assert connection.msgdef.data.strip() == "uint8 value"
        assert [data for _, _, data in reader.messages([connection])] == [b"\x00\x01\x00\x00\x07"]


@pytest.mark.parametrize(
    ("ground", "placement", "status"),
    [("base_footprint", Placement.FLOOR, 0), ("elsewhere", Placement.MONO, INCOMPLETE)],
)
def test_the_floor_comes_from_recorded_transforms(
    tmp_path: Path, ground: str, placement: Placement, status: int
) -> None:
    looking_ahead = Rotation.from_matrix([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]).as_quat()
    source = bag(tmp_path, INFO, raw_images("/front/image_raw", gray(COUNT), "eye"))
    still = transform("base_footprint", "eye", (0.0, 0.0, 0.87), looking_ahead)
    writer = Writer(tmp_path / "with_tf", version=8, storage_plugin=StoragePlugin.MCAP)
    with writer, Reader(source) as reader:
        copies = {
            each.topic: writer.add_connection(each.topic, each.msgtype, typestore=typestore())
            for each in reader.connections
        }
        tf = writer.add_connection("/tf_static", "tf2_msgs/msg/TFMessage", typestore=typestore())
        for number, (connection, time_ns, data) in enumerate(reader.messages()):
            if number == 0:
                writer.write(tf, time_ns, serialized(still))
            writer.write(copies[connection.topic], time_ns, data)
    assert run(tmp_path / "with_tf", tmp_path / "out", "-p", f"ground_frame:={ground}") == status
    found = [message for _, message in read_bag(tmp_path / "out", "/front/blazepose/pose")]
    assert [message.placement for message in found] == [placement] * COUNT


def test_poses_of_an_earlier_version_are_kept_in_todays_message(tmp_path: Path) -> None:
    """As recordings of version 0.1.0 have them, before Pose33 knew of velocity, stature and covariances."""
    old = get_typestore(Stores.ROS2_JAZZY)
    for path in definitions().glob("*.msg"):
        text = path.read_text().partition("# How fast the hip center moves")[0]
        old.register(get_types_from_msg(text, f"blazepose_ros/msg/{path.stem}"))
    name = "blazepose_ros/msg/Pose33Array"
    new: Any = typestore().deserialize_cdr(serialize_pose33_array([fully_known()], *PICTURE), name)
    source = bag(tmp_path)
    writer = Writer(tmp_path / "old", version=8, storage_plugin=StoragePlugin.MCAP)
    with writer, Reader(source) as reader:
        (images,) = [each for each in reader.connections if each.topic == "/front/image_raw"]
        copied = writer.add_connection(images.topic, images.msgtype, typestore=typestore())
        poses = writer.add_connection("/elsewhere/poses", name, typestore=old)
        for _, time_ns, data in reader.messages([images]):
            writer.write(copied, time_ns, data)
            writer.write(poses, time_ns, old.serialize_cdr(new, name))
    assert run(tmp_path / "old", tmp_path / "out") == 0
    kept = read_bag(tmp_path / "out", "/elsewhere/poses")
    assert len(kept) == len(read_bag(tmp_path / "out", "/front/blazepose/poses")) == COUNT
    (before,), (after,) = new.poses, kept[0][1].poses
    assert (after.person_id, after.placement) == (before.person_id, before.placement)
    assert after.hip_center.pose == before.hip_center.pose
    assert after.world_landmarks == before.world_landmarks
    assert np.isnan([after.stature, after.hip_velocity.y, *after.landmark_covariances]).all()


def test_foreign_types_without_a_definition_are_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As recorders before Iron left them in SQLite: no definition, no hash."""
    source = bag(tmp_path, storage=StoragePlugin.SQLITE3)
    with closing(sqlite3.connect(source / "in.db3")) as database:
        database.execute("UPDATE topics SET type = 'odd_msgs/msg/Odd' WHERE name = '/front/camera_info'")
        database.execute("UPDATE topics SET type_description_hash = ''")
        database.execute("DELETE FROM message_definitions")
        database.commit()
    metadata = yaml.safe_load((source / "metadata.yaml").read_text())
    for topic in metadata["rosbag2_bagfile_information"]["topics_with_message_count"]:
        topic["topic_metadata"]["type_description_hash"] = ""
        if topic["topic_metadata"]["name"] == "/front/camera_info":
            topic["topic_metadata"]["type"] = "odd_msgs/msg/Odd"
    (source / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    assert run(source, tmp_path / "out") == INCOMPLETE
    assert "/front/camera_info is left out: nothing defines odd_msgs/msg/Odd" in capsys.readouterr().err
    assert topics(tmp_path / "out")["/front/image_raw"] == "sensor_msgs/msg/Image"


def test_annotated_images_are_jpegs_with_the_image_s_header(tmp_path: Path) -> None:
    assert run(bag(tmp_path), tmp_path / "out", "--annotated") == 0
    found = read_bag(tmp_path / "out", "/front/blazepose/annotated_image/compressed")
    assert len(found) == COUNT
    pixels = cv2.imdecode(found[0][1].data, cv2.IMREAD_COLOR)
    assert pixels.shape == (CAMERA.height, CAMERA.width, 3)
    assert pixels.std() > 1  # a skeleton on plain gray


def test_a_video_is_made_of_each_camera_and_leaves_the_recording_alone(tmp_path: Path) -> None:
    left, right = (raw_images(f"/{side}/image", gray(COUNT)) for side in ("left", "right"))
    assert run(bag(tmp_path, left, right), tmp_path / "out", "--video") == 0
    for name in ("out_left_image.webm", "out_right_image.webm"):
        assert cv2.VideoCapture(str(tmp_path / name)).read()[0]
    assert not any("annotated" in topic for topic in topics(tmp_path / "out"))


def test_the_tables_hold_a_row_for_each_person(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    images = [*gray(COUNT), np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)]  # no person in the last
    source = bag(tmp_path, INFO, raw_images("/front/image_raw", images))
    assert run(source, tmp_path / "out", "--csv", "--parquet") == 0
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["stamp_ns"]) for row in rows] == stamps(COUNT)
    assert rows[0]["camera"] == "/front/image_raw"
    assert float(rows[0]["hip_z_m"]) == pytest.approx(placed_m(CAMERA))
    nose = read_bag(tmp_path / "out", "/front/blazepose/pose")[0][1].screen_landmarks[Landmark.NOSE]
    assert float(rows[0]["nose_x_px"]) == pytest.approx(nose.x)
    table = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [{name: str(value) for name, value in row.items()} for row in table] == rows


def test_people_without_a_place_have_none_in_the_table(tmp_path: Path) -> None:
    assert run(bag(tmp_path), tmp_path / "out", "--csv", "-p", "placement:=none") == 0
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    unknown = (
        "hip_z_m",
        "hip_cov_xx_m2",
        "hip_velocity_x_m_s",
        "stature_m",
        "stature_std_m",
        "nose_cov_xx_m2",
    )
    assert {row[name] for row in rows for name in unknown} == {"nan"}


def test_the_definitions_are_those_that_were_compiled() -> None:
    for name in ("Pose33Array", "Pose33", "ScreenLandmark", "Timing"):
        compiled = json.loads((definitions() / f"{name}.json").read_text())
        hashes = {each["type_name"]: each["hash_string"] for each in compiled["type_hashes"]}
        assert typestore().hash_rihs01(f"blazepose_ros/msg/{name}") == hashes[f"blazepose_ros/msg/{name}"]


def test_several_recordings_go_into_a_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_bag(tmp_path / name, raw_images("/image", gray(COUNT)))
    assert main([str(tmp_path / "one"), str(tmp_path / "two"), str(tmp_path / "out")]) == 0
    for name in ("one", "two"):
        assert len(read_bag(tmp_path / "out" / name, "/blazepose/poses")) == COUNT


def test_recordings_that_an_interrupted_run_finished_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        write_bag(tmp_path / name, raw_images("/image", gray(COUNT)))
    arguments = [str(tmp_path / name) for name in ("one", "two", "out")]
    with monkeypatch.context() as full:
        full.setattr(conversion_task, "publish", publish_once())
        assert main(arguments) == 1
    before = (tmp_path / "out" / "one").stat()
    assert "No space left on device" in capsys.readouterr().err
    assert main(arguments) == 0
    assert (tmp_path / "out" / "one").stat() == before
    assert "out/one is finished\n" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        ".finished.jsonl",
        "one",
        "summary.json",
        "two",
    ]
    assert len(read_bag(tmp_path / "out" / "two", "/blazepose/poses")) == COUNT


def publish_once() -> Any:
    """Return a publish that finds the disk full from the second time on."""
    published = []

    def publish(made: Any, target: Any) -> None:
        if published:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        published.append(made.replace(target))

    return publish


def test_cameras_that_a_failed_run_finished_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = raw_images("/a/image_raw", gray(COUNT))
    source = bag(tmp_path, left, [(topic.replace("front", "b"), each) for topic, each in images_cut_short()])
    assert "none of the images could be read" in refused(tmp_path, capsys, source)
    spool = tmp_path / "out.partial" / "camera0.spool"
    before = spool.stat()
    said = refused(tmp_path, capsys, source)
    assert "out.partial: 1 of 2 cameras finished" in said
    assert "/b/image_raw: image 1 is left out" in said
    assert spool.stat() == before


def test_off_a_terminal_the_progress_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(bag(tmp_path), tmp_path / "out") == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "images" in line]
    assert f"{COUNT}/{COUNT} images" in line


def images_cut_short() -> Iterator[tuple[Any, Any]]:
    for topic, message in raw_images("/front/image_raw", gray(COUNT)):
        del message.data[100:]
        yield topic, message


def test_images_that_cannot_be_read_are_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = list(raw_images("/front/image_raw", gray(COUNT)))
    images[1] = list(images_cut_short())[1]
    assert run(bag(tmp_path, INFO, images), tmp_path / "out") == INCOMPLETE
    said = capsys.readouterr().err
    assert "/front/image_raw: image 2 is left out: data has 100 bytes" in said
    assert f"/front/image_raw: {COUNT - 1} of {COUNT} images could be read" in said
    assert len(read_bag(tmp_path / "out", "/front/blazepose/poses")) == COUNT - 1


def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], source: Any, *arguments: Any) -> Any:
    """Return what is said of a recording that cannot be worked on."""
    assert run(source, tmp_path / "out", *arguments) == 1
    assert not (tmp_path / "out").exists()
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


def test_a_recording_of_unreadable_images_alone_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = bag(tmp_path, INFO, images_cut_short())
    assert "none of the images could be read" in refused(tmp_path, capsys, source)


def test_a_missing_recording_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nothing does not exist" in refused(tmp_path, capsys, tmp_path / "nothing")


def test_an_empty_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "in is empty" in refused(tmp_path, capsys, write_bag(tmp_path / "in", []))


def test_a_recording_without_images_says_what_it_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(tmp_path, capsys, bag(tmp_path, INFO))
    assert "holds no color images, only: /front/camera_info (sensor_msgs/msg/CameraInfo)" in said


@pytest.mark.parametrize("name", ["folder", "file.mcap", "file.db3", "file.bag", "file"])
def test_what_is_no_recording_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    source = tmp_path / name
    if name == "folder":
        source.mkdir()
    else:
        source.write_bytes(b"not a recording at all" * 100)
    assert str(source) in refused(tmp_path, capsys, source)


@pytest.mark.parametrize("storage", StoragePlugin)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_a_recording_that_was_cut_short_is_refused_with_advice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], storage: Any, share: float
) -> None:
    source = bag(tmp_path, storage=storage)
    (file,) = (path for path in source.iterdir() if path.name != "metadata.yaml")
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    assert "ros2 bag reindex" in refused(tmp_path, capsys, source)


def test_damage_in_the_middle_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = bag(tmp_path, compression=CompressionMode.STORAGE)
    file = source / "in.mcap"
    content = bytearray(file.read_bytes())
    content[len(content) // 4 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 4)
    file.write_bytes(content)
    assert "is damaged" in refused(tmp_path, capsys, source)


def test_random_damage_is_told_as_such_or_does_no_harm(tmp_path: Path) -> None:
    source = bag(tmp_path)
    file = source / "in.mcap"
    content = file.read_bytes()
    random = np.random.default_rng(0)
    outcomes = {True: 0, False: 0}
    with BagReader(source) as reader:
        recorded = len(list(reader.messages(TOPICS)))
    for _ in range(60):
        damaged = bytearray(content)
        for at in random.integers(0, len(damaged), 20):
            damaged[at] = random.integers(256)
        # Most of the bytes are pixels: damage the beginning and the index at the end as well.
        damaged[random.integers(400)] = random.integers(256)
        damaged[-random.integers(1, 2000)] = random.integers(256)
        file.write_bytes(damaged)
        told = True
        with suppress(BagError), BagReader(source) as reader:
            assert len(list(reader.messages(TOPICS))) <= recorded
            told = False
        outcomes[told] += 1
    assert min(outcomes.values()) > 0, outcomes


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["-p", "num_poses:=0"], "num_poses is 0"),
        (["-p", "num_people:=2"], "no parameter 'num_people'"),
        (["-p", "num_poses"], "'num_poses' is not NAME:=VALUE"),
        (["--params-file", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["--topics", "/rear/image_raw"], "no color images on /rear/image_raw"),
    ],
)
def test_wrong_settings_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: Any, complaint: str
) -> None:
    assert complaint in refused(tmp_path, capsys, bag(tmp_path), *arguments)


def test_a_target_that_exists_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("precious")
    assert run(bag(tmp_path), tmp_path / "out") == 1
    assert "out exists already" in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "precious"


def test_parameters_come_from_a_file_and_from_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump({"/**": {"ros__parameters": {"tf_prefix": "x_", "publish_tf": False}}}))
    arguments = ["--params-file", str(file), "-p", "publish_tf:=true"]
    assert run(bag(tmp_path), tmp_path / "out", *arguments) == 0
    _, message = read_bag(tmp_path / "out", "/tf")[0]
    assert message.transforms[0].child_frame_id == "x_hip_center_1"
