# SPDX-License-Identifier: Apache-2.0
"""What happens to the node in a soak: each event is a block in which something is not as usual."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from robustness.soak.harness import OUTPUTS, Harness
from robustness.soak.invariants import Content
from robustness.soak.picture import ENCODINGS, LONG_SIDES_PX, Look
from sensor_msgs.msg import CameraInfo

from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import ModelComplexity

BROKEN_PART = 0.5
FAST_HZ = 60.0
SLOW_HZ = 2.0

_YEAR_S = 365 * 24 * 3600
JUMPS_S = (-_YEAR_S, -3600, -10, -0.5, 0.5, 10, 3600, _YEAR_S)

USUAL = {
    name: parameter.default
    for name, parameter in NodeSettings.parameters().items()
    if not parameter.read_only
}
_CHANGES: tuple[Mapping[str, object], ...] = (
    {"visibility_threshold": 0.9},
    {"placement": "none"},
    {"publish_tf": False},
    {"publish_landmark_tf": False},
    {"tf_prefix": "soak_"},
    {"assumed_hfov_deg": 90.0},
    {"num_poses": 2},
    {"model_complexity": int(ModelComplexity.LITE)},
    {"enable_segmentation": True},
    {"image_transport": "compressed"},
    {"min_detection_confidence": 0.7},
)
CHANGES = tuple(change for change in _CHANGES if change.keys() <= USUAL.keys())
REFUSED: tuple[Mapping[str, object], ...] = (
    {"visibility_threshold": 2.0},
    {"visibility_threshold": "much"},
    {"placement": "somewhere"},
    {"assumed_hfov_deg": 0.0},
    {"publish_tf": True, "placement": "nowhere"},
)


def _not_a_number(msg: CameraInfo) -> None:
    msg.k[0] = math.nan


def _not_calibrated(msg: CameraInfo) -> None:
    msg.k = [0.0] * 9


def _of_another_camera(msg: CameraInfo) -> None:
    msg.width, msg.height = 1, 1
    msg.k[0] = msg.k[4] = 1e11


CALIBRATIONS = (_not_a_number, _not_calibrated, _of_another_camera)


@contextmanager
def camera_gone(rig: Harness, _numbers: random.Random) -> Iterator[None]:
    """The camera vanishes, and another one appears."""
    rig.cameras.remove()
    yield
    rig.cameras.add()


@contextmanager
def second_camera(rig: Harness, _numbers: random.Random) -> Iterator[None]:
    """Two cameras on one topic."""
    rig.cameras.add()
    yield
    rig.cameras.remove()


@contextmanager
def another_size(rig: Harness, numbers: random.Random) -> Iterator[None]:
    """The images have another size."""
    rig.cameras.look = replace(rig.cameras.look, long_side_px=numbers.choice(LONG_SIDES_PX))
    yield
    rig.cameras.look = Look()


@contextmanager
def another_encoding(rig: Harness, numbers: random.Random) -> Iterator[None]:
    """The images have another encoding."""
    rig.cameras.look = replace(rig.cameras.look, encoding=numbers.choice(list(ENCODINGS)))
    yield
    rig.cameras.look = Look()


@contextmanager
def nobody_there(rig: Harness, _numbers: random.Random) -> Iterator[None]:
    """The person leaves."""
    rig.cameras.content = Content.NOBODY
    yield
    rig.cameras.content = Content.PERSON


@contextmanager
def broken_images(rig: Harness, _numbers: random.Random) -> Iterator[None]:
    """Some images cannot be read."""
    rig.cameras.broken = BROKEN_PART
    yield
    rig.cameras.broken = 0.0


@contextmanager
def another_rate(rig: Harness, numbers: random.Random) -> Iterator[None]:
    """The images come faster or slower."""
    usual_hz, rig.cameras.rate_hz = rig.cameras.rate_hz, numbers.choice((FAST_HZ, SLOW_HZ))
    yield
    rig.cameras.rate_hz = usual_hz


@contextmanager
def stamps_jump(rig: Harness, numbers: random.Random) -> Iterator[None]:
    """The camera's clock is set, and set right again."""
    rig.cameras.stamps.offset_ns = round(numbers.choice(JUMPS_S) * NS_PER_S)
    yield
    rig.cameras.stamps.offset_ns = 0


@contextmanager
def stamps_from_zero(rig: Harness, _numbers: random.Random) -> Iterator[None]:
    """The camera counts from its start."""
    rig.cameras.stamps.begin_at_zero()
    yield
    rig.cameras.stamps.offset_ns = 0


@contextmanager
def stamps_repeat(rig: Harness, _numbers: random.Random) -> Iterator[None]:
    """The camera's clock stands still."""
    rig.cameras.stamps.repeating = True
    yield
    rig.cameras.stamps.repeating = False


@contextmanager
def bad_calibration(rig: Harness, numbers: random.Random) -> Iterator[None]:
    """The calibration is of no use."""
    usual, rig.cameras.calibrate = rig.cameras.calibrate, numbers.choice(CALIBRATIONS)
    yield
    rig.cameras.calibrate = usual


@contextmanager
def parameters_change(rig: Harness, numbers: random.Random) -> Iterator[None]:
    """Parameters change, and change back."""
    changed = numbers.choice(CHANGES)
    rig.ask_for(changed)
    yield
    rig.ask_for({name: USUAL[name] for name in changed})


@contextmanager
def parameters_refused(rig: Harness, numbers: random.Random) -> Iterator[None]:
    """Somebody asks for what is not possible."""
    rig.ask_for(numbers.choice(REFUSED), accepted=False)
    yield


@contextmanager
def more_listeners(rig: Harness, numbers: random.Random) -> Iterator[None]:
    """Somebody else listens, to another output."""
    with rig.listening_to(numbers.choice(list(OUTPUTS))):
        yield


@contextmanager
def no_listeners(rig: Harness, _numbers: random.Random) -> Iterator[None]:
    """Nobody listens to the poses."""
    rig.stop_listening()
    yield
    rig.listen()


@contextmanager
def node_inactive(rig: Harness, _numbers: random.Random) -> Iterator[None]:
    """Somebody deactivates the node."""
    rig.change_state("deactivate")
    yield
    rig.change_state("activate")


EVENTS: tuple[Callable[[Harness, random.Random], AbstractContextManager[None]], ...] = (
    camera_gone,
    second_camera,
    another_size,
    another_encoding,
    nobody_there,
    broken_images,
    another_rate,
    stamps_jump,
    stamps_from_zero,
    stamps_repeat,
    bad_calibration,
    parameters_change,
    parameters_refused,
    more_listeners,
    no_listeners,
    node_inactive,
)
