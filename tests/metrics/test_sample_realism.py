"""Realism scores: against a direct computation in NumPy, and at the ends of their range."""

import numpy as np
import pytest

from jaxgan.metrics import realism


def directly(real, fake, k):
    """Equation 3 of the paper, over the real samples whose balls are not above the median."""
    between = np.linalg.norm(real[:, None] - real[None], axis=2)
    radii = np.sort(between, axis=1)[:, k]  # the first is the sample itself
    kept = radii <= np.median(radii)
    distances = np.linalg.norm(fake[:, None] - real[None, kept], axis=2)
    return (radii[None, kept] / distances).max(axis=1)


@pytest.mark.parametrize("k", [1, 3])
def test_scores_are_those_of_the_papers_equation(k):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(60, 4)) + 100.0, 2.0 * rng.normal(size=(25, 4)) + 100.0
    np.testing.assert_allclose(realism(real, fake, k), directly(real, fake, k), rtol=1e-9)


def test_a_copy_is_infinitely_realistic_and_an_outlier_hardly():
    real = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
    scores = realism(real, np.concatenate([real, real[:1] + 1000.0]))
    assert np.isinf(scores[:-1]).sum() == 20  # the half of the balls that takes part
    assert scores[-1] < 0.01


def test_balls_of_outliers_take_no_part():
    real = np.append(np.linspace(0.0, 1.0, 20), 50.0)[:, None]
    (beside_outlier,) = realism(real, np.array([[49.0]]))
    assert beside_outlier < 0.01  # with the outlier's ball it would be 48


@pytest.mark.parametrize(("k", "num", "message"), [(0, 9, "k must be"), (9, 9, "more than k = 9")])
def test_too_few_real_samples_are_refused(k, num, message):
    with pytest.raises(ValueError, match=message):
        realism(np.eye(num), np.eye(num), k)
