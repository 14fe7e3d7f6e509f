"""Augmentations by the names that the command line uses."""

from collections.abc import Callable

from jaxgan.augment.ada import adaptive
from jaxgan.augment.diff_augment import diffaugment
from jaxgan.choices import AugmentationName
from jaxgan.types import Augmentation

__all__ = ["NAMED", "AugmentationName"]

NAMED: dict[str, Callable[..., Augmentation]] = {"diffaugment": diffaugment, "ada": adaptive}
"""Functions that return an augmentation with its published defaults, given `model_range`."""
