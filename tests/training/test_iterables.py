"""Batches from generators, data loaders and functions of the batch number."""

import functools
import itertools
import re
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from conditions import circles, conditional_gan
from linear import make_linear
from paths import ROOT

import jaxgan
from jaxgan import regularizers
from jaxgan.data import batch_indices
from jaxgan.training.keys import training_keys
from jaxgan.training.loop import fit, iterate
from jaxgan.training.plan import Plan
from jaxgan.training.state import init_run

SIZE = 40
ON_ONE = Plan(batch_size=8, devices=1, rounds_per_call=3)


@pytest.fixture(scope="module")
def gan():
    return make_linear()


@pytest.fixture(scope="module")
def conditional():
    return conditional_gan(hidden=4)


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).normal(size=(SIZE, 2)).astype(np.float32)


def order(key, num, first=0):
    """The samples of the batches of a training with this key, [num, batch]."""
    words = np.asarray(jax.random.key_data(training_keys(key).order)).tolist()
    return batch_indices(words, first, num, 8, SIZE)


class Tensor:
    """An array of another library, as PyTorch's are."""

    def __init__(self, x, error=None):
        self.x, self.error = x, error

    def __array__(self, dtype=None, copy=None):
        if self.error is not None:
            raise self.error
        return np.asarray(self.x, dtype)


class Loader:
    """Starts anew whenever it is iterated, as a data loader of PyTorch does."""

    def __init__(self, *batches):
        self.batches, self.starts = batches, 0

    def __iter__(self):
        self.starts += 1
        return iter(self.batches)


FORMS = {
    "arrays": lambda x: x,
    "doubles": lambda x: x.astype(np.float64),
    "arrays of jax": jnp.asarray,
    "tensors": Tensor,
    "tensors in a list": lambda x: [Tensor(x)],
    "pairs": lambda x: (x, np.arange(len(x))),
    "batches": jaxgan.Batch,
}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_generator_of_the_batches_of_an_array_ends_in_the_same_state(
    key, gan, points, form, largest_difference
):
    whole, history = fit(key, gan, points, 6, ON_ONE)
    batches = (FORMS[form](points[rows]) for rows in order(key, 6))
    state, own = fit(key, gan, batches, 6, ON_ONE)
    assert largest_difference(state, whole) < 1e-6
    assert set(own) == set(history)
    assert next(batches, None) is None  # not one more was asked for, and none was left out


@pytest.mark.parametrize(
    "changes",
    [
        {"n_critic": 3},
        pytest.param({"n_critic": 2, "n_generator": 2, "accumulate": 2}, marks=pytest.mark.slow),
        pytest.param({"parallel": "pmap", "devices": 2}, marks=pytest.mark.slow),
        pytest.param({"devices": 8, "n_critic": 2}, marks=pytest.mark.slow),
        pytest.param({"update": "simultaneous"}, marks=pytest.mark.slow),
    ],
)
def test_each_update_of_a_round_takes_its_own_batch(key, gan, points, changes, largest_difference):
    plan = ON_ONE._replace(rounds_per_call=1, **changes)
    whole, _ = fit(key, gan, points, 4, plan)
    taken = 4 // plan.n_generator * max(plan.n_critic, plan.n_generator)
    batches = iter([points[rows] for rows in order(key, taken)])
    state, _ = fit(key, gan, batches, 4, plan)
    assert largest_difference(state, whole) < 1e-6
    assert next(batches, None) is None


@pytest.mark.slow
def test_images_in_bytes_are_scaled_as_those_of_an_array(key, make_gan, largest_difference):
    images = np.random.default_rng(0).integers(0, 256, (SIZE, 4, 4), np.uint8)
    plan = ON_ONE._replace(model_range=(-1.0, 1.0), flip=True, rounds_per_call=1)
    gan = make_gan()
    whole, _ = fit(key, gan, images, 2, plan)
    state, _ = fit(key, gan, (images[rows] for rows in order(key, 2)), 2, plan)
    assert largest_difference(state, whole) < 1e-6
    with pytest.raises(ValueError, match=r"the generator\) range from 0 to 255: say what"):
        fit(key, gan, (images[rows] for rows in order(key, 2)), 2, ON_ONE)


# --- Where training continues


def test_a_function_of_the_number_resumes_to_the_bit(key, gan, points, largest_difference):
    numbers = []

    def batch(number):
        numbers.append(number)
        return points[np.random.default_rng(number).integers(SIZE, size=8)]

    start = init_run(key, gan, batch, ON_ONE)
    numbers.clear()
    states = [jax.device_get(each.state) for each in iterate(gan, batch, 9, ON_ONE, start)]
    assert numbers == [0, *range(9)]  # the first for its shapes
    numbers.clear()
    *_, last = iterate(gan, batch, 6, ON_ONE, jax.device_put(states[0]))
    assert numbers == [0, *range(3, 9)]
    assert largest_difference(last.state.gan, states[-1].gan) == 0.0
    assert largest_difference(states[0].gan, states[-1].gan) > 0.0


@pytest.mark.slow
def test_a_fit_from_a_state_asks_a_function_for_the_next_numbers(
    key, gan, points, largest_difference
):
    def batch(number):
        return points[np.random.default_rng(number).integers(SIZE, size=8)]

    plan = ON_ONE._replace(n_critic=2)
    whole, _ = fit(key, gan, batch, 6, plan)
    first, _ = fit(key, gan, batch, 3, plan)
    second, _ = fit(key, gan, batch, 3, plan, state=first)
    assert largest_difference(second, whole) == 0.0


def test_an_iterator_goes_on_where_it_stands(key, gan, points, largest_difference):
    whole, _ = fit(key, gan, points, 6, ON_ONE)
    batches = (points[rows] for rows in order(key, 6))
    first, _ = fit(key, gan, batches, 3, ON_ONE)
    second, _ = fit(key, gan, batches, 3, ON_ONE, state=first)
    assert largest_difference(second, whole) < 1e-6


def test_a_loader_starts_again_when_it_ends(key, gan, points, largest_difference):
    parts = [points[start : start + 8] for start in range(0, SIZE, 8)]
    whole, _ = fit(key, gan, itertools.cycle(parts), 12, ON_ONE)
    loader = Loader(*parts)
    state, _ = fit(key, gan, loader, 12, ON_ONE)
    assert largest_difference(state, whole) == 0.0
    assert loader.starts == 3


def test_a_generator_may_reuse_the_memory_of_its_batches(key, gan, points, largest_difference):
    def batches():
        x = np.empty((8, 2), np.float32)
        for rows in order(key, 6):
            x[:] = points[rows]
            yield x

    state, _ = fit(key, gan, batches(), 6, ON_ONE)
    assert largest_difference(state, fit(key, gan, points, 6, ON_ONE)[0]) < 1e-6


@pytest.mark.slow
def test_a_single_sample_is_a_batch(key, gan, points):
    plan = ON_ONE._replace(batch_size=1)
    _, history = fit(key, gan, (point[None] for point in points), 2, plan)
    assert np.isfinite(history["generator_loss"]).all()


# --- Conditions


@pytest.mark.slow
def test_conditions_of_any_kind_reach_the_players_with_their_samples(
    key, conditional, largest_difference
):
    rng = np.random.default_rng(0)
    condition = {
        "number": rng.uniform(size=SIZE),
        "pair": rng.normal(size=(SIZE, 2)).astype(np.float16),
        "image": rng.normal(size=(SIZE, 2, 3, 1)),
        "class": rng.integers(0, 3, SIZE, np.uint8),
    }
    x = rng.normal(size=(SIZE, 2))
    plan = ON_ONE._replace(conditional=True, rounds_per_call=1)
    whole, _ = fit(key, conditional, jaxgan.Batch(x, condition), 2, plan)

    def batches():
        for rows in order(key, 2):
            yield x[rows], jax.tree.map(lambda part, rows=rows: Tensor(part[rows]), condition)

    state, _ = fit(key, conditional, batches(), 2, plan)
    assert largest_difference(state, whole) < 1e-6


@pytest.mark.slow
def test_a_gan_conditioned_on_a_number_trains_from_an_iterator(key):
    gan = conditional_gan(
        hidden=32,
        penalties=(jaxgan.penalty(regularizers.r1, gamma=0.1),),
        generator_optimizer=optax.adam(4e-3, b1=0.0),
        discriminator_optimizer=optax.adam(4e-3, b1=0.0),
    )
    rng = np.random.default_rng(0)
    batches = (circles(64, rng) for _ in itertools.count())
    state, _ = fit(key, gan, batches, 400, Plan(batch_size=64, conditional=True, devices=1))
    for asked in (0.3, 0.9):
        x = jaxgan.sample(key, gan, state, 500, jnp.full(500, asked))
        assert abs(np.linalg.norm(np.asarray(x), axis=1).mean() - asked) < 0.1


# --- What cannot be trained on


def good(num=8, dtype=np.float32):
    return np.random.default_rng(num).normal(size=(num, 2)).astype(dtype)


LATER = {
    "smaller": (good(5), r"batch 1 of .*: x has shape \(5, 2\), .* \(8, 2\): leave out smaller"),
    "larger": (good(9), r"x has shape \(9, 2\), but that of the first batch has \(8, 2\)$"),
    "wider": (np.zeros((8, 3)), r"x has shape \(8, 3\), but that of the first batch"),
    "of integers": (np.zeros((8, 2), int), "x has dtype int64, but that of the first batch is flo"),
    "of bytes": (np.ones((8, 2), np.uint8), "x has dtype uint8, but that of the first"),
    "of texts": (np.full((8, 2), "a"), "x has dtype <U1, but that of the first batch is float32"),
    "with a condition": ((good(), np.arange(8)), "condition must be like that of the first batch"),
    "of three parts": ((good(), good(), good()), r"has 3 parts: yield x, or the pair \(x, cond"),
    "of no parts": ((), "has 0 parts"),
    "on a GPU": (
        Tensor(good(), TypeError("is on cuda:0")),
        r"\(is on cuda:0\): yield arrays in .*",
    ),
    "with a gradient": (Tensor(good(), RuntimeError("requires grad")), r"such as tensor\.detach"),
    "a dict": ({"image": good(), "label": good()}, "is a dict of 'image', 'label': yield pairs"),
}


@pytest.mark.parametrize("kind", LATER)
def test_batches_unlike_the_first_are_named(key, gan, kind):
    batch, message = LATER[kind]
    with pytest.raises(ValueError, match=message) as caught:
        fit(key, gan, iter([good(), batch]), 2, ON_ONE)
    assert str(caught.value).startswith("batch 1 of the list_iterator")


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            np.zeros((8, 3)),
            r"condition has shape \(8, 3\), but that of the first batch has \(8, 2\)",
        ),
        (
            np.zeros((8, 2), int),
            "condition has dtype int64, but that of the first batch is float32",
        ),
        ({"a": np.zeros((8, 2))}, "condition must be like that of the first batch"),
        (None, "condition must be like that of the first batch"),
    ],
)
def test_conditions_unlike_the_first_are_named(key, conditional, condition, message):
    batches = iter([(good(), good()), (good(), condition)])
    with pytest.raises(ValueError, match=message):
        fit(key, conditional, batches, 2, ON_ONE._replace(conditional=True))


def endless():
    while True:
        yield good()


FIRST = {
    "another size": (Loader(good(5)), {}, "the Loader has batches of 5 samples, but batch_size=8"),
    "one sample": (Loader(good()[0]), {}, "first batch of the Loader has shape .2,.: .* not"),
    "holes": (Loader(good() * np.nan), {}, "first batch of the Loader: sample 0 holds NaN"),
    "none": (Loader(), {}, "the Loader ended after 0 batches, and training needs more"),
    "no condition": (endless(), {"conditional": True}, "needs labels, but the generator has none"),
    "epochs": (endless(), {"alternation": "epochs"}, "the generator has none: pass arrays or Rec"),
    "not called": (endless, {}, r"data is a function of generators: call it, endless\(\)"),
    "a partial": (functools.partial(endless), {}, r"call it, the function\(\)"),
    "a function of one": (lambda number: good(5), {}, "the function has batches of 5 samples"),
    "a class": (Loader, {}, "got type: collect its samples in one array"),
}


@pytest.mark.parametrize("kind", FIRST)
def test_a_first_batch_that_does_not_suit_the_plan_is_named(key, gan, kind):
    data, changes, message = FIRST[kind]
    with pytest.raises(ValueError, match=message):
        fit(key, gan, data, 2, ON_ONE._replace(**changes))


def test_an_iterator_that_ends_early_says_so_after_what_it_gave(key, gan):
    start = init_run(key, gan, good(), ON_ONE)
    calls = iterate(gan, iter([good()] * 5), 9, ON_ONE, start)
    assert next(calls).step == 3
    with pytest.raises(ValueError, match=r"ended after 5 batches, .* \(while True: yield \.\.\.\)"):
        next(calls)


# --- A loop of one's own


def test_a_tracker_and_early_stopping_need_no_more_than_the_loop(key, gan):
    start = init_run(key, gan, good(), ON_ONE)
    tracked = []
    for progress in iterate(gan, endless(), 300, ON_ONE, start):
        metrics = jax.device_get(progress.metrics)
        tracked += zip(metrics["step"], metrics["generator_loss"], strict=True)
        if progress.step >= 12:
            break
    assert [step for step, _ in tracked] == list(range(1, 13))
    assert int(progress.state.gan.step) == 12  # still valid
    x = jaxgan.sample(key, gan, progress.state.gan, 2)
    assert np.isfinite(np.asarray(x)).all()


@pytest.mark.slow
def test_a_long_fit_on_an_iterator_leaves_no_batches_or_metrics_on_the_device(key, gan):
    alive = []
    plan = ON_ONE._replace(rounds_per_call=1)
    fit(key, gan, endless(), 260, plan, on_call=lambda _: alive.append(len(jax.live_arrays())))
    assert max(alive[100:]) <= max(alive[:100]) + 60


@pytest.mark.slow
def test_the_examples_of_the_documentation_run(key, gan, points, conditional):
    page = (ROOT / ".docs" / "python.md").read_text()
    of_pairs, of_numbers, tracked, stopped = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    logged = []
    names = {
        **{"np": np, "jax": jax, "jaxgan": jaxgan, "key": key, "score_key": jax.random.key(1)},
        **{"points": points, "images": points, "score": lambda x: 0.5},
        "tracker": types.SimpleNamespace(log=lambda row, step: logged.append((step, row))),
    }
    exec(of_pairs.replace("1_000", "2"), names | {"gan": conditional})
    names |= {"gan": gan, "plan": Plan(batch_size=64, devices=1, rounds_per_call=2)}
    exec(of_numbers.replace("500", "2"), names)
    names["plan"] = ON_ONE
    exec(tracked.replace("10_000", "6"), names)
    exec(stopped.replace("10_000", "90").replace("500", "16"), names)
    assert [step for step, _ in logged] == [3, 6]
    assert np.isfinite(logged[0][1]["generator_loss"])
    assert (names["since"], names["best"]) == (10, 0.5)
    assert names["progress"].step == 33  # of calls of three rounds, the first was the best
    assert int(names["best_state"].step) == 3
