"""``blazepose models``: list, fetch or verify the models in the user's cache."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from blazepose_ros.cli.console import write
from blazepose_ros.core.models.fetch import fetch
from blazepose_ros.core.models.registry import (
    BUNDLES,
    Bundle,
    ModelError,
    ModelState,
    cache_folder,
    load_cached,
    state_of,
)
from blazepose_ros.core.types import ModelComplexity

ALL = tuple(ModelComplexity)
# What ``--model`` takes: a number, a name, or all of them.
CHOICES = {
    **{str(complexity.value): (complexity,) for complexity in ALL},
    **{bundle.name: (complexity,) for complexity, bundle in BUNDLES.items()},
    "all": ALL,
}

ROW = "{:<10}  {:<5}  {:<8}  {:>7}  {}\n"
HEADER = ROW.format("complexity", "name", "state", "size", "path")


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose models`` and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return ACTIONS[options.action](CHOICES[options.model])
    except ModelError as err:
        sys.stderr.write(f"blazepose models: {err}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="blazepose models", description=f"The models in {cache_folder()}.")
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="show which models are there")
    listing.set_defaults(model="all")
    fetching = actions.add_parser("fetch", help="download what is missing or damaged")
    fetching.add_argument("--model", choices=CHOICES, default="1", help="which one (default: 1)")
    verifying = actions.add_parser("verify", help="fail where a model is missing or damaged")
    verifying.add_argument("--model", choices=CHOICES, default="all", help="which one (default: all)")
    return parser


def _list(models: Sequence[ModelComplexity]) -> int:
    write(HEADER + "".join(_row(BUNDLES[model]) for model in models))
    return 0


def _fetch(models: Sequence[ModelComplexity]) -> int:
    fetch(models, lambda news: print(news, file=sys.stderr, flush=True))  # noqa: T201
    return _list(models)


def _verify(models: Sequence[ModelComplexity]) -> int:
    _list(models)
    problems = [problem for model in models if (problem := _problem(BUNDLES[model]))]
    sys.stderr.write("".join(f"\n{problem}\n" for problem in problems))
    return 1 if problems else 0


def _problem(bundle: Bundle) -> str:
    try:
        load_cached(bundle)
    except ModelError as err:
        return str(err)
    return ""


ACTIONS = {"list": _list, "fetch": _fetch, "verify": _verify}


def _row(bundle: Bundle) -> str:
    path, state = cache_folder() / bundle.file_name, state_of(bundle)
    size = "-" if state is ModelState.MISSING else f"{path.stat().st_size / 1e6:.1f} MB"
    return ROW.format(bundle.complexity.value, bundle.name, state.value, size, path)
