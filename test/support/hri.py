# SPDX-License-Identifier: Apache-2.0
"""REP-155's messages: those that are installed, and a stand-in where they are not."""

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest

INSTALLED = importlib.util.find_spec("hri_msgs") is not None


class IdsList(SimpleNamespace):
    pass


class NormalizedPointOfInterest2D(SimpleNamespace):
    pass


class NormalizedRegionOfInterest2D(SimpleNamespace):
    pass


class Skeleton2D(SimpleNamespace):
    pass


def stand_in() -> ModuleType:
    """Return a module with the fields of ``hri_msgs.msg`` that are used, and nothing of ROS."""
    module = ModuleType("hri_msgs.msg")
    for each in (IdsList, NormalizedPointOfInterest2D, NormalizedRegionOfInterest2D, Skeleton2D):
        setattr(module, each.__name__, each)
    return module


@pytest.fixture
def hri_msgs(monkeypatch: pytest.MonkeyPatch) -> None:
    """``hri_msgs``, or something that stands in for it."""
    if not INSTALLED:
        monkeypatch.setitem(sys.modules, "hri_msgs", ModuleType("hri_msgs"))
        monkeypatch.setitem(sys.modules, "hri_msgs.msg", stand_in())
