"""A generator as a repository of the Hugging Face Hub: its export, configuration, samples, card."""

import contextlib
import json
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined

from jaxgan import plots
from jaxgan.atomic import check_new_folder, new_folder
from jaxgan.recipes import RECIPES
from jaxgan.runs.disk.generator import TrainedGenerator, takes_images
from jaxgan.runs.disk.stage_folders import last_stage
from jaxgan.runs.outputs.export import export_generator
from jaxgan.runs.outputs.loading import check_repository, first_line, hub_package
from jaxgan.runs.outputs.report.section import SCORES
from jaxgan.runs.outputs.report.tables import configuration_table, score_table
from jaxgan.runs.outputs.sample_files import default_num, requested_labels, write_samples
from jaxgan.runs.outputs.samples import draw_with_conditions
from jaxgan.runs.outputs.translate import source_channels
from jaxgan.runs.outputs.upscale import scale_of
from jaxgan.runs.settings.config import Config, to_json
from jaxgan.training.sampling import sample_shape

TEMPLATE, PICTURE = "card.md.jinja", "samples.png"
FACTS = ("samples", "features", "data", "step")  # of scores, on the card


class Upload(NamedTuple):
    """Where a folder goes.

    Attributes:
      repository: USER/NAME.
      private: whether a new repository can be seen by its owner alone.
      message: of the commit.
    """

    repository: str
    private: bool = False
    message: str = "Upload a generator trained with jaxgan"


def write_repository(generator: TrainedGenerator, run: Path, repository: str, out: Path):
    """Write what `upload` sends: the export, config.json without local paths, samples, a card.

    Args:
      generator: of the run, from `load_generator`.
      run: its folder, whose scores.json is part of the card if it is there.
      repository: USER/NAME, for the card.
      out: a folder that does not exist or is empty.
    Raises:
      FileExistsError: if the folder holds files.
      ValueError: if the name is invalid, or the generator is a pyramid of GANs.
    """
    check_repository(repository)
    check_new_folder(out)
    if generator.coarser:
        raise ValueError("a pyramid of GANs cannot be published yet, only exported")
    _applied_by(generator)
    public = generator._replace(config=without_paths(generator.config))
    scores = last_stage(run) / SCORES

    def fill(folder: Path):
        export_generator(public, folder)
        (folder / "config.json").write_text(to_json(public.config), "utf-8")
        pictured = _pictured(generator, last_stage(run), folder / PICTURE)
        if scores.is_file():
            public_scores = _public(json.loads(scores.read_bytes()))
            (folder / SCORES).write_text(json.dumps(public_scores, indent=2) + "\n", "utf-8")
        text = _card(public, repository, folder / SCORES, pictured)
        (folder / "README.md").write_text(text, "utf-8")

    new_folder(out, fill)


def upload(folder: Path, to: Upload) -> str:
    """Upload a folder to the hub; returns the repository's address.

    Raises:
      ValueError: if huggingface_hub is not installed, or the name is invalid.
      OSError: if the hub cannot be reached, or refuses.
    """
    hub = hub_package()
    check_repository(to.repository)
    try:
        address = hub.create_repo(to.repository, private=to.private, exist_ok=True)
        hub.upload_folder(repo_id=to.repository, folder_path=folder, commit_message=to.message)
    except (hub.errors.HfHubHTTPError, hub.errors.OfflineModeIsEnabled, OSError) as error:
        raise OSError(f"{to.repository} cannot be uploaded: {first_line(error)}") from error
    return str(address)


def without_paths(config: Config) -> Config:
    """A configuration whose data and files are named without the folders that they lie in."""
    options = config.options
    source = options.input._replace(source=without_folders(options.input.source))
    features = options.scoring.features
    scoring = options.scoring._replace(features=features and without_folders(features))
    start = options.start._replace(source=options.start.source and Path(options.start.source).name)
    return config._replace(
        options=options._replace(
            input=source._replace(tfds_manual_dir=None), scoring=scoring, start=start
        )
    )


def without_folders(spec: str) -> str:
    """The name of data without folders.

    >>> without_folders("folder:/home/me/cats@64"), without_folders("pairs:/a/b,../c@64")
    ('folder:cats@64', 'pairs:b,c@64')
    """
    return re.sub(r"[^:,]*[/\\]", "", spec)


def _public(value: Any) -> Any:
    """The content of a JSON file whose texts name files without their folders."""
    if isinstance(value, dict):
        return {name: _public(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_public(part) for part in value]
    return without_folders(value) if isinstance(value, str) else value


def _pictured(generator: TrainedGenerator, run: Path, out: Path) -> bool:
    """Writes a picture of samples, if there can be one; from images, the last one of the run."""
    if takes_images(generator):
        last = max((run / "samples").glob("step_*.png"), default=None)
        if last is not None:
            shutil.copyfile(last, out)
        return last is not None
    if not plots.is_plottable(sample_shape(generator.gan, generator.data.shape)):
        return False
    num = default_num(generator, None)
    labels = requested_labels(generator, num, None)
    write_samples(draw_with_conditions(generator, num, 0, labels)[0], generator, out, labels)
    return True


def _card(generator: TrainedGenerator, repository: str, scores: Path, pictured: bool) -> str:
    """The text of README.md."""
    config, facts = generator.config, generator.data
    recipe, classes = RECIPES[config.options.recipe], facts.num_classes
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = files("jaxgan.runs.outputs") / TEMPLATE
    table = score_table(scores, generator.step)
    return environment.from_string(template.read_text("utf-8")).render(
        name=repository.partition("/")[2],
        repository=repository,
        recipe=recipe.name,
        summary=recipe.summary,
        picture=PICTURE if pictured else None,
        images=plots.is_image(facts.shape),
        num=64 if classes is None else classes,
        apply=_applied_by(generator),
        labels="" if classes is None else f", labels=np.arange({classes})",
        shape=[64 if classes is None else classes, *facts.shape],
        range="" if facts.low is None else f" in {facts.low:g}..{facts.high:g}",
        training=_training(generator),
        scores=table if table.rows else None,
        facts=", ".join(f"{name} {text}" for name, text in table.facts if name in FACTS),
    )


def _applied_by(generator: TrainedGenerator) -> str | None:
    """The function that applies a generator of images from images; None for one of latents."""
    if not takes_images(generator):
        return None
    for name, check in (("upscale_image", scale_of), ("translate_image", source_channels)):
        with contextlib.suppress(ValueError):
            check(generator)
            return name
    raise ValueError(
        f"a run of the recipe {generator.config.options.recipe} cannot be published yet, only "
        "exported"
    )


def _training(generator: TrainedGenerator) -> list[tuple[str, str]]:
    shown = dict(configuration_table(generator.config))
    shown["Generator updates"] = f"{generator.step:,}"
    shown["Weights"] = "EMA" if generator.ema else "last"
    versions = generator.config.versions
    shown["Trained with"] = ", ".join(f"{name} {versions[name]}" for name in ("jaxgan", "jax"))
    return [(label, text.replace("|", "\\|")) for label, text in shown.items()]
