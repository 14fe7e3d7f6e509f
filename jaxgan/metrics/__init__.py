"""What samples are worth: likeness to true images, distances of sets of features, modes covered."""

from jaxgan.metrics.frechet import frechet_distance
from jaxgan.metrics.image_quality import luma, psnr, ssim
from jaxgan.metrics.modes import (
    LabelCoverage,
    ModeCoverage,
    label_coverage,
    mode_coverage,
    perfect_label_coverage,
    perfect_mode_coverage,
    quality_radius,
    stacked_label,
)
from jaxgan.metrics.perceptual import lpips

__all__ = [
    "LabelCoverage",
    "ModeCoverage",
    "frechet_distance",
    "label_coverage",
    "lpips",
    "luma",
    "mode_coverage",
    "perfect_label_coverage",
    "perfect_mode_coverage",
    "psnr",
    "quality_radius",
    "ssim",
    "stacked_label",
]
