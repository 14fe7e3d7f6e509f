"""The networks of StyleGAN2 and of its ADA configurations."""
