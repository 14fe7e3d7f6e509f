"""Which features and statistics suit a data set, and which names a user may give."""

from collections.abc import Sequence
from typing import get_args

from jaxgan.choices import ScoreName
from jaxgan.data import MIXTURES, Dataset, Records
from jaxgan.models import has_pretrained
from jaxgan.scoring.extractors import Extractor, are_pictures
from jaxgan.scoring.scores import (
    STATISTICS,
    VALUES,
    Statistic,
    make_coverage,
)

NAMES: tuple[str, ...] = get_args(ScoreName)


def usual_features(dataset: Dataset | Records) -> str:
    """The features that suit data, where nothing else is asked for."""
    if dataset.name in MIXTURES or len(dataset.shape) < 2:
        return "pixels"
    if isinstance(dataset, Dataset) and (dataset.num_classes or 0) > 1:
        return "classifier"
    return "vgg16" if are_pictures(dataset.shape) and has_pretrained() else "pixels"


def check_names(names: Sequence[str], option: str = "--metrics", features: str = "--features"):
    """Raises a ValueError for what is no metric; users name both by `option` and `features`."""
    for name in names:
        if name in NAMES:
            continue
        if name in ("fid", "kid"):
            metric = "fd" if name == "fid" else "kd"
            hint = f"for the {name.upper()} give {option} {metric} {features} inception:FILE"
        else:
            part_of = next((group for group, values in VALUES.items() if name in values), None)
            hint = f"{name} is part of {part_of}" if part_of else f"choose from {', '.join(NAMES)}"
        raise ValueError(f"{option}: there is no metric {name!r}; {hint}")


def chosen_statistics(
    names: Sequence[str] | None, dataset: Dataset | Records, extractor: Extractor
) -> dict[str, Statistic]:
    """The statistics of these names, or those that suit the data.

    Raises:
      ValueError: if there is none of a name, or not for these data.
    """
    known: dict[str, Statistic] = dict(STATISTICS)
    if dataset.name in MIXTURES and extractor.name == "pixels":
        known["modes"] = make_coverage(MIXTURES[dataset.name]())
    if extractor.name not in ("classifier", "inception"):
        del known["is"]
    if names is None:
        usual = ("modes", "swd") if extractor.name == "pixels" else ("fd", "kd", "is", "pr", "dc")
        names = [name for name in usual if name in known]
    check_names(names)
    for name in names:
        if name not in known:
            wanted = "class logits" if name == "is" else "a mixture of known modes, such as ring8"
            raise ValueError(
                f"{name} needs {wanted}: got {extractor.name} features of {dataset.name}"
            )
    return {name: known[name] for name in names}
