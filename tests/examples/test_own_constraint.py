"""A loss and a penalty of one's own, with state: the constraint of Fisher GAN.

Mroueh & Sercu 2017, algorithm 1, https://arxiv.org/abs/1705.09675
"""

import jax
import jax.numpy as jnp
import optax
import pytest
from toys import mixture, mlp, modes, ring, trained

import jaxgan
from jaxgan import AdversarialLoss, TermState, latents, penalty

CENTRES, RHO = ring(4), 1e-2


def omega(real_logits, fake_logits):
    """The second moment of the critic, (E f(x)^2 + E f(G(z))^2) / 2."""
    return (jnp.mean(real_logits**2) + jnp.mean(fake_logits**2)) / 2


@pytest.mark.slow
def test_the_critic_keeps_a_second_moment_of_one():
    loss = AdversarialLoss(
        discriminator=lambda real, fake: jnp.mean(fake) - jnp.mean(real),
        generator=lambda real, fake: -jnp.mean(fake),
    )

    def constraint(real_logits, fake_logits, state):  # the state is the multiplier lambda
        excess = omega(real_logits, fake_logits) - 1
        return state * excess + RHO / 2 * excess**2

    def update(real_logits, fake_logits, state):
        return state + RHO * jax.lax.stop_gradient(omega(real_logits, fake_logits) - 1)

    memory = TermState(init=lambda: jnp.zeros(()), update=update)
    gan = jaxgan.GAN(
        generator=mlp(2),
        discriminator=mlp(1),
        latent=latents.normal(4),
        loss=loss,
        generator_optimizer=optax.adam(1e-3, b1=0.5),
        discriminator_optimizer=optax.adam(2e-3, b1=0.5),
        penalties=(penalty(constraint, 1.0, state=memory),),
        ema_decay=0.99,
    )
    state, metrics = trained(jax.random.key(0), gan, mixture(CENTRES, 0.1), 1000)
    last = {name: metrics[name][-500:] for name in ("logit_std", "logit_real", "logit_fake")}
    moment = last["logit_std"] ** 2 + ((last["logit_real"] + last["logit_fake"]) / 2) ** 2
    assert 0.7 < jnp.mean(moment) < 1.4
    assert state.discriminator.terms["constraint"] > 0.01
    assert modes(jaxgan.sample(jax.random.key(1), gan, state, 1000), CENTRES, 0.5) == 4
