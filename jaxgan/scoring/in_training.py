"""Real samples to score against, and scores while a run trains."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxgan.data import MIXTURES, Dataset, Records, to_model_range, to_own_range
from jaxgan.models import has_pretrained
from jaxgan.runs.settings.config import Config
from jaxgan.scoring.extractors import Extractor, Seen, are_pictures, make_extractor
from jaxgan.scoring.scores import (
    STATISTICS,
    VALUES,
    Statistic,
    make_coverage,
    score_names,
    scores_of,
)
from jaxgan.training.sampling import has_images, make_pieces
from jaxgan.types import GAN, GANState

RANGE = (-1.0, 1.0)  # of what extractors are given
NAMES = (*STATISTICS, "modes")


class Scorer(NamedTuple):
    """Scores of a state while it trains: their names, and `of(state) -> {name: value}`."""

    names: tuple[str, ...]
    of: Callable[[GANState], dict[str, float]]


def make_scorer(gan: GAN, config: Config, dataset: Dataset | Records) -> Scorer | None:
    """What scores a run on the way, as its configuration asks; None if it asks for nothing.

    The samples are of one fixed set of latents, of the averaged generator if there is one; classes
    are those of the real samples.

    Raises:
      ValueError: if metrics, features and data do not suit each other, or the generator is given
        images.
    """
    asked = config.scoring
    if not asked.metrics:
        return None
    check_scorable(gan, config.recipe, config.data.shape, config.data.num_classes is not None)
    check_names(asked.metrics, "--score", "--score-features")
    extractor = make_extractor(asked.features or usual_features(dataset), dataset)
    statistics = chosen_statistics(asked.metrics, dataset, extractor)
    x, labels = real_rows(dataset, asked.num, config.seed)
    real = seen(extractor, dataset, x)
    key = jax.random.split(jax.random.key(config.seed), 3)[2]
    classes = asked_labels(config, labels, asked.num)
    draw = make_pieces(key, gan, asked.num, classes, config.plan.devices)

    def of(state: GANState) -> dict[str, float]:
        samples = np.concatenate([np.asarray(piece) for piece in draw(state)])
        own = to_own_range(samples, dataset.low, dataset.high, config.plan.model_range)
        fake = seen(extractor, dataset, own)
        found = scores_of(statistics, extractor, real, fake, errors=False)
        return {score.name: score.value for score in found}

    return Scorer(score_names(statistics, extractor, asked.num, len(x)), of)


def check_scorable(gan: GAN, recipe: str, shape: tuple[int, ...], conditional: bool):
    """Raises a ValueError if a generator takes images, which scores in training do not give it."""
    if has_images(gan, shape, conditional):
        raise ValueError(
            f"--score: the generator of {recipe} takes images, so it is not scored while it "
            "trains; use `jaxgan evaluate` afterwards"
        )


# --- What is chosen


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


def real_rows(
    dataset: Dataset | Records, num: int, seed: int, first: int = 0
) -> tuple[np.ndarray, np.ndarray | None]:
    """Real samples in a random order, and their labels: so many from one on, if there are.

    Records that cannot be read are left out.
    """
    order = np.random.default_rng(seed).permutation(dataset.size)[first : first + num]
    if isinstance(dataset, Dataset):
        return dataset.x[order], None if dataset.labels is None else dataset.labels[order]
    found = []
    for number in order:
        try:
            found.append(dataset.read(int(number)))
        except ValueError:
            continue
    classes = np.asarray([-1 if label is None else label for _, label in found], np.int32)
    return np.stack([x for x, _ in found]), classes


def asked_labels(config: Config, labels: np.ndarray | None, num: int) -> np.ndarray | None:
    """Classes of so many samples: those of the real ones, again and again."""
    if config.data.num_classes is None or labels is None:
        return None
    return np.resize(labels[labels >= 0], num)


def seen(extractor: Extractor, dataset: Dataset | Records, x: np.ndarray) -> Seen:
    """What an extractor sees of samples in the data's own range."""
    return extractor.run(to_model_range(x, dataset.low, dataset.high, RANGE))
