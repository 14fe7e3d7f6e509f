"""Adversarial losses, with the Bernoulli log-likelihood and the value function behind them.

All functions take logits unless their name says probability, and compute in float32. They and
their gradients are finite at any finite logit. An `AdversarialLoss` holds two functions
`(real_logits, fake_logits) -> scalar`, one per player; both are minimised.

>>> import jax.numpy as jnp
>>> from jaxgan.losses import non_saturating
>>> real_logits, fake_logits = jnp.zeros(4), jnp.zeros(4)
>>> print(f"{non_saturating.discriminator(real_logits, fake_logits):.4f}")  # 2 log 2
1.3863
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
