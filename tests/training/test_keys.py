"""The keys of a run, whose bits stay the same: a seed means the same numbers in all versions."""

import jax
import numpy as np
import pytest

from jaxgan.training.keys import run_keys, training_keys


def bits(key):
    return np.asarray(jax.random.key_data(key)).tolist()


@pytest.mark.parametrize(
    ("seed", "training", "images", "scores"),
    [
        (0, [1797259609, 2579123966], [928981903, 3453687069], [4146024105, 2718843009]),
        (7, [3625411723, 1954958720], [195045567, 4062205631], [966301609, 1948237315]),
    ],
)
def test_the_keys_of_a_run_have_these_bits(seed, training, images, scores):
    keys = run_keys(seed)
    assert (bits(keys.training), bits(keys.images), bits(keys.scores)) == (training, images, scores)


def test_the_keys_of_training_have_these_bits(key):
    keys = training_keys(key)
    assert bits(keys.init) == [1797259609, 2579123966]
    assert bits(keys.rounds) == [928981903, 3453687069]
    assert bits(keys.order) == [4146024105, 2718843009]
    assert bits(keys.transforms) == [2467461003, 3840466878]
    assert bits(key) == bits(jax.random.key(0))  # not used up
