"""ONNX graphs under construction, without the package onnx."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Value = Any  # the name of a tensor, a str, or an array that is known while converting


class Unsupported(ValueError):
    """Part of a function that has no ONNX operator here; the message names it."""


class Node(NamedTuple):
    """A node of a graph.

    Attributes:
      operator: name of the ONNX operator.
      inputs: names of tensors.
      outputs: names of tensors.
      attributes: of the operator; a NumPy dtype stands for its number in ONNX.
    """

    operator: str
    inputs: list[str]
    outputs: list[str]
    attributes: Mapping[str, Any]


class Graph:
    """The nodes and constants of an ONNX graph under construction."""

    def __init__(self, batch: Any, source: str):
        """Begin a graph.

        Args:
          batch: the symbolic batch size.
          source: the name of an input [batch, ...], whose size is the batch size of a call.
        """
        self.batch, self.source = batch, source
        self.nodes: list[Node] = []
        self.constants: dict[str, np.ndarray] = {}

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
        names = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(
            Node(operator, [self.name(each) for each in inputs], names, attributes or {})
        )
        return names

    def name(self, value: Value) -> str:
        """The name of a value; a known one becomes a constant of the graph."""
        if isinstance(value, str):
            return value
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value, order="C")
        return name

    def sizes(self, shape: Sequence[Any]) -> Value:
        """A shape as int64 [rank]: known, or computed from the batch size of a call.

        Raises:
          Unsupported: if a size is neither known nor the batch size.
        """
        if is_static(shape):
            return np.asarray(shape, np.int64)
        if not is_static([n for n in shape if n != self.batch]):
            raise Unsupported(f"an array of shape {shape}")
        batch = self.node("Shape", [self.source], {"start": 0, "end": 1})
        parts = [np.asarray([n], np.int64) if is_static([n]) else batch for n in shape]
        return self.node("Concat", parts, {"axis": 0})

    def keep_needed(self, wanted: Sequence[str]):
        """Drop the nodes and constants that no wanted output depends on."""
        needed, kept = set(wanted), []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                needed.update(node.inputs)
                kept.append(node)
        self.nodes = kept[::-1]
        self.constants = {name: each for name, each in self.constants.items() if name in needed}


def is_static(shape: Sequence[Any]) -> bool:
    """Whether all sizes are known."""
    return all(isinstance(n, int | np.integer) for n in shape)
