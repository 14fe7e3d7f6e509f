"""Data: toy distributions, digits, files of images, and the order in which samples come."""

from jaxgan.data.dataset import Dataset, from_arrays, scale, to_model_range, to_own_range
from jaxgan.data.files import folder, idx, npz
from jaxgan.data.order import batch_indices, epoch_permutation
from jaxgan.data.sources import digits, load
from jaxgan.data.toy import (
    GRID25_CENTRES,
    GRID25_SIGMA,
    RING8_CENTRES,
    RING8_SIGMA,
    SPIRAL_SIGMA,
    gaussian,
    grid25,
    ring8,
    spiral,
    spiral_curve,
    spiral_distance,
    toy_dataset,
)

__all__ = [
    "GRID25_CENTRES",
    "GRID25_SIGMA",
    "RING8_CENTRES",
    "RING8_SIGMA",
    "SPIRAL_SIGMA",
    "Dataset",
    "batch_indices",
    "digits",
    "epoch_permutation",
    "folder",
    "from_arrays",
    "gaussian",
    "grid25",
    "idx",
    "load",
    "npz",
    "ring8",
    "scale",
    "spiral",
    "spiral_curve",
    "spiral_distance",
    "to_model_range",
    "to_own_range",
    "toy_dataset",
]
