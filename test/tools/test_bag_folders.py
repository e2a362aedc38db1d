# SPDX-License-Identifier: Apache-2.0
"""Folders of recordings, mirrored; the people are made up, see fake_bag_work."""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from filelock import FileLock
from support.bodies import CAMERA
from support.fake_bag_work import body_in_every_image, gray  # noqa: F401
from support.recordings import camera_info, raw_images, read_bag, write_bag

from blazepose_ros.cli.bag import camera_jobs, work_folder
from blazepose_ros.cli.bag.command import main
from blazepose_ros.cli.bag.conversion_run import INCOMPLETE
from blazepose_ros.cli.bag.tables import NAMES, SCHEMA_VERSION
from blazepose_ros.cli.bag.work_folder import publish
from blazepose_ros.core.files import write_atomically

pytestmark = pytest.mark.usefixtures("body_in_every_image")

COUNT = 3
NAMES_OF_RECORDINGS = ("robot1/day1/walk", "robot1/day2/walk", "robot2/alone.mcap")
INFO = [("/camera_info", camera_info(CAMERA.k, [], (CAMERA.width, CAMERA.height)))]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Two recordings that are folders, and one that is a file."""
    for name in NAMES_OF_RECORDINGS:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        made = write_bag(path.with_suffix(""), [*INFO, *raw_images("/image", gray(COUNT))])
        if path.suffix:
            shutil.move(made / f"{made.name}.mcap", path)
            shutil.rmtree(made)
    return tmp_path / "in"


def run(source: Path, target: Path, *arguments: str) -> int:
    return main([str(source), str(target), *arguments])


def summary(target: Path) -> Any:
    return json.loads((target / "summary.json").read_text())


def states(target: Path) -> dict[str, str]:
    return {each["recording"]: each["state"] for each in summary(target)["recordings"]}


def test_a_folder_of_recordings_is_mirrored_and_summed_up(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fleet, tmp_path / "out") == 0
    for name in NAMES_OF_RECORDINGS:
        assert len(read_bag(tmp_path / "out" / name, "/blazepose/poses")) == COUNT
    assert states(tmp_path / "out") == dict.fromkeys(NAMES_OF_RECORDINGS, "made")
    together = summary(tmp_path / "out")["all"]
    assert (together["images"], together["people"]) == (3 * COUNT, 3)
    assert together["recorded_s"] == pytest.approx(3 * 0.066)
    assert together["work_s"] > 0
    said = capsys.readouterr()
    assert "robot2/alone.mcap" in said.out
    assert f"{3 * COUNT}/{3 * COUNT} images" in said.err
    assert not list((tmp_path / "out").rglob("*.partial"))


def test_what_is_finished_is_not_made_again_even_where_it_was_copied(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fleet, tmp_path / "out") == 0
    before = (tmp_path / "out" / NAMES_OF_RECORDINGS[0]).stat()
    for file in fleet.rglob("*.*"):
        os.utime(file)  # the times are new, the content is not
    assert run(fleet, tmp_path / "out") == 0
    assert set(states(tmp_path / "out").values()) == {"finished before"}
    assert summary(tmp_path / "out")["all"]["images"] == 3 * COUNT
    assert (tmp_path / "out" / NAMES_OF_RECORDINGS[0]).stat() == before
    assert "is finished" in capsys.readouterr().err


def test_a_recording_with_another_content_is_not_taken_for_finished(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fleet, tmp_path / "out") == 0
    shutil.rmtree(fleet / NAMES_OF_RECORDINGS[0])
    write_bag(fleet / NAMES_OF_RECORDINGS[0], raw_images("/image", gray(COUNT + 1)))
    assert run(fleet, tmp_path / "out") == INCOMPLETE
    assert "was made of what" in capsys.readouterr().err
    assert states(tmp_path / "out")[NAMES_OF_RECORDINGS[0]] == "failed"
    assert len(read_bag(tmp_path / "out" / NAMES_OF_RECORDINGS[0], "/blazepose/poses")) == COUNT
    shutil.rmtree(tmp_path / "out" / NAMES_OF_RECORDINGS[0])
    assert run(fleet, tmp_path / "out") == 0
    assert len(read_bag(tmp_path / "out" / NAMES_OF_RECORDINGS[0], "/blazepose/poses")) == COUNT + 1


def test_other_options_do_not_pass_for_what_is_finished(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fleet, tmp_path / "out") == 0
    assert run(fleet, tmp_path / "out", "--keep", "nothing") == 1
    assert "with other options" in capsys.readouterr().err


def test_a_list_of_what_is_finished_that_was_cut_off_loses_its_last_line_alone(
    fleet: Path, tmp_path: Path
) -> None:
    assert run(fleet, tmp_path / "out") == 0
    finished = tmp_path / "out" / ".finished.jsonl"
    lines = finished.read_text().splitlines()
    finished.write_text("\n".join(lines)[:-40])
    shutil.rmtree(tmp_path / "out" / "robot1" / "day1" / "walk")
    (tmp_path / "out" / "robot2" / "alone.mcap").unlink()
    assert run(fleet, tmp_path / "out") == 0
    assert sorted(states(tmp_path / "out").values()) == ["finished before", "made", "made"]


def test_one_bad_recording_does_not_keep_the_others(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = fleet / "robot2" / "alone.mcap"
    file.write_bytes(file.read_bytes()[:5000])
    assert run(fleet, tmp_path / "out") == INCOMPLETE
    said = capsys.readouterr()
    assert "ros2 bag reindex" in said.err
    assert sorted(states(tmp_path / "out").values()) == ["failed", "made", "made"]
    (left_out,) = summary(tmp_path / "out")["recordings"][-1]["left_out"]
    assert left_out.split(":")[0] in said.out


def test_an_unreadable_folder_is_told_and_the_others_are_done(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = os.walk

    def forbidden(path: Any, onerror: Any) -> Any:
        onerror(PermissionError(13, "Permission denied", str(fleet / "secret")))
        return walk(path, onerror=onerror)

    monkeypatch.setattr(os, "walk", forbidden)
    assert run(fleet, tmp_path / "out") == INCOMPLETE
    assert "secret is left out: Permission denied" in capsys.readouterr().err
    assert states(tmp_path / "out")[str(fleet / "secret")] == "failed"
    assert len(states(tmp_path / "out")) == 4


def test_what_is_called_like_a_recording_and_is_none_is_told(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (fleet / "robot1" / "empty.mcap").touch()
    (fleet / "robot1" / "nowhere.db3").symlink_to("/nowhere.db3")
    os.mkfifo(fleet / "robot1" / "fifo.mcap")
    assert run(fleet, tmp_path / "out") == INCOMPLETE
    assert capsys.readouterr().err.count("it is neither MCAP nor SQLite") == 3
    assert sorted(states(tmp_path / "out").values()) == ["failed"] * 3 + ["made"] * 3


def test_links_in_a_circle_are_not_followed(fleet: Path, tmp_path: Path) -> None:
    (fleet / "robot1" / "up").symlink_to("..")
    (fleet / "robot1" / "self").symlink_to("self")
    assert run(fleet, tmp_path / "out") == 0
    assert set(states(tmp_path / "out")) == set(NAMES_OF_RECORDINGS)


def test_a_folder_that_is_called_like_unfinished_work_is_looked_into(fleet: Path, tmp_path: Path) -> None:
    (fleet / "robot1").rename(fleet / "robot1.partial")
    (fleet / "work.partial").mkdir()
    shutil.copy(fleet / "robot2" / "alone.mcap", fleet / "work.partial" / "piece.mcap")
    (fleet / "work.partial" / ".blazepose").touch()  # an unfinished output of this command's
    assert run(fleet, tmp_path / "out") == 0
    assert set(states(tmp_path / "out")) == {
        *("robot1.partial/day1/walk", "robot1.partial/day2/walk", "robot2/alone.mcap")
    }


def test_names_may_hold_anything_and_do_not_steer_the_terminal(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = os.fsdecode(b"latin1-\xe9\nand\x1b[31m %41'\"")
    (fleet / "robot1" / "day1" / "walk").rename(fleet / odd)
    for state in ("made", "finished before"):
        assert run(fleet, tmp_path / "out", "--csv") == 0
        assert states(tmp_path / "out")[odd] == state
    assert len(read_bag(tmp_path / "out" / odd, "/blazepose/poses")) == COUNT
    tables = [path.name for path in (tmp_path / "out" / "people_csv").iterdir()]
    assert "recording=latin1-%E9%0Aand%1B%5B31m%20%2541%27%22" in tables
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err


def test_a_path_that_is_too_long_for_a_table_s_is_told_before_the_work(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = Path(*["歩行" * 10] * 2)
    (fleet / long).parent.mkdir()
    (fleet / "robot1" / "day1" / "walk").rename(fleet / long)
    assert run(fleet, tmp_path / "out", "--csv") == INCOMPLETE
    assert "is too long for a partition's name: work on it by itself" in capsys.readouterr().err
    assert sorted(states(tmp_path / "out").values()) == ["failed", "made", "made"]
    assert run(fleet, tmp_path / "without") == 0


def test_a_recording_in_the_place_of_another_one_s_motions_is_refused(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (fleet / "robot1" / "day2" / "walk").rename(fleet / "robot1" / "day1" / "walk_motion")
    assert run(fleet, tmp_path / "out", "--trc") == 1
    assert "robot1/day1/walk_motion is a recording, and what the motions" in capsys.readouterr().err
    assert run(fleet, tmp_path / "without") == 0


def test_a_full_disk_ends_the_run_and_what_is_finished_is_kept(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: object) -> None:
        if "day2" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        publish(path, *_)

    with monkeypatch.context() as during:
        during.setattr(work_folder, "publish", full)
        assert run(fleet, tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "day2/walk.partial: No space left on device. What is finished is kept" in said.err
    assert "robot2/alone.mcap: not begun" in said.out
    assert list(states(tmp_path / "out").values()) == ["made", "failed", "failed"]
    assert run(fleet, tmp_path / "out") == 0
    assert list(states(tmp_path / "out").values()) == ["finished before", "made", "made"]


def test_an_output_that_cannot_be_made_does_not_keep_the_others(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "robot2").write_text("in the way")
    assert run(fleet, tmp_path / "out") == INCOMPLETE
    assert "out/robot2: File exists" in capsys.readouterr().err
    assert list(states(tmp_path / "out").values()) == ["made", "made", "failed"]


def test_a_summary_that_cannot_be_written_is_told(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out" / "summary.json").mkdir(parents=True)
    assert run(fleet, tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "summary.json: Is a directory" in said.err
    assert "3 made" in said.out


def test_a_recording_that_grows_is_left_for_later(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    growing = fleet / "robot2" / "alone.mcap"

    def grow(path: Any, content: Any) -> None:
        if growing.name in str(path):
            with growing.open("ab") as file:
                file.write(b"more")
        write_atomically(path, content)

    with monkeypatch.context() as during:
        during.setattr(camera_jobs, "write_atomically", grow)
        assert run(fleet, tmp_path / "out") == INCOMPLETE
    assert "is it still being recorded?" in capsys.readouterr().err
    assert not (tmp_path / "out" / "robot2" / "alone.mcap").exists()


def test_two_runs_do_not_work_on_the_same_output(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"):
        assert run(fleet, tmp_path / "out") == 1
    assert "another run is at work on" in capsys.readouterr().err
    assert run(fleet, tmp_path / "out") == 0


def test_files_in_a_folder_are_recordings_of_their_own_if_asked(fleet: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for name in ("a.mcap", "b.mcap"):
        shutil.copy(fleet / "robot2" / "alone.mcap", flat / name)
    (flat / "notes.txt").write_text("nothing of a recording")
    assert run(flat, tmp_path / "out", "--recursive") == 0
    assert states(tmp_path / "out") == {"a.mcap": "made", "b.mcap": "made"}


def test_folders_beside_a_file_are_not_passed_over_in_silence(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(fleet / "robot2" / "alone.mcap", fleet / "stray.mcap")
    assert run(fleet, tmp_path / "out") == INCOMPLETE
    assert capsys.readouterr().err.count("files of one recording lie beside it") == len(NAMES_OF_RECORDINGS)
    assert len(read_bag(tmp_path / "out", "/blazepose/poses")) == COUNT
    assert run(fleet, tmp_path / "all", "--recursive") == 0
    assert len(states(tmp_path / "all")) == 4


def test_an_output_within_the_input_is_not_taken_for_input(fleet: Path) -> None:
    assert run(fleet, fleet / "out") == 0
    assert run(fleet, fleet / "out") == 0
    assert len(states(fleet / "out")) == 3


def test_a_folder_without_recordings_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    assert run(tmp_path / "in", tmp_path / "out", "--recursive") == 1
    assert "there are no recordings in" in capsys.readouterr().err


def test_data_tools_read_the_tables_of_a_fleet_as_one(fleet: Path, tmp_path: Path) -> None:
    pandas, duckdb = pytest.importorskip("pandas"), pytest.importorskip("duckdb")
    assert run(fleet, tmp_path / "out", "--parquet", "--csv") == 0
    folder = tmp_path / "out" / "people_parquet"
    table = pandas.read_parquet(folder)
    assert set(table.columns) == {*NAMES, "recording"}
    assert len(table) == 3 * COUNT
    assert (table.schema_version == SCHEMA_VERSION).all()
    assert set(table.recording) == {quote(name, safe="") for name in NAMES_OF_RECORDINGS} or set(
        table.recording
    ) == set(NAMES_OF_RECORDINGS)
    query = "select recording, count(*), avg(hip_z_m) from read_parquet('{}') group by recording order by 1"
    rows = duckdb.sql(query.format(folder / "**" / "*.parquet")).fetchall()
    assert [(name, count) for name, count, _ in rows] == [(name, COUNT) for name in NAMES_OF_RECORDINGS]
    assert rows[0][2] == pytest.approx(table.hip_z_m.mean())
    csv = duckdb.sql(f"select * from read_csv('{tmp_path}/out/people_csv/**/*.csv', hive_partitioning=true)")
    assert len(csv.fetchall()) == 3 * COUNT
