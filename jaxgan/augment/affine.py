"""Affine maps of pixel positions and of colours, and random matrices for both.

Matrices are homogeneous and drawn as in Karras et al. 2020, appendix B,
https://arxiv.org/abs/2006.06676. Functions take one image or one key; use `jax.vmap` for a batch.

>>> image = jnp.arange(6.0).reshape(2, 3, 1)
>>> print(sample_affine(image, jnp.diag(jnp.array([1.0, -1.0, 1.0])))[..., 0])  # mirrored
[[2. 1. 0.]
 [5. 4. 3.]]
"""

import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates

from jaxgan.augment.low_pass import downsampling_matrix, upsampling_matrix
from jaxgan.types import Array

# --- Positions


def sample_affine(x: Array, inverse: Array) -> Array:
    """An image transformed by an affine map, y[q] = x[inverse q], with bilinear interpolation.

    Args:
      x: image float [height, width, channels], reflected at its borders.
      inverse: inverse of the map, float [3, 3], for (row, column, 1) in pixels from the centre.
    Returns:
      Float [height, width, channels].
    """
    height, width, _ = x.shape
    centre = jnp.array([(height - 1) / 2, (width - 1) / 2])
    rows, columns = jnp.meshgrid(
        jnp.arange(height) - centre[0], jnp.arange(width) - centre[1], indexing="ij"
    )
    positions = jnp.stack([rows, columns, jnp.ones_like(rows)])
    # Highest precision, so that shifts by whole pixels are exact on every device.
    source = jnp.einsum("ij,jhw->ihw", inverse, positions, precision="highest")
    coordinates = [source[0] + centre[0], source[1] + centre[1]]
    sample = jax.vmap(
        lambda channel: map_coordinates(channel, coordinates, order=1, mode="mirror"),
        in_axes=2,
        out_axes=2,
    )
    return sample(x).astype(x.dtype)


def sample_filtered(x: Array, inverse: Array) -> Array:
    """The same as `sample_affine`, low-pass filtered against aliasing.

    The image is reflected once at each border, upsampled by 2, sampled bilinearly, and downsampled
    by 2. It is 0 beyond its reflections.

    Args:
      x: image float [height, width, channels].
      inverse: inverse of the map, float [3, 3], for (row, column, 1) in pixels from the centre.
    Returns:
      Float [height, width, channels].
    Source: Karras et al. 2020, appendix B.2, https://arxiv.org/abs/2006.06676
    """
    up = [upsampling_matrix(n) for n in x.shape[:2]]
    down = [downsampling_matrix(n) for n in x.shape[:2]]
    fine = jnp.einsum("ih,hwc,jw->ijc", up[0], x, up[1])
    # In pixels of half the size, between which the centre lies: T(-1/2) S(2) A S(1/2) T(1/2)
    half = jnp.full(2, 0.5)
    parts = (_shift(-half), _scaling(2.0, 2.0), inverse, _scaling(0.5, 0.5), _shift(half))
    matrix = jnp.linalg.multi_dot(parts, precision="highest")
    grid = (jnp.arange(d.shape[1]) - (d.shape[1] - 1) / 2 for d in down)
    rows, columns = jnp.meshgrid(*grid, indexing="ij")
    positions = jnp.stack([rows, columns, jnp.ones_like(rows)])
    source = jnp.einsum("ij,jhw->ihw", matrix, positions, precision="highest")
    sampled = _bilinear(fine, source[:2])
    return jnp.einsum("hi,ijc,wj->hwc", down[0], sampled, down[1]).astype(x.dtype)


def _bilinear(padded: Array, positions: Array) -> Array:
    """Values at positions [2, ...] from the centre of an array with 1 zero before, 2 after it."""
    sizes = jnp.array(padded.shape[:2])[:, None, None] - 3
    index = jnp.clip(positions + (sizes + 1) / 2, 0.0, sizes + 1.0)  # outside: a zero
    corner = jnp.floor(index)
    v, h = (index - corner)[..., None]
    # One gather of squares: on CPU twice as fast, with its gradient, as one of each corner.
    squares = jax.lax.gather(
        padded,
        jnp.moveaxis(corner.astype(jnp.int32), 0, -1),
        jax.lax.GatherDimensionNumbers((2, 3, 4), (), (0, 1)),
        slice_sizes=(2, 2, padded.shape[2]),
        mode="clip",
    )
    upper = (1 - h) * squares[:, :, 0, 0] + h * squares[:, :, 0, 1]
    lower = (1 - h) * squares[:, :, 1, 0] + h * squares[:, :, 1, 1]
    return (1 - v) * upper + v * lower


def geometric_jitter_matrix(
    key: Array,
    size: tuple[int, int],
    strength: Array | float,
    blit: float = 1.0,
    general: float = 1.0,
) -> Array:
    """The inverse, for `sample_affine`, of a random map whose parts each have probability p.

    The parts, in order and with n standard normal: horizontal flip, rotation by quarter turns,
    shift by up to 1/8 of the size in whole pixels, isotropic scaling by 2^(0.2 n), rotation by any
    angle, anisotropic scaling by 2^(0.2 n), another rotation, shift by 0.125 n of the size.

    Args:
      key: PRNG key.
      size: height and width in pixels.
      strength: p, scalar in [0, 1].
      blit: probability of the flip, quarter turns and shift by whole pixels, as a fraction of p; 0
        for none.
      general: that of the scalings, rotations by any angle and shift by fractions of pixels.
    Returns:
      float32 [3, 3].
    """
    flip, quarter, whole, scale, before, stretch, after, shift = jax.random.split(key, 8)
    p_blit, p = (share * jnp.asarray(strength, jnp.float32) for share in (blit, general))
    # At least one of the two rotations happens with probability p: 1 - (1 - p_rotate)^2 = p.
    p_rotate = 1.0 - jnp.sqrt(jnp.maximum(1.0 - p, 0.0))
    sides = jnp.asarray(size, jnp.float32)
    mirror = with_probability(
        flip, p_blit, lambda k: jnp.where(jax.random.bernoulli(k), -1.0, 1.0), 1.0
    )
    quarters = with_probability(quarter, p_blit, lambda k: jax.random.randint(k, (), 0, 4), 0)
    pixels = with_probability(
        whole,
        p_blit,
        lambda k: jnp.round(jax.random.uniform(k, (2,), minval=-1.0) * sides / 8),
        0.0,
    )
    zoom = with_probability(scale, p, lambda k: 2.0 ** (0.2 * jax.random.normal(k)), 1.0)
    factor = with_probability(stretch, p, lambda k: 2.0 ** (0.2 * jax.random.normal(k)), 1.0)
    offset = with_probability(shift, p, lambda k: 0.125 * jax.random.normal(k, (2,)) * sides, 0.0)
    parts = (
        _scaling(1.0, mirror),
        _rotation(quarters * (jnp.pi / 2)),
        _shift(-pixels),
        _scaling(1 / zoom, 1 / zoom),
        _rotation(with_probability(before, p_rotate, _angle, 0.0)),
        _scaling(factor, 1 / factor),
        _rotation(with_probability(after, p_rotate, _angle, 0.0)),
        _shift(-offset),
    )
    chosen = parts[: 8 if general else 3][0 if blit else 3 :]
    return jnp.linalg.multi_dot(chosen, precision="highest")


def with_probability(key: Array, probability: Array, draw, otherwise) -> Array:
    """A random value, `draw(key)`, with the given probability; otherwise the other one."""
    gate_key, draw_key = jax.random.split(key)
    return jnp.where(jax.random.bernoulli(gate_key, probability), draw(draw_key), otherwise)


def _angle(key: Array) -> Array:
    return jax.random.uniform(key, minval=-jnp.pi, maxval=jnp.pi)


def _scaling(rows, columns) -> Array:
    return jnp.diag(jnp.stack([jnp.asarray(v, jnp.float32) for v in (rows, columns, 1.0)]))


def _rotation(angle: Array) -> Array:
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    matrix = jnp.eye(3).at[:2, :2].set(jnp.array([[cosine, -sine], [sine, cosine]]))
    return matrix


def _shift(pixels: Array) -> Array:
    return jnp.eye(3).at[:2, 2].set(pixels)


# --- Colours


def transform_colors(x: Array, matrix: Array) -> Array:
    """An image whose colours are mapped by an affine map.

    Args:
      x: image float [height, width, 1 or 3]; a grey image becomes the mean of the mapped channels.
      matrix: float [4, 4], for (red, green, blue, 1).
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
    """A random map of colours in [-1, 1], for `transform_colors`.

    Its parts each have probability p. In order and with n standard normal: brightness shifted by
    0.2 n, contrast scaled by 2^(0.5 n), luma flipped, hue rotated by any angle, saturation scaled
    by 2^n.

    Args:
      key: PRNG key.
      strength: p, scalar in [0, 1].
    Returns:
      float32 [4, 4].
    """
    shift, contrast, luma, hue, saturation = jax.random.split(key, 5)
    p = jnp.asarray(strength, jnp.float32)
    added = with_probability(shift, p, lambda k: 0.2 * jax.random.normal(k), 0.0)
    factor = with_probability(contrast, p, lambda k: 2.0 ** (0.5 * jax.random.normal(k)), 1.0)
    flipped = with_probability(luma, p, lambda k: jax.random.bernoulli(k).astype(jnp.float32), 0.0)
    angle = with_probability(hue, p, _angle, 0.0)
    vivid = with_probability(saturation, p, lambda k: 2.0 ** jax.random.normal(k), 1.0)
    along = jnp.full((3, 3), 1 / 3)  # the projection onto grey, (1, 1, 1)
    across = jnp.eye(3) - along
    # y = S H L C (x + b): saturation, hue, luma, contrast and brightness
    linear = jnp.linalg.multi_dot(
        (
            along + vivid * across,
            _rotation_about_grey(angle),
            jnp.eye(3) - 2.0 * flipped * along,
            factor * jnp.eye(3),
        ),
        precision="highest",
    )
    constant = jnp.sum(linear, axis=1) * added
    return jnp.eye(4).at[:3, :3].set(linear).at[:3, 3].set(constant)


def _rotation_about_grey(angle: Array) -> Array:
    """The rotation about grey, v v' + cos(a) (1 - v v') + sin(a) [v]_x, v = (1, 1, 1) / sqrt(3)."""
    cross = jnp.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / 3.0**0.5
    along = jnp.full((3, 3), 1 / 3)
    return along + jnp.cos(angle) * (jnp.eye(3) - along) + jnp.sin(angle) * cross
