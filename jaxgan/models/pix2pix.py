"""The networks of pix2pix: a U-Net generator and a PatchGAN discriminator."""

from collections.abc import Sequence
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.checks import check_choice, check_not_negative, check_positive
from jaxgan.models.layers.dropout import Dropout
from jaxgan.models.layers.linear import Conv, ConvTranspose, leaky_relu
from jaxgan.models.layers.normalization import BatchNorm, InstanceNorm, around_one
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.types import Array, DiscriminatorOutput

_NORMAL = nn.initializers.normal(0.02)
_DROPOUT_BLOCKS = 3  # the first blocks of the decoder, as in the paper


# --- The generator


class UNet(nn.Module):
    """Encoder and decoder from image to image, with skip connections at each size.

    The encoder has convolutions of size 4 and stride 2 with leaky ReLU (slope 0.2), the decoder
    transposed convolutions with ReLU. The first convolution has no norm, and neither has the
    innermost one, where it would set a single pixel to zero. Dropout in the first three blocks of
    the decoder is the only noise, so the paper uses it when sampling too. The network takes no
    latents: in a GAN its image is the condition.

    | for images of size 256 or a multiple | published | here by default |
    |---|---|---|
    | channels, largest level first | 64, 128, 256 and five times 512 | the same |
    | order of the skip channels, positions of dropout | of the authors' Lua code | the same |
    | biases where there is no norm | in the last layer only, in their PyTorch code | everywhere |
    | statistics of batch norm when sampling | of the test batch | running averages |
    | parameters, RGB | 54,413,955 in their PyTorch code | 54,414,531 |

    Attributes:
      features: channels of each level, largest level first; each level halves the size.
      channels: channels of the output.
      norm: "batch"; "instance", which normalises each sample separately, as the paper does with
        batches of one; "none".
      dropout: fraction of values dropped.
      drop_in_sampling: whether dropout is active outside training too.
      statistics_in_sampling: "running" averages, so that a sample does not depend on those that are
        drawn with it; "batch" for the statistics of the test batch, as published. For a batch of
        one image these are what norm="instance" computes.
    Source: Isola et al. 2017, sections 3.2 and 6.1, https://arxiv.org/abs/1611.07004
    """

    features: Sequence[int] = (64, 128, 256, 512, 512, 512, 512, 512)
    channels: int = 3
    norm: Literal["batch", "instance", "none"] = "batch"
    dropout: float = 0.5
    drop_in_sampling: bool = True
    statistics_in_sampling: Literal["running", "batch"] = "running"

    @nn.compact
    def __call__(
        self, image: Array, *, keys: Array, train: bool, axis_name: str | None = None
    ) -> Array:
        """Images float [batch, h, w, channels] in (-1, 1) for image [batch, h, w, c] in [-1, 1].

        Args:
          image: float, with a height and width divisible by 2^levels.
          keys: one PRNG key per sample.
          train: whether batch norm uses the statistics of the batch.
          axis_name: the mapped device axis.
        Raises:
          ValueError: if image has another shape, or an attribute is invalid.
        """
        self._check(image)
        bare = self.norm == "none"

        def normed(x: Array) -> Array:
            running = self.statistics_in_sampling == "running"
            return _normed(self.norm, x, train, axis_name, use_running=running)

        x, skips = image, []
        for level, width in enumerate(self.features):
            plain = bare or level in (0, len(self.features) - 1)
            x = leaky_relu(x) if level else x
            x = Conv(width, 4, 2, use_bias=plain, kernel_init=_NORMAL)(x)
            x = x if plain else normed(x)
            skips.append(x)
        x = skips.pop()
        for block, width in enumerate(self.features[-2::-1]):
            x = ConvTranspose(width, 4, 2, use_bias=bare, kernel_init=_NORMAL)(nn.relu(x))
            x = normed(x)
            if block < _DROPOUT_BLOCKS:
                x = Dropout(self.dropout)(x, keys, train or self.drop_in_sampling)
            x = jnp.concatenate([x, skips.pop()], axis=-1)
        return jnp.tanh(ConvTranspose(self.channels, 4, 2, kernel_init=_NORMAL)(nn.relu(x)))

    def _check(self, image: Array):
        check_image("image", image)
        if not self.features or min(self.features) < 1:
            raise ValueError(f"features must be positive ints, got {tuple(self.features)}")
        multiple = 2 ** len(self.features)
        if any(side % multiple for side in image.shape[1:3]):
            raise ValueError(
                f"image must have a height and width divisible by {multiple}, for "
                f"{len(self.features)} levels of features, got shape {image.shape}"
            )
        check_choice(norm=(self.norm, ("batch", "instance", "none")))
        check_choice(statistics_in_sampling=(self.statistics_in_sampling, ("running", "batch")))


# --- The discriminator


class PatchGAN(nn.Module):
    """Discriminator with one logit per patch of an image: convolutions of size 4 with leaky ReLU.

    `layers` convolutions have stride 2, one more has stride 1, and the last one gives the logits.
    Each logit sees a patch of size 9 * 2^layers - 2, which is 7, 16, 34, 70 (the paper's), 142 or
    286 for 0 to 5 layers. The slope of leaky ReLU is 0.2.

    | | published | here by default |
    |---|---|---|
    | channels | 64, 128, 256, 512 | the same |
    | patch | 70 x 70 pixels, 3 layers | the same |
    | parameters with a condition, RGB | 2,768,705 | the same |

    Attributes:
      features: channels of the first convolution, doubled with each one up to 8 times as many.
      layers: number of convolutions of stride 2.
      norm: "batch" for batch norm after all but the first and last convolution, as in the paper;
        "instance" for instance norm at the same layers; "spectral" for spectral norm of all
        weights; "none".
      affine: whether instance norm has a scale and a bias per channel.
      cancelled_biases: whether convolutions before an instance norm have a bias, which it cancels.
    Source: Isola et al. 2017, sections 3.2.2 and 6.1.2, https://arxiv.org/abs/1611.07004
    """

    features: int = 64
    layers: int = 3
    norm: Literal["batch", "instance", "spectral", "none"] = "batch"
    affine: bool = True
    cancelled_biases: bool = False

    @nn.compact
    def __call__(
        self,
        x: Array,
        condition: Array | None = None,
        *,
        train: bool,
        axis_name: str | None = None,
    ) -> DiscriminatorOutput:
        """Logits [batch, h / 2^layers - 2, w / 2^layers - 2] for samples [batch, h, w, channels].

        The features are the values before the last layer, [batch, height, width, channels].

        Args:
          x: float.
          condition: source image of x, float [batch, h, w, c]; None to judge x alone.
          train: whether batch norm uses the statistics of the batch.
          axis_name: the mapped device axis.
        Raises:
          ValueError: if x has another shape or is too small, the condition has another size, or an
            attribute is invalid.
        """
        self._check(x, condition)
        x = x if condition is None else jnp.concatenate([condition, x], axis=-1)

        def conv(width: int, stride: int, use_bias: bool, x: Array) -> Array:
            # Padding 1 on all sides gives as many logits as the authors' code.
            layer = Conv(width, 4, stride, ((1, 1), (1, 1)), use_bias, _NORMAL)
            return SpectralNorm(layer)(x, train=train) if self.norm == "spectral" else layer(x)

        for level in range(self.layers + 1):
            plain = level == 0 or self.norm in ("spectral", "none")
            width = self.features * min(2**level, 8)
            biased = plain or (self.norm == "instance" and self.cancelled_biases)
            x = conv(width, 2 if level < self.layers else 1, biased, x)
            x = leaky_relu(x if plain else _normed(self.norm, x, train, axis_name, self.affine))
        return DiscriminatorOutput(conv(1, 1, True, x)[..., 0], x)

    def _check(self, x: Array, condition: Array | None):
        check_image("x", x)
        check_choice(norm=(self.norm, ("batch", "instance", "spectral", "none")))
        check_positive(features=self.features)
        check_not_negative(layers=self.layers)
        smallest = 3 * 2**self.layers
        if min(x.shape[1:3]) < smallest:
            raise ValueError(
                f"x must have a height and width of at least {smallest} for {self.layers} layers, "
                f"got shape {x.shape}"
            )
        if condition is not None:
            check_image("condition", condition)
            if condition.shape[:3] != x.shape[:3]:
                raise ValueError(
                    f"condition must have the size of x {x.shape}, got shape {condition.shape}"
                )


# --- Both


def _normed(
    norm: str,
    x: Array,
    train: bool,
    axis_name: str | None,
    affine: bool = True,
    use_running: bool = True,
) -> Array:
    if norm == "batch":
        layer = BatchNorm(scale_init=around_one(), use_running=use_running)
        return layer(x, train, axis_name)
    if norm == "instance":
        return InstanceNorm(use_bias=affine, use_scale=affine, scale_init=around_one())(x)
    return x


def check_image(name: str, x: Array):
    """Raises a ValueError unless x is float [batch, height, width, channels]."""
    if jnp.ndim(x) != 4 or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"{name} must be float [batch, height, width, channels], got "
            f"{getattr(x, 'dtype', type(x).__name__)} {jnp.shape(x)}"
        )
