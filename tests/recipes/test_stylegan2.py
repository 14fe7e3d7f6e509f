"""What is StyleGAN2's own in its recipe."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import normal

import jaxgan
from jaxgan import from_linen, latents, parallel
from jaxgan.models import StyleGAN2Discriminator, StyleGAN2Generator, make_styles
from jaxgan.recipes import recipe_gan, recipe_maker, recipe_numbers
from jaxgan.recipes.stylegan2 import lazy_adam, stylegan2_gan, stylegan2_small_gan
from jaxgan.terms import path_length

KEY = jax.random.key(0)
SMALL = {"channel_base": 64, "channel_max": 4}


def small(num_classes=None, every=1, **parts):
    """The recipe with narrow networks on images of 8x8, and terms in every n-th update."""
    gan = stylegan2_gan((8, 8, 1), num_classes)
    g = StyleGAN2Generator((8, 8, 1), w_dim=6, num_classes=num_classes, **SMALL)
    d = StyleGAN2Discriminator(num_classes=num_classes, mapping_layers=1, **SMALL)
    paths = path_length(every=every, styles=make_styles(g))
    return dataclasses.replace(
        gan,
        generator=from_linen(g),
        discriminator=from_linen(d),
        latent=latents.normal(5),
        generator_terms=(paths,),
        penalties=tuple(each._replace(every=every) for each in gan.penalties),
        **parts,
    )


def test_adam_is_corrected_for_a_lazy_term():
    # The first step is c rate, the second c rate g2 / sqrt(mean of squares) with b2 = 0.99^c.
    optimizer, c = lazy_adam(0.1, 4), 4 / 5
    b2, gradients = 0.99**c, (jnp.float32(3.0), jnp.float32(1.0))
    state = optimizer.init(gradients[0])
    first, state = optimizer.update(gradients[0], state)
    second, _ = optimizer.update(gradients[1], state)
    mean = (b2 * 9.0 + 1.0) * (1 - b2) / (1 - b2**2)
    np.testing.assert_allclose(first, -c * 0.1, rtol=1e-5)
    np.testing.assert_allclose(second, -c * 0.1 / np.sqrt(mean), rtol=1e-4)


def test_the_half_life_of_the_average_grows_to_ten_thousand_images():
    decay = stylegan2_gan((8, 8, 1)).ema_decay
    for step, half_life in ((200, 10.0), (6_250, 312.5), (50_000, 312.5)):
        np.testing.assert_allclose(decay(step) ** half_life, 0.5, rtol=1e-4)


def test_terms_are_lazy_as_published():
    gan = stylegan2_gan((8, 8, 1), gamma=0.4)
    (r1,), (paths,) = gan.penalties, gan.generator_terms
    assert (r1.weight, r1.every, paths.weight, paths.every) == (0.2, 16, 2.0, 4)


def test_the_recipe_for_small_images_has_no_path_lengths_and_r1_in_every_fourth_update():
    gan = stylegan2_small_gan((8, 8, 1), gamma=0.4)
    (r1,) = gan.penalties
    assert (r1.weight, r1.every, gan.generator_terms) == (0.2, 4, ())


@pytest.mark.parametrize(("make", "mixes"), [(stylegan2_gan, True), (stylegan2_small_gan, False)])
def test_styles_are_mixed_in_the_recipe_for_large_images_only(make, mixes):
    # noise begins with strength 0, so that only mixed styles depend on the sample's key
    generator = make((8, 8, 1), width=4, latent_size=6).generator
    z = normal(8, 6)
    params, state = generator.init(KEY, z)

    @jax.jit
    def draw(key):
        return generator.apply(params, state, z, keys=jax.random.split(key, 8), train=True)[0]

    same = draw(jax.random.key(1)) == draw(jax.random.key(2))
    assert bool(jnp.all(same)) is not mixes


@pytest.mark.slow
def test_a_round_is_the_same_on_one_device_and_on_eight():
    gan = small(2, generator_optimizer=optax.sgd(0.01), discriminator_optimizer=optax.sgd(0.01))
    batch = jaxgan.Batch(normal(16, 8, 8, 1), jnp.arange(16) % 2)
    state = jax.jit(lambda: jaxgan.init(KEY, gan, batch))()
    (one, metrics), (eight, same) = (
        wrap(jaxgan.make_train_step(gan, axis_name=axis_name))(KEY, state, batch)
        for wrap, axis_name in (
            (jax.jit, None),
            (lambda step: parallel.pmap_step(step, 8), parallel.AXIS),
        )
    )
    assert float(metrics["term_path_length"]) > 0
    assert float(metrics["penalty_r1"]) > 0
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5),
        (one, metrics),
        (eight, same),
    )


@pytest.mark.slow
def test_numbers_may_be_traced():
    numbers = recipe_numbers("stylegan2")
    named = ("learning_rate", "gamma", "path_weight", "b2", "half_life", "truncation")
    assert tuple(numbers) == named
    make, batch = recipe_maker("stylegan2", (8, 8, 1)), normal(4, 8, 8, 1)

    def run(numbers):
        gan = make(**numbers)
        state = jaxgan.init(KEY, gan, batch)
        _, metrics = jaxgan.make_train_step(gan)(KEY, state, batch)
        return metrics, jaxgan.sample(KEY, gan, state, 4)

    metrics, x = jax.eval_shape(run, {name: jnp.float32(v) for name, v in numbers.items()})
    assert x.shape == (4, 8, 8, 1)
    assert metrics["generator_loss"].shape == ()


@pytest.mark.slow
def test_samples_are_truncated_by_a_number_of_the_recipe():
    gans = [
        recipe_gan("stylegan2", (8, 8, 1), hyperparameters={"truncation": psi})
        for psi in (1.0, 0.5, 0.0)
    ]
    state = jax.jit(lambda: jaxgan.init(KEY, gans[0], normal(4, 8, 8, 1)))()
    drawn = [jax.jit(lambda s, g=gan: jaxgan.sample(KEY, g, s, 64))(state) for gan in gans]
    spreads = [float(jnp.mean(jnp.std(x, axis=0))) for x in drawn]
    assert spreads[0] > spreads[1] > 10 * spreads[2]
