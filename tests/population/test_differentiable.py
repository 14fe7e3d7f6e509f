"""Derivatives of a score after training, against differences and against each other."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear import make_linear

import jaxgan
from jaxgan import Plan
from jaxgan.regularizers import r1

ROUNDS = 11  # not a square: some rounds are left over after the segments
NUMBERS = {"gamma": 1.0, "rate": 0.05}
OPTIMIZERS = {
    "sgd": optax.sgd,
    "adam": lambda rate: optax.adam(rate, b1=0.5, eps_root=1e-4),
}


def score(key, gan, state):
    return jnp.mean(jaxgan.sample(key, gan, state, 64) ** 2)


def run_with(optimizer):
    def make_gan(gamma, rate):
        return make_linear(
            penalties=(jaxgan.penalty(r1, gamma=gamma),),
            generator_optimizer=optimizer(rate),
            discriminator_optimizer=optimizer(rate),
        )

    points = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    return jaxgan.make_run(make_gan, points, ROUNDS, score, Plan(batch_size=16))


@pytest.mark.slow
@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_reverse_mode_equals_central_differences(key, name):
    run = run_with(OPTIMIZERS[name])
    value_and_grad = jax.jit(jax.value_and_grad(run, argnums=1))
    _, reverse = value_and_grad(key, NUMBERS)
    for number, at in NUMBERS.items():
        # Fourth order, since float32 needs wide steps.
        h = 0.04 * at
        around = [value_and_grad(key, NUMBERS | {number: at + k * h})[0] for k in (-2, -1, 1, 2)]
        slope = np.dot([1, -8, 8, -1], np.array(around, float)) / (12 * h)
        assert float(reverse[number]) == pytest.approx(slope, rel=1e-3)


@pytest.mark.slow
def test_forward_mode_equals_reverse_mode(key):
    run, ones = run_with(optax.sgd), dict.fromkeys(NUMBERS, 1.0)
    reverse = jax.jit(jax.grad(run, argnums=1))(key, NUMBERS)
    forward = jax.jit(lambda numbers: jax.jvp(lambda n: run(key, n), (numbers,), (ones,))[1])
    assert float(forward(NUMBERS)) == pytest.approx(float(sum(reverse.values())), rel=1e-4)


def test_a_run_plays_all_of_its_rounds(key):
    points = np.ones((8, 2), np.float32)
    run = jaxgan.make_run(
        lambda rate: make_linear(), points, ROUNDS, lambda key, gan, state: state.step, Plan(8)
    )
    assert int(jax.jit(run)(key, {"rate": 0.1})) == ROUNDS


IMAGES = np.arange(128, dtype=np.uint8).reshape(8, 4, 4, 1)
MISTAKES = {
    "another update": (Plan(batch_size=8, update=3), {}, "update must be"),
    "images without a range": (Plan(batch_size=8), {"x": IMAGES}, "range"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_plan_that_does_not_fit_is_refused(name):
    plan, given, message = MISTAKES[name]
    with pytest.raises(ValueError, match=message):
        jaxgan.make_run(make_linear, given.get("x", np.ones((8, 2))), 3, score, plan)


def test_an_augmentation_for_another_range_is_refused(key):
    plan = Plan(batch_size=8, model_range=(0.0, 1.0))
    gan = make_linear(augmentation=jaxgan.augment.diffaugment())
    run = jaxgan.make_run(lambda rate: gan, IMAGES, 3, score, plan)
    with pytest.raises(ValueError, match="the augmentation is for samples in"):
        run(key, {"rate": 0.1})
    with pytest.raises(ValueError, match="the augmentation is for samples in"):
        jaxgan.fit_many(key, lambda rate: gan, IMAGES, 3, {"rate": np.ones(1)}, plan=plan)


def test_epochs_are_refused():
    with pytest.raises(ValueError, match='alternation="steps"'):
        jaxgan.make_run(
            make_linear, np.ones((8, 2)), 3, score, Plan(batch_size=8, alternation="epochs")
        )
