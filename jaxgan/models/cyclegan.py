"""The networks of CycleGAN: residual generators; its discriminators are those of pix2pix."""

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.checks import check_not_negative, check_positive
from jaxgan.models.layers.linear import Conv, ConvTranspose
from jaxgan.models.layers.normalization import InstanceNorm
from jaxgan.models.pix2pix import PatchGAN, check_image
from jaxgan.types import Array

_NORMAL = nn.initializers.normal(0.02)
_BORDER = 3  # of reflected pixels around the first and the last convolution


class CycleGANGenerator(nn.Module):
    """Image to image with residual blocks at a quarter of the size.

    A convolution of size 7, `levels` convolutions of stride 2 that double the channels, the
    residual blocks, as many transposed convolutions, and a convolution of size 7 with tanh. All but
    the last are followed by instance norm without parameters, and by ReLU. Borders are reflected
    around the convolutions of size 7 and in the blocks, and zero elsewhere.

    | | published | here by default |
    |---|---|---|
    | channels of the first convolution | 64 | the same |
    | halvings of the size | 2 | the same |
    | residual blocks | 9 from 256 pixels on, 6 at 128 pixels | 9 |
    | biases before an instance norm, which cancels them | in the PyTorch code | none |
    | parameters with 9 blocks, RGB | 11,378,179 in that code | 11,372,931 |

    A cancelled bias has a gradient of rounding noise, which Adam would enlarge.

    Attributes:
      features: channels of the first convolution.
      channels: channels of the output.
      blocks: number of residual blocks.
      levels: number of convolutions of stride 2.
      cancelled_biases: whether convolutions before a norm have a bias, as in the PyTorch code.
    Source: Zhu et al. 2017, section 7.2, https://arxiv.org/abs/1703.10593, and the authors' code,
      https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix
    """

    features: int = 64
    channels: int = 3
    blocks: int = 9
    levels: int = 2
    cancelled_biases: bool = False

    @nn.compact
    def __call__(self, image: Array) -> Array:
        """Images float [batch, h, w, channels] in (-1, 1) for image [batch, h, w, c] in [-1, 1].

        Args:
          image: float, with a height and width divisible by 2^levels.
        Raises:
          ValueError: if image has another shape, or an attribute is invalid.
        """
        self._check(image)
        x = self._normed(Conv, 7, 1, self.features, _reflected(image, _BORDER))
        for level in range(1, self.levels + 1):
            x = self._normed(Conv, 3, 2, self.features * 2**level, x)
        for _ in range(self.blocks):
            x = x + self._residual(x)
        for level in range(self.levels - 1, -1, -1):
            x = self._normed(ConvTranspose, 3, 2, self.features * 2**level, x)
        x = _reflected(x, _BORDER)
        return jnp.tanh(Conv(self.channels, 7, padding="VALID", kernel_init=_NORMAL)(x))

    def _residual(self, x: Array) -> Array:
        y = self._normed(Conv, 3, 1, x.shape[-1], _reflected(x, 1))
        return self._normed(Conv, 3, 1, x.shape[-1], _reflected(y, 1), activation=False)

    def _normed(
        self, layer: type, size: int, stride: int, width: int, x: Array, activation: bool = True
    ) -> Array:
        """A convolution of stride 2, or one without padding, with instance norm (and ReLU)."""
        border = (1, 1) if layer is Conv else (1, 0)  # exactly half or twice the size
        padding = "VALID" if stride == 1 else (border, border)
        x = layer(width, size, stride, padding, self.cancelled_biases, _NORMAL)(x)
        x = InstanceNorm(use_bias=False, use_scale=False)(x)
        return nn.relu(x) if activation else x

    def _check(self, image: Array):
        check_image("image", image)
        check_positive(features=self.features, channels=self.channels)
        check_not_negative(blocks=self.blocks, levels=self.levels)
        multiple, smallest = 2**self.levels, max(_BORDER + 1, 2 * 2**self.levels)
        if any(side % multiple or side < smallest for side in image.shape[1:3]):
            raise ValueError(
                f"image must have a height and width of at least {smallest} and divisible by "
                f"{multiple}, for {self.levels} halvings, got shape {image.shape}"
            )


def _reflected(x: Array, border: int) -> Array:
    return jnp.pad(x, ((0, 0), (border, border), (border, border), (0, 0)), mode="reflect")


def cyclegan_discriminator(
    features: int = 64, layers: int = 3, cancelled_biases: bool = False
) -> PatchGAN:
    """A discriminator of CycleGAN, with one logit per patch of 70 pixels by default.

    It is that of pix2pix with instance norm without parameters. With the cancelled biases of the
    PyTorch code it has 2,764,737 parameters for colour images, and 2,763,841 without.

    Args:
      features: channels of the first convolution.
      layers: number of convolutions of stride 2.
      cancelled_biases: whether convolutions before a norm have a bias, as in that code.
    Source: Zhu et al. 2017, section 7.2, https://arxiv.org/abs/1703.10593
    """
    return PatchGAN(features, layers, "instance", affine=False, cancelled_biases=cancelled_biases)


def published_cyclegan(channels: int = 3) -> tuple[CycleGANGenerator, PatchGAN]:
    """A generator and a discriminator as published for images of 256 pixels; there are two of each.

    They have the cancelled biases of the authors' PyTorch code, and so its number of parameters.
    """
    return (
        CycleGANGenerator(channels=channels, cancelled_biases=True),
        cyclegan_discriminator(cancelled_biases=True),
    )
