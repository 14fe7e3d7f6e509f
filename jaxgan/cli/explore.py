"""The commands that explain a generator by pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxgan.cli.console import at_home, count, make_console, say
from jaxgan.cli.generators import (
    Checkpoint,
    Condition,
    Ema,
    Run,
    Truncation,
    Wanted,
    load_wanted,
)
from jaxgan.cli.help import Command

if TYPE_CHECKING:
    import numpy as np

    from jaxgan.runs.disk.generator import TrainedGenerator

app = typer.Typer()
Picture = Annotated[Path, typer.Option(help="A .png file.", callback=at_home)]


@app.command(cls=Command)
def traverse(
    run: Run,
    out: Picture,
    by: Annotated[
        str, typer.Option(metavar="ganspace|sefa", help="How directions are found.")
    ] = "ganspace",
    num: Annotated[int, count("Number of directions.", "6")] = 6,
    reach: Annotated[float, typer.Option(help="How far each row goes, in latent units.")] = 3.0,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the sample in the middle.")] = 0,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|NUMBER", help="Class of all samples.", show_default="the first class"
        ),
    ] = None,
    condition: Condition = None,
    ema: Ema = True,
    checkpoint: Checkpoint = "latest",
):
    """Show what changes along the strongest directions in a generator's latents."""
    from jaxgan.runs.disk.generator import load_generator
    from jaxgan.runs.outputs import explore

    generator = load_generator(run, ema, checkpoint)
    own = _condition(generator, label, condition)
    explore.write_traversal(generator, out, by, num, reach, seed, own)  # type: ignore[arg-type]
    say(make_console(), f"{num} directions by {by}, from -{reach:g} to {reach:g} -> {out}")


@app.command(cls=Command)
def video(
    run: Run,
    out: Annotated[Path, typer.Option(help="A .gif, .webp or .mp4 file.", callback=at_home)],
    moving: Annotated[
        str,
        typer.Option(
            metavar="latents|truncation",
            help="What changes: the latents, or (StyleGAN2) the truncation from 1 to 0 and back.",
        ),
    ] = "latents",
    grid: Annotated[
        str, typer.Option(metavar="ROWSxCOLUMNS", help="Samples that are shown together.")
    ] = "3x4",
    seconds: Annotated[float, typer.Option(help="Length.")] = 6.0,
    fps: Annotated[int, count("Frames per second.", "20")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the latents.")] = 0,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|NUMBER", help="Class of all samples.", show_default="the first class"
        ),
    ] = None,
    condition: Condition = None,
    truncation: Truncation = None,
    ema: Ema = True,
    checkpoint: Checkpoint = "latest",
):
    """Show a walk through a generator's latents as a video that can be looped."""
    from jaxgan.runs.outputs import sample_files
    from jaxgan.runs.outputs.video import VideoOptions, write_video

    places = sample_files.parsed_grid(grid)
    assert places is not None
    generator = load_wanted(run, Wanted(ema, checkpoint, truncation))
    own = _condition(generator, label, condition)
    options = VideoOptions(moving, places, seconds, fps, seed, own)  # type: ignore[arg-type]
    say(make_console(), f"{write_video(generator, out, options)} frames -> {out}")


def _condition(
    generator: "TrainedGenerator", label: str | None, condition: str | None
) -> "int | np.ndarray | None":
    """The class of all samples, that of --label or the first one; or their attributes."""
    from jaxgan.runs.outputs import sample_files

    if condition is not None:
        return sample_files.requested_attributes(generator, 1, condition)[0]
    if label is None and generator.data.num_classes is not None:
        label = "0"
    labels = sample_files.requested_labels(generator, 1, label)
    if labels is None:
        return None
    return labels[0] if generator.data.attributes else int(labels[0])


@app.command(cls=Command)
def neighbours(
    run: Run,
    out: Picture,
    num: Annotated[int, count("Number of samples.", "8")] = 8,
    nearest: Annotated[int, count("Real samples beside each.", "5")] = 5,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="classifier|vgg16|pixels|FILE",
            help="Features in which samples are near.",
            show_default="classifier, vgg16 or pixels, depending on the data",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the samples.")] = 0,
    ema: Ema = True,
    checkpoint: Checkpoint = "latest",
    data: Annotated[
        str | None,
        typer.Option(help="New location of the run's data.", show_default="the run's own"),
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Accept --data that differ from the run's data.")
    ] = False,
):
    """Show samples beside the real ones nearest to them: are they copies of training data?"""
    from jaxgan.data import Records
    from jaxgan.runs.disk.generator import load_generator
    from jaxgan.runs.outputs import explore
    from jaxgan.runs.settings.run_data import data_of
    from jaxgan.scoring.defaults import usual_features
    from jaxgan.scoring.extractors import make_extractor

    generator = load_generator(run, ema, checkpoint)
    dataset = data_of(generator.config, data, force)
    if isinstance(dataset, Records):
        raise ValueError("neighbours needs data in memory, and this run's are streamed")
    extractor = make_extractor(features or usual_features(dataset), dataset)
    explore.write_neighbours(generator, dataset, extractor, out, num, nearest, seed)
    text = f"{num} samples, each before its {nearest} nearest real ones by {extractor.name}"
    say(make_console(), f"{text} features -> {out}")
