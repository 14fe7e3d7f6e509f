"""Fine-tuning: players that start from the weights of others, with frozen first layers."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from jaxgan.ema import start_average
from jaxgan.steps import unchecked_init
from jaxgan.transformations import frozen
from jaxgan.types import GAN, Array, Batch, GANState, PlayerState, PyTree, Weights
from jaxgan.updates.moves import Update, memory
from jaxgan.updates.plain import alternating

Shape = tuple[int, ...]
Own = TypeVar("Own", PlayerState, Weights)


class Unmatched(NamedTuple):
    """An array without a counterpart of its name and shape.

    Attributes:
      name: its path, such as "discriminator/params/Dense_0/kernel".
      here: its shape in the state, which keeps its own values; None if it is not there.
      there: its shape in the source; None if it is not there.
    """

    name: str
    here: Shape | None
    there: Shape | None

    def __str__(self) -> str:
        """The array and both shapes in words."""
        here, there = ("missing" if each is None else each for each in (self.here, self.there))
        return f"{self.name} ({there} there, {here} here)"


class Transferred(NamedTuple):
    """A state with weights of another one.

    Attributes:
      state: the new state.
      unmatched: the arrays of both players that are only in one of the two, or differ in shape.
    """

    state: GANState
    unmatched: tuple[Unmatched, ...]


def transfer(
    state: GANState,
    source: GANState | PlayerState | Weights,
    update: Update = alternating(),  # noqa: B008 (it is immutable)
) -> Transferred:
    """A new state whose players have the weights of others, such as those of another run.

    Arrays of parameters and model states are matched by their paths: one of the same path and shape
    is taken over, all others stay as they are. The EMA generator starts from that of the source, or
    else from its generator. Optimizers, terms and the update rule start anew.

    Args:
      state: from `jaxgan.init`.
      source: a state; or anything with the `params` and the `model_state` of a generator, with
        which the discriminator stays as it is.
      update: the update rule that `state` was made for.
    Raises:
      ValueError: if no array of a generator matches, or update is not the rule of the state.
    """
    generator = source.generator if isinstance(source, GANState) else source
    averaged = source.ema if isinstance(source, GANState) and source.ema is not None else generator
    new, unmatched = _moved_into(state.generator, generator, "generator")
    if len(unmatched) == len({*_named(new), *_named(generator)}):
        raise ValueError(
            "no array of the source's generator has the path and shape of one of the state's: "
            f"{', '.join(map(str, unmatched[:4]))}, ..."
        )
    state = state._replace(generator=new)
    if isinstance(source, GANState):
        judge, others = _moved_into(state.discriminator, source.discriminator, "discriminator")
        state, unmatched = state._replace(discriminator=judge), unmatched + others
    if state.ema is not None:
        ema, _ = _moved_into(state.ema, averaged, "generator")
        state = state._replace(ema=Weights(*start_average((ema.params, ema.model_state))))
    kept = memory(update, state)
    if (kept is None) != (state.update is None):
        raise ValueError("update must be the update rule that the state was made for: pass it")
    return Transferred(state._replace(update=kept), unmatched)


def _moved_into(
    own: Own, other: PlayerState | Weights, player: str
) -> tuple[Own, tuple[Unmatched, ...]]:
    """Weights with the matching arrays of others, and what does not match."""
    here, there = _named(own), _named(other)

    def taken(path, x: Array) -> Array:
        found = there.get(_path(path))
        if found is None or jnp.shape(found) != x.shape:
            return x
        # A copy, since the arrays of a state may be donated.
        return jnp.array(found, x.dtype, copy=True)

    weights = {"params": own.params, "model_state": own.model_state}
    moved = jax.tree_util.tree_map_with_path(taken, weights)
    unmatched = [
        Unmatched(f"{player}/{name}", _shape(here.get(name)), _shape(there.get(name)))
        for name in here | there
        if _shape(here.get(name)) != _shape(there.get(name))
    ]
    return own._replace(**moved), tuple(unmatched)


def _named(weights: PlayerState | Weights) -> dict[str, Array]:
    tree = {"params": weights.params, "model_state": weights.model_state}
    return {_path(path): x for path, x in jax.tree_util.tree_leaves_with_path(tree)}


def _path(path) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _shape(x: Array | None) -> Shape | None:
    return None if x is None else jnp.shape(x)


# --- Frozen layers


def freeze_d(gan: GAN, batch: Batch | Array, layers: int) -> GAN:
    """The GAN with a discriminator whose first layers, next to the samples, stay as they are.

    A layer is a module of the network with weights of two axes or more, such as a convolution or a
    residual block, together with the norms after it. The networks of a `jaxgan.bundle` each keep
    that many. Only parameters stay: running averages and the vectors of spectral norm do not.

    Args:
      gan: the GAN.
      batch: as for `jaxgan.init`; only shapes matter.
      layers: number of layers that stay.
    Raises:
      ValueError: if the discriminator has no more layers than that.
    Source: Mo et al. 2020, section 3, https://arxiv.org/abs/2002.10964
    """
    names = first_layers(gan, batch, layers)
    return dataclasses.replace(
        gan, discriminator_optimizer=frozen(gan.discriminator_optimizer, names)
    )


def first_layers(gan: GAN, batch: Batch | Array, layers: int) -> tuple[str, ...]:
    """The paths of the modules that `freeze_d` keeps, such as ("Conv_0", "BatchNorm_0").

    Arguments and errors are those of `freeze_d`.
    """
    params = _discriminator_params(gan, batch)
    parts = list(params.values()) if isinstance(params, Mapping) else []
    inner = [part for part in parts if isinstance(part, Mapping)]
    alike = len({jax.tree.structure(part) for part in parts}) == 1
    if len(parts) > 1 and len(inner) == len(parts) and alike and _nested(inner):
        return tuple(
            f"{name}/{each}" for name, part in params.items() for each in _first(part, layers)
        )
    return _first(params, layers)


def _first(params: Mapping[str, PyTree], layers: int) -> tuple[str, ...]:
    names = list(params) if isinstance(params, Mapping) else []
    # Modules without such weights, norms, belong to the layer before.
    starts = [name for name in names if any(x.ndim > 1 for x in jax.tree.leaves(params[name]))]
    if not 0 < layers < len(starts):
        raise ValueError(
            f"the discriminator has {len(starts)} layers ({', '.join(starts)}), of which at least "
            f"one must be trained and one frozen, got layers={layers}"
        )
    return tuple(names[: names.index(starts[layers])])


def _nested(parts: list) -> bool:
    """Whether all entries of parts are modules, as in a bundle of networks."""
    return all(isinstance(entry, Mapping) for part in parts for entry in part.values())


def _discriminator_params(gan: GAN, batch: Batch | Array) -> PyTree:
    """Shapes of the discriminator's parameters, in the order in which they were made."""
    made: list[PyTree] = []

    def init(key: Array, *inputs: PyTree) -> tuple[PyTree, PyTree]:
        params, model_state = gan.discriminator.init(key, *inputs)
        made.append(_shapes(params))  # here, since transformations of JAX sort the names
        return params, model_state

    noted = dataclasses.replace(gan, discriminator=gan.discriminator._replace(init=init))
    jax.eval_shape(lambda key: unchecked_init(key, noted, batch), jax.random.key(0))
    return made[0]


def _shapes(params: PyTree) -> PyTree:
    if isinstance(params, Mapping):
        return {name: _shapes(part) for name, part in params.items()}
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), params)
