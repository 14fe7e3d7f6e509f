"""Optimizers that adapt to the loss, and those that a step cannot use."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear import make_linear

import jaxgan
from jaxgan.training.keys import training_keys
from jaxgan.training.loop import fit
from jaxgan.training.plan import Plan

PLATEAU = {"factor": 0.5, "patience": 2, "accumulation_size": 2}


def with_plateau():
    return optax.chain(optax.sgd(0.05), optax.contrib.reduce_on_plateau(**PLATEAU))


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)


def scale_after(losses):
    """What optax itself makes of the losses of a player."""
    optimizer = optax.contrib.reduce_on_plateau(**PLATEAU)
    state = optimizer.init(jnp.zeros(1))
    for loss in losses:
        _, state = optimizer.update(jnp.zeros(1), state, value=jnp.float32(loss))
    return float(state.scale)


@pytest.mark.slow
def test_a_plateau_of_each_players_own_loss_reduces_its_rate(key, points):
    gan = make_linear(generator_optimizer=with_plateau(), discriminator_optimizer=with_plateau())
    state, history = fit(key, gan, points, 30, plan=Plan(batch_size=16, devices=1))
    for player in ("generator", "discriminator"):
        scale = float(getattr(state, player).opt_state[1].scale)
        assert scale == scale_after(history[f"{player}_loss"]) < 0.2


@pytest.mark.slow
def test_all_devices_and_micro_batches_see_one_loss(key, points, largest_difference):
    gan = make_linear(generator_optimizer=with_plateau(), discriminator_optimizer=with_plateau())
    plan = Plan(batch_size=32, accumulate=2, devices=1)
    one, history = fit(key, gan, points, 20, plan)
    many, _ = fit(key, gan, points, 20, plan._replace(devices=8, parallel="pmap"))
    assert largest_difference(one, many) < 1e-5
    scales = [float(state.generator.opt_state[1].scale) for state in (one, many)]
    assert scales[0] == scales[1] == scale_after(history["generator_loss"]) < 1.0


OPTIMIZERS = {
    "polyak": lambda: optax.polyak_sgd(max_learning_rate=0.1),
    "a chain with polyak": lambda: optax.chain(optax.clip(1.0), optax.polyak_sgd(0.1)),
    "momo": lambda: optax.contrib.momo(0.1),
    "many steps": lambda: optax.MultiSteps(optax.sgd(0.1), 2),
    "masked": lambda: optax.masked(with_plateau(), {"w": True}),
    "by schedule": lambda: optax.inject_hyperparams(optax.adam)(optax.linear_schedule(0.1, 0.0, 9)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_with_and_without_a_loss_move_both_players(key, points, name):
    gan = make_linear(
        generator_optimizer=OPTIMIZERS[name](), discriminator_optimizer=OPTIMIZERS[name]()
    )
    before = jaxgan.init(training_keys(key).init, gan, jnp.zeros((8, 2)))
    state, _ = fit(key, gan, points, 4, plan=Plan(batch_size=8, devices=1))
    for player in ("generator", "discriminator"):
        w, old = (getattr(each, player).params["w"] for each in (state, before))
        assert np.isfinite(w).all()
        assert not np.array_equal(w, old)


UNUSABLE = {
    "lbfgs": (optax.lbfgs(), "missing .*'value_fn'"),
    "lookahead": (optax.lookahead(optax.sgd(0.1), 5, 0.5), "has no attribute 'fast'"),
}


@pytest.mark.parametrize("name", UNUSABLE)
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_optimizers_that_need_more_than_a_step_has_are_refused(key, points, name, player):
    optimizer, reason = UNUSABLE[name]
    gan = make_linear(**{f"{player}_optimizer": optimizer})
    message = rf"{player}_optimizer cannot make an update \(.*{reason}.*\): a step passes .*lbfgs"
    with pytest.raises(ValueError, match=message):
        jaxgan.init(key, gan, jnp.zeros((8, 2)))
    with pytest.raises(ValueError, match=message):
        fit(key, gan, points, 1, plan=Plan(batch_size=8, devices=1))
