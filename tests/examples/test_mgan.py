"""MGAN: a mixture of generators, each of which the discriminator tells from the others.

Hoang et al. 2018, equation 2, https://openreview.net/forum?id=rkmu5b0a-
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import MLP, mixture, mlp, modes, nearest, ring, trained

import jaxgan
from jaxgan import DiscriminatorOutput, bundle, latents, losses, penalty, regularizers, terms

TEAM, CENTRES = 4, ring(4)


class Classifier(nn.Module):
    """A logit, and the logits of the generator that made a sample."""

    @nn.compact
    def __call__(self, x):
        return DiscriminatorOutput(MLP(1)(x), class_logits=MLP(TEAM)(x))


def chosen(nets, latents):
    """The sample of the generator that the last columns of the latents choose."""
    z, which = latents[:, :-TEAM], latents[:, -TEAM:]
    return jnp.einsum("nk,knd->nd", which, jnp.stack([net(z) for net in nets.values()]))


@pytest.mark.slow
def test_each_generator_makes_a_mode_of_its_own():
    for_discriminator, for_generator = terms.mutual_information(
        (TEAM,), head=lambda output: output.class_logits
    )
    gan = jaxgan.GAN(
        generator=bundle({f"generator_{i}": mlp(2, 16) for i in range(TEAM)}, chosen),
        discriminator=jaxgan.from_linen(Classifier()),
        latent=latents.concatenate(latents.normal(2), latents.one_hot(TEAM)),
        loss=losses.non_saturating,
        generator_optimizer=optax.adam(2e-3, b1=0.5),
        discriminator_optimizer=optax.adam(2e-3, b1=0.5),
        penalties=(penalty(regularizers.r1, gamma=0.2), for_discriminator),
        generator_terms=(for_generator,),
        ema_decay=None,
    )
    state, _ = trained(jax.random.key(0), gan, mixture(CENTRES, 0.1), 800)
    z = gan.latent(jax.random.key(1), jnp.arange(1000))
    samples = jaxgan.make_generate(jax.random.key(2), gan, state)(z)
    maker, (which, _) = np.asarray(z[:, -TEAM:].argmax(axis=1)), nearest(samples, CENTRES)
    counts = np.array([np.bincount(which[maker == i], minlength=4) for i in range(TEAM)])
    assert modes(samples, CENTRES, 0.5) == 4
    assert (counts.max(axis=1) / counts.sum(axis=1)).min() > 0.8  # the share of its main mode
    assert len(set(counts.argmax(axis=1))) == 4
