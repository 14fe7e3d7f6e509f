"""Images: resampling, pyramids, and what a GAN sees of an image."""
