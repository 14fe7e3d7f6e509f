import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from paths import SHARED
from PIL import Image

from jaxgan import metrics
from jaxgan.metrics import luma, psnr

SET5 = SHARED / "sr" / "Set5"
ssim = jax.jit(metrics.ssim, static_argnums=(2, 3))  # one program is sooner compiled than many


def pair():
    """Two pictures uint8 [24, 20, 3], made of formulas."""
    i, j, c = np.meshgrid(np.arange(24), np.arange(20), np.arange(3), indexing="ij")
    x = np.rint(127.5 + 100 * np.sin(0.3 * i + 0.1 * j * (c + 1)) * np.cos(0.05 * i * j / (c + 1)))
    y = np.clip(np.rint(x + 20 * np.sin(1.7 * i + 2.3 * j + c)), 0, 255)
    return x.astype(np.uint8), y.astype(np.uint8)


def bicubic(image, scale):
    small = image.resize((image.width // scale, image.height // scale), Image.Resampling.BICUBIC)
    return small.resize(image.size, Image.Resampling.BICUBIC)


# ---- luma ----


def test_luma_is_that_of_bt_601():
    black, white, red = [0, 0, 0], [255, 255, 255], [255, 0, 0]
    y = luma(np.array([black, white, red], np.uint8))
    np.testing.assert_allclose(y, [[16.0], [235.0], [81.481]], rtol=1e-6)
    # skimage.color.rgb2ycbcr of scikit-image 0.26
    np.testing.assert_allclose(luma(pair()[0])[0, 1:3, 0], [140.65823529, 155.44803529], rtol=1e-6)


# ---- PSNR ----


def test_psnr_by_hand():
    x = jnp.zeros((2, 2, 2, 1))
    y = x.at[0, 0, 0, 0].set(0.2).at[1].set(1.0)  # mean squares 0.01 and 1
    np.testing.assert_allclose(psnr(x, y, 1.0), [20.0, 0.0], atol=1e-5)
    np.testing.assert_allclose(psnr(x, y, 10.0), [40.0, 20.0], rtol=1e-6)


@pytest.mark.parametrize(("border", "expected"), [(0, 25.1081408562875), (4, 25.106163966542418)])
def test_psnr_equals_that_of_scikit_image(border, expected):
    # skimage.metrics.peak_signal_noise_ratio 0.26 on float64
    x, y = pair()
    np.testing.assert_allclose(psnr(x[None], y[None], 255, border), [expected], rtol=1e-6)


def test_psnr_of_equal_images_is_infinite():
    x, y = pair()
    assert jnp.isposinf(psnr(np.stack([x, x]), np.stack([x, y]), 255.0)).tolist() == [True, False]


def test_the_border_is_left_out():
    x = np.zeros((1, 15, 16, 1))
    y = np.pad(np.zeros((1, 11, 12, 1)), ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=9)
    assert jnp.isfinite(psnr(x, y, 1.0, border=1)).all()
    assert jnp.isposinf(psnr(x, y, 1.0, border=2)).all()
    assert float(ssim(x, y, 1.0, border=2)[0]) == 1.0


@pytest.mark.slow
@pytest.mark.skipif(not SET5.is_dir(), reason="Set5 is not here")
def test_bicubic_reaches_its_published_score_on_set5():
    # 28.43 dB for x4: Ledig et al. 2017 and others, on luma without a border of 4
    scores = []
    for file in sorted(SET5.glob("*.png")):
        truth = Image.open(file).convert("RGB")
        truth = truth.crop((0, 0, truth.width // 4 * 4, truth.height // 4 * 4))
        x, y = (luma(np.asarray(image)[None]) for image in (truth, bicubic(truth, 4)))
        scores.append(psnr(x, y, 255.0, border=4))
    assert len(scores) == 5
    assert float(np.mean(scores)) == pytest.approx(28.43, abs=0.02)


# ---- SSIM ----


@pytest.mark.parametrize(("border", "expected"), [(0, 0.8962662094492768), (4, 0.8972325873864736)])
def test_ssim_equals_that_of_scikit_image(border, expected):
    # skimage.metrics.structural_similarity 0.26 on float64, gaussian_weights=True, sigma=1.5,
    # use_sample_covariance=False, data_range=255
    x, y = pair()
    np.testing.assert_allclose(ssim(x[None], y[None], 255, border), [expected], rtol=1e-5)


def plain_ssim(x, y, max_value):
    """As in the paper, by E x^2 - (E x)^2 in float64, of images [height, width, channels]."""
    line = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window = np.outer(line, line) / np.sum(line) ** 2

    def mean(values):
        return np.einsum("hwcij,ij->hwc", sliding_window_view(values, (11, 11), (0, 1)), window)

    x, y = x.astype(np.float64), y.astype(np.float64)
    c1, c2 = (0.01 * max_value) ** 2, (0.03 * max_value) ** 2
    mx, my = mean(x), mean(y)
    top = (2 * mx * my + c1) * (2 * (mean(x * y) - mx * my) + c2)
    bottom = (mx**2 + my**2 + c1) * (mean(x**2) - mx**2 + mean(y**2) - my**2 + c2)
    return np.mean(top / bottom)


@pytest.mark.parametrize("contrast", [1.0, 1e-3])
def test_ssim_does_not_cancel_on_flat_bright_images(contrast):
    x, y = (np.float32(1000.0 + contrast * image.astype(np.float64)) for image in pair())
    expected = plain_ssim(x, y, 255.0 * contrast)
    assert expected < 0.99
    np.testing.assert_allclose(ssim(x[None], y[None], 255.0 * contrast), [expected], rtol=1e-4)


def test_ssim_is_of_each_image_and_the_mean_of_its_channels():
    x, y = pair()
    each = ssim(x.transpose(2, 0, 1)[..., None], y.transpose(2, 0, 1)[..., None], 255)
    assert each.shape == (3,)
    assert np.ptp(each) > 1e-3
    np.testing.assert_allclose(ssim(x[None], y[None], 255)[0], np.mean(each), rtol=1e-6)


@pytest.mark.slow
def test_ssim_of_equal_images_is_one_and_its_gradient_zero():
    x = jnp.asarray(pair()[0], jnp.float32)[None, :12, :12, :1]
    flat = jnp.full_like(x, 7.0)
    both = jnp.concatenate([x, flat])
    value, gradient = jax.value_and_grad(lambda z: jnp.sum(ssim(z, both, 255)))(both)
    assert float(value) == pytest.approx(2.0, abs=1e-6)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-7)


# ---- what is rejected ----


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: luma(np.zeros((2, 8, 8, 1))), r"RGB images \[..., 3\], got shape \(2, 8, 8, 1\)"),
        (lambda: psnr(np.zeros((8, 8, 3)), np.zeros((8, 8, 3)), 1), r"\[batch, height, width"),
        (lambda: psnr(np.zeros((1, 8, 8, 3)), np.zeros((1, 8, 8, 1)), 1), "of one shape"),
        (lambda: psnr(np.zeros((1, 8, 8, 3)), np.zeros((1, 8, 8, 3)), 0), "max_value .* got 0"),
        (lambda: psnr(np.zeros((1, 8, 9, 3)), np.zeros((1, 8, 9, 3)), 1, 4), "8 x 9 pixels, got 4"),
        (lambda: psnr(np.zeros((1, 8, 9, 3)), np.zeros((1, 8, 9, 3)), 1, -1), "got -1"),
        (lambda: ssim(np.zeros((1, 10, 20, 3)), np.zeros((1, 10, 20, 3)), 1), "11 x 11 .* 10 x 20"),
        (lambda: ssim(np.zeros((1, 14, 20, 3)), np.zeros((1, 14, 20, 3)), 1, 2), "got 10 x 16"),
    ],
)
def test_what_cannot_be_compared_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
