"""Terms that compare generated samples with their latents: spread, consistency, transport.

Neighbours in the batch are pairs: samples 2 i and 2 i + 1.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.critics import Critic
from jaxgan.parallel.global_batch import mean_over_devices
from jaxgan.regularizers.draws import normal_like
from jaxgan.regularizers.logits import mean_square
from jaxgan.term_inputs import generator_term, penalty
from jaxgan.types import Array, PyTree, Schedule, Term

# --- Mode seeking


def mode_seeking(
    generate: Callable[[PyTree], PyTree],
    fake: PyTree,
    latents: PyTree,
    condition: PyTree = None,
    axis_name: str | None = None,
) -> Array:
    """The inverse ratio of the distance of samples to that of their latents, 1 / (ratio + 1e-5).

    The ratio is E |G(z) - G(z')| / E |z - z'|, both means of absolute values. Each sample is
    compared with its neighbour, under the same condition if there is one, which costs a second
    pass.

    Args:
      generate: `latents -> samples` under the batch's condition.
      fake: generated samples G(z), [batch, ...]; of an even number on each device.
      latents: z, float arrays [batch, ...].
      condition: of the samples, or None.
      axis_name: mapped device axis over which both means are taken.
    Returns:
      float32 scalar, units of the latents per unit of the samples.
    Raises:
      ValueError: if the batch on a device is odd.
    Source: Mao et al. 2019 (MSGAN), equations 3 and 4, https://arxiv.org/abs/1903.05628; the
      inverse, the constant and the means of absolute values are those of the authors' code
    """
    other_latents = jax.tree.map(_neighbours, latents)
    unconditional = condition is None
    other = jax.tree.map(_neighbours, fake) if unconditional else generate(other_latents)
    apart = mean_over_devices(mean_distance(fake, other), axis_name)
    latents_apart = mean_over_devices(mean_distance(latents, other_latents), axis_name)
    return 1.0 / (apart / latents_apart + 1e-5)


def _neighbours(x: Array) -> Array:
    """The neighbour of each sample."""
    if len(x) % 2:
        raise ValueError(f"mode_seeking needs an even batch on each device, got {len(x)} samples")
    return x.reshape(-1, 2, *x.shape[1:])[:, ::-1].reshape(x.shape)


def mean_distance(a: PyTree, b: PyTree) -> Array:
    """Mean absolute difference over all values of two trees."""
    return _mean_of_all(jax.tree.map(lambda x, y: jnp.abs(_float32(x) - _float32(y)), a, b))


# --- Consistency in the latents


def latent_consistency(
    discriminator_weight: float | Schedule = 5.0,
    generator_weight: float | Schedule = 0.5,
    std: float = 0.03,
) -> tuple[Term, Term]:
    """Both players' terms of latent consistency regularization (zCR), for T(z) = z + std n.

    The discriminator's is E (D(G(z)) - D(G(T(z))))^2, the generator's -E (G(z) - G(T(z)))^2, a mean
    over samples and values: the same score for neighbouring latents, but different samples. With
    `jaxgan.regularizers.make_balanced_consistency` it is improved consistency regularization.

    Args:
      discriminator_weight: lambda_dis; or a schedule of it.
      generator_weight: lambda_gen; or a schedule of it.
      std: of the normal noise that is added to all floating latents.
    Returns:
      One of the GAN's `penalties` and one of its `generator_terms`.
    Raises:
      ValueError: if std is not positive.
    Source: Zhao et al. 2021 (ICR), section 2.2, https://arxiv.org/abs/2002.04724
    """
    if not std > 0:
        raise ValueError(f"std must be positive, got {std}")

    def moved(key: Array, generate: Callable, latents: PyTree, index: Array) -> PyTree:
        noise = normal_like(key, latents, index)
        return generate(jax.tree.map(lambda z, n: (z + std * n).astype(z.dtype), latents, noise))

    def zcr_discriminator(
        key: Array,
        fake_critic: Critic,
        fake: PyTree,
        generate: Callable,
        latents: PyTree,
        index: Array,
    ) -> Array:
        # E (D(G(z)) - D(G(T(z))))^2
        change = fake_critic(fake) - fake_critic(moved(key, generate, latents, index))
        return mean_square(_float32(change))

    def zcr_generator(
        key: Array, fake: PyTree, generate: Callable, latents: PyTree, index: Array
    ) -> Array:
        # -E (G(z) - G(T(z)))^2
        return -_mean_squares(fake, moved(key, generate, latents, index))

    return (
        penalty(zcr_discriminator, discriminator_weight),
        generator_term(zcr_generator, generator_weight),
    )


def latent_shift(latents: PyTree, drawn_latents: PyTree) -> Array:
    """How far `GAN.latent_step` moves latents, E ||z' - z||^2; a term of both players.

    Args:
      latents: z', after the step.
      drawn_latents: z, before it.
    Returns:
      float32 scalar, squared units of the latents.
    Source: Wu et al. 2019 (LOGAN, the regulariser of the step), https://arxiv.org/abs/1912.00953
    """
    squares = jax.tree.map(lambda a, b: (_float32(a) - _float32(b)) ** 2, latents, drawn_latents)
    leaves = jax.tree.leaves(squares)
    return jnp.sum(jnp.stack([jnp.sum(leaf) for leaf in leaves])) / len(leaves[0])


# --- Optimal transport


def transport(fake: PyTree, latents: PyTree) -> Array:
    """The cost of moving latents to samples, E ||G(z) - z||^2 / n, for n values per sample.

    With a weight that falls in training, such as `jaxgan.schedules.cosine(0.2, 0.005, 1_000_000)`,
    the generator learns the optimal transport from latents to data instead of any
    map that gives the right distribution.

    Args:
      fake: generated samples G(z), [batch, ...].
      latents: z, of the same shape.
    Returns:
      float32 scalar, squared units of the samples.
    Raises:
      ValueError: if the shapes differ.
    Source: Lin et al. 2025 (adversarial flow models), equation 11,
      https://arxiv.org/abs/2511.22475; weights from the authors' code
    """
    shapes = [jax.tree.map(jnp.shape, tree) for tree in (fake, latents)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"transport needs latents of the samples' shape, got {shapes[1]} for {shapes[0]}: use "
            "jaxgan.latents.normal(shape) with the shape of a sample"
        )
    return _mean_squares(fake, latents)


def _mean_squares(a: PyTree, b: PyTree) -> Array:
    """Mean squared difference over all values of two trees."""
    return _mean_of_all(jax.tree.map(lambda x, y: (_float32(x) - _float32(y)) ** 2, a, b))


def _mean_of_all(tree: PyTree) -> Array:
    leaves = jax.tree.leaves(tree)
    total = jnp.sum(jnp.stack([jnp.sum(leaf) for leaf in leaves]))
    return total / sum(leaf.size for leaf in leaves)


def _float32(x: Array) -> Array:
    return x.astype(jnp.float32)
