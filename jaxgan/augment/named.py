"""Augmentations by the names that the command line uses."""

import functools
from collections.abc import Callable

from jaxgan.augment.ada import adaptive
from jaxgan.augment.ada_transforms import SETS
from jaxgan.augment.apa import adaptive_pseudo
from jaxgan.augment.diff_augment import diffaugment
from jaxgan.choices import AugmentationName
from jaxgan.types import Augmentation

__all__ = ["NAMED", "AugmentationName"]

NAMED: dict[str, Callable[..., Augmentation]] = {
    "diffaugment": diffaugment,
    "apa": adaptive_pseudo,
    "ada": adaptive,
    **{f"ada-{name}": functools.partial(adaptive, transforms=name) for name in SETS},
}
"""Functions that return an augmentation with its published defaults, given `model_range`."""
