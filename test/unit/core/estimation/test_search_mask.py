# SPDX-License-Identifier: Apache-2.0
"""A lost person is looked for where they were, and no other is taken for them."""

from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, seen_by

from blazepose_ros.core.estimation.mediapipe_estimator import SearchMask
from blazepose_ros.core.types import Frame

WALKER = seen_by(CAMERA, (-0.8, 0, 5.0))
BYSTANDER = seen_by(CAMERA, (1.8, 0, 7.0))


def frame(time_s: Any, width: Any = CAMERA.width) -> Frame:
    return Frame(np.full((CAMERA.height, width, 3), 200, np.uint8), round(time_s * 1e9))


@pytest.fixture
def search_mask() -> SearchMask:
    """A person was seen until 0 s and is lost since 0.1 s."""
    waiting = SearchMask(max_lost_s=1.0)
    for time_s, poses in ((-0.3, [WALKER]), (0.0, [WALKER]), (0.1, [])):
        waiting.look(frame(time_s))
        assert waiting.accept(poses, frame(time_s))
    return waiting


def shows(pixels: Any, pose: Any) -> Any:
    columns, rows = pose.screen[:, :2].astype(int).T
    return bool(np.all(pixels[rows, columns] == 200))


def test_until_a_person_is_lost_the_whole_image_is_seen() -> None:
    search_mask = SearchMask(max_lost_s=1.0)
    for time_s in (0.0, 0.1):
        image = frame(time_s)
        assert search_mask.look(image) is image.rgb
        search_mask.accept([WALKER], image)


def test_only_the_surroundings_of_the_lost_are_seen(search_mask: SearchMask) -> None:
    pixels = search_mask.look(frame(0.2))
    assert shows(pixels, WALKER)
    assert not shows(pixels, BYSTANDER)


def test_after_the_time_the_whole_image_is_seen_and_any_person_is_accepted(search_mask: SearchMask) -> None:
    assert search_mask.look(frame(1.2)).all()
    assert search_mask.accept([BYSTANDER], frame(1.2))


def test_another_person_is_not_accepted_and_the_lost_is(search_mask: SearchMask) -> None:
    search_mask.look(frame(0.2))
    assert not search_mask.accept([BYSTANDER], frame(0.2))
    search_mask.look(frame(0.3))
    assert search_mask.accept([WALKER], frame(0.3))
    assert search_mask.look(frame(0.4)).all()


@pytest.mark.parametrize("forget", [lambda a: a.reset(), lambda a: a.look(frame(0.2, width=100))])
def test_a_reset_and_another_size_of_image_forget_the_lost(search_mask: SearchMask, forget: Any) -> None:
    forget(search_mask)
    assert search_mask.look(frame(0.3, width=100)).all()


def test_who_is_waited_for_no_time_is_not_waited_for() -> None:
    search_mask = SearchMask(max_lost_s=0.0)
    for time_s, poses in ((0, [WALKER]), (0.5, [WALKER]), (0.6, [])):
        search_mask.look(frame(time_s))
        search_mask.accept(poses, frame(time_s))
    assert search_mask.look(frame(0.7)).all()


def test_who_was_seen_for_a_moment_is_not_waited_for() -> None:
    search_mask = SearchMask(max_lost_s=1.0)
    for time_s, poses in ((0, [WALKER]), (0.1, [WALKER]), (0.2, [])):
        search_mask.look(frame(time_s))
        search_mask.accept(poses, frame(time_s))
    assert search_mask.look(frame(0.3)).all()
    assert search_mask.accept([BYSTANDER], frame(0.3))
