# SPDX-License-Identifier: Apache-2.0
"""How many small changes to the code its unit tests notice; ``make mutants`` runs it.

mutmut makes the changes, each in the copy of the repository in ``mutants/``, and runs the tests that
reach the changed function. What was noticed is kept there until the function changes: an interrupted
run goes on, and a run after new tests were written tries again only what nothing had noticed.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from mutmut import __main__ as mutmut
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.trampoline import set_mutant_under_test

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "blazepose_ros"
FOLDERS = ("core/placement", "core/tracking", "conversions")
EQUIVALENT = ROOT / "test" / "equivalent_mutants.txt"
KILLED = {1, 3, 24, 36, 152, 255, -24, -11}  # a test failed, did not end, or crashed
LEAST_PERCENT = 85.0

# The same examples for every change, and no search for the shortest one that fails.
settings.register_profile(
    "mutants",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def main() -> int:
    """Return 0 where each folder's tests notice enough of its changes."""
    options = arguments()
    equivalent = {line for line in EQUIVALENT.read_text().splitlines() if line and not line.startswith("#")}
    generate(options.processes)
    chosen = {folder: sample(folder, options.sample, options.seed, equivalent) for folder in options.folders}
    left = [name for names in chosen.values() for name, code in names.items() if code not in KILLED]
    if left:
        mutmut._run(left, options.processes)
    enough = [report(folder, names) for folder, names in chosen.items()]
    return 0 if all(enough) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folders", nargs="*", default=FOLDERS, help="of the package, of those in pyproject.toml"
    )
    parser.add_argument("--sample", type=int, help="so many changes of each folder (default: all)")
    parser.add_argument("--seed", default="0", help="which ones (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=1, help="side by side (default: %(default)s)")
    return parser.parse_args()


def generate(processes: int) -> None:
    """Write the changed code, and forget what was noticed of functions that are not the same any more."""
    set_mutant_under_test("mutant_generation")
    Path("mutants").mkdir(exist_ok=True)
    with mutmut.CatchOutput():
        mutmut.copy_src_dir()  # type: ignore[attr-defined]
        mutmut.create_mutants(processes)


def results(folder: str) -> Iterator[tuple[str, int | None, Path]]:
    """Yield each change of a folder: its name, the tests' exit code (None before), and its file."""
    for path in sorted(Path(PACKAGE, folder).rglob("*.py")):
        data = SourceFileMutationData(path=path)
        data.load()
        for name, code in data.exit_code_by_key.items():
            yield name, code, path


def sample(folder: str, size: int | None, seed: str, equivalent: set[str]) -> dict[str, int | None]:
    """Return some changes of a folder that are not known to change nothing, with their exit codes.

    Which ones they are depends on the seed and their names: other changes to the code leave them so.
    """

    def rank(result: tuple[str, int | None, Path]) -> str:
        return hashlib.sha256(f"{seed} {result[0]}".encode()).hexdigest()

    chosen: dict[str, int | None] = {}
    for name, code, path in sorted(results(folder), key=rank):
        if len(chosen) == size:
            break
        if code in KILLED or change(name, path) not in equivalent:
            chosen[name] = code
    return chosen


def change(name: str, path: Path) -> str:
    """Return a change as a line: module, what was there, and what takes its place."""
    lines = get_diff_for_mutant(name, path=path).splitlines()[2:]
    removed, added = ("; ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return f"{path.relative_to(PACKAGE)}: {removed} => {added}"


def report(folder: str, chosen: dict[str, int | None]) -> bool:
    """Print what of a folder's changes nothing noticed, and its score; return whether that is enough."""
    survivors = [
        (name, path) for name, code, path in results(folder) if name in chosen and code not in KILLED
    ]
    for name, path in survivors:
        sys.stdout.write(f"{change(name, path)}\n")
    percent = 100.0 * (1.0 - len(survivors) / len(chosen))
    sys.stdout.write(
        f"{folder}: {len(chosen) - len(survivors)} of {len(chosen)} changes noticed, {percent:.0f} %\n\n"
    )
    return percent >= LEAST_PERCENT


if __name__ == "__main__":
    sys.exit(main())
