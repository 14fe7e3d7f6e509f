"""Which of the modes that are known samples cover, how evenly; and what true samples would score.

`mode_coverage` is for mixtures of equal Gaussians, `label_coverage` for modes that a classifier
tells. Beside each stands what a perfect sampler is expected to score with as many samples.

>>> floor = perfect_label_coverage(26_000, 1_000)  # of Stacked MNIST
>>> f"{floor.modes:.1f} modes, KL {floor.kl:.3f}"
'1000.0 modes, KL 0.019'
"""

import math
from typing import NamedTuple

import numpy as np

from jaxgan.types import Array

_PLANE_RADIUS = 3.0  # sigma; what is of high quality in the plane, by VEEGAN's and PacGAN's rule


class ModeCoverage(NamedTuple):
    """How samples lie on a mixture of Gaussians.

    `modes` have at least one sample of high quality, which are a share `high_quality` of all.
    `kl` is that of the samples' nearest modes to uniform, in nats. `deviation` is the standard
    deviation of those of high quality from the mean of their mode, in sigma, over all modes; below
    1 modes have contracted, which raises the share. `counts` [modes] are the samples of high
    quality in each, `deviations` [modes] those of each (NaN for fewer than two).
    """

    modes: float
    high_quality: float
    kl: float
    deviation: float
    counts: np.ndarray
    deviations: np.ndarray


class LabelCoverage(NamedTuple):
    """How many of the labels occur, and the KL divergence of their shares to uniform, in nats."""

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
    """Coverage of a mixture of equal isotropic Gaussians whose centres are known.

    A sample is of high quality within `radius` sigma of a centre: 3 in the plane. That ball would
    be all but empty in many dimensions, so by default it holds as much of a Gaussian in any number
    of them, 98.9 %. (VEEGAN has 10 sigma for 700 dimensions; give what you compare with.)

    Args:
      samples: [num, d], finite.
      centres: of the modes [modes, d].
      sigma: standard deviation of the Gaussians in each of their dimensions, positive.
      dimensions: that the Gaussians fill, 1 to d; all if not given. Samples off a flat one are
        the farther from its centre.
      radius: in sigma; `quality_radius(dimensions)` if not given.
    Raises:
      ValueError: if shapes or numbers are none for a mixture, or samples are not finite.
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
        deviation=float(_deviation(squares.sum(), free.sum() * dimensions) / sigma),
        counts=counts,
        deviations=_deviation(squares, free * dimensions) / sigma,
    )


def perfect_mode_coverage(
    num_samples: int, num_modes: int, dimensions: int = 2, *, radius: float | None = None
) -> ModeCoverage:
    """What `mode_coverage` is expected to give for samples of the mixture itself.

    All in closed form: chances are those of chi-square distributions; counts are binomial.

    Args:
      num_samples: how many, 1 or more.
      num_modes: of the mixture, 1 or more.
      dimensions: that its Gaussians fill.
      radius: in sigma; `quality_radius(dimensions)` if not given.
    Raises:
      ValueError: if a number is not positive.

    >>> floor = perfect_mode_coverage(2_500, 25)
    >>> f"{floor.modes:.2f} modes, {floor.high_quality:.2%}, deviation {floor.deviation:.3f}"
    '25.00 modes, 98.89%, deviation 0.974'
    """
    from scipy import special  # here, since importing it takes longer than using it

    _check_positive(num_samples=num_samples, num_modes=num_modes, dimensions=dimensions)
    radius = quality_radius(dimensions) if radius is None else radius
    _check_positive(radius=radius)
    # P_d = P(|x| < r) for x ~ N(0, 1)^d, and E[|x|^2; |x| < r] = d P_(d + 2)
    inside = float(special.gammainc(dimensions / 2, radius**2 / 2))
    deviation = math.sqrt(special.gammainc(dimensions / 2 + 1, radius**2 / 2) / inside)
    missed = (1.0 - inside / num_modes) ** num_samples
    return ModeCoverage(
        modes=num_modes * (1.0 - missed),
        high_quality=inside,
        kl=_expected_kl(num_samples, num_modes),
        deviation=deviation,
        counts=np.full(num_modes, num_samples * inside / num_modes),
        deviations=np.full(num_modes, deviation),
    )


def quality_radius(dimensions: int) -> float:
    """Radius in sigma of the ball that holds as much of a Gaussian as 3 sigma do in the plane.

    Args:
      dimensions: of the Gaussian, 1 or more.

    >>> [round(quality_radius(d), 2) for d in (1, 2, 700)]
    [2.54, 3.0, 28.08]
    """
    from scipy import special

    _check_positive(dimensions=dimensions)
    share = special.gammainc(1.0, _PLANE_RADIUS**2 / 2)  # 1 - exp(-9/2)
    return math.sqrt(2.0 * special.gammaincinv(dimensions / 2, share))


def _squared_deviations(points: np.ndarray) -> float:
    """Sum of squared distances to the mean."""
    return float(np.sum((points - points.mean(axis=0)[None]) ** 2)) if len(points) else 0.0


def _deviation(squares: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Root of squares over their degrees of freedom; NaN where there are none."""
    return np.sqrt(np.where(degrees > 0, squares / np.maximum(degrees, 1), np.nan))


# --- Labels


def label_coverage(labels: Array | np.ndarray, num_modes: int) -> LabelCoverage:
    """Coverage of modes that are told by labels, for instance of Stacked MNIST.

    Args:
      labels: what a classifier takes samples for, integers [num] in 0..num_modes - 1.
      num_modes: how many there are, equally likely.
    Raises:
      ValueError: if there are no labels, or some are none.
    Source: Metz et al. 2017 (unrolled GANs), section 3.3.1, https://arxiv.org/abs/1611.02163
    """
    _check_positive(num_modes=num_modes)
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be integers [num], got shape {labels.shape} of {labels.dtype}"
        )
    if labels.min() < 0 or labels.max() >= num_modes:
        raise ValueError(
            f"labels must lie in 0..{num_modes - 1}, got {labels.min()}..{labels.max()}"
        )
    counts = np.bincount(labels, minlength=num_modes)
    return LabelCoverage(int(np.sum(counts > 0)), _kl_to_uniform(counts))


def perfect_label_coverage(num_samples: int, num_modes: int) -> LabelCoverage:
    """What `label_coverage` is expected to give for labels that are uniform.

    Args:
      num_samples: how many, 1 or more.
      num_modes: how many there are, 1 or more.
    """
    _check_positive(num_samples=num_samples, num_modes=num_modes)
    missed = (1.0 - 1.0 / num_modes) ** num_samples
    return LabelCoverage(num_modes * (1.0 - missed), _expected_kl(num_samples, num_modes))


def stacked_label(digits: Array | np.ndarray) -> np.ndarray:
    """The mode of stacked digits: the number that they write, 0..999 for three.

    Args:
      digits: integers [num, channels] in 0..9, that of the first channel the most significant.
    Raises:
      ValueError: if they are no digits.

    >>> stacked_label(np.array([[4, 0, 7], [0, 0, 9]])).tolist()
    [407, 9]
    """
    digits = np.asarray(digits)
    if digits.ndim != 2 or not np.issubdtype(digits.dtype, np.integer):
        raise ValueError(
            f"digits must be integers [num, channels], got shape {digits.shape} of {digits.dtype}"
        )
    if digits.size and (digits.min() < 0 or digits.max() > 9):
        raise ValueError(f"digits must lie in 0..9, got {digits.min()}..{digits.max()}")
    return digits.astype(np.int64) @ 10 ** np.arange(digits.shape[1])[::-1]


# --- Divergence


def _kl_to_uniform(counts: np.ndarray) -> float:
    """sum_k p_k log(p_k K) of the shares p of counts [K]."""
    from scipy import special

    shares = counts / counts.sum()
    return max(0.0, float(np.sum(special.xlogy(shares, shares * len(counts)))))


def _expected_kl(num_samples: int, num_modes: int) -> float:
    """Mean of `_kl_to_uniform` for counts of so many uniform samples.

    K E[c/n log(K c/n)] with c ~ Binomial(n, 1/K); about (K - 1) / 2n for many samples.
    """
    from scipy import special

    n, k = num_samples, num_modes
    c = np.arange(n + 1.0)
    log_chance = special.gammaln(n + 1) - special.gammaln(c + 1) - special.gammaln(n - c + 1)
    log_chance += special.xlogy(c, 1.0 / k) + special.xlog1py(n - c, -1.0 / k)
    return max(0.0, float(k * np.sum(np.exp(log_chance) * special.xlogy(c / n, k * c / n))))


# --- Refusals


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
        raise ValueError("samples have values that are not finite")
    _check_positive(sigma=sigma)
    if dimensions is None:
        return x.shape[1]
    if not 1 <= dimensions <= x.shape[1]:
        raise ValueError(f"dimensions must lie in 1..{x.shape[1]}, got {dimensions}")
    return dimensions
