"""Augmentation of the discriminator's inputs, real and generated samples alike.

Set `GAN.augmentation` to one. Both players' losses then see augmented samples, and gradients flow
through the augmentation, so that augmentations do not leak into the generated samples. All
transforms are pure and differentiable, and take one key per sample. They are defined for samples in
[-1, 1]; `model_range` and `in_range` apply them to samples in any other range.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
