"""Fingerprints of a run's data and of its GAN, compared on resume."""

import re
import zlib
from typing import Annotated, NamedTuple

import jax
import numpy as np
import pydantic

from jaxgan.data import Dataset, Records
from jaxgan.settings import Count, Setting
from jaxgan.training.programs import step_program
from jaxgan.training.state import small_input
from jaxgan.types import GAN, PyTree

MAX_ROWS, MAX_NUMBERS = 1024, 16_384  # of kept attributes
Rows = tuple[tuple[pydantic.FiniteFloat, ...], ...]


class DataFacts(NamedTuple):
    """What the data are.

    Attributes:
      shape: of a sample.
      size: number of samples.
      num_classes: number of classes, if the networks are conditioned on them.
      low: least value of bounded data.
      high: greatest value of bounded data.
      fingerprint: checksum of three samples.
      checksum: of all samples; None if the data are streamed.
      class_names: names of the classes, if they have names.
      attributes: names of the numbers that the networks are conditioned on in place of classes.
      attribute_rows: some rows of them, from which samples are drawn without the data.
    """

    shape: tuple[Count, ...]
    size: Count
    num_classes: Count | None
    low: pydantic.FiniteFloat | None
    high: pydantic.FiniteFloat | None
    fingerprint: str
    checksum: str | None = None
    class_names: Annotated[tuple[str, ...] | None, Setting(may_change=True)] = None
    attributes: tuple[str, ...] = ()
    attribute_rows: Rows = ()

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of all classes, numbers where there is no name; None without classes."""
        if self.num_classes is None:
            return None
        names = self.class_names or ()
        return names + tuple(map(str, range(len(names), self.num_classes)))

    @property
    def condition_width(self) -> int | None:
        """The number of attributes or of classes, `num_classes` of networks; None without them."""
        return len(self.attributes) or self.num_classes

    def kept_attributes(self, num: int) -> np.ndarray | None:
        """Attributes of the data, float32 [num, n]; the first row follows the last."""
        if not self.attributes:
            return None
        rows = np.asarray(self.attribute_rows, np.float32)
        return rows[np.arange(num) % len(rows)]


def check_range(facts: DataFacts):
    """Raises a ValueError unless the data are unbounded or have a lower and a higher bound."""
    low, high = facts.low, facts.high
    if (low, high) != (None, None) and (low is None or high is None or not low < high):
        raise ValueError(
            f"data.low and data.high must be a lower and a higher number, got {(low, high)}"
        )


def check_attributes(facts: DataFacts):
    """Raises a ValueError unless the kept attributes have the number of their names."""
    widths = {len(row) for row in facts.attribute_rows}
    if widths != ({len(facts.attributes)} if facts.attributes else set()):
        raise ValueError(
            f"data.attribute_rows must be rows of {len(facts.attributes)} numbers, as many as "
            f"data.attributes, got rows of {sorted(widths)}"
        )


def data_facts(dataset: Dataset | Records, conditional: bool) -> DataFacts:
    """The facts of a data set; classes and attributes count only if the GAN is conditional."""
    classes, names = dataset.num_classes if conditional else None, dataset.class_names
    attributes = dataset.attributes if conditional else None
    return DataFacts(
        shape=tuple(dataset.shape),
        size=dataset.size,
        num_classes=classes,
        low=dataset.low,
        high=dataset.high,
        fingerprint=_fingerprint(dataset),
        checksum=_checksum(dataset),
        class_names=None if classes is None or names is None else names[:classes],
        attributes=() if attributes is None else attributes.names,
        attribute_rows=() if attributes is None else _some_rows(attributes.rows),
    )


def _some_rows(rows: np.ndarray) -> Rows:
    """Random rows, each once, whose floats are as short as float32 allows."""
    num = min(len(rows), MAX_ROWS, max(1, MAX_NUMBERS // rows.shape[1]))
    chosen = np.random.default_rng(0).permutation(len(rows))[:num]
    return tuple(tuple(float(str(number)) for number in row) for row in rows[chosen])


def _fingerprint(dataset: Dataset | Records) -> str:
    """A checksum of the first, the middle and the last sample, with their labels."""
    check = 0
    for number in sorted({0, dataset.size // 2, dataset.size - 1}):
        try:
            x, condition = _sample(dataset, number)
        except ValueError:  # unreadable records are rejected elsewhere
            continue
        check = zlib.crc32(condition, zlib.crc32(np.ascontiguousarray(x).data, check))
    return f"{check:08x}"


def _sample(dataset: Dataset | Records, number: int) -> tuple[np.ndarray, bytes]:
    """A sample and its condition as bytes; a label counts as text."""
    if isinstance(dataset, Records) and dataset.attributes is not None:
        return dataset.read(number)[0], dataset.attributes.rows[number].tobytes()
    if isinstance(dataset, Dataset) and dataset.condition is not None and dataset.labels is None:
        return dataset.x[number], _bytes(jax.tree.map(lambda part: part[number], dataset.condition))
    if isinstance(dataset, Records):
        x, label = dataset.read(number)
    else:
        x, label = dataset.x[number], None if dataset.labels is None else dataset.labels[number]
    return x, str(-1 if label is None else int(label)).encode()


def _bytes(condition: PyTree) -> bytes:
    return b"".join(np.asarray(part).tobytes() for part in jax.tree.leaves(condition))


def _checksum(dataset: Dataset | Records) -> str | None:
    if isinstance(dataset, Records):
        return None
    samples = zlib.crc32(np.ascontiguousarray(dataset.x).data)
    return f"{zlib.crc32(_bytes(dataset.condition), samples):08x}"


def gan_fingerprint(gan: GAN, dataset: Dataset | Records, conditional: bool) -> str:
    """A checksum of the program of a GAN's training step, with all its numbers.

    It differs for another learning rate, weight or width, and is comparable only between equal
    versions of the packages.
    """
    program = str(step_program(gan, small_input(dataset, gan, conditional)))
    return f"{zlib.crc32(re.sub(r' at 0x[0-9a-f]+', '', program).encode()):08x}"
