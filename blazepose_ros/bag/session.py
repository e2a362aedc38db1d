"""From what is to be done to what was made, with a bar of the progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

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
            for undertaking in undertakings:
                for path in undertaking.finish(say):
                    say(f"wrote {path}")
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
    jobs = [job for undertaking in undertakings for job in undertaking.jobs]
    cameras = [camera for undertaking in undertakings for camera in undertaking.cameras]
    with tqdm(total=sum(camera.images.count for camera in cameras), unit="image", disable=None) as progress:
        run(jobs, processes, progress.update, say)
