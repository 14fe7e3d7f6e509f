"""Generated samples shown as real ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import augment, parallel, regularizers
from jaxgan.augment.ada import AdaptiveStrength


def at(strength, state):
    """A state whose strength is the given one."""
    held = AdaptiveStrength(jnp.float32(strength), jnp.float32(0.0), jnp.float32(0.0))
    return state._replace(augmentation=held)


def shown(real, fake):
    """A penalty that reports how many real samples are not those of the batch, which are 7."""
    return jnp.mean(jnp.any(real != 7.0, axis=(1, 2, 3)).astype(jnp.float32))


@pytest.fixture
def gan(make_gan):
    return make_gan(augmentation=augment.adaptive_pseudo(), penalties=(jaxgan.penalty(shown, 1.0),))


@pytest.mark.slow
def test_nothing_changes_at_strength_zero(key, batch, make_gan):
    still = jaxgan.Augmentation(lambda keys, x, strength: x, strength=0.0)
    states = []
    for augmentation in (still, augment.adaptive_pseudo()):
        gan = make_gan(augmentation=augmentation)
        step = jax.jit(jaxgan.make_discriminator_step(gan))
        states.append(step(key, jaxgan.init(key, gan, batch), batch)[0].discriminator.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), *states)


@pytest.mark.slow
def test_real_samples_are_replaced_with_the_probability_of_the_strength(key, gan):
    x = jnp.full((512, 4, 4, 1), 7.0)
    state = jaxgan.init(key, gan, x)
    step = jax.jit(jaxgan.make_discriminator_step(gan))
    replaced = [float(step(key, at(p, state), x)[1]["penalty_shown"]) for p in (0.0, 0.3, 1.0)]
    assert replaced[::2] == [0.0, 1.0]
    np.testing.assert_allclose(replaced[1], 0.3, atol=0.07)


@pytest.mark.slow
def test_what_is_shown_as_real_is_generated_from_other_latents(key, make_gan):
    def nearest(real, fake):
        return jnp.min(jnp.mean((real[:, None] - fake[None]) ** 2, axis=(2, 3, 4)))

    def level(real, fake):
        return jnp.mean(jnp.abs(jnp.mean(real, axis=0) - jnp.mean(fake, axis=0)))

    penalties = tuple(jaxgan.penalty(each, 1.0) for each in (nearest, level))
    gan = make_gan(augmentation=augment.adaptive_pseudo(), penalties=penalties)
    x = jnp.full((64, 4, 4, 1), 7.0)
    state = at(1.0, jaxgan.init(key, gan, x))
    metrics = jax.jit(jaxgan.make_discriminator_step(gan))(key, state, x)[1]
    assert metrics["penalty_nearest"] > 1e-6
    assert metrics["penalty_level"] < 0.5


def test_the_generators_updates_see_real_samples_alone(key, make_gan):
    def of_real(real):
        return jnp.mean(real)

    gan = make_gan(
        augmentation=augment.adaptive_pseudo(),
        generator_terms=(jaxgan.generator_term(of_real, 1.0),),
    )
    x = jnp.full((16, 4, 4, 1), 7.0)
    state = at(1.0, jaxgan.init(key, gan, x))
    assert jax.jit(jaxgan.make_generator_step(gan))(key, state, x)[1]["term_of_real"] == 7.0


def test_the_strength_follows_the_signs_of_all_that_is_shown_as_real(key, batch, make_gan):
    gan = make_gan(augmentation=augment.adaptive_pseudo(target=0.0, ramp=100.0, every=1))
    state = at(0.5, jaxgan.init(key, gan, batch))
    new, metrics = jax.jit(jaxgan.make_discriminator_step(gan))(key, state, batch)
    expected = 0.5 + np.sign(metrics["augment_sign"]) * 16 / 100
    np.testing.assert_allclose(new.augmentation.strength, expected, rtol=1e-6)


@pytest.mark.slow
def test_a_step_is_the_same_on_eight_devices_and_uses_no_key_twice(key, batch, make_gan):
    gan = make_gan(
        augmentation=augment.adaptive_pseudo(transforms="color"),
        penalties=(jaxgan.penalty(regularizers.r1, gamma=1.0),),
    )
    state = at(0.5, jaxgan.init(key, gan, batch))
    with jax.debug_key_reuse(True):
        one = jax.jit(jaxgan.make_train_step(gan))(key, state, batch)
    step = parallel.pmap_step(jaxgan.make_train_step(gan, axis_name=parallel.AXIS), 8)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=5e-6),
        one,
        step(key, state, batch),
    )


@pytest.mark.slow
def test_lecam_trains_together_with_ada_and_apa(key, batch, make_gan):
    for augmentation in (augment.adaptive(ramp=100.0, every=1), augment.adaptive_pseudo()):
        gan = make_gan(
            augmentation=augmentation, penalties=(regularizers.lecam_penalty(0.3, decay=0.9),)
        )
        state = jaxgan.init(key, gan, batch)
        step = jax.jit(jaxgan.make_train_step(gan))
        for each in jax.random.split(key, 3):
            state, metrics = step(each, state, batch)
        averages = state.discriminator.terms["lecam"]
        assert averages.real != 0 != averages.fake
        assert metrics["penalty_lecam"] > 0
        assert jnp.isfinite(metrics["discriminator_loss"])
