"""How a run goes, and whether that fits the data and the devices."""

import warnings
from typing import Annotated, Literal, NamedTuple

import jax
import numpy as np
import pydantic

from jaxgan import nonfinite as guards
from jaxgan import parallel
from jaxgan.adapters.precision import PRECISIONS, Precision
from jaxgan.checks import check_choice, check_positive
from jaxgan.data import Dataset, Records
from jaxgan.data.dataset import check_conditional
from jaxgan.data.soundness import doubts, some_rows
from jaxgan.steps import Player
from jaxgan.types import Augmentation

Count = Annotated[int, pydantic.Field(ge=1, lt=2**31)]
"""What is counted in int32, on the device too."""


class Plan(NamedTuple):
    """How a run goes: who moves when, on which batches, on which devices. See `jaxgan.fit`."""

    batch_size: Count = 64
    n_critic: Count = 1
    n_generator: Count = 1
    alternation: Literal["steps", "epochs"] = "steps"
    update: Literal["alternating", "simultaneous"] = "alternating"
    first: Player = "discriminator"
    accumulate: Count = 1
    model_range: tuple[float, float] | None = None
    conditional: bool = False
    flip: bool = False
    crop: int = 0
    precision: Precision = "float32"
    nonfinite: guards.Policy = "stop"
    parallel: Literal["jit", "pmap"] = "jit"
    devices: Count | None = None
    rounds_per_call: Count | None = None


def rows_per_device(plan: Plan) -> int:
    """Samples that a device gets at a time: its share of a micro-batch."""
    return plan.batch_size // (len(parallel.select_devices(plan.devices)) * plan.accumulate)


def check_plan(dataset: Dataset | Records, plan: Plan):
    """Raises a ValueError if a plan is no good for a data set on the devices that are here."""
    counts = plan._asdict() | {"rounds_per_call": plan.rounds_per_call or 1}
    names = ("batch_size", "n_critic", "n_generator", "accumulate", "rounds_per_call")
    check_positive(**{name: counts[name] for name in names})
    check_choice(
        alternation=(plan.alternation, ("steps", "epochs")),
        update=(plan.update, ("alternating", "simultaneous")),
        first=(plan.first, ("discriminator", "generator")),
        precision=(plan.precision, PRECISIONS),
        nonfinite=(plan.nonfinite, guards.POLICIES),
        parallel=(plan.parallel, ("jit", "pmap")),
    )
    _check_range(dataset, plan.model_range)
    if plan.alternation == "epochs" and plan.update == "simultaneous":
        raise ValueError('update="simultaneous" has no turns to alternate in epochs')
    if plan.conditional:
        check_conditional(dataset)
    if (plan.flip or plan.crop) and len(dataset.shape) != 3:
        raise ValueError(f"flip and crop need images, {dataset.name} has shape {dataset.shape}")
    if plan.crop and not 0 <= plan.crop < min(dataset.shape[:2]):
        raise ValueError(
            f"crop must be 0 or more and less than height and width of the images, {dataset.name} "
            f"has shape {dataset.shape}, got crop={plan.crop}"
        )
    if (plan.flip or plan.crop) and plan.conditional and _has_maps(dataset):
        raise ValueError(
            f"flip and crop move the images of {dataset.name}, but not the images or maps in their "
            "condition: leave flip and crop out, and move both alike in the data"
        )
    count = len(parallel.select_devices(plan.devices))
    if plan.batch_size % (count * plan.accumulate):
        raise ValueError(
            f"batch_size={plan.batch_size} does not divide over {count} device(s) "
            f"with accumulate={plan.accumulate}: choose a multiple of their product"
        )


def warn_of_doubts(dataset: Dataset | Records, plan: Plan):
    """Warns of data in memory that may be meant, but are rarely good to train on."""
    if isinstance(dataset, Dataset):
        labels = dataset.labels if plan.conditional else None
        for doubt in doubts(dataset.x, labels, dataset.low, dataset.high):
            warnings.warn(f"{dataset.name}: {doubt}", stacklevel=3)


def _has_maps(dataset: Dataset | Records) -> bool:
    """Whether the condition holds arrays with places, [N, height, width, ...]."""
    if isinstance(dataset, Records):
        return False
    return any(np.ndim(part) > 2 for part in jax.tree.leaves(dataset.condition))


def check_augmentation(augmentation: Augmentation | None, dataset: Dataset | Records, plan: Plan):
    """Raises a ValueError if an augmentation is made for samples in another range than a plan's.

    Without a range in the plan it warns, if the data do not look like samples in that range.
    """
    if augmentation is None or augmentation.model_range is None:
        return
    low, high = augmentation.model_range
    if plan.model_range is not None and tuple(plan.model_range) != (low, high):
        raise ValueError(
            f"the augmentation is for samples in {(low, high)}, but model_range={plan.model_range}:"
            f" make it with model_range={plan.model_range}, such as "
            f"augment.diffaugment(model_range={plan.model_range})"
        )
    if plan.model_range is None and isinstance(dataset, Dataset):
        rows, middle = some_rows(dataset.x), (low + high) / 2
        seen = (float(rows.min()), float(rows.max()))
        if seen[0] < low or seen[1] > high or middle <= seen[0] or seen[1] <= middle:
            warnings.warn(
                f"{dataset.name} lies in {seen[0]:.3g}..{seen[1]:.3g}, but the augmentation is for "
                f"samples in {(low, high)}: give it the model_range of the samples",
                stacklevel=3,
            )


def _check_range(dataset: Dataset | Records, model_range: tuple[float, float] | None):
    low, high = dataset.low, dataset.high
    if model_range is not None and not (
        np.shape(model_range) == (2,) and -np.inf < model_range[0] < model_range[1] < np.inf
    ):
        raise ValueError(f"model_range must be finite (low, high), low < high, got {model_range}")
    if low is not None and model_range is None:
        raise ValueError(
            f"{dataset.name} lies in {low}..{high}, but no model_range says where the generator's "
            "samples lie: give (0, 1) for a sigmoid, (-1, 1) for tanh"
        )
    if low is None and model_range is not None and isinstance(dataset, Dataset):
        seen = (float(dataset.x.min()), float(dataset.x.max()))
        if seen[0] < model_range[0] or seen[1] > model_range[1]:
            raise ValueError(
                f"{dataset.name} lies in {seen[0]:.3g}..{seen[1]:.3g}, but the generator's samples "
                f"in model_range={model_range}: scale the data, or use another generator"
            )
