# SPDX-License-Identifier: Apache-2.0
"""What the page takes from viser's inside, with the viser that is installed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest

pytest.importorskip("viser", reason="viser is not installed")

import viser
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from blazepose_ros.cli.view import gate, web_server
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


def get(server: WebServer, **headers: str) -> Any:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_S)
    connection.request("GET", "/", headers=headers)
    return connection.getresponse()


def test_the_page_of_another_server_gets_nothing(
    server: WebServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InvalidStatus, match="403"), connected_to(server, origin="https://elsewhere.example"):
        pass
    assert server._inside()[0] == {}
    assert "https://elsewhere.example" in capsys.readouterr().err


def test_a_foreign_name_that_points_here_gets_nothing(server: WebServer) -> None:
    """DNS rebinding: the page's own name was made to point to this machine after it was loaded."""
    answer = get(server, Host=f"evil.example:{server.port}")
    assert answer.status == 403
    assert b"--allow-host evil.example" in answer.read()


def test_the_page_is_served_with_what_visers_lacks(server: WebServer) -> None:
    """Viser's page still has the places where title, dark mode and hint are put."""
    answer = get(server, **{"Accept-Encoding": "gzip"})
    body = answer.read()
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) == len(body)
    assert b"<title>BlazePose</title>" in body
    assert b'<div id="blazepose-hint"' in body
    assert b"prefers-color-scheme" in body


def test_a_connection_that_stays_silent_is_closed(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server._server, "get_clients", dict)
    with connected_to(server) as client:
        wait_for(lambda: server._inside()[0])
        assert server.connected() == {}
        monkeypatch.setattr(web_server, "SILENT_S", 0.0)
        server.connected()
        with pytest.raises(ConnectionClosed):
            receive_all(client)


def test_a_page_whose_websocket_does_not_come_is_said_on_the_terminal(
    server: WebServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gate, "SOCKET_WITHIN_S", 0.0)
    get(server).read()
    server.connected()
    assert f"ssh -L {server.port}:localhost:{server.port}" in capsys.readouterr().err
