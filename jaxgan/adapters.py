"""A flax module in, a `Network` out: Linen and NNX alike; and networks made of networks.

A module's `__call__` takes the network's inputs and, by keyword, whichever of these it names:
`train` (bool), `keys` (one PRNG key a sample, for layers that draw) and `axis_name` (the mapped
device axis, for batch statistics).
"""

import inspect
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
from flax import nnx

from jaxgan.global_batch import sample_index, sample_keys
from jaxgan.types import Array, Network

_OWN_KEY = 0x6A6178  # told apart from what a module folds into its sample keys


def from_linen(module: nn.Module) -> Network:
    """A Linen module as a network: parameters, and all other collections as model state.

    Flax's own Dropout is fed too, from the last sample's key, but its masks depend on the device
    count; `jaxgan.models.layers.Dropout` takes `keys` and does not.

    Args:
      module: its `__call__(*inputs)` may name train, keys and axis_name as further keywords.
    """
    named = _named_keywords(module.__call__)

    def init(key, *inputs):
        params_key, dropout_key = jax.random.split(key)
        options = {"train": False, "keys": _keys_like(dropout_key, inputs), "axis_name": None}
        variables = dict(
            module.init(
                {"params": params_key, "dropout": dropout_key}, *inputs, **_only(options, named)
            )
        )
        return variables.pop("params", {}), variables

    def apply(params, model_state, *inputs, keys, train, axis_name=None):
        options = {"train": train, "keys": keys, "axis_name": axis_name}
        output, changed = module.apply(
            {"params": params, **model_state},
            *inputs,
            **_only(options, named),
            rngs={"dropout": jax.random.fold_in(keys[-1], _OWN_KEY)},
            mutable=list(model_state) if train else [],
        )
        return output, {**model_state, **changed}

    return Network(init, apply)


def from_nnx(constructor: Callable[[nnx.Rngs], nnx.Module]) -> Network:
    """An NNX module as a network: `nnx.Param` as parameters, the other variables as model state.

    Every apply merges fresh variables and seeds the module's own streams of random numbers from
    the last sample's key, so nothing is kept or overwritten inside the module.

    Args:
      constructor: `rngs -> module`, called once for the structure and once an init. The module's
        `__call__(*inputs)` may name train, keys and axis_name as further keywords; `train()` and
        `eval()` are called besides, for layers that obey them.
    """
    structure = nnx.eval_shape(lambda: constructor(nnx.Rngs(0)))
    graph, streams, *networks = _split(structure)
    named = _named_keywords(structure.__call__)

    def init(key, *inputs):
        _, _, params, rest = _split(constructor(nnx.Rngs(key)))
        return nnx.to_pure_dict(params), nnx.to_pure_dict(rest)

    def apply(params, model_state, *inputs, keys, train, axis_name=None):
        states = [
            _filled(state, pure)
            for state, pure in zip(networks, (params, model_state), strict=True)
        ]
        key = jax.random.fold_in(keys[-1], _OWN_KEY)
        module = nnx.merge(graph, _fresh_streams(streams, key), *states)
        module.train() if train else module.eval()
        options = {"train": train, "keys": keys, "axis_name": axis_name}
        output = module(*inputs, **_only(options, named))
        rest = _split(module)[-1]
        return output, nnx.to_pure_dict(rest) if train else model_state

    return Network(init, apply)


# --- Networks made of networks


def without_condition(network: Network) -> Network:
    """A network that is not shown the condition, for conditional training of the other player.

    So a discriminator has to tell the class by itself (auxiliary classifiers), or a generator
    without classes trains against labelled data (semi-supervised classes).

    Args:
      network: takes samples or latents only.
    """

    def init(key, x, condition=None):
        return network.init(key, x)

    def apply(params, model_state, x, condition=None, *, keys, train, axis_name=None):
        return network.apply(params, model_state, x, keys=keys, train=train, axis_name=axis_name)

    return network._replace(init=init, apply=apply)


def without_latents(network: Network) -> Network:
    """A generator that is given the condition alone: one image is made of another.

    Args:
      network: takes the condition only, for instance images or (images, labels).
    """

    def init(key, latents, condition):
        return network.init(key, condition)

    def apply(params, model_state, latents, condition, *, keys, train, axis_name=None):
        return network.apply(
            params, model_state, condition, keys=keys, train=train, axis_name=axis_name
        )

    return network._replace(init=init, apply=apply)


def no_discriminator() -> Network:
    """A discriminator without parameters, of logits 0 [batch], where a generator trains alone.

    It goes with `jaxgan.losses.without_generator` and terms of the generator's own.
    """

    def apply(params, model_state, x, condition=None, *, keys, train, axis_name=None):
        return jax.numpy.zeros(len(x)), model_state

    return Network(lambda key, x, condition=None: ({}, {}), apply)


# --- Inside


def _split(module: nnx.Module) -> tuple[Any, ...]:
    """Graph, streams of random numbers, parameters, and the rest."""
    return nnx.split(module, nnx.RngState, nnx.Param, ...)


def _filled(state: Any, pure: Any) -> Any:
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


def _named_keywords(call: Callable) -> frozenset[str]:
    return frozenset(inspect.signature(call).parameters) & {"train", "keys", "axis_name"}


def _only(options: dict[str, Any], named: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in named}


def _keys_like(key: Array, inputs: tuple) -> Array:
    return sample_keys(key, sample_index(len(inputs[0])))
