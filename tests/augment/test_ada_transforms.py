"""ADA's transforms against numbers of the authors' code, and against slow loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import augment
from jaxgan.augment.ada_transforms import amplify_bands, band_gains, without_square
from jaxgan.augment.affine import sample_affine, sample_filtered
from jaxgan.augment.low_pass import SYM6, band_matrices

COUNT = 16
KEYS = jax.random.split(jax.random.key(0), COUNT)
ROWS, COLUMNS = np.mgrid[:8, :9]
# A picture without random numbers, for any implementation to make again.
WAVES = np.sin(0.9 * ROWS + 0.4 * COLUMNS**1.5)[..., None].astype(np.float32)
TURN = np.array([[0.9, 0.5, 0.7], [-0.6, 0.8, -1.2], [0, 0, 1]], np.float32)  # rows, columns

EXPECTED_TURN = np.array(
    [
        [
            0.970272,
            0.881790,
            0.630048,
            -0.500393,
            -0.848684,
            0.492242,
            0.790578,
            -0.584240,
            -0.862051,
        ],
        [
            0.956475,
            0.725316,
            -0.063264,
            -0.890859,
            -0.661905,
            0.530734,
            0.860953,
            -0.401156,
            -0.863478,
        ],
        [
            0.095701,
            -0.113203,
            -0.113770,
            -0.014998,
            0.041304,
            0.002821,
            0.224655,
            0.550387,
            0.826410,
        ],
    ]
)
EXPECTED_FILTER = np.array(
    [
        [0.972512, -0.712181, 0.718054, -0.968503],
        [-1.621262, 0.957588, -1.273001, 1.405941],
        [1.550177, -1.505816, 1.022030, -1.880440],
    ]
)


def test_sampling_equals_the_authors_code():
    # AugmentPipe(scale=1) of NVlabs/stylegan2-ada-pytorch (PyTorch 2, CPU) with TURN, its axes
    # swapped, as the inverse map: rows 0, 3 and 7.
    found = jax.jit(sample_filtered)(WAVES, TURN)[..., 0]
    np.testing.assert_allclose(found[np.array([0, 3, 7])], EXPECTED_TURN, atol=3e-6)


def test_filtering_equals_the_authors_code():
    # AugmentPipe(imgfilter=1) with 2^n = (0.5, 2, 1, 3) on cos(row^2 / 40 - column / 3), 24 x 25:
    # every eighth row and column.
    rows, columns = np.mgrid[:24, :25]
    x = np.cos(rows**2 / 40 - columns / 3)[..., None].astype(np.float32)
    t = np.where(np.eye(4, dtype=bool), np.array([0.5, 2, 1, 3])[:, None], 1)
    gains = np.prod(t / np.sqrt(np.sum([10 / 13, 1 / 13, 1 / 13, 1 / 13] * t**2, 1))[:, None], 0)
    found = amplify_bands(jnp.asarray(x), jnp.asarray(gains, jnp.float32))[::8, ::8, 0]
    np.testing.assert_allclose(found, EXPECTED_FILTER, atol=3e-6)


@pytest.mark.parametrize("size", [(1, 5), (8, 12)])
def test_sampling_without_a_move_gives_images_of_any_size_back(size):
    x = jax.random.normal(KEYS[0], (*size, 3))
    np.testing.assert_allclose(jax.jit(sample_filtered)(x, jnp.eye(3)), x, atol=5e-6)


@pytest.mark.slow
def test_smooth_images_move_as_without_a_filter():
    rows, columns = np.mgrid[:24, :24]
    x = jnp.asarray(np.cos(rows / 6) + np.sin(columns / 7), jnp.float32)[..., None]
    angle = 0.3
    turn = jnp.array(
        [[np.cos(angle), -np.sin(angle), 1.0], [np.sin(angle), np.cos(angle), 0.5], [0, 0, 1]]
    )
    inside = np.s_[6:-6, 6:-6]
    plain, filtered = sample_affine(x, turn), sample_filtered(x, turn)
    np.testing.assert_allclose(filtered[inside], plain[inside], atol=0.02)


@pytest.mark.slow
def test_shrinking_leaves_no_aliases_and_zeros_beyond_the_reflections():
    stripes = jnp.tile(jnp.array([1.0, -1.0]), 12)[None, :, None] * jnp.ones((24, 1, 1))
    half = jnp.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.5], [0.0, 0.0, 1.0]])  # every second pixel
    assert jnp.abs(sample_affine(stripes, half)).max() > 0.4
    assert jnp.abs(sample_filtered(stripes, half))[4:-4, 4:-4].max() < 0.2
    far = jnp.diag(jnp.array([9.0, 9.0, 1.0]))
    assert jnp.abs(sample_filtered(jnp.ones((24, 24, 1)), far)[0]).max() < 1e-6


def test_the_low_pass_filter_is_orthogonal():
    autocorrelation = np.convolve(SYM6, SYM6[::-1])[len(SYM6) - 1 :: 2]
    np.testing.assert_allclose(autocorrelation, [1, 0, 0, 0, 0, 0], atol=1e-10)
    np.testing.assert_allclose(SYM6.sum(), np.sqrt(2), atol=1e-10)


@pytest.mark.parametrize("size", [1, 5, 30])
def test_bands_add_up_to_the_image(size):
    np.testing.assert_allclose(band_matrices(size).sum(0), np.eye(size), atol=1e-6)


def test_bands_hold_an_octave_each():
    n = 64
    waves = np.cos(np.pi * (np.arange(n) + 0.0) * np.array([1, 12, 24, 48])[:, None] / (n - 1))
    power = np.sum(np.einsum("bij,wj->bwi", band_matrices(n), waves) ** 2, axis=2)
    assert (np.argmax(power, axis=0) == np.arange(4)).all()


def test_gains_keep_the_power_of_natural_images():
    keys = jax.random.split(jax.random.key(1), 100)
    gains = jax.jit(jax.vmap(band_gains, in_axes=(0, None)))
    np.testing.assert_allclose(gains(keys, 0.0), 1.0, rtol=1e-6)
    assert np.std(np.log2(gains(keys, 1.0)[:, 3])) > 0.8
    # One band changed: g = t / sqrt(sum_b power_b t_b^2)
    single = gains(keys, 0.05)
    lone = np.asarray([g for g in single if len(np.unique(np.round(g, 5))) == 2])
    assert len(lone) > 3
    power = np.sum(lone**2 * np.array([10, 1, 1, 1]) / 13, axis=1)
    np.testing.assert_allclose(power, 1.0, rtol=1e-5)


def test_a_square_of_half_the_sides_is_cut_around_its_centre():
    cut = without_square(jnp.ones((8, 12, 1)), jnp.array([0.5, 1.0]))[..., 0] == 0
    rows, columns = np.nonzero(cut)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 5, 9, 11)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["noise", "cutout"])
def test_corruptions_come_with_the_probability(name):
    keys, x = jax.random.split(jax.random.key(2), 1000), jnp.ones((1000, 4, 4, 1))
    y = jax.jit(augment.pipeline(name))(keys, x, 0.3)
    changed = np.any(y != x, axis=(1, 2, 3))
    np.testing.assert_allclose(changed.mean(), 0.3, atol=0.05)
    if name == "noise":  # sigma = 0.1 |n|, of second moment 0.01
        np.testing.assert_allclose(np.mean((y - x)[changed] ** 2), 0.01, rtol=0.2)


# --- Sets


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_every_transform_acts_and_is_differentiable(channels):
    x = jax.random.normal(KEYS[0], (COUNT, 6, 7, channels))
    for name in ("blit", "geom", "color", "filter", "noise", "cutout"):
        apply = jax.jit(augment.pipeline(name))
        assert jnp.mean(jnp.abs(apply(KEYS, x, 1.0) - x)) > 1e-2, name
        np.testing.assert_allclose(apply(KEYS, x, 0.0), x, atol=1e-5)
    apply = jax.jit(augment.pipeline("bgcfnc"))
    y, vjp = jax.vjp(lambda x: apply(KEYS, x, 1.0), x)
    tangent = jax.random.normal(KEYS[1], x.shape)
    _, pushed = jax.jvp(lambda x: apply(KEYS, x, 1.0), (x,), (tangent,))
    (pulled,) = vjp(y)
    np.testing.assert_allclose(jnp.vdot(pulled, tangent), jnp.vdot(y, pushed), rtol=1e-3)
    assert y.shape == x.shape


@pytest.mark.slow
def test_a_sample_is_changed_by_its_own_key_alone():
    x = jax.random.normal(KEYS[0], (COUNT, 6, 7, 1))
    apply = jax.jit(augment.pipeline("bgcfnc"))
    np.testing.assert_allclose(apply(KEYS, x, 0.8)[5:7], apply(KEYS[5:7], x[5:7], 0.8), atol=1e-5)


@pytest.mark.slow
def test_flips_and_turns_move_pixels_without_shearing_them():
    x = jnp.zeros((COUNT, 8, 8, 1)).at[:, 3:5, 3:5].set(1.0)  # the same in all turns
    y = augment.pipeline("blit")(KEYS, x, 1.0)
    np.testing.assert_allclose(jnp.sum(y, axis=(1, 2, 3)), 4.0, atol=0.3)
    assert jnp.max(y) > 0.9


@pytest.mark.slow
def test_unknown_sets_are_named():
    with pytest.raises(ValueError, match=r"transforms must be one of blit, .* got 'bcg'"):
        augment.adaptive(transforms="bcg")
    with pytest.raises(ValueError, match="must have 1 or 3 channels"):
        augment.pipeline("color")(KEYS, jnp.zeros((COUNT, 4, 4, 2)), 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["blit", "color", "cutout"])
def test_a_fraction_of_a_group_is_the_same_group_at_a_fraction_of_the_strength(name):
    x = jax.random.normal(KEYS[0], (COUNT, 6, 7, 3))
    half = augment.pipeline({name: 0.5})(KEYS, x, 0.8)
    np.testing.assert_array_equal(half, augment.pipeline(name)(KEYS, x, 0.4))
    assert jnp.any(half != augment.pipeline(name)(KEYS, x, 0.8))


def test_fractions_that_are_none_are_named():
    with pytest.raises(ValueError, match="transforms are empty: name one of blit, geom, color"):
        augment.pipeline({})
    with pytest.raises(ValueError, match=r"transforms must be one of blit, .* got 'hue'"):
        augment.pipeline({"hue": 1.0})
    with pytest.raises(ValueError, match=r"color must be a fraction of p, in \(0, 1\], got 0"):
        augment.pipeline({"color": 0})


@pytest.mark.slow
def test_white_noise_keeps_67_percent_of_its_deviation_unfiltered_and_77_filtered():
    x, keys = jax.random.normal(KEYS[0], (64, 32, 32, 1)), jax.random.split(KEYS[1], 64)
    for transform, kept in ((augment.jitter(color=0.0), 0.67), (augment.pipeline("bg"), 0.77)):
        assert float(jnp.std(jax.jit(transform)(keys, x, 1.0))) == pytest.approx(kept, abs=0.01)
