# SPDX-License-Identifier: Apache-2.0
"""Where to cut a landmark model, so that what is sensitive to rounding is computed in f32.

Rounding to bf16 moves the world landmarks most in the last layers, where few cells decide about all of
them: the branch of at most 4 x 4 cells, 1 to 3 % of the work. In Lite and Heavy it does in the first layers
as well, which see few pixels. Everything in between bears it. The detector stays in f32: it runs seldom,
and a region that is off by a pixel moves landmarks more than all of that does.

The names of nodes change with every reading of a file: so a model is cut by its structure. Models and
nodes are OpenVINO's, which this module does not import.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_MAX_TAIL_CELLS = 4  # the branch that ends in the landmarks; the rest of a model is 7 x 7 cells or more
# So many in a row, from the image on: with fewer, landmarks move more; with more, it takes longer.
_HEAD_CONVOLUTIONS = 6
_IMAGE = "Parameter"
_CONVOLUTIONS = ("Convolution", "GroupConvolution")
# So many have Full, whose first layers bear bf16: with them in f32 it is hardly more exact, and slower.
_FULL_CONVOLUTIONS = (83, 96)  # without and with the branch of the mask
# (1, channels, rows, columns) or (1, rows, columns, channels), of as many rows as columns.
_IMAGE_RANK, _ROWS_OR_COLUMNS = 4, 2

_HEAD, _BODY, _TAIL = range(3)

# A node's name and the number of its output.
PortKey = tuple[str, int]


@dataclass(frozen=True)
class Stage:
    """A part of a model.

    Attributes:
        is_exact: whether it is to be computed in f32.
        takes_image: whether it takes the image, before everything else.
        inputs: what it takes of earlier stages.
        outputs: what it gives to later stages, or as outputs of the model.
        results: which of ``outputs`` are outputs of the model.
        size: how many nodes it has; names differ each time, so this tells a stage from that of another cut.
    """

    is_exact: bool
    takes_image: bool
    inputs: tuple[PortKey, ...]
    outputs: tuple[PortKey, ...]
    results: tuple[int, ...]
    size: int


def cut(model: Any) -> list[Stage]:
    """Return the stages of a model in the order in which they run; without such a tail it is all exact."""
    stage_of = _stages(model)
    return [_stage(model, stage_of, number) for number in sorted(set(stage_of.values()))]


def port_key(port: Any) -> PortKey:
    """Return what names a port of a model and of its clones."""
    return port.get_node().get_friendly_name(), port.get_index()


def _stages(model: Any) -> dict[str, int]:
    """Return the number of the stage of each node that depends on the image."""
    nodes = model.get_ordered_ops()
    convolutions = sum(node.get_type_name() in _CONVOLUTIONS for node in nodes)
    has_head = convolutions not in _FULL_CONVOLUTIONS
    stage_of: dict[str, int] = {}
    in_a_row: dict[str, int] = {}  # convolutions from the image to a node
    for node in nodes:
        sources = [source.get_node() for source in _sources(node)]
        before = [stage_of[name] for name in map(_name, sources) if name in stage_of]
        takes_image = any(source.get_type_name() == _IMAGE for source in sources)
        if node.get_type_name() != "Result" and (before or takes_image):
            row = max(in_a_row.get(_name(source), 0) for source in sources)
            in_a_row[_name(node)] = row = row + (node.get_type_name() in _CONVOLUTIONS)
            first = _HEAD if has_head and row <= _HEAD_CONVOLUTIONS else _BODY
            stage_of[_name(node)] = max(*before, first, _earliest_stage(node))
    return stage_of if _TAIL in stage_of.values() else dict.fromkeys(stage_of, _TAIL)


def _earliest_stage(node: Any) -> int:
    """Return where a node can be by its own size; what is no image stays with what it comes from."""
    shape = node.output(0).shape
    few_cells = len(shape) == _IMAGE_RANK and shape[_ROWS_OR_COLUMNS] <= _MAX_TAIL_CELLS
    return _TAIL if few_cells else _HEAD


def _stage(model: Any, stage_of: dict[str, int], number: int) -> Stage:
    takes_image = False
    inputs: dict[PortKey, None] = {}
    outputs: dict[PortKey, bool] = {}
    for node in model.get_ordered_ops():
        of_node = stage_of.get(_name(node))
        for source in _sources(node):
            key = port_key(source)
            of_source = stage_of.get(key[0])
            takes_image |= of_node == number and source.get_node().get_type_name() == _IMAGE
            if of_source is not None and of_source < number and of_node == number:
                inputs[key] = None
            if of_source == number and of_node != number:
                is_result = node.get_type_name() == "Result"
                outputs[key] = outputs.get(key, False) or is_result
    results = tuple(index for index, is_result in enumerate(outputs.values()) if is_result)
    size = sum(each == number for each in stage_of.values())
    return Stage(number != _BODY, takes_image, tuple(inputs), tuple(outputs), results, size)


def _sources(node: Any) -> Iterator[Any]:
    return (port.get_source_output() for port in node.inputs())


def _name(node: Any) -> str:
    return str(node.get_friendly_name())
