# SPDX-License-Identifier: Apache-2.0
"""Other devices than the processor: OpenVINO's combined ones, and a GPU that is computed in software."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.vulkan import needs_vulkan, vulkan_environment

from blazepose_ros.core.estimation.drawn_person import DetectorProof, LandmarksProof
from blazepose_ros.core.estimation.factory import RUNTIMES
from blazepose_ros.core.estimation.landmark_model import MASK_SHAPE
from blazepose_ros.core.estimation.runtimes.runtime import BackendError, RuntimeOptions
from blazepose_ros.core.models.task_bundle import DETECTOR, LANDMARKER, split_bundle
from blazepose_ros.core.types import ModelComplexity

UNUSED = (MASK_SHAPE,)
DEADLINE_S = 300

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed"
)


@pytest.fixture(scope="module")
def lite(models: dict[ModelComplexity, bytes]) -> dict[str, bytes]:
    return split_bundle(models[ModelComplexity.LITE])


@needs_openvino
@pytest.mark.parametrize("device", ["AUTO:CPU", "HETERO:CPU"])
def test_combined_devices_of_openvino_give_what_the_processor_gives(
    lite: dict[str, bytes], device: str, tmp_path: Path
) -> None:
    processor = RUNTIMES["openvino"](RuntimeOptions())
    combined = RUNTIMES["openvino"](RuntimeOptions(device=device, cache_dir=tmp_path / "compiled"))
    for name, proof, unused in ((LANDMARKER, LandmarksProof(), UNUSED), (DETECTOR, DetectorProof(), ())):
        model = combined.load(lite[name], unused, proof=proof)
        assert proof.works(model)
        assert proof.agrees(model, processor.load(lite[name], unused))
        assert device in model.where


@needs_openvino
@pytest.mark.parametrize("device", ["gpu.7", "npu", "gpu:no such name"])
def test_a_device_that_is_not_there_is_named_with_those_that_are(device: str) -> None:
    with pytest.raises(BackendError, match=r"no device .* here, only .*CPU"):
        RUNTIMES["openvino"](RuntimeOptions(device=device))


# What the processor answers is compared with what the device answers.
ON_VULKAN = """
import json, sys
from pathlib import Path
import numpy as np
from blazepose_ros.core.estimation.factory import RUNTIMES
from blazepose_ros.core.estimation.drawn_person import DetectorProof, LandmarksProof, drawn_person
from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.estimation.landmark_model import MASK_SHAPE
from blazepose_ros.core.estimation.runtimes.runtime import Precision, RuntimeOptions
from blazepose_ros.core.models.registry import resolve
from blazepose_ros.core.models.task_bundle import DETECTOR, LANDMARKER, split_bundle
from blazepose_ros.core.types import Frame, ModelComplexity

bundle = resolve(ModelComplexity.LITE).content
models = split_bundle(bundle)
on = {device: RUNTIMES["litert"](RuntimeOptions(device=device)) for device in ("cpu", "gpu")}
answer = {}
for name, proof, unused in ((LANDMARKER, LandmarksProof(), (MASK_SHAPE,)), (DETECTOR, DetectorProof(), ())):
    cpu, gpu = (runtime.load(models[name], unused, proof=proof) for runtime in on.values())
    outputs = zip(gpu.run(proof.image), cpu.run(proof.image), strict=True)
    furthest = max(float(np.abs(ours - theirs).max()) for ours, theirs in outputs)
    answer[name] = {"where": gpu.where, "furthest": furthest}
estimator = choose_estimator("litert", EstimatorOptions(bundle), RuntimeOptions(device="gpu")).estimator
answer["people"] = len(estimator.estimate(Frame(drawn_person(), 0)))
answer["estimator"] = estimator.where

# Where everything is left open, OpenVINO on the processor and LiteRT on the device are tried.
class Lines:
    info = warning = error = staticmethod(lambda line: answer.setdefault("log", []).append(line))

folder = Path(sys.argv[1])
anything = RuntimeOptions(device="auto", precision=Precision.AUTO, cache_dir=folder, logger=Lines())
answer["backend"] = choose_estimator("auto", EstimatorOptions(bundle), anything).backend

# The device vanishes: its library answers nothing but errors.
def gone(*_arguments):
    raise RuntimeError("Failed to run: device lost")

estimator._models.landmarks._model._model._model.run_by_index = gone
answer["people without it"] = len(estimator.estimate(Frame(drawn_person(), 40_000_000)))
answer["estimator without it"] = estimator.where
print(json.dumps(answer))
"""


@pytest.mark.thorough
@needs_vulkan
def test_a_vulkan_device_gives_what_the_processor_gives_and_may_vanish(tmp_path: Path) -> None:
    environment = {**os.environ, **vulkan_environment(tmp_path)}
    command = [sys.executable, "-c", ON_VULKAN, str(tmp_path / "compiled")]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DEADLINE_S)
    assert process.returncode == 0, process.stderr[-2000:]
    answer = json.loads(process.stdout.splitlines()[-1])
    # The detector's packed weights (DENSIFY) are not for the GPU, where half of it would come out wrong.
    assert answer[LANDMARKER]["where"] == "litert gpu f32"
    assert answer[DETECTOR]["where"] == "litert cpu f32"
    assert all(each["furthest"] < 0.01 for each in answer.values() if isinstance(each, dict))  # of pixels
    assert (answer["people"], answer["people without it"]) == (1, 1)
    assert answer["estimator"] == "litert gpu f32"
    assert answer["estimator without it"] == "litert cpu f32 in place of litert gpu f32, which failed"
    assert "device lost" in process.stderr  # it is said
    if importlib.util.find_spec("openvino"):
        assert answer["backend"] in ("openvino", "litert")
        trials = [line for line in answer["log"] if line.startswith("tried out")]
        assert len(trials) == 2  # of both models
        assert all(f"litert gpu {each}: " in line for each in ("f32", "f16") for line in trials)


@needs_openvino
def test_auto_takes_the_processor_where_nothing_else_is_faster(
    lite: dict[str, bytes], tmp_path: Path
) -> None:
    options = RuntimeOptions(device="auto", cache_dir=tmp_path)
    model: Any = RUNTIMES["openvino"](options).load(lite[LANDMARKER], UNUSED, proof=LandmarksProof())
    assert np.isfinite(model.run(LandmarksProof().image)[0]).all()
    assert model.where
