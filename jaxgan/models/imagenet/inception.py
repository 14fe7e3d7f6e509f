"""The Inception network of the FID and the Inception score, with its preprocessing.

    inception = make_inception("pt_inception-2015-12-05-6726825d.pth")
    output = inception(images)  # uint8 [batch, height, width, 3]

The weights are not included: pass the path of the file that pytorch-fid downloads. Only a Fréchet
distance of these features, with these weights and the preprocessing of pytorch-fid, may be called
FID without a further word.
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.choices import Resizing
from jaxgan.images.resampling import bicubic
from jaxgan.models.imagenet.inception_blocks import BEFORE_SPATIAL, FROM_SPATIAL, SPATIAL, run
from jaxgan.models.imagenet.inception_file import inception_weights
from jaxgan.models.imagenet.weights import Convolution
from jaxgan.types import Array

FID_SIZE = (299, 299)
_SPATIAL_CHANNELS = 7  # of 192; the first ones, as in the published sFID
_SMALLEST = 75  # pixels per side, for which one feature per side is left


class InceptionOutput(NamedTuple):
    """Output of the Inception network.

    Attributes:
      features: features for FID and KID, not negative, [batch, 2048].
      logits: class logits [batch, 1008].
      unbiased_logits: class logits without the last layer's biases, [batch, 1008]; the published
        Inception score uses their softmax.
      spatial: feature maps for the sFID, [batch, 17, 17, 7] for images of 299 x 299.
    """

    features: Array
    logits: Array
    unbiased_logits: Array
    spatial: Array


def make_inception(
    file: str | Path,
    value_range: tuple[float, float] = (0.0, 255.0),
    verify: bool = True,
    resizing: Resizing = "bilinear",
) -> Callable[[Array | np.ndarray], InceptionOutput]:
    """Make the extractor of the features and logits for FID and Inception score.

    Args:
      file: the weights, see `inception_weights`.
      value_range: values of black and white in the images. The reference implementation reads image
        files, with integers from 0 to 255; round images likewise to reproduce its scores.
      verify: whether to accept only the weights of the FID, by their SHA-256.
      resizing: how images are resized and scaled, see `fid_images`.
    Returns:
      A compiled function from images [batch, height, width, 1 or 3] of any size to an
      `InceptionOutput`. It compiles once per shape and raises a ValueError for other arrays.
    Raises:
      ValueError: if the file is missing, is not that of the FID and `verify` is set, cannot be
        read, or holds other tensors than this network's.
    Source: Heusel et al. 2017, https://arxiv.org/abs/1706.08500; Salimans et al. 2016,
      https://arxiv.org/abs/1606.03498
    """

    @jax.jit
    def outputs(convolutions: Mapping[str, Convolution], images: Array) -> InceptionOutput:
        return inception_v3(convolutions, fid_images(images, value_range, resizing))

    # The weights are an argument, since XLA would spend seconds folding them as constants.
    return functools.partial(outputs, inception_weights(file, verify))


def fid_images(
    x: Array | np.ndarray,
    value_range: tuple[float, float] = (0.0, 255.0),
    resizing: Resizing = "bilinear",
) -> Array:
    """Images preprocessed for the FID: resized to 299 x 299 and scaled to about [-1, 1].

    Three ways are usual, and their scores differ slightly:

    - "bilinear", of pytorch-fid: bilinearly without antialiasing, with new pixel i at
      (i + 1/2) old / new - 1/2; values from -1 to 1.
    - "tensorflow", of the first FID and torch-fidelity: the same with new pixel i at i old / new;
      values (x - 128) / 128.
    - "clean", of clean-fid: with the cubic kernel of Pillow, antialiased, and clipped to the value
      range; values (x - 128) / 128.

    A grey image becomes three equal channels.

    Args:
      x: uint8 or float [batch, height, width, 1 or 3].
      value_range: values of black and white.
      resizing: "bilinear", "tensorflow" or "clean".
    Returns:
      float32 [batch, 299, 299, 3], in [-1, 1] if x is in the value range.
    Raises:
      ValueError: if x has another shape or dtype, or black is not below white.
    Source: `InceptionV3.forward` of https://github.com/mseitzer/pytorch-fid; `resize.py` of
      https://github.com/GaParmar/clean-fid, Parmar et al. 2022, https://arxiv.org/abs/2104.11222
    """
    numbers = x.dtype == jnp.uint8 or jnp.issubdtype(x.dtype, jnp.floating)
    if not numbers or x.ndim != 4 or x.shape[3] not in (1, 3):
        raise ValueError(
            f"x must be uint8 or float [batch, height, width, 1 or 3], got {x.dtype} {x.shape}"
        )
    low, high = value_range
    if not low < high:
        raise ValueError(
            f"value_range must be (black, white) with black < white, got {value_range}"
        )
    x = (jnp.asarray(x, jnp.float32) - low) * (2.0 / (high - low)) - 1.0
    if resizing == "clean":
        x = jnp.clip(bicubic(x, FID_SIZE), -1.0, 1.0)
    else:
        x = _resized(x, 0.5 if resizing == "bilinear" else 0.0)
    if resizing != "bilinear":
        x = x * np.float32(127.5 / 128) - np.float32(0.5 / 128)  # (x - 128) / 128 of 0..255
    return jnp.broadcast_to(x, (*x.shape[:3], 3))


def _resized(x: Array, middle: float) -> Array:
    """Images resized bilinearly; the position of a pixel is its index plus `middle`."""
    rows, columns = (
        jnp.asarray(_bilinear(old, new, middle), jnp.float32)
        for old, new in zip(x.shape[1:3], FID_SIZE, strict=True)
    )
    x = jnp.einsum("ph,bhwc->bpwc", rows, x, precision="highest")
    return jnp.einsum("qw,bpwc->bpqc", columns, x, precision="highest")


def _bilinear(old: int, new: int, middle: float) -> np.ndarray:
    """The matrix [new, old] of linear interpolation, in float64 (`jax.image` uses float32)."""
    positions = np.clip((np.arange(new) + middle) * old / new - middle, 0, old - 1)
    return np.maximum(1 - np.abs(positions[:, None] - np.arange(old)[None]), 0)


def inception_v3(convolutions: Mapping[str, Convolution], x: Array) -> InceptionOutput:
    """The Inception network of the FID.

    Args:
      convolutions: convolutions by name, see `inception_convolutions`.
      x: float [batch, height, width, 3] in [-1, 1], at least 75 x 75 pixels; scores use 299 x 299,
        see `fid_images`.
    Raises:
      ValueError: if x has another shape or dtype, or is too small.
    Source: Szegedy et al. 2016, https://arxiv.org/abs/1512.00567, with the pools and the 1,008
      classes of TensorFlow's network of 2015-12-05, as in https://github.com/mseitzer/pytorch-fid
    """
    images = x.ndim == 4 and x.shape[3] == 3 and jnp.issubdtype(x.dtype, jnp.floating)
    if not images or min(x.shape[1:3]) < _SMALLEST:
        raise ValueError(
            f"x must be float [batch, height, width, 3] of at least {_SMALLEST} x {_SMALLEST} "
            f"pixels, got {x.dtype} {x.shape}"
        )
    # By default accelerators round the factors of matrix products to fewer digits.
    with jax.default_matmul_precision("highest"):
        before = run(BEFORE_SPATIAL, convolutions, x.astype(jnp.float32))
        spatial = run(SPATIAL, convolutions, before)[..., :_SPATIAL_CHANNELS]
        maps = run(FROM_SPATIAL, convolutions, before)
        features = jnp.mean(maps, axis=(1, 2))
        kernel, bias = convolutions["fc"]
        unbiased = features @ kernel[0, 0]
    return InceptionOutput(features, unbiased + bias[None], unbiased, spatial)
