# SPDX-License-Identifier: Apache-2.0
"""Downloads against a server on this machine that misbehaves as told."""

from __future__ import annotations

import hashlib
import resource
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from blazepose_ros.core.files import write_atomically
from blazepose_ros.core.models import download as module
from blazepose_ros.core.models.download import DownloadError, TransferBrokenError, download

CONTENT = bytes(range(256)) * 1024
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = len(CONTENT) // 2
DEADLINE_S = 10.0

Reply = Callable[["Handler"], None]


class Server(ThreadingHTTPServer):
    """Gives its replies in turn, the last one again and again; counts the requests."""

    daemon_threads = True

    def __init__(self, *replies: Reply) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies = list(replies)
        self.requests = 0
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/model.task"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        reply = self.server.replies[0] if len(self.server.replies) == 1 else self.server.replies.pop(0)
        reply(self)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


def answer(handler: Handler, status: int, body: bytes, **headers: object) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


def whole(handler: Handler) -> None:
    answer(handler, 200, CONTENT, Content_Length=len(CONTENT))


def whole_of_unknown_size(handler: Handler) -> None:
    answer(handler, 200, CONTENT)


def broken_off(handler: Handler) -> None:
    answer(handler, 200, CONTENT[:HALF], Content_Length=len(CONTENT))


def another_size(handler: Handler) -> None:
    answer(handler, 200, b"sign in to this network", Content_Length=23)


def another_file(handler: Handler) -> None:
    answer(handler, 200, bytes(len(CONTENT)), Content_Length=len(CONTENT))


def longer_than_announced(handler: Handler) -> None:
    answer(handler, 200, b"x" + CONTENT)


def silent(handler: Handler) -> None:
    handler.server.closing.wait(DEADLINE_S)


def stalled(handler: Handler) -> None:
    answer(handler, 200, CONTENT[:HALF], Content_Length=len(CONTENT))
    handler.wfile.flush()
    silent(handler)


def not_http(handler: Handler) -> None:
    handler.wfile.write(b"220 mail.example.com ESMTP\r\n")


def status(code: int) -> Reply:
    return lambda handler: answer(handler, code, b"no", Content_Length=2)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*replies: Reply) -> Server:
        server = Server(*replies)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    yield start
    for server in servers:
        server.closing.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.task"


def fetch(server: Server, path: Path) -> None:
    download(server.url, path, sha256=SHA256, size_bytes=len(CONTENT))


def test_a_download_leaves_the_file_and_nothing_else(serve: Callable[..., Server], path: Path) -> None:
    fetch(serve(whole), path)
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_a_download_shows_its_progress(
    serve: Callable[..., Server], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(serve(whole), path)
    progress = capsys.readouterr().err
    assert "model.task" in progress
    assert "100%" in progress


def test_a_download_takes_the_place_of_a_damaged_file(serve: Callable[..., Server], path: Path) -> None:
    path.write_bytes(b"damaged")
    fetch(serve(whole), path)
    assert path.read_bytes() == CONTENT


def test_a_download_of_unknown_size_is_known_by_its_hash(serve: Callable[..., Server], path: Path) -> None:
    fetch(serve(whole_of_unknown_size), path)
    assert path.read_bytes() == CONTENT


def test_what_is_there_already_needs_no_server(path: Path) -> None:
    path.write_bytes(CONTENT)
    download("http://127.0.0.1:9/", path, sha256=SHA256, size_bytes=len(CONTENT))
    assert path.read_bytes() == CONTENT


def test_a_downloaded_file_has_the_usual_permissions(serve: Callable[..., Server], path: Path) -> None:
    """Of an image that root has built, other users read the models."""
    fetch(serve(whole), path)
    usual = path.with_name("usual")
    usual.touch()
    assert path.stat().st_mode == usual.stat().st_mode


def test_a_transfer_that_breaks_off_starts_anew(serve: Callable[..., Server], path: Path) -> None:
    server = serve(broken_off, broken_off, whole)
    fetch(server, path)
    assert path.read_bytes() == CONTENT
    assert server.requests == 3


def test_a_transfer_that_keeps_breaking_off_is_given_up_and_leaves_nothing(
    serve: Callable[..., Server], path: Path
) -> None:
    server = serve(broken_off)
    with pytest.raises(TransferBrokenError, match=r"model.task broke off after 0\.\d of 0\.3 MB"):
        fetch(server, path)
    assert server.requests == module.ATTEMPTS
    assert list(path.parent.iterdir()) == []


def test_a_stalled_transfer_is_given_up_and_leaves_nothing(
    serve: Callable[..., Server], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALL_TIMEOUT_S", 0.2)
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    with pytest.raises(TransferBrokenError, match=r"broke off after 0\.\d of 0\.3 MB"):
        fetch(serve(stalled), path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("reply", [another_file, longer_than_announced])
def test_another_file_is_refused_and_forgotten(serve: Callable[..., Server], path: Path, reply: Any) -> None:
    with pytest.raises(DownloadError, match=f"holds another file: .*{SHA256} but got"):
        fetch(serve(reply), path)
    assert list(path.parent.iterdir()) == []


def test_a_file_of_another_size_is_refused_before_it_is_fetched(
    serve: Callable[..., Server], path: Path
) -> None:
    with pytest.raises(DownloadError, match=f"another file: 23 bytes instead of {len(CONTENT)}"):
        fetch(serve(another_size), path)
    assert list(path.parent.iterdir()) == []


def test_a_damaged_transfer_leaves_the_old_file(serve: Callable[..., Server], path: Path) -> None:
    path.write_bytes(b"old")
    with pytest.raises(DownloadError, match="holds another file"):
        fetch(serve(another_file), path)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("code", [403, 404, 500, 503])
def test_a_refusal_is_told_with_its_status(serve: Callable[..., Server], path: Path, code: int) -> None:
    with pytest.raises(DownloadError, match=f"model.task answers {code} "):
        fetch(serve(status(code)), path)
    assert list(path.parent.iterdir()) == []


def test_a_server_that_never_answers_does_not_hang(
    serve: Callable[..., Server], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 0.2)
    with pytest.raises(DownloadError, match=r"does not answer within 0\.2 s"):
        fetch(serve(silent), path)


def test_something_that_speaks_no_http_is_told(serve: Callable[..., Server], path: Path) -> None:
    with pytest.raises(DownloadError, match="cannot be reached"):
        fetch(serve(not_http), path)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://no-such-host.invalid/", "", "no address"])
def test_an_address_that_leads_nowhere_is_told(path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match="cannot be reached"):
        download(url, path, sha256=SHA256, size_bytes=len(CONTENT))


@pytest.fixture
def full_disk() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_no_fault_of_the_server_and_leaves_no_half_file(
    serve: Callable[..., Server], path: Path
) -> None:
    with pytest.raises(OSError, match="too large"):
        fetch(serve(whole), path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.usefixtures("full_disk")
def test_a_file_that_does_not_fit_leaves_the_old_one(path: Path) -> None:
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="too large"):
        write_atomically(path, CONTENT)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]
