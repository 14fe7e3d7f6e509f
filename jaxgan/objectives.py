"""What each player minimises on a batch, and the metrics that come with it.

Both objectives take parameters of their own player, the other player's state as it is, and give
`(loss, (carry, metrics))`, ready for `jax.grad(..., has_aux=True)`.
"""

import functools

import jax
import jax.numpy as jnp

from jaxgan.augment.apply import augmented, remembered
from jaxgan.parallel.global_batch import gather, sample_keys
from jaxgan.players import discriminate, generate, mean_over_patches, scalar
from jaxgan.schedules import value_at
from jaxgan.step_metrics import diversity, logit_metrics
from jaxgan.types import (
    GAN,
    Array,
    Batch,
    Metrics,
    PenaltyInputs,
    PlayerState,
    PyTree,
)

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
    adversarial = scalar("discriminator's loss", gan.loss.discriminator(real_logits, fake_logits))

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
        value = scalar(f"penalty {penalty.name}", penalty.value(seen))
        metrics[f"penalty_{penalty.name}"] = value
        loss = loss + value_at(penalty.weight, step) * value
        if penalty.update is not None:
            extras[penalty.name] = penalty.update(seen)
    extras, strength = remembered(gan, extras, step, real_logits, fake_logits)
    # For every pair: minus its loss is what the discriminator maximises, V(D, G) or its like.
    metrics |= {"discriminator_loss": loss, "value": -adversarial} | strength
    metrics |= logit_metrics(gan, real_logits, fake_logits)
    metrics["diversity"] = diversity(batch.x, fake, axis_name)
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
    loss = scalar("generator's loss", gan.loss.generator(*logits))
    metrics: Metrics = {}
    if gan.generator_terms:  # they may look across samples, so they get the global batch
        seen = (fake, batch, fake_output, real_output)
        seen = jax.tree.map(lambda x: gather(x, axis_name), seen)
    for term in gan.generator_terms:
        value = scalar(f"generator term {term.name}", term.value(*seen))
        metrics[f"term_{term.name}"] = value
        loss = loss + term.weight * value
    metrics["generator_loss"] = loss
    return loss, (model_state, metrics)
