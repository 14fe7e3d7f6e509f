"""Augmentations of what the discriminator sees, real and generated samples alike."""

from jaxgan.augment.ada import (
    AdaptiveStrength,
    adaptive,
    constant,
    geometric_jitter,
    strong_color_jitter,
)
from jaxgan.augment.diff_augment import DIFFAUGMENT, color_jitter, cutout, diffaugment, translation
from jaxgan.augment.named import NAMED, AugmentationName
from jaxgan.augment.value_range import Transform, in_range

__all__ = [
    "DIFFAUGMENT",
    "NAMED",
    "AdaptiveStrength",
    "AugmentationName",
    "Transform",
    "adaptive",
    "color_jitter",
    "constant",
    "cutout",
    "diffaugment",
    "geometric_jitter",
    "in_range",
    "strong_color_jitter",
    "translation",
]
