"""Augmentation of the discriminator's inputs, real and generated samples alike.

Set `GAN.augmentation` to one. Both players' losses then see augmented samples, and gradients flow
through the augmentation, so that augmentations do not leak into the generated samples. All
transforms are pure and differentiable, and take one key per sample. They are defined for samples in
[-1, 1]; `model_range` and `in_range` apply them to samples in any other range.
"""

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
