"""Augmentations by the names that the command line uses."""

from collections.abc import Callable
from typing import Literal

from jaxgan.augment.ada import adaptive
from jaxgan.augment.diff_augment import diffaugment
from jaxgan.types import Augmentation

AugmentationName = Literal["diffaugment", "ada"]


NAMED: dict[str, Callable[..., Augmentation]] = {"diffaugment": diffaugment, "ada": adaptive}
"""Functions that return an augmentation with its published defaults, given `model_range`."""
