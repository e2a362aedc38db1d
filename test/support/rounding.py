# SPDX-License-Identifier: Apache-2.0
"""OpenVINO models that round as bf16 does, for processors that have none."""

from typing import Any

import numpy as np
from openvino import opset13 as operations

from blazepose_ros.core.estimation.runtimes.openvino_library import openvino

BF16_BITS = 8  # of the significand, the hidden one among them
_F32_BITS = 24
_CONVOLUTIONS = ("Convolution", "GroupConvolution")


def round_everything(model: openvino.Model, bits: int = BF16_BITS) -> openvino.Model:
    """Round weights, inputs and what is stored, in place, as a runtime does that adds up in f32."""
    constants: set[str] = set()
    for node in model.get_ordered_ops():
        sources = [port.get_source_output().get_node().get_friendly_name() for port in node.inputs()]
        kind, name = node.get_type_name(), node.get_friendly_name()
        if kind == "Constant" or (sources and set(sources) <= constants):
            constants.add(name)
        elif kind in _CONVOLUTIONS:
            for port in node.inputs():
                port.replace_source_output(_rounded(port.get_source_output(), bits))
        elif _is_stored(node):
            readers = list(node.output(0).get_target_inputs())
            rounded = _rounded(node.output(0), bits)
            for reader in readers:
                reader.replace_source_output(rounded)
    return model


def _is_stored(node: Any) -> bool:
    """Whether a node's output goes to memory, rather than into the operation that is fused with it."""
    if node.get_type_name() == "Add":
        readers = [reader.get_node().get_type_name() for reader in node.output(0).get_target_inputs()]
        return readers not in (["Clamp"], ["Add"])
    return node.get_type_name() in ("Clamp", "Interpolate")


def _rounded(port: Any, bits: int) -> Any:
    """Return a value with so many bits (Dekker's splitting of a number into two halves)."""
    shifted = operations.multiply(port, operations.constant(np.float32(2 ** (_F32_BITS - bits) + 1)))
    return operations.subtract(shifted, operations.subtract(shifted, port)).output(0)
