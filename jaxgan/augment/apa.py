"""Adaptive pseudo augmentation (APA): the discriminator takes some generated samples for real."""

from jaxgan.augment.ada import Strengthened, adapting, as_transform
from jaxgan.augment.value_range import in_range
from jaxgan.types import Array, Augmentation, Range


def adaptive_pseudo(
    target: float = 0.6,
    ramp: float = 500_000.0,
    every: int = 4,
    *,
    transforms: str | Strengthened | None = None,
    model_range: Range = (-1.0, 1.0),
) -> Augmentation:
    """Adaptive pseudo augmentation: generated samples take the place of some real ones.

    In the discriminator's updates each real sample is replaced by a new generated one, labelled as
    real, with a probability p that adapts as in `adaptive`. This costs another pass of the
    generator. The new samples share the real ones' conditions, and no gradient flows through them.
    Penalties look at what is shown as real. The generator's updates see real samples only.

    Unlike in the authors' code, p is at most 1.

    Args:
      target: target of r_t, in (-1, 1), counted over all that is shown as real.
      ramp: number of images in which p can rise from 0 to 1.
      every: number of discriminator updates per change of p.
      transforms: of all samples with the same p, as in `adaptive`; None for none.
      model_range: (low, high) of the samples that are transformed, see `in_range`.
    Returns:
      An augmentation for samples of any shape; with transforms, for images.
    Raises:
      ValueError: if an argument is out of range, or there are no such transforms.
    Source: Jiang et al. 2021, section 3.2, https://arxiv.org/abs/2111.06849, and
      https://github.com/EndlessSora/DeceiveD
    """
    init, update = adapting(target, ramp, every)
    if transforms is None:
        return Augmentation(_same, init=init, update=update, pseudo=True)
    transform = in_range(as_transform(transforms), model_range)
    return Augmentation(transform, init=init, update=update, model_range=model_range, pseudo=True)


def _same(keys: Array, x: Array, strength: Array | float) -> Array:
    return x
