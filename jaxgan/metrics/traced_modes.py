"""Coverage of known modes as a traced function: the scores of `mode_coverage` inside a program."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.types import Array


def mode_scores(
    samples: Array, centres: Array | np.ndarray, sigma: float, radius: float = 3.0
) -> dict[str, Array]:
    """Coverage of a mixture of equal isotropic Gaussians, for scores inside compiled programs.

    The numbers are those of `jaxgan.metrics.mode_coverage`, in float32. Samples that are not
    finite are of low quality, and make "kl" NaN.

    Args:
      samples: generated samples [num, d].
      centres: centres of the modes [modes, d].
      sigma: standard deviation of the Gaussians.
      radius: radius of a high-quality sample in sigma; the default is for d = 2, see
        `jaxgan.metrics.quality_radius` for others.
    Returns:
      Float32 scalars "modes", "high_quality", "kl" and "std", see `jaxgan.metrics.ModeCoverage`.
    Raises:
      ValueError: if samples and centres are not [num, d] and [modes, d].
    """
    x, centres = jnp.asarray(samples, jnp.float32), jnp.asarray(centres, jnp.float32)
    if x.ndim != 2 or centres.ndim != 2 or x.shape[1] != centres.shape[1]:
        raise ValueError(
            f"samples must be [num, d] and centres [modes, d], got {x.shape} and {centres.shape}"
        )
    offsets = x[:, None] - centres[None]
    distances = jnp.linalg.norm(offsets, axis=2)
    nearest = jax.nn.one_hot(jnp.argmin(distances, axis=1), len(centres))
    good = jnp.min(distances, axis=1) < radius * sigma
    members = nearest * good[:, None]
    counts = jnp.sum(members, axis=0)
    # sum |x - mean|^2 within a mode, around its centre for accuracy: mean = centre + shift
    shifts = jnp.einsum("nk,nkd->kd", members, jnp.where(good[:, None, None], offsets, 0.0))
    shifts = shifts / jnp.maximum(counts, 1.0)[:, None]
    around = jnp.where(good[:, None, None], offsets, 0.0) - shifts[None]
    squares = jnp.sum(members * jnp.sum(around**2, axis=2))
    degrees = jnp.sum(jnp.maximum(counts - 1.0, 0.0)) * x.shape[1]
    std = jnp.sqrt(jnp.where(degrees > 0, squares / jnp.maximum(degrees, 1.0), jnp.nan)) / sigma
    # sum_k p_k log(p_k K) for the fractions p of nearest modes
    p = jnp.mean(nearest, axis=0)
    kl = jnp.sum(jax.scipy.special.xlogy(p, p * len(centres)))
    return {
        "modes": jnp.sum(counts > 0).astype(jnp.float32),
        "high_quality": jnp.mean(good.astype(jnp.float32)),
        "kl": jnp.where(jnp.isfinite(x).all(), jnp.maximum(kl, 0.0), jnp.nan),
        "std": std,
    }
