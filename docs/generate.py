# SPDX-License-Identifier: Apache-2.0
"""Writes what the documentation says of the parameters: ``make docs`` runs it.

The declarations in ``blazepose_ros`` are the only source. In Markdown a generated part stands
between two comments, ``<!-- generated: NAME -->`` and ``<!-- end -->``; a parameter file is
generated as a whole.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

from blazepose_ros.core.fusion.settings import FusionSettings
from blazepose_ros.core.parameters import ParameterSpec
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.nodes.camera.settings import CameraSettings
from blazepose_ros.nodes.people.settings import GestureSettings, RepetitionSettings

NODE = NodeSettings.parameters().values()
CAMERA = CameraSettings.parameters().values()
FUSION = FusionSettings.parameters().values()
GESTURES = GestureSettings.parameters().values()
REPETITIONS = RepetitionSettings.parameters().values()

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("docs/parameters.md",)
PARAMETER_FILE = "config/blazepose.yaml"

YAML_WIDTH = 94
PART = re.compile(r"(?<=<!-- generated: )(?P<name>.+?)(?P<start> -->\n).*?(?=<!-- end -->)", re.DOTALL)


def full_table(parameters: Iterable[ParameterSpec]) -> str:
    """Return all that is declared of each parameter."""
    rows = (
        f"| `{each.name}` | `{json.dumps(each.default)}` | {each.description} | {each.takes} |"
        f" {'' if each.read_only else 'yes'} |"
        for each in parameters
    )
    head = "| parameter | default | | takes | changes while running |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def parameter_file(parameters: Iterable[ParameterSpec]) -> str:
    """Return a parameter file with every default."""
    lines = ["# Every parameter of blazepose_node with its default.", "/**:", "  ros__parameters:"]
    for each in parameters:
        comment = textwrap.wrap(f"{each.description} Takes {each.takes}.", YAML_WIDTH)
        lines += [f"    # {line}" for line in comment]
        lines.append(f"    {each.name}: {json.dumps(each.default)}")
    return "\n".join(lines) + "\n"


PARTS: dict[str, Callable[[], str]] = {
    "node": lambda: full_table(NODE),
    "camera": lambda: full_table(CAMERA),
    "fusion": lambda: full_table(FUSION),
    "gestures": lambda: full_table(GESTURES),
    "repetitions": lambda: full_table(REPETITIONS),
}


def page(text: str) -> str:
    """Return a page with its generated parts made anew.

    Raises:
        KeyError: a part has a name that is not in ``PARTS``.
    """
    return PART.sub(lambda part: f"{part['name']}{part['start']}{PARTS[part['name']]()}\n", text)


def generated() -> dict[Path, str]:
    """Return what every file that is generated, in whole or in part, should hold."""
    pages = {ROOT / name: page((ROOT / name).read_text()) for name in PAGES}
    return {**pages, ROOT / PARAMETER_FILE: parameter_file(NODE)}


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text)
