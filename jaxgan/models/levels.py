"""Sizes and widths of a convolutional network's levels."""

from collections.abc import Sequence

from jaxgan.checks import check_positive

_SMALLEST = 7


_WIDEST = 1024  # as in the paper; without an end, long signals would have millions of channels


def level_sizes(shape: Sequence[int], stride: int = 2) -> list[tuple[int, ...]]:
    """Sizes of all levels, from the samples' own to one of at most 7 an axis.

    Args:
      shape: of one sample, [height, width, channels] or [length, channels].
      stride: factor between levels.
    Raises:
      ValueError: if there is no level below the samples', or it is neither shape.

    >>> level_sizes((28, 28, 1)), level_sizes((33, 33, 3))
    ([(28, 28), (14, 14), (7, 7)], [(33, 33), (17, 17), (9, 9), (5, 5)])
    """
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise ValueError(
            "convolutions need samples [height, width, channels] or [length, channels], "
            f"got shape {tuple(shape)}"
        )
    if stride < 2:
        raise ValueError(f"stride must be 2 or more, got {stride}")
    sizes = [tuple(shape[:-1])]
    while max(sizes[-1]) > _SMALLEST:
        sizes.append(tuple(-(-n // stride) for n in sizes[-1]))
    if len(sizes) == 1:
        raise ValueError(
            f"levels need samples of more than {_SMALLEST} an axis, got shape {tuple(shape)}"
        )
    return sizes


def one_each(name: str, value: int | Sequence[int], number: int) -> tuple[int, ...]:
    """So many positive ints: one for all, or each.

    Raises:
      ValueError: that names the argument, if they are not so many or not positive.
    """
    values = (value,) * number if isinstance(value, int) else tuple(value)
    if len(values) != number:
        raise ValueError(f"{name} must be one number or {number}, got {values}")
    for each in values:
        check_positive(**{name: each})
    return values


def default_features(levels: int) -> tuple[int, ...]:
    """64 channels on the level below the samples', twice as many with each further down, to 1,024.

    >>> default_features(6)
    (1024, 1024, 512, 256, 128, 64)
    """
    return tuple(min(64 * 2**level, _WIDEST) for level in reversed(range(levels)))
