"""What data are, in one line."""

from jaxgan.data.dataset import Dataset
from jaxgan.data.records import Records

NAMES_SHOWN, NAMES_OF_MANY = 10, 4


def summary(data: Dataset | Records) -> str:
    """The data in one line: how many, their shape, the classes, and what was left out.

    >>> from jaxgan.data import digits
    >>> summary(digits()._replace(left_out=("4 .txt",)))
    '1,797 images 8x8x1, 10 classes; left out: 4 .txt'
    """
    kind = "images" if len(data.shape) == 3 else "samples of shape"
    found = f"{data.size:,} {kind} {'x'.join(map(str, data.shape))}"
    if data.num_classes is not None:
        found += f", {data.num_classes} class{'es' if data.num_classes != 1 else ''}"
        found += f": {_names(data.class_names)}" if data.class_names else ""
    bad = data.bad if isinstance(data, Dataset) else ()
    left_out = [*data.left_out, *([f"{len(bad)} unreadable"] if bad else [])]
    return found + (f"; left out: {', '.join(left_out)}" if left_out else "")


def _names(names: tuple[str, ...]) -> str:
    shown = names if len(names) <= NAMES_SHOWN else (*names[:NAMES_OF_MANY], "…")
    return ", ".join(shown)
