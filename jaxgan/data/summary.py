"""A one-line summary of a dataset."""

from jaxgan.data.attributes import ranges
from jaxgan.data.dataset import Dataset
from jaxgan.data.records import Records

MAX_NAMES, FIRST_NAMES = 10, 4  # all names up to 10 classes, otherwise the first 4


def summary(data: Dataset | Records) -> str:
    """The data in one line: size, shape, classes or ranges of attributes, and skipped files.

    Args:
      data: the dataset or records.

    >>> from jaxgan.data import digits
    >>> summary(digits()._replace(left_out=("4 .txt",)))
    '1,797 images 8x8x1, 10 classes; left out: 4 .txt'
    """
    kind = "images" if len(data.shape) == 3 else "samples of shape"
    found = f"{data.size:,} {kind} {'x'.join(map(str, data.shape))}"
    if data.sides:
        counts = " + ".join(
            f"{each if isinstance(each, int) else each.size:,}" for each in data.sides
        )
        found = f"{counts} unpaired images {_domain_shape(data)}"
    if data.num_classes is not None:
        found += f", {data.num_classes} class{'es' if data.num_classes != 1 else ''}"
        found += f": {_names(data.class_names)}" if data.class_names else ""
    if data.attributes is not None:
        found += f", {ranges(data.attributes)}"
    bad = data.bad if isinstance(data, Dataset) else ()
    left_out = [*data.left_out, *([f"{len(bad)} unreadable"] if bad else [])]
    return found + (f"; left out: {', '.join(left_out)}" if left_out else "")


def _domain_shape(data: Dataset | Records) -> str:
    height, width, channels = data.shape
    return f"{height}x{width}x{channels // len(data.sides)}"


def _names(names: tuple[str, ...]) -> str:
    shown = names if len(names) <= MAX_NAMES else (*names[:FIRST_NAMES], "…")
    return ", ".join(shown)
