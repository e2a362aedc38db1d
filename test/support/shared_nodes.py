# SPDX-License-Identifier: Apache-2.0
"""Nodes that the tests of a module share: to start one takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from support.node_services import change_state, parameters, set_parameters
from support.pose_client import PoseClient, pose_node


class SharedNodes:
    """Keeps one node running for the tests of a module, another one once they want other parameters.

    For each test the node is deactivated and activated again: it knows no person, calibration or
    depth of the tests before, and has the parameters that it started with.

    Args:
        ros: rclpy.
        folder: for the nodes' logs.
    """

    def __init__(self, ros: ModuleType, folder: Path) -> None:
        self._ros = ros
        self._folder = folder
        self._running = ExitStack()
        self._client: PoseClient | None = None
        self._settings: dict[str, Any] = {}
        self._parameters: dict[str, Any] = {}

    @contextmanager
    def node(self, *outputs: str, **settings: Any) -> Iterator[PoseClient]:
        """Lend the client of a node with some parameters to a test.

        Args:
            outputs: what the client listens to besides the poses, by their names in OUTPUTS.
            settings: the parameters that the node is started with.
        """
        if self._client is not None and self._settings == settings:
            _start_anew(self._client, self._parameters)
        else:
            self.close()
            path = self._folder / "log"
            self._client = self._running.enter_context(pose_node(self._ros, log_path=path, **settings))
            self._settings, self._parameters = settings, parameters(self._client)
        client = self._client
        client.listen(*outputs)
        yield client
        assert client.process is not None
        assert client.process.poll() is None
        assert "Traceback" not in client.log()

    def close(self) -> None:
        """Stop the node, for a test that needs one of its own; it has to end in order."""
        self._client = None
        self._running.close()


def _start_anew(client: PoseClient, settings: dict[str, Any]) -> None:
    now = parameters(client)
    changed = {name: value for name, value in settings.items() if now[name] != value}
    assert not changed or set_parameters(client, **changed) == ""
    client.forget()
    assert change_state(client, "deactivate")
    client.wait_for(lambda: not client.image.get_subscription_count(), "the end of the subscription")
    assert change_state(client, "activate")
    client.wait_until_connected()
    client.forget()
