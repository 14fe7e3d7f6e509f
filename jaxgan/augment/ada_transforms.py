"""ADA's whole list of transforms, in the named sets of the authors' code."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from jaxgan.augment.affine import (
    color_jitter_matrix,
    geometric_jitter_matrix,
    sample_filtered,
    transform_colors,
    with_probability,
)
from jaxgan.augment.low_pass import band_matrices
from jaxgan.augment.value_range import check_images
from jaxgan.checks import check_choice
from jaxgan.types import Array

SETS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("blit", "geom", "color", "filter", "noise", "cutout")},
    "bg": ("blit", "geom"),
    "bgc": ("blit", "geom", "color"),
    "bgcf": ("blit", "geom", "color", "filter"),
    "bgcfn": ("blit", "geom", "color", "filter", "noise"),
    "bgcfnc": ("blit", "geom", "color", "filter", "noise", "cutout"),
}
"""The named sets and their groups of transforms, in the order in which they are applied."""

_NOISE, _CUTOUT = 0.1, 0.5  # standard deviation of sigma; side of the rectangle
_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)  # of natural images in each band


def pipeline(
    transforms: str | Mapping[str, float] = "bgc",
) -> Callable[[Array, Array, Array | float], Array]:
    """A named set of ADA's transforms, each with probability p.

    - blit: horizontal flip, quarter turns, shift by whole pixels, up to 1/8 of each side;
    - geom: scaling by 2^(0.2 n), rotation by any angle, stretching by 2^(0.2 n), another rotation,
      shift by 0.125 n of each side;
    - color: brightness, contrast, luma flip, hue, saturation, see `strong_color_jitter`;
    - filter: each of four octaves of frequencies amplified by 2^n, at constant power on average;
    - noise: normal noise with standard deviation 0.1 |n|;
    - cutout: a square of half the image's sides set to 0;

    with n standard normal. bg, bgc, bgcf, bgcfn and bgcfnc are blit and geom, with color, and so
    on. The authors' default is bgc.

    Images are resampled once for blit and geom together, by `sample_filtered`, which takes about
    36 times the memory of the images.

    R3GAN's set has half the probability of colours, and a strength that rises:

        r3gan = pipeline({"blit": 1.0, "geom": 1.0, "color": 0.5, "cutout": 1.0})
        augmentation = constant(cosine(0.0, 0.55, burn_in), transforms=r3gan)

    Args:
      transforms: name of the set, or groups of transforms with the probability of each as a
        fraction of p, in (0, 1].
    Returns:
      `(keys, x, strength) -> x`, for x float [batch, height, width, channels] in [-1, 1] of any
      size, and for color 1 or 3 channels; values may leave [-1, 1].
    Raises:
      ValueError: if there is no such set or group, or a fraction is out of range. When applied, if
        samples are not images.
    Source: Karras et al. 2020, appendix B, https://arxiv.org/abs/2006.06676, and
      training/augment.py and train.py of https://github.com/NVlabs/stylegan2-ada-pytorch; R3GAN's
      are from train.py of https://github.com/brownvc/R3GAN (CIFAR-10)
    """
    fractions = _fractions(transforms)
    blit, geom = fractions.get("blit", 0.0), fractions.get("geom", 0.0)

    def one(key: Array, x: Array, strength: Array | float) -> Array:
        place, color, bands, noise, cut = jax.random.split(key, 5)
        p = {name: part * jnp.asarray(strength, jnp.float32) for name, part in fractions.items()}
        if blit or geom:
            size = (x.shape[0], x.shape[1])
            x = sample_filtered(x, geometric_jitter_matrix(place, size, strength, blit, geom))
        if "color" in p:
            x = transform_colors(x, color_jitter_matrix(color, p["color"]))
        x = amplify_bands(x, band_gains(bands, p["filter"])) if "filter" in p else x
        x = _noisy(noise, x, p["noise"]) if "noise" in p else x
        return _cut(cut, x, p["cutout"]) if "cutout" in p else x

    def apply(keys: Array, x: Array, strength: Array | float) -> Array:
        check_images(keys, x)
        return jax.vmap(one, in_axes=(0, 0, None))(keys, x, strength)

    return apply


def _fractions(transforms: str | Mapping[str, float]) -> dict[str, float]:
    """The fraction of p of each group of transforms; raises a ValueError for what has none."""
    if isinstance(transforms, str):
        check_choice(transforms=(transforms, tuple(SETS)))
        return dict.fromkeys(SETS[transforms], 1.0)
    if not transforms:
        raise ValueError("transforms are empty: name one of " + ", ".join(SETS["bgcfnc"]))
    for name, fraction in transforms.items():
        check_choice(transforms=(name, SETS["bgcfnc"]))
        if not 0.0 < fraction <= 1.0:
            raise ValueError(f"{name} must be a fraction of p, in (0, 1], got {fraction}")
    return dict(transforms)


# --- Filtering


def band_gains(key: Array, strength: Array) -> Array:
    """Random gains of the four octaves, each changed by 2^n with probability p, float32 [4].

    Each change is scaled so that the power of images with a spectrum of 1/f stays the same.
    """

    def drawn(key: Array) -> Array:
        return with_probability(key, strength, lambda k: 2.0 ** jax.random.normal(k), 1.0)

    changed = jax.vmap(drawn)(jax.random.split(key, 4))
    # t_i = 1 but for its i-th element;  g = prod_i t_i / sqrt(sum_b power_b t_ib^2)
    t = jnp.where(jnp.eye(4, dtype=bool), changed[:, None], 1.0)
    power = jnp.sum(jnp.array(_POWER)[None] * t**2, axis=1, keepdims=True)
    return jnp.prod(t / jnp.sqrt(power), axis=0).astype(jnp.float32)


def amplify_bands(x: Array, gains: Array) -> Array:
    """An image whose octaves of frequencies, along each axis, are multiplied by gains.

    Args:
      x: image float [height, width, channels].
      gains: float [4], of the lowest octave first.
    """
    rows, columns = (jnp.tensordot(gains, band_matrices(n), 1) for n in x.shape[:2])
    return jnp.einsum("ih,hwc,jw->ijc", rows, x, columns).astype(x.dtype)


# --- Corruptions


def _noisy(key: Array, x: Array, p: Array) -> Array:
    scale_key, noise_key = jax.random.split(key)
    sigma = with_probability(scale_key, p, lambda k: _NOISE * jnp.abs(jax.random.normal(k)), 0.0)
    return x + (sigma * jax.random.normal(noise_key, x.shape)).astype(x.dtype)


def _cut(key: Array, x: Array, p: Array) -> Array:
    due_key, centre_key = jax.random.split(key)
    due, centre = jax.random.bernoulli(due_key, p), jax.random.uniform(centre_key, (2,))
    return jnp.where(due, without_square(x, centre), x)


def without_square(x: Array, centre: Array) -> Array:
    """An image with zeros within a quarter of its sides of a centre.

    Args:
      x: image float [height, width, channels].
      centre: row and column as fractions of the image's sides, float [2].
    """
    near = [
        jnp.abs((jnp.arange(n) + 0.5) / n - at) < _CUTOUT / 2
        for n, at in zip(x.shape[:2], centre, strict=True)
    ]
    return jnp.where((near[0][:, None] & near[1][None])[..., None], 0, x)
