"""The options that choose a run's generator and how it samples, and its loading by them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from jaxgan.cli.console import at_home, make_console, say

if TYPE_CHECKING:
    from jaxgan.data import Dataset, Records
    from jaxgan.runs.disk.generator import TrainedGenerator
    from jaxgan.runs.outputs.refine import RefinedSamples

Run = Annotated[Path, typer.Argument(help="Run folder.", callback=at_home)]
Ema = Annotated[bool, typer.Option(help="Use the EMA generator.")]
Checkpoint = Annotated[
    str, typer.Option(metavar="latest|best|ROUND", help="Which checkpoint to load.")
]
Truncation = Annotated[
    float | None,
    typer.Option(
        help="Truncation psi of the styles (StyleGAN2): the lower, the less diverse the samples.",
        show_default="1, no truncation",
    ),
]
Standing = Annotated[
    int,
    typer.Option(
        min=0,
        help="Take batch norm's statistics from this many batches of samples (standing "
        "statistics), such as 16.",
        show_default="the averages of training",
    ),
]
Condition = Annotated[
    str | None,
    typer.Option(
        metavar="X[,X]",
        help="Attributes of all samples, for runs trained with --condition: a number for each.",
        show_default="those of real samples",
    ),
]
Refine = Annotated[
    str | None,
    typer.Option(
        metavar="drs|mh|ddls|dgflow",
        help="Correct the samples by the discriminator: rejection sampling, Metropolis-Hastings, "
        "Langevin dynamics or gradient flow in the latents. Numbers follow, as in "
        "drs:percentile=80 or mh:steps=100.",
    ),
]
HeldOut = Annotated[
    str | None,
    typer.Option(
        metavar="DATA",
        help="Real samples that were not used in training, for --refine and for the metric "
        "memorisation.",
        show_default="the run's own data",
    ),
]


class Wanted(NamedTuple):
    """Which generator of a run to load, and how it samples.

    Attributes:
      ema: the EMA generator, if the run keeps one.
      checkpoint: "latest", "best" or a round.
      truncation: psi, None for none.
      standing: number of batches for standing statistics, 0 for none.
    """

    ema: bool = True
    checkpoint: str = "latest"
    truncation: float | None = None
    standing: int = 0


def load_wanted(run: Path, wanted: Wanted) -> "TrainedGenerator":
    """The generator of a run."""
    from jaxgan.runs.disk.generator import load_generator

    return _changed(load_generator(run, wanted.ema, wanted.checkpoint), wanted)


def load_refined(
    run: Path, wanted: Wanted, refine: str | None
) -> "tuple[TrainedGenerator, Callable[..., RefinedSamples] | None]":
    """The generator of a run, and for --refine `(held_out, num, seed, labels) -> samples`."""
    if refine is None:
        return load_wanted(run, wanted), None
    from jaxgan.runs.disk.generator import load_players
    from jaxgan.runs.outputs.refine import make_refine

    generator, discriminator = load_players(run, wanted.ema, wanted.checkpoint)
    generator = _changed(generator, wanted)
    return generator, make_refine(generator, discriminator, refine)


def _changed(generator: "TrainedGenerator", wanted: Wanted) -> "TrainedGenerator":
    from jaxgan.runs.disk.generator import truncated
    from jaxgan.runs.outputs.standing import with_standing_statistics

    if wanted.truncation is not None:
        generator = truncated(generator, wanted.truncation)
    return with_standing_statistics(generator, wanted.standing)


def held_out_data(
    generator: "TrainedGenerator", held_out: str | None, data: str | None, force: bool
) -> "Dataset | Records":
    """The real samples for a refinement: those given, or else the run's data, with a warning."""
    from jaxgan.runs.settings.config import load_input
    from jaxgan.runs.settings.run_data import data_of

    if held_out is not None:
        own = generator.config.options.input
        return load_input(own._replace(source=held_out, condition=()))
    say(
        make_console(stderr=True),
        "Warning: the discriminator is calibrated on the run's own data, on which it may be too "
        "sure of itself; give other real samples with --held-out",
    )
    return data_of(generator.config, data, force)
