"""The PRNG keys of a run, each named after its use. No other file knows the order of a split."""

from typing import NamedTuple

import jax

from jaxgan.types import Array


class RunKeys(NamedTuple):
    """The keys of a run in a folder, which start from its seed.

    Attributes:
      training: of the training state, see `training_keys`.
      images: of the latents of the sample images.
      scores: of the samples that are scored during training.
    """

    training: Array
    images: Array
    scores: Array


def run_keys(seed: int) -> RunKeys:
    """The keys of a run with this seed."""
    return RunKeys(*jax.random.split(jax.random.key(seed), 3))


class TrainingKeys(NamedTuple):
    """The keys of training, which start from the key of its state.

    Attributes:
      init: of the initial parameters.
      rounds: of the rounds; each folds in its number.
      order: of the order of the data.
      transforms: of the random flips and crops of real images; each round folds in its number.
    """

    init: Array
    rounds: Array
    order: Array
    transforms: Array


def training_keys(key: Array) -> TrainingKeys:
    """The keys of training from a key, which stays usable."""
    return TrainingKeys(*jax.random.split(jax.random.clone(key), 4))


class MemberKeys(NamedTuple):
    """The keys of a member of a population.

    Attributes:
      training: of its training; `jaxgan.fit` with this key trains the same member.
      score: of its scores.
    """

    training: Array
    score: Array


def member_keys(key: Array, seed: int | Array) -> MemberKeys:
    """The keys of the members with a seed, one per setting: all settings share them."""
    return MemberKeys(*jax.random.split(jax.random.fold_in(key, seed)))
