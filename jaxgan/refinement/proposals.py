"""What methods that choose among samples take and return."""

from collections.abc import Callable
from typing import NamedTuple

from jaxgan.types import Array, PyTree

Propose = Callable[[Array, Array], tuple[PyTree, Array]]
"""`(key, index) -> (samples, log_ratios)`: a new sample for each global index, int [batch], and its
log p_data / p_generator, float [batch]. Sample i must depend on the key and i alone."""


class Refined(NamedTuple):
    """Samples that were chosen among proposals.

    Attributes:
      x: samples [num, ...].
      log_ratios: log p_data / p_generator of each, float [num].
      proposals: number of samples that were generated.
      acceptance: fraction of the proposals that were accepted.
    """

    x: PyTree
    log_ratios: Array
    proposals: int
    acceptance: float
