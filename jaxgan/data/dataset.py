"""Datasets in memory: one array of samples, its range of values, and an optional condition."""

from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.attributes import Attributes
from jaxgan.data.records import Records
from jaxgan.data.soundness import check_bytes, check_layout, checked_floats, plain_array
from jaxgan.types import Array, Batch, PyTree, Range

AnyArray = TypeVar("AnyArray", np.ndarray, Array)


class Dataset(NamedTuple):
    """Samples in memory.

    Attributes:
      x: samples [N, ...], uint8 or float32, in the data's own range.
      condition: labels int32 [N], each a class (0 or more) or -1 for an unlabelled sample; or
        attributes float32 [N, n]; or any other array or tree of arrays with first axis N; or None.
      low: the lower end of the data's range, such as 0 for images; None for unbounded data, whose
        values are used as they are.
      high: the upper end of the range, such as 255 for uint8 images and 16 for digits, or None.
      name: the name in messages and reports.
      bad: one message for each record that could not be read and was left out.
      class_names: the name of each class, in order, or None.
      left_out: counts of the files that were skipped, such as "4 .txt".
      sides: the sizes of equal parts of the channels that are drawn independently of each other,
        see `jaxgan.data.unpaired`; empty for samples that are drawn as they are.
      attribute_names: of the n numbers of each condition, if they have names.
    """

    x: np.ndarray
    condition: PyTree
    low: float | None
    high: float | None
    name: str
    bad: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None
    left_out: tuple[str, ...] = ()
    sides: tuple[int, ...] = ()
    attribute_names: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of samples."""
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.x.shape[1:]

    @property
    def labels(self) -> np.ndarray | None:
        """The condition if it holds labels, integers [N]; otherwise None."""
        condition = self.condition
        is_row = getattr(condition, "ndim", None) == 1
        return condition if is_row and np.issubdtype(condition.dtype, np.integer) else None

    @property
    def num_classes(self) -> int | None:
        """The largest label plus one; None without labels."""
        if self.labels is None or self.labels.max() < 0:
            return None
        return int(self.labels.max()) + 1

    @property
    def attributes(self) -> Attributes | None:
        """The condition with its names if it has any; otherwise None."""
        return Attributes(self.attribute_names, self.condition) if self.attribute_names else None

    @property
    def condition_width(self) -> int | None:
        """The number of attributes or of classes, `num_classes` of networks; None without them."""
        return len(self.attribute_names) or self.num_classes


def scale(x: AnyArray, source_range: Range, target_range: Range) -> AnyArray:
    """The affine map from one range of values to another.

    Args:
      x: any real array of NumPy or JAX, also traced; values outside the range are not clipped.
      source_range: the range (low, high) of x.
      target_range: the range (low, high) of the result.

    Returns:
      float32 array of the same shape, NumPy or JAX as x is.

    Raises:
      ValueError: if the source range is empty.

    >>> scale(np.array([0, 51, 255], np.uint8), (0, 255), (-1, 1)).tolist()
    [-1.0, -0.6000000238418579, 1.0]
    """
    low, high = source_range
    if not low < high:
        raise ValueError(f"source_range must be (low, high) with low < high, got {source_range}")
    # y = (x - centre) factor + middle. Rounding about the centre never leaves a symmetric target
    # range, and NumPy and XLA (which would merge a division into the product) give the same bits.
    start, stop = target_range
    centre, middle = np.float32((low + high) / 2), np.float32((start + stop) / 2)
    factor = np.float32((stop - start) / (high - low))
    return (x.astype(np.float32) - centre) * factor + middle


def to_model_range(
    x: AnyArray, low: float | None, high: float | None, model_range: Range | None
) -> AnyArray:
    """Samples mapped from the data's own range [low, high] to the range of the networks.

    Args:
      x: samples [batch, ...], uint8 or float32, NumPy or JAX.
      low: the lower end of the data's range, or None for unbounded data.
      high: the upper end, or None.
      model_range: the generator's output range, such as (-1, 1) for tanh, or None.

    Returns:
      float32 [batch, ...]; unchanged values if either range is None.
    """
    if low is None or high is None or model_range is None:
        return x.astype(np.float32)
    return scale(x, (low, high), model_range)


def to_data_range(
    x: AnyArray, low: float | None, high: float | None, model_range: Range | None
) -> AnyArray:
    """Generated samples mapped back to the data's own range, the inverse of `to_model_range`.

    Args:
      x: samples [batch, ...] of a generator, NumPy or JAX.
      low: the lower end of the data's range, or None for unbounded data.
      high: the upper end, or None.
      model_range: the generator's output range, such as (-1, 1) for tanh, or None.

    Returns:
      float32 [batch, ...], neither rounded nor clipped.
    """
    if low is None or high is None or model_range is None:
        return x.astype(np.float32)
    return scale(x, model_range, (low, high))


def from_arrays(x: Any, condition: Any = None, name: str = "arrays", least: int = 2) -> Dataset:
    """A dataset from arrays in memory.

    Args:
      x: samples [N, ...]; images are [N, H, W, C]. uint8 means images in 0..255, and
        [N, H, W] becomes [N, H, W, 1]; floats become float32 and are used as they are.
      condition: integer labels [N], each 0 or more, or -1 for an unlabelled sample; any array
        [N, ...] of floats or integers, which networks receive unchanged; a dict or tuple of such
        arrays; or None. Floats [N] that are all whole numbers are rejected, as they may be labels.
      name: the name in messages and reports.
      least: the smallest N; a data set has at least 2 samples.

    Raises:
      ValueError: if x has too few samples, axes or values, an unsupported dtype, masked or
        non-finite values (the error gives the index of the first bad sample), differences that are
        lost in float32, images with channels first, or uint8 values of 0 and 1 only; or if the
        condition does not match x.

    >>> images = from_arrays(np.zeros((5, 8, 8), np.uint8), condition=[0, 1, 2, 1, 0])
    >>> images.x.shape, images.low, images.high
    ((5, 8, 8, 1), 0.0, 255.0)
    """
    x = plain_array(x, f"{name}: x")
    if x.ndim < 2:
        advice = "; pass numbers as x[:, None]" if x.ndim == 1 else ""
        raise ValueError(
            f"{name}: x must be [N, ...] of rank 2 or more, got shape {x.shape}{advice}"
        )
    if len(x) < least:
        raise ValueError(f"{name}: needs at least {least} samples, got {len(x)}")
    if x.size == 0:
        raise ValueError(f"{name}: samples are empty, x has shape {x.shape}")
    condition = None if condition is None else _checked_condition(condition, len(x), name)
    check_layout(x, name)
    if x.dtype == np.uint8:
        x = x[..., None] if x.ndim == 3 else x
        check_bytes(x, name)
        return Dataset(x, condition, 0.0, 255.0, name)
    if not jnp.issubdtype(x.dtype, jnp.floating):  # also dtypes of JAX, and any byte order
        raise ValueError(
            f"{name}: x has dtype {x.dtype}; pass uint8 (images, 0..255) or float32 "
            f"(other floats are converted){_advice(x.dtype)}"
        )
    return Dataset(checked_floats(x, name), condition, None, None, name)


def batch_like(dataset: Dataset, batch: Batch, name: str) -> Batch:
    """A batch with the arrays of a data set: NumPy arrays of the same shapes and dtypes.

    Args:
      dataset: the first batch of several, from `from_arrays`.
      batch: another one. Floats become float32 and integers int32, as those of the first did.
      name: the name of the batch in messages.
    Raises:
      ValueError: if the batch differs in the structure of its condition, in a shape or in a kind of
        dtype.
    """
    x: Any = _array_like(dataset.x, batch.x, f"{name}: x")
    own: list[Any]
    structure: Any
    own, structure = jax.tree.flatten(batch.condition, is_leaf=_is_array)
    paths, wanted = jax.tree_util.tree_flatten_with_path(dataset.condition)
    if structure != wanted:
        raise ValueError(
            f"{name}: condition must be like that of the first batch, {wanted}, got {structure}"
        )
    parts = [
        _array_like(like, part, f"{name}: condition{jax.tree_util.keystr(path)}")
        for (path, like), part in zip(paths, own, strict=True)
    ]
    return Batch(x, jax.tree.unflatten(wanted, parts))


def _array_like(like: np.ndarray, part: Any, named: str) -> np.ndarray:
    part = plain_array(part, named)
    if part.dtype == np.uint8 and (*part.shape, 1) == like.shape:
        part = part[..., None]  # as in the first batch
    if part.shape != like.shape:
        smaller = part.shape[1:] == like.shape[1:] and len(part) < len(like)
        hint = ": leave out smaller batches, such as with drop_last=True" if smaller else ""
        raise ValueError(
            f"{named} has shape {part.shape}, but that of the first batch has {like.shape}{hint}"
        )
    floating = [jnp.issubdtype(each.dtype, jnp.floating) for each in (part, like)]
    integer = np.issubdtype(part.dtype, np.integer)
    alike = part.dtype == np.uint8 if like.dtype == np.uint8 else integer
    if not (all(floating) or (alike and not any(floating))):
        raise ValueError(
            f"{named} has dtype {part.dtype}, but that of the first batch is {like.dtype}"
        )
    return part.astype(like.dtype, copy=False)


def _advice(dtype: np.dtype) -> str:
    """What to type to convert samples of an unsupported dtype."""
    if dtype == np.uint16:
        return ": (x / 257).round().astype(np.uint8) for images in 0..65535"
    return {
        "i": ": x.astype(np.uint8) for images in 0..255, x.astype(np.float32) for other values",
        "u": ": x.astype(np.uint8) for images in 0..255, x.astype(np.float32) for other values",
        "b": ": x.astype(np.float32), or x * np.uint8(255) for images",
        "c": ": np.stack([x.real, x.imag], -1)",
        "M": ": (x - x.min()) / np.timedelta64(1, 'D')",
        "O": ": for a table, the columns that are numbers, as np.float32",
    }.get(dtype.kind, "")


# --- Conditions


def check_conditional(data: Dataset | Records):
    """Raises a ValueError if a dataset has neither labels nor another condition."""
    if data.condition_width is not None:
        return
    if isinstance(data, Records) or data.labels is not None or not jax.tree.leaves(data.condition):
        raise ValueError(
            f"conditional training needs labels, but {data.name} has none: pass labels, or train "
            "without a condition"
        )


def _checked_condition(condition: Any, size: int, name: str) -> PyTree:
    """Labels as int32 [N]; other arrays as float32 (floats) or int32 (integers)."""
    if _is_array(condition):
        labels = plain_array(condition, f"{name}: condition")
        _check_whole(labels, size, name)
        return _checked_part(labels, size, f"{name}: condition")

    def checked(path, part):
        named = f"{name}: condition{jax.tree_util.keystr(path)}"
        return _checked_part(plain_array(part, named), size, named)

    return jax.tree_util.tree_map_with_path(checked, condition, is_leaf=_is_array)


def _is_array(part: Any) -> bool:
    """Whether a part of a condition is a single array, not a tree of several."""
    if isinstance(part, tuple):
        return all(np.isscalar(number) for number in part)
    return isinstance(part, list) or jax.tree_util.all_leaves([part])


def _check_whole(labels: np.ndarray, size: int, name: str):
    """Raises a ValueError if labels are invalid, or another condition looks like labels."""
    if labels.shape == (size, 1) and np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"{name}: condition must hold one label per sample, shape ({size},), got "
            f"{labels.shape}: pass condition[:, 0]"
        )
    is_row = labels.shape == (size,) and jnp.issubdtype(labels.dtype, jnp.floating)
    if is_row and (labels == np.rint(labels)).all():
        raise ValueError(
            f"{name}: condition must hold integer labels, got dtype {labels.dtype} with whole "
            "numbers only: pass condition.astype(np.int32) for classes, condition[:, None] for "
            "a quantity"
        )
    if is_row or labels.shape != (size,) or not np.issubdtype(labels.dtype, np.integer):
        return
    if labels.min() < -1 or labels.max() > np.iinfo(np.int32).max:
        raise ValueError(
            f"{name}: labels must fit int32 and be 0 or more, or -1 for unlabelled, "
            f"got {labels.min()}..{labels.max()}"
        )


def _checked_part(part: np.ndarray, size: int, named: str) -> np.ndarray:
    """One array [N, ...] of a condition as float32 or int32."""
    if not part.ndim or len(part) != size or not part.size:
        raise ValueError(
            f"{named} must have one row per sample, such as shape ({size},), got {part.shape}"
        )
    if jnp.issubdtype(part.dtype, jnp.floating):
        return checked_floats(part, named)
    if not np.issubdtype(part.dtype, np.integer):
        advice = {
            "U": "class numbers, np.unique(names, return_inverse=True)[1]",
            "b": "condition.astype(np.int32) for classes, condition.astype(np.float32) for others",
        }.get(part.dtype.kind, "integers or floats")
        raise ValueError(f"{named} must hold numbers, got dtype {part.dtype}: pass {advice}")
    if part.dtype == np.uint8 and part.ndim > 2:
        raise ValueError(
            f"{named} holds uint8 images, but conditions are not scaled: pass floats in the range "
            "that the networks expect, such as condition / 127.5 - 1"
        )
    bounds = np.iinfo(np.int32)
    if part.min() < bounds.min or part.max() > bounds.max:
        raise ValueError(f"{named} must fit int32, got {part.min()}..{part.max()}")
    return part.astype(np.int32)
