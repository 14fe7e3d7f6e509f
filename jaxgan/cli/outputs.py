"""What is made of runs on the command line: samples, pictures, exports; and the list of recipes."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.table import Table

from jaxgan.choices import Features, ScoreName
from jaxgan.cli.console import at_home, count, make_console, say

if TYPE_CHECKING:
    from jaxgan.runs.disk import generator

app = typer.Typer()
FEWEST = 100  # samples in a score


@app.command()
def sample(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", callback=at_home)],
    out: Annotated[
        Path, typer.Option(help=".png: a picture; .npz: the array `samples`.", callback=at_home)
    ],
    num: Annotated[int | None, count("How many.", "64, or up to 8 of each class")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the latents.")] = 0,
    ema: Annotated[bool, typer.Option(help="Sample the averaged generator.")] = True,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|NUMBER",
            help="Class of all samples: the name of its folder, or its number from 0 on.",
            show_default="all, one a row of the picture",
        ),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option(metavar="latest|best|ROUND", help="Which checkpoint to draw from.")
    ] = "latest",
    data: Annotated[
        str | None,
        typer.Option(
            help="Where the run's data lie now, if it draws on images.",
            show_default="where they lay",
        ),
    ] = None,
    force: Annotated[bool, typer.Option(help="Draw on other images than the run's.")] = False,
):
    """Write samples of a run, in the range of the data it was trained on."""
    from jaxgan.runs.disk import stage_folders
    from jaxgan.runs.outputs import pyramid_samples, sample_files
    from jaxgan.runs.settings.run_data import data_of

    shown = stage_folders.last_stage(run)
    sample_files.check_writable(shown, out)
    num = num or sample_files.default_num(shown, label)
    labels = sample_files.asked_labels(shown, num, label)
    loaded = pyramid_samples.load_whole(run, ema, checkpoint)
    read = functools.partial(data_of, source=data, force=force)
    drawn, drawn_on = pyramid_samples.draw_whole(run, loaded, num, seed, labels, read)
    sample_files.write_samples(drawn, shown, out, labels, drawn_on)
    of = (
        ""
        if label is None or labels is None
        else f" of class {sample_files.class_text(shown, labels[0])}"
    )
    of += _unfinished(shown, loaded[-1], checkpoint)
    say(make_console(), f"{num} samples{of} -> {out}")


def _unfinished(run: Path, loaded: "generator.TrainedGenerator", checkpoint: str) -> str:
    """From which step of how many a generator is, where that is not the run's last one."""
    ended = checkpoint == "latest" and (run / "result.json").exists()
    if ended or loaded.step >= loaded.config.options.steps:
        return ""
    return f" from step {loaded.step:,} of {loaded.config.options.steps:,}"


@app.command()
def upscale(
    run: Annotated[
        Path, typer.Argument(help="Folder of a super-resolution run.", callback=at_home)
    ],
    image: Annotated[Path, typer.Argument(help="The picture to enlarge.", callback=at_home)],
    out: Annotated[
        Path | None,
        typer.Option(help="A .png file.", show_default="IMAGE-large.png", callback=at_home),
    ] = None,
    ema: Annotated[bool, typer.Option(help="Use the averaged generator.")] = True,
):
    """Write a picture enlarged by a run's generator."""
    from jaxgan.runs.outputs import upscale as upscaling

    out = image.with_name(f"{image.stem}-large.png") if out is None else out
    say(make_console(), f"{upscaling.upscale_file(run, image, out, ema)} -> {out}")


@app.command()
def translate(
    run: Annotated[
        Path, typer.Argument(help="Folder of a run that makes images of images.", callback=at_home)
    ],
    image: Annotated[Path, typer.Argument(help="The picture to start from.", callback=at_home)],
    out: Annotated[
        Path | None,
        typer.Option(help="A .png file.", show_default="IMAGE-made.png", callback=at_home),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of dropout, the only noise.")] = 0,
    ema: Annotated[bool, typer.Option(help="Use the averaged generator.")] = True,
):
    """Write what a run's generator makes of a picture."""
    from jaxgan.runs.outputs import translate as translation

    out = image.with_name(f"{image.stem}-made.png") if out is None else out
    say(make_console(), f"{translation.translate_file(run, image, out, seed, ema)} -> {out}")


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", callback=at_home)],
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME]",
            help=f"Some of {', '.join(get_args(ScoreName))}.",
            show_default="what suits the data",
        ),
    ] = None,
    num: Annotated[int, typer.Option(min=2, help="How many samples.")] = 10_000,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(get_args(Features)),
            help="What metrics look at; FILE holds the weights of the FID.",
            show_default="classifier, vgg16 or pixels, as data have it",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples.")] = 0,
    ema: Annotated[bool, typer.Option(help="Use the averaged generator.")] = True,
    checkpoint: Annotated[
        str, typer.Option(metavar="latest|best|ROUND", help="Which checkpoint to draw from.")
    ] = "latest",
    errors: Annotated[bool, typer.Option(help="Estimate errors; ten times the work.")] = True,
    out: Annotated[
        Path | None,
        typer.Option(help="A .json file.", show_default="RUN/scores.json", callback=at_home),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Where the run's data lie now.", show_default="where they lay"),
    ] = None,
    force: Annotated[bool, typer.Option(help="Score against other data than the run's.")] = False,
):
    """Score a run's samples against its data; errors are standard errors, floors real samples'."""
    if num < FEWEST:
        raise ValueError(
            f"--num {num} is too few: scores need {FEWEST} samples or more, 10,000 are usual"
        )
    from jaxgan.runs.outputs import evaluate as evaluation
    from jaxgan.runs.settings.run_data import load_data

    names = None if metrics is None else metrics.split(",")
    file = _scores_file(run, out)
    read = functools.partial(load_data, source=data, force=force)
    found = evaluation.evaluate_run(run, names, num, features, seed, ema, checkpoint, errors, read)
    table = Table("score", "value", "error", "floor", box=None, pad_edge=False)
    for score in found.scores:
        numbers = (score.value, score.error, score.floor)
        table.add_row(score.name, *("" if x is None or x != x else f"{x:.4g}" for x in numbers))
    make_console().print(table, highlight=False)
    facts = found.facts
    if file is not None:  # after the table: what was found is not lost with the file
        evaluation.write_evaluation(found, file)
    kept = "not kept" if file is None else f"-> {file}"
    say(make_console(), f"{facts['features']} features, step {facts['step']} {kept}")


def _scores_file(run: Path, out: Path | None) -> Path | None:
    """Where scores go; None, which is said, where that is a run's folder that cannot be written."""
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


@app.command("report")
def report_run(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", callback=at_home)],
    out: Annotated[
        Path | None,
        typer.Option(help="A .html file.", show_default="RUN/report.html", callback=at_home),
    ] = None,
):
    """Write a page on a run, in one file: settings, curves, samples over time, scores, events."""
    from jaxgan.runs.outputs.report import page

    written = page.write_report(run, out)
    say(make_console(), f"{written.stat().st_size / 1e6:.1f} MB -> {written}")


@app.command("export")
def export_run(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", callback=at_home)],
    out: Annotated[
        Path | None, typer.Option(help="A folder.", show_default="RUN/export", callback=at_home)
    ] = None,
    ema: Annotated[bool, typer.Option(help="Export the averaged generator.")] = True,
):
    """Write a run's generator as safetensors and as StableHLO that samples without jaxgan."""
    from jaxgan.runs.disk import generator, stage_folders
    from jaxgan.runs.outputs import export

    last = stage_folders.last_stage(run)
    out = last / "export" if out is None else out
    export.check_folder(out)
    loaded = generator.load_generator(last, ema)
    export.write_export(loaded, out)
    unfinished = _unfinished(last, loaded, "latest")
    if unfinished:
        say(
            make_console(stderr=True),
            f"Warning: the run has not ended; jaxgan resume {run} continues it",
        )
    say(make_console(), f"generator{unfinished} -> {out}")
