# SPDX-License-Identifier: Apache-2.0
"""Who may watch: Host and Origin, and what a browser gets first."""

import socket
from typing import Any

import pytest

from blazepose_ros.cli.view.gate import MAX_SAID, SOCKET_WITHIN_S, Gate, host_name, page

HERE = "localhost:8080"


class Response:
    def __init__(self, status: int, body: str) -> None:
        self.status, self.body, self.headers = status, body, {}


class Connection:
    def respond(self, status: int, text: str) -> Response:
        return Response(status, text)


class Request:
    def __init__(self, **headers: str) -> None:
        self.headers = {"Accept-Encoding": "gzip", **headers}


class Html:
    def __init__(self) -> None:
        self.body = b'<title>Viser</title><div id="root"></div>'
        self.headers = {"Content-Type": "text/html; charset=utf-8", "Content-Length": "41"}


def gate(*allowed: str, host: str = "127.0.0.1", said: Any = None) -> Gate:
    return Gate(host, allowed, [].append if said is None else said.append)


@pytest.mark.parametrize(
    "host",
    [
        HERE,
        "localhost",
        "LOCALHOST.:8080",
        "127.0.0.1:8080",
        "[::1]:8080",
        "192.168.1.7:80",
        "view.localhost:8080",
        f"{socket.gethostname()}:8080",
        f"{socket.gethostname().partition('.')[0]}.local:8080",
    ],
)
def test_addresses_and_this_machines_names_are_served(host: str) -> None:
    """A page of the internet has a name of its own; it cannot have an address or one of these."""
    assert gate().refusal({"Host": host}) == ""
    assert gate().refusal({"Host": host, "Origin": f"http://{host}"}) == ""


@pytest.mark.parametrize(
    "host", ["evil.example:8080", "localhost.evil.example", "127.0.0.1.nip.io", "", "[::1"]
)
def test_a_foreign_name_that_points_here_is_refused(host: str) -> None:
    """DNS rebinding: Origin and Host agree."""
    assert "not served" in gate().refusal({"Host": host, "Origin": f"http://{host}"})
    assert "not served" in gate().refusal({"Host": host})


def test_a_request_without_a_host_is_refused() -> None:
    assert gate().refusal({}) != ""


@pytest.mark.parametrize(
    "origin", ["https://elsewhere.example", "http://localhost:8081", "null", "", "http://[", "file://"]
)
def test_a_page_of_another_server_may_not_watch(origin: str) -> None:
    assert "not allowed to watch" in gate().refusal({"Host": HERE, "Origin": origin})


def test_a_name_that_is_allowed_is_served_also_behind_a_proxy_that_hides_it() -> None:
    guarded = gate("View.Example")
    assert guarded.refusal({"Host": "view.example", "Origin": "https://view.example"}) == ""
    assert guarded.refusal({"Host": HERE, "Origin": "https://view.example"}) == ""
    assert guarded.refusal({"Host": "other.example", "Origin": "https://other.example"}) != ""


def test_the_name_that_is_listened_on_is_served() -> None:
    assert gate(host="robot.lab").refusal({"Host": "robot.lab:8080"}) == ""


def test_a_refusal_names_the_option_and_forges_no_line() -> None:
    refusal = gate().refusal({"Host": "evil.example\n[FATAL]\x1b[31m" + "x" * 100_000})
    assert r"evil.example\n[FATAL]\x1b[31m" in refusal
    assert "--allow-host" in refusal
    assert refusal.isprintable()
    assert len(refusal) < 1000


def test_a_refusal_is_said_once_and_inventions_do_not_flood_the_terminal() -> None:
    said: list[str] = []
    guarded = gate(said=said)
    for _ in range(3):
        response = guarded.answer(Connection(), Request(Host="evil.example"), None, 0.0)
        assert response.status == 403
        assert "--allow-host evil.example" in response.body
    assert len(said) == 1
    for number in range(1000):
        guarded.answer(Connection(), Request(Host=f"{number}.example"), None, 0.0)
    assert len(said) == MAX_SAID


def test_the_page_has_a_title_a_dark_mode_and_a_hint_and_its_length_is_right() -> None:
    html = Html()
    answer = gate().answer(Connection(), Request(Host=HERE), lambda *_: html, 0.0)
    assert answer is html
    assert b"<title>BlazePose</title>" in html.body
    assert b"prefers-color-scheme: dark" in html.body
    assert b"WebSockets" in html.body
    assert html.headers["Content-Length"] == str(len(html.body))


def test_a_page_that_is_changed_is_not_packed() -> None:
    seen: list[Any] = []
    gate().answer(Connection(), Request(Host=HERE), lambda _, request: seen.append(request) or Html(), 0.0)
    assert "Accept-Encoding" not in seen[0].headers


def test_a_page_whose_websocket_does_not_come_is_told_once() -> None:
    guarded = gate()
    guarded.answer(Connection(), Request(Host=HERE), lambda *_: Html(), 0.0)
    assert not guarded.misses_socket(SOCKET_WITHIN_S)
    assert guarded.misses_socket(SOCKET_WITHIN_S + 1)
    assert not guarded.misses_socket(SOCKET_WITHIN_S + 2)


def test_a_websocket_that_comes_is_not_missed() -> None:
    guarded = gate()
    guarded.answer(Connection(), Request(Host=HERE), lambda *_: Html(), 0.0)
    assert guarded.answer(Connection(), Request(Host=HERE), lambda *_: None, 1.0) is None
    assert not guarded.misses_socket(SOCKET_WITHIN_S + 1)


def test_another_page_of_viser_stays_as_it_is() -> None:
    assert page(b"<title>Other</title>") == b"<title>Other</title>"


@pytest.mark.parametrize(("host", "name"), [("A.b:1", "a.b"), ("[::1]:8", "::1"), ("", ""), ("[::1", "")])
def test_the_name_in_a_host_header(host: str, name: str) -> None:
    assert host_name(host) == name
