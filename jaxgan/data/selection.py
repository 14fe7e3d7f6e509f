"""Instance selection: training on the part of the data that a model of them finds most likely."""

import jax
import numpy as np

from jaxgan.data.dataset import Dataset

_RIDGE = 1e-5  # added to the variance of each feature


def select_instances(dataset: Dataset, features: np.ndarray, keep: float) -> Dataset:
    """The samples that are most likely under a Gaussian in feature space, in their order.

    A GAN trained on them gives better and less varied samples: it no longer has to model the rare
    ones. With labels, each class has its own Gaussian and keeps the same fraction.

    Args:
      dataset: N samples.
      features: of each sample, float [N, d], from any network, such as `scoring`'s extractors.
      keep: fraction to keep, in (0, 1].
    Returns:
      A dataset of the samples kept, at least 2.
    Raises:
      ValueError: if an argument has another shape or range, features are not finite, or there are
        no more samples (of a class) than features, which makes all equally likely.
    Source: DeVries et al. 2020, section 3, https://arxiv.org/abs/2007.15255

    >>> from jaxgan.data import from_arrays
    >>> points = np.array([[0.0], [9.0], [1.0], [-1.0], [0.5]], np.float32)
    >>> select_instances(from_arrays(points), points, keep=0.8).x.ravel().tolist()
    [0.0, 1.0, -1.0, 0.5]
    """
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or len(features) != dataset.size:
        raise ValueError(
            f"features must be [N, d] with N = {dataset.size} samples, got shape {features.shape}"
        )
    if not np.isfinite(features).all():
        raise ValueError("features must be finite, but some are not")
    if not 0.0 < keep <= 1.0:
        raise ValueError(f"keep must be a fraction in (0, 1], got {keep}")
    if keep == 1.0:
        return dataset
    labels = np.zeros(dataset.size, int) if dataset.labels is None else dataset.labels
    kept = [_most_likely(np.flatnonzero(labels == c), features, keep) for c in np.unique(labels)]
    chosen = np.sort(np.concatenate(kept))
    if len(chosen) < 2:
        raise ValueError(f"keep={keep} leaves {len(chosen)} of {dataset.size} samples: keep more")
    condition = jax.tree.map(lambda part: part[chosen], dataset.condition)
    return dataset._replace(x=dataset.x[chosen], condition=condition)


def _most_likely(members: np.ndarray, features: np.ndarray, keep: float) -> np.ndarray:
    own = features[members]
    if len(own) <= own.shape[1]:
        raise ValueError(
            f"{len(own)} samples of a class are no more than the {own.shape[1]} features, so that "
            "all are equally likely: pass fewer features, such as their principal components"
        )
    # log p(f) = -(f - mu)' Sigma^-1 (f - mu) / 2 + constant
    deviations = own - own.mean(axis=0)
    covariance = deviations.T @ deviations / len(own) + _RIDGE * np.eye(own.shape[1])
    distances = np.sum(deviations * np.linalg.solve(covariance, deviations.T).T, axis=1)
    count = max(1, round(keep * len(own)))
    return members[np.argsort(distances, kind="stable")[:count]]
