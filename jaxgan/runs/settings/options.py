"""The options of a run, each declared once: see `jaxgan.settings`."""

from typing import Annotated, Any, Literal, NamedTuple, get_args

import pydantic
import pydantic_core

from jaxgan.choices import AlertKind, AugmentationName, TrackerName
from jaxgan.recipes.hyperparameters import Given
from jaxgan.scoring.settings import Scoring
from jaxgan.settings import Count, Seed, Setting, documented
from jaxgan.training.plan import Plan, ReadOptions

Mode = Literal["max", "min"]


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        wanted = "must be in UTF-8, or config.json could not hold it: rename it"
        raise pydantic_core.PydanticCustomError("utf8", wanted) from None
    return text


Text = Annotated[str, pydantic.AfterValidator(_utf8)]
"""Text that is read again as it was written."""


def _metric_and_mode(text: str) -> str:
    metric, colon, mode = text.partition(":")
    if not metric or (colon and mode not in get_args(Mode)):
        raise pydantic_core.PydanticCustomError("best", "must be METRIC:max or METRIC:min")
    return text


def _absolute_source(source: str) -> str:
    from jaxgan.data.sources import absolute

    return absolute(source)


def _absolute_path(path: str) -> str:
    from jaxgan.data.sources import absolute_path

    return absolute_path(path)


@documented
class Input(NamedTuple):
    """How the data are read. Results depend on the data and their condition alone.

    Both are compared on resume.
    """

    source: Annotated[
        Text,
        Setting(
            "Data set: a name, such as digits, spiral, ring8 or photos, or a path, such as "
            "folder:DIR@64, idx:DIR, npz:FILE or tfds:NAME.",
            may_change=True,
            flag="--data",
            shown_default="the recipe's",
            per_process=True,
            absolute=_absolute_source,
        ),
    ]
    max_memory: Annotated[
        float,
        pydantic.Field(ge=0, allow_inf_nan=False),
        Setting(
            "GiB of decoded data to keep in memory; larger data are streamed.", may_change=True
        ),
    ] = 2.0
    max_pixels: Annotated[
        Count | None,
        Setting(
            "Maximum size of an image in pixels; larger images count as unreadable.",
            may_change=True,
            shown_default="178,956,970",
        ),
    ] = None
    tfds_manual_dir: Annotated[
        Text | None,
        Setting(
            "Folder of downloaded files from which TFDS prepares the data.",
            may_change=True,
            metavar="DIR",
            per_process=True,
            absolute=_absolute_path,
        ),
    ] = None
    reading: ReadOptions = ReadOptions()
    condition: Annotated[
        tuple[str, ...],
        Setting(
            "Condition on these attributes instead of classes: columns of numbers in the "
            "metadata.csv of a folder or in a Parquet file, or arrays of an npz file.",
            metavar="NAME[,NAME]",
            shown_default="classes, in conditional recipes",
        ),
    ] = ()


@documented
class Keep(NamedTuple):
    """The checkpoints that are kept."""

    last: Annotated[
        int,
        pydantic.Field(ge=1),
        Setting("Number of most recent checkpoints to keep.", may_change=True, flag="--keep"),
    ] = 3
    best: Annotated[
        str | None,
        pydantic.AfterValidator(lambda text: None if text is None else _metric_and_mode(text)),
        Setting(
            "Also keep the best checkpoint by a metric, the largest or the smallest.",
            may_change=True,
            flag="--keep-best",
            metavar="METRIC:max|min",
        ),
    ] = None

    @property
    def metric(self) -> str | None:
        """The metric of the best checkpoint."""
        return None if self.best is None else self.best.partition(":")[0]

    @property
    def mode(self) -> Mode:
        """Whether the largest or the smallest value of the metric is best."""
        return "min" if self.best is not None and self.best.endswith(":min") else "max"


@documented
class Saving(NamedTuple):
    """When the state is saved, beside the end of the run, and which checkpoints are kept."""

    every: Annotated[
        Count,
        Setting(
            "Generator updates between checkpoints.",
            may_change=True,
            flag="--save-every",
            shown_default="10 times per run",
        ),
    ]
    minutes: Annotated[
        float,
        pydantic.Field(ge=0, allow_inf_nan=False),
        Setting("Maximum minutes between checkpoints.", may_change=True, flag="--save-minutes"),
    ] = 10.0
    keep: Keep = Keep()


@documented
class Start(NamedTuple):
    """What a new run starts from, beside its seed."""

    source: Annotated[
        Text | None,
        Setting(
            "Start from the weights of a run, or of the generator in a file of `jaxgan export`.",
            flag="--from",
            shown_default="",
            metavar="RUN|FILE.safetensors",
            per_process=True,
            absolute=_absolute_path,
        ),
    ] = None
    freeze_d: Annotated[
        int,
        pydantic.Field(ge=0),
        Setting(
            "Keep the discriminator's first N layers, next to the samples, as they were there."
        ),
    ] = 0


@documented
class Options(NamedTuple):
    """All options of a run."""

    recipe: Annotated[
        str,
        Setting("Name of a recipe, see `jaxgan recipes`.", flag="recipe", shown_default="digits"),
    ]
    input: Annotated[Input, Setting("How the data are read.", panel="Data")]
    steps: Annotated[
        Count,
        Setting(
            "Generator updates in total.",
            may_change=True,
            panel="Training",
            shown_default="the recipe's",
        ),
    ]
    plan: Annotated[Plan, Setting("How the GAN is trained.", panel="Training", shown_default="")]
    log_every: Annotated[
        Count,
        Setting(
            "Rounds between rows of the log.",
            may_change=True,
            panel="Logging",
            shown_default="400 times per run",
        ),
    ]
    sample_every: Annotated[
        Count,
        Setting(
            "Generator updates between sample images, which are drawn at the end of a compiled "
            "call.",
            may_change=True,
            panel="Logging",
            shown_default="10 times per run",
        ),
    ]
    saving: Annotated[Saving, Setting("When the state is saved.", panel="Checkpoints")]
    augment: Annotated[
        AugmentationName | None,
        Setting("Augment the discriminator's inputs, real and generated.", panel="Training"),
    ] = None
    hyperparameters: Annotated[
        Given,
        Setting(
            "A hyper-parameter of the recipe, such as gamma=0.5, see `jaxgan recipes RECIPE`. "
            "Repeat it for others.",
            flag="--set",
            panel="Training",
            shown_default="",
            metavar="NAME=VALUE",
        ),
    ] = {}  # noqa: RUF012 (it is never changed)
    start: Annotated[Start, Setting("Fine-tuning.", panel="Fine-tuning")] = Start()
    seed: Annotated[Seed, Setting("Random seed.", panel="Training")] = 0
    stop_on: Annotated[
        tuple[AlertKind, ...],
        Setting(
            f"Stop early on warnings of the monitor: {', '.join(get_args(AlertKind))}.",
            may_change=True,
            panel="Logging",
            metavar="KIND[,KIND]|none",
        ),
    ] = ()
    scoring: Annotated[Scoring, Setting("Scores during training.", panel="Scoring")] = Scoring()
    track: Annotated[
        tuple[TrackerName, ...],
        Setting(
            f"Where metrics and images go, beside the run's own files: "
            f"{', '.join(get_args(TrackerName))}.",
            may_change=True,
            panel="Logging",
            metavar="NAME[,NAME]|none",
        ),
    ] = ("tensorboard",)


Overrides = dict[str, Any]
"""Options that were given, by dotted name, such as {"plan.batch_size": 32}."""
