"""What each player minimises on a batch, and the metrics that come with it.

Both objectives take parameters of their own player, the other player's state as it is, and give
`(loss, (carry, metrics))`, ready for `jax.grad(..., has_aux=True)`.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.augment.apply import augmented, remembered
from jaxgan.parallel.global_batch import gather, sample_keys
from jaxgan.schedules import value_at
from jaxgan.types import (
    GAN,
    Array,
    Batch,
    DiscriminatorOutput,
    Metrics,
    PenaltyInputs,
    PlayerState,
    PyTree,
)

_DIVERSITY_SAMPLES = 64


# --- Running the networks


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


def _scalar(name: str, value: Any) -> Array:
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


# --- The discriminator's side


def discriminator_objective(
    key: Array,
    gan: GAN,
    generator: PlayerState,
    params: PyTree,
    carry: tuple[PyTree, dict[str, PyTree]],
    batch: Batch,
    index: Array,
    axis_name: str | None,
    step: Array,
) -> tuple[Array, tuple[tuple[PyTree, dict[str, PyTree]], Metrics]]:
    """The discriminator's loss with its penalties; the carry is its model state and the extras.

    Scheduled weights are those of the generator's updates so far, `step`.
    """
    generate_key, discriminate_key, penalty_key = jax.random.split(key, 3)
    model_state, extras = carry
    gan = augmented(gan, extras, step)
    fake, _ = generate(
        generate_key,
        gan,
        generator.params,
        generator.model_state,
        batch.condition,
        index,
        train=True,
        axis_name=axis_name,
    )
    real_keys, fake_keys = _real_and_fake_keys(discriminate_key, index)
    both = _joint_outputs if gan.joint_pass else _separate_outputs
    real_output, fake_output, new_state = both(
        gan, params, model_state, batch, fake, real_keys, fake_keys, axis_name
    )
    real_logits = gather(real_output.logits, axis_name)
    fake_logits = gather(fake_output.logits, axis_name)
    adversarial = _scalar("discriminator's loss", gan.loss.discriminator(real_logits, fake_logits))

    def critic(pass_keys, x):
        # A pass's own keys on purpose: penalties look at the function that the loss sees.
        keys = jax.random.clone(pass_keys)
        output, _ = discriminate(gan, params, model_state, x, batch.condition, keys, axis_name)
        return mean_over_patches(output.logits)

    loss, extras, metrics = adversarial, dict(extras), {}
    for place, penalty in enumerate(gan.penalties):
        seen = PenaltyInputs(
            key=jax.random.fold_in(penalty_key, place),
            critic=functools.partial(critic, real_keys),
            fake_critic=functools.partial(critic, fake_keys),
            real=batch.x,
            fake=fake,
            condition=batch.condition,
            real_output=real_output,
            fake_output=fake_output,
            real_logits=real_logits,
            fake_logits=fake_logits,
            index=index,
            memory=extras.get(penalty.name),
            axis_name=axis_name,
            pack=gan.discriminator.pack,
        )
        value = _scalar(f"penalty {penalty.name}", penalty.value(seen))
        metrics[f"penalty_{penalty.name}"] = value
        loss = loss + value_at(penalty.weight, step) * value
        if penalty.update is not None:
            extras[penalty.name] = penalty.update(seen)
    extras, strength = remembered(gan, extras, step, real_logits, fake_logits)
    # For every pair: minus its loss is what the discriminator maximises, V(D, G) or its like.
    metrics |= {"discriminator_loss": loss, "value": -adversarial} | strength
    metrics |= _logit_metrics(gan, real_logits, fake_logits)
    metrics["diversity"] = _diversity(batch.x, fake, axis_name)
    return loss, ((new_state, extras), metrics)


def _real_and_fake_keys(key: Array, index: Array) -> tuple[Array, Array]:
    real_key, fake_key = jax.random.split(key)
    return sample_keys(real_key, index), sample_keys(fake_key, index)


def _separate_outputs(gan, params, model_state, batch, fake, real_keys, fake_keys, axis_name):
    real_output, model_state = discriminate(
        gan, params, model_state, batch.x, batch.condition, real_keys, axis_name
    )
    fake_output, model_state = discriminate(
        gan, params, model_state, fake, batch.condition, fake_keys, axis_name
    )
    return real_output, fake_output, model_state


def _joint_outputs(gan, params, model_state, batch, fake, real_keys, fake_keys, axis_name):
    # Real and fake alternate, so that a batch split over devices stays where it is.
    def alternate(real, fake):
        return jnp.stack([real, fake], axis=1).reshape(2 * len(real), *real.shape[1:])

    x = alternate(batch.x, fake)
    condition = jax.tree.map(lambda c: alternate(c, c), batch.condition)
    keys = alternate(real_keys, fake_keys)
    output, model_state = discriminate(gan, params, model_state, x, condition, keys, axis_name)
    real_output = jax.tree.map(lambda y: y[0::2], output)
    fake_output = jax.tree.map(lambda y: y[1::2], output)
    return real_output, fake_output, model_state


# --- The generator's side


def generator_objective(
    key: Array,
    gan: GAN,
    discriminator: PlayerState,
    params: PyTree,
    carry: PyTree,
    batch: Batch,
    index: Array,
    axis_name: str | None,
    extras: dict[str, PyTree],
    step: Array,
) -> tuple[Array, tuple[PyTree, Metrics]]:
    """The generator's loss with its own terms; the carry is its model state.

    `step` is that of the discriminator's side.
    """
    gan = augmented(gan, extras, step)
    # As the discriminator's side splits it: under one key both players see the same samples.
    generate_key, discriminate_key, _ = jax.random.split(key, 3)
    fake, model_state = generate(
        generate_key, gan, params, carry, batch.condition, index, train=True, axis_name=axis_name
    )
    # Two passes that share nothing, so that XLA drops the real one where no loss looks at it.
    outputs = [
        discriminate(gan, *discriminator[:2], x, batch.condition, keys, axis_name)[0]
        for x, keys in zip(
            (batch.x, fake), _real_and_fake_keys(discriminate_key, index), strict=True
        )
    ]
    real_output, fake_output = outputs
    logits = (gather(output.logits, axis_name) for output in (real_output, fake_output))
    loss = _scalar("generator's loss", gan.loss.generator(*logits))
    metrics: Metrics = {}
    if gan.generator_terms:  # they may look across samples, so they get the global batch
        seen = (fake, batch, fake_output, real_output)
        seen = jax.tree.map(lambda x: gather(x, axis_name), seen)
    for term in gan.generator_terms:
        value = _scalar(f"generator term {term.name}", term.value(*seen))
        metrics[f"term_{term.name}"] = value
        loss = loss + term.weight * value
    metrics["generator_loss"] = loss
    return loss, (model_state, metrics)


# --- Metrics


def _logit_metrics(gan: GAN, real_logits: Array, fake_logits: Array) -> Metrics:
    real, fake = jax.lax.stop_gradient((real_logits, fake_logits))
    real, fake = real.astype(jnp.float32), fake.astype(jnp.float32)
    metrics = {
        "logit_real": jnp.mean(real),
        "logit_fake": jnp.mean(fake),
        "logit_std": jnp.std(jnp.concatenate([real, fake])),
    }
    if gan.loss.threshold is None:
        metrics["accuracy_pairs"] = jnp.mean(real > fake)
    else:
        # A logit at the threshold counts as fake: a constant discriminator is half right.
        metrics["accuracy_real"] = jnp.mean(real > gan.loss.threshold)
        metrics["accuracy_fake"] = jnp.mean(fake <= gan.loss.threshold)
    if gan.loss.probability:
        metrics["prob_real"] = jnp.mean(jax.nn.sigmoid(real))
        metrics["prob_fake"] = jnp.mean(jax.nn.sigmoid(fake))
    return metrics


def _diversity(real: Array, fake: Array, axis_name: str | None) -> Array:
    """Mean distance between two generated samples over that between two real ones, or NaN."""
    if axis_name is not None:
        # Few are compared; where they fall evenly on the devices, only they need to travel.
        stride = _stride(len(real) * jax.lax.axis_size(axis_name))
        if len(real) % stride == 0:
            real, fake = real[::stride], fake[::stride]
        real, fake = gather(real, axis_name), gather(fake, axis_name)
    ratio = mean_pairwise_distance(fake) / jnp.maximum(mean_pairwise_distance(real), 1e-12)
    compared = real[:: _stride(len(real))]
    # Real samples that are all equal, or only one, leave nothing to compare with.
    return jnp.where(jnp.all(compared == compared[:1]), jnp.nan, ratio)


def _stride(count: int) -> int:
    return max(1, count // _DIVERSITY_SAMPLES)


def mean_pairwise_distance(x: Array) -> Array:
    """Mean Euclidean distance between two different samples of a batch.

    Args:
      x: samples [batch, ...]; of a large batch 64 to 127, evenly spaced, are compared.
    Returns:
      float32 scalar in units of x; NaN for a batch of one.

    >>> print(mean_pairwise_distance(jnp.array([[0.0, 0.0], [3.0, 4.0]])))
    5.0
    """
    if len(x) < 2:
        return jnp.float32(jnp.nan)
    x = jax.lax.stop_gradient(x)[:: _stride(len(x))]
    x = x.reshape(len(x), -1).astype(jnp.float32)
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a b, about the mean, where it cancels least.
    x = x - jnp.mean(x, axis=0, keepdims=True)
    norms = jnp.sum(x**2, axis=1)
    squared = norms[:, None] + norms[None, :] - 2.0 * jnp.dot(x, x.T, precision="highest")
    distances = jnp.sqrt(jnp.maximum(squared, 0.0)) * (1.0 - jnp.eye(len(x), dtype=jnp.float32))
    return jnp.sum(distances) / (len(x) * (len(x) - 1))
