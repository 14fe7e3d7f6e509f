"""Coverage of known modes by samples, and the coverage expected of a perfect sampler.

`mode_coverage` is for mixtures of equal Gaussians, `label_coverage` for modes that a classifier
recognises. `perfect_mode_coverage` and `perfect_label_coverage` are their real-data baselines.

>>> perfect = perfect_label_coverage(26_000, 1_000)  # for Stacked MNIST
>>> f"{perfect.modes:.1f} modes, KL {perfect.kl:.3f}"
'1000.0 modes, KL 0.019'
"""

import math
from typing import NamedTuple

import numpy as np

from jaxgan.types import Array

_PLANE_RADIUS = 3.0  # sigma; the high-quality radius in the plane, as in VEEGAN and PacGAN


class ModeCoverage(NamedTuple):
    """Coverage of a mixture of Gaussians.

    Attributes:
      modes: number of modes with at least one high-quality sample.
      high_quality: fraction of samples that are high quality.
      kl: KL divergence from the distribution over nearest modes to uniform, in nats.
      std: standard deviation within modes of the high-quality samples, in sigma, pooled over all
        modes. Below 1 the modes have contracted, which raises `high_quality`.
      counts: number of high-quality samples in each mode, [modes].
      stds: standard deviation within each mode in sigma, [modes]; NaN for fewer than two samples.
    """

    modes: float
    high_quality: float
    kl: float
    std: float
    counts: np.ndarray
    stds: np.ndarray


class LabelCoverage(NamedTuple):
    """Coverage of labelled modes.

    Attributes:
      modes: number of labels that occur.
      kl: KL divergence from the distribution over labels to uniform, in nats.
    """

    modes: float
    kl: float


# --- Mixtures of Gaussians


def mode_coverage(
    samples: Array | np.ndarray,
    centres: Array | np.ndarray,
    sigma: float,
    *,
    dimensions: int | None = None,
    radius: float | None = None,
) -> ModeCoverage:
    """Coverage of a mixture of equal isotropic Gaussians with known centres.

    A sample is high quality if it lies within `radius` sigma of a centre. In the plane the radius
    is 3 sigma. In many dimensions that ball would be almost empty, so the default radius grows with
    the dimension such that the ball always holds 98.9% of a Gaussian. (VEEGAN uses 10 sigma for 700
    dimensions; pass the radius of the work that you compare with.)

    Args:
      samples: finite samples [num, d].
      centres: centres of the modes [modes, d].
      sigma: standard deviation of the Gaussians in each of their dimensions, positive.
      dimensions: number of dimensions that the Gaussians fill, 1 to d; d if not given. Distances
        from a centre count all d dimensions.
      radius: radius of a high-quality sample in sigma; `quality_radius(dimensions)` if not given.
    Raises:
      ValueError: if shapes or numbers do not describe a mixture, or samples are non-finite.
    Source: Srivastava et al. 2017 (VEEGAN), section 4.1, https://arxiv.org/abs/1705.07761 (high
      quality, modes); Lin et al. 2018 (PacGAN), section 4.1, https://arxiv.org/abs/1712.04086
      (divergence of nearest modes)
    """
    x, centres = np.asarray(samples, np.float64), np.asarray(centres, np.float64)
    dimensions = _checked_dimensions(x, centres, sigma, dimensions)
    radius = quality_radius(dimensions) if radius is None else radius
    _check_positive(radius=radius)
    distances = np.stack([np.linalg.norm(x - centre[None], axis=1) for centre in centres], axis=1)
    nearest, good = distances.argmin(axis=1), distances.min(axis=1) < radius * sigma
    members = [x[good & (nearest == k)] for k in range(len(centres))]
    counts = np.array([len(points) for points in members])
    squares = np.array([_squared_deviations(points) for points in members])
    free = np.maximum(counts - 1, 0)
    return ModeCoverage(
        modes=int(np.sum(counts > 0)),
        high_quality=float(np.mean(good)),
        kl=_kl_to_uniform(np.bincount(nearest, minlength=len(centres))),
        std=float(_std(squares.sum(), free.sum() * dimensions) / sigma),
        counts=counts,
        stds=_std(squares, free * dimensions) / sigma,
    )


def perfect_mode_coverage(
    num_samples: int, num_modes: int, dimensions: int = 2, *, radius: float | None = None
) -> ModeCoverage:
    """The coverage expected of samples from the mixture itself, in closed form.

    Distances follow chi distributions, and counts are binomial.

    Args:
      num_samples: number of samples, 1 or more.
      num_modes: number of modes, 1 or more.
      dimensions: number of dimensions that the Gaussians fill.
      radius: radius of a high-quality sample in sigma; `quality_radius(dimensions)` if not given.
    Raises:
      ValueError: if a number is not positive.

    >>> perfect = perfect_mode_coverage(2_500, 25)
    >>> f"{perfect.modes:.2f} modes, {perfect.high_quality:.2%}, std {perfect.std:.3f}"
    '25.00 modes, 98.89%, std 0.974'
    """
    from scipy import special  # here, since importing it takes longer than using it

    _check_positive(num_samples=num_samples, num_modes=num_modes, dimensions=dimensions)
    radius = quality_radius(dimensions) if radius is None else radius
    _check_positive(radius=radius)
    # P_d = P(|x| < r) for x ~ N(0, 1)^d, and E[|x|^2; |x| < r] = d P_(d + 2)
    inside = float(special.gammainc(dimensions / 2, radius**2 / 2))
    std = math.sqrt(special.gammainc(dimensions / 2 + 1, radius**2 / 2) / inside)
    missed = (1.0 - inside / num_modes) ** num_samples
    return ModeCoverage(
        modes=num_modes * (1.0 - missed),
        high_quality=inside,
        kl=_expected_kl(num_samples, num_modes),
        std=std,
        counts=np.full(num_modes, num_samples * inside / num_modes),
        stds=np.full(num_modes, std),
    )


def quality_radius(dimensions: int) -> float:
    """Radius in sigma of the ball that holds the same fraction of a Gaussian as 3 sigma in 2-D.

    Args:
      dimensions: number of dimensions of the Gaussian, 1 or more.

    >>> [round(quality_radius(d), 2) for d in (1, 2, 700)]
    [2.54, 3.0, 28.08]
    """
    from scipy import special

    _check_positive(dimensions=dimensions)
    fraction = special.gammainc(1.0, _PLANE_RADIUS**2 / 2)  # 1 - exp(-9/2)
    return math.sqrt(2.0 * special.gammaincinv(dimensions / 2, fraction))


def _squared_deviations(points: np.ndarray) -> float:
    """Sum of squared distances to the mean of the points."""
    return float(np.sum((points - points.mean(axis=0)[None]) ** 2)) if len(points) else 0.0


def _std(squares: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Root of sums of squares over their degrees of freedom; NaN where there are none."""
    return np.sqrt(np.where(degrees > 0, squares / np.maximum(degrees, 1), np.nan))


# --- Labels


def label_coverage(labels: Array | np.ndarray, num_modes: int) -> LabelCoverage:
    """Coverage of modes that are identified by labels, such as those of Stacked MNIST.

    Args:
      labels: classes that a classifier assigns to samples, integers [num] in 0..num_modes - 1.
      num_modes: number of modes, which are equally likely.
    Raises:
      ValueError: if there are no labels, or a label is not an integer in range.
    Source: Metz et al. 2017 (unrolled GANs), section 3.3.1, https://arxiv.org/abs/1611.02163
    """
    _check_positive(num_modes=num_modes)
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be integers [num], got {labels.dtype} of shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= num_modes:
        raise ValueError(
            f"labels must lie in 0..{num_modes - 1}, got {labels.min()}..{labels.max()}"
        )
    counts = np.bincount(labels, minlength=num_modes)
    return LabelCoverage(int(np.sum(counts > 0)), _kl_to_uniform(counts))


def perfect_label_coverage(num_samples: int, num_modes: int) -> LabelCoverage:
    """The coverage expected of uniformly distributed labels.

    Args:
      num_samples: number of samples, 1 or more.
      num_modes: number of modes, 1 or more.
    Raises:
      ValueError: if a number is not positive.
    """
    _check_positive(num_samples=num_samples, num_modes=num_modes)
    missed = (1.0 - 1.0 / num_modes) ** num_samples
    return LabelCoverage(num_modes * (1.0 - missed), _expected_kl(num_samples, num_modes))


def stacked_label(digits: Array | np.ndarray) -> np.ndarray:
    """The mode of stacked digits: the decimal number that they form, 0..999 for three digits.

    Args:
      digits: integers [num, channels] in 0..9; the first channel is the most significant digit.
    Raises:
      ValueError: if digits are not integers in 0..9.

    >>> stacked_label(np.array([[4, 0, 7], [0, 0, 9]])).tolist()
    [407, 9]
    """
    digits = np.asarray(digits)
    if digits.ndim != 2 or not np.issubdtype(digits.dtype, np.integer):
        raise ValueError(
            f"digits must be integers [num, channels], got {digits.dtype} of shape {digits.shape}"
        )
    if digits.size and (digits.min() < 0 or digits.max() > 9):
        raise ValueError(f"digits must lie in 0..9, got {digits.min()}..{digits.max()}")
    return digits.astype(np.int64) @ 10 ** np.arange(digits.shape[1])[::-1]


# --- Divergence


def _kl_to_uniform(counts: np.ndarray) -> float:
    """sum_k p_k log(p_k K) for the fractions p of counts [K]."""
    from scipy import special

    fractions = counts / counts.sum()
    return max(0.0, float(np.sum(special.xlogy(fractions, fractions * len(counts)))))


def _expected_kl(num_samples: int, num_modes: int) -> float:
    """Mean of `_kl_to_uniform` over the counts of n uniform samples.

    K E[c/n log(K c/n)] with c ~ Binomial(n, 1/K); about (K - 1) / 2n for large n.
    """
    from scipy import special

    n, k = num_samples, num_modes
    c = np.arange(n + 1.0)
    log_chance = special.gammaln(n + 1) - special.gammaln(c + 1) - special.gammaln(n - c + 1)
    log_chance += special.xlogy(c, 1.0 / k) + special.xlog1py(n - c, -1.0 / k)
    return max(0.0, float(k * np.sum(np.exp(log_chance) * special.xlogy(c / n, k * c / n))))


# --- Checks


def _check_positive(**numbers: float):
    for name, number in numbers.items():
        if not number > 0:
            raise ValueError(f"{name} must be positive, got {number}")


def _checked_dimensions(
    x: np.ndarray, centres: np.ndarray, sigma: float, dimensions: int | None
) -> int:
    if x.ndim != 2 or centres.ndim != 2 or x.shape[1] != centres.shape[1] or not x.size:
        raise ValueError(
            f"samples must be [num, d] and centres [modes, d], got {x.shape} and {centres.shape}"
        )
    if not np.isfinite(x).all():
        raise ValueError("samples have non-finite values (NaN or infinity)")
    _check_positive(sigma=sigma)
    if dimensions is None:
        return x.shape[1]
    if not 1 <= dimensions <= x.shape[1]:
        raise ValueError(f"dimensions must lie in 1..{x.shape[1]}, got {dimensions}")
    return dimensions
