"""A recipe with hyper-parameters of each kind, on 32 images, that trains in no time."""

import functools

import numpy as np
import optax
import pytest
from commands import succeed

import jaxgan
from jaxgan import latents, losses
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.recipes import RECIPES, Recipe
from jaxgan.recipes.hyperparameters import LearningRate, RuledGamma, Width
from jaxgan.regularizers import r1
from jaxgan.training.plan import Plan


@functools.cache
def turned_gan(
    shape,
    num_classes=None,
    *,
    learning_rate: LearningRate = 1e-2,
    gamma: RuledGamma = 1.0,
    width: Width = 4,
):
    """A GAN of the smallest networks, with hyper-parameters of each kind."""
    return jaxgan.GAN(
        generator=jaxgan.from_linen(MLPGenerator(shape, (width,), output=None)),
        discriminator=jaxgan.from_linen(MLPDiscriminator((width,), dropout=0.0)),
        latent=latents.normal(2),
        loss=losses.non_saturating,
        penalties=(jaxgan.penalty(r1, gamma=gamma),),
        generator_optimizer=optax.sgd(learning_rate),
        discriminator_optimizer=optax.sgd(learning_rate),
    )


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """A recipe on 32 images of 8x8 pixels."""
    file = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(file, x=np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), np.uint8))
    plan = Plan(batch_size=8, devices=1, rounds_per_call=2, model_range=(-1.0, 1.0))
    with pytest.MonkeyPatch.context() as patch:
        made = Recipe("turned", "", f"npz:{file}", turned_gan, 4, plan)
        patch.setitem(RECIPES, "turned", made)
        yield


def train_turned(out, *options):
    return succeed("train", "turned", "--out", out, "--save-every", 2, *options)
