"""Checks, made once by `jaxgan.init`, that networks, data, loss and penalties fit each other."""

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.augment.apply import augmented, init_augmentation
from jaxgan.caching import cached
from jaxgan.critics import mean_over_patches
from jaxgan.parallel.global_batch import num_samples, sample_index, sample_keys
from jaxgan.players import (
    PassOptions,
    as_output,
    generate,
    inputs,
    run_discriminator,
    run_real,
    shown_example,
)
from jaxgan.term_inputs import TermInputs
from jaxgan.types import (
    GAN,
    Array,
    Batch,
    DiscriminatorOutput,
    GANState,
    Network,
    Params,
    PyTree,
    Term,
)

_PROBED = 4  # logits: with two, batch norm leaves next to no gradient
_REARRANGEMENTS = frozenset(
    (
        *("reshape", "squeeze", "transpose", "broadcast_in_dim", "slice"),
        *("convert_element_type", "copy"),
    )
)


def check_players(gan: GAN, state: GANState, batch: Batch):
    """Raises a ValueError if networks, data, loss and penalties do not fit each other.

    Only shapes are computed. For gradient penalties there is a small pass through the
    discriminator too, which shows whether its samples see each other.
    """
    _warn_of_latents(gan)
    traced = jax.make_jaxpr(functools.partial(_outputs, gan), return_shape=True)
    jaxpr, (logits, fake, output) = traced(jax.random.key(0), state, batch)
    count = num_samples(batch.x)
    batch = batch._replace(x=shown_example(gan, state.generator, batch))
    _check_samples(fake, batch.x)
    _check_logits(gan, logits, count)
    if gan.joint_pass and jax.tree.leaves(state.discriminator.model_state):
        raise ValueError(
            "joint_pass needs a discriminator without a model state (batch statistics)"
        )
    if _made_by(jaxpr.jaxpr, jaxpr.jaxpr.outvars[0]) == "logistic":
        _refuse_sigmoid(gan)
    _check_penalties(gan, state, batch, output)


def _refuse_sigmoid(gan: GAN):
    """Raises an error if the loss certainly takes logits, else warns."""
    said = "discriminator ends in a sigmoid, and the losses take logits: return its input instead"
    if gan.loss.probability:
        raise ValueError(f"{said} (logits, no sigmoid)")
    warnings.warn(f"{said}, unless values in [0, 1] are meant (logits, no sigmoid)", stacklevel=4)


def _outputs(gan: GAN, key: Array, state: GANState, batch: Batch):
    """The logits on real samples, samples of the generator, and the discriminator's output."""
    seen = augmented(gan, init_augmentation(gan), state.step)
    index = sample_index(num_samples(batch.x))
    options = PassOptions(batch.condition, train=True)
    fake = generate(key, gan, state.generator, index, options).x
    keys = sample_keys(key, index)
    x, _ = run_real(gan, state.generator, batch.x, keys, options)
    output, _ = run_discriminator(seen, state.discriminator, x, keys, options)
    return output.logits, fake, output


def _warn_of_latents(gan: GAN):
    """Warns if random latents do not depend on the index of their sample."""
    jaxpr = jax.make_jaxpr(gan.latent)(jax.random.key(0), sample_index(2)).jaxpr
    used = [any(x is y for each in jaxpr.eqns for y in each.invars) for x in jaxpr.invars]
    if used == [True, False]:
        warnings.warn(
            "latent draws from its key alone, not from the global index of each sample, so all "
            "devices would draw the same latents: fold the index into the key, as jaxgan.latents "
            "do",
            stacklevel=4,
        )


def _check_floating(name: str, x: Any, advice: str):
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(f"{name} must be floating, got {x.dtype}: {advice}")


def _check_samples(fake: PyTree, real: PyTree):
    structures: tuple[Any, Any] = (jax.tree.structure(fake), jax.tree.structure(real))
    if structures[0] != structures[1]:
        plain = hasattr(real, "shape")
        kind = "one array [batch, ...]" if plain else f"a tree {structures[1]}"
        raise ValueError(
            f"generator must return its samples as the data are, {kind}, got "
            f"{type(fake).__name__}: return {'the array alone' if plain else 'such a tree'}"
        )
    for leaf in jax.tree.leaves(fake):
        _check_floating("generator's samples", leaf, "no gradient passes through integers")
    shapes = [jax.tree.map(lambda x: x.shape, tree) for tree in (fake, real)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"generator output shape {shapes[0]} does not match data shape {shapes[1]}"
        )


def _check_logits(gan: GAN, logits: jax.ShapeDtypeStruct, batch_size: int):
    pack = gan.discriminator.pack
    if not logits.ndim or len(logits) != batch_size // pack or not logits.size:
        wanted = f"[{batch_size // pack}], or that many maps"
        packs = ", or wrap it in jaxgan.packed to judge packs" if pack == 1 else ""
        raise ValueError(
            f"discriminator output shape {logits.shape} is not {wanted}: return one logit per "
            f"sample{packs}"
        )
    _check_floating("discriminator's logits", logits, "return the last layer's output")
    if gan.joint_pass and pack > 1:
        raise ValueError("joint_pass would pack real samples with generated ones: leave it out")


# --- A sigmoid at the end


def _made_by(jaxpr: Any, variable: Any) -> Any:
    """The name of the operation that computes a variable, ignoring rearrangements; or an input."""
    for equation in reversed(jaxpr.eqns):
        if variable not in equation.outvars:
            continue
        inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
        inner = getattr(inner, "jaxpr", inner)
        if inner is not None and _is_call(equation, inner):
            made = _made_by(inner, inner.outvars[equation.outvars.index(variable)])
            if made not in inner.invars:
                return made
            variable = equation.invars[inner.invars.index(made)]
        elif equation.primitive.name in _REARRANGEMENTS:
            variable = equation.invars[0]
        else:
            return equation.primitive.name
    return variable


def _is_call(equation: Any, inner: Any) -> bool:
    """Whether an operation calls a program on its inputs as they are, as compiled functions do."""
    alike = len(inner.invars) == len(equation.invars) and len(inner.outvars) == len(
        equation.outvars
    )
    return alike and equation.primitive.name != "scan"


# --- Gradient penalties


def _check_penalties(gan: GAN, state: GANState, batch: Batch, output: DiscriminatorOutput):
    refusing = [
        penalty.name
        for penalty in gan.penalties
        if penalty.coupled == "refuse" and _differentiates(penalty, gan, state, batch, output)
    ]
    leaves, structure = jax.tree.flatten(inputs(batch.x, batch.condition))
    kinds = tuple((leaf.shape[1:], leaf.dtype) for leaf in leaves)
    if refusing and _sees_others(gan.discriminator, kinds, structure):
        raise ValueError(
            f"penalty {refusing[0]} needs each logit's gradient with respect to its own sample, "
            "but the discriminator's logits depend on other samples too, as with batch norm: use "
            "instance norm, layer norm, virtual batch norm or no norm, or attach it as "
            'penalty(...)._replace(coupled="own_gradient") or coupled="allow"'
        )


def _noted(found: list[bool]) -> Callable[[Array], Array]:
    """The identity function, which leaves a note when it is differentiated."""

    @jax.custom_jvp
    def same(x):
        return x

    @same.defjvp
    def _(primals, tangents):
        found.append(True)
        return primals[0], tangents[0]

    return same


def _differentiates(
    penalty: Term, gan: GAN, state: GANState, batch: Batch, output: DiscriminatorOutput
) -> bool:
    """Whether a penalty takes derivatives of the critic with respect to samples."""
    found: list[bool] = []
    noted = _noted(found)
    pack = gan.discriminator.pack

    def discriminate(x, condition=None):  # cheap to trace, and differentiable as any critic is
        leaves = [noted(leaf).reshape(len(leaf) // pack, -1) for leaf in jax.tree.leaves(x)]
        return output._replace(logits=jnp.sum(jnp.concatenate(leaves, axis=1), axis=1))

    def generated(latents, condition=None):
        return jax.tree.map(lambda x: x[: num_samples(latents)], batch.x)

    def value(key, state, batch, output):
        index = sample_index(num_samples(batch.x))
        latents = gan.latent(key, index)
        own = None if penalty.init is None else penalty.init()
        inputs = TermInputs(
            key=key,
            step=state.step,
            index=index,
            axis_name=None,
            pack=pack,
            real=batch.x,
            fake=batch.x,
            condition=batch.condition,
            latents=latents,
            drawn_latents=latents,
            real_output=output,
            fake_output=output,
            real_logits=output.logits,
            fake_logits=output.logits,
            discriminate=discriminate,
            fake_discriminate=discriminate,
            generate=generated,
            params=Params(state.generator.params, state.discriminator.params),
            state=own,
        )
        return penalty.value(inputs)

    jax.eval_shape(value, jax.random.key(0), state, batch, output)
    return bool(found)


@cached  # a run starts its networks several times, mostly for their shapes alone
def _sees_others(discriminator: Network, leaves: tuple, structure: Any) -> bool:
    """Whether the gradient of a logit with respect to the samples of other logits is not zero.

    Args:
      discriminator: the network, which is run on random numbers.
      leaves: shapes and dtypes of a sample and its condition.
      structure: of the tree of these leaves.
    """
    number = _PROBED * discriminator.pack
    draw = np.random.default_rng(0)
    shapes = jax.tree.unflatten(
        structure, [jax.ShapeDtypeStruct((number, *shape), dtype) for shape, dtype in leaves]
    )
    network = jax.eval_shape(lambda *x: discriminator.init(jax.random.key(0), *x), *shapes)
    made_up = jax.tree.map(functools.partial(_made_up, draw), (*network, shapes))
    # Compiled ahead of time, so that it runs inside `jit` too: what is found decides what follows.
    compiled = jax.jit(_gradient_sizes, static_argnums=0).lower(discriminator, *made_up).compile()
    size = np.nan_to_num(compiled(*made_up))
    return bool(size[1:].max() > 1e-6 * size[0])


def _made_up(draw: np.random.Generator, leaf: jax.ShapeDtypeStruct) -> Any:
    """Numbers as large as in a new network, none of them 0: a layer of zeros hides its input."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.key(0)
    if not jnp.issubdtype(leaf.dtype, jnp.floating):
        return np.zeros(leaf.shape, leaf.dtype)
    scale = 1.0 / np.sqrt(max(1, math.prod(leaf.shape[:-1])))
    noise = scale * draw.standard_normal(leaf.shape, np.float32)
    return (noise if len(leaf.shape) > 1 else 1.0 + 0.1 * noise).astype(leaf.dtype)


def _gradient_sizes(
    discriminator: Network, params: PyTree, model_state: PyTree, example: tuple
) -> Array:
    """The largest derivative of the first logit with respect to each logit's samples, [logits]."""
    x, *condition = example
    keys = sample_keys(jax.random.key(0), sample_index(num_samples(x)))

    def first(x):
        output, _ = discriminator.apply(params, model_state, x, *condition, keys=keys, train=True)
        return mean_over_patches(as_output(output).logits)[0]

    gradients = [jnp.abs(leaf).astype(jnp.float32) for leaf in jax.tree.leaves(jax.grad(first)(x))]
    sizes = [jnp.max(gradient.reshape(_PROBED, -1), axis=1) for gradient in gradients]
    return jnp.max(jnp.stack(sizes), axis=0)
