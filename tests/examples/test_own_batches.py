"""A GAN conditioned on a real number, fed by an iterator, with a tracker and early stopping."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import MLP

import jaxgan
from jaxgan import Plan, latents, losses, penalty, regularizers


class OnRadius(nn.Module):
    """An MLP that sees the radius beside its input."""

    outputs: int

    @nn.compact
    def __call__(self, x, radius):
        out = MLP(self.outputs)(jnp.concatenate([x, radius], axis=1))
        return out if self.outputs > 1 else out[:, 0]


def circles(rng):
    """Endless batches of points with their radius as a condition."""
    while True:
        radius = rng.uniform(0.2, 1.0, (64, 1)).astype(np.float32)
        angle = rng.uniform(0, 2 * np.pi, (64, 1))
        points = radius * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
        yield points.astype(np.float32), radius


@pytest.mark.slow
def test_radii_asked_for_are_drawn_and_training_stops_when_they_are():
    gan = jaxgan.GAN(
        generator=jaxgan.from_linen(OnRadius(2)),
        discriminator=jaxgan.from_linen(OnRadius(1)),
        latent=latents.normal(2),
        loss=losses.relativistic,
        penalties=(penalty(regularizers.r1, gamma=0.2), penalty(regularizers.r2, gamma=0.2)),
        # The discriminator alone is clipped and warmed up.
        discriminator_optimizer=optax.chain(
            optax.clip_by_global_norm(1.0), optax.adam(optax.linear_schedule(0.0, 2e-3, 50), b1=0.0)
        ),
        generator_optimizer=optax.adam(2e-3, b1=0.0),
        ema_decay=0.99,
    )
    plan = Plan(batch_size=64, conditional=True, rounds_per_call=50, devices=1)
    asked, log = jnp.linspace(0.3, 0.9, 200)[:, None], []

    @jax.jit
    def error(state):
        drawn = jaxgan.sample(jax.random.key(2), gan, state, 200, asked)
        return jnp.mean(jnp.abs(jnp.linalg.norm(drawn, axis=1) - asked[:, 0]))

    batches = circles(np.random.default_rng(0))
    start = jaxgan.init_run(jax.random.key(0), gan, batches, plan)
    for progress in jaxgan.iterate(gan, batches, 2000, plan, start):
        log.append((progress.step, float(error(progress.state.gan))))  # a tracker's line
        if log[-1][1] < 0.1:
            break
    assert log[-1][1] < 0.1, log
    assert log[-1][0] < 2000
    assert log[0][1] > 0.15
