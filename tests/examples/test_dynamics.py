"""Update rules on a ring of Gaussians, and the spectrum of the game along training."""

import dataclasses

import jax
import numpy as np
import optax
import pytest
from toys import mixture, mlp, modes, nearest, ring

import jaxgan
from jaxgan import games, latents, losses, updates

CENTRES = ring(4)
DRAW = mixture(CENTRES, 0.05, size=64)


def plain_gan(rate):
    """No penalty: what keeps the game together is the rule."""
    return jaxgan.GAN(
        generator=mlp(2),
        discriminator=mlp(1),
        latent=latents.uniform(2),
        loss=losses.non_saturating,
        generator_optimizer=optax.rmsprop(rate, eps_in_sqrt=False),
        discriminator_optimizer=optax.rmsprop(rate, eps_in_sqrt=False),
        ema_decay=None,
    )


def trained_by(rule, gan, rounds):
    """The states [rounds / 100, ...] every 100 rounds."""
    step = jaxgan.make_train_step(gan, rule)

    def one(state, key):
        batch_key, step_key = jax.random.split(key)
        return step(step_key, state, DRAW(batch_key))[0], None

    def hundred(state, keys):
        state, _ = jax.lax.scan(one, state, keys)
        return state, state

    start = jaxgan.init(jax.random.key(0), gan, DRAW(jax.random.key(1)), rule)
    keys = jax.random.split(jax.random.key(2), (rounds // 100, 100))
    return jax.jit(lambda start, keys: jax.lax.scan(hundred, start, keys)[1])(start, keys)


def last(states):
    return jax.tree.map(lambda x: x[-1], states)


def on_a_mode(gan, state):
    """Modes with 2% of the samples, and the fraction of samples near one."""
    samples = jaxgan.sample(jax.random.key(3), gan, state, 1000)
    return modes(samples, CENTRES, 0.3), np.mean(nearest(samples, CENTRES)[1] < 0.3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule", [updates.extragradient(), updates.symplectic(), updates.unrolled(5)]
)
def test_a_rule_trains_a_gan_to_all_modes(rule):
    gan = plain_gan(1e-3)
    found, near = on_a_mode(gan, last(trained_by(rule, gan, 3000)))
    assert found == 4, (found, near)
    assert near > 0.8, (found, near)


@pytest.mark.slow
def test_the_spectrum_along_training_shows_the_rotation_that_r1_damps():
    """The largest |imaginary part| / |real part| of the leading eigenvalues, at the end."""

    def turning(gamma):
        penalties = (jaxgan.penalty(jaxgan.regularizers.r1, gamma=gamma),)
        gan = dataclasses.replace(plain_gan(1e-3), penalties=penalties)
        states = trained_by(updates.simultaneous(), gan, 1000)
        ratios = []
        for at in (0, 9):
            state = jax.tree.map(lambda x, at=at: x[at], states)
            game = games.at_batch(jax.random.key(4), gan, state, DRAW(jax.random.key(5)))
            values = games.leading_eigenvalues(
                game, updates.params_of(state), 4, "largest magnitude"
            )
            ratios.append(np.max(np.abs(values.imag)) / np.max(np.abs(values.real)))
        return ratios

    assert turning(0.0)[-1] > 2 * turning(10.0)[-1]
