"""Augmentations of what the discriminator sees, real and generated samples alike."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
