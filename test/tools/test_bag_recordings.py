# SPDX-License-Identifier: Apache-2.0
"""Recordings as people really have them: cut off, indexed anew, from other tools, oddly named, hostile."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import lz4.frame  # type: ignore[import-untyped]
import numpy as np
import pytest
import yaml
from backports import zstd
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import CompressionMode, Reader, ReaderError, StoragePlugin, Writer, storage_mcap
from support.bodies import CAMERA
from support.fake_bag_work import body_in_every_image, gray  # noqa: F401
from support.pose_client import image_message
from support.recordings import camera_info, in_order, raw_images, read_bag, stamps, topics, write_bag

from blazepose_ros.cli.bag import recording_files
from blazepose_ros.cli.bag.bag_files import BagReader
from blazepose_ros.cli.bag.command import main
from blazepose_ros.cli.bag.conversion_run import INCOMPLETE
from blazepose_ros.cli.bag.message_types import typestore

pytestmark = pytest.mark.usefixtures("body_in_every_image")

COUNT = 4
IMAGES, INFO = "/front/image_raw", "/front/camera_info"
POSES = "/front/blazepose/poses"


def record(path: Path, **how: Any) -> Path:
    info = [(INFO, camera_info(CAMERA.k, [], (CAMERA.width, CAMERA.height)))]
    return write_bag(path, in_order(info, raw_images(IMAGES, gray(COUNT))), **how)


def run(source: Path, target: Path, *arguments: str) -> int:
    return main([str(source), str(target), *arguments])


def edit_metadata(source: Path, edit: Callable[[Any], object]) -> None:
    path = source / "metadata.yaml"
    content = yaml.safe_load(path.read_text())
    edit(content["rosbag2_bagfile_information"])
    path.write_text(yaml.safe_dump(content))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# A recorder that was cut off


def cut_off(tmp_path: Path, journal_mode: str) -> Path:
    """Return an SQLite file as a power cut leaves it when half of the images are in it, and its log."""
    whole = record(tmp_path / "whole", storage=StoragePlugin.SQLITE3) / "whole.db3"
    work, cut = tmp_path / "work.db3", tmp_path / "cut"
    shutil.copy(whole, work)
    cut.mkdir()
    with closing(sqlite3.connect(work)) as database, closing(sqlite3.connect(whole)) as source:
        database.execute(f"PRAGMA journal_mode={journal_mode}")
        database.execute("DELETE FROM messages WHERE id > ?", [1 + COUNT // 2])
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA cache_size=1")  # what is not committed goes into the file as well
        for row in source.execute("SELECT * FROM messages WHERE id > ?", [1 + COUNT // 2]):
            database.execute("INSERT INTO messages VALUES (?, ?, ?, ?)", row)
            if journal_mode == "WAL":
                database.commit()
        for path in tmp_path.glob("work.db3*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, cut)
    return cut / "work.db3"


def test_what_a_write_ahead_log_holds_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = cut_off(tmp_path, "WAL")
    before = names_in(source.parent)
    assert before == ["work.db3", "work.db3-wal"]
    assert run(source, tmp_path / "out") == 0
    assert len(read_bag(tmp_path / "out", POSES)) == COUNT
    assert "work.db3-wal: work.db3 was cut off, and is recovered" in capsys.readouterr().err
    assert names_in(source.parent) == before


def test_what_was_never_finished_is_taken_back(tmp_path: Path) -> None:
    source = cut_off(tmp_path, "DELETE")
    assert names_in(source.parent) == ["work.db3", "work.db3-journal"]
    assert run(source, tmp_path / "out") == 0
    assert len(read_bag(tmp_path / "out", POSES)) == COUNT // 2


def test_an_empty_log_means_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = record(tmp_path / "in", storage=StoragePlugin.SQLITE3) / "in.db3"
    source.with_name("in.db3-wal").touch()
    assert run(source, tmp_path / "out") == 0
    assert "recovered" not in capsys.readouterr().err


def test_a_recovery_without_room_says_where_it_may_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = cut_off(tmp_path, "WAL")
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(shutil, "copyfile", lambda *_: (_ for _ in ()).throw(full))
    assert run(source, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "No space left on device. TMPDIR names another folder" in said


# Metadata that says less than the files


def without_qos(information: Any) -> None:
    for each in information["topics_with_message_count"]:
        each["topic_metadata"]["offered_qos_profiles"] = ""


def of_humble(information: Any) -> None:
    information["version"] = 6
    information.pop("ros_distro")
    for each in information["topics_with_message_count"]:
        each["topic_metadata"].pop("type_description_hash")


def without_storage(information: Any) -> None:
    information["storage_identifier"] = ""


def with_other_qos(information: Any) -> None:
    for each in information["topics_with_message_count"]:
        each["topic_metadata"]["offered_qos_profiles"] = "- history: 3\n  depth: 0\n"


@pytest.mark.parametrize("edit", [without_qos, of_humble, without_storage, with_other_qos])
def test_metadata_that_says_less_than_the_files_loses_nothing(tmp_path: Path, edit: Any) -> None:
    source = record(tmp_path / "in")
    edit_metadata(source, edit)
    assert run(source, tmp_path / "out") == 0
    for topic in (IMAGES, INFO):
        assert str(read_bag(tmp_path / "out", topic)) == str(read_bag(record(tmp_path / "good"), topic))
        shutil.rmtree(tmp_path / "good")


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda _: None, "is missing"),
        (lambda path: path.write_text("a: ["), "is not a YAML file"),
        (lambda path: path.write_text("a: &a [x]\nb: [*a, *a]\n"), "has an alias in line 2"),
        (lambda path: path.write_text("just: words\n"), "is not that of a recording"),
        (lambda path: path.write_text("a" * (5 << 20)), "is larger than"),
        (a_fifo, "is not a regular file"),
    ],
    ids=["missing", "broken", "bomb", "other", "large", "fifo"],
)
def test_without_metadata_the_files_are_read_in_order_and_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any, problem: str
) -> None:
    source = record(tmp_path / "in")
    half = write_bag(tmp_path / "in_10", list(raw_images(IMAGES, gray(2 * COUNT)))[COUNT:])
    shutil.copy(half / "in_10.mcap", source)
    (source / "metadata.yaml").unlink()
    (source / "notes.txt").write_text("not a recording")
    make(source / "metadata.yaml")
    assert run(source, tmp_path / "out") == 0
    assert f"metadata.yaml {problem}" in capsys.readouterr().err
    found = read_bag(tmp_path / "out", POSES)
    assert [message.header.stamp.sec * 10**9 + message.header.stamp.nanosec for _, message in found] == (
        stamps(2 * COUNT)
    )


def name_more(information: Any) -> None:
    information["topics_with_message_count"][1]["message_count"] += 4


def name_another_file(information: Any) -> None:
    information["relative_file_paths"].append("in_1.mcap")


def name_a_topic(information: Any) -> None:
    other = {"message_count": 7, "topic_metadata": {"name": "/scan", "type": "sensor_msgs/msg/LaserScan"}}
    information["topics_with_message_count"].append(other)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (name_more, f"metadata.yaml names {COUNT + 4} messages on {IMAGES}, the files hold {COUNT}"),
        (name_another_file, "in_1.mcap is missing"),
        (name_a_topic, "metadata.yaml names 7 messages on /scan, the files hold 0"),
    ],
)
def test_what_the_files_lack_is_said_and_told_by_the_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], edit: Any, said: str
) -> None:
    source = record(tmp_path / "in")
    edit_metadata(source, edit)
    assert run(source, tmp_path / "out") == INCOMPLETE
    assert said in capsys.readouterr().err
    assert len(read_bag(tmp_path / "out", POSES)) == COUNT


def test_a_file_that_the_metadata_does_not_name_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = record(tmp_path / "in")
    shutil.copy(source / "in.mcap", source / "in_1.mcap")
    assert run(source, tmp_path / "out") == INCOMPLETE
    assert "in_1.mcap is left out: metadata.yaml does not name it" in capsys.readouterr().err


def test_messages_of_no_topic_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = record(tmp_path / "in", storage=StoragePlugin.SQLITE3)
    with closing(sqlite3.connect(source / "in.db3")) as database:
        database.execute("UPDATE messages SET topic_id = 9 WHERE id = 1")
        database.commit()
    assert run(source / "in.db3", tmp_path / "out") == INCOMPLETE
    assert "1 messages in in.db3 belong to no topic" in capsys.readouterr().err


def test_topics_that_are_not_cdr_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As Foxglove's tools put JSON beside ROS's messages."""
    with Writer(tmp_path / "in", version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        name = "sensor_msgs/msg/Image"
        images = writer.add_connection(IMAGES, name, typestore=typestore())
        notes = writer.add_connection(
            "/notes", "std_msgs/msg/String", typestore=typestore(), serialization_format="json"
        )
        for topic, message in raw_images(IMAGES, gray(COUNT)):
            assert topic == IMAGES
            writer.write(images, stamps(1)[0], serialize_message(message))
            writer.write(notes, stamps(1)[0], b'{"data": "hello"}')
    assert run(tmp_path / "in", tmp_path / "out") == INCOMPLETE
    assert "/notes is left out: its messages are not serialized as CDR" in capsys.readouterr().err


# Types that only the recording defines

IDL = (
    "=" * 80
    + "\nIDL: robot_msgs/msg/Battery\n"
    + "module robot_msgs { module msg { struct Battery { double volts; }; }; };\n"
)


@pytest.mark.parametrize("definition", ["float64 volts\n", IDL], ids=["msg", "idl"])
@pytest.mark.parametrize("how", ["single file", "Humble"])
def test_topics_are_kept_whose_types_the_recording_defines(
    tmp_path: Path, definition: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = b"\x00\x01\x00\x00" + np.float64(24.1).tobytes()
    with Writer(tmp_path / "in", version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        images = writer.add_connection(IMAGES, "sensor_msgs/msg/Image", typestore=typestore())
        battery = writer.add_connection(
            "/battery", "robot_msgs/msg/Battery", msgdef=definition, rihs01="RIHS01_1"
        )
        for _, message in raw_images(IMAGES, gray(COUNT)):
            writer.write(images, stamps(1)[0], serialize_message(message))
            writer.write(battery, stamps(1)[0], data)
    source = tmp_path / "in"
    if how == "Humble":
        edit_metadata(source, of_humble)
    assert run(source / "in.mcap" if how == "single file" else source, tmp_path / "out") == 0
    assert "left out" not in capsys.readouterr().err
    with Reader(tmp_path / "out") as reader:
        (connection,) = [each for each in reader.connections if each.topic == "/battery"]
        assert connection.msgdef.data == definition
        assert connection.digest.startswith("RIHS01_")
        assert len(connection.digest) == len("RIHS01_") + 64
        assert [content for _, _, content in reader.messages([connection])] == [data] * COUNT


def test_a_definition_that_lacks_a_type_it_refers_to_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Writer(tmp_path / "in", version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        images = writer.add_connection(IMAGES, "sensor_msgs/msg/Image", typestore=typestore())
        odd = writer.add_connection("/odd", "a_msgs/msg/A", msgdef="b_msgs/B b\n", rihs01="RIHS01_1")
        for _, message in raw_images(IMAGES, gray(COUNT)):
            writer.write(images, stamps(1)[0], serialize_message(message))
        writer.write(odd, stamps(1)[0], b"\x00\x01\x00\x00\x00")
    assert run(tmp_path / "in" / "in.mcap", tmp_path / "out") == INCOMPLETE
    assert "/odd is left out: nothing defines a_msgs/msg/A" in capsys.readouterr().err


# Names

NAMES = ["walk #2", "who is it?", "done 100%25", "12:30:00", "100%d", "file:walk"]


def messages_in(path: Path) -> int:
    """Return how many images SQLite itself finds in a file, opened by its path."""
    with closing(sqlite3.connect(path)) as database:
        query = "SELECT count(*) FROM messages JOIN topics ON topic_id = topics.id WHERE name = ?"
        return int(database.execute(query, [IMAGES]).fetchone()[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_may_be_called_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    record(Path("plain"), storage=StoragePlugin.SQLITE3).rename(name)
    assert run(Path(name), Path(f"of {name}.db3"), "--video", "--csv") == 0
    assert run(Path(f"of {name}.db3"), Path(f"out {name}"), "--storage", "sqlite3") == 0
    assert messages_in(Path(f"of {name}.db3")) == COUNT
    assert messages_in(Path(f"out {name}", f"out {name}.db3")) == COUNT
    made = {name, f"of {name}.db3", f"of {name}.csv", f"out {name}"}
    (video,) = {path.name for path in tmp_path.iterdir()} - made
    assert Path(video).stem == f"of {name}"
    assert cv2.VideoCapture(str(tmp_path / video)).read()[0]


@pytest.mark.parametrize("name", ["camera0.spool", ".lock", ".blazepose", "recording"])
def test_an_output_may_be_called_like_what_lies_in_the_work_folder(tmp_path: Path, name: str) -> None:
    assert run(record(tmp_path / "in"), tmp_path / name, "--csv") == 0
    assert len(read_bag(tmp_path / name, POSES)) == COUNT


def test_a_file_s_kind_is_told_by_its_content(tmp_path: Path) -> None:
    record(tmp_path / "in").joinpath("in.mcap").rename(tmp_path / "download")
    assert run(tmp_path / "download", tmp_path / "out") == 0
    assert len(read_bag(tmp_path / "out", POSES)) == COUNT


# What is named as the cause


def test_a_recording_of_ros_1_is_named_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "my walk.bag"
    source.write_bytes(b"#ROSBAG V2.0\n" + bytes(100))
    assert run(source, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert f"rosbags-convert --src '{source}' --dst 'my walk'" in said
    assert "damaged" not in said


def test_topics_that_look_like_cameras_say_why_they_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    depth = image_message(np.zeros((4, 4), np.uint16), "16UC1", stamps(1)[0])
    source = write_bag(tmp_path / "in", [("/depth/image", depth)])
    assert run(source, tmp_path / "out") == 1
    assert "/depth/image (sensor_msgs/msg/Image, depth)" in capsys.readouterr().err


def test_a_topic_without_messages_is_said_to_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = record(tmp_path / "in", storage=StoragePlugin.SQLITE3)
    with closing(sqlite3.connect(source / "in.db3")) as database:
        database.execute("DELETE FROM messages WHERE id > 1")
        database.commit()
    assert run(source / "in.db3", tmp_path / "out") == 1
    assert f"{IMAGES} (sensor_msgs/msg/Image, no messages)" in capsys.readouterr().err


@pytest.mark.parametrize("topic", ["/infra1/image_rect_raw", "/thermal/image_raw"])
def test_infrared_images_of_16_bits_are_a_camera_s(tmp_path: Path, topic: str) -> None:
    images = [
        (topic, image_message(np.full((CAMERA.height, CAMERA.width), 9000, np.uint16), "mono16", stamp))
        for stamp in stamps(COUNT)
    ]
    assert run(write_bag(tmp_path / "in", images), tmp_path / "out") == 0
    assert len(read_bag(tmp_path / "out", f"{topic.rpartition('/')[0]}/blazepose/poses")) == COUNT


def test_what_the_node_has_drawn_is_no_camera(tmp_path: Path) -> None:
    assert run(record(tmp_path / "in"), tmp_path / "first", "--annotated") == 0
    drawn = "/front/blazepose/annotated_image/compressed"
    assert drawn in topics(tmp_path / "first")
    assert run(tmp_path / "first", tmp_path / "second") == 0
    assert [topic for topic in topics(tmp_path / "second") if topic.endswith("/poses")] == [POSES]
    assert run(tmp_path / "first", tmp_path / "third", "--topics", drawn) == 0
    assert "/front/blazepose/blazepose/poses" in topics(tmp_path / "third")


def test_two_cameras_whose_names_become_one_have_videos_and_frames_of_their_own(tmp_path: Path) -> None:
    cameras = [raw_images(topic, gray(COUNT)) for topic in ("/a/b", "/a_b", "/a/b_2")]
    assert run(write_bag(tmp_path / "in", in_order(*cameras)), tmp_path / "out", "--video") == 0
    assert len([name for name in names_in(tmp_path) if name.startswith("out_")]) == len(cameras)
    frames = [
        transform.child_frame_id
        for _, message in read_bag(tmp_path / "out", "/tf")
        for transform in message.transforms
        if "hip_center" in transform.child_frame_id
    ]
    assert len(set(frames)) == len(cameras)


# Bombs


def test_what_zstd_has_packed_is_unpacked_up_to_a_limit() -> None:
    assert recording_files.unpack(zstd.compress(b"ab") + zstd.compress(b"c"), 3) == b"abc"
    for data in (zstd.compress(b"abcd"), zstd.compress(b"ab") + zstd.compress(b"cd")):
        with pytest.raises(ReaderError, match="unpacks to more than it may"):
            recording_files.unpack(data, 3)
    with pytest.raises(ReaderError, match="breaks off"):
        recording_files.unpack(zstd.compress(b"abcd")[:-1], 9)


@pytest.mark.parametrize("compression", [CompressionMode.MESSAGE, CompressionMode.STORAGE])
def test_a_message_or_chunk_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], compression: Any
) -> None:
    monkeypatch.setattr(recording_files, "MAX_UNPACKED_BYTES", 1000)
    monkeypatch.setattr(recording_files.unpack, "__defaults__", (1000,))
    source = record(tmp_path / "in", compression=compression)
    assert run(source, tmp_path / "out") == 1
    assert "unpacks to more than it may" in capsys.readouterr().err


def test_a_chunk_in_lz4_is_bounded_as_well() -> None:
    unpack = storage_mcap.DECOMPRESSORS["lz4"]
    assert unpack(lz4.frame.compress(bytes(1000)), 1000) == bytes(1000)
    with pytest.raises(ReaderError, match="unpacks to more than it may"):
        unpack(lz4.frame.compress(bytes(2000)), 1000)


def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recording_files, "_MAX_FILE_BYTES", 1 << 20)
    bomb = tmp_path / "bomb.mcap.zstd"
    bomb.write_bytes(zstd.compress(bytes(64 << 20)))
    assert run(bomb, tmp_path / "out") == 1
    assert "unpacks to more than 100 times its size" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["in.mcap", "in.db3"])
def test_a_fifo_in_the_place_of_a_recording_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    os.mkfifo(tmp_path / name)
    assert run(tmp_path / name, tmp_path / "out") == 1
    assert "is not a regular file" in capsys.readouterr().err


def test_text_of_a_recording_does_not_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = record(tmp_path / "in", storage=StoragePlugin.SQLITE3)
    with closing(sqlite3.connect(source / "in.db3")) as database:
        database.execute(
            "UPDATE topics SET type = 'odd_msgs/msg/Odd', name = ? WHERE id = 1", ["\x1b[31m\n/x"]
        )
        database.commit()
    assert run(source / "in.db3", tmp_path / "out") == INCOMPLETE
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert r"\x1b[31m\n/x is left out" in said


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_parameter_file_that_is_none_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any
) -> None:
    make(tmp_path / "params.yaml")
    arguments = ["--params-file", str(tmp_path / "params.yaml")]
    assert run(record(tmp_path / "in"), tmp_path / "out", *arguments) == 1
    assert "params.yaml is not a regular file" in capsys.readouterr().err


def test_a_reader_tells_what_is_lost_before_the_work(tmp_path: Path) -> None:
    source = record(tmp_path / "in")
    edit_metadata(source, name_another_file)
    with BagReader(source) as reader:
        assert reader.losses == ["in_1.mcap is missing"]
        assert reader.notes == []
