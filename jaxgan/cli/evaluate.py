"""The command that scores samples: those of a run, or any in files."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, get_args

import typer
from rich.table import Table

from jaxgan.choices import Features
from jaxgan.cli.console import at_home, make_console, say
from jaxgan.cli.files import (
    FEWEST,
    Images,
    parsed_range,
    read_data,
    score_files,
    write_statistics_of,
)
from jaxgan.cli.generators import (
    Checkpoint,
    Ema,
    HeldOut,
    Refine,
    Standing,
    Truncation,
    Wanted,
    held_out_data,
    load_refined,
)
from jaxgan.cli.help import Command
from jaxgan.cli.progress import reading

if TYPE_CHECKING:
    from jaxgan.data import Dataset, Records
    from jaxgan.scoring import Evaluation, EvaluationOptions, FeatureStatistics

app = typer.Typer()
USUAL = 10_000


class Source(NamedTuple):
    """Of a run: its generator, the location of its data, and how its samples are corrected."""

    wanted: Wanted
    data: str | None
    force: bool
    refine: str | None
    held_out: str | None


@app.command(cls=Command)
def evaluate(
    samples: Annotated[
        str,
        typer.Argument(
            metavar="RUN|SAMPLES",
            help="Run folder; or samples made elsewhere: a folder of images, a .npz, .npy or "
            ".parquet file, or a name of data as train --data takes it.",
        ),
    ],
    against: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Real samples, named as SAMPLES are, or a .npz file of their statistics mu and "
            "sigma.",
            show_default="the run's own data",
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME]",
            help="Any of fd (Fréchet distance, as in FID), kd (kernel distance, as in KID), "
            "is (Inception score), pr (precision, recall), dc (density, coverage), "
            "swd (sliced Wasserstein distance), mind (MIND), fd_infinity (fd extrapolated to "
            "infinitely many samples), sfd (spatial fd, as in sFID), modes, memorisation (with "
            "--held-out), and for samples of known classes class_accuracy, intra_class_fd and "
            "intra_class_std.",
            show_default="those that suit the data",
        ),
    ] = None,
    num: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Number of samples.",
            show_default="10,000, or as many as there are; all for --statistics-out",
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(get_args(Features)),
            help="Feature extractor. FILE holds the network; FUNCTION maps images to features. "
            "inception:FILE@clean and @tensorflow resize as clean-fid and torch-fidelity do.",
            show_default="classifier, vgg16 or pixels, depending on the data",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=1, help="Resize and crop images in files to this size."),
    ] = None,
    value_range: Annotated[
        str | None,
        typer.Option("--range", metavar="LOW,HIGH", help="Black and white of float images."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the samples.")] = 0,
    errors: Annotated[
        bool, typer.Option(help="Estimate standard errors (takes ten times as long).")
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A .json file.", show_default="RUN/scores.json, or none", callback=at_home
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            help="A .png file of the best and the worst samples by realism score, each beside its "
            "nearest real ones.",
            callback=at_home,
        ),
    ] = None,
    statistics_out: Annotated[
        Path | None,
        typer.Option(
            help="A .npz file for the mean and covariance of the features of SAMPLES, instead of "
            "scores.",
            callback=at_home,
        ),
    ] = None,
    ema: Ema = True,
    truncation: Truncation = None,
    checkpoint: Checkpoint = "latest",
    standing_statistics: Standing = 0,
    data: Annotated[
        str | None,
        typer.Option(help="New location of the run's data.", show_default="the run's own"),
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Accept --data that differ from the run's data.")
    ] = False,
    refine: Refine = None,
    held_out: HeldOut = None,
):
    """Score samples of a run, or in files: FID-style metrics against real samples.

    Each metric has a standard error and a real-data baseline, its value for other real samples.
    """
    from jaxgan.scoring import defaults
    from jaxgan.scoring.evaluation import EvaluationOptions

    if num is not None and num < FEWEST:
        raise ValueError(
            f"--num {num} is too few: scores need at least {FEWEST} samples, and 10,000 are usual"
        )
    names = None if metrics is None else metrics.split(",")
    defaults.check_names(names or ())
    for file, suffix in ((picture, ".png"), (statistics_out, ".npz")):
        _check_file(file, suffix)
    images = Images(size, parsed_range(value_range))
    wanted = Wanted(ema, checkpoint, truncation, standing_statistics)
    source = Source(wanted, data, force, refine, held_out)
    if statistics_out is not None:
        _check_without_run(samples, source, "--statistics-out")
        return write_statistics_of(samples, images, features, num, statistics_out)
    resized = "" if size is None else f"lanczos{size}x{size}"
    options = EvaluationOptions(names, num or USUAL, features, seed, errors, resized)
    is_run = _is_run(samples) or against is None  # a run that is missing is named so
    file = _scores_file(Path(samples).expanduser(), out) if is_run else _checked(out)
    if is_run or against is None:
        found = _of_run(Path(samples).expanduser(), against, source, images, options)
    else:
        _check_without_run(samples, source, "samples in files")
        found = score_files(samples, against, held_out, images, options, picture is not None)
    _print_scores(found)
    if file is not None:  # after the table, which is not lost if the file cannot be written
        from jaxgan.scoring.evaluation import write_evaluation

        write_evaluation(found, file)
    if picture is not None:
        _write_picture(found, picture)
    _print_facts(found, file)


# --- Samples of a run


def _is_run(samples: str) -> bool:
    """Whether a path is a run's folder."""
    path = Path(samples).expanduser()
    return any((path / name).is_file() for name in ("config.json", "stages.json"))


def _of_run(
    run: Path, against: str | None, source: Source, images: Images, options: "EvaluationOptions"
) -> "Evaluation":
    from jaxgan.runs.outputs.evaluate import evaluate_generator
    from jaxgan.runs.settings.run_data import load_data

    _check_data_of_run(run, against, source, images)
    generator, refined = load_refined(run, source.wanted, source.refine)
    held_out = functools.partial(
        held_out_data, generator, source.held_out, source.data, source.force
    )
    if source.held_out is not None and "memorisation" in (options.metrics or ()):
        options = options._replace(held_out=held_out())
    dataset: Dataset | Records | FeatureStatistics
    if against is None:
        dataset, differ = load_data(generator.config, source.data, source.force)
    else:
        dataset, differ = read_data(against, images, options.features), "other data, by --against"
    if refined is not None:
        refined = functools.partial(refined, held_out())
    with reading(make_console(stderr=True)) as report:
        return evaluate_generator(generator, dataset, options, differ, refined, report)


def _check_data_of_run(run: Path, against: str | None, source: Source, images: Images):
    """Raise a ValueError for a file, and for options of its data that contradict each other."""
    if run.is_file():
        raise ValueError(f"{run} is not a run's folder: give the real samples with --against DATA")
    if against is not None and source.data is not None:
        raise ValueError(
            "--data says where the run's own data are, and --against compares with others: give "
            "one of them"
        )
    if against is None and (images.size or images.value_range):
        raise ValueError("--size and --range are for images in files: give them with --against")


def _check_without_run(samples: str, source: Source, what: str):
    """Raise a ValueError for options of runs, and for a run where files are wanted."""
    if _is_run(samples):
        raise ValueError(
            f"{what} takes files, and {samples} is a run's folder: draw samples with jaxgan "
            f"sample {samples} --out FILE.npz"
        )
    given = {
        "--no-ema": not source.wanted.ema,
        "--checkpoint": source.wanted.checkpoint != "latest",
        "--truncation": source.wanted.truncation is not None,
        "--standing-statistics": source.wanted.standing,
        "--data": source.data is not None,
        "--force": source.force,
        "--refine": source.refine is not None,
    }
    for option, is_given in given.items():
        if is_given:
            raise ValueError(f"{option} is for runs, and {samples} is not a run's folder")


# --- What is printed and written


def _print_scores(found: "Evaluation"):
    table = Table("score", "value", "error", "real data", box=None, pad_edge=False)
    for score in found.scores:
        numbers = (score.value, score.error, score.baseline)
        table.add_row(score.name, *("" if x is None or x != x else f"{x:.4g}" for x in numbers))
    make_console().print(table, highlight=False)
    if found.compared is None:
        say(make_console(), "No real-data baseline: the real samples are not at hand.")
    elif all(score.baseline is None or score.baseline != score.baseline for score in found.scores):
        say(
            make_console(),
            "No real-data baseline: it takes other real samples, as many as are compared. "
            "Lower --num to at most half of the data.",
        )


def _print_facts(found: "Evaluation", file: Path | None):
    facts = found.facts
    if "refined" in facts:
        say(make_console(), facts["refined"])
    step = f", step {facts['step']:,}" if "step" in facts else ""
    kept = "not saved" if file is None else f"-> {file}"
    say(make_console(), f"{facts['features']} features{step} {kept}")


def _write_picture(found: "Evaluation", out: Path):
    from jaxgan.runs.outputs.image_files import from_pixels, write_png
    from jaxgan.scoring.pictures import neighbour_picture

    if found.compared is None:
        raise ValueError("--picture needs the real images, and only their statistics are given")
    size = write_png(from_pixels(neighbour_picture(found.compared)), out)
    say(make_console(), f"{size} -> {out}")


def _check_file(file: Path | None, suffix: str):
    if file is not None and file.suffix != suffix:
        raise ValueError(f"expected a file that ends in {suffix}, got {file}")
    _checked(file)


def _checked(out: Path | None) -> Path | None:
    from jaxgan import atomic

    if out is not None:
        atomic.check_replaceable(out)
    return out


def _scores_file(run: Path, out: Path | None) -> Path | None:
    """The file for scores; None, with a message, for a run folder that cannot be written."""
    from jaxgan import atomic

    file = run / "scores.json" if out is None else out
    try:
        atomic.check_replaceable(file)
    except OSError as error:
        if out is not None:
            raise
        say(
            make_console(stderr=True),
            f"{error}: the scores are only shown; give --out FILE to keep them",
        )
        return None
    return file
