"""Training as one pure function of the numbers in a setting, for hyper-gradients."""

import math
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from jaxgan.checks import check_positive
from jaxgan.data import Dataset
from jaxgan.population.programs import MakeGAN, Score
from jaxgan.steps import init
from jaxgan.training.batches import Data, Form, as_data, resident_records
from jaxgan.training.keys import member_keys, training_keys
from jaxgan.training.plan import Plan, batches_per_round
from jaxgan.training.plan_checks import check_augmentation, check_plan
from jaxgan.training.programs import example_of, update_rule
from jaxgan.training.rounds import make_round
from jaxgan.training.state import init_input, run_state
from jaxgan.types import Array

Run = Callable[[Array, Mapping[str, Array | float]], Array]


def make_run(make_gan: MakeGAN, data: Data, rounds: int, score: Score, plan: Plan = Plan()) -> Run:
    """Training from the start, and the score at its end, as a differentiable function.

    `jax.grad(run, argnums=1)` is the derivative of the score with respect to every number in the
    setting, by reverse mode: the rounds are computed again in about sqrt(rounds) segments, so that
    memory grows with sqrt(rounds). `jax.jvp` and `jax.jacfwd` are forward mode, which needs no such
    memory and costs one more run per number. `jax.vmap` over keys averages out the noise.

    The derivative exists where each update is smooth in its gradient. SGD and RMSProp with a
    positive eps inside the square root are; plain Adam is not at a zero gradient, where it divides
    by sqrt(v) + eps: use `optax.adam(learning_rate, eps_root=1e-8)`. Leaky ReLU has kinks, which
    matter little; smooth activations have none. Derivatives through hundreds of rounds can explode,
    as those of any chaotic system.

    Args:
      make_gan: `make_gan(**numbers) -> GAN`; the numbers are traced scalars.
      data: data in memory, see `jaxgan.fit`. Unlike there, samples are drawn with replacement,
        inside the function.
      rounds: rounds of the game, not generator updates as in `jaxgan.fit`.
      score: `score(key, gan, state) -> scalar`, differentiable in the state.
      plan: how the GAN is trained, on one device.
    Returns:
      `run(key, numbers) -> score`, a float32 scalar; numbers is a dict.
    Raises:
      ValueError: if rounds is not positive, data are streamed, the plan alternates in epochs or
        does not fit the data. When called, if the augmentation does not fit the plan.
    Source: Maclaurin et al. 2015, https://arxiv.org/abs/1502.03492 (gradients through training);
      Griewank 1992, https://doi.org/10.1080/10556789208805505 (rematerialisation)
    """
    check_positive(rounds=rounds)
    dataset = as_data(data)
    check_plan(dataset, plan._replace(devices=1))
    if not isinstance(dataset, Dataset) or plan.alternation != "steps":
        raise ValueError('make_run needs data in memory, and a plan with alternation="steps"')
    form = Form(dataset.shape, dataset.low, dataset.high)
    records = resident_records(dataset, plan.conditional)
    example = init_input(dataset, plan._replace(devices=1))
    batches = batches_per_round(plan)
    shape = (plan.batch_size,) if batches == 1 else (batches, plan.batch_size)
    sizes: Array | int = dataset.size
    if dataset.sides:
        sizes, shape = jnp.asarray(dataset.sides), (*shape, len(dataset.sides))

    def run(key: Array, numbers: Mapping[str, Array | float]) -> Array:
        gan, keys = make_gan(**numbers), member_keys(key, 0)
        check_augmentation(gan.augmentation, dataset, plan)
        own = training_keys(keys.training)
        one_round = make_round(gan, "both", form, plan)

        def played(state, _):
            drawn = jax.random.fold_in(own.order, state.round)
            payload = jax.random.randint(drawn, shape, 0, sizes)
            return one_round((own.rounds, own.transforms), state, payload, records)[0], None

        first = init(own.init, gan, example_of(example), update_rule(plan))
        start = run_state(keys.training, first)
        return score(keys.score, gan, _rematerialised(played, start, rounds).gan)

    return run


def _rematerialised(body: Callable, state, rounds: int):
    """`lax.scan` whose backward pass keeps the states between segments only."""
    length = math.isqrt(rounds)
    segments, rest = divmod(rounds, length)

    @jax.checkpoint
    def segment(state, _):
        return jax.lax.scan(body, state, None, length=length)

    state, _ = jax.lax.scan(segment, state, None, length=segments)
    return jax.lax.scan(body, state, None, length=rest)[0]
