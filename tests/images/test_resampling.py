import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.images.resampling import bicubic, nearest, resampling_matrix

# (height, width) before and after: down by 2, 3 and 4, up by 2 and 4, unequal, unchanged
SIZES = [
    ((24, 36), (12, 18)),
    ((24, 36), (8, 12)),
    ((24, 36), (6, 9)),
    ((7, 10), (14, 20)),
    ((7, 10), (28, 40)),
    ((23, 10), (9, 33)),
    ((7, 10), (7, 10)),
]


def images(size, channels=2):
    x = np.random.default_rng(0).normal(size=(2, *size, channels))
    return np.asarray(x, np.float32)


def by_pil(x, size, method):
    """Each channel of each image as one of PIL's float images."""
    channels = x.transpose(0, 3, 1, 2).reshape(-1, *x.shape[1:3])
    made = [np.asarray(Image.fromarray(c).resize(size[::-1], method)) for c in channels]
    return np.stack(made).reshape(len(x), x.shape[3], *size).transpose(0, 2, 3, 1)


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_bicubic_is_that_of_pil(before, after):
    x = images(before)
    expected = by_pil(x, after, Image.Resampling.BICUBIC)
    got = bicubic(jnp.asarray(x), after)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_nearest_is_that_of_pil(before, after):
    x = images(before)
    expected = by_pil(x, after, Image.Resampling.NEAREST)
    np.testing.assert_array_equal(nearest(jnp.asarray(x), after), expected)


def test_weights_up_by_two_are_the_kernels_values():
    # New pixel 7 has its middle at 3.75, the old ones near it at 2.5, 3.5, 4.5 and 5.5; with
    # a = -1/2, k(5/4) = -.0703, k(1/4) = .8672, k(3/4) = .2266 and k(7/4) = -.0234.
    expected = [0.0, 0.0, -0.0703125, 0.8671875, 0.2265625, -0.0234375, 0.0, 0.0]
    np.testing.assert_allclose(resampling_matrix(8, 16)[7], expected, atol=1e-12)


@pytest.mark.parametrize(("old", "new"), [(24, 6), (6, 24), (10, 7), (1, 5), (5, 1)])
def test_every_rows_weights_sum_to_one(old, new):
    np.testing.assert_allclose(resampling_matrix(old, new).sum(axis=1), 1.0, rtol=1e-12)


def test_a_matrix_cannot_be_changed_by_one_who_asks():
    with pytest.raises(ValueError, match="read-only"):
        resampling_matrix(4, 2)[0, 0] = 1.0


def test_bicubic_is_linear_with_its_adjoint_as_gradient():
    x, y = jnp.asarray(images((12, 8))), jnp.asarray(images((3, 4))[:, ::-1])

    def inner(x):
        return jnp.vdot(bicubic(x, (3, 4)), y)

    a, b = resampling_matrix(12, 3), resampling_matrix(8, 4)
    expected = np.einsum("ph,bpqc,qw->bhwc", a, y, b)  # A' y B
    np.testing.assert_allclose(jax.grad(inner)(x), expected, rtol=1e-5, atol=1e-6)
    both = bicubic(2.0 * x - x[::-1], (3, 4))
    apart = 2.0 * bicubic(x, (3, 4)) - bicubic(x[::-1], (3, 4))
    np.testing.assert_allclose(both, apart, rtol=1e-5, atol=1e-6)


def test_bfloat16_is_rounded_once():
    x = jnp.asarray(images((12, 8)), jnp.bfloat16)
    got = bicubic(x, (24, 16))
    assert got.dtype == jnp.bfloat16
    np.testing.assert_array_equal(got, bicubic(x.astype(jnp.float32), (24, 16)).astype(got.dtype))


@pytest.mark.parametrize("resample", [bicubic, nearest])
@pytest.mark.parametrize(
    ("x", "size", "message"),
    [
        (jnp.ones((8, 8, 3)), (4, 4), r"x must be float .* got float32 \(8, 8, 3\)"),
        (jnp.ones((1, 8, 8, 3), jnp.uint8), (4, 4), "x must be float .* got uint8"),
        (jnp.ones((1, 8, 8, 3)), (4,), "size must be a positive"),
        (jnp.ones((1, 8, 8, 3)), (4, 0), "size must be a positive"),
    ],
)
def test_images_and_sizes_that_do_not_fit_are_named(resample, x, size, message):
    with pytest.raises(ValueError, match=message):
        resample(x, size)


def test_matrix_of_an_empty_axis_is_refused():
    with pytest.raises(ValueError, match="sizes must be positive, got old=0, new=3"):
        resampling_matrix(0, 3)
