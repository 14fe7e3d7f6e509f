"""Each player's loss on a batch: its adversarial loss plus the sum of its weighted terms.

L_D = J_D(D(x), D(G(z))) + sum_i w_i P_i       over the GAN's penalties
L_G = J_G(D(x), D(G(z))) + sum_i w_i T_i       over the GAN's generator terms

`make_*_loss` binds what stays the same in training; the function it returns is differentiated with
respect to its first argument.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.augment.apply import adapt, augmented, current_strength
from jaxgan.critics import mean_over_patches
from jaxgan.parallel.global_batch import gather, num_samples, sample_keys
from jaxgan.players import (
    Generated,
    PassOptions,
    generate,
    run_discriminator,
    run_generator,
    run_real,
)
from jaxgan.pools import Pool, exchange
from jaxgan.step_metrics import diversity, logit_metrics
from jaxgan.term_inputs import TermInputs
from jaxgan.types import (
    GAN,
    Array,
    Batch,
    DiscriminatorOutput,
    Metrics,
    Params,
    PlayerState,
    PyTree,
    Weights,
)
from jaxgan.weighted_terms import plus_terms, scalar

_PSEUDO = 0x70736575  # folded into the key of an update that shows generated samples as real


class Sampled(NamedTuple):
    """What an update, or one of its micro-batches, is computed on.

    Attributes:
      key: of everything random in the update.
      step: number of generator updates so far.
      batch: real samples with their condition.
      indices: of the samples in the global batch, int32 [batch].
    """

    key: Array
    step: Array
    batch: Batch
    indices: Array


_OF_POOL = 0x706F6F6C  # folded into the terms' key, which numbers the terms from 0 on


class Carry(NamedTuple):
    """What one micro-batch hands on to the next: the player's model state and its terms' states."""

    model_state: PyTree
    terms: dict[str, PyTree]
    augmentation: PyTree
    pool: Pool | None


Loss = Callable[[PyTree, Carry, PlayerState, Sampled], tuple[Array, tuple[Carry, Metrics]]]
"""`(params, carry, opponent, sampled) -> (loss, (carry, metrics))`."""


class Keys(NamedTuple):
    """The keys of an update; under one key both players' updates see the same generated samples."""

    generate: Array
    real: Array  # [batch], of the discriminator's pass on real samples
    fake: Array  # [batch], of its pass on generated samples
    terms: Array


class Players(NamedTuple):
    """The weights of both players in a loss; those of one are constants."""

    generator: Weights | PlayerState
    discriminator: Weights | PlayerState


class Passes(NamedTuple):
    """What the loss has computed before its terms: x, G(z), D(x), D(G(z)), the global logits."""

    real: PyTree
    fake: Generated
    real_output: DiscriminatorOutput
    fake_output: DiscriminatorOutput
    real_logits: Array
    fake_logits: Array


# --- The two losses


def make_discriminator_loss(gan: GAN, axis_name: str | None = None) -> Loss:
    """L_D = J_D(D(x), D(G(z))) + sum_i w_i P_i."""

    def loss_fn(params, carry, generator, sampled):
        keys, weights = _keys(sampled), Weights(params, carry.model_state)
        options = PassOptions(sampled.batch.condition, train=True, axis_name=axis_name)
        seen = augmented(gan, carry.augmentation, sampled.step)  # what D sees of samples
        both = Players(generator, weights)

        fake = _generated(seen, both, sampled, keys, options)
        x, _ = run_real(gan, generator, sampled.batch.x, keys.real, options)
        _check_shapes(x, fake.x)
        spread = diversity(x, fake.x, axis_name)
        x = _shown_as_real(gan, both, x, carry, sampled, options)
        fake, pool = _from_pool(fake, carry.pool, sampled, keys, axis_name)
        run_both = _joint_pass if gan.joint_pass else _two_passes
        real_output, fake_output, model_state = run_both(seen, weights, (x, fake.x), keys, options)
        real_logits = gather(real_output.logits, axis_name)  # D(x)
        fake_logits = gather(fake_output.logits, axis_name)  # D(G(z))
        adversarial = scalar(
            "discriminator's loss", gan.loss.discriminator(real_logits, fake_logits)
        )

        passes = Passes(x, fake, real_output, fake_output, real_logits, fake_logits)
        inputs = _term_inputs(seen, both, passes, sampled, keys, options)
        loss, terms, metrics = plus_terms(adversarial, gan.penalties, inputs, carry.terms)

        augmentation, strength = adapt(
            gan, carry.augmentation, sampled.step, real_logits, fake_logits
        )
        # Minus the adversarial loss is what the discriminator maximises: V(D, G) or its like.
        metrics |= {"discriminator_loss": loss, "value": -adversarial} | strength
        metrics |= logit_metrics(gan, real_logits, fake_logits)
        metrics["diversity"] = spread
        return loss, (Carry(model_state, terms, augmentation, pool), metrics)

    return loss_fn


def make_generator_loss(gan: GAN, axis_name: str | None = None) -> Loss:
    """L_G = J_G(D(x), D(G(z))) + sum_i w_i T_i."""

    def loss_fn(params, carry, discriminator, sampled):
        keys, weights = _keys(sampled), Weights(params, carry.model_state)
        options = PassOptions(sampled.batch.condition, train=True, axis_name=axis_name)
        seen = augmented(gan, carry.augmentation, sampled.step)  # what D sees of samples
        both = Players(weights, discriminator)

        fake = _generated(seen, both, sampled, keys, options)
        after = weights._replace(model_state=fake.model_state)
        x, model_state = run_real(gan, after, sampled.batch.x, keys.real, options)
        _check_shapes(x, fake.x)
        # Two passes that share nothing, so that XLA drops the real one where nothing looks at it.
        real_output, _ = run_discriminator(seen, discriminator, x, keys.real, options)
        fake_output, _ = run_discriminator(seen, discriminator, fake.x, keys.fake, options)
        real_logits = gather(real_output.logits, axis_name)  # D(x)
        fake_logits = gather(fake_output.logits, axis_name)  # D(G(z))
        adversarial = scalar("generator's loss", gan.loss.generator(real_logits, fake_logits))

        passes = Passes(x, fake, real_output, fake_output, real_logits, fake_logits)
        inputs = _term_inputs(seen, both, passes, sampled, keys, options)
        loss, terms, metrics = plus_terms(adversarial, gan.generator_terms, inputs, carry.terms)
        metrics["generator_loss"] = loss
        return loss, (carry._replace(model_state=model_state, terms=terms), metrics)

    return loss_fn


def _keys(sampled: Sampled) -> Keys:
    generate_key, discriminate_key, terms_key = jax.random.split(sampled.key, 3)
    real_key, fake_key = jax.random.split(discriminate_key)
    real_keys = sample_keys(real_key, sampled.indices)
    return Keys(generate_key, real_keys, sample_keys(fake_key, sampled.indices), terms_key)


def _generated(
    gan: GAN, players: Players, sampled: Sampled, keys: Keys, options: PassOptions
) -> Generated:
    """G(z), at the latents that the GAN's latent step makes of those drawn."""

    def move(latents: PyTree, network_keys: Array) -> PyTree:
        def score(latents: PyTree) -> Array:  # D(G(z)) in passes with the loss's own keys
            own = jax.random.clone(network_keys), jax.random.clone(keys.fake)
            x, _ = run_generator(gan, players.generator, latents, own[0], options)
            output, _ = run_discriminator(gan, players.discriminator, x, own[1], options)
            return mean_over_patches(output.logits)

        assert gan.latent_step is not None
        return gan.latent_step(latents, score)

    weights, index = players.generator, sampled.indices
    moved = None if gan.latent_step is None else move
    return generate(keys.generate, gan, weights, index, options, moved)


def _from_pool(
    fake: Generated, pool: Pool | None, sampled: Sampled, keys: Keys, axis_name: str | None
) -> tuple[Generated, Pool | None]:
    """What the discriminator is shown of generated samples, and the pool after them."""
    if pool is None:
        return fake, None
    key = jax.random.fold_in(keys.terms, _OF_POOL)
    shown, pool = exchange(key, pool, fake.x, sampled.indices, axis_name)
    return fake._replace(x=shown), pool


def _shown_as_real(
    gan: GAN, players: Players, x: PyTree, carry: Carry, sampled: Sampled, options: PassOptions
) -> PyTree:
    """Real samples; with pseudo augmentation, generated ones in place of some."""
    if gan.augmentation is None or not gan.augmentation.pseudo:
        return x
    key = jax.random.fold_in(jax.random.clone(sampled.key), _PSEUDO)
    generate_key, gate_key = jax.random.split(key)
    pseudo = generate(generate_key, gan, players.generator, sampled.indices, options).x
    p = current_strength(gan, carry.augmentation, sampled.step)
    gates = sample_keys(gate_key, sampled.indices)
    taken = jax.vmap(jax.random.bernoulli, in_axes=(0, None))(gates, p)

    def mixed(real: Array, fake: Array) -> Array:
        chosen = taken.reshape(-1, *(1,) * (real.ndim - 1))
        return jnp.where(chosen, jax.lax.stop_gradient(fake), real)

    return jax.tree.map(mixed, x, pseudo)


def _check_shapes(real: PyTree, fake: PyTree):
    shapes = [jax.tree.map(jnp.shape, tree) for tree in (real, fake)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"batch has samples of shape {shapes[0]}, but the generator's are {shapes[1]}: pass "
            "samples shaped as those that jaxgan.init was given"
        )


def _two_passes(
    gan: GAN, weights: Weights, samples: tuple[PyTree, PyTree], keys: Keys, options: PassOptions
) -> tuple[DiscriminatorOutput, DiscriminatorOutput, PyTree]:
    """D(x), D(G(z)) and the model state after both."""
    real, fake = samples
    real_output, state = run_discriminator(gan, weights, real, keys.real, options)
    weights = weights._replace(model_state=state)
    fake_output, state = run_discriminator(gan, weights, fake, keys.fake, options)
    return real_output, fake_output, state


def _joint_pass(
    gan: GAN, weights: Weights, samples: tuple[PyTree, PyTree], keys: Keys, options: PassOptions
) -> tuple[DiscriminatorOutput, DiscriminatorOutput, PyTree]:
    """The same in one pass over real and fake samples."""

    # They alternate, so that a batch split over devices stays where it is.
    def alternate(real, fake):
        return jnp.stack([real, fake], axis=1).reshape(2 * len(real), *real.shape[1:])

    x, pass_keys = jax.tree.map(alternate, *samples), alternate(keys.real, keys.fake)
    condition = jax.tree.map(lambda c: alternate(c, c), options.condition)
    output, state = run_discriminator(
        gan, weights, x, pass_keys, options._replace(condition=condition)
    )
    real_output = jax.tree.map(lambda y: y[0::2], output)
    return real_output, jax.tree.map(lambda y: y[1::2], output), state


# --- What their terms may ask for


def _term_inputs(
    gan: GAN,
    players: Players,
    passes: Passes,
    sampled: Sampled,
    keys: Keys,
    options: PassOptions,
) -> TermInputs:
    """What a term may ask for."""

    def of_batch(rows: int, keys: Array, condition: PyTree) -> tuple[Array, PassOptions]:
        """Keys and options of a pass over other samples: the loss's own keys, on purpose."""
        if rows > len(keys):
            raise ValueError(f"a term may pass up to {len(keys)} samples at a time, got {rows}")
        if condition is None:
            condition = jax.tree.map(lambda c: c[:rows], options.condition)
        return jax.random.clone(keys)[:rows], options._replace(condition=condition)

    def generate(latents: PyTree, condition: PyTree = None) -> PyTree:
        own = of_batch(num_samples(latents), passes.fake.keys, condition)
        return run_generator(gan, players.generator, latents, *own)[0]

    def make_discriminate(pass_keys: Array) -> Callable[..., DiscriminatorOutput]:
        def discriminate(x: PyTree, condition: PyTree = None) -> DiscriminatorOutput:
            own = of_batch(num_samples(x), pass_keys, condition)
            return run_discriminator(gan, players.discriminator, x, *own)[0]

        return discriminate

    return TermInputs(
        key=keys.terms,
        step=sampled.step,
        index=sampled.indices,
        axis_name=options.axis_name,
        pack=gan.discriminator.pack,
        real=passes.real,
        fake=passes.fake.x,
        condition=sampled.batch.condition,
        latents=passes.fake.latents,
        drawn_latents=passes.fake.drawn_latents,
        real_output=passes.real_output,
        fake_output=passes.fake_output,
        real_logits=passes.real_logits,
        fake_logits=passes.fake_logits,
        discriminate=make_discriminate(keys.real),
        fake_discriminate=make_discriminate(keys.fake),
        generate=generate,
        params=Params(players.generator.params, players.discriminator.params),
    )
