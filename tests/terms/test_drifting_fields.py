"""Drifting fields: equations 8 to 12 of the paper in NumPy, and a generator that follows them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import normal
from toys import mixture, mlp, ring, trained

import jaxgan
from jaxgan import latents, losses, no_discriminator
from jaxgan.terms import drifting, drifting_field

X, REAL = normal(6, 3), normal(5, 3, seed=1) + 1.0


def by_hand(x, real, fake, tau, skip=False):
    x, real, fake = (np.asarray(each, np.float64) for each in (x, real, fake))
    field = np.zeros_like(x)
    for i, place in enumerate(x):
        for sign, others in ((1, real), (-1, fake)):
            weights = [np.exp(-np.linalg.norm(place - y) / tau) for y in others]
            if sign < 0 and skip:
                weights[i] = 0.0
            shifts = sum(w * (y - place) for w, y in zip(weights, others, strict=True))
            field[i] += sign * shifts / sum(weights)
    return field


def value_of(term, fake, real, axis_name=None, index=None):
    """The value of a term that asks for these inputs only."""
    unused = dict.fromkeys(
        (field.name for field in dataclasses.fields(jaxgan.term_inputs.TermInputs)), None
    )
    index = jnp.arange(len(fake)) if index is None else index
    given = {"fake": fake, "real": real, "index": index, "axis_name": axis_name}
    return term.value(jaxgan.term_inputs.TermInputs(**(unused | given)))


@pytest.mark.parametrize("tau", [0.1, 2.0])
def test_the_field_is_attraction_minus_repulsion(tau):
    got = drifting_field(X, REAL, X, tau, jnp.arange(6))
    np.testing.assert_allclose(got, by_hand(X, REAL, X, tau, skip=True), rtol=1e-4, atol=1e-5)
    fake = normal(4, 3, seed=2)
    got = drifting_field(X, REAL, fake, tau)
    np.testing.assert_allclose(got, by_hand(X, REAL, fake, tau), rtol=1e-4, atol=1e-5)
    # Equation 3
    np.testing.assert_allclose(drifting_field(X, fake, REAL, tau), -got, rtol=1e-5, atol=1e-6)


def test_the_value_is_the_mean_square_of_the_field_and_the_gradient_points_along_it():
    term = drifting(0.5)
    field = by_hand(X, REAL, X, 0.5, skip=True)
    value, gradient = jax.value_and_grad(lambda x: value_of(term, x, REAL))(X)
    np.testing.assert_allclose(value, np.mean(field**2), rtol=1e-4)
    np.testing.assert_allclose(gradient, -2 * field / field.size, rtol=1e-3, atol=1e-5)


def test_each_feature_has_a_field_of_its_own():
    def extractor(x):
        return {"first": x[:, :1], "rest": 2.0 * x[:, 1:]}

    parts = [
        value_of(drifting(0.5), *pair)
        for pair in ((X[:, :1], REAL[:, :1]), (2.0 * X[:, 1:], 2.0 * REAL[:, 1:]))
    ]
    got = value_of(drifting(0.5, extractor), X, REAL)
    np.testing.assert_allclose(got, sum(parts), rtol=1e-5)


def test_the_field_covers_the_global_batch():
    fake, real, term = normal(8, 3), normal(8, 3, seed=1), drifting(0.5)

    def on_device(fake, real, index):
        return value_of(term, fake, real, "devices", index)

    shards = (each.reshape(4, 2, *each.shape[1:]) for each in (fake, real, jnp.arange(8)))
    got = jax.pmap(on_device, "devices", devices=jax.devices()[:4])(*shards)
    np.testing.assert_allclose(jnp.mean(got), value_of(term, fake, real), rtol=1e-5)


def test_impossible_fields_are_refused():
    with pytest.raises(ValueError, match="temperature"):
        drifting(0.0)
    with pytest.raises(ValueError, match="at least two generated samples"):
        drifting_field(X[:1], REAL, X[:1], 1.0, jnp.zeros(1, jnp.int32))


@pytest.mark.slow
def test_a_generator_without_an_opponent_reaches_all_modes(key):
    centres = ring(4)
    gan = jaxgan.GAN(
        generator=mlp(2),
        discriminator=no_discriminator(),
        latent=latents.normal(4),
        loss=losses.without_generator(losses.non_saturating),
        generator_terms=(drifting(0.3),),
        generator_optimizer=optax.adam(3e-3),
        discriminator_optimizer=optax.identity(),
        ema_decay=None,
    )
    state, metrics = trained(key, gan, mixture(centres, 0.05, 64), 800)
    samples = jaxgan.sample(jax.random.key(1), gan, state, 400)
    distances = np.linalg.norm(np.asarray(samples)[:, None] - centres[None], axis=2)
    shares = np.bincount(distances.argmin(1), minlength=4) / 400
    assert shares.min() > 0.1, shares
    assert np.median(distances.min(1)) < 0.3
    terms = np.asarray(metrics["term_drifting"])
    assert terms[-100:].mean() < 0.3 * terms[:20].mean()
