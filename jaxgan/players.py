"""The two trained players as plain functions, to look at them outside of training."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.checks import check_key, check_positive
from jaxgan.parallel.global_batch import sample_index, sample_keys
from jaxgan.types import (
    GAN,
    Array,
    DiscriminatorOutput,
    GANState,
    PyTree,
)

Player = Callable[..., Array]


def make_generate(key: Array, gan: GAN, state: GANState, use_ema: bool = True) -> Player:
    """The generator as `(latents, condition=None) -> samples`, for latents of one's own choice.

    Args:
      key: PRNG key of the noise within the network, for networks that have any.
      gan: the setting.
      state: a training state.
      use_ema: the averaged generator, if the GAN keeps one.
    Returns:
      A function of latents [batch, ...] and, for a conditional GAN, the condition [batch, ...],
      that gives samples [batch, ...] in the range that the generator was trained on.
    Raises:
      ValueError: if key is no PRNG key.
    """
    check_key(key)
    source = state.generator if state.ema is None or not use_ema else state.ema

    def generate(latents: Array, condition: PyTree = None) -> Array:
        keys = sample_keys(key, sample_index(len(latents)))
        return gan.generator.apply(
            source.params,
            source.model_state,
            *inputs(latents, condition),
            keys=keys,
            train=False,
        )[0]

    return generate


def make_discriminate(key: Array, gan: GAN, state: GANState) -> Player:
    """The discriminator as `(x, condition=None) -> logits`, out of training: without dropout.

    Args:
      key: PRNG key of the noise within the network, for networks that have any.
      gan: the setting.
      state: a training state.
    Returns:
      A function of samples [batch, ...] and, for a conditional GAN, the condition [batch, ...],
      that gives logits [batch], or a map of them for a discriminator of patches.
    Raises:
      ValueError: if key is no PRNG key.
    """
    check_key(key)
    player = state.discriminator

    def discriminate(x: Array, condition: PyTree = None) -> Array:
        keys = sample_keys(key, sample_index(len(x)))
        output = gan.discriminator.apply(
            player.params, player.model_state, *inputs(x, condition), keys=keys, train=False
        )[0]
        return as_output(output).logits

    return discriminate


def inputs(x: Array, condition: PyTree) -> tuple:
    """A network's inputs: samples or latents, then the condition if there is one."""
    return (x,) if condition is None else (x, condition)


def generate(
    key: Array,
    gan: GAN,
    params: PyTree,
    model_state: PyTree,
    condition: PyTree,
    index: Array,
    *,
    train: bool,
    axis_name: str | None = None,
) -> tuple[Array, PyTree]:
    """Samples [batch, ...] of the generator for global indices [batch], and its model state."""
    latent_key, network_key = jax.random.split(key)
    returned = gan.generator.apply(
        params,
        model_state,
        *inputs(gan.latent(latent_key, index), condition),
        keys=sample_keys(network_key, index),
        train=train,
        axis_name=axis_name,
    )
    x, model_state = pair("generator's apply", returned, "(output, model_state)")
    if not hasattr(x, "ndim"):
        raise ValueError(
            f"generator must return its samples, one array [batch, ...], got {type(x).__name__}: "
            "return the array alone"
        )
    return x, model_state


def discriminate(
    gan: GAN,
    params: PyTree,
    model_state: PyTree,
    x: Array,
    condition: PyTree,
    keys: Array,
    axis_name: str | None = None,
) -> tuple[DiscriminatorOutput, PyTree]:
    """The discriminator's output on samples [batch, ...] in training, and its model state."""
    returned = gan.discriminator.apply(
        params, model_state, *inputs(x, condition), keys=keys, train=True, axis_name=axis_name
    )
    output, model_state = pair("discriminator's apply", returned, "(output, model_state)")
    return as_output(output), model_state


def scalar(name: str, value: Any) -> Array:
    """A part of a loss; raises a ValueError unless it is one floating number."""
    if jnp.ndim(value) or not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        raise ValueError(
            f"{name} must be a floating scalar, got {jnp.result_type(value)} of shape "
            f"{jnp.shape(value)}: take the mean over the batch"
        )
    return value


def pair(name: str, returned: Any, wanted: str) -> tuple[Any, Any]:
    """What a network's function returns; raises a ValueError unless that is a pair."""
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise ValueError(f"{name} must return {wanted}, got {type(returned).__name__}")
    return returned


def as_output(output: Any) -> DiscriminatorOutput:
    """A discriminator's output with logits [batch], from plain logits [batch] or [batch, 1] too."""
    output = output if isinstance(output, DiscriminatorOutput) else DiscriminatorOutput(output)
    if not hasattr(output.logits, "ndim"):
        raise ValueError(
            "discriminator must return logits [batch] or a DiscriminatorOutput, got "
            f"{type(output.logits).__name__}: return jaxgan.DiscriminatorOutput(logits, features), "
            "for example"
        )
    if output.logits.ndim == 2 and output.logits.shape[1] == 1:
        output = output._replace(logits=output.logits[:, 0])
    return output


def mean_over_patches(logits: Array) -> Array:
    """Logits [batch] of maps [batch, height, width], weighted as in the losses."""
    if logits.ndim == 1:
        return logits
    return jnp.mean(logits.astype(jnp.float32), axis=tuple(range(1, logits.ndim)))


def sample(
    key: Array,
    gan: GAN,
    state: GANState,
    num: int,
    condition: PyTree = None,
    *,
    use_ema: bool = True,
    first_index: Array | int = 0,
) -> Array:
    """Generated samples [num, ...], in the range that the generator was trained on.

    All are drawn in one pass, which takes many times their memory. Draw many in pieces: the second
    is `sample(key, gan, state, 250, first_index=250)`, with rows 250 to 499 of the condition if
    there is one. Together they are the samples of one pass.

    Args:
      key: PRNG key; sample i under one key is always the same.
      gan: the setting.
      state: a training state.
      num: how many.
      condition: the condition of each, [num, ...], for a conditional GAN.
      use_ema: sample the averaged generator, if the GAN keeps one.
      first_index: index of the first; 0 to 99 and then 100 to 199 are one set of 200.
    Raises:
      ValueError: if num is not a positive int, or key is no PRNG key.
    """
    check_key(key)
    check_positive(num=num)
    source = state.generator if state.ema is None or not use_ema else state.ema
    index = sample_index(num) + first_index
    return generate(key, gan, source.params, source.model_state, condition, index, train=False)[0]
