"""The small classifier whose features scores are taken on."""

import jax
import numpy as np
import pytest

from jaxgan import data
from jaxgan.scoring import classifier
from jaxgan.scoring.classifier import classifier_for, classify, train_classifier


@pytest.fixture(scope="module")
def bars():
    """Noisy 8x8 images of a horizontal or a vertical bar, 0..255."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    x = rng.integers(0, 60, (400, 8, 8, 1))
    for image, label, place in zip(x, labels, rng.integers(0, 8, 400), strict=True):
        (image if label else image.swapaxes(0, 1))[place] += 180
    return data.from_arrays(x.astype(np.uint8), labels, "bars")


@pytest.fixture(scope="module")
def trained(bars):
    return train_classifier(jax.random.key(0), bars, steps=100)


def scaled(dataset, num):
    return dataset.x[:num].astype(np.float32) / 127.5 - 1.0


def test_it_is_right_on_held_out_samples(trained):
    assert trained.num_classes == 2
    assert trained.held_out == 40
    assert trained.accuracy >= 0.95


def test_stated_accuracy_is_that_on_samples_it_was_not_trained_on(bars):
    rng = np.random.default_rng(1)
    noise = bars._replace(condition=rng.integers(0, 2, 400).astype(np.int32))
    found = train_classifier(jax.random.key(0), noise, steps=100)
    assert found.accuracy < 0.8  # trained labels would be learnt by heart


def test_logits_tell_the_class_and_do_not_depend_on_the_number_given(bars, trained):
    found = classify(trained, scaled(bars, 300))
    assert found.features.shape == (300, 64)
    assert np.mean(found.logits.argmax(axis=1) == bars.condition[:300]) > 0.95
    one = classify(trained, scaled(bars, 300)[7:8])
    np.testing.assert_allclose(one.features[0], found.features[7], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_unlabelled_samples_are_left_out(bars):
    labels = np.where(np.arange(400) < 200, bars.condition, -1).astype(np.int32)
    found = train_classifier(jax.random.key(0), bars._replace(condition=labels), steps=2)
    assert found.held_out == 20


def test_same_key_gives_the_same_classifier(bars, trained):
    again = train_classifier(jax.random.key(0), bars, steps=100)
    jax.tree.map(np.testing.assert_array_equal, again.params, trained.params)


def test_second_request_reads_the_file(bars, tmp_path, monkeypatch):
    monkeypatch.setattr(classifier, "STEPS", 3)
    first = classifier_for(bars, tmp_path)
    (file,) = tmp_path.iterdir()
    monkeypatch.setattr(classifier, "train_classifier", None)  # would be an error now
    again = classifier_for(bars, tmp_path)
    assert again[1:] == first[1:]
    jax.tree.map(np.testing.assert_array_equal, again.params, first.params)
    assert file.suffix == ".safetensors"


@pytest.mark.parametrize("damage", [b"", b"nonsense" * 20])
def test_damaged_file_is_written_anew(bars, tmp_path, monkeypatch, damage):
    trainings = []
    made = classifier.Classifier({"a": {"b": np.zeros(1)}}, 2, 0.5, 40)
    monkeypatch.setattr(classifier, "train_classifier", lambda *_: trainings.append(1) or made)
    classifier_for(bars, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    classifier_for(bars, tmp_path)
    classifier_for(bars, tmp_path)
    assert len(trainings) == 2


def test_where_nothing_can_be_kept_it_is_trained_all_the_same(bars, tmp_path, monkeypatch):
    made = classifier.Classifier({"a": {"b": np.zeros(1)}}, 2, 0.5, 40)
    monkeypatch.setattr(classifier, "train_classifier", lambda *_: made)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JAXGAN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="cannot be cached .*: set JAXGAN_CACHE to a folder"):
        assert classifier_for(bars) is made


def test_other_data_and_other_seeds_have_files_of_their_own(bars, tmp_path, monkeypatch):
    made = classifier.Classifier({"a": {"b": np.zeros(1)}}, 2, 0.5, 40)
    monkeypatch.setattr(classifier, "train_classifier", lambda *_: made)
    other = bars._replace(x=bars.x[::-1])
    for dataset, seed in ((bars, 0), (bars, 1), (other, 0), (bars._replace(high=16.0), 0)):
        classifier_for(dataset, tmp_path, seed)
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("kept", ["points", "unlabelled", "few"])
def test_data_without_classes_are_refused(bars, kept):
    x = np.zeros((50, 2), np.float32)
    refused = {
        "points": data.from_arrays(x, np.arange(50) % 2, "points"),
        "unlabelled": bars._replace(condition=None),
        "few": bars._replace(x=bars.x[:10], condition=bars.condition[:10]),
    }[kept]
    with pytest.raises(ValueError, match="a classifier needs"):
        train_classifier(jax.random.key(0), refused)


def test_batches_show_every_sample_equally_often():
    rows = np.concatenate(list(classifier._batches(jax.random.key(0), 300, 8)))
    assert np.bincount(rows, minlength=300).max() <= 4
    assert len(rows) == 8 * 128
