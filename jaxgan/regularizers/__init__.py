"""Penalties that keep a discriminator smooth: R1, R2, gradient penalties, consistency and more.

A penalty is a plain function of a critic (a function from samples to logits [batch]) and samples;
`penalty` attaches it, with its weight, to a GAN. Every one is differentiable, as training needs.
What is drawn depends on the key and on the global sample index only. For a packed critic
(`jaxgan.packed`), which returns one logit per `pack` neighbours, gradients are taken with respect
to a whole pack, and random numbers are drawn once per pack.

>>> import jax.numpy as jnp
>>> from jaxgan.regularizers import r1
>>> critic = lambda x: jnp.sum(x**2, axis=-1)  # gradient 2 x
>>> print(r1(critic, jnp.ones((4, 3))))  # |2 x|^2
12.0
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
