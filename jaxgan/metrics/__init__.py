"""What samples are worth: likeness to true images, distances of whole sets of features."""

from jaxgan.metrics.frechet import frechet_distance
from jaxgan.metrics.image_quality import luma, psnr, ssim
from jaxgan.metrics.perceptual import lpips

__all__ = ["frechet_distance", "lpips", "luma", "psnr", "ssim"]
