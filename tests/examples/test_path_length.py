"""Style mixing, path lengths and truncation, as in StyleGAN2, for points in the plane.

Karras et al. 2020, https://arxiv.org/abs/1912.04958
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
import pytest
from toys import mixture, mlp, ring, trained

import jaxgan
from jaxgan import bundle, latents, losses, penalty, regularizers, terms

CENTRES, SIZE = ring(8), 8


class Synthesis(nn.Module):
    """From styles [batch, 2, size], one for each of two layers, to points."""

    @nn.compact
    def __call__(self, w):
        x = self.param("constant", nn.initializers.normal(1.0), (1, 32))
        for layer in range(2):
            x = nn.leaky_relu(nn.Dense(32)(x * (1 + nn.Dense(32)(w[:, layer]))))
        return nn.Dense(2)(x)


def to_styles(nets, z):
    """Both layers' styles: of one latent, or of two, with the odds of `mix`."""
    first, second = nets["mapping"](z["first"]), nets["mapping"](z["second"])
    return jnp.stack([first, jnp.where(z["mix"] < 0.5, second, first)], axis=1)


def generated(nets, z):
    return nets["synthesis"](to_styles(nets, z) if isinstance(z, dict) else z)


def draw_latents(key, index):
    keys = jax.random.split(key, 3)
    first, second = (latents.normal(SIZE)(key, index) for key in keys[:2])
    return {"first": first, "second": second, "mix": latents.uniform(1, 0, 1)(keys[2], index)}


def relative_spread(weight):
    networks = {"mapping": mlp(SIZE), "synthesis": jaxgan.from_linen(Synthesis())}
    mapping = bundle(networks, to_styles)

    def styles(params, z):
        keys = jax.random.split(jax.random.key(0), len(z["mix"]))
        return mapping.apply(params, {name: {} for name in networks}, z, keys=keys, train=True)[0]

    gan = jaxgan.GAN(
        generator=bundle(networks, generated),
        discriminator=mlp(1),
        latent=draw_latents,
        loss=losses.relativistic,
        generator_optimizer=optax.adam(1e-3, b1=0.0),
        discriminator_optimizer=optax.adam(2e-3, b1=0.0),
        penalties=(penalty(regularizers.r1, gamma=0.1), penalty(regularizers.r2, gamma=0.1)),
        generator_terms=(terms.path_length(weight, styles=styles),),
        ema_decay=None,
    )
    state, _ = trained(jax.random.key(0), gan, mixture(CENTRES), 600)
    generate = jaxgan.make_generate(jax.random.key(1), gan, state)
    w = styles(state.generator.params, draw_latents(jax.random.key(2), jnp.arange(1000)))
    lengths = terms.path_lengths(jax.random.key(3), generate, w, jnp.arange(1000))
    centre = jnp.mean(w, axis=0, keepdims=True)
    spreads = [float(jnp.std(generate(centre + psi * (w - centre)))) for psi in (0.5, 1.0)]
    return float(jnp.std(lengths) / jnp.mean(lengths)), spreads


@pytest.mark.slow
def test_path_lengths_become_more_equal_and_truncation_narrows():
    without, _ = relative_spread(0.0)
    regularized, (truncated, whole) = relative_spread(0.5)
    assert regularized < 0.8 * without, (regularized, without)
    assert truncated < 0.9 * whole
    assert whole > 0.5  # 0.71 for the data
