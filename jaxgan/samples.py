"""Samples of a finished run: drawn again, and written as a picture or an array."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan import checkpoint, plots
from jaxgan.data import to_own_range
from jaxgan.recipes import recipe
from jaxgan.runs import read_config, replace_file
from jaxgan.steps import check_positive, init, sample
from jaxgan.types import Batch

_SAMPLES_A_CALL = 250


def sample_run(
    run: Path, num: int, seed: int, use_ema: bool = True, labels: np.ndarray | None = None
) -> np.ndarray:
    """Samples [num, ...] of a finished run, float32 in the data's own range.

    Args:
      run: its folder.
      num: how many.
      seed: of the latents; sample i under one seed and label is always the same.
      use_ema: use the averaged generator.
      labels: int [num], the class of each, for a conditional run and only there.
    Raises:
      FileNotFoundError: if the folder holds no run, or one without a final state.
      ValueError: if num is not positive, or labels are missing, not wanted or out of range.
    """
    check_positive(num=num)
    config = read_config(run)
    if not (run / "state").is_dir():
        raise FileNotFoundError(f"{run} holds no final state: it has not ended, or was stopped")
    labels = _checked_labels(labels, num, config.get("num_classes"), run)
    shape = tuple(config["shape"])
    gan = recipe(config["recipe"]).gan(shape, config.get("num_classes"))
    two = Batch(jnp.zeros((2, *shape)), None if labels is None else jnp.zeros(2, jnp.int32))
    target = jax.eval_shape(lambda: init(jax.random.key(0), gan, two))
    state = checkpoint.restore(run / "state", target)
    draw = jax.jit(
        lambda key, state, first, labels: sample(
            key, gan, state, _SAMPLES_A_CALL, labels, use_ema=use_ema, first_index=first
        )
    )
    key, parts = jax.random.key(seed), []
    for first in range(0, num, _SAMPLES_A_CALL):
        own = None if labels is None else np.resize(labels[first:], _SAMPLES_A_CALL)
        parts.append(np.asarray(draw(key, state, first, own)))
    model_range = config["plan"]["model_range"]
    return to_own_range(np.concatenate(parts)[:num], config["low"], config["high"], model_range)


def _checked_labels(
    labels: np.ndarray | None, num: int, num_classes: int | None, run: Path
) -> np.ndarray | None:
    if (labels is None) != (num_classes is None):
        wanted = "is not conditional" if num_classes is None else f"has {num_classes} classes"
        raise ValueError(f"labels must {'' if num_classes else 'not '}be given: {run} {wanted}")
    if labels is None or num_classes is None:
        return None
    labels = np.asarray(labels)
    if labels.shape != (num,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be {num} ints, got {labels.dtype} of shape {labels.shape}")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"labels must lie in 0 to {num_classes - 1}, got {labels.min()} to {labels.max()}"
        )
    return labels.astype(np.int32)


def default_num(run: Path, label: int | None) -> int:
    """How many samples to draw of a run if nothing is said."""
    config = read_config(run)
    classes = config.get("num_classes") if label is None else None
    return plots.num_pictured(config["shape"], classes)


def asked_labels(run: Path, num: int, label: int | None) -> np.ndarray | None:
    """The labels [num] of a conditional run's samples: all `label`, or one class a row of a grid.

    Args:
      run: its folder.
      num: how many samples; a multiple of the classes if no label is given.
      label: the class; None for all of them in turn. Must be None for a run without classes.
    Returns:
      int32 [num]; None for a run without classes.
    Raises:
      ValueError: if the run has no classes or not that one, or num is no multiple of them.
    """
    num_classes = read_config(run).get("num_classes")
    if num_classes is None:
        if label is not None:
            raise ValueError(f"--label {label}: {run} is not conditional, it has no classes")
        return None
    if label is None:
        return plots.class_rows(num, num_classes)
    if not 0 <= label < num_classes:
        raise ValueError(f"--label {label}: the classes of {run} are 0 to {num_classes - 1}")
    return np.full(num, label, np.int32)


def _is_class_rows(labels: np.ndarray | None, num_classes: int | None) -> bool:
    if labels is None or num_classes is None or len(labels) % num_classes:
        return False
    return np.array_equal(labels, plots.class_rows(len(labels), num_classes))


def check_writable(run: Path, out: Path):
    """Raises a ValueError unless samples of this run can go to a file so called."""
    shape = tuple(read_config(run)["shape"])
    if out.suffix not in (".npz", ".png"):
        raise ValueError(f"--out must end in .png or .npz, got {out}")
    if out.suffix == ".png" and not plots.has_picture(shape):
        raise ValueError(f"samples of shape {shape} have no picture: give a .npz")


def write_samples(samples: np.ndarray, run: Path, out: Path, labels: np.ndarray | None = None):
    """Samples of a run to a file: a picture (.png), or the array `samples` (.npz).

    Args:
      samples: [num, ...] in the data's own range.
      run: its folder.
      out: the file. A picture of all classes has one a row; in a .npz they are `labels`.
      labels: of the samples [num], if the run is conditional.
    Raises:
      ValueError: if the file's ending is another, or the samples have no picture.
    """
    check_writable(run, out)
    if out.suffix == ".npz":
        if labels is None:
            replace_file(out, lambda beside: np.savez_compressed(beside, samples=samples))
        else:
            replace_file(
                out, lambda beside: np.savez_compressed(beside, samples=samples, labels=labels)
            )
        return
    config = read_config(run)
    classes = config["num_classes"] if _is_class_rows(labels, config["num_classes"]) else None
    picture = plots.picture(samples, config["low"], config["high"], None, classes)
    assert picture is not None  # by the check
    replace_file(out, Image.fromarray(picture).save)
