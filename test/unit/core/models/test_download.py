"""Downloads against a server on this machine that misbehaves as told."""

from __future__ import annotations

import hashlib
import re
import resource
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from blazepose_ros.core.models import download as module
from blazepose_ros.core.models.download import (
    DownloadError,
    TransferBrokenError,
    download,
    part_of,
    write_whole,
)

CONTENT = bytes(range(256)) * 1024
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = len(CONTENT) // 2
DEADLINE_S = 10.0

Reply = Callable[[BaseHTTPRequestHandler, int], None]


class Server(ThreadingHTTPServer):
    """Gives its replies in turn, the last one again and again; remembers where requests started."""

    daemon_threads = True

    def __init__(self, *replies: Reply) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies = list(replies)
        self.starts: list[int] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/model.task"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(match[1]) if match else 0
        self.server.starts.append(start)
        reply = self.server.replies[0] if len(self.server.replies) == 1 else self.server.replies.pop(0)
        reply(self, start)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: object) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


def resumable(handler: BaseHTTPRequestHandler, start: int) -> None:
    if not start:
        return whole(handler, start)
    ranged = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
    return answer(handler, 206, CONTENT[start:], Content_Range=ranged)


def whole(handler: BaseHTTPRequestHandler, _: int) -> None:
    answer(handler, 200, CONTENT, Content_Length=len(CONTENT))


def broken_off(handler: BaseHTTPRequestHandler, start: int) -> None:
    ranged = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
    body = CONTENT[start : start + 1000]
    answer(handler, 206, body, Content_Length=len(CONTENT) - start, Content_Range=ranged)


def wrong_part(handler: BaseHTTPRequestHandler, _: int) -> None:
    answer(handler, 206, CONTENT, Content_Range=f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}")


def not_satisfiable(handler: BaseHTTPRequestHandler, _: int) -> None:
    answer(handler, 416, b"", Content_Length=0)


def another_size(handler: BaseHTTPRequestHandler, _: int) -> None:
    answer(handler, 200, b"sign in to this network", Content_Length=23)


def another_file(handler: BaseHTTPRequestHandler, _: int) -> None:
    answer(handler, 200, bytes(len(CONTENT)), Content_Length=len(CONTENT))


def longer_than_announced(handler: BaseHTTPRequestHandler, _: int) -> None:
    answer(handler, 200, b"x" + CONTENT)


def silent(handler: Handler, _: int) -> None:
    handler.server.closing.wait(DEADLINE_S)


def stalled(handler: Handler, start: int) -> None:
    answer(handler, 200, CONTENT[:1000], Content_Length=len(CONTENT))
    handler.wfile.flush()
    silent(handler, start)


def not_http(handler: BaseHTTPRequestHandler, _: int) -> None:
    handler.wfile.write(b"220 mail.example.com ESMTP\r\n")


def status(code: int) -> Reply:
    return lambda handler, _: answer(handler, code, b"no", Content_Length=2)


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


def test_a_download_leaves_the_file_and_nothing_else(serve, path):
    fetch(serve(whole), path)
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_a_download_shows_its_progress(serve, path, capsys):
    fetch(serve(whole), path)
    progress = capsys.readouterr().err
    assert "model.task" in progress
    assert "100%" in progress


def test_a_download_takes_the_place_of_a_damaged_file(serve, path):
    path.write_bytes(b"damaged")
    fetch(serve(whole), path)
    assert path.read_bytes() == CONTENT


def test_a_download_goes_on_where_it_broke_off(serve, path):
    server = serve(resumable)
    part_of(path).write_bytes(CONTENT[:HALF])
    fetch(server, path)
    assert path.read_bytes() == CONTENT
    assert server.starts == [HALF]


def test_a_finished_part_needs_no_server(path):
    part_of(path).write_bytes(CONTENT)
    download("http://127.0.0.1:9/", path, sha256=SHA256, size_bytes=len(CONTENT))
    assert path.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_started_over(serve, path):
    part_of(path).write_bytes(CONTENT + b"x")
    fetch(serve(resumable), path)
    assert path.read_bytes() == CONTENT


def test_a_server_that_cannot_resume_sends_everything_again(serve, path):
    part_of(path).write_bytes(CONTENT[:HALF])
    fetch(serve(whole), path)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("refusal", [not_satisfiable, wrong_part])
def test_a_refused_resume_starts_over(serve, path, refusal):
    server = serve(refusal, resumable)
    part_of(path).write_bytes(CONTENT[:HALF])
    fetch(server, path)
    assert path.read_bytes() == CONTENT
    assert server.starts == [HALF, 0]


def test_a_transfer_that_breaks_off_is_taken_up_again(serve, path):
    server = serve(broken_off, broken_off, resumable)
    fetch(server, path)
    assert path.read_bytes() == CONTENT
    assert server.starts == [0, 1000, 2000]


def test_a_transfer_that_keeps_breaking_off_keeps_what_arrived(serve, path):
    server = serve(broken_off)
    with pytest.raises(TransferBrokenError, match=rf"broke off after 5000 of {len(CONTENT)} bytes"):
        fetch(server, path)
    assert part_of(path).read_bytes() == CONTENT[:5000]
    assert not path.exists()


def test_a_stalled_transfer_keeps_what_arrived(serve, path, monkeypatch):
    monkeypatch.setattr(module, "STALL_TIMEOUT_S", 0.2)
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    with pytest.raises(TransferBrokenError, match="broke off after 1000 of"):
        fetch(serve(stalled), path)
    assert part_of(path).read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize("reply", [another_file, longer_than_announced])
def test_another_file_is_refused_and_forgotten(serve, path, reply):
    with pytest.raises(DownloadError, match=f"holds another file: its sha256 is .* instead of {SHA256}"):
        fetch(serve(reply), path)
    assert list(path.parent.iterdir()) == []


def test_a_file_of_another_size_is_refused_before_it_is_fetched(serve, path):
    with pytest.raises(DownloadError, match=f"another file: 23 bytes instead of {len(CONTENT)}"):
        fetch(serve(another_size), path)
    assert list(path.parent.iterdir()) == []


def test_after_a_damaged_part_the_next_download_succeeds(serve, path):
    server = serve(resumable)
    part_of(path).write_bytes(bytes(HALF))
    with pytest.raises(DownloadError, match="holds another file"):
        fetch(server, path)
    fetch(server, path)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("code", [403, 404, 500, 503])
def test_a_refusal_is_told_with_its_status(serve, path, code):
    with pytest.raises(DownloadError, match=f"model.task answers {code} "):
        fetch(serve(status(code)), path)
    assert list(path.parent.iterdir()) == []


def test_a_server_that_never_answers_does_not_hang(serve, path, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 0.2)
    with pytest.raises(DownloadError, match=r"does not answer within 0\.2 s"):
        fetch(serve(silent), path)


def test_something_that_speaks_no_http_is_told(serve, path):
    with pytest.raises(DownloadError, match="cannot be reached"):
        fetch(serve(not_http), path)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://no-such-host.invalid/", "", "no address"])
def test_an_address_that_leads_nowhere_is_told(path, url):
    with pytest.raises(DownloadError, match="cannot be reached"):
        download(url, path, sha256=SHA256, size_bytes=len(CONTENT))


@pytest.fixture
def full_disk() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_no_fault_of_the_server_and_leaves_no_half_file(serve, path):
    with pytest.raises(OSError, match="too large"):
        fetch(serve(whole), path)
    assert not path.exists()


@pytest.mark.usefixtures("full_disk")
def test_a_file_that_does_not_fit_leaves_the_old_one(path):
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="too large"):
        write_whole(path, CONTENT)
    assert path.read_bytes() == b"old"
