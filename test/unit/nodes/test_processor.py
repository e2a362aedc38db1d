# SPDX-License-Identifier: Apache-2.0
"""What the node's process does not do with the processor."""

import sys
from collections.abc import Iterator

import cv2
import pytest

from blazepose_ros.nodes.common.process_tuning import leave_cores_to_the_model


@pytest.fixture(autouse=True)
def _undone_afterwards() -> Iterator[None]:
    threads, interval_s = cv2.getNumThreads(), sys.getswitchinterval()
    yield
    cv2.setNumThreads(threads)
    sys.setswitchinterval(interval_s)


def test_opencv_starts_no_threads_and_the_interpreter_changes_hands_quickly() -> None:
    leave_cores_to_the_model()
    assert cv2.getNumThreads() == 1
    assert sys.getswitchinterval() < 0.001
