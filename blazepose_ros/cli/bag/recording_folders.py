# SPDX-License-Identifier: Apache-2.0
"""Folders of recordings: what is in them, what is finished already, progress and summary of a run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout
from rich.console import RenderableType

from blazepose_ros.cli.bag.recording_files import FILE_SUFFIXES, METADATA, BagError, is_recording_file
from blazepose_ros.cli.bag.work_folder import is_work_folder
from blazepose_ros.cli.console import FittingTable, ProgressBar, progress
from blazepose_ros.core.files import InputFileError, write_atomically
from blazepose_ros.core.text import printable


@dataclass(frozen=True)
class FoundRecordings:
    """What a folder holds.

    Attributes:
        paths: the recordings: folders with a metadata.yaml, and files elsewhere.
        unreadable: what is left out, and why.
    """

    paths: Sequence[Path]
    unreadable: Mapping[Path, str] = field(default_factory=dict)


def find_recordings(folder: Path, outputs: Path) -> FoundRecordings:
    """Return the recordings in a folder and the folders below it, in the order of their names.

    Args:
        folder: the folder; links to other folders in it are not followed.
        outputs: where what is made goes, which may be in the folder, and is left out.
    """
    found: list[Path] = []
    unreadable: dict[Path, str] = {}

    def refuse(error: OSError) -> None:
        unreadable[Path(str(error.filename))] = str(error.strerror)

    for path, folders, files in os.walk(folder, onerror=refuse):
        here = Path(path)
        if here.absolute() == outputs.absolute():
            folders.clear()
        elif METADATA in files:
            folders.clear()
            found.append(here)
        else:
            folders[:] = [each for each in folders if not is_work_folder(here / each)]
            found += _recording_files([here / name for name in files], unreadable)
    return FoundRecordings(sorted(found), unreadable)


def _recording_files(files: Iterable[Path], unreadable: dict[Path, str]) -> Iterator[Path]:
    for file in files:
        try:
            if is_recording_file(file):
                yield file
            elif file.suffix in FILE_SUFFIXES:
                unreadable[file] = "it is neither MCAP nor SQLite"
        except OSError as err:
            unreadable[file] = str(err.strerror)
        except InputFileError as err:
            unreadable[file] = str(err)


def may_hold_recordings(path: Path) -> bool:
    """Tell whether a path is a folder and no recording itself, as far as it can be looked into."""
    try:
        return (
            path.is_dir() and not (path / METADATA).exists() and not any(_recording_files(path.iterdir(), {}))
        )
    except PermissionError:
        return True


def beside_files(path: Path, outputs: Path) -> FoundRecordings:
    """Return what is left out of one recording since it lies in folders beside its files."""
    if not path.is_dir() or (path / METADATA).exists():
        return FoundRecordings([])
    others = (each for each in find_recordings(path, outputs).paths if each.is_dir() or each.parent != path)
    why = "files of one recording lie beside it; --recursive takes each file and folder as one of its own"
    return FoundRecordings([], dict.fromkeys(others, why))


@dataclass(frozen=True)
class RecordingSummary:
    """What became of a recording.

    Attributes:
        recording: its path, from the folder that was given.
        state: one of ``STATES``.
        images: how many were taken.
        people: how many different ones were found, in each camera by itself.
        recorded_s: from its first image to its last, in seconds.
        work_s: what the workers have spent on it, in seconds.
        left_out: what was not taken and why, in words.
        cannot_write: whether the disk is why it failed.
    """

    recording: str
    state: str
    images: int = 0
    people: int = 0
    recorded_s: float = 0.0
    work_s: float = 0.0
    left_out: tuple[str, ...] = ()
    cannot_write: bool = False


_MAX_LINE = 1000  # characters
STATES = MADE, FINISHED, FAILED = "made", "finished before", "failed"


def summary_document(summaries: Sequence[RecordingSummary]) -> dict[str, object]:
    """Return a summary as JSON takes it: the recordings, and all of them together."""
    return {"recordings": [asdict(each) for each in summaries], "all": asdict(_together(summaries))}


def summary_tables(summaries: Sequence[RecordingSummary]) -> Iterator[RenderableType]:
    """Yield a summary as a table, with what was left out below it."""
    together = _together(summaries)
    head = ["recording", "state", "images", "people", "recorded s", "work/s"]
    yield FittingTable(head, [_row(each) for each in (*summaries, replace(together, state=""))], left=(0, 1))
    yield together.state
    for each in summaries:
        yield from (printable(f"{each.recording}: {text}", _MAX_LINE) for text in each.left_out)


def _together(summaries: Sequence[RecordingSummary]) -> RecordingSummary:
    states = [f"{sum(each.state == state for each in summaries)} {state}" for state in STATES]
    return RecordingSummary(
        "all",
        ", ".join(states),
        sum(each.images for each in summaries),
        sum(each.people for each in summaries),
        sum(each.recorded_s for each in summaries),
        sum(each.work_s for each in summaries),
    )


def _row(summary: RecordingSummary) -> list[str]:
    # Seconds of work for each second of the recording.
    ratio = f"{summary.work_s / summary.recorded_s:.2f}" if summary.recorded_s else "-"
    figures = [f"{summary.images}", f"{summary.people}", f"{summary.recorded_s:.1f}", ratio]
    return [printable(summary.recording), summary.state, *figures]


@dataclass(frozen=True)
class FinishedRecording:
    """What an output was made of.

    Attributes:
        sha256: of the recording's content.
        files: name, size and time of change of its files.
        how: what was asked for, as JSON has it.
        summary: what became of it.
    """

    sha256: str
    files: list[list[object]]
    how: object
    summary: RecordingSummary


_FINISHED, _SUMMARY, _LOCK = ".finished.jsonl", "summary.json", ".lock"


class OutputFolder:
    """The folder of many outputs, and the list of those that are finished.

    The list is a file of JSON lines, one for each recording as soon as it is finished.

    Args:
        path: it is made where there is none.
        how: what is asked for, as JSON has it.

    Raises:
        BagError: another run is at work on it.
        OSError: it cannot be made or read.
    """

    def __init__(self, path: Path, how: object) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.how = json.loads(json.dumps(how))
        self._lock = FileLock(str(path / _LOCK))
        try:
            self._lock.acquire(timeout=0)
        except Timeout as err:
            raise BagError(f"another run is at work on {path}") from err
        self._finished = dict(self._read())
        self._writing = Lock()

    def close(self) -> None:
        """Leave the folder to another run."""
        (self.path / _LOCK).unlink(missing_ok=True)
        self._lock.release()

    def find(self, recording: str) -> FinishedRecording | None:
        """Return what an output was made of, if it is finished."""
        return self._finished.get(recording)

    def add(self, summary: RecordingSummary, sha256: str, files: list[list[object]]) -> None:
        """Remember that an output is finished, whatever happens from now on.

        Raises:
            OSError: the disk does not take it.
        """
        entry = FinishedRecording(sha256, files, self.how, summary)
        with self._writing, (self.path / _FINISHED).open("a") as file:
            # A line of its own, also where a full disk has broken off the one before.
            file.write("\n" + json.dumps(asdict(entry)) + "\n")
            file.flush()
            os.fsync(file.fileno())
            self._finished[summary.recording] = entry

    def write_summary(self, summaries: Sequence[RecordingSummary]) -> None:
        """Write the summary of a run."""
        content = json.dumps(summary_document(summaries), indent=1, allow_nan=False)
        write_atomically(self.path / _SUMMARY, content.encode() + b"\n")

    def _read(self) -> Iterator[tuple[str, FinishedRecording]]:
        """Yield what is finished; a line that a full disk or a power cut has broken off is none."""
        if not (self.path / _FINISHED).exists():
            return
        for line in (self.path / _FINISHED).read_text(errors="replace").splitlines():
            with suppress(ValueError, TypeError, KeyError):
                values = json.loads(line)
                summary = values["summary"]
                values["summary"] = RecordingSummary(**summary | {"left_out": tuple(summary["left_out"])})
                yield summary["recording"], FinishedRecording(**values)


class ImagesBar:
    """Shows how many images of all recordings are done.

    How many there are is known of those that have been opened; of the others it is estimated from
    their size.
    """

    def __init__(self) -> None:
        self._closing = ExitStack()
        self._lock = Lock()
        self._bar: ProgressBar | None = None
        self._bytes: dict[Path, int] = {}
        self._images: dict[Path, int] = {}
        self._done: dict[Path, int] = {}

    def begin(self, sizes: Mapping[Path, int]) -> None:
        """Take the sizes of all recordings, in bytes."""
        self._bytes = dict(sizes)

    def expect(self, source: Path, images: int) -> None:
        """Take how many images a recording has."""
        with self._lock:
            self._images[source] = images
            if self._bar is None:
                self._bar = self._closing.enter_context(progress("finding people", images, "images"))
            self._update()

    def show(self, source: Path, images: int) -> None:
        """Show how many images of a recording are done."""
        with self._lock:
            self._done[source] = images
            self._update()

    def leave(self, source: Path) -> None:
        """Count no more on a recording that is finished or failed."""
        with self._lock:
            self._images.setdefault(source, 0)
            self._update()

    def close(self) -> None:
        """End the bar."""
        self._closing.close()

    def _update(self) -> None:
        if self._bar is None:
            return
        known, opened = sum(self._images.values()), sum(self._bytes[each] for each in self._images)
        others = sum(self._bytes.values()) - opened
        total = known + (round(known * others / opened) if opened else 0)
        done = sum(self._done.values())
        self._bar.show(done, max(total, done))  # a file may say too little of itself
