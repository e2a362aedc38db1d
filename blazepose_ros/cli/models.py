# SPDX-License-Identifier: Apache-2.0
"""``blazepose models``: list, fetch or verify the models in the user's cache; how options name a model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from blazepose_ros.cli.console import FittingTable, show
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.models.download import fetch
from blazepose_ros.core.models.registry import (
    BUNDLES,
    Bundle,
    ModelError,
    ModelState,
    bundle_named,
    cache_folder,
    load_cached,
    state_of,
)

ALL_MODELS = "all"
MODEL_HELP = "0 lite, 1 full or 2 heavy"
HEAD = ("complexity", "name", "state", "size", "file")
WORDS = (0, 1, 2, 4)  # indices in HEAD


def one_model(text: str) -> Bundle:
    """Return the model that an option is given: 0, 1, 2, lite, full or heavy.

    Raises:
        argparse.ArgumentTypeError: there is no such model.
    """
    try:
        return bundle_named(text)
    except ModelError as err:
        raise argparse.ArgumentTypeError(str(err)) from err


def some_models(text: str) -> tuple[Bundle, ...]:
    """Return the model that an option is given, or every one for ``all``.

    Raises:
        argparse.ArgumentTypeError: there is no such model.
    """
    return tuple(BUNDLES.values()) if text == ALL_MODELS else (one_model(text),)


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose models`` and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return ACTIONS[options.action](options.model)
    except ModelError as err:
        sys.stderr.write(f"blazepose models: {err}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="blazepose models", description=f"The models in {cache_folder()}.")
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="show which models are there")
    listing.set_defaults(model=some_models(ALL_MODELS))
    for name, purpose, default in (
        ("fetch", "download what is missing or damaged", "1"),
        ("verify", "fail where a model is missing or damaged", ALL_MODELS),
    ):
        action = actions.add_parser(name, help=purpose)
        action.add_argument(
            "--model",
            type=some_models,
            default=default,
            metavar="MODEL",
            help=f"{MODEL_HELP}, or all (default: {default})",
        )
    return parser


def _list(models: Sequence[Bundle]) -> int:
    show(str(cache_folder()), FittingTable(HEAD, [_row(model) for model in models], WORDS))
    return 0


def _fetch(models: Sequence[Bundle]) -> int:
    fetch(
        [model.complexity for model in models],
        FunctionLogger(lambda news: print(news, file=sys.stderr, flush=True)),  # noqa: T201
    )
    return _list(models)


def _verify(models: Sequence[Bundle]) -> int:
    _list(models)
    problems = [problem for model in models if (problem := _problem(model))]
    sys.stderr.write("".join(f"\n{problem}\n" for problem in problems))
    return 1 if problems else 0


def _problem(bundle: Bundle) -> str:
    try:
        load_cached(bundle)
    except ModelError as err:
        return str(err)
    return ""


ACTIONS = {"list": _list, "fetch": _fetch, "verify": _verify}


def _row(bundle: Bundle) -> tuple[str, ...]:
    path, state = cache_folder() / bundle.file_name, state_of(bundle)
    size = "-" if state is ModelState.MISSING else f"{path.stat().st_size / 1e6:.1f} MB"
    return str(bundle.complexity.value), bundle.name, state.value, size, bundle.file_name
