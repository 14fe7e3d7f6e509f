"""The classification accuracy score: high for samples of the right class, chance for others."""

import jax
import numpy as np
import pytest

from jaxgan import data
from jaxgan.scoring import classification_accuracy_score


def stripes(seed, num=200):
    """Images of two classes, with vertical and with horizontal stripes, and noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num) % 2
    rows = np.broadcast_to(200 * (np.arange(8) % 2)[:, None], (8, 8))
    x = np.where(labels[:, None, None] == 0, rows[None], rows.T[None]) + rng.integers(
        0, 50, (num, 8, 8)
    )
    return data.from_arrays(x[..., None].astype(np.uint8), labels.astype(np.int32))


@pytest.mark.slow
def test_score_is_that_of_what_the_samples_teach():
    generated, real = stripes(0), stripes(1)
    exchanged = generated._replace(condition=1 - generated.labels)
    key = jax.random.key(0)
    found = classification_accuracy_score(key, generated, real, steps=30)
    assert found.accuracy > 0.95
    np.testing.assert_allclose(np.mean(found.each), found.accuracy)
    assert classification_accuracy_score(key, exchanged, real, steps=30).accuracy < 0.05


def test_samples_in_another_range_or_without_labels_are_refused():
    generated, key = stripes(0), jax.random.key(0)
    for real in (generated._replace(high=1.0), generated._replace(condition=None)):
        with pytest.raises(
            ValueError, match="real must have labels, and the shape and value range"
        ):
            classification_accuracy_score(key, generated, real, steps=1)
