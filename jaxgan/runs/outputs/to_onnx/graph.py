"""ONNX graphs under construction."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

Value = Any  # the name of a tensor, a str, or an array that is known while converting


class Unsupported(ValueError):
    """Part of a function that has no ONNX operator here; the message names it."""


class Graph:
    """The nodes and constants of an ONNX graph under construction."""

    def __init__(self, batch: Any, source: str):
        """Begin a graph.

        Args:
          batch: the symbolic batch size.
          source: the name of an input [batch, ...], whose size is the batch size of a call.
        """
        self.batch, self.source = batch, source
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def node(
        self, operator: str, inputs: Sequence[Value], attributes: Mapping[str, Any] | None = None
    ) -> str:
        """Add a node with one output, and return the name of the output."""
        return self.nodes_of(operator, inputs, attributes, 1)[0]

    def nodes_of(
        self,
        operator: str,
        inputs: Sequence[Value],
        attributes: Mapping[str, Any] | None,
        outputs: int,
    ) -> list[str]:
        """Add a node with several outputs, and return their names."""
        number = len(self.nodes)
        names = [f"t{number}_{i}" for i in range(outputs)]
        node = onnx.helper.make_node(operator, [self.name(each) for each in inputs], names)
        for key, value in (attributes or {}).items():
            node.attribute.append(onnx.helper.make_attribute(key, value))
        self.nodes.append(node)
        return names

    def name(self, value: Value) -> str:
        """The name of a value; a known one becomes a constant of the graph."""
        if isinstance(value, str):
            return value
        name = f"c{len(self.constants)}"
        array = np.asarray(value, order="C")
        self.constants[name] = onnx.numpy_helper.from_array(array, name)
        return name

    def sizes(self, shape: Sequence[Any]) -> Value:
        """A shape as int64 [rank]: known, or computed from the batch size of a call.

        Raises:
          Unsupported: if a size is neither known nor the batch size.
        """
        if is_static(shape):
            return np.asarray(shape, np.int64)
        if not is_static([n for n in shape if n is not self.batch and n != self.batch]):
            raise Unsupported(f"an array of shape {shape}")
        batch = self.node("Shape", [self.source], {"start": 0, "end": 1})
        parts = [np.asarray([n], np.int64) if is_static([n]) else batch for n in shape]
        return self.node("Concat", parts, {"axis": 0})

    def keep_needed(self, wanted: Sequence[str]):
        """Drop the nodes and constants that no wanted output depends on."""
        needed, kept = set(wanted), []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                kept.append(node)
        self.nodes = kept[::-1]
        self.constants = {name: each for name, each in self.constants.items() if name in needed}


def is_static(shape: Sequence[Any]) -> bool:
    """Whether all sizes are known."""
    return all(isinstance(n, int | np.integer) for n in shape)
