"""Every update rule on a real GAN: devices, members, resuming, guards, names."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_game import begin, small_options

import jaxgan
from jaxgan import Plan, games, latents, losses, parallel, regularizers, updates
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.runs.disk.generator import load_generator
from jaxgan.updates.named import RULES

NUMBERS = {"competitive": ":learning_rate=0.05,iterations=3", "unrolled": ":k=2",
           "lookahead": ":k=2,alpha=0.5", "anderson": ":rounds=2"}  # fmt: skip
NAMES = [name + NUMBERS.get(name, "") for name in RULES]
QUICK = [name for name in NAMES if name.partition(":")[0] == "optimistic"]
ALL = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
X = np.random.default_rng(0).normal(size=(16, 2)).astype(np.float32) + 1.0


def squares(fake):
    return jnp.mean(fake**2)


@pytest.fixture(scope="module")
def gan():
    return jaxgan.GAN(
        generator=jaxgan.from_linen(MLPGenerator((2,), (5,), output=None)),
        discriminator=jaxgan.from_linen(MLPDiscriminator((5,), dropout=0.2)),
        latent=latents.normal(2),
        loss=losses.minimax,
        penalties=(jaxgan.penalty(regularizers.r1, gamma=0.1, every=2),),
        generator_terms=(jaxgan.generator_term(squares, 0.1, every=2),),
        generator_optimizer=optax.sgd(0.05),
        discriminator_optimizer=optax.sgd(0.05),
        ema_decay=0.9,
    )


def started(gan, rule):
    return jax.jit(lambda key: jaxgan.init(key, gan, X, rule))(jax.random.key(0))


def played(step, state, rounds=3):
    for number in range(rounds):
        state, metrics = step(jax.random.key(number), state, X)
    return state, metrics


def assert_close(one, other, atol=2e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=atol), one, other)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_rule_plays_the_same_on_eight_devices_under_jit_and_pmap(gan, name):
    rule = updates.from_name(name)
    state = started(gan, rule)
    one, metrics = played(jax.jit(jaxgan.make_train_step(gan, rule)), state)
    assert int(one.step) == 3
    assert np.isfinite(metrics["discriminator_loss"])
    step = jaxgan.make_train_step(gan, rule, axis_name=parallel.AXIS)
    assert_close(played(parallel.pmap_step(step, 8), state), (one, metrics))
    over_mesh = parallel.jit_step(jaxgan.make_train_step(gan, rule), parallel.make_mesh(8))
    assert_close(played(over_mesh, state), (one, metrics))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_members_of_a_vmap_are_the_runs_by_themselves(gan, name):
    rule = updates.from_name(name)
    step = jaxgan.make_train_step(gan, rule)
    keys = jax.random.split(jax.random.key(0), 2)
    states = jax.jit(jax.vmap(lambda key: jaxgan.init(key, gan, X, rule)))(keys)
    both, _ = jax.jit(jax.vmap(step, in_axes=(None, 0, None)))(jax.random.key(5), states, X)
    second = jax.tree.map(lambda x: x[1], states)
    alone, _ = jax.jit(step)(jax.random.key(5), second, X)
    assert_close(jax.tree.map(lambda x: x[1], both), alone)


@pytest.mark.parametrize("name", ALL)
def test_training_resumes_to_the_bit_under_a_rule(gan, name):
    plan = Plan(batch_size=8, update=name, rounds_per_call=3, devices=1)
    key = jax.random.key(0)
    whole, _ = jaxgan.fit(key, gan, X, 6, plan)
    half, _ = jaxgan.fit(key, gan, X, 3, plan)
    again, _ = jaxgan.fit(key, gan, X, 3, plan, half)
    jax.tree.map(np.testing.assert_array_equal, again, whole)
    assert jax.tree.map(lambda x: x.dtype, again) == jax.tree.map(lambda x: x.dtype, half)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["extragradient", "consensus:weight=0.5"])
def test_accumulated_rounds_are_those_of_the_whole_batch(gan, name):
    plain = dataclasses.replace(
        gan,
        discriminator=jaxgan.from_linen(MLPDiscriminator((5,), dropout=0.0)),
        penalties=(),
        generator_terms=(),
    )
    rule = updates.from_name(name)
    state = started(plain, rule)
    whole, _ = jax.jit(jaxgan.make_train_step(plain, rule))(jax.random.key(0), state, X)
    step = jaxgan.make_train_step(plain, rule, accumulate=2)
    parts, _ = jax.jit(step)(jax.random.key(0), state, X)
    assert_close(parts, whole)


def test_unrolled_refuses_accumulation(gan):
    with pytest.raises(ValueError, match="use accumulate=1"):
        jaxgan.make_train_step(gan, updates.unrolled(2), accumulate=2)


@pytest.mark.slow
@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", ["lookahead:k=2", "optimistic"])
def test_a_discarded_round_leaves_nothing_in_the_memory_of_a_rule(gan, name):
    rule = updates.from_name(name)
    step = jax.jit(jaxgan.make_train_step(gan, rule, skip_nonfinite=True))
    state, _ = played(step, started(gan, rule), 1)
    after, metrics = step(jax.random.key(9), state, jnp.full_like(X, jnp.nan))
    assert metrics["discriminator_nonfinite"] == 1
    jax.tree.map(np.testing.assert_array_equal, after.update, state.update)
    jax.tree.map(np.testing.assert_array_equal, after.discriminator, state.discriminator)


@pytest.mark.slow
def test_extragradient_is_the_gradient_at_the_point_ahead(gan):
    """By hand, from the game at the batch: w - h v(w - h v(w))."""
    rule, key = updates.extragradient(), jax.random.key(4)
    state = started(gan, rule)
    game, start = games.at_batch(key, gan, state, X), updates.params_of(state)

    @jax.jit
    def by_hand(start):
        ahead = jax.tree.map(lambda w, v: w + 0.05 * v, start, games.vector_field(game, start))
        return jax.tree.map(lambda w, v: w + 0.05 * v, start, games.vector_field(game, ahead))

    new, _ = jax.jit(jaxgan.make_train_step(gan, rule))(jax.random.clone(key), state, X)
    assert_close(updates.params_of(new), by_hand(start), atol=1e-6)


def test_a_state_without_the_memory_of_its_rule_is_refused(gan):
    step = jaxgan.make_train_step(gan, updates.optimistic())
    with pytest.raises(ValueError, match=r"jaxgan\.init\(key, gan, batch, update\)"):
        step(jax.random.key(0), started(gan, updates.alternating()), X)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("extragradiant", "Did you mean 'extragradient'"),
        ("unrolled:n=3", "unrolled has no parameter 'n'"),
        ("unrolled:k=many", "k must be a number, got 'many'"),
        ("competitive", "write competitive:learning_rate=NUMBER"),
        ("lookahead:alpha=-1", "alpha must be a finite number, 0 or more"),
        ("lookahead:alpha=5", r"alpha must lie in \[0, 1\]"),
        ("anderson:damping=0", "damping must be positive"),
        ("runge_kutta:order=3", "order must be 2"),
    ],
)
def test_a_wrong_rule_is_named(name, message):
    with pytest.raises(ValueError, match=message):
        updates.from_name(name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"update": "extragradiant"}, "did you mean 'extragradient'"),
        ({"update": "extragradient", "n_critic": 5}, "does not go with n_critic=5"),
        ({"update": "extragradient", "alternation": "epochs"}, "cannot alternate in epochs"),
        ({"update": 5}, "must be a rule's name"),
        ({"update": updates.extragradient}, r"call it, extragradient\(\)"),
        ({"update": "alternating:n_critic=2"}, "does not go with n_critic=1"),
    ],
)
def test_a_plan_with_a_wrong_rule_is_refused(gan, changes, message):
    plan = Plan(batch_size=8)._replace(**changes)
    with pytest.raises(ValueError, match=message):
        jaxgan.fit(jax.random.key(0), gan, X, 1, plan)


@pytest.mark.slow
def test_a_rule_of_ones_own_trains(gan):
    """Consensus, written out as the documentation does."""

    def make_round(moves):
        def play(key, state, batch):
            point = updates.linearized(moves, key, state, batch)
            pull = point.transposed(point.value)
            v = jax.tree.map(lambda v, p: v + 0.5 * p, point.value, pull)
            return updates.apply_both(moves, state, updates.with_gradients(point.aux, v))

        return play

    plan = Plan(batch_size=8, devices=1, update=updates.Update(make_round))
    own, _ = jaxgan.fit(jax.random.key(0), gan, X, 3, plan)
    named, _ = jaxgan.fit(
        jax.random.key(0), gan, X, 3, plan._replace(update="consensus:weight=0.5")
    )
    assert_close(own, named)


@pytest.mark.slow
def test_extragradient_counts_what_is_non_finite_in_either_evaluation(gan):
    rule = updates.extragradient()
    step = jax.jit(jaxgan.make_train_step(gan, rule, skip_nonfinite=True))
    _, metrics = step(jax.random.key(0), started(gan, rule), jnp.full_like(X, jnp.nan))
    assert metrics["discriminator_nonfinite"] == 2


@pytest.mark.slow
def test_the_generator_of_a_run_by_a_rule_with_memory_is_loaded(small, tmp_path):
    begin(tmp_path / "run", plan=small_options().plan._replace(update="optimistic"))
    loaded = load_generator(tmp_path / "run")
    assert loaded.step == 12
