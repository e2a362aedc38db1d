# SPDX-License-Identifier: Apache-2.0
"""What all tests share: the data with known answers, the models, and a DDS of their own."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from support.network import direct_network
from support.own_data import with_shared_data
from support.paths import LOOPBACK_PROFILE, TESTS
from support.shared_memory import remove_unused, shared_memory

from blazepose_ros.cli.processes import isolate
from blazepose_ros.core.frame_sources.samples import SampleError
from blazepose_ros.core.models.registry import ModelError, resolve
from blazepose_ros.core.types import ModelComplexity
from blazepose_ros.nodes.common.dds import profile_variable

# How long an example takes is the machine's matter: the first one imports the messages.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Any, parent: Any) -> Any:
    """Keep launch_testing's plugin off what is no launch test.

    It imports every file to see, and one that skips itself then takes the whole folder along.
    """
    if not module_path.stem.endswith("_launch"):
        return pytest.Module.from_parent(parent, path=module_path)
    return None


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_reaches_children() -> None:
    """Undo what a shell does to tests in the background: they, and their children, ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _children_import_support() -> Iterator[None]:
    """Let processes that tests start import what the tests share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_shared_memory_is_left() -> Iterator[None]:
    """Remove what the middleware of killed processes has left, and nothing that is in use."""
    before = shared_memory()
    yield
    remove_unused(shared_memory() - before)


@pytest.fixture(scope="session", autouse=True)
def _own_ros_domain() -> Iterator[None]:
    """Keep the tests' traffic apart from other ROS processes and on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(profile_variable(), str(LOOPBACK_PROFILE))
        isolate()
        yield


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photographs and clips with known answers."""
    try:
        with direct_network():
            return with_shared_data(tmp_path_factory.mktemp("data"))
    except SampleError as err:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(err))


@pytest.fixture(scope="session")
def models() -> dict[ModelComplexity, bytes]:
    """The three bundles from the user's cache."""
    try:
        return {complexity: resolve(complexity).content for complexity in ModelComplexity}
    except ModelError as err:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"run `blazepose models fetch --model all` first: {err}")


@pytest.fixture(scope="session")
def ros() -> Iterator[Any]:
    """A rclpy context for the test's own nodes."""
    rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")
    from rclpy.signals import SignalHandlerOptions

    # rclpy's handlers and the signals that tests send to themselves do not go together.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    yield rclpy
    rclpy.try_shutdown()
