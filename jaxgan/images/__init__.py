"""Image resampling, Laplacian pyramids, and tasks (what a GAN learns from each image)."""
