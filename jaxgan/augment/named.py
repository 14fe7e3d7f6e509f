"""Augmentations by name, as the command line offers them."""

from collections.abc import Callable

from jaxgan.augment.ada import adaptive
from jaxgan.augment.diff_augment import diffaugment
from jaxgan.choices import AugmentationName
from jaxgan.types import Augmentation

__all__ = ["NAMED", "AugmentationName"]

NAMED: dict[str, Callable[..., Augmentation]] = {"diffaugment": diffaugment, "ada": adaptive}
"""What the command line calls augmentations with their published settings; give `model_range`."""
