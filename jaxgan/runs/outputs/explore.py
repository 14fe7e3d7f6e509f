"""Pictures that explain a generator: along directions in its latents, and beside real samples."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan import plots
from jaxgan.atomic import check_replaceable, replace_file
from jaxgan.checks import check_choice, check_positive
from jaxgan.data import Dataset, to_data_range
from jaxgan.directions import Directions, ganspace, sefa, traversal
from jaxgan.parallel.global_batch import num_samples, sample_index, sample_keys
from jaxgan.players import PassOptions, run_generator
from jaxgan.runs.disk.generator import TrainedGenerator, takes_images, with_truncation
from jaxgan.runs.outputs.samples import checked_attributes, draw_samples
from jaxgan.scoring.extractors import Extractor
from jaxgan.scoring.reference import extract
from jaxgan.types import Array, PyTree, Weights

Method = Literal["sefa", "ganspace"]
_SEEN = 2_000  # samples that GANSpace looks at
_PER_CALL = 250


# --- Along directions


def write_traversal(
    generator: TrainedGenerator,
    out: Path,
    method: Method = "ganspace",
    num: int = 6,
    reach: float = 3.0,
    seed: int = 0,
    label: int | np.ndarray | None = None,
) -> Directions:
    """Write a picture with a row for each direction, from -reach to reach around one sample.

    Args:
      generator: from `load_generator`, of images or waveforms.
      out: a .png file.
      method: "sefa" or "ganspace", see `jaxgan.directions`.
      num: number of directions.
      reach: distance at both ends, in the units of the latents.
      seed: seed of the sample in the middle.
      label: its class, for conditional runs, or its attributes [n].
    Returns:
      The directions.
    Raises:
      ValueError: if the generator's latents are not vectors, or its samples cannot be shown.
    """
    check_choice(method=(method, ("sefa", "ganspace")))
    _check_generator(generator, out)
    start = latent_vectors(generator, seed, 1)
    if method == "sefa":
        found = sefa(first_kernels(generator.params, start.shape[1]), num)
    else:
        z = latent_vectors(generator, seed + 1, _SEEN)
        found = ganspace(z, jnp.asarray(samples_of(generator, z, label)), num)
    distances = jnp.linspace(-reach, reach, 9)
    path = traversal(start, found, distances).reshape(-1, start.shape[1])
    rows = [f"{scale:.1%}" for scale in np.asarray(found.scales)]
    _write(generator, samples_of(generator, path, label), out, len(distances), rows)
    return found


def first_kernels(params: PyTree, latent: int) -> list[Array]:
    """The kernels [latent, outputs] that take a generator's latents, and nothing but them.

    Raises:
      ValueError: if no kernel has this first axis, or several parts of the network have.
    """
    found = [
        (jax.tree_util.keystr(path, simple=True, separator="/"), leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
        if leaf.ndim == 2 and leaf.shape[0] == latent
    ]
    # Layers of one kind in several blocks, such as styles, count as one.
    kinds = {re.sub(r"\d+", "N", name) for name, _ in found}
    if len(kinds) != 1:
        names = ", ".join(name for name, _ in found) or "none"
        raise ValueError(
            f"sefa needs the layers that take latents of length {latent}, and kernels of that "
            f"length are: {names}; use ganspace"
        )
    return [leaf for _, leaf in found]


# --- Beside real samples


def write_neighbours(
    generator: TrainedGenerator,
    dataset: Dataset,
    extractor: Extractor,
    out: Path,
    num: int = 8,
    nearest: int = 5,
    seed: int = 0,
) -> np.ndarray:
    """Write a picture with a row for each sample: the sample, then the nearest real ones.

    Args:
      generator: from `load_generator`, of images or waveforms.
      dataset: the real samples, in memory.
      extractor: of the features in which distances are taken, see `make_extractor`.
      out: a .png file.
      num: number of samples.
      nearest: number of real samples beside each.
      seed: seed of the samples.
    Returns:
      The positions of the real samples, int [num, nearest].
    Raises:
      ValueError: if the samples cannot be shown, or there are too few real ones.
    """
    check_positive(num=num, nearest=nearest)
    _check_generator(generator, out)
    if nearest > dataset.size:
        raise ValueError(f"nearest must be at most the number of real samples, {dataset.size}")
    classes = generator.data.num_classes
    labels = None if classes is None else np.arange(num, dtype=np.int32) % classes
    samples = draw_samples(generator, num, seed, labels)
    real, own = (extract(extractor, dataset, x).features for x in (dataset.x, samples))
    distances = np.stack([np.sum((real - row) ** 2, axis=1) for row in own])
    found = np.argsort(distances, axis=1, kind="stable")[:, :nearest]
    rows = np.concatenate([samples[:, None], dataset.x[found]], axis=1)
    _write(generator, rows.reshape(-1, *samples.shape[1:]), out, nearest + 1, None)
    return found


# --- Shared


def latent_vectors(generator: TrainedGenerator, seed: int, num: int) -> Array:
    """Latents [num, d] of a generator.

    Raises:
      ValueError: if they are not one vector per sample.
    """
    z = generator.gan.latent(jax.random.key(seed), sample_index(num))
    if not hasattr(z, "ndim") or z.ndim != 2 or not z.shape[1]:
        raise ValueError("this needs latents that are one vector per sample")
    return z


def samples_of(generator: TrainedGenerator, z: Array, label: int | np.ndarray | None) -> np.ndarray:
    """Samples of latents [num, latent], in the range of the data."""
    return make_samples(generator, label)(z)


def make_samples(
    generator: TrainedGenerator, label: int | np.ndarray | None
) -> Callable[..., np.ndarray]:
    """Make a function of latents [num, d] that gives their samples, in the range of the data.

    Args:
      generator: one that takes no images.
      label: class of all samples, for conditional runs, or their attributes [n], by default those
        of a real sample.
    Returns:
      `(z, truncation=None) -> samples`; with a truncation psi, of a recipe that has it.
    Raises:
      ValueError: if a label is missing, or the run has no classes.
    """
    facts, own = generator.data, _condition(generator, label)

    @jax.jit
    def make(weights: Weights, z: Array, truncation: Array | None) -> Array:
        gan = generator.gan if truncation is None else with_truncation(generator, truncation)
        condition = None if own is None else jnp.broadcast_to(own, (len(z), *own.shape))
        keys = jnp.repeat(sample_keys(jax.random.key(0), sample_index(1)), num_samples(z))
        x = run_generator(gan, weights, z, keys, PassOptions(condition))[0]
        return x if gan.task is None else gan.task.restore(x, condition)

    weights = Weights(generator.params, generator.model_state)

    def samples(z: Array, truncation: float | None = None) -> np.ndarray:
        psi = None if truncation is None else jnp.float32(truncation)
        parts = [
            make(weights, z[first : first + _PER_CALL], psi)
            for first in range(0, len(z), _PER_CALL)
        ]
        x = np.concatenate([np.asarray(part) for part in parts])
        return to_data_range(x, facts.low, facts.high, generator.model_range)

    return samples


def _condition(generator: TrainedGenerator, label: int | np.ndarray | None) -> np.ndarray | None:
    """The condition of a sample: a label int32 [], attributes float32 [n], or None."""
    facts = generator.data
    if facts.attributes:
        row = checked_attributes(facts, 1, None if label is None else np.asarray(label))
        return None if row is None else row[0]
    if (facts.num_classes is None) != (label is None):
        raise ValueError(
            "this run has no classes: leave --label out"
            if facts.num_classes is None
            else f"--label must be one of the run's {facts.num_classes} classes"
        )
    return None if label is None else np.asarray(label, np.int32)


def _check_generator(generator: TrainedGenerator, out: Path):
    if out.suffix != ".png":
        raise ValueError(f"--out must end in .png, got {out}")
    check_replaceable(out)
    shape = generator.data.shape
    if generator.coarser or takes_images(generator):
        raise ValueError("this needs a generator that takes no images")
    if not plots.is_image(shape) and not plots.is_waveform(shape):
        raise ValueError(f"samples of shape {shape} are no images, and no waveforms")


def _write(
    generator: TrainedGenerator, x: np.ndarray, out: Path, columns: int, rows: list[str] | None
):
    facts = generator.data
    low = float(x.min()) if facts.low is None else facts.low
    high = float(x.max()) if facts.high is None else facts.high
    if plots.is_image(x.shape[1:]):
        image = plots.sample_grid(x, low, high, columns, rows)
    else:
        image = plots.rendered(plots.waveform_grid(x, low, high, columns, rows))
    replace_file(out, Image.fromarray(image).save)
