"""Terms of the players' losses: class labels, codes, features, distances, paths and more.

Attach functions with `jaxgan.penalty` for the discriminator and `jaxgan.generator_term` for the
generator; functions that return a `Term`, or one for each player, have attached them already. Class
and feature terms need a discriminator that returns a `DiscriminatorOutput`. The reconstruction
terms (squared and absolute error, content) need a generator conditioned on the target. Use
`jaxgan.without_condition` for the player that should not see the labels.

>>> import jax.numpy as jnp
>>> from jaxgan.terms import class_cross_entropy
>>> print(f"{class_cross_entropy(jnp.zeros((2, 10)), jnp.array([3, -1])):.4f}")  # log 10
2.3026
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
