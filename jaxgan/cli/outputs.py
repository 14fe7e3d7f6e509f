"""The commands on finished or running runs, from `sample` to `export`."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxgan.choices import Domain, ExportFormat
from jaxgan.cli.console import at_home, count, make_console, say
from jaxgan.cli.generators import (
    Checkpoint,
    Condition,
    Ema,
    HeldOut,
    Refine,
    Run,
    Standing,
    Truncation,
    Wanted,
    held_out_data,
    load_refined,
    load_wanted,
)
from jaxgan.cli.help import Command

if TYPE_CHECKING:
    from jaxgan.runs.disk.generator import TrainedGenerator

app = typer.Typer()


@app.command(cls=Command)
def sample(
    run: Run,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE|DIR",
            help=".png: one image; .npz: the array `samples`; a new folder: an image each.",
            callback=at_home,
        ),
    ],
    num: Annotated[int | None, count("Number of samples.", "64, or up to 8 per class")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the latents.")] = 0,
    ema: Ema = True,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|NUMBER",
            help="Class of all samples: the name of its folder, or its number, starting at 0.",
            show_default="all, one per row of the image",
        ),
    ] = None,
    condition: Condition = None,
    grid: Annotated[
        str | None,
        typer.Option(
            metavar="ROWSxCOLUMNS", help="Layout of the image.", show_default="the usual layout"
        ),
    ] = None,
    truncation: Truncation = None,
    checkpoint: Checkpoint = "latest",
    standing_statistics: Standing = 0,
    data: Annotated[
        str | None,
        typer.Option(
            help="New location of the run's data, for generators that take images.",
            show_default="the run's own",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Accept --data that differ from the run's data.")
    ] = False,
    refine: Refine = None,
    held_out: HeldOut = None,
):
    """Draw samples from a run's generator, in the range of its training data."""
    from jaxgan.runs.outputs import sample_files, samples
    from jaxgan.runs.settings.run_data import data_of

    wanted = Wanted(ema, checkpoint, truncation, standing_statistics)
    generator, refined = load_refined(run, wanted, refine)
    sample_files.check_writable(generator, out)
    layout = sample_files.parsed_grid(grid)
    num = sample_files.wanted_num(generator, out, num, layout, label)
    labels = sample_files.requested_labels(generator, num, label)
    if condition is not None:
        labels = sample_files.requested_attributes(generator, num, condition)
    read = functools.partial(data_of, source=data, force=force)
    facts: tuple[str, ...] = ()
    if refined is None:
        drawn, conditions = samples.draw_with_conditions(generator, num, seed, labels, read)
    else:
        found = refined(held_out_data(generator, held_out, data, force), num, seed, labels)
        drawn, conditions, facts = samples.Drawn(found.samples), None, found.facts
    columns = None if layout is None else layout[1]
    sample_files.write_samples(drawn, generator, out, labels, conditions, columns)
    of = ""
    if label is not None and labels is not None:
        of = f" of class {sample_files.class_text(generator, labels[0])}"
    of += _unfinished(run, generator, checkpoint)
    for fact in facts:
        say(make_console(), fact)
    say(make_console(), f"{num} samples{of} -> {out}")


def _unfinished(run: Path, generator: "TrainedGenerator", checkpoint: str) -> str:
    """The step of a generator, out of how many, unless the run has ended with it."""
    from jaxgan.runs.disk.stage_folders import last_stage

    ended = checkpoint == "latest" and (last_stage(run) / "result.json").exists()
    steps = generator.config.options.steps
    if ended or generator.step >= steps:
        return ""
    return f" from step {generator.step:,} of {steps:,}"


@app.command(cls=Command)
def upscale(
    run: Annotated[
        Path, typer.Argument(help="Run folder of a super-resolution recipe.", callback=at_home)
    ],
    image: Annotated[Path, typer.Argument(help="The image to enlarge.", callback=at_home)],
    out: Annotated[
        Path | None,
        typer.Option(help="A .png file.", show_default="IMAGE-large.png", callback=at_home),
    ] = None,
    ema: Ema = True,
):
    """Enlarge an image with a super-resolution model (SRGAN)."""
    from jaxgan.runs.disk.generator import load_generator
    from jaxgan.runs.outputs.upscale import upscale_file

    out = image.with_name(f"{image.stem}-large.png") if out is None else out
    generator = load_generator(run, ema)
    say(make_console(), f"{upscale_file(generator, image, out)} -> {out}")


@app.command(cls=Command)
def translate(
    run: Annotated[
        Path, typer.Argument(help="Run folder of an image-to-image recipe.", callback=at_home)
    ],
    images: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE...", help="The images to translate.", callback=at_home),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="A .png file, for a single image.",
            show_default="IMAGE-made.png",
            callback=at_home,
        ),
    ] = None,
    to: Annotated[
        Domain | None,
        typer.Option(help="Domain to translate to, of a run on unpaired:A,B.", show_default="b"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed (of the dropout).")] = 0,
    ema: Ema = True,
):
    """Apply an image-to-image model (pix2pix, CycleGAN) to images."""
    from jaxgan.runs.disk.generator import load_generator
    from jaxgan.runs.outputs.image_files import check_png
    from jaxgan.runs.outputs.translate import make_translate, source_channels, translate_file

    if out is not None and len(images) > 1:
        raise ValueError(f"--out is for a single image, got {len(images)}: leave it out")
    outs = [out or image.with_name(f"{image.stem}-made.png") for image in images]
    for each in outs:
        check_png(each)
    generator = load_generator(run, ema)
    translate, channels = make_translate(generator, seed, to), source_channels(generator)
    for image, each in zip(images, outs, strict=True):
        say(make_console(), f"{translate_file(translate, channels, image, each)} -> {each}")


@app.command("report", cls=Command)
def report_run(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option(help="A .html file.", show_default="RUN/report.html", callback=at_home),
    ] = None,
):
    """Write a self-contained HTML report of a run."""
    from jaxgan.runs.outputs.report.page import write_report

    written = write_report(run, out)
    say(make_console(), f"{written.stat().st_size / 1e6:.1f} MB -> {written}")


@app.command("export", cls=Command)
def export_run(
    run: Run,
    out: Annotated[
        Path | None, typer.Option(help="A folder.", show_default="RUN/export", callback=at_home)
    ] = None,
    to: Annotated[
        ExportFormat,
        typer.Option(
            metavar="stablehlo|onnx",
            help="stablehlo: the weights as safetensors, and a program in StableHLO; onnx: a "
            "program in ONNX.",
        ),
    ] = "stablehlo",
    domain: Annotated[
        Domain | None,
        typer.Option(help="Domain to translate to, of a run on unpaired:A,B.", show_default="b"),
    ] = None,
    ema: Ema = True,
    standing_statistics: Standing = 0,
):
    """Export a run's generator as a program that samples without jaxgan: StableHLO or ONNX."""
    from jaxgan.runs.disk.stage_folders import generating_folder

    out = generating_folder(run) / "export" if out is None else out
    check_folder, write = _exporter(to)
    check_folder(out)  # before loading
    generator = load_wanted(run, Wanted(ema, standing=standing_statistics))
    found = write(generator, out, domain)
    unfinished = _unfinished(run, generator, "latest")
    if unfinished:
        say(
            make_console(stderr=True),
            f"Warning: the run has not ended; jaxgan resume {run} continues it",
        )
    say(make_console(), f"generator{unfinished} -> {out}")
    if found:
        say(make_console(), found)


def _exporter(to: ExportFormat) -> tuple[Callable[[Path], None], Callable[..., str | None]]:
    """The check of a folder and the export to it, which returns what there is to say."""
    if to == "stablehlo":
        from jaxgan.runs.outputs import export

        return export.check_folder, export.export_generator
    from jaxgan.runs.outputs import onnx

    def write(generator: "TrainedGenerator", out: Path, domain: Domain | None) -> str:
        return onnx.text(onnx.export_onnx(generator, out, domain))

    return onnx.check_onnx_folder, write
