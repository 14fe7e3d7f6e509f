"""Primitives of JAX as ONNX operators: a function per primitive, in the table `OPERATORS`."""

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jax import lax
from jax.extend.core import JaxprEqn

from jaxgan.runs.outputs.to_onnx.graph import Graph, Unsupported, Value, is_static

Operator = Callable[[Graph, JaxprEqn, list[Value]], str | list[str]]


def _same(operator: str) -> Operator:
    """A primitive that is an operator of the same inputs."""
    return lambda graph, equation, inputs: graph.node(operator, inputs)


def _logical(operator: str) -> Operator:
    """A primitive that is an operator of truth values only."""

    def logical(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
        if _type(equation.invars[0]).dtype != bool:
            raise Unsupported(f"the primitive {equation.primitive.name} of numbers")
        return graph.node(operator, inputs)

    return logical


def _ints(values: Sequence[Any]) -> np.ndarray:
    return np.asarray(values, np.int64)


def _type(atom: Any) -> Any:
    """Shape and dtype of an input or output of an equation."""
    return atom.aval


def _like(equation: JaxprEqn, number: float, which: int = 0) -> np.ndarray:
    """A constant of the dtype of an input."""
    return np.asarray(number, _type(equation.invars[which]).dtype)


# --- Elementwise


def _integer_pow(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    return graph.node("Pow", [inputs[0], _like(equation, equation.params["y"])])


def _square(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    return graph.node("Mul", [inputs[0], inputs[0]])


def _rsqrt(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    return graph.node("Reciprocal", [graph.node("Sqrt", inputs)])


def _log1p(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    return graph.node("Log", [graph.node("Add", [inputs[0], _like(equation, 1)])])


def _expm1(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    return graph.node("Sub", [graph.node("Exp", inputs), _like(equation, 1)])


def _ne(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    return graph.node("Not", [graph.node("Equal", inputs)])


def _clamp(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    low, x, high = inputs
    return graph.node("Min", [graph.node("Max", [x, low]), high])


def _select(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    if len(inputs) != 3 or _type(equation.invars[0]).dtype != bool:
        raise Unsupported("the primitive select_n with other than two cases")
    chosen, if_false, if_true = inputs
    return graph.node("Where", [chosen, if_true, if_false])


def _round(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    if equation.params["rounding_method"] != lax.RoundingMethod.TO_NEAREST_EVEN:
        raise Unsupported("the primitive round with halves away from zero")
    return graph.node("Round", inputs)


def _cast(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    return graph.node("Cast", inputs, {"to": np.dtype(equation.params["new_dtype"])})


# --- Shapes


def _reshaped(graph: Graph, x: Value, shape: Sequence[Any]) -> str:
    """An array in another shape, with at most one open size."""
    if sum(not is_static([n]) for n in shape) > 1:
        raise Unsupported(f"an array of shape {shape}")
    return graph.node("Reshape", [x, _ints([n if is_static([n]) else -1 for n in shape])])


def _reshape(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    return _reshaped(graph, inputs[0], _type(equation.outvars[0]).shape)


def _broadcast(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    shape, given = _type(equation.outvars[0]).shape, _type(equation.invars[0]).shape
    placed: list[Any] = [1] * len(shape)
    for axis, size in zip(equation.params["broadcast_dimensions"], given, strict=True):
        placed[int(axis)] = size
    x = _reshaped(graph, inputs[0], placed)
    if tuple(placed) == tuple(shape):
        return x
    # Expand keeps the size of an axis for which it is told 1.
    wanted = [1 if n == m else n for n, m in zip(shape, placed, strict=True)]
    return graph.node("Expand", [x, graph.sizes(wanted)])


def _transpose(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    return graph.node("Transpose", inputs, {"perm": list(equation.params["permutation"])})


def _concatenate(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    return graph.node("Concat", inputs, {"axis": equation.params["dimension"]})


def _stack(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    axis = equation.params["axis"]
    parts = [graph.node("Unsqueeze", [each, _ints([axis])]) for each in inputs]
    return graph.node("Concat", parts, {"axis": axis})


def _split(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> list[str]:
    sizes, axis = _ints(equation.params["sizes"]), {"axis": equation.params["axis"]}
    return graph.nodes_of("Split", [inputs[0], sizes], axis, len(sizes))


def _rev(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    axes = _ints(equation.params["dimensions"])
    back, ends = -np.ones_like(axes), np.full_like(axes, np.iinfo(np.int64).min)
    return graph.node("Slice", [inputs[0], back, ends, axes, back])


def _slice(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    shape, params = _type(equation.invars[0]).shape, equation.params
    starts, limits = params["start_indices"], params["limit_indices"]
    steps = params["strides"] or (1,) * len(shape)
    rows = list(zip(range(len(shape)), starts, limits, steps, shape, strict=True))
    cut = [row for row in rows if row[1:4] != (0, row[4], 1)]
    if not all(is_static(row) for row in cut):
        raise Unsupported("the primitive slice along the batch")
    axes, starts, limits, steps = _ints(cut).reshape(-1, 5).T[:4]
    return graph.node("Slice", [inputs[0], starts, limits, axes, steps])


def _pad(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    x, value = inputs
    low, high, between = np.transpose(equation.params["padding_config"])
    for axis in np.flatnonzero(between):
        x = _spread(graph, x, int(axis), int(between[axis]), value)
    return graph.node("Pad", [x, _ints([*low, *high]), value])


def _spread(graph: Graph, x: Value, axis: int, between: int, value: Value) -> str:
    """An array with copies of a value between its entries along an axis."""
    x = graph.node("Unsqueeze", [x, _ints([axis + 1])])
    x = graph.node("Pad", [x, _ints([0, between]), value, _ints([axis + 1])])
    before = graph.node("Shape", [x], {"start": 0, "end": axis})
    after = graph.node("Shape", [x], {"start": axis + 2})
    shape = graph.node("Concat", [before, _ints([-1]), after], {"axis": 0})
    x = graph.node("Reshape", [x, shape])
    return graph.node("Slice", [x, _ints([0]), _ints([-between]), _ints([axis])])


def _gather(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    """Entries along one axis, as `jnp.take` looks them up."""
    axis = _taken_axis(equation)
    table, index = map(_type, equation.invars)
    rows = graph.node("Squeeze", [inputs[1], _ints([-1])])
    bounds = [_like(equation, n, 1) for n in (0, table.shape[axis] - 1)]
    safe = graph.node("Min", [graph.node("Max", [rows, bounds[0]]), bounds[1]])
    found = graph.node("Gather", [inputs[0], safe], {"axis": axis})
    if equation.params["mode"] == lax.GatherScatterMode.FILL_OR_DROP:
        inside = graph.node("Equal", [rows, safe])
        inside = graph.node("Unsqueeze", [inside, _ints(range(axis + 1 - table.ndim, 0))])
        other = _like(equation, equation.params["fill_value"])
        found = graph.node("Where", [inside, found, other])
    # The axes of the index are where the axis of the table was; JAX may want them elsewhere.
    wanted = [int(each) for each in equation.params["dimension_numbers"].offset_dims]
    rank, new = table.ndim + index.ndim - 2, index.ndim - 1
    of_index = iter(range(axis, axis + new))
    of_table = iter([*range(axis), *range(axis + new, rank)])
    order = [next(of_table if each in wanted else of_index) for each in range(rank)]
    return graph.node("Transpose", [found], {"perm": order})


def _taken_axis(equation: JaxprEqn) -> int:
    """The axis along which a gather takes entries."""
    numbers, shape = equation.params["dimension_numbers"], _type(equation.invars[0]).shape
    axis = numbers.start_index_map[0]
    whole = (*shape[:axis], 1, *shape[axis + 1 :])
    simple = (
        len(numbers.start_index_map) == 1
        and tuple(numbers.collapsed_slice_dims) == (axis,)
        and tuple(equation.params["slice_sizes"]) == whole
        and not numbers.operand_batching_dims
    )
    if not simple:
        raise Unsupported("the primitive gather along several axes")
    return int(axis)


# --- Sums and products


def _reduction(operator: str) -> Operator:
    def reduced(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
        return graph.node(operator, [inputs[0], _ints(equation.params["axes"])], {"keepdims": 0})

    return reduced


def _dot(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    (left, right), (left_batch, right_batch) = equation.params["dimension_numbers"]
    ranks = [_type(each).ndim for each in equation.invars]
    first = string.ascii_lowercase[: ranks[0]]
    second = list(string.ascii_uppercase[: ranks[1]])
    for i, j in zip((*left_batch, *left), (*right_batch, *right), strict=True):
        second[j] = first[i]
    summed = {first[i] for i in left}
    kept = [first[i] for i in left_batch]
    kept += [each for each in (*first, *second) if each not in summed and each not in kept]
    if (left_batch, left, right, ranks[1]) == ((), (ranks[0] - 1,), (0,), 2):
        return graph.node("MatMul", inputs)
    text = f"{first},{''.join(second)}->{''.join(kept)}"
    return graph.node("Einsum", inputs, {"equation": text})


def _conv(graph: Graph, equation: JaxprEqn, inputs: list[Value]) -> str:
    x, kernel = inputs
    params, layout = equation.params, equation.params["dimension_numbers"]
    if isinstance(kernel, str) or params["batch_group_count"] != 1:
        raise Unsupported("the primitive conv_general_dilated with a kernel that is not constant")
    x = graph.node("Transpose", [x], {"perm": list(layout.lhs_spec)})
    convolve = _plain if set(params["lhs_dilation"]) == {1} else _transposed
    y = convolve(graph, x, np.transpose(kernel, layout.rhs_spec), params)
    return graph.node("Transpose", [y], {"perm": np.argsort(layout.out_spec).tolist()})


def _plain(graph: Graph, x: str, kernel: np.ndarray, params: Mapping[str, Any]) -> str:
    x = _moved(graph, x, *np.transpose(params["padding"]))
    attributes = {
        "strides": list(params["window_strides"]),
        "dilations": list(params["rhs_dilation"]),
        "group": params["feature_group_count"],
    }
    return graph.node("Conv", [x, kernel], attributes)


def _transposed(graph: Graph, x: str, kernel: np.ndarray, params: Mapping[str, Any]) -> str:
    """A convolution of an input with zeros between its entries."""
    if {*params["window_strides"], *params["rhs_dilation"]} != {1}:
        raise Unsupported("the primitive conv_general_dilated with a stride and zeros between")
    groups, window = params["feature_group_count"], np.asarray(kernel.shape[2:])
    # From [out, in / groups, ...] to the flipped kernel [in, out / groups, ...].
    flipped = np.flip(kernel, tuple(range(2, kernel.ndim)))
    flipped = flipped.reshape(groups, -1, *kernel.shape[1:]).swapaxes(1, 2)
    flipped = flipped.reshape(-1, *flipped.shape[2:])
    attributes = {"strides": list(params["lhs_dilation"]), "group": groups}
    y = graph.node("ConvTranspose", [x, flipped], attributes)
    # ConvTranspose is as if padded by window - 1 at both ends.
    low, high = np.transpose(params["padding"]) - (window - 1)
    return _moved(graph, y, low, high)


def _moved(graph: Graph, x: str, low: np.ndarray, high: np.ndarray) -> str:
    """Arrays [batch, channels, *size] padded with zeros; cropped where the padding is negative."""
    if not low.any() and not high.any():
        return x
    return graph.node("Pad", [x, _ints([0, 0, *low, 0, 0, *high]), np.float32(0)])


_NAMES = {
    "abs": "Abs",
    "add": "Add",
    "ceil": "Ceil",
    "copy": "Identity",
    "cos": "Cos",
    "div": "Div",
    "eq": "Equal",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "ge": "GreaterOrEqual",
    "gt": "Greater",
    "le": "LessOrEqual",
    "log": "Log",
    "logistic": "Sigmoid",
    "lt": "Less",
    "max": "Max",
    "min": "Min",
    "mul": "Mul",
    "neg": "Neg",
    "pow": "Pow",
    "sign": "Sign",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "stop_gradient": "Identity",
    "sub": "Sub",
    "tanh": "Tanh",
}

OPERATORS: dict[str, Operator] = {name: _same(operator) for name, operator in _NAMES.items()} | {
    "and": _logical("And"),
    "broadcast_in_dim": _broadcast,
    "clamp": _clamp,
    "concatenate": _concatenate,
    "conv_general_dilated": _conv,
    "convert_element_type": _cast,
    "dot_general": _dot,
    "expand_dims": _reshape,
    "expm1": _expm1,
    "gather": _gather,
    "integer_pow": _integer_pow,
    "log1p": _log1p,
    "ne": _ne,
    "not": _logical("Not"),
    "or": _logical("Or"),
    "pad": _pad,
    "reduce_max": _reduction("ReduceMax"),
    "reduce_min": _reduction("ReduceMin"),
    "reduce_sum": _reduction("ReduceSum"),
    "reshape": _reshape,
    "rev": _rev,
    "round": _round,
    "rsqrt": _rsqrt,
    "select_n": _select,
    "slice": _slice,
    "split": _split,
    "square": _square,
    "squeeze": _reshape,
    "stack": _stack,
    "transpose": _transpose,
}
"""The function that turns each primitive into nodes."""
