"""Scores of memorisation, which compare generated samples with training and held-out ones."""

from collections.abc import Sequence

import numpy as np

from jaxgan.data import Dataset, Records
from jaxgan.metrics.memorisation import Proximity, copying_test_of, nearer_of, proximity
from jaxgan.scoring.extractors import Extractor, FeatureSet
from jaxgan.scoring.scores import VALUES, Score, score_name, scores_of

MOST_COMPARED = 50_000
"""Training samples that are compared, at random, if there are more."""
CELLS = 3  # of the test of data copying


def without_memorisation(
    names: Sequence[str] | None, dataset: Dataset | Records, held_out: Dataset | Records | None
) -> tuple[Sequence[str] | None, Dataset | Records | None]:
    """The other metrics, and the held-out samples if the metric "memorisation" is among the names.

    Raises:
      ValueError: if it is and there are no held-out samples of the data's shape.
    """
    if names is None or "memorisation" not in names:
        return names, None
    if held_out is None:
        raise ValueError(
            "memorisation needs real samples that were not used in training: give them with "
            "--held-out DATA"
        )
    if tuple(held_out.shape) != tuple(dataset.shape):
        raise ValueError(
            f"the held-out samples must have the shape of the data, {tuple(dataset.shape)}, got "
            f"{tuple(held_out.shape)} of {held_out.name}"
        )
    return [name for name in names if name != "memorisation"], held_out


def memorisation_scores(
    extractor: Extractor,
    train: FeatureSet,
    held_out: FeatureSet,
    fake: FeatureSet,
    errors: bool = True,
) -> list[Score]:
    """Score generated samples by how near they are to training samples.

    Half of the held-out samples are compared with; the others, at most as many as generated ones,
    give the baselines.

    Args:
      extractor: the extractor of the features, for the scores' names.
      train: features of training samples; copies of other training samples go unnoticed.
      held_out: features of real samples that were not used in training, in random order.
      fake: features of generated samples, in random order.
      errors: whether to estimate errors too.
    Raises:
      ValueError: if there are fewer than four held-out samples, or features are non-finite.
    """
    held, rest = np.split(held_out.features, [len(held_out.features) // 2])
    if len(held) < 2:
        raise ValueError(f"memorisation needs four held-out samples, got {2 * len(held)}")
    n, m = len(train.features), len(held)

    def see(x: np.ndarray) -> FeatureSet:
        found = proximity(train.features, held, x, CELLS)
        return FeatureSet(np.stack(found, axis=1))  # distances, the features of these scores

    def statistic(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
        p, q = (Proximity(*x.features.T) for x in (real, fake))
        values = (
            float(np.mean(q.neighbour < q.training)),
            nearer_of(q.training, q.held_out, n, m).copied,
            copying_test_of(p, q),
        )
        return dict(zip(VALUES["memorisation"], values, strict=True))

    other = see(rest[: len(fake.features)])
    seen = see(held), see(fake.features), other
    scores = scores_of({"memorisation": statistic}, extractor, *seen, errors=errors)
    return [
        score._replace(name=score_name(value, extractor, len(fake.features), n))
        for score, value in zip(scores, VALUES["memorisation"], strict=True)
    ]
