"""Trained generators from runs, from folders of `jaxgan push`, and from the Hugging Face Hub."""

from collections.abc import Mapping
from pathlib import Path

from jaxgan.runs.disk.generator import (
    TrainedGenerator,
    gan_of,
    load_generator,
    state_structure,
)
from jaxgan.runs.outputs.export import load_safetensors
from jaxgan.runs.settings.config import read_config
from jaxgan.types import PyTree

HUB = "hub:"
FILES = ("config.json", "generator.json", "generator.safetensors")
"""What a generator is loaded from."""


def load(source: str | Path) -> TrainedGenerator:
    """A trained generator, for `jaxgan.draw_samples`.

    Args:
      source: a run folder, whose EMA generator is loaded if it has one; a folder that `jaxgan push`
        has made; or "hub:USER/NAME" or "hub:USER/NAME@REVISION" for what it has uploaded. Files of
        the hub are kept in the cache of the package huggingface_hub, whose settings apply, such as
        the environment variables HF_TOKEN and HF_HUB_OFFLINE.
    Raises:
      FileNotFoundError: if there is no such folder, or no generator in it.
      ValueError: if files are damaged, or huggingface_hub is not installed.
      OSError: if the hub cannot be reached, or holds no such generator.
    """
    text = str(source)
    folder = from_hub(text.removeprefix(HUB)) if text.startswith(HUB) else Path(source)
    folder = folder.expanduser()
    if not (folder / "generator.safetensors").is_file():
        return load_generator(folder)
    header, params, model_state = load_safetensors(folder)
    config = read_config(folder)
    gan = gan_of(config, {})
    wanted = state_structure(gan, config).generator
    weights = _like(wanted.params, params), _like(wanted.model_state, model_state)
    return TrainedGenerator(gan, *weights, header["ema"], header["step"], config)


def _like(target: PyTree, tree: PyTree) -> PyTree:
    """A tree of arrays with the parts of another one that hold none, which files leave out.

    Raises:
      ValueError: if an array is missing, or has another shape.
    """
    if isinstance(target, Mapping):
        return {name: _like(part, tree.get(name, {})) for name, part in target.items()}
    if not hasattr(tree, "shape") or tree.shape != target.shape:
        raise ValueError(
            "the weights are not those of the networks in config.json: an array of shape "
            f"{target.shape} is missing"
        )
    return tree


def from_hub(name: str) -> Path:
    """Download a generator; returns its folder in the cache.

    Args:
      name: USER/NAME or USER/NAME@REVISION.
    Raises:
      ValueError: if the name is invalid, or huggingface_hub is not installed.
      OSError: if the hub cannot be reached, or holds no such generator.
    """
    hub = hub_package()
    repository, _, revision = name.partition("@")
    check_repository(repository)
    try:
        found = hub.snapshot_download(
            repository, revision=revision or None, allow_patterns=list(FILES)
        )
    except hub.errors.LocalEntryNotFoundError as error:
        raise OSError(
            f"hub:{name} is not in the cache, and the hub cannot be reached: {first_line(error)}"
        ) from error
    except hub.errors.HfHubHTTPError as error:
        raise OSError(f"hub:{name} cannot be loaded: {first_line(error)}") from error
    folder = Path(found)
    missing = [each for each in FILES if not (folder / each).is_file()]
    if missing:
        raise FileNotFoundError(
            f"hub:{name} holds no generator of jaxgan: there is no {', '.join(missing)}"
        )
    return folder


def check_repository(name: str):
    """Raise a ValueError unless a name is that of a repository, USER/NAME."""
    hub = hub_package()
    try:
        hub.utils.validate_repo_id(name)
    except hub.errors.HFValidationError as error:
        raise ValueError(f"{name!r} is no repository, USER/NAME: {first_line(error)}") from error
    if name.count("/") != 1:
        raise ValueError(f"{name!r} is no repository: it must be USER/NAME")


def first_line(error: Exception) -> str:
    """The first line of an error's text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def hub_package():
    """The package huggingface_hub; raises a ValueError if it is not installed."""
    try:
        import huggingface_hub
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ImportError as error:
        raise ValueError(
            "the Hugging Face Hub needs a package: pip install 'jaxgan[hub]'"
        ) from error
    return huggingface_hub
