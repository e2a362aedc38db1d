# SPDX-License-Identifier: Apache-2.0
"""The models in the user's cache: their names, paths and hashes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from blazepose_ros.core import hints
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.files import InputFileError, read_limited
from blazepose_ros.core.text import printable
from blazepose_ros.core.types import ModelComplexity


class ModelError(BlazePoseError, RuntimeError):
    """A model cannot be used; the message names the fix."""


class ModelMissingError(ModelError):
    """There is no model file."""


class ModelDamagedError(ModelError):
    """The file's content is none of the known models."""


class UnknownModelError(ModelError, ValueError):
    """There is no model of this name."""


class ModelState(Enum):
    """The state of a model in the cache."""

    VERIFIED = "verified"
    DAMAGED = "damaged"
    MISSING = "missing"


@dataclass(frozen=True)
class Bundle:
    """One model as it is published: a ``.task`` bundle, and the parts it can be assembled from.

    Attributes:
        complexity: which of the three.
        url: where Google keeps the bundle.
        size_bytes: the size of Google's bundle.
        sha256: the hash of Google's bundle.
        assembled_sha256: the hash of ``assemble_bundle`` of the parts.
        landmarker: the landmark model's file name in the npm package.
    """

    complexity: ModelComplexity
    url: str
    size_bytes: int
    sha256: str
    assembled_sha256: str
    landmarker: str

    @property
    def name(self) -> str:
        """The name in file names and on the command line: lite, full or heavy."""
        return self.complexity.name.lower()

    @property
    def file_name(self) -> str:
        """The name in the cache."""
        return f"pose_landmarker_{self.name}.task"

    @property
    def known_sha256(self) -> tuple[str, str]:
        """The hashes of Google's bundle and of the assembled one, which give the same poses."""
        return self.sha256, self.assembled_sha256

    @property
    def remedy(self) -> str:
        """What to do where the cache does not hold it."""
        command = hints.run(f"blazepose models fetch --model {self.complexity.value}")
        return f"run `{command}`"


def _bundle(complexity: ModelComplexity, size_bytes: int, sha256: str, assembled_sha256: str) -> Bundle:
    stem = f"pose_landmarker_{complexity.name.lower()}"
    return Bundle(
        complexity,
        f"https://storage.googleapis.com/mediapipe-models/pose_landmarker/{stem}/float16/1/{stem}.task",
        size_bytes,
        sha256,
        assembled_sha256,
        f"pose_landmark_{complexity.name.lower()}.tflite",
    )


BUNDLES = {
    bundle.complexity: bundle
    for bundle in (
        _bundle(
            ModelComplexity.LITE,
            5_777_746,
            "59929e1d1ee95287735ddd833b19cf4ac46d29bc7afddbbf6753c459690d574a",
            "a680e1ad567f5d56bf26964fe6c4bf6597dc53f7927dd2e5abcf1f6b43246975",
        ),
        _bundle(
            ModelComplexity.FULL,
            9_398_198,
            "4eaa5eb7a98365221087693fcc286334cf0858e2eb6e15b506aa4a7ecdcec4ad",
            "7ffbd1edd25c38d8662cc70a63461bb99fc976b20322e7c83ce9c3b182965853",
        ),
        _bundle(
            ModelComplexity.HEAVY,
            30_664_242,
            "64437af838a65d18e5ba7a0d39b465540069bc8aae8308de3e318aad31fcbc7b",
            "22bf42d6879e126d5bc10f7dd6064ff180a2f9a0552b3b2519cf24ff5785bc51",
        ),
    )
}


MAX_PATH_CHARACTERS = 500
# What is larger is no model, and is not read: whoever sets a parameter can name any file.
MAX_MODEL_BYTES = 2 * max(bundle.size_bytes for bundle in BUNDLES.values())


def bundle_named(name: str) -> Bundle:
    """Return the model of a name or number: 0, 1, 2, lite, full or heavy.

    Raises:
        UnknownModelError: there is no such model.
    """
    for bundle in BUNDLES.values():
        if name in (bundle.name, str(bundle.complexity.value)):
            return bundle
    names = ", ".join(f"{bundle.complexity.value} or {bundle.name}" for bundle in BUNDLES.values())
    raise UnknownModelError(f"there is no model {name!r}; these are: {names}")


@dataclass(frozen=True)
class ModelFile:
    """A model that was read and found whole.

    Attributes:
        path: the file it was read from.
        complexity: which model it is, by its hash.
        content: the bundle; use this, the file may have changed since.
    """

    path: Path
    complexity: ModelComplexity
    content: bytes = field(repr=False)


def cache_folder() -> Path:
    """Return the folder that holds the models, which may not exist yet."""
    # The XDG base directory specification: a relative path counts as unset.
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "blazepose_ros"


def resolve(model_complexity: ModelComplexity, model_path: str = "") -> ModelFile:
    """Return the model at ``model_path``, or else the cached one of that complexity.

    An explicit path may hold any known model, whatever ``model_complexity`` says.

    Raises:
        ModelMissingError: there is no such file.
        ModelDamagedError: its content is none of the known models.
        ModelError: it cannot be read.
    """
    bundle = BUNDLES[model_complexity]
    if model_path:
        return _load(Path(model_path), BUNDLES.values(), f"Leave model_path empty and {bundle.remedy}")
    return load_cached(bundle)


def load_cached(bundle: Bundle) -> ModelFile:
    """Return a model from the cache.

    Raises:
        ModelError: as for ``resolve``.
    """
    return _load(cache_folder() / bundle.file_name, [bundle], f"To fix it, {bundle.remedy}")


def state_of(bundle: Bundle) -> ModelState:
    """Return whether the cache holds a model, and whole.

    Raises:
        ModelError: the file is there and cannot be read.
    """
    try:
        load_cached(bundle)
    except ModelMissingError:
        return ModelState.MISSING
    except ModelDamagedError:
        return ModelState.DAMAGED
    return ModelState.VERIFIED


def _load(path: Path, accepted: Collection[Bundle], remedy: str) -> ModelFile:
    """Read a file that holds one of the accepted bundles."""
    content = _read_file(path, remedy)
    actual = hashlib.sha256(content).hexdigest()
    for bundle in accepted:
        if actual in bundle.known_sha256:
            return ModelFile(path, bundle.complexity, content)
    known = "".join(f"\n  {bundle.name}: {' or '.join(bundle.known_sha256)}" for bundle in accepted)
    raise ModelDamagedError(
        f"{_named(path)} is damaged or not a known model: its sha256 is none of{known}\n{remedy}"
    )


def _read_file(path: Path, remedy: str) -> bytes:
    try:
        return read_limited(path.expanduser(), MAX_MODEL_BYTES)
    except FileNotFoundError as err:
        raise ModelMissingError(f"there is no model at {_named(path)}. {remedy}") from err
    except InputFileError as err:
        raise ModelDamagedError(f"{_named(path)} is no model: it {err}. {remedy}") from err
    except (OSError, RuntimeError, ValueError) as err:  # also an unknown ~user, or a zero byte in the path
        raise ModelError(f"cannot read the model {_named(path)}: {printable(str(err))}") from err


def _named(path: Path) -> str:
    """Return a path in one line of a log: whoever sets a parameter may name it."""
    return printable(str(path), MAX_PATH_CHARACTERS)
