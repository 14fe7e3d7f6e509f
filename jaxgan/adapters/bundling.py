"""Several networks as one: teams of generators or discriminators, and encoders beside them."""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import jax

from jaxgan.parallel.global_batch import num_samples, sample_index, sample_keys
from jaxgan.types import Array, Network, PyTree


def bundle(
    networks: Mapping[str, Network],
    call: Callable[..., Any],
    start: Callable[..., Any] | None = None,
) -> Network:
    """One network made of several, whose parameters and model states are dicts of theirs.

    Two bundles of the same networks take the same parameters, so they are two uses of one player.
    A generator beside an encoder, as in BiGAN:

        networks = {"generate": from_linen(...), "encode": from_linen(...)}
        generator = bundle(
            networks,
            lambda nets, z: (nets["generate"](z), z),
            start=lambda nets, z: nets["encode"](nets["generate"](z)),
        )
        shown = bundle(networks, lambda nets, x: (x, nets["encode"](x)))
        gan = GAN(generator=generator, real=shown.apply, ...)

    Args:
      networks: by name.
      call: `(nets, *inputs) -> output`, where `nets[name](*inputs)` runs a network of the bundle.
        It may run a network several times, each of which updates its model state, or not at all.
        Several discriminators return their logits as one array [batch, n], over which losses and
        metrics average; `critic`, which gradient penalties differentiate, is their mean.
      start: a call that runs every network, by which their parameters are made; `call` by default.
    Returns:
      A network with the inputs of `call`.
    Raises:
      ValueError: if there are no networks, or one takes packs. In `init`, if `start` does not run
        all networks.
    """
    if not networks or any(network.pack > 1 for network in networks.values()):
        raise ValueError(
            f"bundle needs networks by name that judge single samples, got {list(networks)}: wrap "
            "the whole bundle in jaxgan.packed"
        )

    def init(key: Array, *inputs: PyTree) -> tuple[PyTree, PyTree]:
        init_keys = dict(zip(networks, jax.random.split(key, len(networks)), strict=True))
        started: dict[str, tuple[PyTree, PyTree]] = {}

        def run(name: str, *inputs: PyTree) -> Any:
            network = networks[name]
            if name not in started:
                started[name] = network.init(init_keys[name], *inputs)
            # Only shapes matter from here on, so that any keys serve.
            keys = sample_keys(jax.random.key(0), sample_index(num_samples(inputs)))
            return network.apply(*started[name], *inputs, keys=keys, train=False)[0]

        (start or call)(_callables(networks, run), *inputs)
        missing = [name for name in networks if name not in started]
        if missing:
            raise ValueError(
                f"start must run every network of the bundle, it did not run {', '.join(missing)}: "
                "pass start=lambda nets, *inputs: ... that does"
            )
        params, model_state = ({name: started[name][i] for name in networks} for i in (0, 1))
        return params, model_state

    def apply(params, model_state, *inputs, keys, train, axis_name=None):
        states, runs = dict(model_state), itertools.count()

        def run(name: str, *inputs: PyTree) -> Any:
            own = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, next(runs))
            output, states[name] = networks[name].apply(
                params[name], states[name], *inputs, keys=own, train=train, axis_name=axis_name
            )
            return output

        return call(_callables(networks, run), *inputs), states

    return Network(init, apply)


def _callables(networks: Mapping[str, Network], run: Callable) -> dict[str, Callable[..., Any]]:
    return {name: functools.partial(run, name) for name in networks}
