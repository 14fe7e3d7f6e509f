"""Augmentations of what the discriminator sees, real and generated samples alike."""

from jaxgan.augment.ada import (
    DIFFAUGMENT,
    NAMED,
    AdaptiveStrength,
    Name,
    Transform,
    adaptive,
    color_jitter,
    constant,
    cutout,
    diffaugment,
    geometric_jitter,
    in_range,
    strong_color_jitter,
    translation,
)

__all__ = [
    "DIFFAUGMENT",
    "NAMED",
    "AdaptiveStrength",
    "Name",
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
