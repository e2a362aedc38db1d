# SPDX-License-Identifier: Apache-2.0
"""What OpenVINO leaves behind in a process."""

import subprocess
import sys

import pytest

from blazepose_ros.core.models.registry import resolve
from blazepose_ros.core.types import ModelComplexity

# Another model is loaded while the first one runs, which is then closed, as by a parameter.
ANOTHER_MODEL_THEN_CTRL_C = """
import os, signal, sys
from pathlib import Path
from blazepose_ros.core.estimation.runtimes.openvino import OpenVinoRuntime
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.models.task_bundle import LANDMARKER, split_bundle

model = split_bundle(Path(sys.argv[1]).read_bytes())[LANDMARKER]
runtimes = []
for _ in range(3):
    runtimes.append((runtime := OpenVinoRuntime(RuntimeOptions()), runtime.load(model)))
    del runtime
    del runtimes[:-1]
runtimes.clear()
signal.signal(signal.SIGINT, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGINT)
"""


def test_a_signal_is_heard_after_one_model_has_taken_the_place_of_another() -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    path = str(resolve(ModelComplexity.LITE).path)
    command = [sys.executable, "-c", ANOTHER_MODEL_THEN_CTRL_C, path]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stdout) == (0, "heard\n"), process.stderr
