"""A run's samples scored against its data: what `jaxgan evaluate` prints and writes."""

import functools
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.atomic import replace_file
from jaxgan.checks import check_positive, check_seed
from jaxgan.data import Dataset, Records, to_data_range
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.runs.disk.stage_folders import last_stage
from jaxgan.runs.outputs.pyramid_samples import draw_whole, load_whole
from jaxgan.runs.settings.config import Config, environment, read_config
from jaxgan.runs.settings.run_data import load_data
from jaxgan.scoring.defaults import check_names, chosen_statistics, usual_features
from jaxgan.scoring.extractors import Extractor, make_extractor
from jaxgan.scoring.reference import real_rows, repeated_labels, seen
from jaxgan.scoring.scores import Score, scores_of


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
    read: Callable[[Config], tuple[Dataset | Records, str]] = load_data,
) -> Evaluation:
    """Scores of a run's samples against the data that it was trained on.

    Args:
      run: its folder.
      names: of `jaxgan.scoring.scores.STATISTICS`, and "modes" for mixtures of Gaussians; what
        suits the data if not given.
      num: samples drawn, and real ones if there are so many. A conditional run draws the real
        ones' labels, one that is given images those of the data.
      features: see `jaxgan.scoring.extractors`; if not given the data's own classifier where there
        are labels, VGG16 for other images where its weights are installed, and else the values.
      seed: of the samples and of which real ones are taken.
      use_ema: the averaged generator, if the run keeps an average.
      which: the checkpoint, see `jaxgan.runs.disk.generator.load_generator`.
      errors: whether to estimate standard errors, which takes ten times as long.
      read: gives the data of a run, and how they differ from those that it was trained on; ""
        if they do not.
    Raises:
      FileNotFoundError: if the folder holds no run, or one without a checkpoint, or the data are
        not there.
      ValueError: if a name is unknown, data and metrics do not suit each other, or the data are
        not those that the run was trained on.
    """
    check_positive(num=num)
    check_seed(seed)
    check_names(names or ())  # before the data are read and a classifier is trained
    config = read_config(last_stage(run))
    dataset, differ = read(config)
    features = usual_features(dataset) if features is None else features
    extractor = make_extractor(features, dataset)
    statistics = chosen_statistics(names, dataset, extractor)
    real, labels = real_rows(dataset, num, seed)
    asked = None if config.data.num_classes is None else repeated_labels(labels, num)
    loaded = load_whole(run, use_ema, which)
    samples, drawn_on = draw_whole(run, loaded, num, seed, asked, lambda config: dataset)
    other = None
    if drawn_on.real is not None:
        real = _own(np.asarray(drawn_on.real), config)
    elif dataset.size >= len(real) + num:
        other = real_rows(dataset, num, seed, first=len(real))[0]
    see = functools.partial(seen, extractor, dataset)
    each = see(real), see(samples), None if other is None else see(other)
    found = scores_of(statistics, extractor, *each, errors=errors)
    facts = _facts(loaded, extractor) | {
        "data": dataset.name,
        "data_differ": differ or "no",
        "samples": num,
        "real": len(real),
        "seed": seed,
    }
    return Evaluation(tuple(found), facts)


# --- The parts


def _own(x: np.ndarray, config: Config) -> np.ndarray:
    return to_data_range(x, config.data.low, config.data.high, config.options.plan.model_range)


def _facts(loaded: Sequence[TrainedGenerator], extractor: Extractor) -> dict[str, Any]:
    last = loaded[-1]
    levels = {each.config.options.recipe: each.step for each in loaded}
    return {
        "recipe": last.config.options.recipe,
        "step": last.step,
        **({} if len(levels) == 1 else {"levels": levels}),
        "ema": last.ema,
        "features": extractor.name,
        "resized": extractor.resized or "no",
        **extractor.facts,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **{name: environment()[name] for name in ("versions", "device")},
    }


def write_evaluation(evaluation: Evaluation, file: Path):
    """Writes scores and facts as JSON; null for what is not known."""
    scores = [
        {name: None if x is None or x != x else x for name, x in score._asdict().items()}
        for score in evaluation.scores
    ]
    text = json.dumps({"scores": scores} | evaluation.facts, indent=2) + "\n"
    replace_file(file, lambda beside: beside.write_text(text))
