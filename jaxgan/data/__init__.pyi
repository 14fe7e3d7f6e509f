from .built_in import (
    digit_domains as digit_domains,
    digit_outlines as digit_outlines,
    digits as digits,
    photos as photos,
    slanted as slanted,
    slanted_digits as slanted_digits,
)
from .dataset import (
    Dataset as Dataset,
    from_arrays as from_arrays,
    scale as scale,
    to_data_range as to_data_range,
    to_model_range as to_model_range,
)
from .decoding import decode as decode
from .files import idx as idx, npy as npy, npz as npz
from .folders import folder as folder, folder_records as folder_records
from .order import batch_indices as batch_indices, epoch_permutation as epoch_permutation
from .pairs import pair_records as pair_records
from .parquet import parquet_records as parquet_records
from .patches import patch_records as patch_records
from .records import Records as Records
from .selection import select_instances as select_instances
from .sources import load as load
from .streaming import StreamedBatch as StreamedBatch, prefetch as prefetch, stream as stream
from .tfds import parse_tfds as parse_tfds, tfds_source as tfds_source
from .toy import (
    GRID25_CENTRES as GRID25_CENTRES,
    GRID25_SIGMA as GRID25_SIGMA,
    MIXTURE1200_DIMENSIONS as MIXTURE1200_DIMENSIONS,
    MIXTURE1200_SIGMA as MIXTURE1200_SIGMA,
    MIXTURES as MIXTURES,
    RING8_CENTRES as RING8_CENTRES,
    RING8_SIGMA as RING8_SIGMA,
    SPIRAL_SIGMA as SPIRAL_SIGMA,
    Mixture as Mixture,
    gaussian as gaussian,
    grid25 as grid25,
    mixture1200 as mixture1200,
    mixture1200_centres as mixture1200_centres,
    ring8 as ring8,
    spiral as spiral,
    spiral_curve as spiral_curve,
    spiral_distance as spiral_distance,
    toy_dataset as toy_dataset,
)
from .domains import unpaired as unpaired
from .transforms import flip_horizontally as flip_horizontally, random_crop as random_crop
from .waves import TIMBRES as TIMBRES, tones as tones, wave_dataset as wave_dataset
