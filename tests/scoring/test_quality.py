"""Reports of samples: what suits the data is measured, as the single measures say."""

import numpy as np
import pytest

from jaxgan import data
from jaxgan.metrics import intra_class_std, near_duplicates
from jaxgan.scoring.quality import quality_report


@pytest.mark.slow
def test_report_of_labelled_images_has_classes_variety_and_copies():
    digits = data.digits()
    digits = digits._replace(x=digits.x[:600], condition=digits.labels[:600])
    requested = digits.labels[:300]
    found = quality_report(digits.x[:300], digits, requested)
    assert found["classifier_held_out_accuracy"] > 0.9
    assert found["classes_seen"] == 10
    assert sum(found["shares"]) == pytest.approx(1.0)
    assert found["label_agreement"] > 0.98  # seen in training
    assert found["copies"] == 1.0
    pixels = digits.x.reshape(len(digits.x), -1).astype(np.float32)
    spread = intra_class_std(pixels[:300], requested, pixels, digits.labels)
    assert found["spread_within_class_mean"] == pytest.approx(spread.mean(), rel=0.02)
    assert (
        found["nearest_of_real_images_median"] == near_duplicates(pixels[:9], pixels).nearest_real
    )


def test_report_of_points_knows_their_distribution():
    rng = np.random.default_rng(0)
    spiral = quality_report(data.spiral(rng, 500), data.load("spiral"))
    assert spiral["curve_covered"] > 0.95
    assert spiral["mean_distance_to_curve"] == pytest.approx(
        spiral["mean_distance_of_real_points"], rel=0.2
    )
    ring = quality_report(data.ring8(rng, 500), data.load("ring8"))
    assert ring["modes_covered"] == 8
    assert ring["high_quality"] > 0.96


def test_report_of_waveforms_is_at_its_floor_for_real_ones():
    waves = data.wave_dataset(300)
    found = quality_report(waves.x[:100], waves)
    assert found["fundamental_frequency"]["distance"] < 0.3
    silent = quality_report(0.01 * waves.x[:100], waves)
    assert silent["peak"]["distance"] > 1.0 > found["peak"]["distance"]
    assert "copies" not in found


def test_samples_of_unknown_data_cannot_be_measured():
    images = data.from_arrays(np.zeros((4, 8, 8, 1), np.uint8), name="zeros")
    with pytest.raises(ValueError, match="trained on zeros, whose samples cannot be measured"):
        quality_report(images.x, images)
