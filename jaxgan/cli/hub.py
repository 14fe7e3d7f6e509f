"""The command that publishes a generator: `jaxgan push`."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from jaxgan.cli.console import at_home, make_console, say
from jaxgan.cli.generators import Checkpoint, Ema, Run, Standing, Wanted, load_wanted
from jaxgan.cli.help import Command

app = typer.Typer()


@app.command(cls=Command)
def push(
    run: Run,
    repository: Annotated[str, typer.Argument(metavar="USER/NAME", help="Its name on the hub.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Only write the files to this new folder, and upload nothing.", callback=at_home
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository private.")
    ] = False,
    ema: Ema = True,
    checkpoint: Checkpoint = "latest",
    standing_statistics: Standing = 0,
):
    """Publish a run's generator on the Hugging Face Hub, with samples, scores and a card.

    Log in with `hf auth login` before, or set HF_TOKEN. Local paths are left out.
    `jaxgan.load("hub:USER/NAME")` loads it.
    """
    from jaxgan.runs.outputs import publish
    from jaxgan.runs.outputs.loading import check_repository

    check_repository(repository)
    wanted = Wanted(ema, checkpoint, standing=standing_statistics)
    generator = load_wanted(run, wanted)
    if folder is not None:
        publish.write_repository(generator, run, repository, folder)
        say(make_console(), f"generator, samples and card -> {folder}")
        return
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / "repository"
        publish.write_repository(generator, run, repository, made)
        address = publish.upload(made, publish.Upload(repository, private))
    say(
        make_console(), f'generator, samples and card -> {address}; jaxgan.load("hub:{repository}")'
    )
