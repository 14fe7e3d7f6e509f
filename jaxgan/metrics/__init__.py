"""Evaluation metrics: image quality (PSNR, SSIM, LPIPS), feature distances, mode coverage."""

from jaxgan.metrics.diversity import ms_ssim, ms_ssim_diversity
from jaxgan.metrics.frechet import frechet_distance, frechet_distance_of
from jaxgan.metrics.image_quality import luma, psnr, ssim
from jaxgan.metrics.inception import InceptionScore, inception_score
from jaxgan.metrics.kernel import KernelDistance, kernel_distance
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
from jaxgan.metrics.prdc import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    precision_recall,
)
from jaxgan.metrics.sliced import sliced_wasserstein
from jaxgan.metrics.statistics import (
    Moments,
    merge_moments,
    moments,
    no_moments,
    update_moments,
)

__all__ = [
    "DensityCoverage",
    "InceptionScore",
    "KernelDistance",
    "LabelCoverage",
    "ModeCoverage",
    "Moments",
    "PrecisionRecall",
    "density_coverage",
    "frechet_distance",
    "frechet_distance_of",
    "inception_score",
    "kernel_distance",
    "label_coverage",
    "lpips",
    "luma",
    "merge_moments",
    "mode_coverage",
    "moments",
    "ms_ssim",
    "ms_ssim_diversity",
    "no_moments",
    "perfect_label_coverage",
    "perfect_mode_coverage",
    "precision_recall",
    "psnr",
    "quality_radius",
    "sliced_wasserstein",
    "ssim",
    "stacked_label",
    "update_moments",
]
