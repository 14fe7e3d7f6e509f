"""Terms of the discriminator's features."""

import jax
import jax.numpy as jnp
import optax

from jaxgan.parallel.global_batch import gather
from jaxgan.types import Array, DiscriminatorOutput


def feature_matching(
    real_output: DiscriminatorOutput,
    fake_output: DiscriminatorOutput,
    axis_name: str | None = None,
) -> Array:
    """Squared distance of the discriminator's mean features, ||E f(x) - E f(G(z))||^2.

    The squares are summed over all features, as in the paper, not averaged. To train the generator
    by it alone, take the adversarial part away with `jaxgan.losses.without_generator`.

    Args:
      real_output: the discriminator's on the real samples; features of any tree of arrays
        [batch, ...].
      fake_output: the same on the generated samples.
      axis_name: mapped device axis over which the means are taken.
    Returns:
      float32 scalar, squared units of the features.
    Raises:
      ValueError: if there are no features.
    Source: Salimans et al. 2016, section 3.1, https://arxiv.org/abs/1606.03498
    """
    if real_output.features is None or fake_output.features is None:
        raise ValueError(
            "features are None: the discriminator must return a DiscriminatorOutput with them"
        )

    def mean(f: Array) -> Array:
        return jnp.mean(gather(f, axis_name).astype(jnp.float32), axis=0)

    differences = jax.tree.map(
        lambda f_x, f_g: mean(f_x) - mean(f_g), real_output.features, fake_output.features
    )
    return optax.tree.norm(differences, squared=True)
