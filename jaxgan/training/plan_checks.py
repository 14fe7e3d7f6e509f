"""Whether a plan fits the data and the devices."""

import warnings

import jax
import numpy as np

from jaxgan import parallel
from jaxgan.data import Dataset, Records
from jaxgan.data.attributes import too_large
from jaxgan.data.dataset import check_conditional
from jaxgan.data.soundness import doubts, some_rows
from jaxgan.parallel import processes
from jaxgan.settings import check_fields
from jaxgan.training.iterables import Batches
from jaxgan.training.plan import Plan, batches_per_round
from jaxgan.training.programs import update_rule
from jaxgan.types import Augmentation
from jaxgan.updates import Update


def rows_per_device(plan: Plan) -> int:
    """The number of samples of a micro-batch on one device."""
    return plan.batch_size // (len(parallel.select_devices(plan.devices)) * plan.accumulate)


def check_plan(data: Dataset | Records | Batches, plan: Plan):
    """Raises a ValueError unless a plan suits the data and the devices of this machine."""
    if not isinstance(plan, Plan):
        raise ValueError(f"plan must be a Plan, got {type(plan).__name__}: use jaxgan.Plan(...)")
    check_fields(plan)
    if isinstance(data, Batches):
        _check_batches(data, plan)
    dataset = data.first if isinstance(data, Batches) else data
    _check_range(dataset, plan.model_range)
    _check_update(plan)
    if plan.conditional:
        check_conditional(dataset)
    _check_transforms(dataset, plan)
    count = len(parallel.select_devices(plan.devices))
    if plan.batch_size % (count * plan.accumulate):
        raise ValueError(
            f"batch_size={plan.batch_size} does not divide over {count} device(s) "
            f"with accumulate={plan.accumulate}: choose a multiple of their product"
        )


def _check_update(plan: Plan):
    named = isinstance(plan.update, str)
    shown = repr(plan.update) if named else "a rule of your own"
    if plan.alternation == "epochs" and plan.update != "alternating":
        raise ValueError(f'update={shown} cannot alternate in epochs: use alternation="steps"')
    rule = update_rule(plan)
    if not isinstance(rule, Update):
        name = getattr(plan.update, "__name__", "")
        hint = f"call it, {name}()" if name else "pass 'extragradient' or updates.extragradient()"
        raise ValueError(
            f"update must be a rule's name or a jaxgan.updates.Update, got {plan.update!r}: {hint}"
        )
    alternates = named and plan.update.endswith("alternating")
    if rule.batches != batches_per_round(plan) or (plan.first == "generator" and not alternates):
        raise ValueError(
            f"update={shown} does not go with n_critic={plan.n_critic}, n_generator="
            f"{plan.n_generator} and first={plan.first!r} of the plan, which belong to "
            "update='alternating': leave them out, or the numbers of the rule"
        )


def _check_batches(data: Batches, plan: Plan):
    if plan.alternation == "epochs":
        raise ValueError(
            f'alternation="epochs" needs data of a known size, and {data.name} has none: pass '
            'arrays or Records, or use alternation="steps" with n_critic and n_generator'
        )
    own = processes.own_slice(plan.batch_size)
    size, wanted = data.first.size, own.stop - own.start
    if size != wanted:
        each = f" from each of {jax.process_count()} processes" if wanted < plan.batch_size else ""
        raise ValueError(
            f"{data.name} has batches of {size} samples, but batch_size={plan.batch_size} needs "
            f"{wanted}{each}: change one of them"
        )


def _check_transforms(dataset: Dataset | Records, plan: Plan):
    if not (plan.flip or plan.crop):
        return
    if len(dataset.shape) != 3:
        raise ValueError(f"flip and crop need images, {dataset.name} has shape {dataset.shape}")
    if plan.crop >= min(dataset.shape[:2]):
        raise ValueError(
            f"crop must be less than height and width of the images: {dataset.name} "
            f"has shape {dataset.shape}, got crop={plan.crop}"
        )
    if plan.conditional and _has_maps(dataset):
        raise ValueError(
            f"flip and crop move the images of {dataset.name}, but not the images or maps in their "
            "condition: leave flip and crop out, and move both alike in the data"
        )


def warn_of_doubts(dataset: Dataset | Records | Batches, plan: Plan):
    """Warns of valid data that are rarely good to train on, or too few for a batch."""
    if isinstance(dataset, Batches):
        return
    if plan.batch_size > dataset.size:
        warnings.warn(
            f"batch_size={plan.batch_size} is more than the {dataset.size} samples of "
            f"{dataset.name}, so samples occur several times in one batch: use at most "
            f"{dataset.size}, or more data",
            stacklevel=3,
        )
    if plan.conditional and dataset.attributes is not None:
        large = too_large(dataset.attributes)
        if large is not None:
            warnings.warn(f"{dataset.name}: {large}", stacklevel=3)
    if isinstance(dataset, Dataset):
        labels = dataset.labels if plan.conditional else None
        for doubt in doubts(dataset.x, labels, dataset.low, dataset.high):
            warnings.warn(f"{dataset.name}: {doubt}", stacklevel=3)


def _has_maps(dataset: Dataset | Records) -> bool:
    """Whether the condition contains images or maps, [N, height, width, ...]."""
    if isinstance(dataset, Records):
        return False
    return any(np.ndim(part) > 2 for part in jax.tree.leaves(dataset.condition))


def check_augmentation(
    augmentation: Augmentation | None, data: Dataset | Records | Batches, plan: Plan
):
    """Raises a ValueError if the augmentation and the plan differ in their model_range.

    Warns if the plan has none and the data do not look like samples in the augmentation's.
    """
    if augmentation is None or augmentation.model_range is None:
        return
    dataset = data.first if isinstance(data, Batches) else data
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
                f"the data ({dataset.name}) lie in {seen[0]:.3g}..{seen[1]:.3g}, but the "
                f"augmentation is for samples in {(low, high)}: give it the model_range of the "
                "samples",
                stacklevel=3,
            )


def _check_range(dataset: Dataset | Records, model_range: tuple[float, float] | None):
    low, high = dataset.low, dataset.high
    if low is not None and model_range is None:
        raise ValueError(
            f"the data ({dataset.name}) range from {low:g} to {high:g}: say what the generator "
            "outputs, plan=jaxgan.Plan(model_range=(0, 1)) for a "
            "sigmoid generator, or (-1, 1) for tanh"
        )
    if low is None and model_range is not None and isinstance(dataset, Dataset):
        seen = (float(dataset.x.min()), float(dataset.x.max()))
        if seen[0] < model_range[0] or seen[1] > model_range[1]:
            raise ValueError(
                f"the data ({dataset.name}) lie in {seen[0]:.3g}..{seen[1]:.3g}, outside "
                f"model_range={model_range} of the generator: scale the data, or use another "
                "generator"
            )
