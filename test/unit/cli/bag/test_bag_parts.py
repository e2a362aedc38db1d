"""What survives a crash: parts and checkpoints."""

import pickle

import numpy as np
import pytest

from blazepose_ros.cli.bag import checkpoint as checkpoints
from blazepose_ros.cli.bag.bag_files import BagError
from blazepose_ros.cli.bag.checkpoint import START, Checkpoint
from blazepose_ros.cli.bag.message_spool import SpooledMessage, SpoolWriter, read_spool
from blazepose_ros.cli.bag.plain_data import to_plain
from blazepose_ros.cli.bag.work_folder import WorkFolder

RECORDS = [SpooledMessage(-5, 0, b"one"), SpooledMessage(7, 3, b""), SpooledMessage(7, 1, bytes(1000))]


def write(path, records, length=0):
    with SpoolWriter(path, length) as part:
        for record in records:
            part.write(record)
        return part.sync()


def test_a_part_gives_back_what_was_written(tmp_path):
    write(tmp_path / "part", RECORDS)
    assert list(read_spool(tmp_path / "part")) == RECORDS


def test_what_came_after_the_checkpoint_is_dropped(tmp_path):
    length = write(tmp_path / "part", RECORDS[:1])
    write(tmp_path / "part", RECORDS[1:2], length)
    with (tmp_path / "part").open("ab") as file:
        file.write(b"half a rec")
    write(tmp_path / "part", RECORDS[2:], length)
    assert list(read_spool(tmp_path / "part")) == [RECORDS[0], RECORDS[2]]


def test_a_checkpoint_is_given_back(tmp_path):
    checkpoint = Checkpoint(7, 100, memory=to_plain({"seen": np.arange(3.0)}))
    checkpoints.save(checkpoint, tmp_path / "checkpoint")
    assert checkpoints.load(tmp_path / "checkpoint") == checkpoint


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"3",
        b"[]",
        b'{"images": -1}',
        b'{"images": "many"}',
        b'{"pictures": 1}',
        b"[" * 100_000,
        pickle.dumps({"images": 1}),
    ],
)
def test_a_checkpoint_that_is_none_means_the_start(tmp_path, content):
    (tmp_path / "checkpoint").write_bytes(content)
    assert checkpoints.load(tmp_path / "checkpoint") == START


def test_without_a_checkpoint_there_is_the_start(tmp_path):
    assert checkpoints.load(tmp_path / "checkpoint") == START


def test_work_of_the_same_purpose_goes_on(tmp_path):
    folder = WorkFolder(tmp_path / "out")
    assert not folder.open({"model": 1})
    (folder.path / "camera0.part").touch()
    folder.close()
    assert WorkFolder(tmp_path / "out").open({"model": 1})
    assert (folder.path / "camera0.part").exists()


def test_work_of_another_purpose_starts_anew(tmp_path):
    folder = WorkFolder(tmp_path / "out")
    folder.open({"model": 1})
    (folder.path / "camera0.part").touch()
    folder.close()
    assert not WorkFolder(tmp_path / "out").open({"model": 2})
    assert not (folder.path / "camera0.part").exists()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(BagError, match=r"out exists already"):
        WorkFolder(tmp_path / "out")


def test_what_stands_beside_the_target_is_not_overwritten(tmp_path):
    (tmp_path / "out.csv").write_text("precious")
    with pytest.raises(BagError, match=r"out\.csv exists already"):
        WorkFolder(tmp_path / "out", [tmp_path / "out.csv"]).open({})
    assert not (tmp_path / "out.partial").exists()


def test_what_an_earlier_run_of_the_same_purpose_made_is_made_again(tmp_path):
    folder = WorkFolder(tmp_path / "out", [tmp_path / "out.csv"])
    folder.open({})
    folder.close()
    (tmp_path / "out.csv").write_text("made by it")
    assert WorkFolder(tmp_path / "out", [tmp_path / "out.csv"]).open({})


def test_two_runs_do_not_work_on_the_same(tmp_path):
    first = WorkFolder(tmp_path / "out")
    first.open({})
    with pytest.raises(BagError, match=r"another run is at work on .*out\.partial"):
        WorkFolder(tmp_path / "out").open({})
    first.close()
    assert WorkFolder(tmp_path / "out").open({})


def test_a_target_in_no_folder_is_refused(tmp_path):
    with pytest.raises(BagError, match=r"there is no folder .*nowhere"):
        WorkFolder(tmp_path / "nowhere" / "out")
