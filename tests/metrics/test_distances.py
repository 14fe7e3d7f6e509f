"""Distances built on others: MIND, Fréchet distances extrapolated and of feature maps.

The stored numbers come from public code, run once with PyTorch 2.13, NumPy 2.4 and SciPy 1.17.
"""

import jax
import numpy as np
import pytest
from scipy import linalg

from jaxgan.metrics import (
    frechet_distance,
    frechet_distance_infinity,
    mind,
    sliced_wasserstein,
    spatial_features,
    spatial_frechet_distance,
)


def drawn():
    """Real and generated features, and feature maps [120, 3, 2, 9] of both."""
    rng = np.random.default_rng(0)
    train = rng.normal(size=(300, 8))
    rng.normal(size=(200, 8))
    fake = rng.normal(size=(250, 8)) * 1.1 + 0.1
    fake[:50] = train[:50] + 0.05 * rng.normal(size=(50, 8))
    maps = rng.normal(size=(120, 3, 2, 9)), rng.normal(size=(120, 3, 2, 9)) * 1.2 + 0.2
    return train, fake, maps


def test_mind_is_that_of_the_public_code_within_the_error_of_its_directions(key):
    real, fake, _ = drawn()
    # mind_features_to_metric of torch-fidelity, 1,000 directions: mean and deviation of 20 seeds
    assert float(mind(key, real[:250], fake)) == pytest.approx(0.88007, abs=4 * 0.0195)


def test_mind_is_three_d_times_the_sliced_distance(key):
    real, fake, _ = drawn()
    sliced = sliced_wasserstein(key, real, fake, 1000)
    assert float(mind(key, real, fake)) == pytest.approx(24 * float(sliced), rel=1e-6)


def test_extrapolated_distance_is_that_of_the_public_code():
    real, fake, _ = drawn()
    # compute_FD_infinity of layer6ai-labs/dgm-eval, which was given the same random subsets
    found = frechet_distance_infinity(jax.random.key(0), real, fake)
    assert found == pytest.approx(0.09899499302, abs=1e-9)


def test_extrapolated_distance_is_nearer_to_that_of_infinitely_many_samples(key):
    rng = np.random.default_rng(1)
    real = rng.normal(size=(10_000, 10))
    sets = [rng.normal(size=(400, 10)) for _ in range(4)]  # at distance 0
    plain = np.mean([frechet_distance(real, x) for x in sets])
    found = [frechet_distance_infinity(key, real, x, fewest=100) for x in sets]
    assert plain > 0.05
    assert abs(np.mean(found)) < 0.3 * plain


@pytest.mark.parametrize(("points", "fewest"), [(1, None), (15, 250), (15, 1)])
def test_one_size_cannot_be_extrapolated(key, points, fewest):
    real, fake, _ = drawn()
    with pytest.raises(ValueError, match="two sizes are needed"):
        frechet_distance_infinity(key, real, fake, points, fewest)


def test_spatial_distance_is_that_of_the_public_code():
    # FIDStatistics of openai/guided-diffusion, on the first 7 channels
    assert spatial_frechet_distance(*drawn()[2]) == pytest.approx(13.543294700834622, rel=1e-9)


def test_spatial_distance_is_that_of_all_positions_by_its_definition():
    x, y = (m[..., :2].reshape(120, -1) for m in drawn()[2])
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(a @ b).real
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(a + b - 2 * root)
    assert spatial_frechet_distance(*drawn()[2], channels=2) == pytest.approx(expected, rel=1e-9)


def test_spatial_distance_sees_parts_in_the_wrong_place():
    rng = np.random.default_rng(2)
    maps = rng.normal(size=(500, 2, 2, 3)) + np.arange(4).reshape(1, 2, 2, 1)
    moved = maps[:, ::-1]
    means = (m.mean(axis=(1, 2)) for m in (maps, moved))
    assert frechet_distance(*means) < 1e-9
    assert spatial_frechet_distance(maps, moved, channels=3) == pytest.approx(4 * 4 * 3, rel=0.1)


def test_maps_without_positions_or_with_few_channels_are_refused():
    for maps in (np.zeros((4, 7)), np.zeros((4, 2, 2, 6))):
        with pytest.raises(ValueError, match="with 7 channels or more, got shape"):
            spatial_features(maps)
