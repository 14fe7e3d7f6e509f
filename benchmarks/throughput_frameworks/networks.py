"""Networks as lists of layers that every framework builds, and the work that each layer is."""

import itertools
import math
from typing import Literal, NamedTuple

SLOPE = 0.2  # of every leaky ReLU below 0


class Layer(NamedTuple):
    """A linear map, then batch norm, activation and dropout where there are any.

    It adds a bias only without batch norm. Convolutions are padded so that sizes divide or
    multiply by the stride.

    Attributes:
      kind: "dense" flattens its input; "transposed" is a transposed convolution.
      inputs: shape of a sample that goes in, [values] or [height, width, channels].
      outputs: shape of what comes out.
      kernel: size of a convolution's kernel.
      batch_norm: normalise each channel over the batch and all places.
      activation: None leaves the values as they are.
      dropout: share of values dropped in training.
    """

    kind: Literal["dense", "conv", "transposed"]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    kernel: int = 1
    batch_norm: bool = False
    activation: Literal["relu", "leaky_relu", "sigmoid", "tanh"] | None = None
    dropout: float = 0.0

    @property
    def stride(self) -> int:
        if self.kind == "dense":
            return 1
        return max(self.inputs[0], self.outputs[0]) // min(self.inputs[0], self.outputs[0])

    @property
    def weights(self) -> int:
        if self.kind == "dense":
            return math.prod(self.inputs) * math.prod(self.outputs)
        return self.kernel**2 * self.inputs[-1] * self.outputs[-1]

    @property
    def params(self) -> int:
        scale_and_bias = 2 * self.outputs[-1]
        bias = math.prod(self.outputs) if self.kind == "dense" else self.outputs[-1]
        return self.weights + (scale_and_bias if self.batch_norm else bias)

    @property
    def products(self) -> int:
        """Multiplications a sample, forward: each weight once, or once at each place."""
        if self.kind == "dense":
            return self.weights
        height, width, _ = self.outputs if self.kind == "conv" else self.inputs
        return height * width * self.weights


Layers = tuple[Layer, ...]


def dense_layers(
    *widths: int, activation: str, output: str | None = None, dropout: float = 0.0
) -> Layers:
    """A stack of dense layers, all but the last with the activation and dropout."""
    pairs = [((m,), (n,)) for m, n in itertools.pairwise(widths)]
    hidden = [Layer("dense", *pair, activation=activation, dropout=dropout) for pair in pairs[:-1]]
    return (*hidden, Layer("dense", *pairs[-1], activation=output))


def count_params(layers: Layers) -> int:
    """Weights, biases and the scales of batch norm."""
    return sum(layer.params for layer in layers)


def describe(layers: Layers) -> str:
    """The shapes that samples go through, with what tells the layers apart.

    >>> print(describe(dense_layers(2, 8, 1, activation="relu")))
    2 - 8 relu - 1
    """
    parts = [_shape(layers[0].inputs)]
    for layer in layers:
        kind = "" if layer.kind == "dense" else f" {layer.kind} {layer.kernel}x{layer.kernel}"
        norm = " batch norm" if layer.batch_norm else ""
        activation = f" {layer.activation}" if layer.activation else ""
        dropout = f" dropout {layer.dropout}" if layer.dropout else ""
        parts.append(_shape(layer.outputs) + kind + norm + activation + dropout)
    return " - ".join(parts)


def _shape(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
