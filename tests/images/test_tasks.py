"""What the players see of whole images: levels, low resolutions, halves of pairs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image

import jaxgan
from jaxgan import latents, losses
from jaxgan.images import tasks
from jaxgan.images.pyramid import crop_to, laplacian_pyramid, pad_to_multiple
from jaxgan.types import Batch, Network

LABELS = jnp.array([3, 1])


@pytest.fixture
def images():
    return jax.random.uniform(jax.random.key(1), (2, 14, 14, 1), minval=-1.0)


@pytest.mark.slow
@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_level_is_that_of_the_pyramid_of_the_padded_image(images, level):
    padded = pad_to_multiple(images, 8, -1.0)
    seen = tasks.pyramid_level(level, 3).prepare(Batch(images))
    np.testing.assert_allclose(seen.x, laplacian_pyramid(padded, 3)[level], atol=1e-6)
    assert seen.x.shape == (2, 4 * 2**level, 4 * 2**level, 1)


def test_the_finest_level_is_the_image_again(images):
    task = tasks.pyramid_level(2, 3)
    seen = task.prepare(Batch(images))
    again = crop_to(task.restore(seen.x, seen.condition), (14, 14))
    np.testing.assert_allclose(again, images, atol=2e-7)


def test_labels_go_beside_the_image_and_alone_to_the_coarsest_level(images):
    fine = tasks.pyramid_level(1, 2).prepare(Batch(images, LABELS))
    image, labels = fine.condition
    assert image.shape == fine.x.shape
    np.testing.assert_array_equal(labels, LABELS)
    coarse = tasks.pyramid_level(0, 2).prepare(Batch(images, LABELS))
    np.testing.assert_array_equal(coarse.condition, LABELS)
    assert tasks.condition_image(coarse.condition) is None
    np.testing.assert_array_equal(tasks.condition_image(fine.condition), image)


def test_low_resolution_is_that_of_a_file():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    x = jnp.asarray(pixels, jnp.float32) / 127.5 - 1.0
    seen = tasks.low_resolution(4).prepare(Batch(x[None]))
    small = np.asarray(Image.fromarray(pixels).resize((3, 2), Image.Resampling.BICUBIC))
    got = (np.asarray(seen.condition[0]) + 1.0) * 127.5
    np.testing.assert_allclose(got, got.round(), atol=1e-4)
    assert np.abs(got - small).max() <= 1.0 + 1e-4  # PIL rounds between its two passes too
    np.testing.assert_array_equal(seen.x, x[None])


def test_pairs_are_taken_apart():
    x = jnp.arange(2 * 4 * 4 * 6.0).reshape(2, 4, 4, 6)
    seen = tasks.pairs().prepare(Batch(x))
    np.testing.assert_array_equal(seen.x, x[..., :3])
    np.testing.assert_array_equal(seen.condition, x[..., 3:])


@pytest.mark.parametrize(
    ("make", "shape", "text"),
    [
        (lambda: tasks.pyramid_level(3, 3), None, "level must be from 0 to 2, got 3"),
        (lambda: tasks.low_resolution(1), None, "scale must be at least 2, got 1"),
        (lambda: tasks.low_resolution(4), (2, 6, 8, 1), "6x8 are not divisible by scale=4"),
        (tasks.pairs, (2, 4, 4, 3), "even number of channels"),
    ],
)
def test_what_does_not_fit_is_refused(make, shape, text):
    with pytest.raises(ValueError, match=text):
        make().prepare(Batch(jnp.zeros(shape)))


def level_gan():
    """A level of a pyramid with the smallest networks that there can be."""

    def generate(params, model_state, z, low, *, keys, train, axis_name=None):
        return params["w"] * z.reshape(low.shape) + params["b"] * low, model_state

    def discriminate(params, model_state, x, low, *, keys, train, axis_name=None):
        return params["w"] * jnp.mean((x + low) ** 2, axis=(1, 2, 3)) + params["b"], model_state

    def init(key, *inputs):
        return {"w": jnp.float32(0.3), "b": jnp.float32(0.1)}, {}

    return jaxgan.GAN(
        generator=Network(init, generate),
        discriminator=Network(init, discriminate),
        latent=latents.normal(64),
        loss=losses.non_saturating,
        generator_optimizer=optax.sgd(0.1),
        discriminator_optimizer=optax.sgd(0.1),
        task=tasks.pyramid_level(1, 2),
    )


@pytest.mark.slow
def test_a_step_on_images_is_the_step_on_what_the_players_see_of_them(key, largest_difference):
    gan = level_gan()
    images = jax.random.uniform(key, (4, 8, 8, 1), minval=-1.0)
    without = dataclasses.replace(gan, task=None)
    seen = gan.task.prepare(Batch(images))
    states = [jaxgan.init(key, each, x) for each, x in ((gan, images), (without, seen))]
    pairs = zip((gan, without), states, (images, seen), strict=True)
    ended = [jax.jit(jaxgan.make_train_step(g))(key, state, x)[0] for g, state, x in pairs]
    assert largest_difference(*ended) == 0.0
    assert largest_difference(ended[0].generator, states[0].generator) > 0.0
