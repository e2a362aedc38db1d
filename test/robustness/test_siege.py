# SPDX-License-Identifier: Apache-2.0
"""What is a violation beside hostile neighbors, and that the neighbors are what they seem."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from robustness.soak.neighbors import KINDS, png_bomb
from robustness.soak.siege import MAX_GROWTH_MB, Outcome, Usage
from support.paths import TESTS

from blazepose_ros.core.frame_sources.files import photograph

pytestmark = pytest.mark.alone

BEFORE = Usage(memory_mb=150.0, threads=20, descriptors=30)
WELL = Outcome(BEFORE, sent=100, answered=97, service_s=[0.1] * 100, after=BEFORE)


def test_a_node_that_holds_breaks_nothing() -> None:
    assert WELL.violations() == []
    assert f"amid {len(KINDS)} neighbors, 97 answered" in WELL.report()


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (replace(WELL, answered=96), "4.0% of the good images were lost"),
        (replace(WELL, sent=0, answered=0), "100.0% of the good images were lost"),
        (replace(WELL, after=replace(BEFORE, memory_mb=151.0 + MAX_GROWTH_MB)), "101 MB of memory remain"),
        (replace(WELL, after=replace(BEFORE, threads=22)), "2 threads remain"),
        (replace(WELL, after=replace(BEFORE, descriptors=33)), "3 descriptors remain"),
        (replace(WELL, service_s=[0.1] * 99 + [1.5]), "a call of a service took 1.5 s"),
        (replace(WELL, service_s=[]), "a call of a service took inf s"),
        (replace(WELL, after=None), "the node has ended"),
    ],
)
def test_what_should_not_be_is_named(seen: Outcome, said: str) -> None:
    assert seen.violations() == [said]
    assert f"violations  1\n  - {said}" in seen.report()


def test_a_bomb_is_a_small_file_of_a_large_image() -> None:
    bomb = png_bomb(side_px=2000)
    assert len(bomb) < 10_000
    assert cv2.imdecode(np.frombuffer(bomb, np.uint8), cv2.IMREAD_UNCHANGED).shape == (2000, 2000)


# In a process of its own, like `make soak`: the tests' own context of rclpy is in another domain.
FOR_SECONDS = """
import json, sys
from dataclasses import asdict
from pathlib import Path
import cv2
from blazepose_ros.cli.processes import isolate
from blazepose_ros.nodes.common.dds import use_image_profile
from robustness.soak import siege

siege.WARM_UP_S, siege.REST_S = 2.0, 5.0
isolate()
use_image_profile()
outcome = siege.besiege(cv2.imread(sys.argv[1]), Path(sys.argv[2]), 8.0, sys.argv[3:])
print(json.dumps(asdict(outcome)))
"""


@pytest.mark.thorough
@pytest.mark.usefixtures("models")
def test_a_node_answers_amid_neighbors_and_keeps_nothing_of_theirs(tmp_path: Path) -> None:
    """All but the depth image of 1.6 GB, for seconds; which part is lost is only told in a long run."""
    kinds = [kind for kind in KINDS if kind != "depth"]
    command = [sys.executable, "-c", FOR_SECONDS, str(photograph()), str(tmp_path), *kinds]
    result = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    outcome = json.loads(result.stdout)
    assert outcome["answered"]
    assert outcome["service_s"]
    assert outcome["after"]["descriptors"] <= outcome["before"]["descriptors"]
    for kind in kinds:  # each was at work until it was stopped
        log = (tmp_path / f"{kind}.log").read_text()
        assert "Error" not in log, log
    assert "Traceback" not in (tmp_path / "node.log").read_text()
