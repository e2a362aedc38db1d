# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from blazepose_ros.nodes.camera.node import resolve_url


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/a/b.yaml", "/a/b.yaml"),
        ("b.yaml", "b.yaml"),
        ("file:///a/b.yaml", "/a/b.yaml"),
        ("file://localhost/a/b.yaml", "/a/b.yaml"),
        ("file:///a%20b.yaml", "/a b.yaml"),
    ],
)
def test_paths_and_file_urls_name_files(url: str, path: str) -> None:
    assert resolve_url(url) == Path(path)


def test_a_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert resolve_url("~/b.yaml") == Path("/home/ada/b.yaml")


def test_a_package_url_names_a_file_in_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = tmp_path / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "robot").touch()
    (tmp_path / "share" / "robot").mkdir()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert resolve_url("package://robot/config/b.yaml") == tmp_path / "share" / "robot" / "config" / "b.yaml"


@pytest.mark.parametrize("prefixes", ["", "/missing"])
@pytest.mark.parametrize("package", ["no_such", "", "b@d"])
def test_a_package_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, prefixes: str, package: str
) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", prefixes)
    with pytest.raises(ValueError, match=f"package '{package}' is not installed"):
        resolve_url(f"package://{package}/b.yaml")


@pytest.mark.parametrize("url", ["http://host/b.yaml", "file://host/b.yaml", "flash:///b"])
def test_another_kind_of_url_is_refused_with_what_is_valid(url: str) -> None:
    with pytest.raises(ValueError, match="neither a path nor file:///PATH nor package://PACKAGE/PATH"):
        resolve_url(url)
