"""What is compiled for a GAN, kept so that the next call with the same parts uses it again.

A GAN's functions are taken to be pure: global variables that they read are read once.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn

from jaxgan.caching import cached
from jaxgan.parallel.global_batch import sample_index, sample_keys
from jaxgan.players import PassOptions, generate, prepared_batch, run_discriminator
from jaxgan.steps import init, make_train_step
from jaxgan.training.plan import Plan
from jaxgan.types import GAN, Array, Batch, GANState, PyTree
from jaxgan.updates import Update, alternating, from_name


def update_rule(plan: Plan) -> Update:
    """The update rule of a plan; the same object for the same rule, as caches need."""
    plain = _alternating(plan.n_critic, plan.n_generator, plan.first)
    if plan.update == "alternating":
        return plain
    return from_name(plan.update, plain) if isinstance(plan.update, str) else plan.update


_alternating = functools.cache(alternating)


@dataclasses.dataclass(frozen=True)
class InitInput:
    """A batch of zeros to start networks with, as a key: its shape, and its condition in bytes."""

    shape: tuple[int, ...]
    facts: tuple
    condition: PyTree = dataclasses.field(compare=False)


def init_input_of(batch: Batch) -> InitInput:
    """The example_batch of a batch, whose samples [batch, ...] are taken for zeros."""
    leaves, structure = jax.tree.flatten(batch.condition)
    # Of labels the values count too: networks refuse those out of range.
    facts = tuple(
        (x.shape, x.dtype.name, x.tobytes() if np.issubdtype(x.dtype, np.integer) else b"")
        for x in map(np.asarray, leaves)
    )
    return InitInput(batch.x.shape, (structure, facts), batch.condition)


def example_of(example_batch: InitInput) -> Batch:
    """The batch of zeros that initializes networks."""
    # The condition is no tracer: networks see known labels, and refuse those out of range.
    return Batch(jnp.zeros(example_batch.shape, jnp.float32), example_batch.condition)


@cached
def compiled_init(
    gan: GAN, example_batch: InitInput, update: Update
) -> Callable[[Array], GANState]:
    """`jaxgan.init` on a batch, as a compiled function of the key."""
    return jax.jit(lambda key: init(key, gan, example_of(example_batch), update))


def state_like(gan: GAN, example_batch: InitInput, update: Update) -> GANState:
    """Shapes and dtypes of a GAN's state; nothing is computed."""
    return jax.eval_shape(compiled_init(gan, example_batch, update), jax.random.key(0))


def has_discriminator(gan: GAN, example_batch: InitInput) -> bool:
    """Whether the discriminator has parameters to train."""
    state = state_like(gan, example_batch, alternating())
    return bool(jax.tree.leaves(state.discriminator.params))


@cached
def forward_pass(gan: GAN, example_batch: InitInput) -> ClosedJaxpr:
    """Both networks' forward pass on a batch, traced but not compiled."""

    def forward(key: Array, state: GANState) -> tuple[Array, Array]:  # a step takes far longer
        batch = prepared_batch(gan, example_of(example_batch))
        index = sample_index(len(batch.x))
        keys = sample_keys(key, index)
        options = PassOptions(batch.condition, train=True)
        x = generate(key, gan, state.generator, index, options).x
        output, _ = run_discriminator(gan, state.discriminator, x, keys, options)
        return x, output.logits

    return jax.make_jaxpr(forward)(jax.random.key(0), state_like(gan, example_batch, alternating()))


@cached
def has_convolutions(gan: GAN, example_batch: InitInput) -> bool:
    """Whether the networks convolve; XLA wants such steps compiled in another way on CPU."""
    return "conv_general_dilated" in str(forward_pass(gan, example_batch))


@cached
def step_program(gan: GAN, example_batch: InitInput) -> ClosedJaxpr:
    """A step of alternating updates on a batch, traced but not compiled."""
    state = state_like(gan, example_batch, alternating())
    step = make_train_step(gan)
    return jax.make_jaxpr(step)(jax.random.key(0), state, example_of(example_batch))


def convolves_well_in_loops(gan: GAN, example_batch: InitInput) -> bool:
    """Whether XLA's loops on CPU compute all convolutions of a step as fast as outside of them.

    They do if the axes have the usual order, as in `jaxgan.models.layers.conv` and its derivatives.
    The kernel gradients of other convolutions, as of `flax.linen.Conv`, would take up to a hundred
    times as long.
    """
    return all(map(_has_usual_axes, _convolutions(step_program(gan, example_batch).jaxpr)))


def _convolutions(jaxpr: Jaxpr) -> Iterator[JaxprEqn]:
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            yield equation
        parts = [getattr(x, "jaxpr", x) for x in jax.tree.leaves(list(equation.params.values()))]
        for inner in parts:
            if isinstance(inner, Jaxpr):
                yield from _convolutions(inner)


def _has_usual_axes(convolution: JaxprEqn) -> bool:
    """Whether it is of samples [batch, *size, channels], without groups or zeros in between."""
    of, (x, kernel, y) = convolution.params, convolution.params["dimension_numbers"]
    size = range(1, len(x) - 1)
    usual = (0, len(x) - 1, *size), (len(x) - 1, len(x) - 2, *(i - 1 for i in size))
    groups = of["feature_group_count"], of["batch_group_count"]
    return (x, kernel) == usual and y == x and {*groups, *of["lhs_dilation"]} == {1}


def forward_bytes(gan: GAN, example_batch: InitInput) -> int:
    """The size of everything that both networks' forward pass computes."""
    results = [x.aval for each in forward_pass(gan, example_batch).eqns for x in each.outvars]
    return sum(x.size * x.dtype.itemsize for x in results)
