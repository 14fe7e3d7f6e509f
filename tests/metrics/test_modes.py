"""Coverage against hand counts, and what perfect samplers reach against their simulation."""

import math

import jax
import numpy as np
import pytest
from arrays import rng

from jaxgan import data
from jaxgan.metrics import (
    label_coverage,
    mode_coverage,
    mode_scores,
    perfect_label_coverage,
    perfect_mode_coverage,
    quality_radius,
    stacked_label,
)

CORNERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


# ---- mixtures ----


def test_coverage_counted_by_hand():
    # sigma .5: within 1.5. Two good ones at the first corner, one at the second; one just outside
    samples = [[1.0, 0.0], [-1.0, 0.0], [10.0, 1.4], [0.0, 8.4]]
    got = mode_coverage(np.array(samples), CORNERS, 0.5)
    assert (got.modes, got.high_quality) == (2, 0.75)
    assert got.counts.tolist() == [2, 1, 0]
    # nearest modes 2, 1, 1 of 4: sum p log 3 p
    expected = 0.5 * math.log(1.5) + 2 * 0.25 * math.log(0.75)
    assert got.kl == pytest.approx(expected)
    # squares 1 + 1 about the mean, one degree of freedom in each of two dimensions
    assert got.std == pytest.approx(math.sqrt(2 / 2) / 0.5)
    np.testing.assert_allclose(got.stds, [2.0, np.nan, np.nan])


def test_the_edge_of_high_quality_is_three_sigma_in_the_plane():
    for distance, good in ((2.99, True), (3.01, False)):
        got = mode_coverage(np.array([[0.1 * distance, 0.0]]), CORNERS, 0.1)
        assert (got.high_quality == 1.0, got.modes == 1) == (good, good)


def test_one_mode_is_far_from_uniform():
    got = mode_coverage(np.zeros((5, 2)), CORNERS, 1.0)
    assert (got.modes, got.high_quality, got.std) == (1, 1.0, 0.0)
    assert got.kl == pytest.approx(math.log(3))


def test_contracted_modes_raise_the_share_and_show():
    real = data.ring8(rng(), 2_500)
    centres = data.RING8_CENTRES[
        np.linalg.norm(real[:, None] - data.RING8_CENTRES, axis=2).argmin(1)
    ]
    half = mode_coverage((real + centres) / 2, data.RING8_CENTRES, data.RING8_SIGMA)
    whole = mode_coverage(real, data.RING8_CENTRES, data.RING8_SIGMA)
    assert half.high_quality > 0.9995 > whole.high_quality
    assert half.std == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("draw", "centres", "sigma"),
    [
        (data.ring8, data.RING8_CENTRES, data.RING8_SIGMA),
        (data.grid25, data.GRID25_CENTRES, data.GRID25_SIGMA),
    ],
)
def test_true_samples_score_what_a_perfect_sampler_should(draw, centres, sigma):
    scores = [
        mode_coverage(draw(np.random.default_rng(i), 2_500), centres, sigma) for i in range(20)
    ]
    perfect = perfect_mode_coverage(2_500, len(centres))
    assert np.mean([s.modes for s in scores]) == pytest.approx(perfect.modes)
    assert np.mean([s.high_quality for s in scores]) == pytest.approx(
        perfect.high_quality, abs=1e-3
    )
    assert np.mean([s.kl for s in scores]) == pytest.approx(perfect.kl, rel=0.3)
    assert np.mean([s.std for s in scores]) == pytest.approx(perfect.std, abs=5e-3)


def test_the_baseline_in_the_plane_is_known():
    perfect = perfect_mode_coverage(2_500, 8)
    p = 1 - math.exp(-4.5)
    assert perfect.high_quality == pytest.approx(p)
    # E[r^2 / 2; r < 3] = 1 - (1 + 9/2) exp(-9/2)
    assert perfect.std == pytest.approx(math.sqrt((1 - 5.5 * math.exp(-4.5)) / p))


def test_few_samples_miss_modes():
    # inclusion and exclusion for two samples of three modes: 3 (1 - (1 - p/3)^2)
    perfect = perfect_mode_coverage(2, 3)
    p = 1 - math.exp(-4.5)
    assert perfect.modes == pytest.approx(3 * (1 - (1 - p / 3) ** 2))
    draws = rng().integers(3, size=(20_000, 2))
    good = rng().uniform(size=draws.shape) < p
    seen = np.mean([len(set(row[ok].tolist())) for row, ok in zip(draws, good, strict=True)])
    assert perfect.modes == pytest.approx(seen, abs=0.02)


@pytest.mark.parametrize("dimensions", [1, 2, 5, 700])
def test_the_radius_holds_as_much_in_any_number_of_dimensions(dimensions):
    x = rng().standard_normal((4_000, dimensions))
    inside = np.linalg.norm(x, axis=1) < quality_radius(dimensions)
    assert np.mean(inside) == pytest.approx(1 - math.exp(-4.5), abs=0.006)
    got = mode_coverage(0.1 * x, np.zeros((1, dimensions)), 0.1)
    perfect = perfect_mode_coverage(4_000, 1, dimensions)
    assert got.high_quality == np.mean(inside)
    assert got.std == pytest.approx(perfect.std, rel=0.03)


def test_ten_sigma_hold_nothing_in_many_dimensions():
    assert perfect_mode_coverage(2_500, 10, 700, radius=10.0).high_quality < 1e-100


# ---- many dimensions ----


@pytest.mark.slow
def test_the_mixture_of_many_dimensions_is_flat_where_it_should_be():
    x = data.mixture1200(rng(), 600)
    centres, sigma = data.mixture1200_centres(), data.MIXTURE1200_SIGMA
    assert (x.shape, x.dtype, centres.shape) == ((600, 1200), np.float32, (10, 1200))
    got = mode_coverage(x, centres, sigma, dimensions=data.MIXTURE1200_DIMENSIONS)
    perfect = perfect_mode_coverage(600, 10, data.MIXTURE1200_DIMENSIONS)
    assert got.modes == 10
    assert got.high_quality == pytest.approx(perfect.high_quality, abs=0.015)
    assert got.std == pytest.approx(perfect.std, rel=0.01)
    # all of the samples and centres lie in one subspace of 700 dimensions
    others = data.mixture1200(np.random.default_rng(1), 800).astype(np.float64)
    _, values, rows = np.linalg.svd(others, full_matrices=False)
    assert values[699] > 1e3 * values[700]
    off = x - (x @ rows[:700].T) @ rows[:700]
    assert np.abs(off).max() < 1e-3 * sigma


def test_distances_off_the_subspace_count():
    centres, sigma = data.mixture1200_centres(), data.MIXTURE1200_SIGMA
    noisy = centres + sigma * rng().standard_normal(centres.shape)  # fills all 1,200 dimensions
    got = mode_coverage(noisy, centres, sigma, dimensions=data.MIXTURE1200_DIMENSIONS)
    assert got.high_quality == 0.0


def test_the_mixture_of_many_dimensions_has_fewer_points_by_default():
    assert data.toy_dataset("mixture1200", num=3).x.shape == (3, 1200)
    assert data.toy_dataset("mixture1200").size == 10_000


# ---- labels ----


def test_label_coverage_counted_by_hand():
    got = label_coverage(np.array([0, 0, 2, 2]), 4)
    assert got.modes == 2
    assert got.kl == pytest.approx(math.log(2))  # all on half of the modes
    assert label_coverage(np.arange(4), 4) == (4, 0.0)


@pytest.mark.parametrize(("num", "modes"), [(26_000, 1_000), (50, 10), (3, 2), (7, 1)])
def test_perfect_label_coverage_is_the_mean_of_uniform_labels(num, modes):
    generator = rng()
    trials = 40 if num > 1000 else 4_000
    scores = [label_coverage(generator.integers(modes, size=num), modes) for _ in range(trials)]
    perfect = perfect_label_coverage(num, modes)
    assert np.mean([s.modes for s in scores]) == pytest.approx(perfect.modes, rel=0.01)
    assert np.mean([s.kl for s in scores]) == pytest.approx(perfect.kl, rel=0.05, abs=1e-12)


def test_the_baseline_of_stacked_mnist():
    perfect = perfect_label_coverage(26_000, 1_000)
    assert perfect.modes == pytest.approx(1_000, abs=1e-6)
    assert round(perfect.kl, 3) == 0.019
    assert perfect.kl == pytest.approx(999 / 52_000, rel=0.02)  # (K - 1) / 2n


def test_stacked_labels_write_a_number():
    digits = np.array([[0, 0, 0], [0, 1, 2], [9, 9, 9]])
    assert stacked_label(digits).tolist() == [0, 12, 999]


# ---- refusals ----


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mode_coverage(np.zeros(4), CORNERS, 1.0), r"samples must be \[num, d\]"),
        (lambda: mode_coverage(np.zeros((4, 3)), CORNERS, 1.0), r"got \(4, 3\) and \(3, 2\)"),
        (lambda: mode_coverage(np.zeros((0, 2)), CORNERS, 1.0), r"samples must be \[num, d\]"),
        (lambda: mode_coverage(np.full((1, 2), np.nan), CORNERS, 1.0), "non-finite"),
        (lambda: mode_coverage(np.zeros((4, 2)), CORNERS, 0.0), "sigma must be positive, got 0"),
        (lambda: mode_coverage(np.zeros((4, 2)), CORNERS, 1.0, dimensions=3), "lie in 1..2, got 3"),
        (lambda: mode_coverage(np.zeros((4, 2)), CORNERS, 1.0, radius=-1.0), "radius must be posi"),
        (lambda: perfect_mode_coverage(0, 8), "num_samples must be positive"),
        (lambda: perfect_label_coverage(5, 0), "num_modes must be positive"),
        (lambda: quality_radius(0), "dimensions must be positive"),
        (lambda: label_coverage(np.array([0, 3]), 3), r"must lie in 0..2, got 0..3"),
        (lambda: label_coverage(np.array([-1, 0]), 3), r"must lie in 0..2, got -1..0"),
        (lambda: label_coverage(np.array([0.5]), 3), "labels must be integers"),
        (lambda: label_coverage(np.array([], int), 3), "labels must be integers"),
        (lambda: stacked_label(np.array([[10, 0, 0]])), r"lie in 0..9, got 0..10"),
        (lambda: stacked_label(np.array([1, 0, 0])), "digits must be integers"),
    ],
)
def test_what_is_no_mixture_is_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- inside programs ----


def test_traced_scores_equal_the_coverage():
    centres, sigma = data.RING8_CENTRES, data.RING8_SIGMA
    samples = np.concatenate(
        [
            data.ring8(rng(), 150),  # within their modes
            rng().normal(size=(50, 2)),  # most of them in none
            centres[:1] + 0.001 * rng().normal(size=(20, 2)),
        ]
    ).astype(np.float32)
    wanted = mode_coverage(samples, centres, sigma)
    got = jax.jit(lambda x: mode_scores(x, centres, sigma))(samples)
    for name, value in got.items():
        assert float(value) == pytest.approx(getattr(wanted, name), rel=1e-4), name


@pytest.mark.slow
def test_traced_scores_take_nonfinite_samples_for_bad_ones():
    samples = np.array([[0.0, 0.0], [np.nan, 0.0], [np.inf, 0.0], [0.1, 0.0]], np.float32)
    got = mode_scores(samples, CORNERS, 0.5)
    assert (float(got["modes"]), float(got["high_quality"])) == (1.0, 0.5)
    assert math.isnan(float(got["kl"]))
    assert math.isfinite(float(got["std"]))
