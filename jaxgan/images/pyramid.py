"""Laplacian pyramids: an image as its low-resolution version and bands of detail, and back.

    l = expand(reduce(I)),  h = I - l

An image I is the sum of its low-pass image l and the band h. The reduced image is split again, and
so on. The pyramid holds the smallest image, then one band per level, coarse to fine.

`reduce` and `expand` use the 5-tap binomial filter w = [1, 4, 6, 4, 1] / 16 along height and width,
with images mirrored at the centres of their outermost pixels (x[-1] = x[1]). The weights are
positive and sum to 1, so constants are preserved and values stay in the image's range. Images in
[-1, 1] have bands in [-2, 2].

Source: Burt & Adelson 1983, https://doi.org/10.1109/TCOM.1983.1095851; for GANs, Denton et al.
2015, section 2.2, https://arxiv.org/abs/1506.05751

>>> import jax.numpy as jnp
>>> x = jnp.ones((1, 32, 32, 3))
>>> [level.shape for level in laplacian_pyramid(x, 3)]
[(1, 8, 8, 3), (1, 16, 16, 3), (1, 32, 32, 3)]
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxgan.types import Array, PyTree

# --- Half and twice the size


def reduce(x: Array) -> Array:
    """Images of half the size: blurred, then subsampled by 2.

    y[i] = sum_k w[k] x[2 i + k - 2], along both axes

    Args:
      x: float [batch, height, width, channels], height and width even.
    Returns:
      Float [batch, height / 2, width / 2, channels] of the type of x.
    Raises:
      ValueError: if x is not a floating array of that shape.
    Source: Burt & Adelson 1983, equation 1, https://doi.org/10.1109/TCOM.1983.1095851
    """
    _check_images(x)
    if x.shape[1] % 2 or x.shape[2] % 2:
        raise ValueError(
            f"x must have an even height and width, got {x.shape}: use pad_to_multiple(x, 2)"
        )
    return _along_both(_reduce_rows, x)


def expand(x: Array) -> Array:
    """Images of twice the size: zeros inserted between pixels, then blurred and scaled by 4.

    y[2 i] = (x[i - 1] + 6 x[i] + x[i + 1]) / 8,  y[2 i + 1] = (x[i] + x[i + 1]) / 2, on both axes

    Args:
      x: float [batch, height, width, channels].
    Returns:
      Float [batch, 2 height, 2 width, channels] of the type of x.
    Raises:
      ValueError: if x is not a floating array of that shape.
    Source: Burt & Adelson 1983, equation 2, https://doi.org/10.1109/TCOM.1983.1095851
    """
    _check_images(x)
    return _along_both(_expand_rows, x)


def _reduce_rows(x: Array) -> Array:
    even, odd = x[:, 0::2], x[:, 1::2]
    before, after = _neighbours(even)
    odd_before = jnp.concatenate([odd[:, :1], odd[:, :-1]], axis=1)  # x[-1] = x[1]
    return (before + 4 * odd_before + 6 * even + 4 * odd + after) / 16


def _expand_rows(x: Array) -> Array:
    before, after = _neighbours(x)
    even, odd = (before + 6 * x + after) / 8, (x + after) / 2
    return jnp.stack([even, odd], axis=2).reshape(len(x), -1, *x.shape[2:])


def _neighbours(x: Array) -> tuple[Array, Array]:
    """For each row of x, the rows before and after it.

    x holds the even rows of an image, which is mirrored at its first row (even) and last row (odd).
    """
    before = jnp.concatenate([x[:, 1:2] if x.shape[1] > 1 else x, x[:, :-1]], axis=1)
    after = jnp.concatenate([x[:, 1:], x[:, -1:]], axis=1)
    return before, after


def _along_both(rows: Callable[[Array], Array], x: Array) -> Array:
    return rows(rows(jnp.asarray(x)).swapaxes(1, 2)).swapaxes(1, 2)


# --- Pyramids


def split_band(x: Array) -> tuple[Array, Array]:
    """The band h = x - l and the low-pass image l = expand(reduce(x)) of an image.

    One level of a LAPGAN is trained on h as samples and l as their condition.

    Args:
      x: float [batch, height, width, channels], height and width even.
    Returns:
      (h, l), each of the shape and dtype of x.
    Raises:
      ValueError: if x is not a floating array of that shape.
    Source: Denton et al. 2015, equation 3 and section 2.3, https://arxiv.org/abs/1506.05751
    """
    low = expand(reduce(x))
    return x - low, low


def laplacian_pyramid(x: Array, levels: int) -> tuple[Array, ...]:
    """The smallest image and the bands of the larger images, coarse to fine.

    h_k = I_k - expand(I_{k-1}),  I_{k-1} = reduce(I_k),  where the largest I is x

    Args:
      x: float [batch, height, width, channels]; height and width multiples of 2^(levels - 1).
      levels: number of levels, at least 1: the smallest image and levels - 1 bands.
    Returns:
      (I_0, h_1, h_2, ...), the last of the shape of x.
    Raises:
      ValueError: if levels is not positive, or x is not a floating array of that shape.
    Source: Denton et al. 2015, section 2.2, https://arxiv.org/abs/1506.05751
    """
    small, *larger = gaussian_pyramid(x, levels)
    bands, below = [], small
    for image in larger:
        bands.append(image - expand(below))
        below = image
    return (small, *bands)


def gaussian_pyramid(x: Array, levels: int) -> tuple[Array, ...]:
    """An image in all its sizes, coarse to fine.

    I_{k-1} = reduce(I_k),  where the largest I is x

    Args:
      x: float [batch, height, width, channels]; height and width multiples of 2^(levels - 1).
      levels: number of images, at least 1.
    Returns:
      (I_0, I_1, ..., x).
    Raises:
      ValueError: if levels is not positive, or x is not a floating array of that shape.
    """
    _check_images(x)
    if levels < 1:
        raise ValueError(f"levels must be a positive int, got {levels}")
    multiple = 2 ** (levels - 1)
    if x.shape[1] % multiple or x.shape[2] % multiple:
        raise ValueError(
            f"levels={levels} needs a height and width divisible by {multiple}, got {x.shape}: "
            f"use pad_to_multiple(x, {multiple})"
        )
    images = [jnp.asarray(x)]
    for _ in range(levels - 1):
        images.append(reduce(images[-1]))
    return tuple(images[::-1])


def reconstruct(pyramid: Sequence[Array]) -> Array:
    """The image of a Laplacian pyramid (I_0, h_1, h_2, ...).

    I_k = expand(I_{k-1}) + h_k

    It inverts `laplacian_pyramid` up to rounding: within 2 units in the last place of the largest
    value, and exactly for one band of images with integer values from 0 to 255.

    Args:
      pyramid: the smallest image, then the bands, coarse to fine, each twice the size of the one
        before.
    Raises:
      ValueError: if the pyramid is empty or a band has another size.
    Source: Denton et al. 2015, equation 4, https://arxiv.org/abs/1506.05751
    """
    if not pyramid:
        raise ValueError("pyramid is empty: pass the smallest image, then the bands")
    x, *bands = pyramid
    for band in bands:
        x = _add_band(expand(x), band)
    return x


def _add_band(low: Array, band: Array) -> Array:
    if band.shape != low.shape:
        raise ValueError(f"a band of this level must have shape {low.shape}, got {band.shape}")
    return low + band


# --- Sampling

Level = Callable[[Array, PyTree, Array], Array]
"""`(key, condition, index) -> sample` of one level of a pyramid."""


def sample_pyramid(key: Array, levels: Sequence[Level], index: Array) -> tuple[Array, ...]:
    """Images sampled coarse to fine: each level adds its band to the expanded image below.

    I_0 = levels[0](key_0, None, index),  l = expand(I_{k-1}),  I_k = l + levels[k](key_k, l, index)

    Args:
      key: PRNG key, split into one key per level.
      levels: functions `(key, condition, index) -> sample`, coarse to fine. The first receives the
        condition None and returns the smallest images. The others receive l and return bands of the
        same shape. Functions with labels have them bound.
      index: global sample indices int [batch].
    Returns:
      (I_0, I_1, ...): the images of all levels, the last of full size.
    Raises:
      ValueError: if there are no levels, or a band has another shape than l.
    Source: Denton et al. 2015, equation 5, https://arxiv.org/abs/1506.05751
    """
    if not levels:
        raise ValueError("levels is empty: pass one function per level, coarse to fine")
    first_key, *keys = jax.random.split(key, len(levels))
    first, *others = levels
    images = [first(first_key, None, index)]
    for level_key, level in zip(keys, others, strict=True):
        low = expand(images[-1])
        images.append(_add_band(low, level(level_key, low, index)))
    return tuple(images)


# --- Padding to divisible sizes


def pad_to_multiple(x: Array, multiple: int, value: float = 0.0) -> Array:
    """Images padded with a constant so that height and width are multiples of `multiple`.

    Both sides are padded equally, or the end by one pixel more.

    Args:
      x: float [batch, height, width, channels].
      multiple: divisor of the new height and width, positive.
      value: value of the padding.
    Raises:
      ValueError: if x is not a floating array of that shape, or multiple is not positive.

    >>> pad_to_multiple(jnp.zeros((1, 28, 27, 1)), 8).shape
    (1, 32, 32, 1)
    """
    _check_images(x)
    if multiple < 1:
        raise ValueError(f"multiple must be a positive int, got {multiple}")
    frame = [_frame(-(-n // multiple) * multiple, n) for n in x.shape[1:3]]
    return jnp.pad(x, ((0, 0), *frame, (0, 0)), constant_values=value)


def crop_to(x: Array, size: tuple[int, int]) -> Array:
    """The centre of images, which inverts `pad_to_multiple`.

    Args:
      x: [batch, height, width, channels].
      size: (height, width) of the result, at most those of x.
    Raises:
      ValueError: if size is larger than the images.

    >>> x = jnp.arange(35.0).reshape(1, 5, 7, 1)
    >>> bool((crop_to(pad_to_multiple(x, 8), (5, 7)) == x).all())
    True
    """
    if x.ndim != 4 or any(not 0 < n <= m for n, m in zip(size, x.shape[1:3], strict=True)):
        raise ValueError(f"size must be at most that of x {x.shape}, got {tuple(size)}")
    (top, _), (left, _) = (_frame(m, n) for m, n in zip(x.shape[1:3], size, strict=True))
    return x[:, top : top + size[0], left : left + size[1]]


def _frame(outer: int, inner: int) -> tuple[int, int]:
    low = (outer - inner) // 2
    return low, outer - inner - low


def _check_images(x: Array):
    if jnp.ndim(x) != 4 or not jnp.issubdtype(jnp.result_type(x), jnp.floating):
        raise ValueError(
            "x must be floats [batch, height, width, channels], "
            f"got {jnp.result_type(x)} {list(jnp.shape(x))}"
        )
