"""Metrics of sets of features: kernel distance, Inception score, supports, sliced Wasserstein."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats
from sklearn.neighbors import NearestNeighbors

from jaxgan.metrics import (
    density_coverage,
    inception_score,
    kernel_distance,
    neighbours,
    precision_recall,
    sliced_wasserstein,
)


def reference_features():
    """Features and logits of which other libraries' scores are known."""
    rng = np.random.default_rng(0)
    real = rng.normal(size=(1000, 64))
    fake = rng.normal(size=(1200, 64)) * 1.2 + 0.3
    return real, fake, rng.normal(size=(1000, 10)) * 3


# ---- kernel distance ----


def test_kernel_distance_has_the_value_that_other_libraries_agree_on(key):
    real, fake, _ = reference_features()
    found = kernel_distance(key, real, fake[:1000], num_subsets=1)
    assert found.mean == pytest.approx(0.3079274897, abs=1e-10)
    assert np.isnan(found.standard_error)


def test_kernel_distance_is_the_mean_over_all_pairs_of_different_samples(key):
    real, fake = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[1.0, 1.0], [3.0, 0.0]])
    # (x.y / 2 + 1)^3: within 1 and 2.5^3, between 1.5^3, 2.5^3, 2^3, 1
    expected = 1 + 2.5**3 - 2 * (1.5**3 + 2.5**3 + 8 + 1) / 4
    found = kernel_distance(key, real, fake, num_subsets=1, subset_size=2)
    assert found.mean == pytest.approx(expected, rel=1e-12)


def test_kernel_distance_of_subsets_is_unbiased_and_within_its_error(key):
    real, fake, _ = reference_features()
    real, fake = real[:400, :4], fake[:400, :4]
    whole = kernel_distance(key, real, fake, num_subsets=1, subset_size=400).mean
    found = kernel_distance(key, real, fake, num_subsets=50, subset_size=20)
    assert 0 < found.standard_error < whole
    assert abs(found.mean - whole) < 3 * found.standard_error
    again = kernel_distance(jax.random.key(1), real, fake, num_subsets=50, subset_size=20)
    assert again.mean != found.mean


def test_kernel_distance_is_negative_as_often_as_not_where_sets_are_alike(key):
    rng = np.random.default_rng(1)
    pairs = [rng.normal(size=(2, 20, 4)) for _ in range(40)]
    values = [kernel_distance(key, *p, num_subsets=1, subset_size=20).mean for p in pairs]
    assert 8 < sum(value < 0 for value in values) < 36
    assert abs(np.mean(values)) < 3 * stats.sem(values)


# ---- Inception score ----


def test_inception_score_has_the_known_value():
    found = inception_score(reference_features()[2])
    assert found.mean == pytest.approx(3.904932, abs=1e-6)
    assert found.standard_deviation == 0.0


def test_inception_score_is_between_one_and_the_number_of_classes():
    assert inception_score(np.ones((6, 5))).mean == pytest.approx(1, abs=1e-12)
    assert inception_score(1e4 * np.eye(5)).mean == pytest.approx(5, abs=1e-12)


def test_inception_score_of_splits_is_that_of_their_parts():
    logits = reference_features()[2][:101].astype(np.float32)
    p = special.softmax(logits.astype(np.float64), axis=1)
    parts = [p[:33], p[33:67], p[67:]]
    scores = [np.exp(stats.entropy(q, q.mean(axis=0)[None], axis=1).mean()) for q in parts]
    found = inception_score(logits, splits=3)
    np.testing.assert_allclose(found, [np.mean(scores), np.std(scores)], rtol=1e-12)


# ---- precision and recall, density and coverage ----


def test_supports_have_the_values_that_prdc_gives():
    real, fake, _ = reference_features()
    np.testing.assert_allclose(precision_recall(real, fake, k=5), [107 / 1200, 0.981], rtol=1e-12)
    np.testing.assert_allclose(density_coverage(real, fake, k=5), [0.0285, 0.144], rtol=1e-12)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("k", [1, 3])
def test_supports_equal_those_of_nearest_neighbours_over_several_chunks(k, monkeypatch):
    monkeypatch.setattr(neighbours, "CHUNK", 32)
    rng = np.random.default_rng(k)
    real, fake = rng.normal(size=(100, 3)) + 1e3, rng.normal(size=(70, 3)) * 1.5 + 1e3

    def radii(x):  # the first neighbour of a sample is itself
        return NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x)[0][:, -1]

    distances = np.linalg.norm(real[:, None] - fake[None], axis=2)
    in_real = distances <= radii(real)[:, None]
    in_fake = distances <= radii(fake)[None]
    expected = in_real.any(axis=0).mean(), in_fake.any(axis=1).mean()
    np.testing.assert_allclose(precision_recall(real, fake, k), expected, rtol=1e-12)
    expected = in_real.sum(axis=0).mean() / k, in_real.any(axis=1).mean()
    np.testing.assert_allclose(density_coverage(real, fake, k), expected, rtol=1e-12)


def test_supports_of_a_package_of_their_own_agree():
    prdc = pytest.importorskip("prdc")
    rng = np.random.default_rng(5)
    real, fake = rng.normal(size=(100, 3)), rng.normal(size=(70, 3)) * 1.5
    expected = prdc.compute_prdc(real, fake, 3)
    found = precision_recall(real, fake, 3)._asdict() | density_coverage(real, fake, 3)._asdict()
    assert found == pytest.approx(expected, rel=1e-12)


def test_identical_sets_are_precise_recalled_and_covered_even_if_samples_repeat():
    x = np.random.default_rng(2).normal(size=(20, 6)) * 10 + 3
    x = np.concatenate([x, np.repeat(x[:1], 10, axis=0)]).astype(np.float32)
    assert precision_recall(x, x, k=3) == (1.0, 1.0)
    assert density_coverage(x, x, k=3).coverage == 1.0


def test_a_collapsed_generator_is_precise_and_recalls_and_covers_nothing_else():
    real = np.random.default_rng(3).normal(size=(50, 64)) * 100 + 7  # squares that do not cancel
    fake = np.repeat(real[:1], 60, axis=0)
    assert precision_recall(real, fake, k=3) == (1.0, 1 / 50)
    assert density_coverage(real, fake, k=3).coverage < 0.3


def test_equal_samples_have_no_distance_whatever_rounding_makes_of_it():
    x = np.random.default_rng(6).normal(size=(50, 64)) * 100 + 7
    with jax.enable_x64(True):
        assert not neighbours.squared_nearest(jnp.asarray(x), jnp.asarray(x)).any()


@pytest.mark.slow
def test_coverage_and_density_of_a_perfect_generator_are_those_expected():
    # 1 - prod_{i=1..k} (n - i) / (2 n - i) and 1, whatever the distribution
    rng, n, k = np.random.default_rng(4), 500, 2
    found = density_coverage(rng.normal(size=(n, 3)), rng.normal(size=(n, 3)), k)
    expected = 1 - np.prod([(n - i) / (2 * n - i) for i in (1, 2)])
    assert found.coverage == pytest.approx(expected, abs=4 * np.sqrt(expected / n))
    assert found.density == pytest.approx(1, abs=0.2)


# ---- sliced Wasserstein ----


def test_sliced_distance_of_a_shift_is_its_mean_square_along_directions(key):
    # E <u, v>^2 = |v|^2 / d
    x = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    v = np.array([[3.0, 0.0, 4.0]], np.float32)
    found = sliced_wasserstein(key, x, x + v, 800)
    np.testing.assert_allclose(found, 25 / 3, rtol=0.1)
    np.testing.assert_allclose(sliced_wasserstein(key, x, x, 800), 0.0, atol=1e-12)


@pytest.mark.slow
def test_sliced_distance_of_normals_is_the_closed_form(key):
    # |v|^2 / d + (s - 1)^2 for N(0, 1) and N(v, s^2)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(800, 2)), 3 * rng.normal(size=(600, 2)) + np.array([[1.0, -1.0]])
    np.testing.assert_allclose(sliced_wasserstein(key, x, y, 150), 5.0, rtol=0.1)


@pytest.mark.one_quick_case
@pytest.mark.parametrize(("n", "m"), [(4, 6), (7, 5), (1, 3), (5, 5)])
def test_sliced_distance_of_unequal_numbers_is_that_of_repeated_samples(key, n, m):
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(n, 1)), rng.normal(size=(m, 1))
    pairs = np.sort(np.repeat(x, m)) - np.sort(np.repeat(y, n))
    np.testing.assert_allclose(sliced_wasserstein(key, x, y, 2), np.mean(pairs**2), rtol=1e-5)


def test_sliced_distance_has_the_gradient_of_sorted_pairs_and_compiles(key):
    x, y = jnp.array([[0.0], [2.0]]), jnp.array([[5.0], [3.0]])
    gradient = jax.jit(jax.grad(sliced_wasserstein, 2), static_argnums=3)(key, x, y, 3)
    np.testing.assert_allclose(gradient, [[3.0], [3.0]], rtol=1e-6)


# ---- what is rejected ----

REAL = np.zeros((4, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda key: kernel_distance(key, REAL, REAL),
            "real must have at least 1000 samples, got 4",
        ),
        (lambda key: kernel_distance(key, REAL, REAL, num_subsets=0), "got 0 and 1000"),
        (lambda key: kernel_distance(key, REAL, REAL, subset_size=1), "got 100 and 1"),
        (lambda key: precision_recall(REAL, REAL, 4), "at least 5 samples, got 4"),
        (lambda key: precision_recall(REAL, REAL, 0), "k must be positive, got 0"),
        (lambda key: density_coverage(REAL, REAL[:, :2], 1), r"\(4, 3\) and \(4, 2\)"),
        (lambda key: density_coverage(REAL, REAL * np.nan, 1), "fake has non-finite"),
        (lambda key: inception_score(np.zeros(3)), r"logits must be .* got shape \(3,\)"),
        (lambda key: inception_score(REAL, 5), "splits must be from 1 to 4, .* got 5"),
        (lambda key: inception_score(REAL + np.inf), "logits has non-finite values"),
        (lambda key: sliced_wasserstein(key, REAL, REAL, 0), "num_projections .* got 0"),
        (lambda key: sliced_wasserstein(key, REAL, REAL[:0], 1), r"\(4, 3\) and \(0, 3\)"),
    ],
)
def test_bad_features_are_named(key, call, message):
    with pytest.raises(ValueError, match=message):
        call(key)
