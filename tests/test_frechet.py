import numpy as np
import pytest
from scipy import linalg

from jaxgan.metrics import frechet_distance


def reference_features():
    rng = np.random.default_rng(0)
    return rng.normal(size=(1000, 64)), rng.normal(size=(1200, 64)) * 1.2 + 0.3


def test_distance_has_the_value_that_other_libraries_agree_on():
    np.testing.assert_allclose(frechet_distance(*reference_features()), 10.6697891762, rtol=1e-9)


def test_distance_agrees_with_a_matrix_root_of_correlated_features():
    rng = np.random.default_rng(1)
    a, b = (rng.normal(size=(300, 7)) @ rng.normal(size=(7, 7)) for _ in range(2))
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2) + np.trace(
        covariances[0] + covariances[1] - 2 * root
    )
    np.testing.assert_allclose(frechet_distance(a, b), expected, rtol=1e-8)


def test_distance_of_a_set_to_itself_is_zero_even_of_float32():
    a = reference_features()[0].astype(np.float32)
    assert 0 <= frechet_distance(a, a) < 1e-9


def test_few_samples_give_a_finite_number_and_a_warning():
    x = np.random.default_rng(0).normal(size=(16, 128))
    with pytest.warns(UserWarning, match="16 samples of 128 features"):
        value = frechet_distance(x, x + 1)
    np.testing.assert_allclose(value, 128, rtol=1e-6)


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (np.zeros((4, 3)), np.zeros((4, 2)), r"got \(4, 3\) and \(4, 2\)"),
        (np.zeros((1, 3)), np.zeros((4, 3)), "two samples or more"),
        (np.zeros(3), np.zeros(3), "features"),
        (np.zeros((4, 3)), np.full((4, 3), np.nan), "fake has values that are not finite"),
    ],
)
def test_bad_features_are_named(real, fake, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(real, fake)
