# SPDX-License-Identifier: Apache-2.0
"""``blazepose bag --scheduler``: workers of Dask in place of processes, which are killed and interrupted."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from rosbags.rosbag2 import Reader
from support.clusters import Cluster, at_work, dask_cluster, waited_for
from support.fleets import TIMEOUT_S, bag, photograph_fleet, states

pytest.importorskip("openvino")
pytest.importorskip("distributed")
pytestmark = pytest.mark.usefixtures("models")

RECORDINGS, IMAGES = 2, 30


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with dask_cluster(tmp_path) as made:
        yield made


def content(recording: Path) -> list[tuple[str, int, bytes]]:
    """Return topic, time and bytes of all messages."""
    with Reader(recording) as reader:
        return [(connection.topic, log_ns, bytes(data)) for connection, log_ns, data in reader.messages()]


@pytest.mark.thorough
def test_a_killed_worker_of_a_cluster_costs_nothing_but_its_task(cluster: Cluster, tmp_path: Path) -> None:
    fleet = photograph_fleet(tmp_path / "in", RECORDINGS, IMAGES)
    # Relative paths are those of the command, also where the workers have another working folder.
    process = bag(Path("in"), Path("cluster"), "--csv", "--scheduler", cluster.address, cwd=tmp_path)
    waited_for(lambda: at_work(cluster.keepers, tmp_path / "cluster")).kill()
    _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, said

    alone = bag(fleet, tmp_path / "alone", "--csv")
    _, said = alone.communicate(timeout=TIMEOUT_S)
    assert alone.returncode == 0, said
    for name in states(tmp_path / "alone"):
        ours, theirs = (content(tmp_path / run / name) for run in ("cluster", "alone"))
        assert ours == theirs
        for topic in ("/blazepose/poses", "/blazepose/markers", "/tf"):
            assert len([each for each in ours if each[0] == topic]) == IMAGES
    for table in (tmp_path / "alone").rglob("people.csv"):
        same = tmp_path / "cluster" / table.relative_to(tmp_path / "alone")
        assert same.read_bytes() == table.read_bytes()


@pytest.mark.thorough
def test_ctrl_c_ends_the_command_and_leaves_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    fleet = photograph_fleet(tmp_path / "in", 2 * RECORDINGS, 10 * IMAGES)
    process = bag(fleet, tmp_path / "out", "--scheduler", cluster.address)
    waited_for(lambda: at_work(cluster.keepers, tmp_path / "out"))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert all(keeper.is_running() for keeper in cluster.keepers)


@pytest.mark.thorough
def test_a_scheduler_that_ends_is_told(cluster: Cluster, tmp_path: Path) -> None:
    fleet = photograph_fleet(tmp_path / "in", RECORDINGS, 10 * IMAGES)
    process = bag(fleet, tmp_path / "out", "--scheduler", cluster.address)
    waited_for(lambda: at_work(cluster.keepers, tmp_path / "out"))
    cluster.scheduler.kill()
    _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1, said
    assert f"the Dask scheduler at {cluster.address} has ended: run this again" in said
    assert "Traceback" not in said
