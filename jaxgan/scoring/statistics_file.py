"""Mean and covariance of features in a file, in the layout of pytorch-fid."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgan.atomic import replace_file
from jaxgan.metrics import Moments
from jaxgan.metrics.statistics import covariance
from jaxgan.scoring.extractors import Extractor


class FeatureStatistics(NamedTuple):
    """What is known of data whose samples are not at hand.

    Attributes:
      mean: mean of the features [features], float64.
      covariance: their unbiased covariance [features, features], float64.
      num: number of samples; None if the file does not say.
      features: the extractor and its resizing, such as "inception-bilinear299x299"; "" if the file
        does not say.
      name: the file's name.
    """

    mean: np.ndarray
    covariance: np.ndarray
    num: int | None
    features: str
    name: str


def has_statistics(file: Path) -> bool:
    """Whether a file is an archive of a mean and a covariance."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {"mu", "sigma"} <= set(archive.files)
    except Exception:  # corrupted files raise many kinds of errors, which reading will show
        return False


def read_statistics(file: Path) -> FeatureStatistics:
    """The statistics in a .npz file with `mu` and `sigma`.

    Args:
      file: from `write_statistics`, pytorch-fid or clean-fid.
    Raises:
      ValueError: if an array has another shape or non-finite values.
    """
    with np.load(file, allow_pickle=False) as archive:
        mean, spread = (np.asarray(archive[name], np.float64) for name in ("mu", "sigma"))
        num = int(archive["num"]) if "num" in archive.files else None
        features = str(archive["features"]) if "features" in archive.files else ""
    if mean.ndim != 1 or spread.shape != 2 * mean.shape:
        raise ValueError(
            f"{file}: mu and sigma must be [features] and [features, features], got {mean.shape} "
            f"and {spread.shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(spread).all()):
        raise ValueError(f"{file} has non-finite values (NaN or infinity)")
    return FeatureStatistics(mean, spread, num, features, file.name)


def write_statistics(file: Path, moments: Moments, extractor: Extractor):
    """Write the mean and covariance of features as `mu` and `sigma`, float64.

    Args:
      file: a .npz file.
      moments: of the features.
      extractor: that of the features; its name is written too.
    """
    replace_file(
        file,
        lambda beside: np.savez(
            beside,
            mu=moments.mean,
            sigma=covariance(moments),
            num=np.asarray(int(moments.num)),
            features=np.asarray(features_name(extractor)),
        ),
    )


def as_moments(statistics: FeatureStatistics) -> Moments:
    """The same as `Moments`; without a number of samples as of one more than features."""
    num = statistics.num or len(statistics.mean) + 1
    return Moments(float(num), statistics.mean, statistics.covariance * (num - 1))


def features_name(extractor: Extractor) -> str:
    """The name of an extractor with its resizing, as it stands in scores."""
    return "-".join(filter(None, (extractor.name, extractor.resized)))
