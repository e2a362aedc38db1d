# SPDX-License-Identifier: Apache-2.0
"""Nothing leaves the machine unless the user says so: connection attempts are watched."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import connection_watch

# One image through MediaPipe, then its end: telemetry reports when a landmarker is closed.
SCRIPT = """
import sys
import numpy as np
from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.models.registry import resolve
from blazepose_ros.core.types import Frame, ModelComplexity

options = EstimatorOptions(resolve(ModelComplexity.LITE).content)
estimator = choose_estimator("mediapipe", options, allow_telemetry=sys.argv[1] == "allowed").estimator
estimator.estimate(Frame(np.zeros((120, 160, 3), np.uint8), 0))
estimator.close()
"""


# One image through another backend, where importing MediaPipe fails as if it were not installed.
NATIVE_SCRIPT = """
import sys
sys.modules["mediapipe"] = None
import numpy as np
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.models.registry import resolve
from blazepose_ros.core.types import Frame, ModelComplexity

options = EstimatorOptions(resolve(ModelComplexity.LITE).content)
choice = choose_estimator(sys.argv[1], options, RuntimeOptions())
choice.estimator.estimate(Frame(np.zeros((120, 160, 3), np.uint8), 0))
choice.estimator.close()
"""


@pytest.fixture(scope="module")
def watch_library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return connection_watch.build(tmp_path_factory.mktemp("watch"))


def attempts(library: Any, folder: Any, argument: Any, script: Any = SCRIPT) -> Any:
    """Return what a process with an estimator looked up or connected to."""
    log = folder / "attempts.log"
    environment = {**os.environ, **connection_watch.settings(library, log)}
    environment.pop("https_proxy", None)
    subprocess.run([sys.executable, "-c", script, argument], env=environment, check=True, timeout=120)
    return log.read_text().splitlines()


@pytest.mark.usefixtures("models")
def test_the_estimator_attempts_no_connection(watch_library: Any, tmp_path: Path) -> None:
    assert attempts(watch_library, tmp_path, "default") == []


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(("backend", "library"), [("openvino", "openvino"), ("litert", "ai_edge_litert")])
def test_other_backends_attempt_no_connection_and_need_no_mediapipe(
    watch_library: Any, tmp_path: Path, backend: str, library: str
) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{backend} is not installed")
    assert attempts(watch_library, tmp_path, backend, NATIVE_SCRIPT) == []


@pytest.mark.usefixtures("models")
def test_the_watch_sees_the_telemetry_of_a_user_who_allows_it(watch_library: Any, tmp_path: Path) -> None:
    assert any(attempt.startswith("lookup ") for attempt in attempts(watch_library, tmp_path, "allowed"))
