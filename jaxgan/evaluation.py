"""A run's samples scored against its data: what `jaxgan evaluate` prints and writes."""

import functools
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.checks import check_choice, check_positive, check_seed
from jaxgan.config import Config, read_config, surroundings
from jaxgan.data import MIXTURES, Dataset, Records, decode, load, to_model_range, to_own_range
from jaxgan.extractors import Extractor, Seen, make_extractor
from jaxgan.journal import replace_file
from jaxgan.models import has_pretrained
from jaxgan.samples import Loaded, load_generator
from jaxgan.scores import STATISTICS, Score, Statistic, make_coverage, scores_of
from jaxgan.stages import last_stage, sample_whole

RANGE = (-1.0, 1.0)  # of what extractors are given
NAMES = (*STATISTICS, "modes")


class Evaluation(NamedTuple):
    """The scores of a run, and all that they depend on.

    Attributes:
      scores: one a number.
      facts: run, checkpoint's step, data, numbers of samples, features, versions, date.
    """

    scores: tuple[Score, ...]
    facts: dict[str, Any]


def evaluate_run(
    run: Path,
    names: Sequence[str] | None = None,
    num: int = 10_000,
    features: str | None = None,
    seed: int = 0,
    use_ema: bool = True,
    which: str = "latest",
    errors: bool = True,
) -> Evaluation:
    """Scores of a run's samples against the data that it was trained on.

    Args:
      run: its folder.
      names: of `jaxgan.scores.STATISTICS`, and "modes" for mixtures of Gaussians; what suits the
        data if not given.
      num: samples drawn, and real ones if there are so many. A conditional run draws the real
        ones' labels, one that is given images those of the data.
      features: see `jaxgan.extractors`; if not given the data's own classifier where there are
        labels, VGG16 for other images where its weights are installed, and else the values.
      seed: of the samples and of which real ones are taken.
      use_ema: the averaged generator, if the run keeps an average.
      which: the checkpoint, see `jaxgan.samples.load_generator`.
      errors: whether to estimate standard errors, which takes ten times as long.
    Raises:
      FileNotFoundError: if the folder holds no run, or one without a checkpoint.
      ValueError: if a name is unknown, or data and metrics do not suit each other.
    """
    check_positive(num=num)
    check_seed(seed)
    config = read_config(last_stage(run))
    dataset = real_data(config)
    features = usual_features(dataset) if features is None else features
    extractor = make_extractor(features, dataset)
    statistics = chosen_statistics(names, dataset, extractor)
    real, labels = _real_rows(dataset, num, seed)
    asked = _asked_labels(config, labels, num)
    samples, drawn_on = sample_whole(run, num, seed, use_ema, asked, which)
    other = None
    if drawn_on.real is not None:
        real = _own(np.asarray(drawn_on.real), config)
    elif dataset.size >= len(real) + num:
        other = _real_rows(dataset, num, seed, first=len(real))[0]
    see = functools.partial(_seen, extractor, dataset)
    seen = see(real), see(samples), None if other is None else see(other)
    found = scores_of(statistics, extractor, *seen, errors=errors)
    loaded = load_generator(last_stage(run), use_ema, which)
    facts = _facts(loaded, extractor) | {
        "samples": num,
        "real": len(real),
        "seed": seed,
    }
    return Evaluation(tuple(found), facts)


# --- The parts


def real_data(config: Config) -> Dataset:
    """The data of a run, in memory.

    Raises:
      ValueError: if they do not fit there.
      FileNotFoundError: if they are not there any more.
    """
    source = config.input
    dataset = load(
        source.source,
        max_bytes=source.max_bytes,
        max_bad_share=source.max_bad_share,
        tfds_manual_dir=source.tfds_manual_dir,
    )
    return decode(dataset, source.max_bad_share) if isinstance(dataset, Records) else dataset


def usual_features(dataset: Dataset) -> str:
    """What one looks at in data, if nothing is said: see `evaluate_run`."""
    if dataset.name in MIXTURES or len(dataset.shape) < 2:
        return "pixels"
    if dataset.num_classes is not None and dataset.num_classes > 1:
        return "classifier"
    return "vgg16" if len(dataset.shape) == 3 and has_pretrained() else "pixels"


def chosen_statistics(
    names: Sequence[str] | None, dataset: Dataset, extractor: Extractor
) -> dict[str, Statistic]:
    """The statistics of these names, or those that suit the data.

    Raises:
      ValueError: if there is none of a name, or not for these data.
    """
    known: dict[str, Statistic] = dict(STATISTICS)
    if dataset.name in MIXTURES:
        known["modes"] = make_coverage(*MIXTURES[dataset.name])
    if names is None:
        usual = ("fd", "kd", "is", "pr", "dc") if extractor.name != "pixels" else ("modes", "swd")
        names = [name for name in usual if name in known]
        names = [name for name in names if name != "is" or extractor.name != "vgg16"]
    for name in names:
        check_choice(metrics=(name, NAMES))
        if name not in known:
            raise ValueError(f"{name} needs a mixture of known modes, such as ring8, not the data")
    if "modes" in names and extractor.name != "pixels":
        raise ValueError(f"modes are counted on pixels, got the features {extractor.name}")
    return {name: known[name] for name in names}


def _real_rows(
    dataset: Dataset, num: int, seed: int, first: int = 0
) -> tuple[np.ndarray, np.ndarray | None]:
    order = np.random.default_rng(seed).permutation(dataset.size)[first : first + num]
    labels = None if dataset.condition is None else dataset.condition[order]
    return dataset.x[order], labels


def _asked_labels(config: Config, labels: np.ndarray | None, num: int) -> np.ndarray | None:
    """Classes of the samples: those of the real ones, again and again."""
    if config.data.num_classes is None or labels is None:
        return None
    return np.resize(labels[labels >= 0], num)


def _own(x: np.ndarray, config: Config) -> np.ndarray:
    return to_own_range(x, config.data.low, config.data.high, config.plan.model_range)


def _seen(extractor: Extractor, dataset: Dataset, x: np.ndarray) -> Seen:
    return extractor.run(to_model_range(x, dataset.low, dataset.high, RANGE))


def _facts(loaded: Loaded, extractor: Extractor) -> dict[str, Any]:
    return {
        "recipe": loaded.config.recipe,
        "data": loaded.config.input.source,
        "step": loaded.step,
        "ema": loaded.ema,
        "features": extractor.name,
        "resized": extractor.resized or "no",
        **extractor.facts,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **{name: surroundings()[name] for name in ("versions", "device")},
    }


def write_evaluation(evaluation: Evaluation, file: Path):
    """Writes scores and facts as JSON; null for what is not known."""
    scores = [
        {name: None if x is None or x != x else x for name, x in score._asdict().items()}
        for score in evaluation.scores
    ]
    text = json.dumps({"scores": scores} | evaluation.facts, indent=2) + "\n"
    replace_file(file, lambda beside: beside.write_text(text))
