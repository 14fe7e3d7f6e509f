"""Top-k training, latent optimisation (LOGAN), and discriminator rejection after training.

Sinha et al. 2020, https://arxiv.org/abs/2002.06224; Wu et al. 2019,
https://arxiv.org/abs/1912.00953; Azadi et al. 2019, https://arxiv.org/abs/1810.06758
"""

import dataclasses

import jax
import numpy as np
import optax
import pytest
from toys import mixture, mlp, modes, nearest, ring, trained

import jaxgan
from jaxgan import generator_term, latents, losses, penalty, regularizers, terms

CENTRES, LOSS = ring(8), losses.non_saturating
FRACTION = optax.exponential_decay(1.0, 100, 0.9, end_value=0.5)
TOP_K = {
    "loss": losses.without_generator(LOSS),
    "generator_terms": (terms.top_k(LOSS, FRACTION),),
}
LOGAN = {
    "latent_step": latents.natural_gradient_step(0.5, 5.0),
    "generator_terms": (generator_term(terms.latent_shift, 0.1),),
}


def rejected(key, samples, logits):
    """The samples kept with the odds D / (1 - D), scaled to 1 for the best hundredth."""
    odds = np.exp(logits - np.quantile(logits, 0.99))
    return np.asarray(samples)[np.asarray(jax.random.uniform(key, logits.shape)) < odds]


def sharpened(key, gan, state, draw):
    """The state after updates of the discriminator alone, without penalties."""
    step = jaxgan.make_discriminator_step(dataclasses.replace(gan, penalties=()))

    def body(state, key):
        return step(key, state, draw(jax.random.fold_in(key, 0)))

    return jax.lax.scan(body, state, jax.random.split(key, 500))[0]


@pytest.mark.slow
@pytest.mark.parametrize("parts", [TOP_K, LOGAN], ids=["top-k", "latent optimisation"])
def test_rejection_improves_the_samples_of(parts):
    parts = {
        "loss": LOSS,
        "penalties": (penalty(regularizers.r1, gamma=0.1), penalty(regularizers.r2, gamma=0.1)),
    } | parts
    gan = jaxgan.GAN(
        generator=mlp(2, 64),
        discriminator=mlp(1, 64),
        latent=latents.normal(4),
        generator_optimizer=optax.adam(2e-3, b1=0.0),
        discriminator_optimizer=optax.adam(4e-3, b1=0.0),
        ema_decay=None,
        **parts,
    )
    state, _ = trained(jax.random.key(0), gan, mixture(CENTRES), 1000)
    state = sharpened(jax.random.key(4), gan, state, mixture(CENTRES))
    samples = jaxgan.sample(jax.random.key(1), gan, state, 4000)
    logits = np.asarray(jaxgan.make_discriminate(jax.random.key(2), gan, state)(samples))
    kept = rejected(jax.random.key(3), samples, logits)
    good = [np.mean(nearest(x, CENTRES)[1] < 0.15) for x in (samples, kept)]
    assert modes(samples, CENTRES, 0.3) == 8
    assert good[1] > 1.3 * good[0], good
    assert len(kept) > 300
