"""One fit after another: compiled once, metrics on the host, and a look at each call."""

import dataclasses
import functools
import gc
import weakref

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear import make_linear

import jaxgan
from jaxgan import caching, latents, losses
from jaxgan.data import Records, from_arrays
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.models.layers import Conv
from jaxgan.training import loop, rounds
from jaxgan.training.batches import Form
from jaxgan.training.loop import fit
from jaxgan.training.plan import Plan
from jaxgan.training.programs import has_convolutions
from jaxgan.training.state import init_input

ON_ONE = Plan(batch_size=8, devices=1)


@pytest.fixture(scope="module")
def times():
    """Grows by one whenever the generator's loss of the GAN here is traced."""
    return []


@pytest.fixture(scope="module")
def gan(times):
    """One for all tests here, so that what is compiled for one serves the others."""

    def counted(real_logits, fake_logits):
        times.append(1)
        return losses.non_saturating.generator(real_logits, fake_logits)

    return make_linear(loss=losses.non_saturating._replace(generator=counted))


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)


PLANS = {
    "plain": {"devices": 1},
    "pmap": {"devices": 2, "parallel": "pmap"},
    "epochs": {"devices": 1, "alternation": "epochs"},
    "bfloat16": {"devices": 1, "precision": "bfloat16"},
}


@pytest.mark.slow
@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", PLANS)
def test_a_fit_from_a_state_compiles_nothing(key, points, gan, times, name, largest_difference):
    plan = Plan(batch_size=8, **PLANS[name])
    first, _ = fit(key, gan, points, 2, plan)
    fit(key, gan, points, 2, plan, state=first)
    traced, compiled = len(times), []
    listen = functools.partial(_note_compiled, compiled)
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        second, _ = fit(key, gan, points, 2, plan, state=first)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert (len(times), compiled) == (traced, [])
    if name == "plain":
        whole, _ = fit(key, gan, points, 4, plan._replace(rounds_per_call=2))
        assert largest_difference(second, whole) == 0.0
        assert len(times) == traced


def _note_compiled(found, event, seconds, **others):
    if event.endswith("backend_compile_duration"):
        found.append(event)


@pytest.mark.slow
def test_a_stream_goes_on_from_a_state_without_compiling(
    key, points, gan, times, largest_difference
):
    records = Records(
        lambda number: (points[number], None),
        *(40, (2,), np.dtype(np.float32), None, None, None, "points"),
    )
    state, _ = fit(key, gan, records, 2, ON_ONE)
    traced = len(times)
    streamed, _ = fit(key, gan, records, 2, ON_ONE, state=state)
    assert len(times) == traced
    resident, _ = fit(key, gan, points, 2, ON_ONE, state=state)
    assert largest_difference(streamed, resident) == 0.0


def test_programs_differ_where_anything_of_them_does(gan):
    plan, form = Plan(batch_size=8, devices=1), Form((2,), None, None)
    program = rounds.compiled_rounds(gan, "both", form, plan, False)
    assert rounds.compiled_rounds(gan, "both", form, plan._replace(), False) is program
    others = [
        (make_linear(), "both", form, plan, False),
        (dataclasses.replace(gan, ema_decay=0.5), "both", form, plan, False),
        (gan, "generator", form, plan, False),
        (gan, "both", form._replace(shape=(3,)), plan, False),
        (gan, "both", form._replace(low=0.0, high=255.0), plan, False),
        (gan, "both", form, plan, True),
        *((gan, "both", form, plan._replace(**change), False) for change in CHANGES),
    ]
    assert program not in [rounds.compiled_rounds(*other) for other in others]


CHANGES = (
    {"n_critic": 2},
    {"accumulate": 2},
    {"model_range": (0.0, 1.0)},
    {"nonfinite": "skip"},
    {"precision": "bfloat16"},
    {"first": "generator"},
    {"parallel": "pmap"},
    {"devices": 2},
)


@pytest.mark.parametrize(("layer", "most"), [("own", 4), ("flax", 1), ("none", 100)])
def test_loops_on_cpu_hold_only_convolutions_that_are_fast_in_them(layer, most):
    layers = {
        "own": lambda: Conv(2, 3),
        "flax": lambda: nn.Conv(2, (3, 3)),
        "none": lambda: nn.relu,
    }

    class Discriminator(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(1)(layers[layer]()(x).reshape(len(x), -1))[:, 0]

    gan = make_linear(
        generator=jaxgan.from_linen(MLPGenerator((4, 4, 1), (8,))),
        discriminator=jaxgan.from_linen(Discriminator()),
    )
    dataset = from_arrays(np.zeros((8, 4, 4, 1), np.float32))
    convolves = has_convolutions(gan, init_input(dataset, ON_ONE))
    assert rounds.most_rounds(gan, dataset, ON_ONE, convolves) == most


def test_programs_that_were_not_used_for_long_are_dropped():
    made = caching.cached(lambda number: object())
    first = made(0)
    assert made(0) is first
    for number in range(1, caching.MAX_RESULTS + 1):
        made(number)
    assert made(0) is not first
    assert made([0]) is not made([0])  # cannot be hashed


@pytest.mark.slow
def test_kept_programs_hold_no_data(key, points, gan):
    own = dataclasses.replace(gan, ema_decay=0.5)
    data = points.copy()
    held = weakref.ref(data)
    fit(key, own, data, 2, ON_ONE)
    del data
    gc.collect()
    assert held() is None


def test_a_labelled_gan_is_started_within_jit_too(key, make_gan):
    gan = make_gan(
        generator=jaxgan.from_linen(MLPGenerator((2,), (4,), num_classes=3)),
        discriminator=jaxgan.from_linen(MLPDiscriminator((4,), num_classes=3)),
    )
    data = jaxgan.Batch(np.zeros((6, 2)), np.arange(6) % 3)
    plan = ON_ONE._replace(conditional=True)
    within = jax.eval_shape(lambda key: jaxgan.init_run(key, gan, data, plan), key)
    begun = jaxgan.init_run(key, gan, data, plan)
    assert jax.tree.map(jnp.shape, within) == jax.tree.map(jnp.shape, begun)


@pytest.mark.slow
def test_a_gan_with_arrays_among_its_parts_trains_too(key, points):
    gan = make_linear(ema_decay=jnp.float32(0.5), penalties=[])
    state, _ = fit(key, gan, points, 1, ON_ONE)
    assert int(state.step) == 1


def test_metrics_leave_the_device_in_blocks(key, points, gan, monkeypatch):
    monkeypatch.setattr(loop, "CALLS_PER_BLOCK", 4, raising=False)
    iterate, alive = loop.iterate, []

    def watched(*arguments):
        for progress in iterate(*arguments):
            yield progress
            alive.append(len(jax.live_arrays()))

    monkeypatch.setattr(loop, "iterate", watched)
    _, history = fit(key, gan, points, 40, ON_ONE._replace(rounds_per_call=1))
    assert max(alive) - alive[0] <= 6 * len(history)
    np.testing.assert_array_equal(history["step"], np.arange(1, 41))
    assert np.isfinite(history["generator_loss"]).all()


@pytest.mark.slow
def test_blocks_do_not_change_the_history(key, points, gan, monkeypatch):
    histories = []
    for calls in (2, 100):
        monkeypatch.setattr(loop, "CALLS_PER_BLOCK", calls)
        plan = ON_ONE._replace(alternation="epochs", rounds_per_call=2)
        histories.append(fit(key, gan, points, 10, plan)[1])
    assert list(histories[0]) == list(histories[1])
    for name, values in histories[0].items():
        np.testing.assert_array_equal(values, histories[1][name])
        assert values.dtype == histories[1][name].dtype


@pytest.mark.slow
def test_a_hook_sees_each_call_and_changes_nothing(key, points, gan, largest_difference):
    seen = []

    def look(progress):
        drawn = jaxgan.sample(key, gan, progress.state.gan, 2)
        seen.append((progress.step, len(progress.metrics["step"]), drawn.shape))
        return True  # ignored, as what a progress bar's update returns is

    plan = ON_ONE._replace(rounds_per_call=2)
    hooked, _ = fit(key, gan, points, 5, plan, on_call=look)
    assert seen == [(step, length, (2, 2)) for step, length in ((2, 2), (4, 2), (5, 1))]
    plain, _ = fit(key, gan, points, 5, plan)
    assert largest_difference(hooked, plain) == 0.0


def test_an_error_in_a_hook_ends_the_fit(key, points, gan):
    def fail(progress):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fit(key, gan, points, 2, ON_ONE, on_call=fail)


# --- States that do not fit


def test_states_of_other_kinds_are_named(key, points, gan):
    plan = ON_ONE
    begun = jaxgan.init_run(key, gan, points, plan)
    with pytest.raises(
        ValueError, match=r"state must be a GANState, got RunState: pass state\.gan"
    ):
        fit(key, gan, points, 1, ON_ONE, state=begun)
    with pytest.raises(ValueError, match=r"got tuple: fit returns \(state, history\)"):
        fit(key, gan, points, 1, ON_ONE, state=(begun.gan, {}))
    with pytest.raises(ValueError, match="state must be a RunState, got GANState: make one with"):
        next(jaxgan.iterate(gan, points, 1, plan, begun.gan))


OTHERS = {
    "a matrix": (
        {"latent": latents.normal(4)},
        r"generator/params/w is float32\[4, 2\], this GAN has float32\[3, 2\]",
    ),
    "an optimizer": (
        {"discriminator_optimizer": optax.adam(1e-3)},
        r"discriminator/opt_state/0/count is int32\[\], this GAN has missing",
    ),
    "an average": (
        {"ema_decay": None},
        r"ema/params/w is missing, this GAN has float32\[3, 2\]",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_state_of_another_gan_is_refused(key, points, gan, name):
    change, message = OTHERS[name]
    plan = ON_ONE
    other = jaxgan.init_run(key, make_linear(**change), points, plan)
    with pytest.raises(ValueError, match=f"state belongs to another GAN: {message}"):
        fit(key, gan, points, 1, ON_ONE, state=other.gan)
    with pytest.raises(ValueError, match="state belongs to another GAN"):
        next(jaxgan.iterate(gan, points, 1, plan, other))


def test_a_state_on_the_host_is_fine(key, points, gan):
    state, _ = fit(key, gan, points, 2, ON_ONE)
    state, _ = fit(key, gan, points, 2, ON_ONE, state=jax.device_get(state))
    assert int(state.step) == 4
