"""The commands on official StyleGAN2 networks, and on images projected into latents."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxgan.cli.console import at_home, count, make_console, say
from jaxgan.cli.generators import Checkpoint, Ema
from jaxgan.cli.help import Command

if TYPE_CHECKING:
    from jaxgan.projection import ProjectionMetrics

app = typer.Typer()
_LINES = 10


@app.command(cls=Command)
def convert(
    file: Annotated[
        Path, typer.Argument(help="Official StyleGAN2 file of PyTorch, .pkl.", callback=at_home)
    ],
    out: Annotated[Path, typer.Option(help="A .safetensors file.", callback=at_home)],
    ema: Ema = True,
):
    """Convert an official StyleGAN2 generator; no code in the file is run.

    Read it with jaxgan.models.load_converted, or give it to jaxgan project.
    """
    from jaxgan.atomic import check_replaceable
    from jaxgan.models import official_generator, read_official, save_converted

    if out.suffix != ".safetensors":
        raise ValueError(f"--out must end in .safetensors, got {out}")
    check_replaceable(out)
    converted = official_generator(read_official(file)["G_ema" if ema else "G"])
    save_converted(converted, out)
    module = converted.module
    classes = "" if module.num_classes is None else f", {module.num_classes} classes"
    size = "x".join(map(str, module.shape))
    say(make_console(), f"generator of {size} images{classes} -> {out}")


@app.command(cls=Command)
def project(
    run: Annotated[
        Path,
        typer.Argument(help="Run folder, or a file of `jaxgan convert`.", callback=at_home),
    ],
    image: Annotated[Path, typer.Argument(help="The image to project.", callback=at_home)],
    out: Annotated[
        Path,
        typer.Option(help="A .png file; the latents go beside it as .npz.", callback=at_home),
    ],
    space: Annotated[
        str | None,
        typer.Option(
            metavar="w|w+|z",
            help="One style, one style per layer (StyleGAN2), or the latents.",
            show_default="w for StyleGAN2, z for others",
        ),
    ] = None,
    steps: Annotated[int, count("Number of steps.", "1000")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    label: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", help="Class of the image.", show_default="any, for StyleGAN2"
        ),
    ] = None,
    ema: Ema = True,
    checkpoint: Checkpoint = "latest",
):
    """Find the latents from which a generator makes an image."""
    from jaxgan.projection import ProjectionOptions
    from jaxgan.runs.outputs import project as projection
    from jaxgan.runs.outputs.image_files import check_png

    check_png(out)
    generator = projection.load_projectable(run, ema, checkpoint, label)
    target = projection.read_target(image, generator)

    def report(step: int, metrics: "ProjectionMetrics"):
        if step == 1 or step % max(1, steps // _LINES) == 0:
            text = f"step {step:,}/{steps:,}  distance {float(metrics.distance):.4f}"
            say(make_console(), text)

    options = ProjectionOptions(steps)
    found = projection.project_image(generator, target, space, options, seed, report)  # type: ignore[arg-type]
    arrays = projection.write_projection(generator, target, found, out)
    say(make_console(), f"{found.measure}; {found.space} in {arrays} -> {out}")
