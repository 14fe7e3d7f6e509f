"""Adapters from Flax modules, Linen or NNX, to a `Network`.

The module's `__call__` receives the network's inputs and those of the following keyword arguments
that are in its signature:

- `train`, or `training`, `is_training`, `is_train`, `update_stats`: True in training.
- `deterministic`, `use_running_average` or `inference`: False in training.
- `keys`: one PRNG key per sample, for layers that draw random numbers.
- `axis_name`: the mapped device axis, for batch statistics.

A module with `**kwargs` receives `keys`, `axis_name` and the training flag, as `train` unless its
signature has another name for it. `nn.Sequential` and `nnx.Sequential` receive none of them: they
would pass all of them to their first layer.
"""

import inspect
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import flax.linen as nn
import jax

from jaxgan.parallel.global_batch import num_samples, sample_index, sample_keys
from jaxgan.types import Array, Network

if TYPE_CHECKING:
    from flax import nnx

_OWN_KEY = 0x6A6178  # unlike the numbers that a module folds into its sample keys
_TRAIN = frozenset(("train", "training", "is_training", "is_train", "update_stats"))
_EVALUATE = frozenset(("deterministic", "use_running_average", "inference"))


def from_linen(module: nn.Module) -> Network:
    """A network from a Linen module; all collections but the parameters become model state.

    Flax's `nn.Dropout` works too, with a key derived from the last sample's key, but its masks
    depend on the number of devices. `jaxgan.models.Dropout` takes `keys` and gives the same masks
    on any number of devices.

    Args:
      module: its `__call__` takes the network's inputs and the keyword arguments listed above.
    Returns:
      A `Network`.
    Warns:
      UserWarning: in `init`, if a training pass does not update the batch statistics.
    """
    options = _options_of(module)

    def init(key, *inputs):
        params_key, dropout_key = jax.random.split(key)
        given = options(train=False, keys=_keys_like(dropout_key, inputs), axis_name=None)
        variables = dict(
            module.init({"params": params_key, "dropout": dropout_key}, *inputs, **given)
        )
        params = variables.pop("params", {})
        if "batch_stats" in variables:
            _warn_if_not_updated(module, apply, params, variables, inputs, _is_batch_stat)
        return params, variables

    def apply(params, model_state, *inputs, keys, train, axis_name=None):
        output, changed = module.apply(
            {"params": params, **model_state},
            *inputs,
            **options(train=train, keys=keys, axis_name=axis_name),
            rngs={"dropout": jax.random.fold_in(keys[-1], _OWN_KEY)},
            mutable=list(model_state) if train else [],
        )
        return output, {**model_state, **changed}

    return Network(init, apply)


def from_nnx(constructor: "Callable[[nnx.Rngs], nnx.Module]") -> Network:
    """A network from an NNX module; all variables but `nnx.Param` become model state.

    Each `apply` builds the module anew from the given variables and seeds its random streams from
    the last sample's key, so the module itself holds no state.

    Args:
      constructor: `rngs -> module`, called once for the structure and once per `init`. The module's
        `__call__` takes the network's inputs and the keyword arguments listed above. Its `train()`
        or `eval()` is called first.
    Returns:
      A `Network`.
    Warns:
      UserWarning: in `init`, if a training pass does not update the batch statistics.
    """
    from flax import nnx  # here, since importing it takes as long as the rest of flax

    structure = nnx.eval_shape(lambda: constructor(nnx.Rngs(0)))
    graph, streams, *networks = _split(structure)
    options = _options_of(structure)
    statistics = {path for path, _ in nnx.to_flat_state(nnx.state(structure, nnx.BatchStat))}

    def init(key, *inputs):
        _, _, *states = _split(constructor(nnx.Rngs(key)))
        params, rest = (nnx.to_pure_dict(state) for state in states)
        if statistics:
            _warn_if_not_updated(structure, apply, params, rest, inputs, lambda p: p in statistics)
        return params, rest

    def apply(params, model_state, *inputs, keys, train, axis_name=None):
        states = [
            _filled(state, pure)
            for state, pure in zip(networks, (params, model_state), strict=True)
        ]
        key = jax.random.fold_in(keys[-1], _OWN_KEY)
        module = nnx.merge(graph, _fresh_streams(streams, key), *states)
        module.train() if train else module.eval()
        output = module(*inputs, **options(train=train, keys=keys, axis_name=axis_name))
        rest = _split(module)[-1]
        return output, nnx.to_pure_dict(rest) if train else model_state

    return Network(init, apply)


# --- Helpers


def _split(module: "nnx.Module") -> tuple[Any, ...]:
    """The graph, random streams, parameters and other variables of a module."""
    from flax import nnx

    return nnx.split(module, nnx.RngState, nnx.Param, ...)


def _filled(state: Any, pure: Any) -> Any:
    from flax import nnx

    new = jax.tree.map(lambda x: x, state)
    nnx.replace_by_pure_dict(new, pure)
    return new


def _fresh_streams(streams: Any, key: Array) -> Any:
    leaves, structure = jax.tree.flatten(streams)
    fresh = [
        jax.random.fold_in(key, i)
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        else jax.numpy.zeros(leaf.shape, leaf.dtype)
        for i, leaf in enumerate(leaves)
    ]
    return jax.tree.unflatten(structure, fresh)


def _options_of(module: Any) -> Callable[..., dict[str, Any]]:
    """A function from (train, keys, axis_name) to the keyword arguments for the module's call."""
    # By name, since this may be Linen's or NNX's, and importing NNX takes a while.
    if any(kind.__name__ == "Sequential" for kind in type(module).__mro__):
        return lambda train, keys, axis_name: {}
    parameters = inspect.signature(module.__call__).parameters
    named = {name for name, p in parameters.items() if p.kind is not p.VAR_KEYWORD}
    if len(named) < len(parameters):
        flags = named & (_TRAIN | _EVALUATE) or {"train"}
        named |= flags | {"keys", "axis_name"}

    def options(train: bool, keys: Array, axis_name: str | None) -> dict[str, Any]:
        known: dict[str, Any] = {"keys": keys, "axis_name": axis_name}
        known |= dict.fromkeys(_TRAIN, train) | dict.fromkeys(_EVALUATE, not train)
        return {name: value for name, value in known.items() if name in named}

    return options


def _is_batch_stat(path: tuple) -> bool:
    return path[0] == "batch_stats"


def _warn_if_not_updated(
    module: Any,
    apply: Callable,
    params: Any,
    model_state: Any,
    inputs: tuple,
    is_statistic: Callable[[tuple], bool],
):
    """Warn about batch statistics that a training pass, traced but not run, leaves unchanged."""

    def train(model_state):
        keys = _keys_like(jax.random.key(0), inputs)
        return apply(params, model_state, *inputs, keys=keys, train=True)[1]

    jaxpr = jax.make_jaxpr(train)(model_state).jaxpr
    paths = [
        tuple(getattr(part, "key", part) for part in path)
        for path, _ in jax.tree.flatten_with_path(model_state)[0]
    ]
    unchanged = [
        "/".join(str(part) for part in path)
        for path, before, after in zip(paths, jaxpr.invars, jaxpr.outvars, strict=True)
        if is_statistic(path) and after is before
    ]
    if unchanged:
        warnings.warn(
            f"a training pass of {type(module).__name__} does not update the batch statistics "
            f"{unchanged[0]}: add train to its __call__ and pass use_running_average=not train to "
            "the norm, or keep frozen statistics in another collection",
            stacklevel=3,
        )


def _keys_like(key: Array, inputs: tuple) -> Array:
    return sample_keys(key, sample_index(num_samples(inputs[0])))
