"""What is compiled for a GAN, kept so that the next call with the same parts uses it again.

A GAN's functions are taken to be pure: global variables that they read are read once.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from jaxgan.caching import cached
from jaxgan.parallel.global_batch import sample_index, sample_keys
from jaxgan.players import PassOptions, generate, prepared_batch, run_discriminator
from jaxgan.steps import init
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


def forward_bytes(gan: GAN, example_batch: InitInput) -> int:
    """The size of everything that both networks' forward pass computes."""
    results = [x.aval for each in forward_pass(gan, example_batch).eqns for x in each.outvars]
    return sum(x.size * x.dtype.itemsize for x in results)
