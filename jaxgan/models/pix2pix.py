"""The networks of pix2pix: a U-Net from one image to another, and a judge of patches of it."""

from collections.abc import Sequence
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.dropout import Dropout
from jaxgan.models.layers.linear import Conv, ConvTranspose, leaky_relu
from jaxgan.models.layers.normalization import BatchNorm, InstanceNorm, around_one
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.types import Array, DiscriminatorOutput

_NORMAL = nn.initializers.normal(0.02)
_DROPPED_BLOCKS = 3


# --- The generator


class UNet(nn.Module):
    """An image in, an image out: down to a few pixels and up again, with a skip at each size.

    Convolutions of size 4 and stride 2 with leaky ReLU 0.2 go down, transposed ones with ReLU up.
    There is no norm after the first convolution, nor at the bottom, where it would turn a single
    pixel into zeros. Dropout in the first blocks on the way up, three at most, is the only noise,
    so the paper keeps it when it samples. With the defaults it is the paper's generator for images
    of size 256 or a multiple. It takes no latents: in a GAN its image is the condition.

    Attributes:
      features: channels of each level, the largest level first; each halves the size.
      channels: of the output.
      norm: "batch"; "instance", each sample by itself, as the paper has with batches of one;
        "none".
      dropout: share of values dropped.
      drop_in_sampling: whether to drop values outside training too.
    Source: Isola et al. 2017, sections 3.2 and 6.1, https://arxiv.org/abs/1611.07004
    """

    features: Sequence[int] = (64, 128, 256, 512, 512, 512, 512, 512)
    channels: int = 3
    norm: Literal["batch", "instance", "none"] = "batch"
    dropout: float = 0.5
    drop_in_sampling: bool = True

    @nn.compact
    def __call__(
        self, image: Array, *, keys: Array, train: bool, axis_name: str | None = None
    ) -> Array:
        """Images float [batch, h, w, channels] in (-1, 1) of image [batch, h, w, c] in [-1, 1].

        Args:
          image: float, of sides that all levels can halve.
          keys: one PRNG key a sample.
          train: whether batch norm takes the batch's own statistics.
          axis_name: the mapped device axis.
        Raises:
          ValueError: if image is no image or of another size, or an attribute is out of range.
        """
        self._check(image)
        bare = self.norm == "none"
        x, skips = image, []
        for level, width in enumerate(self.features):
            plain = bare or level in (0, len(self.features) - 1)
            x = leaky_relu(x) if level else x
            x = Conv(width, 4, 2, use_bias=plain, kernel_init=_NORMAL)(x)
            x = x if plain else _normed(self.norm, x, train, axis_name)
            skips.append(x)
        x = skips.pop()
        for block, width in enumerate(self.features[-2::-1]):
            x = ConvTranspose(width, 4, 2, use_bias=bare, kernel_init=_NORMAL)(nn.relu(x))
            x = _normed(self.norm, x, train, axis_name)
            if block < _DROPPED_BLOCKS:
                x = Dropout(self.dropout)(x, keys, train or self.drop_in_sampling)
            x = jnp.concatenate([x, skips.pop()], axis=-1)
        return jnp.tanh(ConvTranspose(self.channels, 4, 2, kernel_init=_NORMAL)(nn.relu(x)))

    def _check(self, image: Array):
        _check_image("image", image)
        if not self.features or min(self.features) < 1:
            raise ValueError(f"features must be positive, one or more, got {tuple(self.features)}")
        multiple = 2 ** len(self.features)
        if any(side % multiple for side in image.shape[1:3]):
            raise ValueError(
                f"image must have sides divisible by {multiple}, for {len(self.features)} levels "
                f"of features, got shape {image.shape}"
            )
        _check_norm(self.norm, ("batch", "instance", "none"))


# --- The discriminator


class PatchGAN(nn.Module):
    """Convolutions of size 4 with leaky ReLU 0.2 that judge each patch of an image, not the whole.

    Some have stride 2, one more has stride 1, and the last gives the logits: each sees a patch of
    size 9 * 2^layers - 2, that is 16, 34, 70 (the paper's), 142 or 286 for 1 to 5 layers.

    Attributes:
      features: channels of the first convolution; twice as many with each further, up to 8 times.
      layers: convolutions of stride 2.
      norm: "batch" after all but the first and last convolution, as in the paper; "instance",
        there too; "spectral" of all weights; "none".
    Source: Isola et al. 2017, sections 3.2.2 and 6.1.2, https://arxiv.org/abs/1611.07004
    """

    features: int = 64
    layers: int = 3
    norm: Literal["batch", "instance", "spectral", "none"] = "batch"

    @nn.compact
    def __call__(
        self,
        x: Array,
        condition: Array | None = None,
        *,
        train: bool,
        axis_name: str | None = None,
    ) -> DiscriminatorOutput:
        """Logits [batch, h / 2^layers - 2, w / 2^layers - 2] of samples [batch, h, w, channels].

        The features are the values before the last layer, [batch, height, width, channels].

        Args:
          x: float.
          condition: the image that x is made of, float [batch, h, w, c]; None: x is judged alone.
          train: whether batch norm takes the batch's own statistics.
          axis_name: the mapped device axis.
        Raises:
          ValueError: if x is no image or too small, the condition is of another size, or an
            attribute is out of range.
        """
        self._check(x, condition)
        x = x if condition is None else jnp.concatenate([condition, x], axis=-1)

        def conv(width: int, stride: int, use_bias: bool, x: Array) -> Array:
            # Padded by one everywhere, so that the map is as the authors have it.
            layer = Conv(width, 4, stride, ((1, 1), (1, 1)), use_bias, _NORMAL)
            return SpectralNorm(layer)(x, train=train) if self.norm == "spectral" else layer(x)

        for level in range(self.layers + 1):
            plain = level == 0 or self.norm in ("spectral", "none")
            width = self.features * min(2**level, 8)
            x = conv(width, 2 if level < self.layers else 1, plain, x)
            x = leaky_relu(x if plain else _normed(self.norm, x, train, axis_name))
        return DiscriminatorOutput(conv(1, 1, True, x)[..., 0], x)

    def _check(self, x: Array, condition: Array | None):
        _check_image("x", x)
        _check_norm(self.norm, ("batch", "instance", "spectral", "none"))
        for name in ("features", "layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        smallest = 3 * 2**self.layers
        if min(x.shape[1:3]) < smallest:
            raise ValueError(
                f"x must have sides of {smallest} or more for {self.layers} layers, "
                f"got shape {x.shape}"
            )
        if condition is not None:
            _check_image("condition", condition)
            if condition.shape[:3] != x.shape[:3]:
                raise ValueError(
                    f"condition must be of the size of x {x.shape}, got shape {condition.shape}"
                )


# --- Both


def _normed(norm: str, x: Array, train: bool, axis_name: str | None) -> Array:
    if norm == "batch":
        return BatchNorm(scale_init=around_one())(x, train, axis_name)
    return InstanceNorm(scale_init=around_one())(x) if norm == "instance" else x


def _check_norm(norm: str, known: tuple[str, ...]):
    if norm not in known:
        raise ValueError(f"norm must be one of {', '.join(known)}, got {norm!r}")


def _check_image(name: str, x: Array):
    if jnp.ndim(x) != 4 or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"{name} must be float [batch, height, width, channels], got "
            f"{getattr(x, 'dtype', type(x).__name__)} {jnp.shape(x)}"
        )
