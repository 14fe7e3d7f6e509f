"""Parameter regularizers and frozen parameters, as optax transformations."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.types import Array, PyTree


def weight_clipping(limit: float) -> optax.GradientTransformation:
    """Clip every parameter to [-limit, limit] after the update (up to rounding).

    Chain it after the optimizer: `optax.chain(optax.rmsprop(5e-5), weight_clipping(0.01))`.

    Args:
      limit: c > 0, which is 0.01 in the paper.
    Raises:
      ValueError: if limit is not positive.
    Source: Arjovsky et al. 2017, algorithm 1, https://arxiv.org/abs/1701.07875
    """
    if not isinstance(limit, jax.core.Tracer) and not limit > 0:
        raise ValueError(f"limit must be positive, got {limit}")

    def update(updates, state, params=None):
        if params is None:
            raise ValueError("weight_clipping needs params: call update(updates, state, params)")
        # theta + u' = clip(theta + u, -c, c)
        clipped = jax.tree.map(lambda p, u: jnp.clip(p + u, -limit, limit) - p, params, updates)
        return clipped, state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


class HistoricalAverage(NamedTuple):
    """State of `historical_averaging`.

    Attributes:
      num: number of updates averaged so far, int32 scalar.
      mean: mean of the parameters over these updates, in float32 or wider.
    """

    num: Array
    mean: PyTree


def historical_averaging(weight: float) -> optax.GradientTransformation:
    """Add the gradient of weight * ||theta - mean||^2, with the mean of all past parameters.

    The mean is taken over the parameters at each update of this player, including the present
    ones, and is treated as a constant. Updates of the other player do not count. Chain it before
    the optimizer: `optax.chain(historical_averaging(0.1), optax.sgd(0.1))`.

    Args:
      weight: factor of the cost, not negative.
    Raises:
      ValueError: if weight is negative.
    Source: Salimans et al. 2016, section 3.3, https://arxiv.org/abs/1606.03498
    """
    if not weight >= 0:
        raise ValueError(f"weight must not be negative, got {weight}")

    def init(params):
        zeros = jax.tree.map(lambda p: jnp.zeros(p.shape, _mean_dtype(p)), params)
        return HistoricalAverage(jnp.zeros((), jnp.int32), zeros)

    def update(updates, state, params=None):
        if params is None:
            raise ValueError(
                "historical_averaging needs params: call update(updates, state, params)"
            )
        # mean_t = mean_{t-1} + (theta_t - mean_{t-1}) / t;  gradient + 2 weight (theta_t - mean_t)
        num = optax.safe_increment(state.num)
        mean = jax.tree.map(lambda m, p: m + (p - m) / num, state.mean, params)
        updates = jax.tree.map(
            lambda u, p, m: u + (2.0 * weight * (p - m)).astype(u.dtype), updates, params, mean
        )
        return updates, HistoricalAverage(num, mean)

    return optax.GradientTransformation(init, update)


def _mean_dtype(p: Array) -> jnp.dtype:
    return jnp.promote_types(p.dtype, jnp.float32)


def frozen(
    optimizer: optax.GradientTransformation, names: Sequence[str]
) -> optax.GradientTransformation:
    """The optimizer of all parameters but some, which stay as they are (freeze-D).

    For a discriminator that was trained on other data: its first layers, next to the image, stay
    as they were, and the others adapt to few images.

    Args:
      optimizer: of the other parameters. It keeps no state for those that stay.
      names: paths of the layers or parameters that stay, such as "Conv_0" or "b32/conv0".
    Returns:
      An optax transformation, for `GAN.discriminator_optimizer`.
    Raises:
      ValueError: if names is empty or no sequence; when initialised or applied, if a name is not
        among the parameters.
    Source: Mo et al. 2020, section 3, https://arxiv.org/abs/2002.10964

    >>> params = {"Conv_0": {"kernel": jnp.ones(2)}, "Dense_0": {"kernel": jnp.ones(2)}}
    >>> optimizer = frozen(optax.sgd(0.5), ["Conv_0"])
    >>> updates, _ = optimizer.update(params, optimizer.init(params), params)
    >>> updates["Conv_0"]["kernel"].tolist(), updates["Dense_0"]["kernel"].tolist()
    ([0.0, 0.0], [-0.5, -0.5])
    """
    if isinstance(names, str) or not names:
        raise ValueError(f"names must be a sequence of some paths of parameters, got {names!r}")

    def labels(params: PyTree) -> PyTree:
        paths = [_named(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
        for name in names:
            if not any(_within(path, name) for path in paths):
                raise ValueError(
                    f"names has {name!r}, but the parameters are {', '.join(paths)}: name one of "
                    "them or what a path begins with"
                )

        def label(path, _) -> str:
            stays = any(_within(_named(path), name) for name in names)
            return "frozen" if stays else "trained"

        return jax.tree_util.tree_map_with_path(label, params)

    return optax.partition({"trained": optimizer, "frozen": optax.set_to_zero()}, labels)


def _named(path) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _within(path: str, name: str) -> bool:
    return f"{path}/".startswith(f"{name.rstrip('/')}/")
