"""Distributions in the plane whose modes or curve are known, so that coverage can be counted."""

from collections.abc import Callable

import numpy as np

from jaxgan.data.dataset import Dataset, from_arrays

# Lin et al. 2018 (PacGAN), section 4.1, https://arxiv.org/abs/1712.04086
# centres at 2 pi k / 8: linspace(0, 2 pi, 8) would repeat an end point and leave 7 modes
_ANGLES = 2.0 * np.pi * np.arange(8) / 8.0
RING8_CENTRES = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1).astype(np.float32)
RING8_SIGMA = 0.01
GRID25_CENTRES = np.array([(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)], np.float32)
GRID25_SIGMA = 0.05
MIXTURES = {"ring8": (RING8_CENTRES, RING8_SIGMA), "grid25": (GRID25_CENTRES, GRID25_SIGMA)}
"""Centres and deviation of each mixture of Gaussians, by the name of its data."""

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


def gaussian(rng: np.random.Generator, num: int) -> np.ndarray:
    """Samples float32 [num, 2] of the standard normal distribution in the plane."""
    return rng.standard_normal((num, 2)).astype(np.float32)


def spiral(rng: np.random.Generator, num: int) -> np.ndarray:
    """Samples float32 [num, 2] of a two-turn spiral, evenly dense along it, sigma 0.015.

    One Archimedean arm from the origin to radius 1, with isotropic Gaussian noise around it.
    """
    points = _spiral_points(rng.uniform(size=num))
    return (points + SPIRAL_SIGMA * rng.standard_normal((num, 2))).astype(np.float32)


def spiral_curve(num: int) -> np.ndarray:
    """Points float32 [num, 2] on the noiseless spiral, both ends included, evenly in arc length.

    Raises:
      ValueError: if num < 2.
    """
    if num < 2:
        raise ValueError(f"spiral_curve needs num of 2 or more, got {num}")
    return _spiral_points(np.linspace(0.0, 1.0, num)).astype(np.float32)


def spiral_distance(points: np.ndarray, resolution: int = 4096) -> np.ndarray:
    """Distance of each point to the noiseless spiral.

    Args:
      points: float [n, 2], finite.
      resolution: points on the curve that are compared; at 4,096 they lie 0.0016 apart, so a
        distance is too large by at most 0.0008, and by far less off the curve.

    Returns:
      float64 [n], in units of the spiral's outer radius.
    """
    from sklearn.neighbors import KDTree  # here, since importing it takes longer than using it

    distance, _ = KDTree(spiral_curve(resolution)).query(np.asarray(points), k=1)
    return distance[:, 0]


DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "spiral": spiral,
    "ring8": ring8,
    "grid25": grid25,
    "gaussian": gaussian,
}


def toy_dataset(name: str, num: int = 100_000, seed: int = 0) -> Dataset:
    """A fixed training set drawn from one of `DISTRIBUTIONS`.

    Args:
      name: spiral, ring8, grid25 or gaussian.
      num: points to draw; PacGAN's protocol trains on 100,000.
      seed: of `np.random.default_rng`.

    Returns:
      Data set with x float32 [num, 2], unbounded, without labels.

    Raises:
      ValueError: if the name is unknown.

    >>> toy_dataset("ring8", num=4).x.shape
    (4, 2)
    """
    if name not in DISTRIBUTIONS:
        raise ValueError(f"unknown toy distribution {name!r}; known: {', '.join(DISTRIBUTIONS)}")
    return from_arrays(DISTRIBUTIONS[name](np.random.default_rng(seed), num), name=name)


def _mixture(rng: np.random.Generator, num: int, centres: np.ndarray, sigma: float) -> np.ndarray:
    mode = rng.integers(len(centres), size=num)
    return (centres[mode] + sigma * rng.standard_normal((num, 2))).astype(np.float32)


def _spiral_points(fraction: np.ndarray) -> np.ndarray:
    """Points float64 [n, 2] at the given fractions of the curve's length, in [0, 1]."""
    # r = a t has arc length s(t) = a/2 (t sqrt(1 + t^2) + asinh t), which no formula inverts
    t_end = 2.0 * np.pi * SPIRAL_TURNS
    table = np.linspace(0.0, t_end, 8192)
    length = table * np.sqrt(1.0 + table**2) + np.arcsinh(table)
    t = np.interp(fraction, length / length[-1], table)
    return (t / t_end)[:, None] * np.stack([np.cos(t), np.sin(t)], axis=1)
