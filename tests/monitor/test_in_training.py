"""What the monitor finds in real games that go wrong, and where it stays silent."""

import dataclasses
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from commands import succeed

import jaxgan
from jaxgan import latents, losses, monitor
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.regularizers import r1, r2
from jaxgan.runs.disk.log import metrics_rows
from jaxgan.term_inputs import penalty

NOTICED = 1000 + 2 * 200  # rounds: the transient and two windows
PLANTED = 1500


def game(**changes):
    """Small networks on points of two clusters, with penalties that keep the game healthy."""
    healthy = jaxgan.GAN(
        generator=jaxgan.from_linen(MLPGenerator((2,), (32,), output=None)),
        discriminator=jaxgan.from_linen(MLPDiscriminator((32,), dropout=0.0)),
        latent=latents.normal(2),
        loss=losses.relativistic,
        penalties=(penalty(r1, gamma=0.2), penalty(r2, gamma=0.2)),
        generator_optimizer=optax.adam(1e-3, b1=0.0, b2=0.9),
        discriminator_optimizer=optax.adam(1e-3, b1=0.0, b2=0.9),
    )
    return dataclasses.replace(healthy, **changes)


def points():
    chance = np.random.default_rng(0)
    centres = chance.choice([-2.0, 2.0], size=(1024, 1))
    return (centres * [1.0, 0.5] + chance.normal(0, 0.3, (1024, 2))).astype(np.float32)


def played(gan, steps, state=None, data=None):
    data = points() if data is None else data
    return jaxgan.fit(
        jax.random.key(0), gan, data, steps, plan=jaxgan.Plan(batch_size=64, devices=1), state=state
    )


@functools.cache
def healthy():
    """The state and the history of a game that goes well, up to the round of what is planted."""
    return played(game(), PLANTED)


def gone_on(gan, steps=1000):
    """The kinds and rounds of what is found if another game goes on from there."""
    state, before = healthy()
    params = state.generator.params
    generator = state.generator._replace(opt_state=gan.generator_optimizer.init(params))
    state = state._replace(generator=generator) if gan.generator_optimizer is STILL else state
    _, after = played(gan, steps, jax.tree.map(jnp.copy, state))
    history = {name: np.concatenate([before[name], after[name]]) for name in before}
    return {found.kind: found.round for found in monitor.alerts(history)}


def found_in(gan, steps=NOTICED, data=None):
    return {found.kind: found.round for found in monitor.alerts(played(gan, steps, data=data)[1])}


STILL = optax.sgd(0.0)
OTHERS = losses.hinge, losses.least_squares


@pytest.mark.slow
def test_a_game_that_goes_well_raises_no_warning():
    assert set(gone_on(game())) <= {"equilibrium"}


@pytest.mark.slow
def test_a_generator_that_gives_one_sample_alone_is_a_collapse():
    one = game(latent=lambda key, index: jnp.zeros((len(index), 2)), generator_optimizer=STILL)
    found = gone_on(one)
    assert PLANTED < found["collapse"] <= PLANTED + 2 * 200


@pytest.mark.slow
def test_a_generator_that_gives_one_sample_from_the_start_is_a_collapse():
    one = game(latent=lambda key, index: jnp.zeros((len(index), 2)))
    assert found_in(one)["collapse"] <= NOTICED


@pytest.mark.slow
def test_a_game_of_thresholds_that_goes_well_raises_no_warning():
    assert set(found_in(game(loss=losses.non_saturating), 3000)) <= {"equilibrium"}


@pytest.mark.slow
def test_samples_that_lie_closer_together_than_before_are_a_deterioration():
    def nearer(key, index):
        return 0.4 * latents.normal(2)(key, index)

    found = gone_on(game(latent=nearer, generator_optimizer=STILL))
    assert PLANTED < found["deterioration"] <= PLANTED + 2 * 200
    assert "collapse" not in found


@pytest.mark.parametrize(
    "loss",
    [losses.non_saturating, *(pytest.param(x, marks=pytest.mark.slow) for x in OTHERS)],
)
def test_a_discriminator_with_nobody_against_it_wins(loss):
    alone = game(loss=loss, penalties=(), generator_optimizer=STILL)
    far = points() + np.float32(6.0)
    assert found_in(alone, data=far)["discriminator-wins"] <= NOTICED


@pytest.mark.slow
def test_a_discriminator_that_learns_a_hundred_times_as_fast_wins():
    strong = game(
        loss=losses.minimax,
        penalties=(),
        generator_optimizer=optax.adam(1e-5),
        discriminator_optimizer=optax.adam(1e-3),
    )
    far = points() + np.float32(6.0)
    assert found_in(strong, data=far)["discriminator-wins"] <= NOTICED


@pytest.mark.parametrize(
    "loss", [losses.non_saturating, pytest.param(losses.relativistic, marks=pytest.mark.slow)]
)
def test_a_discriminator_that_does_not_learn_fails(loss):
    zero = optax.chain(optax.add_decayed_weights(1.0), optax.sgd(0.5))  # its weights vanish
    blind = game(loss=loss, penalties=(), discriminator_optimizer=zero)
    assert found_in(blind)["discriminator-fails"] <= NOTICED


def rows_of(recipe, steps, seed, out, *more):
    command = [
        "train",
        recipe,
        "--steps",
        steps,
        "--seed",
        seed,
        "--devices",
        1,
        "--out",
        out,
        *more,
    ]
    succeed(*command)
    events = out / "events.jsonl"
    lines = events.read_text().splitlines() if events.exists() else []
    return {json.loads(line)["kind"] for line in lines}, metrics_rows(out)


@pytest.mark.slow
def test_the_digits_recipe_raises_no_warning_as_it_begins(tmp_path):
    kinds, rows = rows_of("digits", 1400, 0, tmp_path / "r", "--batch-size", 16)
    assert not kinds & set(monitor.KINDS)
    assert len(rows) == 1400 // 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "steps", "seed"),
    [("digits", 20_000, 0), ("digits", 20_000, 1), ("spiral", 10_000, 0), ("dcgan", 3000, 0)],
)
def test_recipes_raise_no_warning(recipe, steps, seed, tmp_path):
    kinds, _ = rows_of(recipe, steps, seed, tmp_path / "r")
    assert kinds & set(monitor.KINDS) <= {"equilibrium"}
