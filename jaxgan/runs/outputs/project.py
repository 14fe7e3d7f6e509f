"""Images projected into the latents of a run's generator, or of a converted one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan import latents, plots
from jaxgan.adapters.from_flax import from_linen
from jaxgan.atomic import check_replaceable, replace_file
from jaxgan.checks import check_choice
from jaxgan.data import scale
from jaxgan.data.images import read_image
from jaxgan.models import has_pretrained, latent_size, load_converted, make_lpips
from jaxgan.models.stylegan2.generator import mapping_of_params
from jaxgan.parallel.global_batch import sample_index, sample_keys
from jaxgan.projection import (
    ProjectionMetrics,
    ProjectionOptions,
    ProjectionState,
    halved,
    init_projection,
    make_projection_step,
    project,
    spread,
)
from jaxgan.runs.disk.generator import TrainedGenerator, load_generator, takes_images
from jaxgan.runs.outputs.image_files import check_png
from jaxgan.scoring.extractors import is_grey_or_rgb
from jaxgan.types import Array, Network, PyTree

Space = Literal["w", "w+", "z"]
_SEEN = 10_000  # latents whose mean and spread are taken
_LARGEST = 256  # side of the images that are compared
_SHOWN = 6


class Projectable(NamedTuple):
    """A generator into which images can be projected.

    Attributes:
      network: the generator.
      params: its parameters.
      model_state: its model state.
      latent: `(key, index) -> latents [batch, dim]`.
      shape: of its images.
      model_range: of its images.
      label: the class of all samples; None for any of a generator of styles, or without classes.
      num_classes: None for none.
    """

    network: Network
    params: PyTree
    model_state: PyTree
    latent: Callable[[Array, Array], Any]
    shape: tuple[int, ...]
    model_range: tuple[float, float]
    label: int | None
    num_classes: int | None

    @property
    def has_styles(self) -> bool:
        """Whether it is a generator of StyleGAN2, with styles and noise maps."""
        return {"mapping", "synthesis"} <= set(self.params) and "noise" in self.model_state


class Projected(NamedTuple):
    """The result of a projection.

    Attributes:
      w: styles [1, layers, dim], or latents [1, dim].
      noise: the noise maps found with it, a tree; () for none.
      space: "w", "w+" or "z".
      distances: in each step, float32 [steps].
      measure: the name of the distance.
      images: at several steps, float [n, *shape] in the model's range; the last one is the result.
    """

    w: np.ndarray
    noise: PyTree
    space: Space
    distances: np.ndarray
    measure: str
    images: np.ndarray


def load_projectable(run: Path, use_ema: bool, which: str, label: int | None) -> Projectable:
    """The generator of a run, or of a .safetensors file of `jaxgan convert`.

    Raises:
      ValueError: if it makes no square images from latents that are one vector, or there is no
        such class.
    """
    if run.suffix == ".safetensors":
        converted = load_converted(run)
        module = converted.module
        made = Projectable(
            *(from_linen(module), converted.params, converted.model_state),
            *(latents.normal(latent_size(converted)), tuple(module.shape), (-1.0, 1.0)),
            *(label, module.num_classes),
        )
    else:
        made = _of_run(load_generator(run, use_ema, which), label)
    classes = made.num_classes
    if label is not None and not 0 <= label < (classes or 0):
        raise ValueError(f"--label {label}: the generator has {classes or 'no'} classes")
    if not is_grey_or_rgb(made.shape) or made.shape[0] != made.shape[1]:
        raise ValueError(f"project needs square images, grey or RGB, and this makes {made.shape}")
    return made


def _of_run(generator: TrainedGenerator, label: int | None) -> Projectable:
    gan, facts = generator.gan, generator.data
    if generator.coarser or takes_images(generator) or gan.task is not None:
        raise ValueError("project needs a generator of whole images that takes no images")
    if facts.attributes:
        raise ValueError("project needs a generator of latents or classes, and not of attributes")
    example = jax.eval_shape(gan.latent, jax.random.key(0), sample_index(1))
    if getattr(example, "ndim", 0) != 2:
        raise ValueError("project needs latents that are one vector per sample")
    span = generator.model_range or (facts.low, facts.high)
    if span[0] is None or span[1] is None:
        raise ValueError("project needs images with a known range")
    return Projectable(
        *(gan.generator, generator.params, generator.model_state, gan.latent),
        *(tuple(facts.shape), (float(span[0]), float(span[1])), label, facts.num_classes),
    )


def read_target(image: Path, generator: Projectable) -> np.ndarray:
    """The centre of an image file, in the size and range of a generator's images [1, *shape].

    Raises:
      ValueError: if it cannot be read.
    """
    side, _, channels = generator.shape
    pixels = read_image(image, "L" if channels == 1 else "RGB", side, "white")
    return np.asarray(scale(pixels[None], (0, 255), generator.model_range))


def project_image(
    generator: Projectable,
    target: np.ndarray,
    space: Space | None = None,
    options: ProjectionOptions = ProjectionOptions(),  # noqa: B008 (it is immutable)
    seed: int = 0,
    report: Callable[[int, ProjectionMetrics], None] | None = None,
) -> Projected:
    """Project an image: find latents from which a generator makes it.

    Args:
      generator: from `load_projectable`.
      target: float [1, *shape] in the range of the generator's images.
      space: "w", one style for all layers, or "w+", one per layer, of StyleGAN2; "z", the latents
        of any generator. By default "w" or "z".
      options: see `jaxgan.projection.ProjectionOptions`.
      seed: of all random numbers.
      report: called with the number of steps so far and what the step measured.
    Raises:
      ValueError: if the generator lacks the space.
    """
    space = ("w" if generator.has_styles else "z") if space is None else space
    check_choice(space=(space, ("w", "w+", "z")))
    seen_key, noise_key, key = jax.random.split(jax.random.key(seed), 3)
    ws, layers = _seen(seen_key, generator, space)
    start = jnp.mean(ws, axis=0, keepdims=True)
    if space == "w+":
        start = jnp.repeat(start[:, None], layers, axis=1)
    noise = generator.model_state["noise"] if generator.has_styles else ()
    make, (measure, distance) = _make_images(generator, layers), _distance(generator, target)
    step = make_projection_step(lambda w, n: distance(make(w, n)), spread(ws), options)
    draw, images = jax.jit(make), []
    due = {round(part) for part in np.linspace(1, options.steps, _SHOWN)}

    def shown(state: ProjectionState, metrics: ProjectionMetrics):
        if int(state.step) in due:
            images.append(np.asarray(draw(state.w, state.noise))[0])
        if report is not None:
            report(int(state.step), metrics)

    state = init_projection(noise_key, start, noise)
    state, distances = project(key, jax.jit(step), state, options.steps, shown)
    found = np.asarray(_all_layers(state.w, layers))
    return Projected(found, state.noise, space, distances, measure, np.stack(images))


def _seen(key: Array, generator: Projectable, space: Space) -> tuple[Array, int]:
    """Latents, or styles [num, dim], and the number of layers that take styles, 0 for latents."""
    latent_key, label_key = jax.random.split(key)
    z = jax.jit(generator.latent)(latent_key, sample_index(_SEEN))
    classes, label = generator.num_classes, generator.label
    if space == "z":
        if classes is not None and label is None:
            raise ValueError("give the class of the image with --label")
        return z, 0
    if not generator.has_styles:
        raise ValueError(f"space {space} needs a generator of StyleGAN2: choose z")
    mapping, layers = mapping_of_params(generator.params)
    labels = () if classes is None else (jax.random.randint(label_key, (_SEEN,), 0, classes),)
    if label is not None:
        labels = (jnp.full(_SEEN, label, jnp.int32),)
    w: Any = jax.jit(mapping.apply)({"params": generator.params["mapping"]}, z, *labels)
    return w, layers


def _all_layers(w: Array, layers: int) -> Array:
    """A style for each layer; latents, and styles that are, stay as they are."""
    return jnp.repeat(w[:, None], layers, axis=1) if layers and w.ndim == 2 else w


def _make_images(generator: Projectable, layers: int) -> Callable[[Array, PyTree], Array]:
    keys = sample_keys(jax.random.key(0), sample_index(1))
    label = 0 if generator.label is None else generator.label  # styles have it in them
    condition = () if generator.num_classes is None else (jnp.full(1, label, jnp.int32),)

    def make(w: Array, noise: PyTree) -> Array:
        state = generator.model_state
        state = {**state, "noise": noise} if generator.has_styles else state
        inputs = (_all_layers(w, layers), *condition)
        images, _ = generator.network.apply(
            generator.params, state, *inputs, keys=jax.random.clone(keys), train=False
        )
        return images

    return make


def _distance(generator: Projectable, target: np.ndarray) -> tuple[str, Callable[[Array], Array]]:
    """The name of a distance, and the distance of images [1, *shape] from the target."""

    def seen(x: Array) -> Array:
        x = scale(x, generator.model_range, (-1.0, 1.0))
        while min(x.shape[1:3]) > _LARGEST:
            x = halved(x, (1, 2))
        return x

    wanted = seen(jnp.asarray(target))
    if has_pretrained() and min(wanted.shape[1:3]) >= 16 and wanted.shape[3] in (1, 3):
        lpips = make_lpips("vgg16")
        return "LPIPS (VGG16)", lambda x: lpips(seen(x), wanted)[0]
    return "mean squared difference of pixels", lambda x: jnp.mean((seen(x) - wanted) ** 2)


def write_projection(
    generator: Projectable, target: np.ndarray, found: Projected, out: Path
) -> Path:
    """Write a picture, the target and the images on the way, and the latents beside it as .npz.

    Args:
      generator: from `load_projectable`.
      target: from `read_target`.
      found: from `project_image`.
      out: a .png file.
    Returns:
      The path of the .npz file: `w` (or `z`), the noise maps by their path, such as
      `noise/synthesis/b4/conv1/noise_const`, and the `distances` of all steps.
    Raises:
      ValueError: if `out` is not a .png file.
      OSError: if a file cannot be written.
    """
    check_png(out)
    arrays = out.with_suffix(".npz")
    check_replaceable(arrays)
    row = np.concatenate([target, found.images])
    picture = plots.sample_grid(row, *generator.model_range, len(row))
    replace_file(out, Image.fromarray(picture).save)
    name = "z" if found.space == "z" else "w"
    content: dict[str, Any] = {name: found.w, "distances": found.distances}
    for path, n in jax.tree_util.tree_leaves_with_path(found.noise):
        place = jax.tree_util.keystr(path, simple=True, separator="/")
        content[f"noise/{place}"] = np.asarray(n)
    replace_file(arrays, lambda beside: np.savez(beside, **content))
    return arrays
