"""Class accuracy, variety and distance within classes, on samples whose values are known."""

import numpy as np
import pytest

from jaxgan.metrics import (
    class_accuracy,
    class_fractions,
    frechet_distance,
    intra_class_frechet_distance,
    intra_class_std,
)

LABELS = np.repeat([0, 1, -1], 500)


def points(seed=0, std=1.0):
    """Two classes far from each other, and unlabelled points far from both."""
    noise = np.random.default_rng(seed).normal(size=(1500, 4))
    return 20.0 * LABELS[:, None] + std * noise


def test_fractions_are_of_the_classes_that_the_data_have():
    found = class_fractions(np.array([0, 0, 0, 1]), LABELS)
    np.testing.assert_allclose(found, [0.75, 0.25])
    np.testing.assert_allclose(class_fractions(np.zeros(4, int), LABELS), [1.0, 0.0])


def test_class_accuracy_is_that_of_all_samples_and_of_each_class():
    accuracy, each = class_accuracy(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1]))
    assert accuracy == 0.75
    np.testing.assert_allclose(each, [0.5, 1.0])


@pytest.mark.parametrize("std", [1.0, 0.5, 0.0])
def test_intra_class_std_is_relative_to_the_data(std):
    found = intra_class_std(points(1, std), LABELS, points(), LABELS)
    np.testing.assert_allclose(found, [std, std], rtol=0.05)


def test_a_class_of_one_sample_or_none_has_no_variety():
    found = intra_class_std(points(1)[:1], LABELS[:1], points(), LABELS)
    np.testing.assert_array_equal(found, [0.0, 0.0])


def test_intra_class_distance_is_the_frechet_distance_within_each_class():
    real, fake = points(), points(1, 0.5)
    found = intra_class_frechet_distance(fake, LABELS, real, LABELS)
    expected = [frechet_distance(real[c == LABELS], fake[c == LABELS]) for c in (0, 1)]
    np.testing.assert_allclose(found.each, expected, rtol=1e-12)
    assert found.mean == pytest.approx(np.mean(expected))
    np.testing.assert_array_equal(found.classes, [0, 1])
    # |m - n|^2 + sum of (1 - 0.5)^2 over four features
    assert found.mean == pytest.approx(1.0, abs=0.1)


def test_intra_class_distance_sees_classes_that_are_exchanged():
    swapped = np.where(LABELS < 0, -1, 1 - LABELS)
    with_swap = intra_class_frechet_distance(points(1), swapped, points(), LABELS)
    assert with_swap.mean == pytest.approx(4 * 20.0**2, rel=0.02)
    assert frechet_distance(points(), points(1)) < 0.1


def test_intra_class_distance_needs_samples_of_each_class_and_warns_once_of_few():
    with pytest.raises(
        ValueError, match=r"two real samples of every class, got .* \{0: 500, 1: 1\}"
    ):
        intra_class_frechet_distance(points()[:501], LABELS[:501], points(), LABELS)
    few = np.r_[0:3, 500:503]
    with pytest.warns(UserWarning, match="3 samples in a class with 4 features") as issued:
        intra_class_frechet_distance(points()[few], LABELS[few], points(), LABELS)
    assert len(issued) == 1
