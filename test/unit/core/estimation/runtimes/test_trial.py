# SPDX-License-Identifier: Apache-2.0
"""The fastest of several runtimes is taken, and the processor takes over from a device that fails."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blazepose_ros.core.estimation.runtimes.runtime import BackendError, Model, RuntimeOptions
from blazepose_ros.core.estimation.runtimes.trial import Candidate, GuardedRuntime, TrialRuntime

IMAGE = np.zeros((1, 2, 2, 3), np.float32)


class Clock:
    now_s = 0.0


class FakeModel(Model):
    """Takes so long for an image, answers a number, and fails from the moment it is told to."""

    def __init__(self, name: str, took_s: float, answer: float) -> None:
        self.name, self.took_s, self.answer, self.gone = name, took_s, answer, False
        self.when_run: Callable[[], object] = lambda: None

    @property
    def where(self) -> str:
        return self.name

    def run(self, image: Any) -> Sequence[Any]:
        if self.gone:
            raise RuntimeError("device lost")
        self.when_run()
        Clock.now_s += self.took_s
        return [image + self.answer]


class FakeRuntime:
    def __init__(self, model: FakeModel) -> None:
        self.model, self.loads = model, 0

    def load(self, *_arguments: Any, **_options: Any) -> FakeModel:
        self.loads += 1
        return self.model


class FakeProof:
    image = IMAGE

    def works(self, model: Any) -> bool:
        return bool(model.run(IMAGE)[0].max() > 0)

    def agrees(self, model: Any, reference: Any) -> bool:
        return bool(np.abs(model.run(IMAGE)[0] - reference.run(IMAGE)[0]).max() < 0.1)


class FakeLogger:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, line: str) -> None:
        self.lines.append(line)

    warning = error = info


class Setup:
    def __init__(self, folder: Path, **rivals: tuple[float, float]) -> None:
        """Make a trial of rivals, each by how long it takes and what it answers, on a processor of 2 s."""
        self.logger = FakeLogger()
        self.processor = FakeRuntime(FakeModel("cpu", 2.0, 1.0))
        self.rivals = {name: FakeRuntime(FakeModel(name, *each)) for name, each in rivals.items()}
        self.options = RuntimeOptions(cache_dir=folder / "compiled", logger=self.logger)

    def runtime(self) -> TrialRuntime:
        candidates = [Candidate(name, lambda each=each: each) for name, each in self.rivals.items()]
        return TrialRuntime(Candidate("cpu", lambda: self.processor), candidates, self.options)

    def load(self) -> Any:
        return self.runtime().load(b"model", proof=FakeProof())


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: Clock.now_s)


def test_the_fastest_that_answers_alike_is_taken(tmp_path: Path) -> None:
    setup = Setup(tmp_path, slow=(3.0, 1.0), fast=(1.0, 1.01), faster_and_wrong=(0.5, 7.0))
    assert setup.load().where == "fast"
    (line,) = setup.logger.lines
    assert "cpu: 2000.00 ms" in line
    assert "faster_and_wrong: differs" in line
    assert line.endswith("fast it is")


def test_each_model_is_loaded_once(tmp_path: Path) -> None:
    setup = Setup(tmp_path, fast=(1.0, 1.0))
    setup.load()
    assert (setup.processor.loads, setup.rivals["fast"].loads) == (1, 1)


def test_what_turns_out_to_be_the_reference_is_not_tried(tmp_path: Path) -> None:
    setup = Setup(tmp_path, mixed=(1.0, 1.0))
    setup.rivals["mixed"].model.name = "cpu"  # as of a model that is in f32 all the same
    assert setup.load() is setup.processor.model
    assert not setup.logger.lines


def test_nothing_is_measured_while_another_thread_loads(tmp_path: Path) -> None:
    setup = Setup(tmp_path, fast=(1.0, 1.0))
    runtime = setup.runtime()
    loading, may_go_on, measured = threading.Event(), threading.Event(), threading.Event()

    def load(content: bytes, *_arguments: Any, **_options: Any) -> FakeModel:
        if content == b"slow":
            loading.set()
            assert may_go_on.wait(10)
        return setup.processor.model

    setup.processor.load = load
    setup.rivals["fast"].model.when_run = measured.set
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(runtime.load, b"slow", proof=FakeProof())
        assert loading.wait(10)
        quick = pool.submit(runtime.load, b"quick", proof=FakeProof())
        assert not measured.wait(0.2)
        may_go_on.set()
        assert slow.result(10).where == quick.result(10).where == "fast"
    assert measured.is_set()


@pytest.mark.parametrize("took_s", [1.95, 2.0, 50.0])
def test_what_is_hardly_faster_is_not_taken(tmp_path: Path, took_s: float) -> None:
    assert Setup(tmp_path, gpu=(took_s, 1.0)).load().where == "cpu"


def test_a_device_that_does_not_load_or_run_is_passed_over(tmp_path: Path) -> None:
    setup = Setup(tmp_path, gone=(1.0, 1.0))
    setup.rivals["gone"].model.gone = True
    assert setup.load().where == "cpu"
    assert "gone: device lost" in setup.logger.lines[0]


def test_a_device_that_did_not_run_is_tried_again_at_the_next_start(tmp_path: Path) -> None:
    setup = Setup(tmp_path, gpu=(1.0, 1.0))
    setup.rivals["gpu"].model.gone = True
    assert setup.load().where == "cpu"
    setup.rivals["gpu"].model.gone = False  # its driver has been installed
    assert setup.load().where == "gpu"


def test_a_verdict_is_kept_and_not_tried_again(tmp_path: Path) -> None:
    setup = Setup(tmp_path, gpu=(1.0, 1.0))
    setup.load()
    setup.processor.loads = 0
    assert setup.load().where == "gpu"
    assert setup.processor.loads == 0
    assert len(setup.logger.lines) == 1


def test_a_kept_device_that_is_gone_leaves_the_processor(tmp_path: Path) -> None:
    setup = Setup(tmp_path, gpu=(1.0, 1.0))
    setup.load()

    def fail(*_arguments: Any, **_options: Any) -> Any:
        raise BackendError("no GPU")

    setup.rivals["gpu"].load = fail
    assert setup.load().where == "cpu"
    assert "no GPU" in setup.logger.lines[-1]


def test_a_device_that_vanishes_is_reported_once_and_the_processor_answers() -> None:
    logger = FakeLogger()
    gpu, cpu = FakeRuntime(FakeModel("gpu", 1.0, 1.0)), FakeRuntime(FakeModel("cpu", 2.0, 2.0))
    model = GuardedRuntime(gpu, cpu, logger).load(b"model")
    assert model.run(IMAGE)[0].max() == 1.0
    assert cpu.loads == 0
    gpu.model.gone = True
    answers = [outputs[0].max() for outputs in model.run_each([IMAGE, IMAGE])]
    assert answers == [2.0, 2.0]
    assert model.where == "cpu in place of gpu, which failed"
    assert logger.lines == ["gpu failed, cpu takes over: device lost"]


def test_where_the_processor_fails_too_that_is_an_error() -> None:
    gpu, cpu = FakeRuntime(FakeModel("gpu", 1.0, 1.0)), FakeRuntime(FakeModel("cpu", 2.0, 2.0))
    model = GuardedRuntime(gpu, cpu, FakeLogger()).load(b"model")
    gpu.model.gone = cpu.model.gone = True
    for _ in range(2):
        with pytest.raises(RuntimeError, match="device lost"):
            model.run(IMAGE)


def test_a_device_that_computes_wrong_leaves_the_model_to_the_processor() -> None:
    logger = FakeLogger()
    gpu, cpu = FakeRuntime(FakeModel("gpu", 1.0, -1.0)), FakeRuntime(FakeModel("cpu", 2.0, 2.0))
    model = GuardedRuntime(gpu, cpu, logger).load(b"model", proof=FakeProof())
    assert model.where == "cpu"
    assert logger.lines == ["gpu computes one of the models wrong: it is on cpu"]
