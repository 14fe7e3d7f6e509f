"""Schedules: their values, and that they reach what they are given to."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from networks import start

import jaxgan
from jaxgan import ema
from jaxgan.regularizers import lecam_penalty, r1
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.settings.options import Keep
from jaxgan.schedules import cosine, half_life_decay, value_at
from jaxgan.term_inputs import penalty

# ---- cosine ----


@pytest.mark.parametrize(("start", "end"), [(2.0, 0.2), (0.9, 0.99), (0.0, 500.0)])
def test_cosine_goes_half_a_wave_from_start_to_end_and_stays(start, end):
    got = [float(cosine(start, end, 90)(jnp.int32(t))) for t in (0, 30, 45, 60, 90, 91, 10**9)]
    # cos of 0, 60, 90, 120 and 180 degrees
    shares = np.array([1, 3 / 4, 1 / 2, 1 / 4, 0, 0, 0])
    np.testing.assert_allclose(got, end + (start - end) * shares, rtol=1e-6, atol=1e-5 * end)


def test_cosine_is_that_of_r3gans_training_loop():
    # There by images: base + (1 - decay) (final - base), decay = (1 + cos(pi t / T)) / 2; final
    # after T
    batch, total = 512, 2e7
    ours = cosine(2e-4, 5e-5, total / batch)
    for step in (0, 1, 1000, 20_000, 39_062, 39_063, 60_000):
        images = step * batch
        decay = 0.5 * (1 + np.cos(np.pi * images / total))
        theirs = 2e-4 + (1 - decay) * (5e-5 - 2e-4) if images <= total else 5e-5
        np.testing.assert_allclose(ours(step), theirs, rtol=1e-6)


@pytest.mark.slow
def test_cosine_falls_as_optaxs():
    ours, theirs = cosine(3.0, 0.6, 70), optax.cosine_decay_schedule(3.0, 70, alpha=0.2)
    steps = jnp.arange(100)
    np.testing.assert_allclose(ours(steps), theirs(steps), rtol=1e-5)


@pytest.mark.parametrize("steps", [0, -3, float("nan")])
def test_cosine_of_no_length_is_refused(steps):
    with pytest.raises(ValueError, match="steps must be positive"):
        cosine(1.0, 0.0, steps)


def test_value_at_takes_numbers_and_schedules():
    assert value_at(3.0, jnp.int32(7)) == 3.0
    assert value_at(lambda step: 2 * step, jnp.int32(7)) == 14


# ---- the average's decay ----


@pytest.mark.parametrize("half_life", [1, 10.0, 500.0])
def test_half_of_the_past_is_forgotten_in_a_half_life(half_life):
    average, decay = jnp.float32(1.0), half_life_decay(half_life)(0)
    for _ in range(int(half_life)):
        average = ema.moving_average(average, jnp.float32(0.0), decay)
    assert float(average) == pytest.approx(0.5, rel=1e-4)


def test_nothing_is_remembered_at_a_half_life_of_0():
    new = ema.moving_average(jnp.float32(3.0), jnp.float32(-1.0), half_life_decay(0.0)(5))
    assert new == -1.0


def test_decay_is_that_of_r3gans_training_loop():
    # There: .5^(batch / max(half-life in images, 1e-8)), the half-life growing as a cosine
    batch, total = 512, 2e7
    ours = half_life_decay(cosine(0.0, 5e6 / batch, total / batch))
    for step in (0, 1, 10, 100, 10_000, 50_000):
        images = min(step * batch, total)
        half_life = 5e6 * (1 - np.cos(np.pi * images / total)) / 2
        assert float(ours(jnp.int32(step))) == pytest.approx(
            0.5 ** (batch / max(half_life, 1e-8)), rel=1e-4, abs=1e-9
        )


@pytest.mark.parametrize("half_life", [-1.0, float("nan")])
def test_a_negative_half_life_is_refused(half_life):
    with pytest.raises(ValueError, match="half_life must not be negative"):
        half_life_decay(half_life)


# ---- in training ----


def test_gammas_schedule_is_halved_and_weights_are_not():
    gamma = cosine(4.0, 1.0, 2)
    assert float(penalty(r1, gamma=gamma).weight(0)) == 2.0
    assert penalty(r1, gamma).weight is gamma
    assert lecam_penalty(gamma).weight is gamma


def scheduled_adam():
    rate, b2 = cosine(1e-2, 1e-3, 3), cosine(0.5, 0.9, 3)
    return optax.inject_hyperparams(optax.adam)(rate, b1=0.0, b2=b2)


def test_rate_and_b2_of_adam_follow_their_schedules():
    rates, b2s = [1e-2, 7.75e-3, 3.25e-3, 1e-3, 1e-3], [0.5, 0.6, 0.8, 0.9, 0.9]
    gradients = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    optimizer = scheduled_adam()
    params = jnp.zeros(3)
    state = optimizer.init(params)
    square = np.zeros(3)
    for t, (g, rate, b2) in enumerate(zip(gradients, rates, b2s, strict=True)):
        update, state = optimizer.update(jnp.asarray(g), state, params)
        # v = b2 v + (1 - b2) g^2;  -rate g / (sqrt(v / (1 - b2^(t + 1))) + 1e-8), as in PyTorch
        square = b2 * square + (1 - b2) * g**2
        expected = -rate * g / (np.sqrt(square / (1 - b2 ** (t + 1))) + 1e-8)
        np.testing.assert_allclose(update, expected, rtol=1e-5)


@pytest.fixture(scope="module")
def trained():
    """A GAN on schedules, its states after 0, 1 and 2 steps, its step and how often it compiled."""
    gan = jaxgan.GAN(
        generator=jaxgan.from_linen(jaxgan.models.MLPGenerator((4, 4, 1), hidden=(4,))),
        discriminator=jaxgan.from_linen(jaxgan.models.MLPDiscriminator((4,), dropout=0.0)),
        latent=jaxgan.latents.normal(2),
        loss=jaxgan.losses.relativistic,
        penalties=(penalty(r1, gamma=cosine(1.0, 0.1, 3)),),
        generator_optimizer=scheduled_adam(),
        discriminator_optimizer=scheduled_adam(),
        ema_decay=half_life_decay(cosine(0.0, 2.0, 3)),
    )
    batch = jax.random.uniform(jax.random.key(1), (4, 4, 4, 1))
    traces = []

    @jax.jit
    def step(key, state, batch):
        traces.append(1)
        return jaxgan.make_train_step(gan)(key, state, batch)

    states = [start(jax.random.key(0), gan, batch)]
    for number in range(2):
        states.append(step(jax.random.key(number), states[-1], batch)[0])
    return gan, batch, states, step, traces


@pytest.mark.slow
def test_a_step_on_schedules_compiles_once(trained):
    *_, traces = trained
    assert len(traces) == 1


@pytest.mark.slow
def test_a_scheduled_weight_is_the_constant_of_the_moment(trained):
    gan, batch, (begin, *_), _, _ = trained

    @jax.jit
    def losses(state, constant):
        def metrics(gamma):
            own = dataclasses.replace(gan, penalties=(penalty(r1, gamma=gamma),))
            return jaxgan.make_discriminator_step(own)(jax.random.key(7), state, batch)[1]

        names = ("discriminator_loss", "discriminator_grad_norm")
        both = metrics(cosine(400.0, 100.0, 2)), metrics(constant)
        return [jnp.stack([each[name] for name in names]) for each in both]

    for step, gamma in ((0, 400.0), (1, 250.0), (2, 100.0), (7, 100.0)):
        state = begin._replace(step=jnp.int32(step))
        scheduled, constant = losses(state, gamma)
        np.testing.assert_allclose(scheduled, constant, rtol=1e-5)
        assert (jnp.abs(losses(state, gamma + 50)[1] / scheduled - 1) > 1e-3).all()


@pytest.mark.slow
def test_a_scheduled_average_follows_the_schedule(trained, largest_difference):
    _, _, (begin, one, two), _, _ = trained
    # half-lives 0 and, at 60 degrees, 2 (1 - cos) / 2 = .5: decays 0 and 2^-2
    assert largest_difference(one.ema.params, one.generator.params) < 1e-7
    expected = jax.tree.map(
        lambda old, new: 0.25 * old + 0.75 * new, one.ema.params, two.generator.params
    )
    assert largest_difference(two.ema.params, expected) < 1e-6
    assert largest_difference(two.ema.params, two.generator.params) > 1e-4
    assert largest_difference(begin.ema.params, one.ema.params) > 1e-4


@pytest.mark.slow
def test_both_players_count_their_own_updates_and_use_b2_of_the_moment(trained):
    _, _, states, _, _ = trained
    for player in (states[2].generator, states[2].discriminator):
        assert int(player.opt_state.count) == 2
        # of the last update, that at count 1: .9 - .4 (1 + cos 60 degrees) / 2
        assert float(player.opt_state.hyperparams["b2"]) == pytest.approx(0.6)
        assert float(player.opt_state.hyperparams["learning_rate"]) == pytest.approx(7.75e-3)


@pytest.mark.slow
def test_a_run_on_schedules_goes_on_from_a_checkpoint_as_if_nothing_had_been(trained, tmp_path):
    gan, batch, states, step, _ = trained
    with checkpoint.open_manager(tmp_path / "saved", Keep()) as manager:
        checkpoint.save(manager, 2, states[2])
    target = jax.eval_shape(lambda: start(jax.random.key(5), gan, batch))
    found = checkpoint.restore(tmp_path / "saved", 2, target)
    assert jax.tree.structure(found) == jax.tree.structure(states[2])
    one, other = (step(jax.random.key(2), state, batch)[0] for state in (found, states[2]))
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_a_decay_that_is_no_schedule_must_still_be_in_range(make_gan):
    gan = make_gan(ema_decay=half_life_decay(3.0))
    with pytest.raises(ValueError, match="ema_decay must lie in"):
        dataclasses.replace(gan, ema_decay=1.0)
