"""Modulated convolutions and layers with equalised learning rates, against NumPy."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal

from jaxgan.models.layers.equalized import EqualizedConv, EqualizedDense, activated
from jaxgan.models.layers.modulated import SynthesisLayer, ToRGB, modulated_conv
from jaxgan.models.layers.resampling import blur

KEY = jax.random.key(0)
FILTER = np.array([1, 3, 3, 1]) / 8


def correlated(x, kernel, pad):
    """NumPy's convolution of one image [height, width, in] with zeros around it."""
    x = np.pad(np.asarray(x, np.float64), [(pad, pad), (pad, pad), (0, 0)])
    k = len(kernel)
    height, width = x.shape[0] - k + 1, x.shape[1] - k + 1
    shifts = np.ndindex(k, k)
    return sum(x[i : i + height, j : j + width] @ kernel[i, j] for i, j in shifts)


def upsampled(x):
    """Zeros between pixels, then the filter, with one more position at every end."""
    spread = np.zeros((2 * x.shape[0], 2 * x.shape[1], x.shape[2]))
    spread[::2, ::2] = x
    for axis in (0, 1):
        spread = np.apply_along_axis(np.convolve, axis, spread, 2 * FILTER)
    return spread[:-1, :-1]


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [True, False])
def test_a_modulated_convolution_has_a_kernel_per_sample(demodulate, up):
    x, kernel, styles = normal(3, 4, 5, 6), normal(3, 3, 6, 7, seed=1), normal(3, 6, seed=2)
    got = jax.jit(lambda *a: modulated_conv(*a, demodulate, up))(x, kernel, styles)
    assert got.shape == (3, *((8, 10) if up else (4, 5)), 7)
    for n in range(3):
        w = np.asarray(kernel, np.float64) * np.asarray(styles[n])[:, None]
        if demodulate:
            w = w / np.sqrt((w**2).sum((0, 1, 2)) + 1e-8)
        image = upsampled(np.asarray(x[n], np.float64)) if up else x[n]
        want = correlated(image, w[::-1, ::-1], 0) if up else correlated(image, w, 1)
        np.testing.assert_allclose(got[n], want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("up", [False, True])
def test_its_two_implementations_agree(up):
    x, kernel, styles = normal(2, 4, 4, 6), normal(3, 3, 6, 5, seed=1), normal(2, 6, seed=2)
    run = jax.jit(modulated_conv, static_argnums=(3, 4, 5))
    cpu, xla = (run(x, kernel, styles, True, up, each) for each in ("cpu", "xla"))
    np.testing.assert_allclose(cpu, xla, rtol=1e-5, atol=1e-5)


def test_demodulated_outputs_of_white_noise_have_variance_one():
    x = normal(2, 32, 32, 16)
    styles = 10.0 * normal(2, 16, seed=1)  # of any size
    y = modulated_conv(x, 5.0 * normal(3, 3, 16, 32, seed=2), styles)
    np.testing.assert_allclose(jnp.var(y[:, 1:-1, 1:-1], axis=(1, 2)).mean(), 1.0, rtol=0.03)


def test_bfloat16_is_close_to_float32_and_gradients_of_long_sums_are_kept():
    x, kernel, styles = normal(4, 24, 24, 8), normal(3, 3, 8, 8, seed=1), normal(4, 8, seed=2)

    @functools.partial(jax.jit, static_argnums=1)
    def total(styles, kind):
        y = modulated_conv(x.astype(kind), kernel.astype(kind), styles.astype(kind), False)
        return jnp.sum(jnp.abs(y.astype(jnp.float32)))

    exact, rounded = (jax.grad(total)(styles, kind) for kind in (jnp.float32, jnp.bfloat16))
    scale = float(jnp.max(jnp.abs(exact)))
    np.testing.assert_allclose(rounded / scale, exact / scale, atol=0.03)


# ---- layers ----


def run(layer, variables, *inputs):
    return jax.jit(lambda v, *a: layer.apply(v, *a, "random"))(variables, *inputs)


def test_noise_belongs_to_a_sample_whatever_else_is_in_the_batch():
    layer = SynthesisLayer(3, (4, 4))
    x, w, keys = normal(6, 4, 4, 2), normal(6, 5, seed=1), jax.random.split(KEY, 6)
    variables = jax.jit(lambda: layer.init(KEY, x, w, None, "const"))()
    variables["params"]["noise_strength"] = jnp.float32(0.7)
    whole = run(layer, variables, x, w, keys)
    part = run(layer, variables, x[4:], w[4:], keys[4:])
    np.testing.assert_allclose(part, whole[4:], atol=1e-6)
    assert not np.allclose(run(layer, variables, x, w, keys[::-1]), whole, atol=0.1)


def test_a_synthesis_layer_is_convolution_noise_bias_and_activation():
    layer = SynthesisLayer(3, (4, 4), clamp=1.5)
    x, w = normal(2, 4, 4, 6), normal(2, 5, seed=1)
    shapes = jax.eval_shape(lambda: layer.init(KEY, x, w, None, "const"))
    given = jax.tree.map(lambda leaf: normal(*leaf.shape, seed=leaf.size), shapes)
    got = layer.apply(given, x, w, None, "const", 0.5)
    p, noise = given["params"], np.asarray(given["noise"]["noise_const"])
    styles = w @ p["affine"]["kernel"] / math.sqrt(5) + p["affine"]["bias"][None]
    y = np.asarray(modulated_conv(x, p["kernel"], styles))
    y = y + np.asarray(p["noise_strength"]) * noise[:, :, None] + np.asarray(p["bias"])
    want = np.clip(0.5 * math.sqrt(2) * np.maximum(y, 0.2 * y), -0.75, 0.75)
    np.testing.assert_allclose(got, want, atol=1e-5)
    assert (np.abs(want) == 0.75).any()
    with pytest.raises(ValueError, match="keys are missing"):
        layer.apply(given, x, w, None, "random")


def test_equalised_kernels_start_with_unit_normals_whatever_their_size():
    x = normal(50, 40)
    y, variables = EqualizedDense(300, lr_multiplier=0.01, bias_init=2.0).init_with_output(KEY, x)
    p = variables["params"]
    np.testing.assert_allclose(jnp.std(p["kernel"]), 100.0, rtol=0.03)
    assert float(p["bias"][0]) == 2.0
    np.testing.assert_allclose(
        y, x @ p["kernel"] * 0.01 / math.sqrt(40) + 0.02, rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(jnp.var(y), 1.0, rtol=0.1)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("size", [(6, 4), (5, 7)])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_a_convolution_that_halves_is_the_filter_and_every_other_position(kernel_size, size):
    x = normal(2, *size, 4)
    layer = EqualizedConv(5, kernel_size, down=True)
    y, variables = layer.init_with_output(KEY, x)
    kernel = np.asarray(variables["params"]["kernel"]) / math.sqrt(4 * kernel_size**2)
    assert y.shape == (2, -(-size[0] // 2), -(-size[1] // 2), 5)
    for n in range(2):
        # Two more zeros at each end than the filter needs: as many as the kernel reads.
        h = np.pad(np.asarray(x[n], np.float64), [(2, 3), (2, 3), (0, 0)])
        for axis in (0, 1):
            h = np.apply_along_axis(np.convolve, axis, h, FILTER, "valid")
        h = h if kernel_size == 3 else h[1:, 1:]
        want = correlated(h, kernel, 0)[::2, ::2][: y.shape[1], : y.shape[2]]
        np.testing.assert_allclose(y[n], want, atol=1e-5)


def test_the_activation_keeps_the_mean_square():
    x = normal(100_000)
    np.testing.assert_allclose(jnp.mean(activated(x) ** 2), 1.04, rtol=0.02)
    np.testing.assert_allclose(activated(x, 0.5, 1.0), np.clip(0.5 * activated(x), -0.5, 0.5))


def test_images_start_without_demodulation():
    x, w = normal(2, 3, 3, 8), normal(2, 5, seed=1)
    y, variables = ToRGB(3).init_with_output(KEY, x, w)
    p = variables["params"]
    styles = (w @ p["affine"]["kernel"] / math.sqrt(5) + 1.0) / math.sqrt(8)
    want = jnp.einsum("bhwi,bi,io->bhwo", x, styles, p["kernel"][0, 0])
    np.testing.assert_allclose(y, want, atol=1e-5)


def test_the_filter_keeps_constants_inside_and_reads_zeros_outside():
    y = blur(jnp.ones((1, 6, 6, 1)), 2, (7, 7), gain=2.0)
    assert y.shape == (1, 7, 7, 1)
    np.testing.assert_allclose(y[0, 2:5, 2:5, 0], 4.0)
    np.testing.assert_allclose(y[0, 0, 3, 0], 4.0 * 4 / 8)
