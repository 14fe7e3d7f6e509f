"""What an augmentation is in a GAN: part of its discriminator, with an entry in its state."""

import dataclasses

import jax
import jax.numpy as jnp

from jaxgan.schedules import value_at
from jaxgan.types import GAN, Array, Augmentation, Metrics, PyTree

EXTRA = "augmentation"
"""Its name in `GANState.extras`."""


def augmented(gan: GAN, extras: dict[str, PyTree], step: Array) -> GAN:
    """The GAN whose discriminator sees samples through the augmentation, as strong as it is now.

    `step` counts the generator's updates so far, for a strength that follows a schedule. The
    discriminator raises a ValueError if it is given images as a condition, which would stay as
    they are.
    """
    augmentation = gan.augmentation
    if augmentation is None:
        return gan
    strength = _strength(augmentation, extras, step)

    def apply(params, model_state, x, *condition, keys, train, axis_name=None):
        if any(leaf.ndim == x.ndim for leaf in jax.tree.leaves(condition)):
            raise ValueError(
                "augmentation would move samples away from the images that they are conditioned on"
            )
        pairs = jax.vmap(jax.random.split)(keys)
        x = augmentation.apply(pairs[:, 0], x, strength)
        return gan.discriminator.apply(
            params,
            model_state,
            x,
            *condition,
            keys=pairs[:, 1],
            train=train,
            axis_name=axis_name,
        )

    return dataclasses.replace(gan, discriminator=gan.discriminator._replace(apply=apply))


def _strength(augmentation: Augmentation, extras: dict[str, PyTree], step: Array) -> Array | float:
    memory = extras.get(EXTRA)
    return value_at(augmentation.strength, step) if memory is None else memory.strength


def initial_memory(gan: GAN) -> dict[str, PyTree]:
    """What the augmentation remembers at first, as an entry of `GANState.extras`, if it does."""
    augmentation = gan.augmentation
    if augmentation is None or augmentation.init is None:
        return {}
    return {EXTRA: augmentation.init()}


def remembered(
    gan: GAN, extras: dict[str, PyTree], step: Array, real_logits: Array, fake_logits: Array
) -> tuple[dict[str, PyTree], Metrics]:
    """The extras after a discriminator turn, and the strength in it as a metric, if it changes."""
    augmentation = gan.augmentation
    if augmentation is None:
        return extras, {}
    if augmentation.update is None:
        changes = callable(augmentation.strength)
        strength = _strength(augmentation, extras, step)
        return extras, {"augment_strength": jnp.asarray(strength)} if changes else {}
    balance = fake_logits if gan.loss.threshold is None else gan.loss.threshold
    margins = jax.lax.stop_gradient(real_logits - balance)
    memory = extras[EXTRA]
    new = extras | {EXTRA: augmentation.update(memory, margins)}
    return new, {"augment_strength": memory.strength, "augment_sign": jnp.mean(jnp.sign(margins))}
