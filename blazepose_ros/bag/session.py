"""From what is to be done to what was made, with a bar of the progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from tqdm import tqdm

from blazepose_ros.bag.errors import BagError
from blazepose_ros.bag.settings import SettingError
from blazepose_ros.bag.undertaking import Undertaking
from blazepose_ros.bag.workers import run
from blazepose_ros.interruption import Interruption
from blazepose_ros.video_file import RecordingError


def carry_out(name: str, undertake: Callable[[], Sequence[Undertaking]], processes: int) -> int:
    """Do everything and return the exit status.

    Args:
        name: the command's, for messages.
        undertake: says what is to be done.
        processes: how many cameras to work on at once.
    """
    with Interruption():
        try:
            undertakings = undertake()
            _work(undertakings, processes)
        except (BagError, SettingError, RecordingError) as err:
            say(f"{name}: {err}")
            return 1
        except OSError as err:
            say(f"{name}: cannot write: {err.strerror}. What was done is kept: run it again to go on")
            return 1
    return 0


def say(text: str) -> None:
    """Write a line without disturbing the bar."""
    tqdm.write(text, file=sys.stderr)


def _work(undertakings: Sequence[Undertaking], processes: int) -> None:
    with ExitStack() as closing:
        for each in undertakings:
            closing.callback(each.folder.close)
            if each.folder.open(each.purpose):
                say(f"going on with {each.folder.path}")
        _find_people(undertakings, processes)
        for each in undertakings:
            for path in each.finish(say):
                say(f"wrote {path}")


def _find_people(undertakings: Sequence[Undertaking], processes: int) -> None:
    jobs = [job for each in undertakings for job in each.jobs]
    images = sum(camera.images.count for each in undertakings for camera in each.cameras)
    with tqdm(total=images, unit="image", disable=None) as progress:
        run(jobs, processes, progress.update, say)
