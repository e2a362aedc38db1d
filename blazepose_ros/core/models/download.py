"""Downloads that resume where they broke off and appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

ANSWER_TIMEOUT_S = 6.0  # for the first answer; a firewall that drops packets never gives one
STALL_TIMEOUT_S = 20.0  # for each further piece
ATTEMPTS = 5  # a transfer that breaks off is taken up again this often
_CHUNK_BYTES = 1 << 16


class DownloadError(RuntimeError):
    """The file could not be had from this address, and why."""


class TransferBrokenError(DownloadError):
    """The transfer broke off; what arrived is kept for the next attempt."""


class ResumeRefusedError(TransferBrokenError):
    """The server does not go on where the transfer broke off; the next attempt starts over."""


def download(url: str, path: Path, *, sha256: str, size_bytes: int) -> None:
    """Download a file whose size and hash are known, with a progress bar on stderr.

    What has arrived waits in ``<path>.part``, from where the next call goes on.
    The caller sees to it that no other process downloads to the same path.

    Raises:
        DownloadError: the address cannot be reached, refuses, or holds another file.
        OSError: the disk is full, or not ours to write on.
    """
    part = part_of(path)
    _gather(url, part, size_bytes)
    if (actual := _sha256(part)) != sha256:
        part.unlink()
        raise DownloadError(f"{url} holds another file: its sha256 is {actual} instead of {sha256}")
    install(part, path)


def part_of(path: Path) -> Path:
    """Return where a file is gathered before it appears under its own name."""
    return path.with_name(path.name + ".part")


def install(part: Path, path: Path) -> None:
    """Give a finished file its own name: after a power cut it is there whole or not at all."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    part = part_of(path)
    part.write_bytes(content)
    install(part, path)


def _gather(url: str, part: Path, size_bytes: int) -> None:
    """Fetch what a partial file lacks, in as many attempts as it takes."""
    for _ in range(ATTEMPTS - 1):
        with suppress(TransferBrokenError):
            _continue(url, part, size_bytes)
            return
    _continue(url, part, size_bytes)


def _continue(url: str, part: Path, size_bytes: int) -> None:
    offset = _usable_bytes(part, size_bytes)
    if offset == size_bytes:
        return
    try:
        with _open(url, offset) as response:
            _append_body(response, part, _start_of_body(response, offset, size_bytes), size_bytes)
    except ResumeRefusedError:
        part.unlink(missing_ok=True)
        raise


def _usable_bytes(part: Path, size_bytes: int) -> int:
    """Return how much has arrived: nothing where the partial file is longer than the whole."""
    arrived = part.stat().st_size if part.exists() else 0
    return arrived if arrived <= size_bytes else 0


def _open(url: str, offset: int) -> HTTPResponse:
    """Ask for a file from ``offset`` on, with one deadline until the answer.

    The timeout of ``urlopen`` holds for each of a name's addresses and not for the look-up,
    which adds up to minutes behind a firewall that drops packets.
    """
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    answer: Future[HTTPResponse] = Future()

    def ask() -> None:
        try:
            answer.set_result(urlopen(Request(url, headers=headers), timeout=STALL_TIMEOUT_S))
        except (OSError, HTTPException, ValueError) as err:
            answer.set_exception(err)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answer.result(ANSWER_TIMEOUT_S)
    except FutureTimeoutError as err:
        raise DownloadError(f"{url} does not answer within {ANSWER_TIMEOUT_S:g} s") from err
    except HTTPError as err:
        if err.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise ResumeRefusedError(f"{url} has nothing from byte {offset} on") from err
        raise DownloadError(f"{url} answers {err.code} {err.reason}") from err
    except (OSError, HTTPException, ValueError) as err:
        raise DownloadError(f"{url} cannot be reached: {err}") from err


def _start_of_body(response: HTTPResponse, offset: int, size_bytes: int) -> int:
    """Return the offset at which an answer starts: 0 from a server that cannot resume.

    Raises:
        ResumeRefusedError: it is another part of the file than the one asked for.
        DownloadError: it is another file, by its size.
    """
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        if (
            actual := response.headers.get("Content-Range")
        ) != f"bytes {offset}-{size_bytes - 1}/{size_bytes}":
            raise ResumeRefusedError(f"{response.url} answers {actual} to a request from byte {offset} on")
        return offset
    if (actual := response.headers.get("Content-Length", str(size_bytes))) != str(size_bytes):
        raise DownloadError(f"{response.url} holds another file: {actual} bytes instead of {size_bytes}")
    return 0


def _append_body(response: HTTPResponse, part: Path, offset: int, size_bytes: int) -> None:
    """Write an answer's body into a partial file from ``offset`` on."""
    bar = tqdm(total=size_bytes, initial=offset, desc=part.stem, unit="B", unit_scale=True, unit_divisor=1024)
    with bar, part.open("ab") as file:
        file.truncate(offset)
        while offset < size_bytes and (chunk := _next_chunk(response, size_bytes - offset)):
            file.write(chunk)
            offset += len(chunk)
            bar.update(len(chunk))
    if offset < size_bytes:
        raise TransferBrokenError(f"{response.url} broke off after {offset} of {size_bytes} bytes")


def _next_chunk(response: HTTPResponse, most_bytes: int) -> bytes:
    """Return what has arrived of a body; nothing where it ends or the connection breaks."""
    try:
        return response.read1(min(most_bytes, _CHUNK_BYTES))
    except (OSError, HTTPException):
        return b""


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
