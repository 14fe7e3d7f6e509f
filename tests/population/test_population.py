"""A member alone equals itself in the crowd; non-finite ones stop; settings are compared."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear import make_linear

import jaxgan
from jaxgan import Plan, fit_many, losses, population
from jaxgan.population import programs
from jaxgan.population.members import all_members, chunks, make_setup
from jaxgan.regularizers import r1
from jaxgan.training.batches import as_data
from jaxgan.training.keys import member_keys

PLAN = Plan(batch_size=8, devices=1)
POINTS = population.grid(gamma=[0.1, 1.0], rate=[0.01, 0.1, 1e30])
STEPS, SEEDS = 12, 3
DIVERGED = np.tile(np.repeat([False, False, True], SEEDS), 2)


def make_gan(gamma, rate):
    return make_linear(
        penalties=(jaxgan.penalty(r1, gamma=gamma),),
        generator_optimizer=optax.sgd(rate),
        discriminator_optimizer=optax.sgd(rate),
    )


def spread(key, gan, state):
    samples = jaxgan.sample(key, gan, state, 64)
    return {"mean": jnp.mean(samples), "std": jnp.std(samples)}


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def together(points):
    return fit_many(jax.random.key(0), make_gan, points, STEPS, POINTS, SEEDS, spread, PLAN)


def by_itself(points, table, row):
    """The state of a member that `fit` trains."""
    key = member_keys(jax.random.key(0), int(table["seed"][row])).training
    gan = make_gan(*(float(table[name][row]) for name in ("gamma", "rate")))
    return jaxgan.fit(key, gan, points, STEPS, PLAN)[0]


@pytest.mark.slow
def test_a_member_equals_a_fit_with_its_key_and_numbers(points, together, largest_difference):
    for row in (0, 13):
        state = by_itself(points, together.table, row)
        assert largest_difference(together.state(row), state) < 1e-5


def test_a_member_alone_equals_itself_in_the_crowd(points, together, largest_difference):
    one = population.grid(gamma=[1.0], rate=[0.1])
    alone = fit_many(jax.random.key(0), make_gan, points, STEPS, one, 1, spread, PLAN)
    assert largest_difference(alone.state(0), together.state(12)) < 1e-5
    assert alone.table["std"][0] == pytest.approx(together.table["std"][12], rel=1e-5)


@pytest.mark.slow
def test_one_after_the_other_a_member_is_the_same_to_the_bit(points, monkeypatch):
    monkeypatch.setattr(programs, "ON_CPU", ())
    crowd = fit_many(jax.random.key(0), make_gan, points, 3, POINTS, 1, spread, PLAN)
    one = {name: values[3:4] for name, values in POINTS.items()}
    alone = fit_many(jax.random.key(0), make_gan, points, 3, one, 1, spread, PLAN)
    jax.tree.map(np.testing.assert_array_equal, alone.state(0), crowd.state(3))
    assert alone.table["std"][0] == crowd.table["std"][3]


def test_nonfinite_members_stop_as_they_were_and_are_counted(together):
    table = together.table
    assert table["nonfinite"].tolist() == DIVERGED.astype(int).tolist()
    assert table["step"].tolist() == np.where(DIVERGED, table["step"], STEPS).tolist()
    assert (table["step"][DIVERGED] < STEPS).all()
    assert np.isnan(table["std"]).tolist() == DIVERGED.tolist()
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(together.states.generator.params))


@pytest.mark.slow
def test_members_over_two_devices_equal_those_on_one(points, together):
    plan = PLAN._replace(devices=2)
    split = fit_many(jax.random.key(0), make_gan, points, STEPS, POINTS, SEEDS, spread, plan)
    for name in together.table:
        np.testing.assert_allclose(split.table[name], together.table[name], rtol=1e-5)


def test_chunks_cover_all_members_in_programs_of_one_size(points):
    members = all_members(POINTS, 4)
    setup = make_setup(jax.random.key(0), make_gan, as_data(points), PLAN, None, members)
    parts = chunks(setup._replace(at_once=10), 24)
    assert {len(part) for part in parts} == {10}
    assert sorted(set(np.concatenate(parts).tolist())) == list(range(24))


@pytest.mark.slow
def test_chunks_do_not_change_the_table(points, together, monkeypatch):
    monkeypatch.setattr(programs, "ON_CPU", ((2**18, 5),))
    parts = fit_many(jax.random.key(0), make_gan, points, STEPS, POINTS, SEEDS, spread, PLAN)
    for name in together.table:
        np.testing.assert_allclose(parts.table[name], together.table[name], rtol=1e-5)


@pytest.mark.slow
def test_nonfinite_parameters_are_counted_without_a_score(points):
    def broken(rate):  # the parameters overflow in the last update, whose gradients are finite
        return make_linear(generator_optimizer=optax.chain(optax.sgd(rate), optax.scale(1e20)))

    two = population.grid(rate=[1e-22, 1e30])
    result = fit_many(jax.random.key(0), broken, points, 1, two, plan=PLAN)
    assert result.table["nonfinite"].tolist() == [0, 1]


@pytest.mark.slow
def test_skipped_updates_are_counted_and_members_go_on(points):
    one, plan = population.grid(gamma=[0.1], rate=[1e30]), PLAN._replace(nonfinite="skip")
    result = fit_many(jax.random.key(0), make_gan, points, 4, one, plan=plan)
    assert result.table["step"].tolist() == [4]
    assert result.table["nonfinite"][0] > 1


@pytest.mark.slow
def test_halving_trains_only_the_best_settings_to_the_end(points, together):
    halving = population.Halving(STEPS, at=(4,), keep=0.3, score="std", minimize=True)
    result = fit_many(jax.random.key(0), make_gan, points, halving, POINTS, SEEDS, spread, PLAN)
    went_on = result.table["step"] == STEPS
    assert went_on.sum() == 2 * SEEDS  # of six settings, the best 30% are two
    at_4 = fit_many(jax.random.key(0), make_gan, points, 4, POINTS, SEEDS, spread, PLAN)
    means = at_4.summary("std")["mean"]
    best = np.argsort(means)[:2]
    assert set(np.flatnonzero(went_on) // SEEDS) == set(best)
    assert result.summary("std")["n"].tolist().count(SEEDS) == 2  # dropped ones are not ranked
    # and those are what they would have been without the halving
    np.testing.assert_allclose(
        result.table["std"][went_on], together.table["std"][went_on], rtol=1e-5
    )


@pytest.mark.slow
def test_several_updates_per_round_equal_those_of_fit(points, largest_difference):
    plan, one = PLAN._replace(n_critic=2), population.grid(gamma=[0.5], rate=[0.05])
    result = fit_many(jax.random.key(1), make_gan, points, 5, one, plan=plan)
    key = member_keys(jax.random.key(1), 0).training
    state, _ = jaxgan.fit(key, make_gan(0.5, 0.05), points, 5, plan)
    assert largest_difference(result.state(0), state) < 1e-5


@pytest.mark.slow
def test_all_calls_use_one_program(points):
    times = []

    def counted(real_logits, fake_logits):
        times.append(1)
        return losses.non_saturating.generator(real_logits, fake_logits)

    loss = losses.non_saturating._replace(generator=counted)

    def counting_gan(rate):
        return make_linear(loss=loss, generator_optimizer=optax.sgd(rate))

    one, plan = population.grid(rate=[0.1, 0.2]), PLAN._replace(rounds_per_call=2)
    fit_many(jax.random.key(0), counting_gan, points, 2, one, plan=plan)
    traced = len(times)
    fit_many(jax.random.key(1), counting_gan, points, 6, one, 1, plan=plan)
    assert len(times) == traced


MISTAKES = {
    "unknown number": ({"points": population.grid(gama=[1.0], rate=[1.0])}, "Did you mean 'gamma'"),
    "no points": ({"points": {}}, "points must map at least one number"),
    "uneven points": ({"points": {"gamma": np.ones(2), "rate": np.ones(3)}}, "as many values"),
    "epochs": ({"plan": PLAN._replace(alternation="epochs")}, "alternation=steps"),
    "rollback": ({"plan": PLAN._replace(nonfinite="rollback")}, "nonfinite=stop or skip"),
    "seeds": ({"seeds": 0}, "seeds must be a positive int"),
    "halving without score": ({"steps": population.Halving(9, (3,)), "score": None}, "a score"),
    "halving after the end": ({"steps": population.Halving(9, (9,))}, "ascend between 0"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_refused_before_anything_is_trained(points, name):
    changes, message = MISTAKES[name]
    given = {"steps": 2, "points": POINTS, "seeds": 1, "score": spread, "plan": PLAN} | changes
    with pytest.raises(ValueError, match=message):
        fit_many(jax.random.key(0), make_gan, points, **given)
