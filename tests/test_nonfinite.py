"""Losses and gradients that are not finite: noticed in any turn, named, and discarded whole."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import bits
from networks import BatchNormDiscriminator, start

import jaxgan
from jaxgan import losses, nonfinite, parallel, regularizers
from jaxgan.nonfinite import NonFiniteError
from jaxgan.types import Network
from jaxgan.updates import alternating, simultaneous

MARK = 7.0  # a pixel that no sample has


def marked(x):
    return jnp.any(x == MARK)


def nan_where_marked(x):
    return jnp.where(marked(x), jnp.nan, 0.0)


PLANTED_PENALTY = jaxgan.penalty(lambda real: nan_where_marked(real), 1.0, name="planted")
PLANTED_TERM = jaxgan.generator_term(lambda real: nan_where_marked(real), 1.0, name="planted_term")


def mark(batch, place=5):
    return batch.at[(*(0,) * (batch.ndim - 4), place, 1, 2, 0)].set(MARK)


def scalar_discriminator(function):
    """A network with parameters `a` and `b`, whose logits are a function of them and of x."""

    def init(key, x):
        return {"a": jnp.float32(0.25), "b": jnp.float32(0.0)}, {}

    def apply(params, model_state, x, *, keys, train, axis_name=None):
        return function(params, x.reshape(len(x), -1).mean(axis=1)), model_state

    return Network(init, apply)


def scalar_generator():
    """A network with one parameter, that gives images of one grey each."""

    def init(key, z):
        return {"w": jnp.float32(0.5)}, {}

    def apply(params, model_state, z, *, keys, train, axis_name=None):
        grey = params["w"] * z.mean(axis=1)
        return jnp.broadcast_to(grey[:, None, None, None], (len(z), 4, 4, 1)), model_state

    return Network(init, apply)


@pytest.fixture
def planted(make_gan):
    """A GAN whose players' losses are NaN where a batch is marked, and that compiles fast."""
    return make_gan(
        generator=scalar_generator(),
        discriminator=scalar_discriminator(lambda p, x: p["a"] * x + p["b"]),
        penalties=(PLANTED_PENALTY,),
        generator_terms=(PLANTED_TERM,),
        ema_decay=None,
    )


@pytest.fixture(scope="module")
def full_gan(make_gan):
    """A GAN in which there is something of everything that a turn changes."""
    return make_gan(
        discriminator=jaxgan.from_linen(BatchNormDiscriminator()),
        generator_optimizer=optax.adam(1e-2),
        discriminator_optimizer=optax.adam(1e-2),
        penalties=(regularizers.lecam_penalty(0.1), PLANTED_PENALTY),
        generator_terms=(PLANTED_TERM,),
        ema_decay=0.9,
    )


# --- What is noticed


def test_finite_turns_are_finite_and_have_the_norm_of_their_gradient():
    grads = {"a": jnp.asarray([3.0, 0.0]), "b": jnp.asarray(-4.0)}
    metrics = nonfinite.gradient_metrics("generator", jnp.asarray(1.0), grads)
    assert {name: float(value) for name, value in metrics.items()} == {
        "generator_grad_norm": 5.0,
        "generator_nonfinite": 0.0,
        "generator_tensor": 0.0,
    }


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2e19])
@pytest.mark.parametrize(("place", "tensor"), [("a", 2), ("b", 3)])
def test_one_number_of_one_gradient_is_enough(place, tensor, value):
    grads = {"a": jnp.ones((2, 3)), "b": jnp.ones(4)}
    grads[place] = grads[place].ravel().at[1].set(value).reshape(grads[place].shape)
    metrics = nonfinite.gradient_metrics("discriminator", jnp.asarray(1.0), grads)
    assert int(metrics["discriminator_nonfinite"]) == 1
    assert int(metrics["discriminator_tensor"]) == tensor


def test_the_loss_comes_before_the_gradients_and_bfloat16_is_looked_at_too():
    grads = {"a": jnp.asarray([np.nan])}
    metrics = nonfinite.gradient_metrics("generator", jnp.asarray(np.inf, jnp.bfloat16), grads)
    assert (int(metrics["generator_nonfinite"]), int(metrics["generator_tensor"])) == (1, 1)


@pytest.mark.slow
def test_a_loss_alone_is_noticed_in_the_players_turn(key, batch, planted):
    state = start(key, planted, batch)
    _, metrics = jax.jit(jaxgan.make_train_step(planted))(key, state, mark(batch))
    assert not np.isfinite(metrics["discriminator_loss"])
    assert np.isfinite(metrics["discriminator_grad_norm"])  # a constant NaN has a gradient of 0
    assert {name: int(metrics[name]) for name in nonfinite.COUNTS} == dict.fromkeys(
        nonfinite.COUNTS, 1
    )
    _, metrics = jax.jit(jaxgan.make_train_step(planted))(key, state, batch)
    assert {name: int(metrics[name]) for name in nonfinite.COUNTS} == dict.fromkeys(
        nonfinite.COUNTS, 0
    )


@pytest.mark.parametrize(
    ("function", "tensor"),
    [
        (lambda p, x: p["a"] * x + jnp.sqrt(p["b"]), "gradient of b"),  # infinite at 0
        (lambda p, x: p["a"] * x * 1e21 + p["b"], "gradient of a"),  # finite, but its square is not
    ],
)
def test_a_gradient_alone_is_noticed_and_named(key, batch, make_gan, function, tensor):
    gan = make_gan(
        generator=scalar_generator(),
        discriminator=scalar_discriminator(function),
        loss=losses.non_saturating,
    )
    state = start(key, gan, batch)
    _, metrics = jax.jit(jaxgan.make_discriminator_step(gan))(key, state, batch)
    assert np.isfinite(metrics["discriminator_loss"])
    metrics |= {"round": jnp.asarray(4), "step": jnp.asarray(3)}
    (incident,) = nonfinite.nonfinite_updates(metrics, state)
    assert incident == (4, 3, "discriminator", tensor, 1)


@pytest.mark.slow
def test_a_turn_before_the_last_is_counted_and_its_tensor_kept(key, batch, planted):
    turns = jnp.stack([batch] * 2)
    state = start(key, planted, batch)
    step = jax.jit(jaxgan.make_train_step(planted, alternating(n_critic=2), skip_nonfinite=True))
    after, metrics = step(key, state, mark(turns))  # in the first of them only
    assert int(metrics["discriminator_nonfinite"]) == 1
    assert int(metrics["discriminator_tensor"]) == 1
    assert int(metrics["generator_nonfinite"]) == 0
    assert int(nonfinite.count(metrics)) == 1
    assert np.isfinite(metrics["discriminator_loss"])  # the last turn's
    keys = jax.random.split(key, 3)
    state, _ = jax.jit(jaxgan.make_discriminator_step(planted))(keys[1], state, batch)
    state, _ = jax.jit(jaxgan.make_generator_step(planted))(keys[2], state, batch)
    for mine, other in zip(jax.tree.leaves(after), jax.tree.leaves(state), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_all_turns_are_counted(key, batch, planted):
    turns = mark(mark(jnp.stack([batch] * 2)).at[1, 3, 0, 0, 0].set(MARK))
    state = start(key, planted, batch)
    _, metrics = jax.jit(jaxgan.make_train_step(planted, alternating(n_critic=2)))(
        key, state, turns
    )
    assert int(metrics["discriminator_nonfinite"]) == 2
    assert int(nonfinite.count(metrics)) == 3  # the generator sees the last batch


# --- What is discarded


def test_a_skipped_turn_leaves_every_bit(key, batch, full_gan):
    before, accumulate = start(key, full_gan, batch), 2
    step = jax.jit(jaxgan.make_discriminator_step(full_gan, None, accumulate, skip_nonfinite=True))
    after, metrics = step(key, before, mark(batch))
    assert bits(after) == bits(before)
    assert int(metrics["discriminator_nonfinite"]) == 1
    moved, _ = step(key, before, batch)
    for name in ("params", "model_state", "opt_state"):
        own = [getattr(state.discriminator, name) for state in (moved, before)]
        assert bits(own[0]) != bits(own[1])
    assert bits(moved.discriminator.terms) != bits(before.discriminator.terms)
    step = jax.jit(jaxgan.make_generator_step(full_gan, None, accumulate, skip_nonfinite=True))
    after, metrics = step(key, before, mark(batch))
    assert int(after.step) == 1  # it counts as a step all the same
    assert bits(after._replace(step=before.step)) == bits(before)
    moved, _ = step(key, before, batch)
    assert bits(moved.ema) != bits(before.ema)
    assert bits(moved.generator.opt_state) != bits(before.generator.opt_state)


def test_without_skipping_the_update_is_made(key, batch, make_gan):
    discriminator = scalar_discriminator(lambda p, x: p["a"] * x + jnp.sqrt(p["b"]))
    gan = make_gan(generator=scalar_generator(), discriminator=discriminator)
    before = start(key, gan, batch)
    after, _ = jax.jit(jaxgan.make_discriminator_step(gan))(key, before, batch)
    assert not np.isfinite(after.discriminator.params["b"])


def test_simultaneous_players_are_skipped_one_by_one(key, batch, make_gan):
    gan = make_gan(
        generator=scalar_generator(),
        discriminator=scalar_discriminator(lambda p, x: p["a"] * x + p["b"]),
        penalties=(PLANTED_PENALTY,),
    )
    before = start(key, gan, batch)
    step = jax.jit(jaxgan.make_train_step(gan, simultaneous(), skip_nonfinite=True))
    after, metrics = step(key, before, mark(batch))
    assert (int(metrics["discriminator_nonfinite"]), int(metrics["generator_nonfinite"])) == (1, 0)
    assert bits(after.discriminator) == bits(before.discriminator)
    assert bits(after.generator.params) != bits(before.generator.params)


@pytest.mark.parametrize("wrapper", [pytest.param("jit", marks=pytest.mark.slow), "pmap"])
def test_one_device_of_four_is_enough_and_all_skip(key, batch, full_gan, wrapper):
    before = start(key, full_gan, batch)
    if wrapper == "pmap":
        made = jaxgan.make_discriminator_step(full_gan, parallel.AXIS, 1, skip_nonfinite=True)
        step = parallel.pmap_step(made, 4)
    else:
        made = jaxgan.make_discriminator_step(full_gan, None, 1, skip_nonfinite=True)
        step = parallel.jit_step(made, parallel.make_mesh(4))
    after, metrics = step(key, before, mark(batch, place=9))  # the third device's
    assert int(metrics["discriminator_nonfinite"]) == 1
    assert bits(after) == bits(before)


# --- What is said


def history(full_gan, key, batch):
    rounds = np.arange(11, 14)
    zeros = np.zeros(3, np.int32)
    metrics = {"round": rounds, "step": rounds - 1}
    metrics |= dict.fromkeys(nonfinite.COUNTS, zeros)
    return metrics, jax.eval_shape(lambda: jaxgan.init(key, full_gan, batch))


def test_incidents_name_round_step_player_and_tensor_in_order(key, batch, full_gan):
    metrics, state = history(full_gan, key, batch)
    assert nonfinite.nonfinite_updates(metrics, state) == []
    metrics["generator_nonfinite"] = np.array([0, 1, 0])
    metrics["generator_tensor"] = np.array([0, 1, 0])
    metrics["discriminator_nonfinite"] = np.array([0, 0, 2])
    metrics["discriminator_tensor"] = np.array([0, 0, 4])
    first, second = nonfinite.nonfinite_updates(metrics, state)
    assert first == (12, 11, "generator", "loss", 1)
    found = jax.tree_util.tree_leaves_with_path(state.discriminator.params)
    path = jax.tree_util.keystr(found[2][0], simple=True, separator="/")
    assert second == (13, 12, "discriminator", f"gradient of {path}", 2)
    assert str(second) == f"non-finite discriminator gradient of {path} at step 12 (round 13)"


@pytest.mark.parametrize("policy", ["stop", "rollback", "skip"])
def test_only_skipping_goes_on(key, batch, full_gan, policy):
    metrics, state = history(full_gan, key, batch)
    nonfinite.raise_if_nonfinite(metrics, state, policy)
    metrics["generator_nonfinite"] = metrics["generator_tensor"] = np.array([0, 1, 1])
    if policy == "skip":
        nonfinite.raise_if_nonfinite(metrics, state, policy)
        return
    message = r"non-finite generator loss at step 11 \(round 12\)"
    with pytest.raises(NonFiniteError, match=message) as caught:
        nonfinite.raise_if_nonfinite(metrics, state, policy)
    assert caught.value.nonfinite.round == 12


def test_a_state_that_is_not_finite_is_named(key, batch, full_gan):
    state = start(key, full_gan, batch)
    nonfinite.check_finite_state(state, 5)
    kernel = state.generator.params["Dense_0"]["kernel"].at[0, 1].set(jnp.inf)
    params = state.generator.params | {"Dense_0": {"kernel": kernel}}
    bad = state._replace(generator=state.generator._replace(params=params))
    message = r"generator parameter Dense_0/kernel at step 0 \(round 5\)"
    with pytest.raises(NonFiniteError, match=message):
        nonfinite.check_finite_state(bad, 5)
    statistics = jax.tree.map(lambda x: x.at[0].set(jnp.nan), state.discriminator.model_state)
    bad = state._replace(discriminator=state.discriminator._replace(model_state=statistics))
    with pytest.raises(NonFiniteError, match="discriminator statistic batch_stats/"):
        nonfinite.check_finite_state(bad, 5)
