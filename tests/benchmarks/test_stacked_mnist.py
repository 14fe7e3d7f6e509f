"""The Stacked MNIST benchmark: its images, its networks, its runs that go on."""

import argparse
import math
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from paths import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import stacked_mnist
from stacked_mnist_networks import Discriminator, Generator

ARGS = argparse.Namespace(digits=3, rate=1e-3, gamma=1.0, steps=4)


def numbered(num):
    """Images 28x28 of one brightness each, their own number."""
    return np.arange(num, dtype=np.uint8)[:, None, None, None] * np.ones((28, 28, 1), np.uint8)


def test_each_channel_of_an_image_is_an_image_of_the_data_drawn_by_itself():
    images = stacked_mnist.make_stacked(numbered(10), 3)(jax.random.key(0), 500)
    assert images.shape == (500, 28, 28, 3)
    numbers = np.rint((np.asarray(images) + 1.0) * 127.5)
    np.testing.assert_array_equal(numbers, np.broadcast_to(numbers[:, :1, :1], numbers.shape))
    modes = numbers[:, 0, 0] @ [100, 10, 1]
    assert len(np.unique(modes)) > 350  # of 1,000, 393 are expected


def test_discriminator_of_half_the_size_has_the_published_parameters():
    shapes = jax.eval_shape(
        lambda key: Discriminator(0.5).init(key, jnp.zeros((2, 28, 28, 3)), train=True),
        jax.random.key(0),
    )
    convolutions = 9 * 3 * 4 + 9 * 4 * 8 + 9 * 8 * 16
    norms, head = 2 * (4 + 8 + 16), 4 * 4 * 16 + 1
    sizes = [math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes["params"])]
    assert sum(sizes) == convolutions + norms + head


def test_generator_makes_images_of_as_many_digits():
    made = jax.eval_shape(
        lambda key: Generator(4).init_with_output(key, jnp.zeros((2, 256)), train=True)[0],
        jax.random.key(0),
    )
    assert made.shape == (2, 28, 28, 4)


@pytest.mark.slow
@pytest.mark.parametrize("arm", stacked_mnist.ARMS)
def test_every_method_fits_its_images(arm):
    gan = stacked_mnist.make_gan(arm, 0.5, ARGS)
    stacked = stacked_mnist.make_stacked(numbered(10), 3)
    game = stacked_mnist.make_game(gan, stacked, 8, 0, 2)
    state, metrics = jax.eval_shape(game.play, jax.eval_shape(game.begin))
    penalties = {name for name in metrics if name.startswith("penalty")}
    assert len(penalties) == arm.count("R1") + arm.count("R2")
    assert (state.ema is None) == (arm == "DCGAN")


@pytest.mark.slow
def test_an_arm_in_two_parts_is_the_arm_in_one(tmp_path, monkeypatch):
    monkeypatch.setattr(stacked_mnist, "NUM", 1000)
    gan = stacked_mnist.make_gan("RpGAN+R1+R2", 0.5, ARGS)
    game = stacked_mnist.make_game(gan, stacked_mnist.make_stacked(numbered(10), 3), 8, 0, 2)

    def score(samples):
        return {"mean": float(np.mean(samples))}

    whole = stacked_mnist.train(game, 4, 2, score, _made(tmp_path / "whole"))
    stacked_mnist.train(game, 2, 2, score, _made(tmp_path / "parts"))
    parts = stacked_mnist.train(game, 4, 2, score, tmp_path / "parts")
    for row in (*whole, *parts):
        del row["seconds"]
    assert parts == whole


def _made(folder):
    folder.mkdir()
    return folder
