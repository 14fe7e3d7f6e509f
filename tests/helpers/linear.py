"""A GAN of two matrices, without flax, that compiles in a moment: of points in the plane."""

import dataclasses

import jax
import optax

import jaxgan
from jaxgan import latents, losses


def linear(size):
    """A network without flax: one matrix that gives `size` numbers per sample; 1 for a logit."""

    def init(key, x):
        return {"w": jax.random.normal(key, (x.shape[1], size))}, {}

    def apply(params, model_state, x, *, keys, train, axis_name=None):
        return x @ params["w"], model_state

    return jaxgan.Network(init, apply)


def make_linear(**parts):
    default = jaxgan.GAN(
        generator=linear(2),
        discriminator=linear(1),
        latent=latents.normal(3),
        loss=losses.non_saturating,
        generator_optimizer=optax.sgd(0.1),
        discriminator_optimizer=optax.sgd(0.1),
    )
    return dataclasses.replace(default, **parts)
