import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import rng
from paths import SHARED

from jaxgan import Batch, data
from jaxgan.data.dataset import batch_like

MNIST = SHARED / "mnist"


# ---- data sets of arrays ----


def test_uint8_images_get_a_channel_axis_and_the_range_of_bytes():
    dataset = data.from_arrays(np.full((3, 4, 5), 7, np.uint8))
    assert dataset.x.shape == (3, 4, 5, 1)
    assert dataset.x.dtype == np.uint8
    assert (dataset.low, dataset.high, dataset.condition) == (0.0, 255.0, None)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_become_float32_and_are_used_as_they_are(dtype):
    dataset = data.from_arrays(np.array([[0.5, -3.0], [2.0, 9.0]], dtype))
    assert dataset.x.dtype == np.float32
    assert (dataset.low, dataset.high) == (None, None)
    np.testing.assert_array_equal(dataset.x, [[0.5, -3.0], [2.0, 9.0]])


def test_rank_3_floats_keep_their_shape():
    assert data.from_arrays(np.zeros((3, 4, 5))).x.shape == (3, 4, 5)


def test_jax_arrays_and_lists_are_welcome():
    assert data.from_arrays(jnp.ones((2, 3))).x.dtype == np.float32
    assert data.from_arrays([[1.0], [2.0]], condition=[1, 0]).condition.dtype == np.int32


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_sample_that_is_not_finite_is_named(bad):
    x = np.zeros((6, 2, 2), np.float32)
    x[4, 1, 0] = x[5, 0, 0] = bad
    with pytest.raises(ValueError, match="mine: sample 4 holds NaN or infinity"):
        data.from_arrays(x, name="mine")


def test_a_sample_beyond_float32_is_named():
    with pytest.raises(ValueError, match="sample 1 holds NaN or infinity"):
        data.from_arrays(np.array([[1.0], [1e39]]))


def test_a_finite_sample_may_have_a_sum_beyond_float32():
    x = np.full((2, 2), 3e38, np.float32)
    np.testing.assert_array_equal(data.from_arrays(x).x, x)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(5), "rank 2 or more"),
        (np.float32(1.0), "rank 2 or more"),
        (np.zeros((1, 4)), "at least 2 samples, got 1"),
        (np.zeros((0, 4)), "at least 2 samples, got 0"),
        (np.zeros((4, 0)), "samples are empty"),
        (np.zeros((4, 2), np.int64), r"dtype int64; pass uint8 .* or float32"),
        (np.zeros((4, 2), bool), "dtype bool; pass uint8"),
        (np.zeros((4, 2), complex), "dtype complex128; pass uint8"),
        (np.array([["a"], ["b"]]), "pass uint8"),
    ],
)
def test_bad_samples_are_rejected(x, message):
    with pytest.raises(ValueError, match=message):
        data.from_arrays(x)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ([0, 1], r"shape \(3,\), got \(2,\)"),
        ([[0], [1], [2]], r"shape \(3,\), got \(3, 1\)"),
        ([0.0, 1.0, 2.0], "integer labels, got dtype float64"),
        ([0, -2, 2], "0 or more, or -1 for unlabelled, got -2..2"),
        ([0.0, -1.0, 2.0], "integer labels, got dtype float64"),
        ([0, 1, 2**31], "must fit int32"),
    ],
)
def test_bad_labels_are_rejected(condition, message):
    with pytest.raises(ValueError, match=message):
        data.from_arrays(np.zeros((3, 2)), condition)


def test_samples_may_be_unlabelled():
    dataset = data.from_arrays(np.zeros((3, 2)), np.array([-1, 4, 0], np.int8))
    assert dataset.condition.dtype == np.int32
    assert dataset.condition.tolist() == [-1, 4, 0]
    assert dataset.num_classes == 5


def test_number_of_classes_counts_up_to_the_largest_label():
    assert data.from_arrays(np.zeros((3, 2)), [0, 1, 1]).num_classes == 2
    assert data.from_arrays(np.zeros((3, 2)), [-1, -1, -1]).num_classes is None
    assert data.from_arrays(np.zeros((3, 2))).num_classes is None


# ---- ranges ----


@pytest.mark.parametrize("high", [1.0, 3.3, 7.0, 16.0, 99.0, 255.0, 1000.0])
def test_the_ends_of_the_range_meet_those_of_the_model_without_leaving_them(high):
    ends = np.array([0.0, high / 2, high], np.float32)
    for map_range in (data.to_model_range, jax.jit(data.to_model_range, static_argnums=(1, 2, 3))):
        y = np.asarray(map_range(ends, 0.0, high, (-1.0, 1.0)))
        np.testing.assert_allclose(y, [-1.0, 0.0, 1.0], rtol=1e-6, atol=1e-7)
    y = data.to_model_range(ends, 0.0, high, (-1.0, 1.0))
    assert y.min() >= -1.0
    assert y.max() <= 1.0


def test_numpy_and_compiled_jax_agree_on_every_byte():
    x = np.arange(256, dtype=np.uint8)
    here = data.to_model_range(x, 0.0, 255.0, (-1.0, 1.0))
    compiled = jax.jit(lambda x: data.to_model_range(x, 0.0, 255.0, (-1.0, 1.0)))(jnp.asarray(x))
    assert isinstance(here, np.ndarray)
    assert isinstance(compiled, jax.Array)
    assert here.dtype == compiled.dtype == np.float32
    np.testing.assert_array_equal(here, compiled)
    assert here[0] == -1.0
    assert here[-1] == 1.0


@pytest.mark.parametrize("model_range", [(-1.0, 1.0), (0.0, 1.0), (-3.0, 5.0)])
def test_bytes_survive_the_way_to_the_model_and_back(model_range):
    x = np.arange(256, dtype=np.uint8)
    back = data.to_data_range(
        data.to_model_range(x, 0.0, 255.0, model_range), 0.0, 255.0, model_range
    )
    np.testing.assert_allclose(back, x, atol=1e-4)


@pytest.mark.parametrize("map_range", [data.to_model_range, data.to_data_range])
@pytest.mark.parametrize(
    ("low", "high", "model_range"),
    [(None, None, (-1.0, 1.0)), (0.0, 255.0, None), (None, None, None)],
)
def test_without_a_range_values_stay_as_they_are(map_range, low, high, model_range):
    y = map_range(np.array([0, 7, 255], np.uint8), low, high, model_range)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, [0.0, 7.0, 255.0])


def test_an_empty_source_range_is_rejected():
    with pytest.raises(ValueError, match="low < high"):
        data.scale(np.zeros(2), (1.0, 1.0), (-1.0, 1.0))


# ---- order ----


def test_epoch_permutation_is_a_read_only_int32_permutation():
    order = data.epoch_permutation([1, 2], epoch=3, size=100)
    assert order.dtype == np.int32
    np.testing.assert_array_equal(np.sort(order), np.arange(100))
    with pytest.raises(ValueError, match="read-only"):
        order[0] = 0


def test_epoch_permutation_follows_its_formula():
    sequence = np.random.SeedSequence([7, 1, 3])
    expected = np.random.Generator(np.random.Philox(sequence)).permutation(8)
    np.testing.assert_array_equal(data.epoch_permutation([7, 1], epoch=3, size=8), expected)


def test_epoch_permutation_never_changes_between_versions():
    # NumPy 2.4.6; NumPy may change the stream of `permutation`, and resumed runs must then be told
    assert data.epoch_permutation([7, 1], epoch=3, size=8).tolist() == [2, 4, 7, 3, 0, 5, 1, 6]


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {
        tuple(data.epoch_permutation(words, epoch, 50).tolist())
        for words in ([0, 0], [0, 1], [1, 0])
        for epoch in range(5)
    }
    assert len(orders) == 15


def test_seed_words_may_be_the_words_of_a_jax_key():
    words = jax.random.key_data(jax.random.key(5))
    np.testing.assert_array_equal(
        data.epoch_permutation(words, 0, 20), data.epoch_permutation([0, 5], 0, 20)
    )


@pytest.mark.parametrize("batch_size", [1, 3, 10, 12, 25, 64])
def test_every_sample_occurs_once_an_epoch(batch_size):
    size, epochs = 12, 6
    num_batches = math.ceil(epochs * size / batch_size)
    indices = data.batch_indices([3], 0, num_batches, batch_size, size)
    assert indices.shape == (num_batches, batch_size)
    assert indices.dtype == np.int32
    by_epoch = indices.ravel()[: epochs * size].reshape(epochs, size)
    np.testing.assert_array_equal(np.sort(by_epoch, axis=1), np.tile(np.arange(size), (epochs, 1)))


@pytest.mark.parametrize(("batch_size", "size"), [(1, 1), (4, 10), (10, 10), (7, 3), (5, 64)])
def test_batch_indices_follow_their_formula_row_by_row(batch_size, size):
    indices = data.batch_indices([3, 4], 5, 4, batch_size, size)
    for t in range(4):
        for j in range(batch_size):
            epoch, r = divmod((5 + t) * batch_size + j, size)
            assert indices[t, j] == data.epoch_permutation([3, 4], epoch, size)[r]


@pytest.mark.parametrize(("batch_size", "size"), [(4, 10), (8, 8), (17, 5)])
def test_batch_indices_do_not_depend_on_chunking(batch_size, size):
    whole = data.batch_indices([9], 0, 12, batch_size, size)
    for chunk in (1, 3, 5):
        pieces = [
            data.batch_indices([9], first, min(chunk, 12 - first), batch_size, size)
            for first in range(0, 12, chunk)
        ]
        np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_batch_indices_reach_past_int32():
    indices = data.batch_indices([0], 2**33, 1, 64, 1000)
    epoch, r = divmod(2**33 * 64, 1000)
    assert indices[0, 0] == data.epoch_permutation([0], epoch, 1000)[r]


def test_batch_indices_may_be_written_to_without_harm():
    before = data.batch_indices([2], 0, 1, 8, 8).copy()
    data.batch_indices([2], 0, 1, 8, 8)[:] = -1
    np.testing.assert_array_equal(data.batch_indices([2], 0, 1, 8, 8), before)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((-1, 1, 1, 1), "first_batch must be 0 or more, got -1"),
        ((0, 0, 1, 1), "num_batches must be 1 or more"),
        ((0, 1, 0, 1), "batch_size must be 1 or more"),
        ((0, 1, 1, 0), "size must be 1 or more"),
    ],
)
def test_impossible_batches_are_rejected(numbers, message):
    with pytest.raises(ValueError, match=message):
        data.batch_indices([0], *numbers)


# ---- toy distributions ----


@pytest.mark.parametrize("name", ["spiral", "ring8", "grid25", "gaussian"])
def test_toy_samples_are_float32_and_depend_on_the_seed_alone(name):
    one, same, other = (data.toy_dataset(name, num=50, seed=seed) for seed in (1, 1, 2))
    assert one.x.shape == (50, 2)
    assert one.x.dtype == np.float32
    assert (one.low, one.high, one.condition, one.name) == (None, None, None, name)
    np.testing.assert_array_equal(one.x, same.x)
    assert not np.array_equal(one.x, other.x)


def test_ring8_has_eight_distinct_centres():
    centres = data.RING8_CENTRES
    assert len({tuple(c) for c in np.round(centres, 3).tolist()}) == 8
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1.0, rtol=1e-6)
    side = np.linalg.norm(centres - np.roll(centres, 1, axis=0), axis=1)
    np.testing.assert_allclose(side, 2 * math.sin(math.pi / 8), rtol=1e-5)


def test_grid25_centres_are_the_even_grid():
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(c) for c in data.GRID25_CENTRES.tolist()} == expected


@pytest.mark.parametrize(
    ("draw", "centres", "sigma"),
    [(data.ring8, data.RING8_CENTRES, 0.01), (data.grid25, data.GRID25_CENTRES, 0.05)],
)
def test_mixtures_are_even_and_have_the_protocols_sigma(draw, centres, sigma):
    x = draw(rng(), 50_000)
    offset = x[:, None] - centres
    mode = np.linalg.norm(offset, axis=2).argmin(axis=1)
    residual = offset[np.arange(len(x)), mode]
    share = np.bincount(mode, minlength=len(centres)) * len(centres) / len(x)
    np.testing.assert_allclose(share, 1.0, atol=0.1)
    np.testing.assert_allclose(residual.std(axis=0), sigma, rtol=0.02)
    np.testing.assert_allclose(residual.mean(axis=0), 0.0, atol=sigma / 40)
    # P(|offset| < 3 sigma) = 1 - exp(-9/2) in the plane
    high_quality = (np.linalg.norm(residual, axis=1) < 3 * sigma).mean()
    assert high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.002)


def test_gaussian_is_standard_normal():
    x = data.gaussian(rng(), 50_000)
    np.testing.assert_allclose(x.mean(axis=0), 0.0, atol=0.02)
    np.testing.assert_allclose(np.cov(x.T), np.eye(2), atol=0.03)


def test_spiral_curve_is_archimedean_with_two_turns_and_radius_one():
    curve = data.spiral_curve(2001).astype(np.float64)
    radius = np.linalg.norm(curve, axis=1)
    turns = np.unwrap(np.arctan2(curve[1:, 1], curve[1:, 0])) / (2 * np.pi)
    np.testing.assert_allclose(radius[1:], turns / 2, atol=1e-5)
    assert radius[0] == 0.0
    assert radius[-1] == pytest.approx(1.0)
    assert turns[-1] == pytest.approx(2.0, abs=1e-6)


def test_spiral_curve_is_even_in_arc_length():
    step = np.linalg.norm(np.diff(data.spiral_curve(2001).astype(np.float64), axis=0), axis=1)
    np.testing.assert_allclose(step, step.mean(), rtol=1e-3)


def test_spiral_samples_are_evenly_dense_along_the_curve():
    # s(t) = (t sqrt(1 + t^2) + asinh t) / 2 up to the scale; far out the arms tell r from noise
    x = data.spiral(rng(), 20_000)
    t = 4 * np.pi * np.array([0.25, 0.5, 0.75])
    t_end = 4 * np.pi

    def length(t):
        return t * np.sqrt(1 + t**2) + np.arcsinh(t)

    # the noise blurs the radius at a bound on either side, so shares hold but for a small error
    share = [(np.linalg.norm(x, axis=1) < r).mean() for r in (0.25, 0.5, 0.75)]
    np.testing.assert_allclose(share, length(t) / length(t_end), atol=0.01)


def test_spiral_distance_is_half_normal_for_the_spirals_own_samples():
    distance = data.spiral_distance(data.spiral(rng(), 20_000))
    assert distance.shape == (20_000,)
    assert distance.mean() == pytest.approx(data.SPIRAL_SIGMA * math.sqrt(2 / math.pi), rel=0.03)


def test_spiral_distance_of_known_points():
    # off the outer end, along the radius and on the negative axis between the arms at 1/4 and 3/4
    points = np.array([[0.0, 0.0], [2.0, 0.0], [-0.5, 0.0]])
    np.testing.assert_allclose(data.spiral_distance(points)[:1], 0.0, atol=1e-3)
    assert data.spiral_distance(points)[1] == pytest.approx(1.0, abs=0.01)
    assert data.spiral_distance(points)[2] == pytest.approx(0.25, abs=0.01)
    assert data.spiral_distance(data.spiral_curve(777)).max() < 8e-4


def test_spiral_curve_needs_two_points():
    with pytest.raises(ValueError, match="num must be 2 or more, got"):
        data.spiral_curve(1)


def test_unknown_toy_distribution_lists_the_known():
    with pytest.raises(
        ValueError, match=r"'moons'\. Known: spiral, ring8, grid25, mixture1200, gaussian"
    ):
        data.toy_dataset("moons")


# ---- batches like the first ----


def test_a_batch_is_converted_as_the_first_was():
    labels = np.arange(4, dtype=np.uint8)
    first = data.from_arrays(
        np.full((4, 2, 3), 9, np.uint8), {"class": labels, "image": np.ones((4, 2, 2, 1)) / 3}
    )
    condition = {"class": [3, 2, 1, 0], "image": np.ones((4, 2, 2, 1), np.float16) / 2}
    made = batch_like(first, Batch(np.full((4, 2, 3), 7, np.uint8), condition), "batch 1")
    assert (made.x.shape, made.x.dtype) == ((4, 2, 3, 1), np.uint8)
    assert (made.x == 7).all()
    assert made.condition["class"].dtype == np.int32
    assert made.condition["class"].tolist() == [3, 2, 1, 0]
    assert made.condition["image"].dtype == np.float32
    assert (made.condition["image"] == 0.5).all()


@pytest.mark.parametrize(
    ("x", "condition", "message"),
    [
        (np.zeros((4, 2)), np.zeros((4, 3)), r"condition has shape \(4, 3\), .* has \(4, 2\)$"),
        (np.zeros((4, 2)), np.zeros((4, 2), int), "condition has dtype int64, .* is float32"),
        (np.zeros((4, 2)), [np.zeros((4, 2))], r"condition has shape \(1, 4, 2\)"),
        (np.zeros((4, 2)), None, "condition must be like that of the first batch, "),
        (np.zeros((3, 2)), np.zeros((4, 2)), r"x has shape \(3, 2\), .* leave out smaller batches"),
        (np.ma.masked_equal(np.eye(4, 2), 1), np.zeros((4, 2)), "batch 1: x is masked at 2 of 8"),
    ],
)
def test_a_batch_unlike_the_first_is_named(x, condition, message):
    first = data.from_arrays(np.full((4, 2), 0.5), np.full((4, 2), 0.5))
    with pytest.raises(ValueError, match=f"batch 1: {message.removeprefix('batch 1: ')}"):
        batch_like(first, Batch(x, condition), "batch 1")
