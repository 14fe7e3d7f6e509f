"""InfoGAN: a one-hot code in the latents becomes the class of the samples."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
import pytest
from toys import MLP, mixture, mlp, mutual_information, nearest, ring, trained

import jaxgan
from jaxgan import DiscriminatorOutput, latents, losses, penalty, regularizers, terms

CLASSES, CENTRES = 4, ring(4)


class Recogniser(nn.Module):
    """A logit, and class logits of the code as features."""

    @nn.compact
    def __call__(self, x):
        return DiscriminatorOutput(MLP(1)(x), features=MLP(CLASSES)(x))


@pytest.mark.slow
def test_the_code_is_the_class():
    for_discriminator, for_generator = terms.mutual_information(categories=(CLASSES,))
    gan = jaxgan.GAN(
        generator=mlp(2),
        discriminator=jaxgan.from_linen(Recogniser()),
        latent=latents.concatenate(latents.normal(2), latents.one_hot(CLASSES)),
        loss=losses.non_saturating,
        generator_optimizer=optax.adam(2e-3, b1=0.5),
        discriminator_optimizer=optax.adam(2e-3, b1=0.5),
        penalties=(penalty(regularizers.r1, gamma=0.2), for_discriminator),
        generator_terms=(for_generator,),
        ema_decay=None,
    )
    state, metrics = trained(jax.random.key(0), gan, mixture(CENTRES, 0.1), 500)
    z = gan.latent(jax.random.key(1), jnp.arange(1000))
    samples = jaxgan.make_generate(jax.random.key(2), gan, state)(z)
    code, (which, _) = jax.device_get(z[:, -CLASSES:].argmax(axis=1)), nearest(samples, CENTRES)
    score = mutual_information(code, which)
    assert score > 0.8, score  # 0.0 by chance
    assert metrics["term_infogan_generator"][-1] < 0.1  # log 4 = 1.39 by chance
