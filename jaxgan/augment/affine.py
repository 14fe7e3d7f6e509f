"""Affine maps of images: of their pixels' places, and of their colours; random ones of both.

Matrices are homogeneous, and drawn as Karras et al. 2020 do, https://arxiv.org/abs/2006.06676
(appendix B). Functions are of one image or one key; map them over a batch with `jax.vmap`.

>>> image = jnp.arange(6.0).reshape(2, 3, 1)
>>> print(sample_affine(image, jnp.diag(jnp.array([1.0, -1.0, 1.0])))[..., 0])  # mirrored
[[2. 1. 0.]
 [5. 4. 3.]]
"""

import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates

from jaxgan.types import Array

# --- Places


def sample_affine(x: Array, inverse: Array) -> Array:
    """An image moved by an affine map: the output at q is x at `inverse` q, by bilinear sampling.

    Args:
      x: image float [height, width, channels]; beyond its borders it is reflected.
      inverse: float [3, 3], of (row, column, 1) in pixels from the image's centre.
    Returns:
      Float [height, width, channels].
    """
    height, width, _ = x.shape
    centre = jnp.array([(height - 1) / 2, (width - 1) / 2])
    rows, columns = jnp.meshgrid(
        jnp.arange(height) - centre[0], jnp.arange(width) - centre[1], indexing="ij"
    )
    places = jnp.stack([rows, columns, jnp.ones_like(rows)])
    # Exactly: a whole pixel must stay one, whatever precision products have on the device.
    moved = jnp.einsum("ij,jhw->ihw", inverse, places, precision="highest")
    coordinates = [moved[0] + centre[0], moved[1] + centre[1]]
    sample = jax.vmap(
        lambda channel: map_coordinates(channel, coordinates, order=1, mode="mirror"),
        in_axes=2,
        out_axes=2,
    )
    return sample(x).astype(x.dtype)


def geometric_jitter_matrix(key: Array, size: tuple[int, int], strength: Array | float) -> Array:
    """The inverse, as `sample_affine` takes it, of a random map: each part with probability p.

    In order: mirroring left to right, quarter turns, shifts by up to an eighth in whole pixels,
    scaling by 2^(.2 n), turning by any angle, stretching by 2^(.2 n), turning again, shifts by .125
    n of the size, with n normal.

    Args:
      key: PRNG key.
      size: height and width in pixels.
      strength: p, scalar in [0, 1].
    Returns:
      float32 [3, 3].
    """
    flip, quarter, whole, scale, before, stretch, after, shift = jax.random.split(key, 8)
    p = jnp.asarray(strength, jnp.float32)
    # Two turns may happen; together they do with probability p.
    p_turn = 1.0 - jnp.sqrt(jnp.maximum(1.0 - p, 0.0))
    sides = jnp.asarray(size, jnp.float32)
    mirror = _perhaps(flip, p, lambda k: jnp.where(jax.random.bernoulli(k), -1.0, 1.0), 1.0)
    quarters = _perhaps(quarter, p, lambda k: jax.random.randint(k, (), 0, 4), 0)
    pixels = _perhaps(
        whole, p, lambda k: jnp.round(jax.random.uniform(k, (2,), minval=-1.0) * sides / 8), 0.0
    )
    zoom = _perhaps(scale, p, lambda k: 2.0 ** (0.2 * jax.random.normal(k)), 1.0)
    factor = _perhaps(stretch, p, lambda k: 2.0 ** (0.2 * jax.random.normal(k)), 1.0)
    moved = _perhaps(shift, p, lambda k: 0.125 * jax.random.normal(k, (2,)) * sides, 0.0)
    parts = (
        _scaling(1.0, mirror),
        _turn(quarters * (jnp.pi / 2)),
        _shift(-pixels),
        _scaling(1 / zoom, 1 / zoom),
        _turn(_perhaps(before, p_turn, _angle, 0.0)),
        _scaling(factor, 1 / factor),
        _turn(_perhaps(after, p_turn, _angle, 0.0)),
        _shift(-moved),
    )
    return jnp.linalg.multi_dot(parts, precision="highest")


def _perhaps(key: Array, probability: Array, draw, otherwise) -> Array:
    gate_key, draw_key = jax.random.split(key)
    return jnp.where(jax.random.bernoulli(gate_key, probability), draw(draw_key), otherwise)


def _angle(key: Array) -> Array:
    return jax.random.uniform(key, minval=-jnp.pi, maxval=jnp.pi)


def _scaling(rows, columns) -> Array:
    return jnp.diag(jnp.stack([jnp.asarray(v, jnp.float32) for v in (rows, columns, 1.0)]))


def _turn(angle: Array) -> Array:
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    matrix = jnp.eye(3).at[:2, :2].set(jnp.array([[cosine, -sine], [sine, cosine]]))
    return matrix


def _shift(pixels: Array) -> Array:
    return jnp.eye(3).at[:2, 2].set(pixels)


# --- Colours


def transform_colors(x: Array, matrix: Array) -> Array:
    """An image in the colours that an affine map makes of its own.

    Args:
      x: image float [height, width, 1 or 3]; a grey one stays grey: the mean of what the map makes.
      matrix: float [4, 4], of (red, green, blue, 1).
    Returns:
      Float of the same shape.
    Raises:
      ValueError: if there are neither 1 nor 3 channels.
    """
    channels = x.shape[2]
    if channels not in (1, 3):
        raise ValueError(f"x must have 1 or 3 channels, got shape {x.shape}")
    linear, constant = matrix[:3, :3], matrix[:3, 3]
    if channels == 1:
        return (x * (jnp.sum(linear) / 3) + jnp.mean(constant)).astype(x.dtype)
    y = jnp.einsum("ij,hwj->hwi", linear, x) + constant[None, None]
    return y.astype(x.dtype)


def color_jitter_matrix(key: Array, strength: Array | float) -> Array:
    """A random map of colours in [-1, 1], as `transform_colors` takes it.

    In order, each with probability p: brightness shifted by .2 n, contrast times 2^(.5 n), luma
    mirrored, hue turned by any angle, saturation times 2^n, with n normal.

    Args:
      key: PRNG key.
      strength: p, scalar in [0, 1].
    Returns:
      float32 [4, 4].
    """
    shift, contrast, luma, hue, saturation = jax.random.split(key, 5)
    p = jnp.asarray(strength, jnp.float32)
    added = _perhaps(shift, p, lambda k: 0.2 * jax.random.normal(k), 0.0)
    factor = _perhaps(contrast, p, lambda k: 2.0 ** (0.5 * jax.random.normal(k)), 1.0)
    flipped = _perhaps(luma, p, lambda k: jax.random.bernoulli(k).astype(jnp.float32), 0.0)
    angle = _perhaps(hue, p, _angle, 0.0)
    vivid = _perhaps(saturation, p, lambda k: 2.0 ** jax.random.normal(k), 1.0)
    along = jnp.full((3, 3), 1 / 3)  # the projection on grey
    across = jnp.eye(3) - along
    # As the maps of row 3x3: x -> S H L C (x + b)
    linear = jnp.linalg.multi_dot(
        (
            along + vivid * across,
            _turn_about_luma(angle),
            jnp.eye(3) - 2.0 * flipped * along,
            factor * jnp.eye(3),
        ),
        precision="highest",
    )
    constant = jnp.sum(linear, axis=1) * added
    return jnp.eye(4).at[:3, :3].set(linear).at[:3, 3].set(constant)


def _turn_about_luma(angle: Array) -> Array:
    """The rotation about grey, v = (1, 1, 1) / 3^(1/2): v v' + cos (1 - v v') + sin [v]_x."""
    cross = jnp.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / 3.0**0.5
    along = jnp.full((3, 3), 1 / 3)
    return along + jnp.cos(angle) * (jnp.eye(3) - along) + jnp.sin(angle) * cross
