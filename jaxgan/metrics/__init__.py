"""What images are worth: likeness to the true ones, by pixels and by the features of networks."""

from jaxgan.metrics.image_quality import luma, psnr, ssim
from jaxgan.metrics.perceptual import lpips

__all__ = ["lpips", "luma", "psnr", "ssim"]
