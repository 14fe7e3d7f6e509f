"""The generator and the discriminator of a GAN as functions: one pass, sampling, inspection."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.checks import check_key, check_positive, check_samples
from jaxgan.parallel.global_batch import num_samples, sample_index, sample_keys
from jaxgan.types import (
    GAN,
    Array,
    Batch,
    DiscriminatorOutput,
    GANState,
    PlayerState,
    PyTree,
    Weights,
)

_OF_REAL = 0x7265616C  # folded into a sample's key, which the discriminator's pass uses as it is

# --- Outside of training


def generator_weights(state: GANState, use_ema: bool = True) -> Weights:
    """The weights to sample with: of the EMA generator if there is one and it is wanted."""
    if use_ema and state.ema is not None:
        return state.ema
    return Weights(state.generator.params, state.generator.model_state)


def sample(
    key: Array,
    gan: GAN,
    state: GANState,
    num: int | Array,
    condition: PyTree = None,
    *,
    use_ema: bool = True,
) -> PyTree:
    """Generated samples [num, ...], in the range that the generator was trained on.

    One call draws all samples in one pass, which takes many times their memory. Draw many in
    chunks: `sample(key, gan, state, jnp.arange(250, 500), condition[250:500])` returns samples 250
    to 499 of the set that `sample(key, gan, state, 500, condition)` would return.

    Args:
      key: PRNG key; sample i under one key is always the same.
      gan: the GAN.
      state: a training state.
      num: the number of samples, or their indices, int [num].
      condition: the condition of each sample, [num, ...], for a conditional GAN.
      use_ema: sample from the EMA generator, if there is one.
    Raises:
      ValueError: if num is neither a positive int nor an array of indices, or key is no PRNG key.
    """
    check_key(key)
    if not isinstance(gan, GAN) or not isinstance(state, GANState):
        raise ValueError(
            f"sample takes (key, gan, state, num), got {type(gan).__name__} as gan and "
            f"{type(state).__name__} as state"
        )
    if isinstance(num, jax.Array):
        index = num
        if index.ndim != 1 or not jnp.issubdtype(index.dtype, jnp.integer):
            raise ValueError(f"num must be an int, or indices int [num], got {index.aval}")
    else:
        check_positive(num=num)
        index = sample_index(num)
    return generate(key, gan, generator_weights(state, use_ema), index, PassOptions(condition)).x


def make_generate(
    key: Array, gan: GAN, state: GANState, use_ema: bool = True
) -> Callable[..., PyTree]:
    """The generator as `(latents, condition=None) -> samples`, for latents of one's own choice.

    Args:
      key: PRNG key of the noise within the network, for networks that have any.
      gan: the GAN.
      state: a training state.
      use_ema: take the EMA generator, if there is one.
    Returns:
      A function of latents [batch, ...] and, for a conditional GAN, the condition [batch, ...],
      that returns samples [batch, ...] in the range that the generator was trained on.
    Raises:
      ValueError: if key is no PRNG key.
    """
    check_key(key)
    weights = generator_weights(state, use_ema)

    def generate(latents: PyTree, condition: PyTree = None) -> PyTree:
        keys = sample_keys(key, sample_index(num_samples(latents)))
        return run_generator(gan, weights, latents, keys, PassOptions(condition))[0]

    return generate


def make_discriminate(
    key: Array, gan: GAN, state: GANState, full: bool = False
) -> Callable[..., Any]:
    """The discriminator as `(x, condition=None) -> logits`, as it is outside of training.

    Args:
      key: PRNG key of the noise within the network, for networks that have any.
      gan: the GAN.
      state: a training state.
      full: return the whole `DiscriminatorOutput`, with features and class logits.
    Returns:
      A function of samples [batch, ...] and, for a conditional GAN, the condition [batch, ...],
      that returns logits [batch], or a map of them for a discriminator of patches.
    Raises:
      ValueError: if key is no PRNG key.
    """
    check_key(key)

    def discriminate(x: PyTree, condition: PyTree = None) -> Any:
        keys = sample_keys(key, sample_index(num_samples(x)))
        options = PassOptions(condition)
        output = run_discriminator(gan, state.discriminator, x, keys, options)[0]
        return output if full else output.logits

    return discriminate


# --- From other weights


# --- Batches


def as_batch(batch: Batch | Array) -> Batch:
    """A batch of plain samples, where only an array is given.

    Raises:
      ValueError: if the samples are not an array, not floating, or there are none.
    """
    batch = batch if isinstance(batch, Batch) else Batch(batch)
    check_samples(batch.x)
    return batch


def prepared_batch(gan: GAN, batch: Batch | Array) -> Batch:
    """What the players see of a batch of whole images; all of it, if the GAN has no task."""
    batch = as_batch(batch)
    return batch if gan.task is None else gan.task.prepare(batch)


# --- One pass of a network


class PassOptions(NamedTuple):
    """What a pass of either network depends on, beside its weights, inputs and keys.

    Attributes:
      condition: of the samples, [batch, ...]; None for an unconditional GAN.
      train: whether the pass is part of an update (dropout, batch statistics).
      axis_name: the mapped device axis, or None.
    """

    condition: PyTree = None
    train: bool = False
    axis_name: str | None = None


class Generated(NamedTuple):
    """The result of a generator's pass.

    Attributes:
      x: samples [batch, ...].
      model_state: the generator's, after the pass.
      latents: from which the samples were generated.
      keys: of the noise within the network, [batch].
      drawn_latents: the latents before they were moved, see `GAN.latent_step`.
    """

    x: PyTree
    model_state: PyTree
    latents: PyTree
    keys: Array
    drawn_latents: PyTree


def generate(
    key: Array,
    gan: GAN,
    weights: Weights | PlayerState,
    index: Array,
    options: PassOptions = PassOptions(),  # noqa: B008 (it is immutable)
    move: Callable[[PyTree, Array], PyTree] | None = None,
) -> Generated:
    """G(z), with z drawn from the key for global sample indices [batch].

    If there is a function `move`, z is what it makes of the latents drawn and the network's keys.
    """
    latent_key, network_key = jax.random.split(key)
    drawn, keys = gan.latent(latent_key, index), sample_keys(network_key, index)
    latents = drawn if move is None else move(drawn, jax.random.clone(keys))
    x, model_state = run_generator(gan, weights, latents, keys, options)
    return Generated(x, model_state, latents, keys, drawn)


def run_generator(
    gan: GAN, weights: Weights | PlayerState, latents: PyTree, keys: Array, options: PassOptions
) -> tuple[PyTree, PyTree]:
    """G(z) for given latents, and the model state; keys [batch], one per sample."""
    returned = gan.generator.apply(
        weights.params,
        weights.model_state,
        *inputs(latents, options.condition),
        keys=keys,
        train=options.train,
        axis_name=options.axis_name,
    )
    x, model_state = pair("generator's apply", returned, "(output, model_state)")
    leaves = jax.tree.leaves(x)
    if not leaves or not all(hasattr(leaf, "ndim") for leaf in leaves):
        raise ValueError(
            f"generator must return its samples, arrays [batch, ...], got {type(x).__name__}: "
            "return an array, or a tree of arrays as the data are"
        )
    return x, model_state


def run_real(
    gan: GAN, weights: Weights | PlayerState, x: PyTree, keys: Array, options: PassOptions
) -> tuple[PyTree, PyTree]:
    """What the discriminator is shown of real samples, and the generator's model state."""
    if gan.real is None:
        return x, weights.model_state
    keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(jax.random.clone(keys), _OF_REAL)
    returned = gan.real(
        weights.params,
        weights.model_state,
        *inputs(x, options.condition),
        keys=keys,
        train=options.train,
        axis_name=options.axis_name,
    )
    return pair("real", returned, "(shown, model_state)")


def shown_example(gan: GAN, weights: Weights | PlayerState, batch: Batch) -> PyTree:
    """Zeros in the shape of what the discriminator is shown of real samples; or the samples."""
    if gan.real is None:
        return batch.x

    def shown(weights: Weights | PlayerState, batch: Batch) -> PyTree:
        keys = sample_keys(jax.random.key(0), sample_index(num_samples(batch.x)))
        return run_real(gan, weights, batch.x, keys, PassOptions(batch.condition, train=True))[0]

    return jax.tree.map(jnp.zeros_like, jax.eval_shape(shown, weights, batch))


def run_discriminator(
    gan: GAN, weights: Weights | PlayerState, x: PyTree, keys: Array, options: PassOptions
) -> tuple[DiscriminatorOutput, PyTree]:
    """D(x) with its logits [batch, ...], and the model state; keys [batch], one per sample."""
    returned = gan.discriminator.apply(
        weights.params,
        weights.model_state,
        *inputs(x, options.condition),
        keys=keys,
        train=options.train,
        axis_name=options.axis_name,
    )
    output, model_state = pair("discriminator's apply", returned, "(output, model_state)")
    return as_output(output), model_state


def inputs(x: PyTree, condition: PyTree) -> tuple:
    """A network's inputs: samples or latents, then the condition if there is one."""
    return (x,) if condition is None else (x, condition)


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
