"""A data set is one array in memory with the range its values live in, and maybe conditions."""

from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.records import Records
from jaxgan.data.soundness import check_bytes, check_layout, checked_floats, plain_array
from jaxgan.types import Array, PyTree, Range

AnyArray = TypeVar("AnyArray", np.ndarray, Array)


class Dataset(NamedTuple):
    """Samples x [N, ...] (uint8 or float32) in their own range, and maybe a condition of each.

    The condition is labels int32 [N], each a class, 0 or more, or -1 for a sample that has none;
    or any other array, or tree of arrays, with first axis N; or None.
    `low` and `high` bound the data by nature (0..16 for digits, 0..255 for uint8 images); both are
    None where nothing does, and then the values are used as they are. `bad` says which records
    could not be read and were left out. `class_names` and `left_out` mean what they do in
    `jaxgan.data.Records`.
    """

    x: np.ndarray
    condition: PyTree
    low: float | None
    high: float | None
    name: str
    bad: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None
    left_out: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many samples there are."""
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.x.shape[1:]

    @property
    def labels(self) -> np.ndarray | None:
        """The condition if it is labels, integers [N]; None otherwise."""
        condition = self.condition
        is_row = getattr(condition, "ndim", None) == 1
        return condition if is_row and np.issubdtype(condition.dtype, np.integer) else None

    @property
    def num_classes(self) -> int | None:
        """The largest label and one; None without labels."""
        if self.labels is None or self.labels.max() < 0:
            return None
        return int(self.labels.max()) + 1


def scale(x: AnyArray, source_range: Range, target_range: Range) -> AnyArray:
    """The affine map that takes the ends of one range to the ends of another.

    Args:
      x: any real array of NumPy or JAX, traced ones too; values outside the range are not clipped.
      source_range: (low, high) that x lives in.
      target_range: (low, high) to map them to.

    Returns:
      float32 of the same shape and kind.

    Raises:
      ValueError: if the source range is empty.

    >>> scale(np.array([0, 51, 255], np.uint8), (0, 255), (-1, 1)).tolist()
    [-1.0, -0.6000000238418579, 1.0]
    """
    low, high = source_range
    if not low < high:
        raise ValueError(f"source_range must be (low, high) with low < high, got {source_range}")
    # y = (x - centre) factor + middle: about the centre, rounding never leaves a symmetric target,
    # and NumPy and XLA (which would merge a division into the product) give the same bits there
    start, stop = target_range
    centre, middle = np.float32((low + high) / 2), np.float32((start + stop) / 2)
    factor = np.float32((stop - start) / (high - low))
    return (x.astype(np.float32) - centre) * factor + middle


def to_model_range(
    x: AnyArray, low: float | None, high: float | None, model_range: Range | None
) -> AnyArray:
    """Bring samples from the data's own range [low, high] into the range the networks work in.

    Args:
      x: samples [batch, ...], uint8 or float32, NumPy or JAX.
      low: the data's own lower end, or None for unbounded data.
      high: the upper end, or None.
      model_range: the generator's output range, (-1, 1) for tanh; None leaves values as they are.

    Returns:
      float32 [batch, ...]; the same values if there is no range on either side.
    """
    if low is None or high is None or model_range is None:
        return x.astype(np.float32)
    return scale(x, (low, high), model_range)


def to_data_range(
    x: AnyArray, low: float | None, high: float | None, model_range: Range | None
) -> AnyArray:
    """Bring samples of a generator back into the data's own range: undo `to_model_range`.

    Returns:
      float32 [batch, ...], neither rounded nor clipped.
    """
    if low is None or high is None or model_range is None:
        return x.astype(np.float32)
    return scale(x, model_range, (low, high))


def from_arrays(x: Any, condition: Any = None, name: str = "arrays") -> Dataset:
    """A data set of arrays you already have.

    Args:
      x: samples [N, ...] with N >= 2; images are [N, H, W, C]. uint8 is taken as images in 0..255,
        and [N, H, W] becomes [N, H, W, 1]; floats become float32 and are used as they are.
      condition: integer labels [N], each 0 or more, or -1 for an unlabelled sample; any array
        [N, ...] of floats or integers that networks take as it is; a dict or tuple of such arrays;
        or None. Floats [N] that are all whole numbers are refused, since labels may be meant.
      name: what errors and reports call it.

    Raises:
      ValueError: if there are too few samples, axes or values, if the dtype is no good, if a
        float is not finite (the error gives the index of the first bad sample) or loses what
        tells it from others in float32, if values are masked, if the channels of images come
        first, if uint8 holds 0 and 1 only, or if the condition does not match.

    >>> images = from_arrays(np.zeros((5, 8, 8), np.uint8), condition=[0, 1, 2, 1, 0])
    >>> images.x.shape, images.low, images.high
    ((5, 8, 8, 1), 0.0, 255.0)
    """
    x = plain_array(x, f"{name}: x")
    if x.ndim < 2:
        advice = "; give numbers as x[:, None]" if x.ndim == 1 else ""
        raise ValueError(
            f"{name}: x must be [N, ...] of rank 2 or more, got shape {x.shape}{advice}"
        )
    if len(x) < 2:
        raise ValueError(f"{name}: needs at least 2 samples, got {len(x)}")
    if x.size == 0:
        raise ValueError(f"{name}: samples are empty, x has shape {x.shape}")
    condition = None if condition is None else _checked_condition(condition, len(x), name)
    check_layout(x, name)
    if x.dtype == np.uint8:
        x = x[..., None] if x.ndim == 3 else x
        check_bytes(x, name)
        return Dataset(x, condition, 0.0, 255.0, name)
    if not jnp.issubdtype(x.dtype, jnp.floating):  # of jax too, and of any byte order
        raise ValueError(
            f"{name}: x has dtype {x.dtype}; give uint8 (images, 0..255) or float32 "
            f"(other floats are converted){_way_out(x.dtype)}"
        )
    return Dataset(checked_floats(x, name), condition, None, None, name)


def _way_out(dtype: np.dtype) -> str:
    """What to type for samples of a wrong type."""
    if dtype == np.uint16:
        return ": (x / 257).round().astype(np.uint8) for images in 0..65535"
    return {
        "i": ": x.astype(np.uint8) for images in 0..255, x.astype(np.float32) for other values",
        "u": ": x.astype(np.uint8) for images in 0..255, x.astype(np.float32) for other values",
        "b": ": x.astype(np.float32), or x * np.uint8(255) for images",
        "c": ": np.stack([x.real, x.imag], -1)",
        "M": ": (x - x.min()) / np.timedelta64(1, 'D')",
        "O": ": of a table, the columns that are numbers, as np.float32",
    }.get(dtype.kind, "")


# --- Conditions


def check_conditional(data: Dataset | Records):
    """Raises a ValueError if samples have nothing that networks could be conditioned on."""
    if data.num_classes is not None:
        return
    if isinstance(data, Records) or data.labels is not None or not jax.tree.leaves(data.condition):
        raise ValueError(f"conditional training needs labels, and {data.name} has none")


def _checked_condition(condition: Any, size: int, name: str) -> PyTree:
    """Labels as int32 [N]; of other arrays floats as float32 and integers as int32."""
    if _is_array(condition):
        labels = plain_array(condition, f"{name}: condition")
        _check_whole(labels, size, name)
        return _checked_part(labels, size, f"{name}: condition")

    def checked(path, part):
        named = f"{name}: condition{jax.tree_util.keystr(path)}"
        return _checked_part(plain_array(part, named), size, named)

    return jax.tree_util.tree_map_with_path(checked, condition, is_leaf=_is_array)


def _is_array(part: Any) -> bool:
    """Whether a part of a condition is one array, and not a tree of several."""
    if isinstance(part, tuple):
        return all(np.isscalar(number) for number in part)
    return isinstance(part, list) or jax.tree_util.all_leaves([part])


def _check_whole(labels: np.ndarray, size: int, name: str):
    """Raises a ValueError if a condition that is no labels looks like some."""
    if labels.shape == (size, 1) and np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"{name}: condition must hold one label per sample, shape ({size},), got "
            f"{labels.shape}: give condition[:, 0]"
        )
    is_row = labels.shape == (size,) and jnp.issubdtype(labels.dtype, jnp.floating)
    if is_row and (labels == np.rint(labels)).all():
        raise ValueError(
            f"{name}: condition must hold integer labels, got dtype {labels.dtype} with whole "
            "numbers only: give condition.astype(np.int32) for classes, condition[:, None] for "
            "a quantity"
        )
    if is_row or labels.shape != (size,) or not np.issubdtype(labels.dtype, np.integer):
        return
    if labels.min() < -1 or labels.max() > np.iinfo(np.int32).max:
        raise ValueError(
            f"{name}: labels must be int32 and 0 or more, or -1 for unlabelled, "
            f"got {labels.min()}..{labels.max()}"
        )


def _checked_part(part: np.ndarray, size: int, named: str) -> np.ndarray:
    """One array of a condition, [N, ...]."""
    if not part.ndim or len(part) != size or not part.size:
        raise ValueError(
            f"{named} must have one row per sample, such as shape ({size},), got {part.shape}"
        )
    if jnp.issubdtype(part.dtype, jnp.floating):
        return checked_floats(part, named)
    if not np.issubdtype(part.dtype, np.integer):
        advice = {
            "U": "number the classes, np.unique(names, return_inverse=True)[1]",
            "b": "condition.astype(np.int32) for classes, condition.astype(np.float32) for others",
        }.get(part.dtype.kind, "integers or floats")
        raise ValueError(f"{named} must hold numbers, got dtype {part.dtype}: give {advice}")
    if part.dtype == np.uint8 and part.ndim > 2:
        raise ValueError(
            f"{named} holds uint8 images, and conditions are not scaled: give floats in the range "
            "that the networks take, such as condition / 127.5 - 1"
        )
    bounds = np.iinfo(np.int32)
    if part.min() < bounds.min or part.max() > bounds.max:
        raise ValueError(f"{named} must lie in int32, got {part.min()}..{part.max()}")
    return part.astype(np.int32)
