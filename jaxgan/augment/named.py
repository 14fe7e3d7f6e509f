"""Augmentations by name, as the command line offers them."""

from collections.abc import Callable
from typing import Literal

from jaxgan.augment.ada import adaptive
from jaxgan.augment.diff_augment import diffaugment
from jaxgan.types import Augmentation

AugmentationName = Literal["diffaugment", "ada"]


NAMED: dict[str, Callable[..., Augmentation]] = {"diffaugment": diffaugment, "ada": adaptive}
"""What the command line calls augmentations with their published settings; give `model_range`."""
