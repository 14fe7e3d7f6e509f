"""Sampling after training, where the discriminator corrects the generator.

`density_ratio` turns a discriminator into log p_data / p_generator. Rejection sampling and
Metropolis-Hastings choose among samples by it. Langevin dynamics and the gradient flow move the
latents.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
