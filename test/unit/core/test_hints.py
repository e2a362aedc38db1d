# SPDX-License-Identifier: Apache-2.0
"""Advice fits where the user is: pip or a distribution, a virtual environment or not."""

import sys
import sysconfig
from pathlib import Path

import pytest

import blazepose_ros
from blazepose_ros.core import hints


@pytest.fixture
def of_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ubuntu's Python, which pip must not touch."""
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    paths = {**sysconfig.get_paths(), "stdlib": str(tmp_path)}
    monkeypatch.setattr(sysconfig, "get_path", paths.__getitem__)


def test_a_command_of_pip_is_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = Path(sysconfig.get_path("purelib"))
    monkeypatch.setattr(blazepose_ros, "__path__", ["/src/blazepose_ros", str(libraries / "blazepose_ros")])
    assert hints.run("blazepose doctor") == "blazepose doctor"


def test_a_command_of_a_distribution_is_run_by_ros2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blazepose_ros, "__path__", ["/ws/install/lib/python3.12/site-packages/blazepose_ros"])
    assert hints.run("blazepose doctor") == "ros2 run blazepose_ros blazepose doctor"


def test_an_active_environment_has_its_own_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert hints.install("numpy<2") == "pip install 'numpy<2'"


def test_without_activation_the_interpreter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setattr(sys, "executable", "/home/ada/my venv/bin/python")
    assert hints.install("openvino") == "'/home/ada/my venv/bin/python' -m pip install openvino"


@pytest.mark.usefixtures("of_the_system")
def test_where_pip_refuses_an_environment_is_made_first() -> None:
    advice = hints.install("openvino")
    assert advice.startswith("python3 -m venv --system-site-packages ")
    assert "/bin/pip install openvino" in advice
