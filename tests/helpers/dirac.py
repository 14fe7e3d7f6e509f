"""The Dirac-GAN as networks of one number each, for the tests of steps and of games."""

import jax.numpy as jnp
import optax

import jaxgan
from jaxgan import latents
from jaxgan.types import Network


def dirac_gan(loss, penalties=()):
    """Data at 0, a generator that is one number, the logit -psi x (Mescheder et al. 2018)."""

    def point(params, model_state, z, *, keys, train, axis_name=None):
        return params * jnp.ones_like(z), model_state

    def logits(params, model_state, x, *, keys, train, axis_name=None):
        return -params * x[:, 0], model_state

    return jaxgan.GAN(
        generator=Network(lambda key, z: (jnp.float32(1), {}), point),
        discriminator=Network(lambda key, x: (jnp.float32(1), {}), logits),
        latent=latents.normal(1),
        loss=loss,
        penalties=penalties,
        generator_optimizer=optax.sgd(0.2),
        discriminator_optimizer=optax.sgd(0.2),
        ema_decay=None,
    )
