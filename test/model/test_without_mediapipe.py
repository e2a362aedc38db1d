# SPDX-License-Identifier: Apache-2.0
"""The other backends, models included, in an environment that MediaPipe was never installed in."""

import importlib.util
import json
import os
import shutil
import site
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.paths import ROOT

LIBRARIES = {"openvino": "openvino", "litert": "ai_edge_litert"}
TIMEOUT_S = 120

# Fetches the models from the package that lies in the cache, as it does where Google is out of
# reach, and finds the person in a photograph with the backend that is asked for.
SCRIPT = """
import importlib.util, json, sys
import cv2
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.frame_sources.files import photograph
from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.models import download
from blazepose_ros.core.models.registry import resolve
from blazepose_ros.core.types import Frame, ModelComplexity

def out_of_reach(*_arguments, **_options):
    raise download.DownloadError("out of reach")

download.download = out_of_reach
download.fetch(ModelComplexity, FunctionLogger(print))
options = EstimatorOptions(resolve(ModelComplexity.LITE).content)
estimator = choose_estimator(sys.argv[1], options, RuntimeOptions()).estimator
rgb = cv2.cvtColor(cv2.imread(str(photograph())), cv2.COLOR_BGR2RGB)
people = estimator.estimate(Frame(rgb, 0))
print(json.dumps([len(people), importlib.util.find_spec("mediapipe") is None]))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An interpreter with everything that is installed here, but for MediaPipe."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    here, there = Path(sys.prefix, "lib"), environment / "lib"
    packages = Path(site.getsitepackages()[0])
    for entry in packages.iterdir():
        if not entry.name.startswith("mediapipe"):
            (there / packages.relative_to(here) / entry.name).symlink_to(entry)
    for entry in here.iterdir():
        if not (there / entry.name).exists():
            (there / entry.name).symlink_to(entry)
    return environment / "bin" / "python"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, tarball: Path) -> Any:
    """A cache folder that holds the package that carries the models, and no models."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / "blazepose_ros").mkdir()
    shutil.copy(tarball, folder / "blazepose_ros")
    return folder


@pytest.mark.parametrize("backend", LIBRARIES)
def test_models_are_fetched_and_people_found(python: Any, cache: Any, backend: str) -> None:
    if importlib.util.find_spec(LIBRARIES[backend]) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [python, "-c", SCRIPT, backend],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        timeout=TIMEOUT_S,
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [1, True]


def test_the_list_of_what_the_package_needs_names_mediapipe_apart() -> None:
    requirements = ROOT / "requirements"
    needed = (requirements / "runtime.in").read_text()
    assert not any(line.startswith("mediapipe") for line in needed.splitlines())
    assert "mediapipe" in (requirements / "mediapipe.in").read_text()
