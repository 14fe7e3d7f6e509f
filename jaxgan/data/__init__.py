"""Data: toy distributions, digits, waveforms, files, and the order in which samples come."""

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
from jaxgan.data.waves import (
    TIMBRES,
    decay_rate,
    fundamental_frequency,
    harmonic_profile,
    mean_log_spectrum,
    spectral_centroid,
    tones,
    wave_dataset,
)

__all__ = [
    "GRID25_CENTRES",
    "GRID25_SIGMA",
    "RING8_CENTRES",
    "RING8_SIGMA",
    "SPIRAL_SIGMA",
    "TIMBRES",
    "Dataset",
    "batch_indices",
    "decay_rate",
    "digits",
    "epoch_permutation",
    "folder",
    "from_arrays",
    "fundamental_frequency",
    "gaussian",
    "grid25",
    "harmonic_profile",
    "idx",
    "load",
    "mean_log_spectrum",
    "npz",
    "ring8",
    "scale",
    "spectral_centroid",
    "spiral",
    "spiral_curve",
    "spiral_distance",
    "to_model_range",
    "to_own_range",
    "tones",
    "toy_dataset",
    "wave_dataset",
]
