"""A GAN whose players see a condition of any kind, and points with one."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan
from jaxgan import latents, losses


class Player(nn.Module):
    """A network that sees all arrays of its condition beside its input."""

    shape: tuple[int, ...] = ()
    hidden: int = 16

    @nn.compact
    def __call__(self, x, condition):
        parts = [jnp.asarray(c, jnp.float32) for c in (x, *jax.tree.leaves(condition))]
        x = jnp.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        for _ in range(2):
            x = nn.leaky_relu(nn.Dense(self.hidden)(x))
        return nn.Dense(int(np.prod(self.shape)))(x).reshape(len(x), *self.shape)


def conditional_gan(shape=(2,), **parts):
    hidden = parts.pop("hidden", 16)
    options = {
        "latent": latents.normal(2),
        "loss": losses.non_saturating,
        "generator_optimizer": optax.sgd(0.1),
        "discriminator_optimizer": optax.sgd(0.1),
    }
    return jaxgan.GAN(
        generator=jaxgan.from_linen(Player(shape, hidden)),
        discriminator=jaxgan.from_linen(Player((), hidden)),
        **(options | parts),
    )


def circles(num, rng):
    """Points in the plane, each on a circle of its own radius in 0.25..0.95."""
    radius = rng.uniform(0.25, 0.95, num).astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi, num)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return jaxgan.Batch(points.astype(np.float32), radius)
