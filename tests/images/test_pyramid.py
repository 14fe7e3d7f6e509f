import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import convolve1d

from jaxgan.images import pyramid

BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16
# Compiled whole: operation by operation they take longer to compile.
reduce, expand = jax.jit(pyramid.reduce), jax.jit(pyramid.expand)
split_band, reconstruct = jax.jit(pyramid.split_band), jax.jit(pyramid.reconstruct)
gaussian_pyramid = jax.jit(pyramid.gaussian_pyramid, static_argnums=1)
laplacian_pyramid = jax.jit(pyramid.laplacian_pyramid, static_argnums=1)


def images(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, size=shape).astype(np.float32)


# --- Half and twice the size


def blurred(x, scale):
    for axis in (1, 2):
        x = convolve1d(x, scale * BINOMIAL, axis=axis, mode="mirror")
    return x


SHAPES = [(2, 8, 6, 3), (1, 2, 4, 1), (1, 12, 2, 2)]


@pytest.mark.parametrize("shape", SHAPES)
def test_shrink_is_scipys_mirrored_binomial_filter_at_every_second_pixel(shape):
    x = images(*shape)
    got = reduce(x)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, blurred(x.astype(float), 1)[:, ::2, ::2], atol=2e-7)


@pytest.mark.parametrize("shape", [*SHAPES, (1, 1, 3, 1)])
def test_grow_is_scipys_mirrored_binomial_filter_of_pixels_between_zeros(shape):
    x = images(*shape)
    apart = np.zeros((len(x), 2 * x.shape[1], 2 * x.shape[2], x.shape[3]))
    apart[:, ::2, ::2] = x
    np.testing.assert_allclose(expand(x), blurred(apart, 2), atol=2e-7)


def wave(frequency, n):
    """A cosine along the height, mirrored at both ends, as images [1, n, 2, 1]."""
    rows = np.cos(frequency * np.arange(n))
    return np.broadcast_to(rows[None, :, None, None], (1, n, 2, 1)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 4, 7, 15])
def test_waves_are_damped_by_the_filters_own_frequency_response(k):
    # w has the response cos^4(f / 2); zeros between pixels add the wave of frequency pi - f.
    n, f = 16, np.pi * k / 15
    c, s = np.cos(f / 2) ** 4, np.sin(f / 2) ** 4
    small = reduce(wave(f, n))
    np.testing.assert_allclose(small[:, :, :1], c * wave(f, n)[:, ::2, :1], atol=5e-7)
    band, low = split_band(wave(f, n))
    wanted = c * (c * wave(f, n) + s * wave(np.pi - f, n))
    np.testing.assert_allclose(low, wanted, atol=5e-7)
    np.testing.assert_allclose(band, wave(f, n) - wanted, atol=5e-7)


def test_nothing_leaves_the_range_of_the_image():
    x = np.sign(images(4, 16, 16, 1))
    low = split_band(x)[1]
    assert float(jnp.max(jnp.abs(low))) <= 1.0


def test_gradients_are_those_of_a_linear_map():
    # <f(x), y> = <x, f'(y)> with f' the gradient, for f the two maps one after the other
    x, y = images(2, 8, 12, 1), images(2, 8, 12, 1, seed=1)

    @jax.jit
    def both_sides(x, y):
        low, adjoint = jax.vjp(lambda x: pyramid.split_band(x)[1], x)
        return jnp.vdot(low, y), jnp.vdot(x, adjoint(y)[0])

    left, right = both_sides(x, y)
    np.testing.assert_allclose(left, right, rtol=1e-5)


def test_type_of_the_image_is_kept():
    x = jnp.ones((1, 4, 4, 1), jnp.bfloat16)
    assert {level.dtype.name for level in laplacian_pyramid(x, 3)} == {"bfloat16"}


# --- Pyramids


def test_constant_image_has_zero_bands():
    small, *bands = laplacian_pyramid(jnp.full((2, 16, 8, 3), 0.3), 4)
    np.testing.assert_allclose(small, np.full((2, 2, 1, 3), 0.3, np.float32), rtol=3e-7)
    assert [band.shape for band in bands] == [(2, 4, 2, 3), (2, 8, 4, 3), (2, 16, 8, 3)]
    for band in bands:
        np.testing.assert_allclose(band, np.zeros(band.shape), atol=1e-7)


def test_pyramid_is_a_linear_map():
    x, y = images(2, 8, 8, 1), images(2, 8, 8, 1, seed=1)
    both = laplacian_pyramid(2 * x - 3 * y, 3)
    each = zip(laplacian_pyramid(x, 3), laplacian_pyramid(y, 3), strict=True)
    for level, (a, b) in zip(both, each, strict=True):
        np.testing.assert_allclose(level, 2 * a - 3 * b, atol=2e-6)


@pytest.mark.parametrize("scale", [1.0, 255.0, 1e-20])
def test_reconstruction_is_exact_to_rounding(scale):
    x = scale * images(4, 32, 16, 3)
    back = reconstruct(laplacian_pyramid(x, 4))
    assert np.max(np.abs(back - x)) <= 2 * np.spacing(np.float32(np.max(np.abs(x))))


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_reconstruction_gives_every_byte_again(levels):
    x = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.float32)
    back = np.asarray(reconstruct(laplacian_pyramid(x, levels)))
    if levels <= 2:  # all numbers are multiples of 2^-14, below 2^9
        np.testing.assert_array_equal(back, x)
    np.testing.assert_array_equal(np.round(back), x)
    assert np.max(np.abs(back - x)) <= 2 * np.spacing(np.float32(255))


def test_pyramids_agree_with_each_other_and_with_one_split():
    x = images(4, 16, 16, 3)
    small, middle, largest = gaussian_pyramid(x, 3)
    bands = laplacian_pyramid(x, 3)
    band, low = split_band(x)
    np.testing.assert_array_equal(largest, x)
    for one, other in (
        (small, bands[0]),
        (band, bands[2]),
        (low, expand(middle)),
        (reconstruct(bands[:2]), middle),
    ):
        np.testing.assert_allclose(one, other, atol=2e-7)


# --- Sampling


def test_samples_are_the_reconstruction_of_what_the_levels_give():
    given = [images(3, size, size, 1) for size in (4, 8, 16)]

    @jax.jit
    def sampled(key, index):
        seen = []

        def level(sample):
            return lambda *arguments: seen.append(arguments) or jnp.asarray(sample)

        return pyramid.sample_pyramid(key, [level(sample) for sample in given], index), seen

    key, index = jax.random.key(0), np.arange(3) + 5
    got, seen = sampled(key, index)
    for depth, image in enumerate(got, 1):
        np.testing.assert_allclose(image, reconstruct(given[:depth]), atol=1e-6)
    keys, conditions, indices = zip(*seen, strict=True)
    assert all(a == b for a, b in zip(keys, jax.random.split(key, 3), strict=True))
    np.testing.assert_array_equal(indices, [index] * 3)
    assert conditions[0] is None
    for condition, below in zip(conditions[1:], got[:-1], strict=True):
        np.testing.assert_allclose(condition, expand(below), atol=1e-6)


# --- Sizes that do not halve


def test_frame_is_even_with_the_odd_pixel_at_the_end():
    x = 1.0 + images(2, 28, 5, 1)
    padded = pyramid.pad_to_multiple(x, 8, value=-1.0)
    assert padded.shape == (2, 32, 8, 1)
    np.testing.assert_array_equal(padded[:, 2:30, 1:6], x)
    assert int(jnp.sum(padded == -1.0)) == 2 * (32 * 8 - 28 * 5)
    np.testing.assert_array_equal(pyramid.crop_to(padded, (28, 5)), x)


def test_images_that_fit_are_not_padded():
    x = images(1, 8, 16, 1)
    np.testing.assert_array_equal(pyramid.pad_to_multiple(x, 8), x)
    np.testing.assert_array_equal(pyramid.crop_to(x, (8, 16)), x)


# --- Mistakes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pyramid.reduce(jnp.ones((1, 5, 4, 1))), "even height and width, got .1, 5, 4, 1"),
        (lambda: pyramid.reduce(jnp.ones((4, 4))), r"got float32 \[4, 4\]"),
        (lambda: pyramid.expand(jnp.ones((1, 4, 4, 1), jnp.uint8)), "x must be floats.*uint8"),
        (lambda: pyramid.laplacian_pyramid(jnp.ones((1, 4, 4, 1)), 0), "levels must be a positive"),
        (
            lambda: pyramid.laplacian_pyramid(jnp.ones((1, 28, 28, 1)), 4),
            "height and width divisible by 8",
        ),
        (lambda: pyramid.reconstruct([]), "pyramid is empty"),
        (lambda: reconstruct([jnp.ones((1, 4, 4, 1))] * 2), "must have shape .1, 8, 8, 1."),
        (lambda: pyramid.sample_pyramid(jax.random.key(0), [], np.arange(2)), "levels is empty"),
        (lambda: pyramid.pad_to_multiple(jnp.ones((1, 4, 4, 1)), 0), "multiple must be a positive"),
        (lambda: pyramid.crop_to(jnp.ones((1, 4, 4, 1)), (5, 4)), "size must be at most"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
