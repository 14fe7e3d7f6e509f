"""An augmentation as part of a GAN: its discriminator sees samples through it."""

import dataclasses

import jax
import jax.numpy as jnp

from jaxgan.checks import check_one_array
from jaxgan.schedules import value_at
from jaxgan.types import GAN, Array, Metrics, PyTree


def augmented(gan: GAN, state: PyTree, step: Array) -> GAN:
    """The GAN whose discriminator sees samples through the augmentation, at its present strength.

    Args:
      gan: the GAN.
      state: of an adaptive augmentation, else None.
      step: number of generator updates so far, for a strength that follows a schedule.
    Raises:
      ValueError: from its discriminator, if the condition holds images, which would stay as they
        are.
    """
    augmentation = gan.augmentation
    if augmentation is None:
        return gan
    strength = current_strength(gan, state, step)

    def apply(params, model_state, x, *condition, keys, train, axis_name=None):
        check_one_array("augmentation", x)
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


def current_strength(gan: GAN, state: PyTree, step: Array) -> Array | float:
    """The strength of the augmentation that the GAN has, at its state or at a step."""
    assert gan.augmentation is not None  # by the callers
    return value_at(gan.augmentation.strength, step) if state is None else state.strength


def init_augmentation(gan: GAN) -> PyTree:
    """The first state of an adaptive augmentation; None for one that does not adapt, or none."""
    augmentation = gan.augmentation
    return None if augmentation is None or augmentation.init is None else augmentation.init()


def adapt(
    gan: GAN, state: PyTree, step: Array, real_logits: Array, fake_logits: Array
) -> tuple[PyTree, Metrics]:
    """The augmentation's state after a discriminator update, and the strength that was applied.

    The strength is a metric only if it changes in training.
    """
    augmentation = gan.augmentation
    if augmentation is None:
        return state, {}
    if augmentation.update is None:
        changes = callable(augmentation.strength)
        strength = current_strength(gan, state, step)
        return state, {"augment_strength": jnp.asarray(strength)} if changes else {}
    balance = fake_logits if gan.loss.threshold is None else gan.loss.threshold
    margins = jax.lax.stop_gradient(real_logits - balance)
    new = augmentation.update(state, margins)
    return new, {"augment_strength": state.strength, "augment_sign": jnp.mean(jnp.sign(margins))}
