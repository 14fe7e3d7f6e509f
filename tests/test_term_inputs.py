"""Terms of both players: what they are given, weights that change, states, and laziness."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import losses, parallel
from jaxgan.models import MLPDiscriminator
from jaxgan.term_inputs import NAMES, TermState, generator_term, penalty
from jaxgan.types import DiscriminatorOutput, Params
from jaxgan.updates import alternating, simultaneous

ATTACH = {"penalties": penalty, "generator_terms": generator_term}
PREFIX = {"penalties": "penalty", "generator_terms": "term"}
BOTH = pytest.mark.parametrize("field", ATTACH)


def attached(make_gan, field, function, weight=1.0, **options):
    return make_gan(**{field: (ATTACH[field](function, weight, name="t", **options),)})


def trained(gan, batch, number, make_step=jaxgan.make_train_step, **options):
    """States and metrics of some steps, the first state first."""
    state = jaxgan.init(jax.random.key(0), gan, batch)
    step = jax.jit(make_step(gan, **options))
    states, metrics = [state], []
    for i in range(number):
        state, own = step(jax.random.key(i), state, batch)
        states.append(state)
        metrics.append(own)
    return states, metrics


# ---- what a term is given ----


@pytest.mark.slow
@BOTH
def test_a_term_of_either_player_is_given_all_that_it_may_ask_for(make_gan, batch, field):
    seen = {}

    def looks(
        key,
        step,
        index,
        axis_name,
        pack,
        real,
        fake,
        condition,
        latents,
        drawn_latents,
        real_output,
        fake_output,
        real_logits,
        fake_logits,
        discriminate,
        fake_discriminate,
        generate,
        params,
        state,
        critic,
        fake_critic,
    ):
        given = dict(locals())
        seen.update({name: given[name] for name in NAMES})
        generated = generate(latents)
        pairs = {
            "generate": (generated, fake),
            "critic": (critic(real), real_logits),
            "fake_critic": (fake_critic(fake), fake_logits),
            "discriminate": (discriminate(real).logits, real_output.logits),
            "fake_discriminate": (fake_discriminate(fake).logits, fake_output.logits),
        }
        return sum(jnp.max(jnp.abs(a - b)) for a, b in pairs.values()) + 0.0 * state

    state = TermState(lambda: jnp.float32(1.0), lambda state: state + 1)
    gan = attached(make_gan, field, looks, state=state)
    assert set(inspect.signature(looks).parameters) == set(NAMES)
    _, metrics = trained(gan, batch, 1)
    assert set(seen) == set(NAMES)
    # the functions are those of the loss itself: they give what the loss has computed
    assert float(metrics[0][f"{PREFIX[field]}_t"]) < 1e-6
    assert isinstance(seen["params"], Params)
    assert isinstance(seen["real_output"], DiscriminatorOutput)
    assert seen["latents"].shape == (16, 5)


@pytest.mark.slow
def test_a_term_of_generated_samples_alone_sees_them_as_the_loss_does(make_gan, batch):
    dropping = jaxgan.from_linen(MLPDiscriminator(hidden=(12,), dropout=0.5))

    def apart(critic, fake, fake_logits):
        return jnp.max(jnp.abs(critic(fake) - fake_logits))

    def mixed(critic, real, fake, fake_logits):
        return jnp.max(jnp.abs(critic(fake) - fake_logits))

    gan = make_gan(discriminator=dropping, penalties=(penalty(apart, 0.0), penalty(mixed, 0.0)))
    _, metrics = trained(gan, batch, 1)
    assert float(metrics[0]["penalty_apart"]) == 0.0
    assert float(metrics[0]["penalty_mixed"]) > 0.01  # the masks of the real samples


@pytest.mark.slow
def test_a_generators_term_is_differentiated_through_the_samples_it_generates(make_gan, batch):
    # The loss is the term alone, E G(z)^2 / 2 at the batch's own latents: a step by SGD of 0.1.
    def half_square(generate, latents):
        return jnp.mean(generate(latents[:4]) ** 2) / 2

    gan = attached(make_gan, "generator_terms", half_square)
    gan = jaxgan.GAN(**{**vars(gan), "loss": losses.without_generator(gan.loss)})
    states, _ = trained(gan, batch, 1, jaxgan.make_generator_step)
    latent_key = jax.random.split(jax.random.split(jax.random.key(0), 3)[0])[0]
    z = gan.latent(latent_key, jnp.arange(16))[:4]

    def value(params):
        keys = jax.random.split(jax.random.key(0), 4)
        x, _ = gan.generator.apply(params, {}, z, keys=keys, train=True)
        return jnp.mean(x**2) / 2

    before = states[0].generator.params
    wanted = jax.tree.map(lambda p, g: p - 0.1 * g, before, jax.grad(value)(before))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7),
        states[1].generator.params,
        wanted,
    )


@pytest.mark.slow
def test_weights_can_be_regularised(make_gan, batch):
    # An L2 term of weight w on the generator's parameters adds w p to their gradients.
    def half_norm(params):
        return optax.tree.norm(params.generator, squared=True) / 2

    plain, decayed = (
        trained(gan, batch, 1, jaxgan.make_generator_step)[0]
        for gan in (make_gan(), attached(make_gan, "generator_terms", half_norm, 0.5))
    )
    jax.tree.map(
        lambda p, a, b: np.testing.assert_allclose(b, a - 0.1 * 0.5 * p, atol=1e-6),
        plain[0].generator.params,
        plain[1].generator.params,
        decayed[1].generator.params,
    )


def test_too_many_samples_for_a_term_are_named(make_gan, batch):
    def doubles(critic, real):
        return jnp.mean(critic(jnp.concatenate([real, real])))

    with pytest.raises(ValueError, match="a term may pass up to 16 samples at a time, got 32"):
        trained(attached(make_gan, "penalties", doubles), batch, 1)


# ---- weights that change, and states ----


@pytest.mark.slow
@pytest.mark.one_quick_case
@BOTH
def test_the_weight_may_follow_a_schedule(make_gan, batch, field):
    def one(params):
        return jnp.float32(1.0)

    name = "discriminator_loss" if field == "penalties" else "generator_loss"
    gan = attached(make_gan, field, one, lambda step: 10.0 * step)
    _, metrics = trained(gan, batch, 3)
    _, plain = trained(make_gan(), batch, 3)
    added = [float(a[name] - b[name]) for a, b in zip(metrics, plain, strict=True)]
    np.testing.assert_allclose(added, [0.0, 10.0, 20.0], atol=1e-5)


@pytest.mark.one_quick_case
@BOTH
@pytest.mark.parametrize("update", [alternating(), simultaneous()])
def test_a_term_may_keep_a_state(make_gan, batch, field, update):
    # its update is given by name what it asks for: here the step, to be added up
    kept = TermState(lambda: jnp.float32(5.0), lambda state, step: state + step + 1.0)
    gan = attached(make_gan, field, lambda state: state, 0.0, state=kept)
    states, metrics = trained(gan, batch, 3, update=update)
    player = "discriminator" if field == "penalties" else "generator"
    ended = [float(getattr(state, player).terms["t"]) for state in states]
    assert ended == [5.0, 6.0, 8.0, 11.0]
    assert [float(own[f"{PREFIX[field]}_t"]) for own in metrics] == [5.0, 6.0, 8.0]


# ---- lazy terms ----


@pytest.mark.one_quick_case
@BOTH
def test_a_lazy_term_is_computed_in_every_third_update_and_counts_three_times(
    make_gan, batch, field
):
    def step_and_one(step):
        return step + 1.0

    name = "discriminator_loss" if field == "penalties" else "generator_loss"
    gan = attached(make_gan, field, step_and_one, 0.5, every=3)
    _, metrics = trained(gan, batch, 7)
    _, plain = trained(make_gan(), batch, 7)
    added = [float(a[name] - b[name]) for a, b in zip(metrics, plain, strict=True)]
    np.testing.assert_allclose(added, [1.5, 0, 0, 6.0, 0, 0, 10.5], atol=1e-5)
    # between two updates that compute it, the metric is the last value
    shown = [float(own[f"{PREFIX[field]}_t"]) for own in metrics]
    assert shown == [1.0, 1.0, 1.0, 4.0, 4.0, 4.0, 7.0]


@pytest.mark.slow
def test_lazy_updates_are_counted_per_player(make_gan, batch):
    turns = jnp.stack([batch, batch])
    gan = make_gan(
        penalties=(penalty(lambda real: jnp.float32(1.0), 0.0, every=2, name="d"),),
        generator_terms=(generator_term(lambda fake: jnp.float32(1.0), 0.0, every=2, name="g"),),
    )
    state = jaxgan.init(jax.random.key(0), gan, batch)
    step = jax.jit(jaxgan.make_train_step(gan, alternating(n_critic=2)))
    for i in range(3):
        state, _ = step(jax.random.key(i), state, turns)
    assert int(state.discriminator.terms["d"].updates) == 6
    assert int(state.generator.terms["g"].updates) == 3


@pytest.mark.slow
def test_a_lazy_term_moves_what_a_step_with_its_weight_times_n_moves(make_gan, batch):
    lazy = make_gan(penalties=(penalty(jaxgan.regularizers.r1, gamma=1.0, every=4),))
    eager = make_gan(penalties=(penalty(jaxgan.regularizers.r1, gamma=4.0),))
    ends = [trained(gan, batch, 1, jaxgan.make_discriminator_step)[0][1] for gan in (lazy, eager)]
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7),
        *(end.discriminator.params for end in ends),
    )


@pytest.mark.slow
def test_micro_batches_count_as_one_update(make_gan, batch):
    gan = attached(make_gan, "penalties", jaxgan.regularizers.r1, every=2)
    states, _ = trained(gan, batch, 2, jaxgan.make_discriminator_step, accumulate=4)
    assert [int(state.discriminator.terms["t"].updates) for state in states] == [0, 1, 2]


@pytest.mark.slow
def test_a_skipped_update_does_not_count(make_gan, batch):
    def bad_at_first(step):
        return jnp.where(step == 0, jnp.nan, 1.0)

    gan = attached(make_gan, "generator_terms", bad_at_first, every=2)
    states, metrics = trained(gan, batch, 2, jaxgan.make_generator_step, skip_nonfinite=True)
    assert [int(state.generator.terms["t"].updates) for state in states] == [0, 0, 1]
    assert float(metrics[1]["term_t"]) == 1.0


@pytest.mark.slow
def test_lazy_terms_over_eight_devices_are_those_of_one(make_gan, batch):
    gan = make_gan(penalties=(penalty(jaxgan.regularizers.gradient_penalty, 10.0, every=2),))
    state = jaxgan.init(jax.random.key(0), gan, batch)
    one = jax.jit(jaxgan.make_train_step(gan))
    step = jaxgan.make_train_step(gan, axis_name=parallel.AXIS)
    many = parallel.pmap_step(step, 8)
    a = b = state
    for i in range(3):
        a, _ = one(jax.random.key(i), a, batch)
        b, _ = many(jax.random.key(i), b, batch)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=2e-5, atol=2e-6), a, b)


@pytest.mark.parametrize("attach", [penalty, generator_term])
def test_every_must_be_a_positive_int(attach):
    with pytest.raises(ValueError, match="every must be a positive int, got 0"):
        attach(lambda fake: jnp.mean(fake), 1.0, every=0)


@pytest.mark.parametrize("attach", [penalty, generator_term])
def test_a_parameter_that_no_term_is_given_is_named(attach):
    with pytest.raises(ValueError, match="has a parameter 'speed', which no term is given"):
        attach(lambda fake, speed: jnp.mean(fake), 1.0)
