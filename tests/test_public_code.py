"""Numbers of public code for inputs that are drawn here."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan import losses, metrics, recipes, regularizers
from jaxgan.models.layers.spectral_norm import SpectralNorm


def logits():
    """Logits on real and on generated samples, float64 [8]."""
    return 2 * np.random.default_rng(7).normal(size=(2, 8))


def test_the_rmsprop_of_wgan_takes_the_steps_of_pytorchs():
    # torch 2.14.1: torch.optim.RMSprop(lr=2e-4) from 0, on float64, after five steps
    scales = np.array([1.0, 1e-3, 1e-6, 1e-8])
    gradients = jnp.asarray(np.random.default_rng(0).normal(size=(5, 4)) * scales, jnp.float32)
    optimizer = recipes.recipe("wgan").gan((2,)).generator_optimizer

    def step(carry, gradient):
        x, state = carry
        update, state = optimizer.update(gradient, state, x)
        return (x + update, state), None

    x = jnp.zeros(4)
    (x, _), _ = jax.lax.scan(step, (x, optimizer.init(x)), gradients)
    expected = [0.003824317737671863, 0.002825356551858989, -0.0018655041708030007]
    np.testing.assert_allclose(x, [*expected, -0.0002504625832923401], rtol=2e-6)


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    [
        ("", 0.9247061161932033, 0.803266688311091),
        ("_hinge", 1.2735143546612253, 1.0271634554028044),
        ("_least_squares", 2.801862756900944, 2.3161050453724945),
    ],
)
def test_relativistic_averages_are_twice_those_of_the_authors_code(name, discriminator, generator):
    # code/GAN_losses_iter.py of AlexiaJM/RelativisticGAN: errD and errG of losses 6, 8 and 7
    loss = getattr(losses, f"relativistic_average{name}")
    found = loss.discriminator(*logits()), loss.generator(*logits())
    np.testing.assert_allclose(found, [2 * discriminator, 2 * generator], rtol=1e-6)


@pytest.mark.parametrize(
    ("real", "fake", "one_sided", "two_sided"),
    [
        (0.4, -0.3, 2.490467358287665, 3.3499808040216337),
        (-0.3, 0.4, 1.1287118944415373, 3.5199960030565913),
    ],
)
def test_lecam_is_that_of_the_authors_code(real, fake, one_sided, two_sided):
    # lecam_reg of biggan_cifar/losses.py of google/lecam-gan; two-sided: equation 5 in NumPy
    averages = regularizers.LecamAverages(*map(jnp.float32, (real, fake, 1.0)))
    for expected, side in ((one_sided, True), (two_sided, False)):
        found = regularizers.lecam(*map(jnp.asarray, logits()), averages, side)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_spectral_norm_is_half_a_power_step_ahead_of_pytorchs():
    # torch 2.14.1: torch.nn.utils.spectral_norm of a Linear(64, 64), its weight_u set to u, after
    # one pass in training divides by 0.682745864012756 of the largest singular value.
    rng = np.random.default_rng(0)
    w, u = rng.normal(size=(64, 64)), rng.normal(size=64)
    largest = np.linalg.svd(w, compute_uv=False)[0]
    layer = SpectralNorm(nn.Dense(64, use_bias=False))
    shapes = jax.eval_shape(lambda: layer.init(jax.random.key(0), jnp.ones((1, 64)), train=True))
    variables = {
        "params": jax.tree.map(lambda _: jnp.asarray(w.T, jnp.float32), shapes["params"]),
        "spectral_norm": jax.tree.map(
            lambda _: jnp.asarray(u / np.linalg.norm(u), jnp.float32), shapes["spectral_norm"]
        ),
    }
    x = jnp.eye(64)
    used = layer.apply(variables, x, train=True, mutable=["spectral_norm"])[0]
    ratio = float(np.linalg.norm(w) / jnp.linalg.norm(used) / largest)
    # v = W' u and u = W v, of length 1; PyTorch's is |W v|, here it is |W' u|
    v = w.T @ u / np.linalg.norm(w.T @ u)
    assert np.linalg.norm(w @ v) / largest == pytest.approx(0.682745864012756, rel=1e-12)
    after = w @ v / np.linalg.norm(w @ v)
    assert ratio == pytest.approx(np.linalg.norm(w.T @ after) / largest, rel=1e-5)
    assert ratio == pytest.approx(0.765398692500485, rel=1e-5)


def test_only_copies_of_real_samples_have_another_density_than_that_of_prdc():
    # prdc 0.2, compute_prdc(real, fake, 5): density 0.673 and coverage 0.965 if half of the
    # generated samples are copies, 0.482 and 0.85 if none is
    rng = np.random.default_rng(0)
    real = rng.normal(size=(200, 8))
    copies = np.concatenate([real[:100], real[100:] + rng.normal(size=(100, 8))])
    other = real + rng.normal(size=(200, 8))
    assert metrics.density_coverage(real, other, 5) == pytest.approx((0.482, 0.85), rel=1e-12)
    found = metrics.density_coverage(real, copies, 5)
    # the sample on the border of each ball, its fifth neighbour, counts if it was copied
    border = np.argsort(np.linalg.norm(real[:, None] - real[None], axis=2))[:, 5]
    assert found.density == pytest.approx(0.673 + np.mean(border < 100) / 5, rel=1e-12)
    assert found.coverage == 0.995  # a copy on a ball's border covers its centre
    assert metrics.density_coverage(real, real, 5) == pytest.approx((1.2, 1.0), rel=1e-12)


def test_the_inception_score_of_ten_splits_is_that_of_torch_fidelity():
    # torch-fidelity 0.4.0, isc_features_to_metric(logits, splits, shuffle=False) for 10 and for 1
    scores = np.random.default_rng(0).normal(size=(1000, 10)) * 3
    found = metrics.inception_score(scores, splits=10)
    np.testing.assert_allclose(found, [3.773290503902196, 0.15892231375524354], rtol=1e-10)
    assert metrics.inception_score(scores).mean == pytest.approx(3.8564841606839964, rel=1e-10)
