"""Recipes that make one image of another, learned from pairs of them."""

import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.adapters.wrappers import without_latents
from jaxgan.images.tasks import pairs
from jaxgan.models import PatchGAN, UNet
from jaxgan.recipes.base import Recipe, Shape
from jaxgan.term_inputs import generator_term
from jaxgan.terms import mean_absolute_error
from jaxgan.training.plan import Plan
from jaxgan.types import GAN

WIDTH = 32  # of the first level: half the paper's, as are all others
MOST_LEVELS, MOST_LAYERS = 8, 3  # the paper's, for images of size 256


def pix2pix_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """The paper's networks at half the width, as deep as the images allow; its loss and Adam.

    The discriminator sees the source beside what was made of it, and judges patches of both. The
    generator's only noise is dropout.

    Args:
      shape: of pairs [height, width, 2 * channels], see `jaxgan.data.pair_records`.
      num_classes: not used.
    Raises:
      ValueError: if it is none of pairs, or `levels` finds none for it.
    Source: Isola et al. 2017, section 3, https://arxiv.org/abs/1611.07004
    """
    depth = levels(shape)
    features = tuple(min(WIDTH * 2**level, 8 * WIDTH) for level in range(depth))
    adam = optax.adam(2e-4, b1=0.5, b2=0.999)
    return GAN(
        generator=without_latents(from_linen(UNet(features, shape[-1] // 2))),
        discriminator=from_linen(PatchGAN(WIDTH, patch_layers(shape))),
        latent=latents.none(),
        loss=losses.non_saturating,
        generator_terms=(generator_term(mean_absolute_error, 100.0, name="l1"),),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=None,
        task=pairs(),
    )


def levels(shape: Shape) -> int:
    """How often both sides can be halved: the levels of the U-Net, 8 at most.

    Raises:
      ValueError: if these are no pairs of images, or not of sides of 8 or more that 4 divides.
    """
    if len(shape) != 3 or shape[2] % 2:
        raise ValueError(
            f"pix2pix needs pairs of images, got samples of shape {tuple(shape)}: give "
            "--data pairs:FROM,TO"
        )
    height, width = shape[:2]
    if min(height, width) < 8 or height % 4 or width % 4:
        raise ValueError(
            f"pix2pix halves images twice or more, so both sides must be 8 or more and divide by "
            f"4, got {height}x{width}: give a size, such as --data pairs:FROM,TO@64"
        )
    side = height | width  # ends in as many zeros as the side that can be halved less often
    return min((side & -side).bit_length() - 1, MOST_LEVELS)


def patch_layers(shape: Shape) -> int:
    """Strided layers of a PatchGAN: 3, or as many as keep its patch within the image, or 1."""
    fitting = [n for n in range(1, MOST_LAYERS + 1) if 9 * 2**n - 2 <= min(shape[:2])]
    return max(fitting, default=1)


RECIPES = (
    Recipe(
        name="pix2pix",
        summary="One image made of another; for folders of pairs give --data pairs:FROM,TO",
        data="digit-outlines",
        gan=pix2pix_gan,
        steps=2_000,
        plan=Plan(batch_size=16, model_range=(-1.0, 1.0)),
        time="45 s (4,000 digits of MNIST: 75 s)",
        result="digits that fill their outlines, by eye",
    ),
)
