# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from typing import Any

import pytest

from blazepose_ros.cli.bag.recording_files import BagError
from blazepose_ros.cli.bag.work_folder import WorkFolder


def begin(target: Any, purpose: Any) -> None:
    """Leave a work folder as an interrupted run does, with a finished camera in it."""
    folder = WorkFolder(target)
    assert not folder.open(purpose)
    (folder.path / "camera0.spool").touch()
    folder.close()


def test_work_of_the_same_purpose_goes_on(tmp_path: Path) -> None:
    begin(tmp_path / "out", {"model": 1})
    folder = WorkFolder(tmp_path / "out")
    assert folder.open({"model": 1})
    assert not folder.is_finished
    assert (folder.path / "camera0.spool").exists()


def test_work_of_another_purpose_starts_anew(tmp_path: Path) -> None:
    begin(tmp_path / "out", {"model": 1})
    folder = WorkFolder(tmp_path / "out")
    assert not folder.open({"model": 2})
    assert not (folder.path / "camera0.spool").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(BagError, match=r"out exists already"):
        WorkFolder(tmp_path / "out").open({})
    assert not (tmp_path / "out.partial").exists()


def test_what_another_purpose_made_is_not_overwritten(tmp_path: Path) -> None:
    begin(tmp_path / "out", {"model": 1})
    (tmp_path / "out").touch()
    with pytest.raises(BagError, match=r"out exists already"):
        WorkFolder(tmp_path / "out").open({"model": 2})
    assert (tmp_path / "out.partial" / "camera0.spool").exists()


def test_an_output_that_an_earlier_run_finished_is_known(tmp_path: Path) -> None:
    begin(tmp_path / "out", {"model": 1})
    (tmp_path / "out").touch()
    folder = WorkFolder(tmp_path / "out")
    assert folder.open({"model": 1})
    assert folder.is_finished


def test_what_stands_beside_the_target_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("precious")
    with pytest.raises(BagError, match=r"out\.csv exists already"):
        WorkFolder(tmp_path / "out", [tmp_path / "out.csv"]).open({})
    assert not (tmp_path / "out.partial").exists()


def test_what_an_earlier_run_of_the_same_purpose_made_is_made_again(tmp_path: Path) -> None:
    folder = WorkFolder(tmp_path / "out", [tmp_path / "out.csv"])
    folder.open({})
    folder.close()
    (tmp_path / "out.csv").write_text("made by it")
    assert WorkFolder(tmp_path / "out", [tmp_path / "out.csv"]).open({})


def test_two_runs_do_not_work_on_the_same(tmp_path: Path) -> None:
    first = WorkFolder(tmp_path / "out")
    first.open({})
    with pytest.raises(BagError, match=r"another run is at work on .*out\.partial"):
        WorkFolder(tmp_path / "out").open({})
    first.close()
    assert WorkFolder(tmp_path / "out").open({})


def test_a_target_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BagError, match=r"there is no folder .*nowhere"):
        WorkFolder(tmp_path / "nowhere" / "out")


PRECIOUS = "the user's own"


def foreign_folder(partial: Path) -> Path:
    partial.mkdir()
    (partial / "thesis.txt").write_text(PRECIOUS)
    return partial / "thesis.txt"


def link_to_a_folder(partial: Path) -> Path:
    precious = foreign_folder(partial.with_name("elsewhere"))
    partial.symlink_to(precious.parent)
    return precious


def link_within(partial: Path) -> Path:
    """Leave a folder of this command's in which somebody has put a link to another file."""
    begin(partial.with_name("out"), {"model": 1})
    precious = partial.with_name("thesis.txt")
    precious.write_text(PRECIOUS)
    (partial / "journal.json").unlink()
    (partial / "journal.json").symlink_to(precious)
    return precious


def file_in_the_way(partial: Path) -> Path:
    partial.write_text(PRECIOUS)
    return partial


def link_to_nothing(partial: Path) -> Path:
    partial.symlink_to(partial.with_name("nothing"))
    precious = partial.with_name("thesis.txt")
    precious.write_text(PRECIOUS)
    return precious


@pytest.mark.parametrize(
    "in_the_way", [foreign_folder, link_to_a_folder, link_within, file_in_the_way, link_to_nothing]
)
def test_what_is_not_its_own_is_refused_and_left_alone(tmp_path: Path, in_the_way: Any) -> None:
    precious = in_the_way(tmp_path / "out.partial")
    with pytest.raises(BagError, match=r"out\.partial is in the way.*move it away"):
        WorkFolder(tmp_path / "out").open({})
    assert precious.read_text() == PRECIOUS
    assert not (tmp_path / "nothing").exists()


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(tmp_path / "out", {"model": 1})
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    with pytest.raises(BagError, match=r"out\.partial is in the way"):
        WorkFolder(tmp_path / "out").open({"model": 1})
    assert (tmp_path / "out.partial" / "camera0.spool").exists()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    """A run that was killed as it made the folder has left it so."""
    (tmp_path / "out.partial").mkdir()
    assert not WorkFolder(tmp_path / "out").open({})


def test_removing_a_folder_in_whose_place_a_link_has_come_leaves_its_target_alone(tmp_path: Path) -> None:
    folder = WorkFolder(tmp_path / "out")
    folder.open({})
    folder.close()
    folder.path.rename(tmp_path / "moved")
    precious = link_to_a_folder(tmp_path / "out.partial")
    folder.remove()
    assert precious.read_text() == PRECIOUS


def test_an_output_that_is_a_link_to_nothing_exists_already(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "nothing")
    with pytest.raises(BagError, match=r"out exists already"):
        WorkFolder(tmp_path / "out").open({})
