"""The recipe of CycleGAN, which learns image-to-image translation without pairs."""

from collections.abc import Callable
from typing import Annotated

import jax.numpy as jnp
import optax
import pydantic

from jaxgan import latents, losses
from jaxgan.adapters.bundling import bundle
from jaxgan.adapters.from_flax import from_linen
from jaxgan.adapters.wrappers import without_condition
from jaxgan.images.tasks import two_domains
from jaxgan.models import CycleGANGenerator, cyclegan_discriminator
from jaxgan.recipes.base import Shape
from jaxgan.recipes.facts import CYCLEGAN_STEPS
from jaxgan.recipes.hyperparameters import Beta1, Channels, LearningRate, Steps, Weight
from jaxgan.settings import Setting
from jaxgan.term_inputs import generator_term
from jaxgan.terms import cycle_consistency, identity_mapping
from jaxgan.types import GAN, Array, DiscriminatorOutput, Network, PyTree, Schedule

BLOCKS = 3  # below 64 pixels; 6 from there on, and 9 from 256 on
PoolSize = Annotated[
    int, pydantic.Field(ge=0), Setting("Earlier images of both domains that are kept.")
]
# The paper adds up the losses of both translations. Here the adversarial loss is half a square, as
# a mean over both, which is a quarter of that sum: so are the weights of the terms. Adam does not
# see the common factor.
_OF_SUM = 1 / 4

Nets = dict[str, Callable[..., PyTree]]


def cyclegan_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-4,
    cycle: Annotated[Weight, Setting("Weight of the cycles, lambda.")] = 10.0,
    identity: Annotated[Weight, Setting("Weight of the identity mapping; 0 leaves it out.")] = 0.0,
    b1: Beta1 = 0.5,
    width: Annotated[Channels, Setting("Channels of the first convolution.")] = 16,
    pool_size: PoolSize = 50,
    schedule: Steps = CYCLEGAN_STEPS,
) -> GAN:
    """CycleGAN at a quarter of the width, adapted to the image size.

    | | published | here |
    |---|---|---|
    | loss | least squares | the same |
    | weights of cycles and identity | 10, and 5 for photographs of paintings only | 10, 0 |
    | pool | 50 images per domain, each with its own coins | 50 of both domains together |
    | Adam | 2e-4, b1 0.5, batch size 1 | the same |
    | learning rate | constant, then linear to 0 over the second half of 200 epochs | the same, of \
the recipe's steps |
    | order of updates | both from the same state | the same (simultaneous) |
    | channels of the first convolution | 64 | 16 |
    | residual blocks | 9 from 256 pixels on, 6 at 128 pixels | the same, 3 below 64 pixels |
    | halvings | 2 | 2 from 16 pixels on, else 1 |
    | patches | 70 pixels | the same from 117 pixels on, 34 from 57, 16 from 27, else 7 |

    Args:
      shape: shape of two images, [height, width, 2 * channels], see `jaxgan.data.unpaired`.
      num_classes: not used.
      learning_rate: of both players at the start.
      cycle: lambda, the weight of `jaxgan.terms.cycle_consistency`.
      identity: weight of `jaxgan.terms.identity_mapping`; 0 leaves out its passes.
      b1: of Adam.
      width: channels of the first convolution of both players.
      pool_size: number of earlier images that are kept.
      schedule: number of steps of the learning rate's schedule.
    Raises:
      ValueError: if shape is not that of two images, or height or width is below 8 or not divisible
        by 4.
    Source: Zhu et al. 2017, sections 4 and 7, https://arxiv.org/abs/1703.10593, and the authors'
      code, https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix
    """
    _check(shape)
    terms = [generator_term(cycle_consistency, cycle * _OF_SUM)]
    if isinstance(identity, Array) or identity:  # traced, or not 0
        terms.append(generator_term(identity_mapping, identity * _OF_SUM))
    side = min(shape[:2])
    blocks = 9 if side >= 256 else 6 if side >= 64 else BLOCKS
    rate = constant_then_linear(learning_rate, schedule)
    return GAN(
        generator=generators(shape, width, blocks),
        discriminator=discriminators(shape, width),
        latent=latents.none(),
        loss=losses.least_squares,
        generator_terms=tuple(terms),
        generator_optimizer=optax.adam(rate, b1=b1),
        discriminator_optimizer=optax.adam(rate, b1=b1),
        ema_decay=None,
        task=two_domains(),
        pool_size=pool_size,
    )


def constant_then_linear(rate: float | Array, steps: int) -> Schedule:
    """A learning rate that is constant for half of the steps, and then falls linearly to 0."""
    return optax.linear_schedule(rate, 0.0, steps - steps // 2, steps // 2)


def generators(shape: Shape, width: int, blocks: int) -> Network:
    """Both generators as one, `(latents, (a, b)) -> (F(b), G(a))`."""
    levels = 2 if min(shape[:2]) >= 16 else 1
    one = from_linen(CycleGANGenerator(width, shape[-1] // 2, blocks, levels))
    return bundle({"to_a": one, "to_b": one}, _translated)


def _translated(nets: Nets, latents: PyTree, condition: PyTree) -> PyTree:
    a, b = condition
    return nets["to_a"](b), nets["to_b"](a)


def discriminators(shape: Shape, width: int) -> Network:
    """Both discriminators as one; their logits stand side by side."""
    one = from_linen(cyclegan_discriminator(width, patch_layers(shape)))
    return without_condition(bundle({"a": one, "b": one}, _judged))


def patch_layers(shape: Shape) -> int:
    """The number of strided layers of the discriminators, 0 to 3.

    A patch takes at most 0.6 of the image. A discriminator of whole images would accept any
    translation with the right contents, such as one digit for another; one of patches sees style.
    """
    return max((n for n in (1, 2, 3) if 9 * 2**n - 2 <= 0.6 * min(shape[:2])), default=0)


def _judged(nets: Nets, x: PyTree) -> DiscriminatorOutput:
    outputs = nets["a"](x[0]), nets["b"](x[1])
    logits = jnp.concatenate([each.logits.reshape(len(each.logits), -1) for each in outputs], 1)
    return DiscriminatorOutput(logits, tuple(each.features for each in outputs))


def _check(shape: Shape):
    if len(shape) != 3 or shape[2] % 2:
        raise ValueError(
            f"cyclegan needs images of two domains, got samples of shape {tuple(shape)}: use "
            "--data unpaired:A,B"
        )
    height, width = shape[:2]
    if min(height, width) < 8 or height % 4 or width % 4:
        raise ValueError(
            f"cyclegan needs images of at least 8x8 pixels with sides divisible by 4, got "
            f"{height}x{width}: set a size, such as --data unpaired:A,B@64"
        )
