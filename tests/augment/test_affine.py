import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jaxgan.augment.affine import (
    _rotation_about_grey,
    color_jitter_matrix,
    geometric_jitter_matrix,
    sample_affine,
    transform_colors,
)

RNG = np.random.default_rng(0)
IMAGE = jnp.asarray(RNG.normal(size=(6, 9, 3)), jnp.float32)


def about_centre(matrix, size):
    """A map about the centre of an image as one of its pixels' indices."""
    middle = (np.asarray(size) - 1) / 2
    return matrix[:2, :2], matrix[:2, 2] + middle - matrix[:2, :2] @ middle


def test_sampling_agrees_with_scipy():
    matrix = np.eye(3)
    matrix[:2] += RNG.normal(size=(2, 3)) * 0.4
    linear, offset = about_centre(matrix, (6, 9))
    expected = np.stack(
        [
            ndimage.affine_transform(channel, linear, offset, order=1, mode="mirror")
            for channel in np.moveaxis(np.asarray(IMAGE), 2, 0)
        ],
        axis=2,
    )
    found = sample_affine(IMAGE, jnp.asarray(matrix, jnp.float32))
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_random_maps_turn_shift_and_stretch_about_the_centre(strength):
    keys = jax.random.split(jax.random.key(1), 4000)
    matrices = np.asarray(
        jax.vmap(lambda key: geometric_jitter_matrix(key, (16, 16), strength))(keys)
    )
    np.testing.assert_array_equal(matrices[:, 2], np.tile([0.0, 0.0, 1.0], (4000, 1)))
    # The stretch keeps areas, so that log2 |determinant| is -2 * .2 n, where there is a scale.
    area = np.log2(np.abs(np.linalg.det(matrices)))
    np.testing.assert_allclose(area.std(), 0.4 * np.sqrt(strength), rtol=0.06)
    mirrored = np.linalg.det(matrices) < 0
    np.testing.assert_allclose(mirrored.mean(), strength / 2, atol=0.03)


@pytest.mark.slow
def test_random_maps_are_left_alone_with_the_probability_of_nothing_happening():
    p, keys = 0.2, jax.random.split(jax.random.key(2), 20_000)
    matrices = np.asarray(jax.vmap(lambda key: geometric_jitter_matrix(key, (16, 16), p))(keys))
    alone = np.all(matrices == np.eye(3), axis=(1, 2))
    # Half of the mirrorings and a quarter of the quarter turns do nothing; nor do whole shifts
    # where U(-2, 2) is rounded to 0 on both axes. Scale, stretch, shift and the turns, together
    # with probability p, always do something.
    zero = (1 / 4) ** 2
    expected = (1 - p / 2) * (1 - p * 3 / 4) * (1 - p * (1 - zero)) * (1 - p) ** 4
    np.testing.assert_allclose(alone.mean(), expected, atol=0.01)


def test_all_parts_alone_move_an_image_as_they_should():
    quarter = jnp.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    square = IMAGE[:, :6]
    np.testing.assert_allclose(
        sample_affine(square, quarter), np.rot90(square, axes=(1, 0)), atol=1e-6
    )
    shift = jnp.eye(3).at[0, 2].set(2.0)
    np.testing.assert_array_equal(sample_affine(IMAGE, shift)[:-2], IMAGE[2:])


def test_sampling_is_linear_and_its_gradient_is_the_adjoint():
    matrix = jnp.eye(3) + 0.3 * jnp.asarray(RNG.normal(size=(3, 3)), jnp.float32)
    matrix = matrix.at[2].set(jnp.array([0.0, 0.0, 1.0]))
    g = jnp.asarray(RNG.normal(size=IMAGE.shape), jnp.float32)
    y, pull = jax.vjp(lambda x: sample_affine(x, matrix), IMAGE)
    np.testing.assert_allclose(jnp.vdot(g, y), jnp.vdot(pull(g)[0], IMAGE), rtol=1e-4)


# --- Colours


def colour_matrices(strength, count=2000):
    keys = jax.random.split(jax.random.key(3), count)
    return np.asarray(jax.vmap(lambda key: color_jitter_matrix(key, strength))(keys))


@pytest.mark.slow
def test_colours_stay_at_strength_zero():
    np.testing.assert_array_equal(colour_matrices(0.0, 3), np.tile(np.eye(4), (3, 1, 1)))


@pytest.mark.slow
def test_random_colours_keep_grey_grey():
    grey = np.array([0.3, 0.3, 0.3, 1.0])
    made = colour_matrices(1.0) @ grey
    np.testing.assert_allclose(made[:, :3], np.tile(made[:, :1], (1, 3)), atol=1e-4)


def test_a_third_of_a_turn_of_hue_swaps_the_channels_in_a_circle():
    turn = _rotation_about_grey(jnp.float32(2 * np.pi / 3))
    expected = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    np.testing.assert_allclose(turn, expected, atol=1e-6)


@pytest.mark.slow
def test_random_colours_have_the_published_spread():
    matrices = colour_matrices(1.0, 8000)
    # along grey: +- contrast; its log2 has deviation .5, and half the lumas are mirrored
    along = matrices[:, :3, :3].sum(axis=(1, 2)) / 3
    np.testing.assert_allclose(np.log2(np.abs(along)).std(), 0.5, rtol=0.04)
    np.testing.assert_allclose((along < 0).mean(), 0.5, atol=0.03)
    # brightness comes before all else
    np.testing.assert_allclose((matrices[:, 0, 3] / along).std(), 0.2, rtol=0.04)
    # across: contrast and saturation, whose log2 are independent
    area = np.abs(np.linalg.det(matrices[:, :3, :3])) / np.abs(along)
    np.testing.assert_allclose(np.log2(area).std() / 2, np.sqrt(0.5**2 + 1), rtol=0.04)


@pytest.mark.slow
def test_grey_images_take_the_mean_of_what_colours_become():
    matrix = jnp.asarray(colour_matrices(1.0, 1)[0])
    grey = IMAGE[:, :, :1]
    as_colour = transform_colors(jnp.tile(grey, (1, 1, 3)), matrix)
    np.testing.assert_allclose(
        transform_colors(grey, matrix), as_colour.mean(axis=2, keepdims=True), atol=1e-5
    )


def test_colours_of_two_channels_are_refused():
    with pytest.raises(ValueError, match="1 or 3 channels, got shape \\(6, 9, 2\\)"):
        transform_colors(IMAGE[:, :, :2], jnp.eye(4))
