"""Sizes and widths of a convolutional network's levels."""

from collections.abc import Sequence

from jaxgan.checks import check_positive

_SMALLEST = 7  # largest size of the smallest level
_WIDEST = 1024  # as in DCGAN; without a limit, long signals would need millions of channels


def level_sizes(shape: Sequence[int], stride: int = 2) -> list[tuple[int, ...]]:
    """Sizes of all levels, from the samples' size down to at most 7 per axis.

    Args:
      shape: shape of one sample, [height, width, channels] or [length, channels].
      stride: factor between levels.
    Raises:
      ValueError: if shape is another one, or the samples are too small for a second level.

    >>> level_sizes((28, 28, 1)), level_sizes((33, 33, 3))
    ([(28, 28), (14, 14), (7, 7)], [(33, 33), (17, 17), (9, 9), (5, 5)])
    """
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise ValueError(
            "convolutional networks need samples [height, width, channels] or [length, channels], "
            f"got shape {tuple(shape)}"
        )
    if stride < 2:
        raise ValueError(f"stride must be at least 2, got {stride}")
    sizes = [tuple(shape[:-1])]
    while max(sizes[-1]) > _SMALLEST:
        sizes.append(tuple(-(-n // stride) for n in sizes[-1]))
    if len(sizes) == 1:
        raise ValueError(
            f"samples must have more than {_SMALLEST} positions along an axis, "
            f"got shape {tuple(shape)}"
        )
    return sizes


def one_each(name: str, value: int | Sequence[int], number: int) -> tuple[int, ...]:
    """One positive int per level (or stage, or block) from an argument.

    Args:
      name: name of the argument, for errors.
      value: an int for all levels, or one int per level.
      number: number of levels.
    Raises:
      ValueError: if value has another number of entries, or one is not positive.
    """
    values = (value,) * number if isinstance(value, int) else tuple(value)
    if len(values) != number:
        raise ValueError(f"{name} must be an int or {number} ints, got {values}")
    for each in values:
        check_positive(**{name: each})
    return values


def default_features(levels: int, width: int = 64) -> tuple[int, ...]:
    """Channels of each level, smallest first: `width` at the largest, doubling downwards.

    They go up to 1,024, or to `width` if that is more.

    >>> default_features(6)
    (1024, 1024, 512, 256, 128, 64)
    """
    return tuple(min(width * 2**level, max(width, _WIDEST)) for level in reversed(range(levels)))
