"""Pure functions of JAX as ONNX models.

    model = onnx_model(lambda x: (jnp.tanh(x @ kernel),), [Tensor("x", (3,), "float32")], ["y"])

A function is traced to a jaxpr with an open batch size. What does not depend on the inputs, such as
noise drawn from a fixed key, is computed by JAX and becomes a constant. Every other primitive
becomes nodes by the table in `operators`.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.export
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal

from jaxgan.runs.outputs.to_onnx.graph import Graph, Node, Unsupported, Value, is_static
from jaxgan.runs.outputs.to_onnx.operators import OPERATORS

if TYPE_CHECKING:
    import onnx

# The oldest versions that have the operators used here: the most runtimes read them.
OPSET, IR_VERSION = 18, 8
BATCH = "b"

_CALLS = {
    "jit": "jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}


class Tensor(NamedTuple):
    """An input or output of a model.

    Attributes:
      name: its name.
      shape: of one sample, without the batch axis.
      dtype: such as "float32".
    """

    name: str
    shape: tuple[int, ...]
    dtype: str


def onnx_model(
    function: Callable[..., Sequence[jax.Array]], inputs: Sequence[Tensor], outputs: Sequence[str]
) -> "onnx.ModelProto":
    """Convert a function of one sample to a model of any number of samples.

    Args:
      function: pure, from arrays of the inputs' shapes to a sequence of arrays.
      inputs: its arguments, in this order.
      outputs: names of its results.
    Returns:
      A model from inputs [batch, *shape] to outputs [batch, ...].
    Raises:
      Unsupported: if the function uses a primitive without an ONNX operator here.
    """
    (batch,) = jax.export.symbolic_shape(BATCH)
    given = [jax.ShapeDtypeStruct((batch, *each.shape), each.dtype) for each in inputs]
    jaxpr = jax.make_jaxpr(jax.vmap(function))(*given)
    graph = Graph(batch, inputs[0].name)
    made = _converted(graph, jaxpr, [each.name for each in inputs])
    for value, name in zip(made, outputs, strict=True):
        graph.nodes.append(Node("Identity", [graph.name(value)], [name], {}))
    graph.keep_needed(outputs)
    avals: Sequence[Any] = jaxpr.out_avals
    results = [
        Tensor(name, aval.shape[1:], str(aval.dtype))
        for name, aval in zip(outputs, avals, strict=True)
    ]
    return _model(graph, inputs, results)


def _model(graph: Graph, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> "onnx.ModelProto":
    import onnx

    def described(tensor: Tensor) -> onnx.ValueInfoProto:
        kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype))
        return onnx.helper.make_tensor_value_info(tensor.name, kind, [BATCH, *tensor.shape])

    given, made = ([described(each) for each in tensors] for tensors in (inputs, outputs))
    nodes = [_node(each) for each in graph.nodes]
    constants = [
        onnx.numpy_helper.from_array(value, name) for name, value in graph.constants.items()
    ]
    whole = onnx.helper.make_graph(nodes, "generator", given, made, constants)
    opset = onnx.helper.make_opsetid("", OPSET)
    model = onnx.helper.make_model(whole, opset_imports=[opset], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model


def _node(node: Node) -> "onnx.NodeProto":
    import onnx

    made = onnx.helper.make_node(node.operator, node.inputs, node.outputs)
    for key, value in node.attributes.items():
        if isinstance(value, np.dtype):
            value = onnx.helper.np_dtype_to_tensor_dtype(value)
        made.attribute.append(onnx.helper.make_attribute(key, value))
    return made


# --- Jaxprs


def _converted(graph: Graph, jaxpr: ClosedJaxpr, inputs: Sequence[Value]) -> list[Value]:
    """Add a jaxpr's equations to a graph; returns the values of its results."""
    values: dict[Any, Value] = dict(zip(jaxpr.jaxpr.constvars, jaxpr.consts, strict=True))
    values |= dict(zip(jaxpr.jaxpr.invars, inputs, strict=True))

    def read(atom: Any) -> Value:
        kind: Any = atom.aval
        return np.asarray(atom.val, kind.dtype) if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.jaxpr.eqns:
        made = _results(graph, equation, [read(atom) for atom in equation.invars])
        values |= dict(zip(equation.outvars, made, strict=True))
    return [read(atom) for atom in jaxpr.jaxpr.outvars]


def _results(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    """The results of an equation, known where its inputs are."""
    primitive, params = equation.primitive, equation.params
    if primitive.name in _CALLS:
        inner = params[_CALLS[primitive.name]]
        inner = inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())
        return _converted(graph, inner, inputs)
    types: list[Any] = [out.aval for out in equation.outvars]
    static = all(is_static(each.shape) for each in types)
    if static and not any(isinstance(value, str) for value in inputs):
        known = primitive.bind(*inputs, **params)
        return list(known) if primitive.multiple_results else [known]
    if primitive.name not in OPERATORS:
        raise Unsupported(f"the primitive {primitive.name}")
    made = OPERATORS[primitive.name](graph, equation, inputs)
    return list(made) if isinstance(made, list) else [made]
