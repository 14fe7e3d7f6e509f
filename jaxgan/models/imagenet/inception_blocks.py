"""The structure of the FID's Inception network as data, with functions that run and inspect it.

A step is a layer, a list of steps in sequence, a tuple of parallel steps whose outputs are
concatenated by channel, or a function of the features.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.imagenet.weights import Convolution
from jaxgan.models.layers.convolution import conv
from jaxgan.models.layers.convolution_cpu import Pair
from jaxgan.types import Array


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution with folded batch norm, followed by ReLU.

    With stride 1 it keeps the size, with stride 2 it has no padding.

    Attributes:
      name: name of its parameters.
      outputs: output channels.
      window: kernel size.
      stride: 1 or 2.
    """

    name: str
    outputs: int
    window: Pair = (1, 1)
    stride: int = 1


Step = Any  # Layer | list[Step] | tuple[Step, ...] | Callable[[Array], Array]
Shape = tuple[int, int, int, int]


def run(step: Step, convolutions: Mapping[str, Convolution], x: Array) -> Array:
    """The output of a step for features x [batch, height, width, channels].

    Args:
      step: a step of the network, or the whole network.
      convolutions: parameters by name.
      x: float.
    """
    if isinstance(step, Layer):
        kernel, bias = convolutions[step.name]
        y = conv(x, kernel, step.stride, "SAME" if step.stride == 1 else "VALID")
        return jax.nn.relu(y + bias[None, None, None])
    if isinstance(step, tuple):
        return jnp.concatenate([run(branch, convolutions, x) for branch in step], axis=3)
    if isinstance(step, list):
        for part in step:
            x = run(part, convolutions, x)
        return x
    return step(x)


def kernel_shapes(step: Step, inputs: int) -> tuple[dict[str, Shape], int]:
    """The shapes [height, width, in, out] of a step's kernels by name, and its output channels.

    Args:
      step: a step of the network, or the whole network.
      inputs: number of input channels.
    """
    if isinstance(step, Layer):
        return {step.name: (*step.window, inputs, step.outputs)}, step.outputs
    if not isinstance(step, tuple | list):
        return {}, inputs
    shapes: dict[str, Shape] = {}
    joined = 0
    for part in step:
        more, outputs = kernel_shapes(part, inputs)
        shapes |= more
        joined += outputs
        inputs = outputs if isinstance(step, list) else inputs
    return shapes, inputs if isinstance(step, list) else joined


# --- The steps


def without_edge(x: Array) -> Array:
    """Crop the border, which turns a padded 3 x 3 convolution into an unpadded one.

    On CPU, XLA takes several times as long for a large convolution without padding.
    """
    return x[:, 1:-1, 1:-1]


def max_pool(x: Array) -> Array:
    """Max pooling of 3 x 3 features with stride 2."""
    return nn.max_pool(x, (3, 3), (2, 2))


def same_max_pool(x: Array) -> Array:
    """Max pooling of 3 x 3 features with stride 1, which keeps the size."""
    return nn.max_pool(x, (3, 3), padding="SAME")


def same_mean_pool(x: Array) -> Array:
    """Average pooling of 3 x 3 features with stride 1, without counting padding."""
    return nn.avg_pool(x, (3, 3), padding="SAME", count_include_pad=False)


def _chain(name: str, *settings: tuple) -> list[Step]:
    """Layers NAME_1, NAME_2, ... with the given outputs, windows and strides."""
    return [Layer(f"{name}_{i}", *s) for i, s in enumerate(settings, start=1)]


_REDUCED: tuple[Pair, int] = ((3, 3), 2)


def _block_a(name: str, pool: int) -> Step:
    branch = f"{name}.branch"
    return (
        Layer(f"{branch}1x1", 64),
        _chain(f"{branch}5x5", (48,), (64, (5, 5))),
        _chain(f"{branch}3x3dbl", (64,), (96, (3, 3)), (96, (3, 3))),
        [same_mean_pool, Layer(f"{branch}_pool", pool)],
    )


def _block_b(name: str) -> Step:
    branch = f"{name}.branch"
    return (
        Layer(f"{branch}3x3", 384, *_REDUCED),
        _chain(f"{branch}3x3dbl", (64,), (96, (3, 3)), (96, *_REDUCED)),
        max_pool,
    )


def _block_c(name: str, inner: int) -> Step:
    branch, row, column = f"{name}.branch", (1, 7), (7, 1)
    double = [(inner, window) for window in (column, row, column)]
    return (
        Layer(f"{branch}1x1", 192),
        _chain(f"{branch}7x7", (inner,), (inner, row), (192, column)),
        _chain(f"{branch}7x7dbl", (inner,), *double, (192, row)),
        [same_mean_pool, Layer(f"{branch}_pool", 192)],
    )


def _block_d(name: str) -> Step:
    branch = f"{name}.branch"
    return (
        _chain(f"{branch}3x3", (192,), (320, *_REDUCED)),
        _chain(f"{branch}7x7x3", (192,), (192, (1, 7)), (192, (7, 1)), (192, *_REDUCED)),
        max_pool,
    )


def _block_e(name: str, pool: Callable[[Array], Array]) -> Step:
    branch = f"{name}.branch"

    def fork(layer: str) -> Step:
        return Layer(f"{layer}a", 384, (1, 3)), Layer(f"{layer}b", 384, (3, 1))

    return (
        Layer(f"{branch}1x1", 320),
        [*_chain(f"{branch}3x3", (384,)), fork(f"{branch}3x3_2")],
        [*_chain(f"{branch}3x3dbl", (448,), (384, (3, 3))), fork(f"{branch}3x3dbl_3")],
        [pool, Layer(f"{branch}_pool", 192)],
    )


BLOCKS: dict[str, Step] = {
    "Conv2d_1a_3x3": Layer("Conv2d_1a_3x3", 32, *_REDUCED),
    "Conv2d_2a_3x3": [Layer("Conv2d_2a_3x3", 32, (3, 3)), without_edge],
    "Conv2d_2b_3x3": Layer("Conv2d_2b_3x3", 64, (3, 3)),
    "maxpool1": max_pool,
    "Conv2d_3b_1x1": Layer("Conv2d_3b_1x1", 80),
    "Conv2d_4a_3x3": [Layer("Conv2d_4a_3x3", 192, (3, 3)), without_edge],
    "maxpool2": max_pool,
    "Mixed_5b": _block_a("Mixed_5b", pool=32),
    "Mixed_5c": _block_a("Mixed_5c", pool=64),
    "Mixed_5d": _block_a("Mixed_5d", pool=64),
    "Mixed_6a": _block_b("Mixed_6a"),
    "Mixed_6b": _block_c("Mixed_6b", inner=128),
    "Mixed_6c": _block_c("Mixed_6c", inner=160),
    "Mixed_6d": _block_c("Mixed_6d", inner=160),
    "Mixed_6e": _block_c("Mixed_6e", inner=192),
    "Mixed_7a": _block_d("Mixed_7a"),
    "Mixed_7b": _block_e("Mixed_7b", pool=same_mean_pool),
    # Max pooling in this block only, as in the network whose weights were published.
    "Mixed_7c": _block_e("Mixed_7c", pool=same_max_pool),
}
"""The network's steps in order, named as in torchvision, with the pooling of TensorFlow's network
of 2015-12-05. Source: Szegedy et al. 2016, table 1, https://arxiv.org/abs/1512.00567"""
NETWORK: Step = list(BLOCKS.values())
"""The whole network, without its last linear layer."""
_SPATIAL_AT = list(BLOCKS).index("Mixed_6d")
BEFORE_SPATIAL: Step = NETWORK[:_SPATIAL_AT]
"""The blocks before the spatial features."""
FROM_SPATIAL: Step = NETWORK[_SPATIAL_AT:]
"""The other blocks."""
SPATIAL: Step = BLOCKS["Mixed_6d"][0]
"""The layer of the spatial features, mixed_6/conv in TensorFlow's network."""
