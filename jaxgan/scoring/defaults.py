"""The features and metrics that suit a data set, and the names a user may give."""

from collections.abc import Sequence
from typing import get_args

from jaxgan.checks import closest
from jaxgan.choices import ScoreName
from jaxgan.data import MIXTURES, Dataset, Records
from jaxgan.models import has_pretrained
from jaxgan.scoring.extractors import Extractor, is_grey_or_rgb
from jaxgan.scoring.scores import LABELLED, STATISTICS, VALUES, Statistic, make_coverage

NAMES: tuple[str, ...] = get_args(ScoreName)


_WANTED = {
    "is": "class logits",
    "class_accuracy": "logits of the data's own classes, --features classifier",
    "sfd": "feature maps, --features inception:FILE",
    "modes": "a mixture of known modes, such as ring8",
    "memorisation": "held-out samples, `jaxgan evaluate RUN --held-out DATA`",
}


def usual_features(dataset: Dataset | Records) -> str:
    """The default feature extractor for a data set."""
    if dataset.name in MIXTURES or len(dataset.shape) < 2:
        return "pixels"
    if isinstance(dataset, Dataset) and (dataset.num_classes or 0) > 1:
        return "classifier"
    return "vgg16" if is_grey_or_rgb(dataset.shape) and has_pretrained() else "pixels"


def check_names(names: Sequence[str], option: str = "--metrics", features: str = "--features"):
    """Raise a ValueError for unknown metrics; `option` and `features` are the options to name."""
    for name in names:
        if name not in NAMES:
            hint = _hint(name, option, features)
            raise ValueError(f"{option}: there is no metric {name!r}; {hint}")


def check_labelled(names: Sequence[str], conditional: bool):
    """Raise a ValueError for metrics of classes if samples are not asked for by their class."""
    for name in names:
        if name in LABELLED and not conditional:
            raise ValueError(
                f"{name} needs a generator that takes classes: train a conditional one, with "
                "--conditional, or give samples with labels"
            )


def _hint(name: str, option: str, features: str) -> str:
    """What to type instead of a name that is not a metric."""
    if name in ("fid", "kid"):
        metric = "fd" if name == "fid" else "kd"
        return f"for the {name.upper()} give {option} {metric} {features} inception:FILE"
    for group, values in VALUES.items():
        if name in values:
            return f"{name} is part of {group}: give {option} {group}"
    hint = closest(name, NAMES)
    return f"choose from {', '.join(NAMES)}{'.' if hint else ''}{hint}"


def chosen_statistics(
    names: Sequence[str] | None, dataset: Dataset | Records, extractor: Extractor
) -> dict[str, Statistic]:
    """The statistics with these names; None for those that suit the data.

    Raises:
      ValueError: if a name is unknown, or its metric does not suit the data.
    """
    known: dict[str, Statistic] = dict(STATISTICS)
    if dataset.name in MIXTURES and extractor.name == "pixels":
        known["modes"] = make_coverage(MIXTURES[dataset.name]())
    if extractor.name not in ("classifier", "inception"):
        del known["is"]
    if extractor.name != "classifier":  # the classes of Inception are not those of the data
        del known["class_accuracy"]
    if not extractor.name.startswith("inception"):
        del known["sfd"]
    if names is None:
        usual = ("modes", "swd") if extractor.name == "pixels" else ("fd", "kd", "is", "pr", "dc")
        names = [name for name in usual if name in known]
    check_names(names)
    for name in names:
        if name not in known:
            raise ValueError(
                f"{name} needs {_WANTED[name]}: got {extractor.name} features of {dataset.name}"
            )
    return {name: known[name] for name in names}
