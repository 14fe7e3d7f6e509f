import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import metrics
from jaxgan.metrics import ms_ssim_diversity
from jaxgan.metrics.image_quality import ssim_factors

# one program is sooner compiled than many
ms_ssim, ssim, factors = (
    jax.jit(f, static_argnums=2) for f in (metrics.ms_ssim, metrics.ssim, ssim_factors)
)


def pair(height, width, noisy=1):
    """Two pictures [height, width, 3], made of formulas."""
    i, j, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    x = np.rint(
        127.5 + 100 * np.sin(0.03 * i + 0.01 * j * (c + 1)) * np.cos(0.005 * i * j / (c + 1))
    )
    noise = 20 * np.sin(1.7 * i + 2.3 * j + c) + 8 * np.sin(0.2 * i)
    return x.astype(np.uint8), np.clip(np.rint(x + noisy * noise), 0, 255).astype(np.uint8)


# ---- MS-SSIM ----


def test_ms_ssim_of_five_scales_equals_that_of_pytorch_msssim():
    # pytorch_msssim 1.0.0, ms_ssim on float64, data_range=255
    x, y = pair(176, 192)
    np.testing.assert_allclose(ms_ssim(x[None], y[None], 255), [0.9487394917291904], rtol=1e-5)


def test_ms_ssim_is_close_enough_to_pytorch_msssim_to_show_the_sum_of_the_weights():
    # the same for noisy=1.6; weights that sum to 1 give 1.1e-5 more
    x, y = pair(176, 192, noisy=1.6)
    np.testing.assert_allclose(ms_ssim(x[None], y[None], 255), [0.895138860508916], rtol=4e-6)


def test_the_published_weights_of_five_scales_are_not_rescaled_which_unlike_images_show():
    # a float64 NumPy program of equation 7: 0.2287843; 0.2288185 with weights that sum to 1
    x, y = pair(176, 192, noisy=20)
    np.testing.assert_allclose(ms_ssim(x[None], y[None], 255), [0.2287842851983295], rtol=1e-5)


@pytest.mark.parametrize("side", [12, 20])
def test_images_of_which_the_window_fits_once_have_the_ssim_of_one_scale(side):
    x, y = (z[None, :side, :side] for z in pair(20, 20))
    np.testing.assert_allclose(ms_ssim(x, y, 255), ssim(x, y, 255), rtol=1e-6)


def test_small_images_have_as_many_scales_as_fit_with_weights_that_sum_to_one():
    x, y = (z[None, ..., :1].astype(np.float32) for z in pair(21, 24))

    def halved(z):  # an odd side repeats its last pixel
        z = np.concatenate([z, z[:, -1:]], axis=1)
        return (z[:, ::2, ::2] + z[:, 1::2, ::2] + z[:, ::2, 1::2] + z[:, 1::2, 1::2]) / 4

    contrast = factors(x, y, 255)[1]
    coarse = ssim(halved(x), halved(y), 255)[0]
    weights = np.array([0.0448, 0.2856]) / (0.0448 + 0.2856)
    expected = np.mean(contrast) ** weights[0] * coarse ** weights[1]
    np.testing.assert_allclose(ms_ssim(x, y, 255), [expected], rtol=1e-5)


def test_images_of_opposite_contrast_have_no_likeness_and_equal_ones_all_with_finite_gradients():
    x = jax.random.uniform(jax.random.key(0), (1, 12, 12, 3), maxval=255.0)
    both = jnp.concatenate([x, x])

    @jax.jit
    @jax.value_and_grad
    def likeness(z):
        return jnp.sum(metrics.ms_ssim(z, jnp.concatenate([x, 255 - x]), 255))

    value, gradient = likeness(both)
    np.testing.assert_allclose(value, 1.0, rtol=1e-6)
    assert jnp.isfinite(gradient).all()


# ---- diversity ----


@pytest.mark.slow
def test_diversity_of_copies_is_one_and_of_two_images_their_ms_ssim(key):
    x, y = pair(12, 12)
    np.testing.assert_allclose(ms_ssim_diversity(key, np.stack([x, x]), 5, 255), 1.0, rtol=1e-6)
    found = ms_ssim_diversity(key, np.stack([x, y]), 5, 255)
    np.testing.assert_allclose(found, ms_ssim(x[None], y[None], 255)[0], rtol=1e-6)


@pytest.mark.slow
def test_diversity_draws_all_pairs_of_different_images_alike(key):
    images = np.stack([*pair(12, 12), pair(12, 24)[0][:, 12:], pair(24, 12)[0][12:]])
    first, other = np.triu_indices(4, 1)
    each = np.asarray(ssim(images[first], images[other], 255), float)
    found = ms_ssim_diversity(key, images, 2000, 255)
    assert float(found) == pytest.approx(each.mean(), abs=4 * each.std() / 2000**0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda key: metrics.ms_ssim(*np.zeros((2, 1, 10, 20, 1)), 1), "11 x 11 .* got 10 x 20"),
        (lambda key: ms_ssim_diversity(key, np.zeros((1, 12, 12, 1)), 3, 1), r"\(1, 12, 12, 1\)"),
        (lambda key: ms_ssim_diversity(key, np.zeros((12, 12)), 3, 1), r"got \(12, 12\)"),
        (lambda key: ms_ssim_diversity(key, np.zeros((2, 12, 12, 1)), 0, 1), "num_pairs .* got 0"),
        (lambda key: ms_ssim_diversity(key, np.zeros((2, 12, 12, 1)), 2, 0), "max_value .* got 0"),
    ],
)
def test_what_cannot_be_compared_is_named(key, call, message):
    with pytest.raises(ValueError, match=message):
        call(key)
