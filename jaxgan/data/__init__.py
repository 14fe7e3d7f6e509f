"""Datasets: toy distributions, digits, waveforms, files, TFDS, and the order of batches."""

from jaxgan.data.built_in import digit_outlines, digits, photos
from jaxgan.data.dataset import Dataset, from_arrays, scale, to_data_range, to_model_range
from jaxgan.data.decoding import decode
from jaxgan.data.files import folder, folder_records, idx, npz
from jaxgan.data.order import batch_indices, epoch_permutation
from jaxgan.data.pairs import pair_records
from jaxgan.data.patches import patch_records
from jaxgan.data.records import Records
from jaxgan.data.sources import load
from jaxgan.data.streaming import StreamedBatch, prefetch, stream
from jaxgan.data.tfds import parse_tfds, tfds_source
from jaxgan.data.toy import (
    GRID25_CENTRES,
    GRID25_SIGMA,
    MIXTURE1200_DIMENSIONS,
    MIXTURE1200_SIGMA,
    MIXTURES,
    RING8_CENTRES,
    RING8_SIGMA,
    SPIRAL_SIGMA,
    Mixture,
    gaussian,
    grid25,
    mixture1200,
    mixture1200_centres,
    ring8,
    spiral,
    spiral_curve,
    spiral_distance,
    toy_dataset,
)
from jaxgan.data.transforms import flip_horizontally, random_crop
from jaxgan.data.waves import TIMBRES, tones, wave_dataset
from jaxgan.metrics.waveforms import (
    decay_rate,
    fundamental_frequency,
    harmonic_profile,
    mean_log_spectrum,
    spectral_centroid,
)

__all__ = [
    "GRID25_CENTRES",
    "GRID25_SIGMA",
    "MIXTURE1200_DIMENSIONS",
    "MIXTURE1200_SIGMA",
    "MIXTURES",
    "RING8_CENTRES",
    "RING8_SIGMA",
    "SPIRAL_SIGMA",
    "TIMBRES",
    "Dataset",
    "Mixture",
    "Records",
    "StreamedBatch",
    "batch_indices",
    "decay_rate",
    "decode",
    "digit_outlines",
    "digits",
    "epoch_permutation",
    "flip_horizontally",
    "folder",
    "folder_records",
    "from_arrays",
    "fundamental_frequency",
    "gaussian",
    "grid25",
    "harmonic_profile",
    "idx",
    "load",
    "mean_log_spectrum",
    "mixture1200",
    "mixture1200_centres",
    "npz",
    "pair_records",
    "parse_tfds",
    "patch_records",
    "photos",
    "prefetch",
    "random_crop",
    "ring8",
    "scale",
    "spectral_centroid",
    "spiral",
    "spiral_curve",
    "spiral_distance",
    "stream",
    "tfds_source",
    "to_data_range",
    "to_model_range",
    "tones",
    "toy_dataset",
    "wave_dataset",
]
