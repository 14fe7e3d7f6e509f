"""What samples are worth: likeness to true images, distances of whole sets of features."""

from jaxgan.metrics.frechet import frechet_distance, frechet_distance_of
from jaxgan.metrics.image_quality import luma, psnr, ssim
from jaxgan.metrics.statistics import (
    Moments,
    merge_moments,
    moments,
    no_moments,
    update_moments,
)
from jaxgan.metrics.perceptual import lpips

__all__ = [
    "Moments",
    "frechet_distance",
    "frechet_distance_of",
    "lpips",
    "luma",
    "merge_moments",
    "moments",
    "no_moments",
    "psnr",
    "ssim",
    "update_moments",
]
