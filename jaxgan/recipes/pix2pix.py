"""The recipe of pix2pix, which learns image-to-image translation from pairs."""

from typing import Annotated

import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.adapters.wrappers import without_latents
from jaxgan.images.tasks import pairs
from jaxgan.models import PatchGAN, UNet
from jaxgan.recipes.base import Shape
from jaxgan.recipes.hyperparameters import Beta1, Beta2, Channels, LearningRate, Weight
from jaxgan.settings import Setting
from jaxgan.term_inputs import generator_term
from jaxgan.terms import mean_absolute_error
from jaxgan.types import GAN

MOST_LEVELS, MOST_LAYERS = 8, 3  # the paper's numbers, for images of size 256


def pix2pix_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-4,
    l1: Annotated[Weight, Setting("Weight of the absolute error.")] = 100.0,
    b1: Beta1 = 0.5,
    b2: Beta2 = 0.999,
    width: Annotated[Channels, Setting("Channels of the first level of both players.")] = 32,
) -> GAN:
    """pix2pix with the published loss and Adam, at half the width and adapted to the image size.

    The discriminator judges patches of the source image together with its translation. Dropout is
    the generator's only noise. Unlike in the paper, samples are normalised by running averages, see
    `UNet.statistics_in_sampling`.

    Args:
      shape: shape of pairs, [height, width, 2 * channels], see `jaxgan.data.pair_records`.
      num_classes: not used.
      learning_rate: of both players.
      l1: lambda, the weight of the absolute error.
      b1: of Adam.
      b2: of Adam.
      width: channels of the first level.
    Raises:
      ValueError: if shape is not that of pairs, or height or width is below 8 or not divisible
        by 4.
    Source: Isola et al. 2017, section 3, https://arxiv.org/abs/1611.07004
    """
    depth = levels(shape)
    features = tuple(min(width * 2**level, 8 * width) for level in range(depth))
    adam = optax.adam(learning_rate, b1=b1, b2=b2)
    return GAN(
        generator=without_latents(from_linen(UNet(features, shape[-1] // 2))),
        discriminator=from_linen(PatchGAN(width, patch_layers(shape))),
        latent=latents.none(),
        loss=losses.non_saturating,
        generator_terms=(generator_term(mean_absolute_error, l1, name="l1"),),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=None,
        task=pairs(),
    )


def levels(shape: Shape) -> int:
    """The number of U-Net levels: how often height and width can be halved, at most 8.

    Args:
      shape: shape of pairs, [height, width, 2 * channels].
    Raises:
      ValueError: if shape is not that of pairs, or height or width is below 8 or not divisible
        by 4.
    """
    if len(shape) != 3 or shape[2] % 2:
        raise ValueError(
            f"pix2pix needs pairs of images, got samples of shape {tuple(shape)}: use "
            "--data pairs:FROM,TO"
        )
    height, width = shape[:2]
    if min(height, width) < 8 or height % 4 or width % 4:
        raise ValueError(
            f"pix2pix needs images of at least 8x8 pixels with sides divisible by 4, got "
            f"{height}x{width}: set a size, such as --data pairs:FROM,TO@64"
        )
    side = (
        height | width
    )  # has as many trailing zero bits as the side that can be halved less often
    return min((side & -side).bit_length() - 1, MOST_LEVELS)


def patch_layers(shape: Shape) -> int:
    """The number of strided layers of the PatchGAN, so that a patch fits into the image: 1 to 3."""
    fitting = [n for n in range(1, MOST_LAYERS + 1) if 9 * 2**n - 2 <= min(shape[:2])]
    return max(fitting, default=1)
