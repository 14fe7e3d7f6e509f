"""Memorisation: whether generated samples are copies of training samples.

Scores of quality reward a generator that returns its training samples. These scores compare how
near generated samples and held-out real ones are to the training samples.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.metrics.checks import Features, check_features, check_finite
from jaxgan.metrics.neighbours import (
    nearest,
    squared_nearest,
    squared_nearest_alike,
    squared_radii,
)
from jaxgan.types import Array

_FEW_IN_CELL = 20  # generated samples; such cells are left out, as in the authors' code
_DUPLICATE_QUANTILE = 0.01
_ROUNDS = 50  # of k-means


class NearerToTraining(NamedTuple):
    """How often samples are nearer to training samples than to held-out ones.

    Attributes:
      fraction: fraction of samples that are nearer to a training sample than to every held-out one.
      expected: this fraction for samples that do not depend on the training samples.
      copied: the fraction of copies that explains the difference, (fraction - expected) /
        (1 - expected). 0 for no copies, 1 for copies only; negative values are chance.
    """

    fraction: float
    expected: float
    copied: float


class NearDuplicates(NamedTuple):
    """How near samples are to training samples.

    Attributes:
      fraction: fraction of samples that are closer to a training sample than 99% of training
        samples are to their own nearest neighbour. Fresh real samples have about 1%.
      nearest: median distance from a sample to the nearest training sample.
      nearest_real: median distance from a training sample to its nearest neighbour.
    """

    fraction: float
    nearest: float
    nearest_real: float


class Proximity(NamedTuple):
    """What the scores of memorisation are computed from, one value per sample.

    Attributes:
      training: distance to the nearest training sample.
      neighbour: distance from that training sample to its nearest other training sample.
      held_out: distance to the nearest held-out sample.
      cell: the cell of the sample.
      within: distance to the nearest training sample of the same cell.
    """

    training: np.ndarray
    neighbour: np.ndarray
    held_out: np.ndarray
    cell: np.ndarray
    within: np.ndarray


# --- The scores


def authenticity(train: Features, fake: Features) -> float:
    """The fraction of generated samples that are not copies.

    A sample is a copy if it is at least as near to its nearest training sample as that sample is
    to its nearest other training sample. Fresh real samples score far below 1, so compare with the
    authenticity of held-out ones.

    Args:
      train: features of training samples [num, features], floats.
      fake: features of generated samples [num, features], floats.
    Returns:
      A number in [0, 1], computed in float64.
    Raises:
      ValueError: if the sets differ in their number of features, or one has fewer than two samples
        or non-finite values.
    Source: Alaa et al. 2022, section 4.3, https://arxiv.org/abs/2102.08921. The authors' code of
      2021 compares with the nearest generated sample of each training sample instead.

    >>> authenticity(np.array([[0.0], [1.0]]), np.array([[0.1], [3.0]]))
    0.5
    """
    check_features(train, fake)
    with jax.enable_x64(True):
        x, y = _centred(train, fake)
        index, squared = nearest(y, x)
        return float(jnp.mean(squared_radii(x, 1)[index] < squared, dtype=float))


def nearer_to_training(train: Features, held_out: Features, fake: Features) -> NearerToTraining:
    """How often generated samples are nearer to training samples than to held-out ones.

    Training and held-out samples are drawn alike. So for a generator that does not copy, the
    nearest of all of them is a training sample with the probability n / (n + m), for n training and
    m held-out samples.

    Args:
      train: features of training samples [n, features], floats.
      held_out: features of real samples that were not used in training [m, features].
      fake: features of generated samples [num, features].
    Returns:
      Three fractions, computed in float64.
    Raises:
      ValueError: if the sets differ in their number of features, or one has fewer than two samples
        or non-finite values.
    Source: the data-copying baseline of Meehan et al. 2020, section 2,
      https://arxiv.org/abs/2004.05675, with nearest neighbours in both sets
    """
    _check(train, held_out, fake)
    with jax.enable_x64(True):
        x, y, held = _centred(train, fake, held_out)
        return nearer_of(squared_nearest(y, x), squared_nearest(y, held), len(train), len(held_out))


def nearer_of(
    training: Array | np.ndarray, held_out: Array | np.ndarray, n: int, m: int
) -> NearerToTraining:
    """The score `nearer_to_training` from distances.

    Args:
      training: distances of samples to the nearest of n training samples [num].
      held_out: distances to the nearest of m held-out samples [num].
      n: number of training samples.
      m: number of held-out samples.
    """
    # a tie counts half, so that samples in both sets are no sign of copying
    each = np.asarray(training), np.asarray(held_out)
    fraction = float(np.mean(each[0] < each[1]) + 0.5 * np.mean(each[0] == each[1]))
    expected = n / (n + m)
    return NearerToTraining(fraction, expected, (fraction - expected) / (1.0 - expected))


def copying_test(train: Features, held_out: Features, fake: Features, cells: int = 3) -> float:
    """The three-sample test of data copying, C_T, in standard deviations.

    In each cell of the data, a rank test compares the distances of generated and of held-out
    samples to the nearest training sample. C_T is the mean over cells, weighted by the held-out
    samples in each. It is far below 0 (say, -3) if generated samples are nearer to training samples
    than held-out ones are, and far above 0 if they are farther away.

    Args:
      train: features of training samples [num, features], floats.
      held_out: features of real samples that were not used in training [num, features].
      fake: features of generated samples [num, features].
      cells: the number of cells, from k-means clustering of the training samples. Cells with
        20 generated samples or fewer are left out.
    Returns:
      C_T, computed in float64; NaN if all cells are left out.
    Raises:
      ValueError: if the sets differ in their number of features, or one has fewer than two samples
        or non-finite values, or cells is not from 1 to the number of training samples.
    Source: Meehan et al. 2020, section 3, https://arxiv.org/abs/2004.05675, with the continuity
      correction of the authors' code, https://github.com/casey-meehan/data-copying
    """
    _check(train, held_out, fake)
    return copying_test_of(*(proximity(train, held_out, x, cells) for x in (held_out, fake)))


def copying_test_of(held_out: Proximity, fake: Proximity) -> float:
    """The test `copying_test` from distances of held-out and of generated samples."""
    total, weights = 0.0, 0
    for cell in np.unique(held_out.cell):
        p, q = (x.within[x.cell == cell] for x in (held_out, fake))
        if len(q) > _FEW_IN_CELL:
            total += len(p) * _rank_test(q, p)
            weights += len(p)
    return total / weights if weights else float("nan")


def _rank_test(q: np.ndarray, p: np.ndarray) -> float:
    from scipy.stats import rankdata

    # Z = (U - m n / 2 + 1 / 2) / sqrt(m n (m + n + 1) / 12), where U counts the pairs with q > p
    m, n = len(q), len(p)
    u = np.sum(rankdata(np.concatenate([q, p]))[:m]) - m * (m + 1) / 2
    return float((u - m * n / 2 + 0.5) / np.sqrt(m * n * (m + n + 1) / 12))


def near_duplicates(x: np.ndarray, real: np.ndarray, most: int = 10_000) -> NearDuplicates:
    """Compare the distances from samples to training samples with those among training samples.

    Args:
      x: features of the samples, [num, features].
      real: features of the training samples, [num, features].
      most: the number of training samples whose own nearest neighbours are searched.
    """
    from sklearn.neighbors import NearestNeighbors

    neighbours = NearestNeighbors(n_neighbors=2).fit(real)
    own = neighbours.kneighbors(real[:most])[0][:, 1]
    distances = neighbours.kneighbors(x, n_neighbors=1)[0][:, 0]
    fraction = np.mean(distances < np.quantile(own, _DUPLICATE_QUANTILE))
    return NearDuplicates(float(fraction), float(np.median(distances)), float(np.median(own)))


# --- Distances


def proximity(train: Features, held_out: Features, x: Features, cells: int = 1) -> Proximity:
    """Distances of samples to training and to held-out samples, see `Proximity`.

    Args:
      train: features of training samples [num, features], floats.
      held_out: features of real samples that were not used in training [num, features].
      x: features of the samples [num, features].
      cells: the number of cells, from k-means clustering of the training samples.
    Raises:
      ValueError: if the sets differ in their number of features, or one has fewer than two samples
        or non-finite values, or cells is not from 1 to the number of training samples.
    """
    _check(train, held_out, x)
    if not 1 <= cells <= len(train):
        raise ValueError(f"cells must be from 1 to {len(train)}, the samples, got {cells}")
    with jax.enable_x64(True):
        t, y, held = _centred(train, x, held_out)
        index, squared = nearest(y, t)
        found = squared, squared_radii(t, 1)[index], squared_nearest(y, held)
        training, neighbour, other = (np.sqrt(np.asarray(part)) for part in found)
        if cells == 1:
            return Proximity(training, neighbour, other, np.zeros(len(y), int), training)
        cell, within = _in_cells(t, y, cells)
    return Proximity(training, neighbour, other, cell, within)


def _in_cells(train: Array, x: Array, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """The cell of each sample, and its distance to the nearest training sample in it."""
    centres = cell_centres(train, cells)
    own, cell = (nearest(part, centres)[0] for part in (train, x))
    return np.asarray(cell), np.sqrt(np.asarray(squared_nearest_alike(x, cell, train, own)))


@functools.partial(jax.jit, static_argnames="cells")
def cell_centres(x: Array, cells: int) -> Array:
    """The centres of cells by k-means, from the usual random start and always the same key.

    Args:
      x: samples, floats [num, features].
      cells: the number of cells.
    Returns:
      Centres [cells, features].
    Source: Arthur & Vassilvitskii 2007 (k-means++), https://dl.acm.org/doi/10.5555/1283383.1283494
    """

    def distances(centres: Array) -> Array:
        squared = jnp.sum(x**2, axis=1)[:, None] + jnp.sum(centres**2, axis=1)[None]
        return jnp.maximum(squared - 2.0 * x @ centres.T, 0.0)

    def update(_: int, centres: Array) -> Array:
        members = jax.nn.one_hot(jnp.argmin(distances(centres), axis=1), cells, dtype=x.dtype)
        counts = jnp.sum(members, axis=0)[:, None]
        return jnp.where(counts > 0, members.T @ x / jnp.maximum(counts, 1.0), centres)

    first_key, *keys = jax.random.split(jax.random.key(0), cells)
    centres = x[jax.random.randint(first_key, (1,), 0, len(x))]
    for key in keys:
        farther = jnp.log(jnp.min(distances(centres), axis=1))
        centres = jnp.concatenate([centres, x[jax.random.categorical(key, farther)][None]])
    return jax.lax.fori_loop(0, _ROUNDS, update, centres)


def _check(train: Features, held_out: Features, fake: Features):
    for name, x in (("train", train), ("held_out", held_out), ("fake", fake)):
        if np.ndim(x) != 2 or np.shape(x)[1] != np.shape(train)[-1] or len(x) < 2:
            raise ValueError(
                f"{name} must be [num, features] with num >= 2 and the features of train, got "
                f"shape {np.shape(x)} beside {np.shape(train)}"
            )
        check_finite(name, x)


def _centred(train: Features, *others: Features) -> list[Array]:
    """All in float64 minus the mean of train, because squares of large numbers hide distances."""
    x = jnp.asarray(train).astype(float)
    mean = jnp.mean(x, axis=0)[None]
    return [x - mean, *(jnp.asarray(other).astype(float) - mean for other in others)]
