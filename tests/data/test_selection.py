import numpy as np
import pytest
from scipy.stats import multivariate_normal

from jaxgan.data import from_arrays, select_instances

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(40, 3)) @ RNG.normal(size=(3, 3)) + 5.0
X = np.arange(40, dtype=np.float32)[:, None]


def most_likely(features, count):
    """By SciPy's density of the Gaussian with the moments of the features."""
    covariance = np.cov(features.T, ddof=0) + 1e-5 * np.eye(features.shape[1])
    density = multivariate_normal(features.mean(0), covariance).logpdf(features)
    return set(np.argsort(-density)[:count])


def test_the_most_likely_samples_are_kept_in_their_order():
    kept = select_instances(from_arrays(X), FEATURES, keep=0.4).x.ravel()
    assert set(kept.astype(int)) == most_likely(FEATURES, 16)
    assert (np.diff(kept) > 0).all()


def test_each_class_keeps_its_own_most_likely_samples():
    labels = np.arange(40) % 2
    shifted = FEATURES + 100.0 * labels[:, None]
    kept = select_instances(from_arrays(X, labels), shifted, keep=0.25)
    assert np.bincount(kept.condition).tolist() == [5, 5]
    for label in (0, 1):
        own = {2 * i + label for i in most_likely(FEATURES[label::2], 5)}
        assert set(kept.x[kept.condition == label, 0].astype(int)) == own


def test_all_are_kept_with_a_fraction_of_one():
    dataset = from_arrays(X)
    assert select_instances(dataset, FEATURES, keep=1.0) is dataset


@pytest.mark.parametrize(
    ("features", "keep", "message"),
    [
        (FEATURES[1:], 0.5, r"features must be \[N, d\] with N = 40 samples, got shape \(39, 3\)"),
        (FEATURES * np.nan, 0.5, "features must be finite"),
        (FEATURES, 0.0, r"keep must be a fraction in \(0, 1\], got 0.0"),
        (FEATURES, 0.01, "keep=0.01 leaves 1 of 40 samples"),
        (np.tile(FEATURES, 20), 0.5, "40 samples of a class are no more than the 60 features"),
    ],
)
def test_bad_arguments_are_named(features, keep, message):
    with pytest.raises(ValueError, match=message):
        select_instances(from_arrays(X), features, keep)
