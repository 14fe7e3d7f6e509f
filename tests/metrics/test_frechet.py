import numpy as np
import pytest
from scipy import linalg

from jaxgan.metrics import (
    frechet_distance,
    frechet_distance_of,
    merge_moments,
    moments,
    no_moments,
    update_moments,
)
from jaxgan.metrics.statistics import CHUNK, covariance


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
    with pytest.warns(UserWarning, match="16 samples with 128 features"):
        value = frechet_distance(x, x + 1)
    np.testing.assert_allclose(value, 128, rtol=1e-12)


def test_distance_is_symmetric_and_the_one_of_normals_on_a_line():
    # (m - n)^2 + (s - t)^2
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(50, 1)), 3 * rng.normal(size=(60, 1)) + 1
    expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    np.testing.assert_allclose(frechet_distance(a, b), expected, rtol=1e-12)
    np.testing.assert_allclose(frechet_distance(b, a), expected, rtol=1e-12)


def test_distance_keeps_its_digits_where_covariances_are_nearly_singular():
    # By QR of the centred samples, whose covariances are never formed. The matrix root of A B has
    # but four digits here.
    rng = np.random.default_rng(5)
    mixing = rng.normal(size=(64, 64)) / np.arange(1, 65)[:, None] ** 3
    a, b = (rng.normal(size=(1000, 64)) @ mixing, rng.normal(size=(1200, 64)) @ mixing * 1.1)
    r, s = (linalg.qr(x - x.mean(axis=0), mode="r")[0][:64] / np.sqrt(len(x) - 1) for x in (a, b))
    expected = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2) + np.sum(r**2) + np.sum(s**2)
    expected -= 2 * linalg.svdvals(r @ s.T).sum()
    np.testing.assert_allclose(frechet_distance(a, b), expected, rtol=1e-11)


# ---- few samples and singular covariances ----


@pytest.mark.filterwarnings("ignore:.*the Fréchet distance depends on")
def test_64_samples_of_2048_features_are_no_distance_from_themselves():
    x = np.random.default_rng(0).normal(size=(64, 2048)).astype(np.float32)
    assert 0 <= frechet_distance(x, x) < 1e-9


@pytest.mark.filterwarnings("ignore:.*the Fréchet distance depends on")
@pytest.mark.parametrize(("num_real", "num_fake"), [(20, 30), (20, 300), (300, 30)])
def test_fewer_samples_than_features_give_what_the_whole_covariances_give(num_real, num_fake):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(num_real, 60)), rng.normal(size=(num_fake, 60)) * 1.3 + 0.2
    a_factor, b_factor = ((x - x.mean(axis=0)).T / np.sqrt(len(x) - 1) for x in (a, b))
    root = linalg.svdvals(a_factor.T @ b_factor).sum()
    expected = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2) - 2 * root
    expected += np.cov(a, rowvar=False).trace() + np.cov(b, rowvar=False).trace()
    np.testing.assert_allclose(frechet_distance(a, b), expected, rtol=1e-12)
    np.testing.assert_allclose(frechet_distance_of(moments(a), moments(b)), expected, rtol=1e-10)


def test_features_that_never_change_or_repeat_each_other_change_nothing():
    a, b = reference_features()
    a, b = (np.column_stack([x, x, np.full((len(x), 3), 7.0)]) for x in (a, b))
    np.testing.assert_allclose(frechet_distance(a, b), 2 * 10.6697891762, rtol=1e-9)
    assert 0 <= frechet_distance(a, a) < 1e-9


def test_constant_sets_are_as_far_apart_as_their_values():
    np.testing.assert_allclose(frechet_distance(np.zeros((9, 4)), np.ones((9, 4))), 4, rtol=1e-12)


# ---- moments ----


def test_moments_are_those_of_numpy_over_several_chunks():
    x = np.random.default_rng(4).normal(size=(2 * CHUNK + 5, 3)).astype(np.float32) + 100
    found = moments(x)
    assert float(found.num) == len(x)
    np.testing.assert_allclose(found.mean, x.mean(axis=0, dtype=np.float64), rtol=1e-12)
    expected = np.cov(x.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(covariance(found), expected, rtol=1e-10, atol=1e-12)


def test_seven_uneven_shards_merge_to_the_whole():
    a, b = reference_features()
    shards = np.split(b, [1, 2, 40, 41, 500, 1100])
    merged = no_moments(64)
    for shard in shards:
        merged = merge_moments(merged, moments(shard))
    whole = moments(b)
    for found, expected in zip(merged, whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-10)
    np.testing.assert_allclose(frechet_distance_of(moments(a), merged), 10.6697891762, rtol=1e-9)


def test_a_stream_of_chunks_equals_the_whole_however_far_from_zero():
    x = reference_features()[0] + 1e6
    streamed = moments(x[:1])
    for start in range(1, 1000, 77):
        streamed = update_moments(streamed, x[start : min(1000, start + 77)])
    np.testing.assert_allclose(covariance(streamed), np.cov(x, rowvar=False), atol=1e-9)


def test_merging_with_no_samples_changes_nothing():
    x = moments(reference_features()[0])
    for merged in (merge_moments(x, no_moments(64)), merge_moments(no_moments(64), x)):
        for found, expected in zip(merged, x, strict=True):
            np.testing.assert_array_equal(found, expected)
    assert all(np.isfinite(part).all() for part in merge_moments(no_moments(2), no_moments(2)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: no_moments(0), "features must be positive, got 0"),
        (lambda: moments(np.zeros(3)), r"\[num, features\], got shape \(3,\)"),
        (lambda: moments(np.full((3, 2), np.inf)), "x has non-finite values"),
        (lambda: update_moments(no_moments(2), np.zeros((3, 4))), r"\[num, 2\] .* \(3, 4\)"),
        (lambda: merge_moments(no_moments(2), no_moments(3)), "got 2 and 3"),
        (lambda: frechet_distance_of(no_moments(2), no_moments(2)), "0 and 0 samples"),
        (lambda: frechet_distance_of(moments(np.eye(2)), moments(np.eye(3))), "2 and 3 features"),
    ],
)
def test_bad_moments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_few_samples_of_moments_are_warned_of_too():
    few = moments(np.eye(4))
    with pytest.warns(UserWarning, match="3 samples with 4 features"):
        frechet_distance_of(few, moments(np.eye(4)[:3]))


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (np.zeros((4, 3)), np.zeros((4, 2)), r"got \(4, 3\) and \(4, 2\)"),
        (np.zeros((1, 3)), np.zeros((4, 3)), "real must have at least 2 samples, got 1"),
        (np.zeros((4, 0)), np.zeros((4, 0)), r"\(4, 0\)"),
        (np.zeros(3), np.zeros(3), "features"),
        (np.zeros((4, 3)), np.full((4, 3), np.nan), "fake has non-finite values"),
    ],
)
def test_bad_features_are_named(real, fake, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(real, fake)
