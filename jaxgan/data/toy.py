"""Toy distributions with known modes or curves, so that coverage can be measured."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxgan.checks import closest
from jaxgan.data.dataset import Dataset, from_arrays

# Lin et al. 2018 (PacGAN), section 4.1, https://arxiv.org/abs/1712.04086
# centres at 2 pi k / 8; linspace(0, 2 pi, 8) would repeat an end point and leave 7 modes
_ANGLES = 2.0 * np.pi * np.arange(8) / 8.0
RING8_CENTRES = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1).astype(np.float32)
RING8_SIGMA = 0.01
GRID25_CENTRES = np.array([(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)], np.float32)
GRID25_SIGMA = 0.05
# Srivastava et al. 2017 (VEEGAN), section 4.1, https://arxiv.org/abs/1705.07761: ten Gaussians of
# 700 dimensions in 1,200. Their centres and widths are chosen here; the paper does not state them.
MIXTURE1200_SIGMA = 0.1
MIXTURE1200_DIMENSIONS = 700
_MIXTURE1200_MODES = 10
_MIXTURE1200_SEED = 1200

SPIRAL_TURNS = 2
SPIRAL_SIGMA = 0.015  # the arms lie 1 / SPIRAL_TURNS apart: more than 30 sigma


def ring8(rng: np.random.Generator, num: int) -> np.ndarray:
    """Samples float32 [num, 2] of 8 equal Gaussians on the unit circle, sigma 0.01.

    Source: Lin et al. 2018 (PacGAN), section 4.1, https://arxiv.org/abs/1712.04086
    """
    return _mixture(rng, num, RING8_CENTRES, RING8_SIGMA)


def grid25(rng: np.random.Generator, num: int) -> np.ndarray:
    """Samples float32 [num, 2] of 25 equal Gaussians at {-4, -2, 0, 2, 4}^2, sigma 0.05.

    Source: Lin et al. 2018 (PacGAN), section 4.1, https://arxiv.org/abs/1712.04086
    """
    return _mixture(rng, num, GRID25_CENTRES, GRID25_SIGMA)


def mixture1200(rng: np.random.Generator, num: int) -> np.ndarray:
    """Samples float32 [num, 1200] of 10 equal Gaussians that fill 700 dimensions, sigma 0.05.

    The subspace and its centres, `mixture1200_centres()`, are random but fixed.

    Source: Srivastava et al. 2017 (VEEGAN), section 4.1, https://arxiv.org/abs/1705.07761 (ten
      Gaussians of 700 dimensions in 1,200; subspace, centres and sigma are chosen here)
    """
    centres, basis = mixture1200_centres(), _mixture1200_basis()
    mode = rng.integers(len(centres), size=num)
    noise = rng.standard_normal((num, len(basis)), dtype=np.float32)
    return centres[mode] + np.float32(MIXTURE1200_SIGMA) * (noise @ basis)


@functools.cache
def mixture1200_centres() -> np.ndarray:
    """Centres float32 [10, 1200] of `mixture1200`, standard normal in its subspace.

    Centres lie about 370 sigma apart, and samples about 26 sigma from their centre.
    """
    rng = np.random.default_rng(_MIXTURE1200_SEED)
    basis = _mixture1200_basis()
    centres = rng.standard_normal((_MIXTURE1200_MODES, len(basis)), np.float32) @ basis
    centres.flags.writeable = False
    return centres


@functools.cache
def _mixture1200_basis() -> np.ndarray:
    """Orthonormal rows float32 [700, 1200] that span a random subspace."""
    rng = np.random.default_rng([_MIXTURE1200_SEED, 1])
    q, r = np.linalg.qr(rng.standard_normal((1200, MIXTURE1200_DIMENSIONS)))
    return (q * np.sign(np.diag(r))[None]).T.astype(
        np.float32
    )  # independent of the signs that LAPACK chooses


def gaussian(rng: np.random.Generator, num: int) -> np.ndarray:
    """Samples float32 [num, 2] of the standard normal distribution in the plane."""
    return rng.standard_normal((num, 2)).astype(np.float32)


def spiral(rng: np.random.Generator, num: int) -> np.ndarray:
    """Samples float32 [num, 2] of a spiral with two turns, uniform in arc length, sigma 0.015.

    One Archimedean arm from the origin to radius 1, with isotropic Gaussian noise.
    """
    points = _spiral_points(rng.uniform(size=num))
    return (points + SPIRAL_SIGMA * rng.standard_normal((num, 2))).astype(np.float32)


def spiral_curve(num: int) -> np.ndarray:
    """Points float32 [num, 2] on the noiseless spiral, evenly spaced from end to end.

    Raises:
      ValueError: if num < 2.
    """
    if num < 2:
        raise ValueError(f"num must be 2 or more, got {num}")
    return _spiral_points(np.linspace(0.0, 1.0, num)).astype(np.float32)


def spiral_distance(points: np.ndarray, resolution: int = 4096) -> np.ndarray:
    """Distance of each point to the noiseless spiral.

    Args:
      points: finite points, float [n, 2].
      resolution: number of points on the curve to compare with. With 4,096 points, 0.0016 apart, a
        distance is too large by at most 0.0008, and by much less away from the curve.

    Returns:
      float64 [n], in units of the spiral's outer radius.
    """
    from sklearn.neighbors import KDTree  # imported here because it is slow to import

    distance, _ = KDTree(spiral_curve(resolution)).query(np.asarray(points), k=1)
    return distance[:, 0]


class Mixture(NamedTuple):
    """A mixture of equal isotropic Gaussians.

    Attributes:
      centres: the centres of the modes [modes, d].
      sigma: the standard deviation of each mode.
      dimensions: the number of dimensions that the Gaussians fill.
    """

    centres: np.ndarray
    sigma: float
    dimensions: int


MIXTURES: dict[str, Callable[[], Mixture]] = {
    "ring8": lambda: Mixture(RING8_CENTRES, RING8_SIGMA, 2),
    "grid25": lambda: Mixture(GRID25_CENTRES, GRID25_SIGMA, 2),
    "mixture1200": lambda: Mixture(
        mixture1200_centres(), MIXTURE1200_SIGMA, MIXTURE1200_DIMENSIONS
    ),
}
"""The mixtures among `DISTRIBUTIONS`."""
DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "spiral": spiral,
    "ring8": ring8,
    "grid25": grid25,
    "mixture1200": mixture1200,
    "gaussian": gaussian,
}


def toy_dataset(name: str, num: int | None = None, seed: int = 0) -> Dataset:
    """A fixed training set drawn from one of `DISTRIBUTIONS`.

    Args:
      name: spiral, ring8, grid25, mixture1200 or gaussian.
      num: number of points; if not given, 100,000 as in PacGAN's protocol, or 10,000 (48 MB) for
        mixture1200.
      seed: the seed of `np.random.default_rng`.

    Returns:
      Dataset with x float32 [num, d], unbounded and without labels; d is 2, or 1,200 for
      mixture1200.

    Raises:
      ValueError: if the name is unknown.

    >>> toy_dataset("ring8", num=4).x.shape
    (4, 2)
    """
    if name not in DISTRIBUTIONS:
        raise ValueError(
            f"unknown toy distribution {name!r}.{closest(name, DISTRIBUTIONS)} "
            f"Known: {', '.join(DISTRIBUTIONS)}"
        )
    if num is None:
        num = 10_000 if name == "mixture1200" else 100_000
    return from_arrays(DISTRIBUTIONS[name](np.random.default_rng(seed), num), name=name)


def _mixture(rng: np.random.Generator, num: int, centres: np.ndarray, sigma: float) -> np.ndarray:
    mode = rng.integers(len(centres), size=num)
    return (centres[mode] + sigma * rng.standard_normal((num, 2))).astype(np.float32)


def _spiral_points(fraction: np.ndarray) -> np.ndarray:
    """Points float64 [n, 2] at the given fractions, in [0, 1], of the curve's length."""
    # r = a t has arc length s(t) = a/2 (t sqrt(1 + t^2) + asinh t), which has no inverse formula
    t_end = 2.0 * np.pi * SPIRAL_TURNS
    table = np.linspace(0.0, t_end, 8192)
    length = table * np.sqrt(1.0 + table**2) + np.arcsinh(table)
    t = np.interp(fraction, length / length[-1], table)
    return (t / t_end)[:, None] * np.stack([np.cos(t), np.sin(t)], axis=1)
