"""The log density ratio log p_data(x) / p_generator(x) from a discriminator.

The logits of the original losses are that ratio for the best discriminator. Those of relativistic,
hinge and Wasserstein losses are not, and no trained discriminator is the best one. A logistic
regression on the logits and features corrects both.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.critics import mean_over_patches
from jaxgan.types import Array, DiscriminatorOutput

MOST_FEATURES = 2_048
"""Features of more numbers are left out of the inputs of the logistic regression."""
_FEWEST = 20  # samples per side: the regression is fitted to one half, checked on the other
_STRENGTHS = np.logspace(-4, 2, 7)  # of scikit-learn's C, the inverse of the penalty


class DensityRatio(NamedTuple):
    """A logistic regression from a discriminator's outputs to the log density ratio.

    Attributes:
      mean: of the inputs, float32 [inputs].
      scale: their standard deviation, float32 [inputs].
      weights: of the standardised inputs, float32 [inputs].
      bias: float32 scalar.
    """

    mean: Array
    scale: Array
    weights: Array
    bias: Array


def head_inputs(output: DiscriminatorOutput) -> Array:
    """The inputs of the regression, float32 [batch, inputs]: the logit, and features of any.

    Args:
      output: of a discriminator. A map of logits counts by its mean. Features with more than
        `MOST_FEATURES` numbers per sample are left out.
    """
    logits = mean_over_patches(output.logits).astype(jnp.float32)[:, None]
    leaves = jax.tree.leaves(output.features)
    flat = [leaf.astype(jnp.float32).reshape(len(logits), -1) for leaf in leaves]
    if sum(leaf.shape[1] for leaf in flat) > MOST_FEATURES:
        flat = []
    return jnp.concatenate([logits, *flat], axis=1)


def log_ratio(ratio: DensityRatio, inputs: Array) -> Array:
    """The log density ratio of samples, float32 [batch], for inputs [batch, inputs]."""
    standard = (inputs - ratio.mean[None]) / ratio.scale[None]
    return standard @ ratio.weights + ratio.bias


class Calibration(NamedTuple):
    """How well density ratios say which samples are real.

    Attributes:
      accuracy: fraction of samples on whose side they are right; 0.5 if nothing can be told.
      z: how many standard deviations the number of real samples is off what the ratios expect;
        within -2 and 2 if they are calibrated.
    """

    accuracy: float
    z: float


def calibration(real: Array, fake: Array) -> Calibration:
    """The calibration of log density ratios of real and as many fake samples, each float [num].

    Raises:
      ValueError: if their numbers differ.
    Source: Turner et al. 2019, section 3.2 (Z), https://arxiv.org/abs/1811.11357
    """
    if real.shape != fake.shape or real.ndim != 1:
        raise ValueError(
            f"real and fake must be [num] with the same num, got {real.shape} and {fake.shape}"
        )
    ratios = np.concatenate([np.asarray(real), np.asarray(fake)]).astype(np.float64)
    y = np.repeat([1.0, 0.0], len(real))
    p = 1.0 / (1.0 + np.exp(-ratios))
    spread = np.sqrt(np.sum(p * (1.0 - p)))
    right = np.where(ratios == 0, 0.5, (ratios > 0) == (y > 0))
    return Calibration(float(right.mean()), float(np.sum(y - p) / max(spread, 1e-12)))


def fit_density_ratio(
    real: Array, fake: Array, strengths: Sequence[float] = tuple(_STRENGTHS)
) -> tuple[DensityRatio, Calibration]:
    """Fit the density ratio to a discriminator's outputs for held-out real and generated samples.

    Args:
      real: inputs of real samples, float [num, inputs], see `head_inputs`. They should not have
        been used for training.
      fake: inputs of as many generated samples.
      strengths: inverse weights of the L2 penalty, of which that with the lowest loss on the held
        half is chosen.
    Returns:
      The ratio, fitted to every other sample, and its calibration on the other half.
    Raises:
      ValueError: if the numbers of samples differ or are below 20, or inputs are not finite.
    Source: logistic regression as in Turner et al. 2019, section 3.2,
      https://arxiv.org/abs/1811.11357
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    _check_inputs(real, fake)
    x = np.stack([np.asarray(real, np.float64), np.asarray(fake, np.float64)], axis=1)
    x, held = x[0::2].reshape(-1, x.shape[-1]), x[1::2].reshape(-1, x.shape[-1])
    y, held_y = np.tile([1, 0], len(x) // 2), np.tile([1, 0], len(held) // 2)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    fits = []
    for strength in strengths:
        model = LogisticRegression(C=strength, max_iter=2_000).fit((x - mean) / scale, y)
        fits.append((log_loss(held_y, model.predict_proba((held - mean) / scale)), model))
    best = min(fits, key=lambda fit: fit[0])[1]
    parts = (mean, scale, best.coef_[0], best.intercept_[0])
    ratio = DensityRatio._make(jnp.asarray(part, jnp.float32) for part in parts)
    own = log_ratio(ratio, jnp.asarray(held, jnp.float32))
    return ratio, calibration(own[held_y == 1], own[held_y == 0])


def _check_inputs(real: Array, fake: Array):
    for name, inputs in (("real", real), ("fake", fake)):
        if inputs.ndim != 2 or len(inputs) < _FEWEST:
            raise ValueError(
                f"{name} must be [num, inputs] with at least {_FEWEST} samples, got {inputs.shape}"
            )
        if not np.isfinite(np.asarray(inputs)).all():
            raise ValueError(f"{name} has values that are not finite: train the GAN again")
    if real.shape != fake.shape:
        raise ValueError(
            f"real and fake must be of the same shape, got {real.shape} and {fake.shape}"
        )
