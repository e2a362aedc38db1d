# SPDX-License-Identifier: Apache-2.0
"""What the demo makes of pictures."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.bodies import CAMERA, seen_by

from blazepose_ros.cli.demo import pictures
from blazepose_ros.cli.demo.pictures import is_pictures, show_pictures
from blazepose_ros.core import frame_anonymizer
from blazepose_ros.core.frame_sources.frame_source import SourceError
from blazepose_ros.core.models.registry import BUNDLES
from blazepose_ros.core.types import ModelComplexity
from blazepose_ros.core.visualization.anonymizer import COLOR, Anonymize

LITE = BUNDLES[ModelComplexity.LITE]
WHITE, BLACK = 255, 0


class SeesSomebodyInWhite:
    """An estimator that must be reset before each picture."""

    def __init__(self) -> None:
        self.is_fresh, self.people = True, 0

    def __enter__(self) -> "SeesSomebodyInWhite":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def reset(self) -> None:
        self.is_fresh = True

    def estimate(self, frame: Any) -> Any:
        assert self.is_fresh
        self.is_fresh = False
        self.people += 1
        return [seen_by(CAMERA, (0, 0, 3), person_id=self.people)] if frame.rgb.max() == WHITE else []


@pytest.fixture(autouse=True)
def _estimator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "create_estimator", lambda _: SeesSomebodyInWhite())


def write(path: Path, value: int, size: Any = (480, 640)) -> None:
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), np.full((*size, 3), value, np.uint8))


def test_each_picture_of_a_folder_is_annotated_in_its_own_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write(folder / "white.png", WHITE)
    write(folder / "black.bmp", BLACK, (300, 200))
    assert show_pictures(folder, LITE, out) == 0
    annotated = {path.name: cv2.imread(str(path)) for path in (out / "pictures").iterdir()}
    assert {name: image.shape[:2] for name, image in annotated.items()} == {
        "white.png": (480, 640),
        "black.png": (300, 200),
    }
    assert annotated["white.png"].min() < WHITE
    assert annotated["black.png"].max() == BLACK
    said = capsys.readouterr().out
    assert "A person in 1 of 2 pictures" in said
    assert "nan" not in said


def test_people_of_another_picture_are_counted_anew(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write(tmp_path / "in" / f"{name}.png", WHITE)
    show_pictures(tmp_path / "in", LITE, tmp_path)
    first, second = (cv2.imread(str(path)) for path in (tmp_path / "pictures").iterdir())
    np.testing.assert_array_equal(first, second)


def test_two_pictures_of_one_name_are_both_written(tmp_path: Path) -> None:
    for suffix in ("png", "bmp"):
        write(tmp_path / "in" / f"a.{suffix}", WHITE)
    show_pictures(tmp_path / "in", LITE, tmp_path)
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"a.png.png", "a.bmp.png"}


def test_a_damaged_picture_is_told_of_and_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "in" / "white.png", WHITE)
    (tmp_path / "in" / "damaged.png").write_bytes(b"damaged")
    assert show_pictures(tmp_path / "in", LITE, tmp_path) == 0
    said = capsys.readouterr()
    assert "damaged.png cannot be decoded" in said.err
    assert "A person in 1 of 1 pictures" in said.out


def test_without_a_person_it_fails_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "black.png", BLACK)
    assert show_pictures(tmp_path / "black.png", LITE, tmp_path) == 1
    assert "there is no person in these pictures" in capsys.readouterr().err


def test_a_picture_that_is_missing_and_a_folder_without_any_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing.png does not exist"):
        show_pictures(tmp_path / "missing.png", LITE, tmp_path)
    with pytest.raises(SourceError, match="holds no image"):
        show_pictures(tmp_path, LITE, tmp_path)


def test_videos_and_webcams_are_no_pictures(tmp_path: Path) -> None:
    assert [is_pictures(source) for source in ("", "0", "clip.mp4", "a.PNG", str(tmp_path))] == [
        False, False, False, True, True,
    ]  # fmt: skip


class SeesNobodyElse:
    """A detector of people besides those who are tracked."""

    def find(self, _rgb: Any, _known: Any = ()) -> list:
        return []


def test_people_are_hidden_in_each_picture_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_anonymizer, "load_everyone_detector", lambda *_: SeesNobodyElse())
    write(tmp_path / "in" / "a.png", WHITE)
    write(tmp_path / "in" / "b.png", BLACK)  # nobody: nothing of the picture before is hidden here
    assert show_pictures(tmp_path / "in", LITE, tmp_path, Anonymize.BODY) == 0
    hidden = cv2.imread(str(tmp_path / "pictures" / "a.png"))
    assert (hidden == COLOR).all(axis=2).mean() > 0.05
    assert cv2.imread(str(tmp_path / "pictures" / "b.png")).max() == BLACK
