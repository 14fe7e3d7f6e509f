"""How many independent samples weighted or correlated ones are worth."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.types import Array


def weights_effective_size(log_weights: Array) -> Array:
    """The effective sample size of importance weights, a scalar from 1 to num.

      (sum w)^2 / sum w^2

    With the log density ratios of a generator's samples it says how many samples of the data
    distribution they are worth.

    Args:
      log_weights: float [num], up to a constant.
    Source: Kish 1965, "Survey Sampling", section 8.2.

    >>> weights_effective_size(jnp.zeros(10)).item()
    10.0
    """
    normal = jax.nn.softmax(log_weights)
    return 1.0 / jnp.sum(normal**2)


def chain_effective_size(traces: np.ndarray) -> float:
    """The mean number of independent draws per chain, steps / autocorrelation time.

    The autocorrelations are averaged over the chains, and summed up to the first pair of
    neighbouring lags whose sum is negative.

    Args:
      traces: a quantity along each chain, float [steps, chains], at least 4 steps.
    Returns:
      A number from 1 to the number of steps; 1 if nothing changes.
    Raises:
      ValueError: if traces have another shape.
    Source: Geyer 1992, section 3.3 (the initial positive sequence),
      https://doi.org/10.1214/ss/1177011137
    """
    traces = np.asarray(traces, np.float64)
    if traces.ndim != 2 or len(traces) < 4:
        raise ValueError(
            f"traces must be [steps, chains] with at least 4 steps, got {traces.shape}"
        )
    steps = len(traces)
    centred = traces - traces.mean()
    # Padded with zeros, so that the circular correlation is the plain one.
    spectrum = np.abs(np.fft.rfft(centred, 2 * steps, axis=0)) ** 2
    covariance = np.fft.irfft(spectrum, axis=0)[:steps].mean(axis=1)
    if covariance[0] <= 0:
        return 1.0
    correlation = covariance / np.arange(steps, 0, -1)
    correlation /= correlation[0]
    pairs = correlation[: steps // 2 * 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    last = negative[0] if len(negative) else len(pairs)
    time = 2.0 * pairs[:last].sum() - 1.0
    return float(np.clip(steps / max(time, 1.0), 1.0, steps))
