"""Memorisation: copies of training samples are found, and fresh samples are not taken for copies.

The stored numbers come from public code on the features of `drawn`, run once with NumPy 2.4, SciPy
1.17 and scikit-learn 1.8: authenticity from `compute_authpct` of layer6ai-labs/dgm-eval, the test
of data copying from `C_T` of casey-meehan/data-copying.
"""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from jaxgan import data
from jaxgan.metrics import authenticity, copying_test, near_duplicates, nearer_to_training
from jaxgan.scoring.extractors import FeatureSet, make_extractor
from jaxgan.scoring.memorisation import memorisation_scores


def drawn():
    """Training, held-out and generated features; a fifth of the generated ones are near copies."""
    rng = np.random.default_rng(0)
    train, held_out = rng.normal(size=(300, 8)), rng.normal(size=(200, 8))
    fake = rng.normal(size=(250, 8)) * 1.1 + 0.1
    fake[:50] = train[:50] + 0.05 * rng.normal(size=(50, 8))
    return train, held_out, fake


def test_authenticity_is_that_of_the_public_code():
    train, held_out, fake = drawn()
    assert authenticity(train, fake) == pytest.approx(0.516, abs=1e-7)
    assert authenticity(train, held_out) == pytest.approx(0.595, abs=1e-7)


def test_copying_test_is_that_of_the_public_code():
    assert copying_test(*drawn(), cells=1) == pytest.approx(-1.19599337, abs=1e-8)
    # in the three cells of `cell_centres`
    assert copying_test(*drawn(), cells=3) == pytest.approx(-0.7289618362749051, abs=1e-8)


def test_copying_test_of_one_cell_is_the_rank_test_of_distances():
    train, held_out, fake = drawn()
    q, p = (cdist(x, train).min(axis=1) for x in (fake, held_out))
    m, n = len(q), len(p)
    u = mannwhitneyu(q, p).statistic
    expected = (u - m * n / 2 + 0.5) / np.sqrt(m * n * (m + n + 1) / 12)
    assert copying_test(train, held_out, fake, cells=1) == pytest.approx(expected, rel=1e-9)


def test_cells_with_few_samples_are_left_out():
    train, held_out, fake = drawn()
    assert np.isnan(copying_test(train, held_out, fake[:20], cells=1))
    assert np.isfinite(copying_test(train, held_out, fake[:21], cells=1))


def test_nearer_to_training_counts_nearest_neighbours_in_both_sets():
    train, held_out, fake = drawn()
    nearer = cdist(fake, train).min(axis=1) < cdist(fake, held_out).min(axis=1)
    found = nearer_to_training(train, held_out, fake)
    assert found.fraction == pytest.approx(np.mean(nearer), abs=1e-12)
    assert found.expected == pytest.approx(300 / 500)
    assert found.copied == pytest.approx((np.mean(nearer) - 0.6) / 0.4)


def test_copies_only_are_all_copied_and_samples_of_both_sets_are_none():
    train, held_out, _ = drawn()
    assert nearer_to_training(train, held_out, train).copied == pytest.approx(1.0)
    same = nearer_to_training(train, train, held_out)
    assert (same.fraction, same.copied) == (0.5, 0.0)


def test_scores_do_not_depend_on_a_shift_of_all_features():
    before = [authenticity(drawn()[0], drawn()[2]), copying_test(*drawn())]
    train, held_out, fake = (x + 1e5 for x in drawn())
    after = [authenticity(train, fake), copying_test(train, held_out, fake)]
    assert after == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t, h, f: authenticity(t, f[:, :3]), "same number of features"),
        (lambda t, h, f: copying_test(t, h[:1], f), "held_out must be"),
        (lambda t, h, f: copying_test(t, h, f, cells=0), "cells must be from 1 to 300"),
        (lambda t, h, f: nearer_to_training(t, h, f * np.nan), "fake has non-finite values"),
    ],
)
def test_features_that_cannot_be_compared_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(*drawn())


def points(seed=0):
    """Two classes far from each other, and unlabelled points far from both."""
    noise = np.random.default_rng(seed).normal(size=(1500, 4))
    return 20.0 * np.repeat([0, 1, -1], 500)[:, None] + noise


def test_near_duplicates_are_found_and_fresh_samples_are_not():
    real, fresh = points(), points(1)
    copies = real + 1e-3
    assert near_duplicates(copies, real).fraction == 1.0
    assert near_duplicates(fresh, real).fraction < 0.03
    half = near_duplicates(np.concatenate([copies[:750], fresh[:750]]), real)
    assert half.fraction == pytest.approx(0.5, abs=0.03)
    assert half.nearest < half.nearest_real


# --- A generator that copies


def digit_sets(seed):
    """Training and held-out digits, and fresh ones in place of an honest generator's samples."""
    x = data.digits().x.reshape(-1, 64).astype(np.float64)
    order = np.random.default_rng(seed).permutation(len(x))
    return np.split(x[order], [450, 1350])


def noisy(x, rng):
    """Digits that are changed a little, as a generator's never equal real ones."""
    return x + 0.5 * rng.normal(size=x.shape)


def scores_by_name(train, held_out, fake):
    images = data.from_arrays(np.zeros((4, 8, 8, 1), np.uint8))
    sets = (FeatureSet(x) for x in (train, held_out, fake))
    found = memorisation_scores(make_extractor("pixels", images), *sets)
    return {score.name.partition("_pixels@")[0]: score for score in found}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_thirty_percent_of_copies_are_flagged_and_none_are_not(seed):
    train, held_out, fresh = digit_sets(seed)
    rng = np.random.default_rng(seed)
    honest = noisy(fresh, rng)
    copying = honest.copy()
    chosen = rng.permutation(len(honest))[: round(0.3 * len(honest))]
    copying[chosen] = noisy(train[rng.integers(len(train), size=len(chosen))], rng)
    good, bad = (scores_by_name(train, held_out, x) for x in (honest, copying))
    for name, score in (*good.items(), *bad.items()):
        print(seed, name, f"{score.value:.3f} +- {score.error:.3f}, real {score.baseline:.3f}")
    for found, flagged in ((good, False), (bad, True)):
        value, error, baseline = found["authenticity"][1:]
        assert (value < baseline - 3 * error) == flagged
        assert (found["copied"].value > 3 * found["copied"].error) == flagged
        assert (found["copying_test"].value < -3) == flagged
    assert bad["copied"].value == pytest.approx(0.3, abs=4 * bad["copied"].error)
