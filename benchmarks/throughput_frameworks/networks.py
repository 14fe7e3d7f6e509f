"""Networks as lists of layers that every framework builds, and the work that each layer is."""

import itertools
import math
from typing import Literal, NamedTuple

SLOPE = 0.2  # of every leaky ReLU below 0
_BLOCKS = ("up_block", "down_block")


class Layer(NamedTuple):
    """A linear map, then batch norm, activation and dropout where there are any.

    It adds a bias only without batch norm. Convolutions are padded so that sizes divide or
    multiply by the stride. The last four kinds are the parts of SN-GAN's residual networks.

    Attributes:
      kind: "dense" flattens its input; "transposed" is a transposed convolution. "up_block" and
        "down_block" are `jaxgan.models.resnet.UpBlock` and `DownBlock`, the first of which has no
        ReLU in front; "norm" is batch norm alone, and "sum" adds up all places after a ReLU.
      inputs: shape of a sample that goes in, [values] or [height, width, channels].
      outputs: shape of what comes out.
      kernel: size of a convolution's kernel.
      batch_norm: normalise each channel over the batch and all places.
      activation: None leaves the values as they are.
      dropout: share of values dropped in training.
      spectral_norm: divide the weights by their largest singular value, as down blocks always do.
    """

    kind: Literal["dense", "conv", "transposed", "up_block", "down_block", "norm", "sum"]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    kernel: int = 1
    batch_norm: bool = False
    activation: Literal["relu", "leaky_relu", "sigmoid", "tanh"] | None = None
    dropout: float = 0.0
    spectral_norm: bool = False

    @property
    def has_skip(self) -> bool:
        """Of a block: whether the skip connection is a linear map."""
        return self.inputs != self.outputs

    @property
    def stride(self) -> int:
        if self.kind == "dense":
            return 1
        return max(self.inputs[0], self.outputs[0]) // min(self.inputs[0], self.outputs[0])

    @property
    def weights(self) -> int:
        if self.kind in ("norm", "sum"):
            return 0
        if self.kind == "dense":
            return math.prod(self.inputs) * math.prod(self.outputs)
        if self.kind in _BLOCKS:
            first, second, skip = self._block_weights
            return first + second + skip
        return self.kernel**2 * self.inputs[-1] * self.outputs[-1]

    @property
    def _block_weights(self) -> tuple[int, int, int]:
        n, m, inner = self.inputs[-1], self.outputs[-1], self.inner
        return 9 * n * inner, 9 * inner * m, n * m if self.has_skip else 0

    @property
    def is_first(self) -> bool:
        """Of a down block: whether its input is an image."""
        return self.inputs[-1] <= 3

    @property
    def inner(self) -> int:
        """Of a block: the channels between its convolutions."""
        return self.outputs[-1] if self.kind == "up_block" or self.is_first else self.inputs[-1]

    @property
    def params(self) -> int:
        if self.kind == "sum":
            return 0
        if self.kind == "up_block":
            return self.weights + 2 * self.inputs[-1] + 2 * self.outputs[-1]
        if self.kind == "down_block":
            return self.weights + self.inner + self.outputs[-1] * (1 + self.has_skip)
        scale_and_bias = 2 * self.outputs[-1]
        bias = math.prod(self.outputs) if self.kind == "dense" else self.outputs[-1]
        return self.weights + (scale_and_bias if self.batch_norm else bias)

    @property
    def products(self) -> int:
        """Multiplications a sample, forward: each weight once, or once at each place."""
        if self.kind in ("dense", "norm", "sum"):
            return self.weights
        if self.kind in _BLOCKS:
            _, second, _ = self._block_weights
            return self.products_of_input + max(self._places) * second
        height, width, _ = self.outputs if self.kind == "conv" else self.inputs
        return height * width * self.weights

    @property
    def products_of_input(self) -> int:
        """Those of `products` with the layer's own input."""
        if self.kind not in _BLOCKS:
            return self.products
        first, _, skip = self._block_weights
        return max(self._places) * first + min(self._places) * skip

    @property
    def _places(self) -> tuple[int, int]:
        return math.prod(self.inputs[:-1]), math.prod(self.outputs[:-1])


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
        kernel = f" {layer.kernel}x{layer.kernel}" if layer.kind in ("conv", "transposed") else ""
        kind = "" if layer.kind == "dense" else f" {layer.kind.replace('_', ' ')}{kernel}"
        norm = " batch norm" if layer.batch_norm else ""
        activation = f" {layer.activation}" if layer.activation else ""
        dropout = f" dropout {layer.dropout}" if layer.dropout else ""
        parts.append(_shape(layer.outputs) + kind + norm + activation + dropout)
    return " - ".join(parts)


def _shape(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
