"""Class accuracy, intra-class variety and near-duplicates, on samples whose values are known."""

import numpy as np
import pytest

from jaxgan.scoring.quality import (
    class_accuracy,
    class_fractions,
    intra_class_std,
    near_duplicates,
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


def test_copies_are_found_and_fresh_samples_are_not():
    real, fresh = points(), points(1)
    copies = real + 1e-3
    assert near_duplicates(copies, real).fraction == 1.0
    assert near_duplicates(fresh, real).fraction < 0.03
    half = near_duplicates(np.concatenate([copies[:750], fresh[:750]]), real)
    assert half.fraction == pytest.approx(0.5, abs=0.03)
    assert half.nearest < half.nearest_real
