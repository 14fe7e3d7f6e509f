"""Samples in files: how the command line reads, scores and summarises them."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jaxgan.cli.console import make_console, say
from jaxgan.cli.progress import reading

if TYPE_CHECKING:
    from jaxgan.data import Dataset, Records
    from jaxgan.scoring import Evaluation, EvaluationOptions, FeatureStatistics
    from jaxgan.types import Range

FEWEST = 100  # samples in a score


class Images(NamedTuple):
    """How images in files are read: their size, and the range of floats."""

    size: int | None
    value_range: "Range | None"


def score_files(
    samples: str,
    against: str,
    held_out: str | None,
    images: Images,
    options: "EvaluationOptions",
    pictured: bool,
) -> "Evaluation":
    """The scores of samples in files; `pictured` says whether a picture will be asked for."""
    from jaxgan.scoring.evaluation import evaluate_samples
    from jaxgan.scoring.pictures import check_pictures
    from jaxgan.scoring.statistics_file import FeatureStatistics

    fake = _samples(samples, images)
    real = read_data(against, images, options.features)
    if held_out is not None:
        if "memorisation" not in (options.metrics or ()):
            raise ValueError("--held-out is for the metric memorisation: add it to --metrics")
        options = options._replace(held_out=_samples(held_out, images))
    if fake.size < FEWEST:
        raise ValueError(f"{samples} holds {fake.size} samples, and scores need at least {FEWEST}")
    if pictured and isinstance(real, FeatureStatistics):
        raise ValueError(f"--picture needs the real images, and {against} holds only statistics")
    if pictured and not isinstance(real, FeatureStatistics):
        check_pictures(fake, real)
    sets = [each for each in (fake, real, options.held_out) if each is not None]
    if images.value_range and all(map(_are_bytes, sets)):
        raise ValueError("--range is for float images, and both sides hold uint8")
    with reading(make_console(stderr=True)) as report:
        return evaluate_samples(fake, real, options, report)


def _are_bytes(found: "Dataset | Records | FeatureStatistics") -> bool:
    from jaxgan.scoring.image_files import dtype_of
    from jaxgan.scoring.statistics_file import FeatureStatistics

    return isinstance(found, FeatureStatistics) or dtype_of(found) == "uint8"


def read_data(
    spec: str, images: Images, features: object
) -> "Dataset | Records | FeatureStatistics":
    """The real samples; in memory if a classifier may be trained on them."""
    from jaxgan.scoring.image_files import read_set

    return read_set(spec, images.size, images.value_range, features in (None, "classifier"))


def _samples(spec: str, images: Images) -> "Dataset | Records":
    from jaxgan.scoring.image_files import read_set
    from jaxgan.scoring.statistics_file import FeatureStatistics

    found = read_set(spec, images.size, images.value_range)
    if isinstance(found, FeatureStatistics):
        raise ValueError(
            f"{spec} holds statistics, not samples: it can only be given with --against"
        )
    return found


def parsed_range(text: str | None) -> "Range | None":
    """The range that --range LOW,HIGH gives."""
    if text is None:
        return None
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not low < high:
        raise ValueError(f"--range must be LOW,HIGH with LOW below HIGH, as --range=-1,1: {text!r}")
    return low, high


# --- Files of statistics


def write_statistics_of(
    samples: str, images: Images, features: str | None, num: int | None, out: Path
):
    """Write the mean and covariance of the features of samples."""
    from jaxgan.scoring.extractors import make_extractor
    from jaxgan.scoring.reference import feature_moments
    from jaxgan.scoring.statistics_file import features_name, write_statistics

    if features in (None, "classifier"):
        raise ValueError(
            "--statistics-out needs features that others can compute too, such as --features "
            "inception:FILE"
        )
    found = _samples(samples, images)
    extractor = make_extractor(str(features), found)
    with reading(make_console(stderr=True)) as report:
        moments = feature_moments(extractor, found, num, report)
    write_statistics(out, moments, extractor)
    say(
        make_console(),
        f"{features_name(extractor)} features of {int(moments.num):,} samples -> {out}",
    )
