# SPDX-License-Identifier: Apache-2.0
"""What the page takes from viser's inside, with the viser that is installed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("viser", reason="viser is not installed")

import viser
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from blazepose_ros.cli.view.web_server import WebServer

DEADLINE_S = 10.0


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    server = WebServer("127.0.0.1", 0)
    # viser lists a client once it has sent where its camera is, which only a browser does.
    monkeypatch.setattr(server._server, "get_clients", lambda: dict.fromkeys(server._inside()[0]))
    yield server
    server.close()


@contextmanager
def connected_to(server: Any, **options: Any) -> Iterator[Any]:
    address, protocol = f"127.0.0.1:{server.port}", f"viser-v{viser.__version__}"
    with connect(f"ws://{address}", subprotocols=[protocol], max_size=None, **options) as client:
        yield client


def receive_all(client: Any) -> None:
    while True:
        client.recv(DEADLINE_S)


def wait_for(condition: Any) -> Any:
    deadline_s = time.monotonic() + DEADLINE_S
    while not (result := condition()):
        assert time.monotonic() < deadline_s, "it did not happen in time"
        time.sleep(0.01)
    return result


def test_a_browser_answers_once_it_has_received_what_was_sent(server: WebServer) -> None:
    with connected_to(server):
        (browser,) = wait_for(server.connected).values()
        browser.ask()
        wait_for(lambda: browser.keeps_up)
        assert browser._answer.exception() is None


def test_a_browser_that_leaves_is_not_waited_for(server: WebServer) -> None:
    with connected_to(server):
        (browser,) = wait_for(server.connected).values()
    wait_for(lambda: not server.connected())
    browser.ask()
    wait_for(lambda: browser.keeps_up)
    assert browser._answer.exception() is None


def test_the_page_of_another_server_is_disconnected(server: WebServer) -> None:
    with connected_to(server, origin="https://elsewhere.example") as client:
        wait_for(lambda: server._inside()[0])
        assert server.connected() == {}
        with pytest.raises(ConnectionClosed):
            receive_all(client)
