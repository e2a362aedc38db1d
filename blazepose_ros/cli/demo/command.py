# SPDX-License-Identifier: Apache-2.0
"""``blazepose demo``: a camera and the node as two processes, and what comes out of them."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blazepose_ros.cli.console import number_above_0, plain_console, say
from blazepose_ros.cli.demo import walk
from blazepose_ros.cli.demo.pictures import is_pictures, show_pictures
from blazepose_ros.cli.demo.recorder import Recorder
from blazepose_ros.cli.demo.report import Chain, LiveTable, Tally, failed_link
from blazepose_ros.cli.models import MODEL_HELP, one_model
from blazepose_ros.cli.processes import ChildProcess, ChildProcesses, executable_path, ros_arguments, stop
from blazepose_ros.cli.signals import Interruption
from blazepose_ros.core.errors import BlazePoseError, FunctionLogger
from blazepose_ros.core.frame_sources.calibration_file import Calibration, format_calibration
from blazepose_ros.core.frame_sources.files import open_source, photograph
from blazepose_ros.core.frame_sources.frame_source import FrameSource
from blazepose_ros.core.frame_sources.samples import SampleError, fetch_samples
from blazepose_ros.core.models.registry import Bundle
from blazepose_ros.core.visualization.anonymizer import HIDEABLE, Anonymize
from blazepose_ros.nodes.common.dds import use_image_profile

DURATION_S = 10.0
PHOTOGRAPH_RATE = 30.0
WEBCAM_RATE = 30.0  # of nearly all of them
# A video from a phone is more than most computers can move.
MAX_SIDE_PX = 1280


@dataclass(frozen=True)
class Show:
    """What the camera plays.

    Attributes:
        source: a file, a folder or a webcam's index.
        settings: further parameters of the camera.
        rate: images per second.
        duration_s: when to end at the latest, in seconds from the first image.
    """

    source: str
    settings: dict[str, object]
    rate: float
    duration_s: float
    true_distances_m: Sequence[float] = ()

    @classmethod
    def of_sample(cls, folder: Path, duration_s: float | None) -> Show:
        """Return how to play the walk that a package carries, or where it cannot be had the photograph.

        Args:
            folder: where to write the camera's calibration.
            duration_s: when to end at the latest, in seconds.

        Raises:
            PhotographMissingError: there is no photograph either.
            OSError: the calibration cannot be written.
        """
        try:
            fetch_samples(walk.PACKAGE, FunctionLogger(say))
        except SampleError as err:
            say(f"{err}\nShowing a photograph instead of a person who walks.")
            settings = {"rate": PHOTOGRAPH_RATE, "motion": "sway"}
            return cls(str(photograph()), settings, PHOTOGRAPH_RATE, duration_s or DURATION_S)
        calibration = folder.resolve() / "camera_info.yaml"
        calibration.write_text(format_calibration(Calibration.monocular(walk.CAMERA), "walk"))
        settings = {
            "rate": walk.RATE,
            "loop": False,
            "height": MAX_SIDE_PX,
            "camera_info_url": str(calibration),
        }
        return cls(
            str(walk.PACKAGE.folder / walk.CLIP),
            settings,
            walk.RATE,
            duration_s or math.inf,
            walk.TRUE_DISTANCES_M,
        )

    @classmethod
    def of(cls, source: str, duration_s: float | None) -> Show:
        """Return how to play a video or a webcam.

        Raises:
            SourceError: there is nothing of that name that can be shown.
        """
        if source.isdecimal() or Path(source).is_char_device():  # a webcam, which only one may open
            return cls(source, {}, WEBCAM_RATE, duration_s or DURATION_S)
        with closing(open_source(source)) as probe:
            settings = {"loop": False, **_fitting_size(probe)}
            return cls(source, settings, probe.rate, duration_s or math.inf)


def _fitting_size(source: FrameSource) -> dict[str, object]:
    """Return the camera's setting that keeps large images within what a demo can move."""
    captured = source.read()
    height, width = captured.bgr.shape[:2] if captured else (0, 0)
    if max(width, height) <= MAX_SIDE_PX:
        return {}
    return {"width" if width >= height else "height": MAX_SIDE_PX}


if TYPE_CHECKING:
    from blazepose_ros.cli.demo.recorder import DemoListener

# Finding each other and loading a model takes 2 to 4 s, on a small computer more.
START_TIMEOUT_S = 30.0
# How long after the last image answers are waited for.
DRAIN_S = 1.0


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose demo``; the exit status is 0 only if poses came.

    Raises:
        KeyboardInterrupt: Ctrl-C; every process has ended.
    """
    options = _parser().parse_args(arguments)
    try:
        with Interruption():
            return _run(options)
    except (BlazePoseError, OSError) as err:
        sys.stderr.write(f"blazepose demo: {err}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="blazepose demo",
        description="Run camera and node as processes, show what comes, and write annotated.png,"
        " annotated.webm and skeleton.png. Pictures are each annotated by themselves."
        " The exit status is 0 only if poses came.",
    )
    parser.add_argument(
        "--source",
        default="",
        help="a video, image, folder of images or webcam's index; large videos are scaled down"
        " (default: a person who walks, whose true distances are known; fetched once)",
    )
    parser.add_argument(
        "--model", type=one_model, default="1", metavar="MODEL", help=f"{MODEL_HELP} (default: 1)"
    )
    parser.add_argument(
        "--duration",
        type=number_above_0,
        metavar="SECONDS",
        help=f"end after this long (default: {DURATION_S:g}; a video is shown to its end)",
    )
    parser.add_argument(
        "--anonymize", choices=HIDEABLE, help="paint over everybody's face or body in all that is written"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("demo_output"), help="where to write (default: demo_output)"
    )
    parser.add_argument(
        "--fusion",
        action="store_true",
        help="four cameras see one person instead: prints how far off the joints are, writes fusion.png"
        " and fusion.webm",
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    folder = options.output
    if options.fusion:
        from blazepose_ros.cli.demo import fusion

        return fusion.run(options.model, folder)
    if is_pictures(options.source):
        return show_pictures(Path(options.source).expanduser(), options.model, folder, _anonymize(options))
    folder.mkdir(parents=True, exist_ok=True)
    if options.source:
        show = Show.of(options.source, options.duration)
    else:
        show = Show.of_sample(folder, options.duration)
    use_image_profile()
    say(f"showing {show.source}; the logs of camera and node are in {folder}")
    tally = Tally(show.true_distances_m)
    with (
        Recorder(folder, show.rate, anonymized=options.anonymize is not None) as recorder,
        ChildProcesses() as children,
    ):
        node = children.start(_node_command(options.model, _anonymize(options)), folder / "node.log")
        camera = children.start(_camera_command(show), folder / "camera.log")
        # This takes a second in which the processes already start.
        from blazepose_ros.cli.demo.recorder import listening

        with listening(tally, recorder) as listener:
            chain = _play(show, camera, node, listener, tally)
    recorder.save_pictures(tally.placed)
    return _report(tally, recorder, failed_link(chain))


def _play(
    show: Show, camera: ChildProcess, node: ChildProcess, listener: DemoListener, tally: Tally
) -> Chain:
    """Watch until the show is over, and return what was seen of each link."""
    _watch(show, (camera, node), listener, tally)
    errors = camera.failure(), node.failure()
    stop([camera])
    if not any(errors):
        _drain(listener)
    return Chain(
        *errors,
        camera_seen=listener.camera_seen,
        node_seen=listener.node_seen,
        images=tally.images,
        answers=tally.answers,
        poses=tally.poses,
    )


def _report(tally: Tally, recorder: Recorder, failure: str) -> int:
    """Say what came and what did not, and return the exit status."""
    if tally.answers:
        say(tally.summary())
    for path in recorder.written():
        say(f"wrote {path}")
    if failure:
        sys.stderr.write(f"blazepose demo: {failure}\n")
    return 1 if failure else 0


def _anonymize(options: argparse.Namespace) -> Anonymize:
    return Anonymize(options.anonymize or Anonymize.NONE)


def _node_command(model: Bundle, anonymize: Anonymize) -> list[str]:
    parameters = {
        "model_complexity": int(model.complexity),
        "image_reliability": "reliable",
        "anonymize": anonymize.value,
    }
    return [executable_path("blazepose_node"), *ros_arguments(parameters), "-r", "image:=image_raw"]


def _camera_command(show: Show) -> list[str]:
    # The two subscribers are the node and, once it sees the node, the demo.
    parameters = {"source": show.source, "wait_for_subscribers": 2, **show.settings}
    return [executable_path("blazepose_camera"), *ros_arguments(parameters)]


def _watch(show: Show, children: Sequence[ChildProcess], listener: DemoListener, tally: Tally) -> None:
    """Show the table until the time is up, a process has ended, or nothing has come for too long."""
    started_s, over = time.monotonic(), False
    with LiveTable(plain_console()) as table:
        while not over and all(child.exit_status is None for child in children):
            listener.listen()
            now_s = time.monotonic()
            if tally.first_image_s is None:
                over = now_s - started_s >= START_TIMEOUT_S
            else:
                elapsed_s = now_s - tally.first_image_s
                over = elapsed_s >= show.duration_s
                table.show(elapsed_s, tally.snapshot(now_s))


def _drain(listener: DemoListener) -> None:
    """Receive the answers to the last images."""
    deadline_s = time.monotonic() + DRAIN_S
    while time.monotonic() < deadline_s:
        listener.listen()
