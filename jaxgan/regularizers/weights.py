"""Penalties on the parameters of either player."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.checks import check_choice
from jaxgan.choices import Player
from jaxgan.types import Array, Params


def make_orthogonality(
    player: Player = "generator",
    off_diagonal: bool = True,
    select: Callable[[str], bool] = lambda name: True,
) -> Callable[..., Array]:
    """Orthogonal regularization of a player's kernels, sum_W ||W^T W - I||_F^2.

    W has one column per output: kernels [..., inputs, outputs] become [all else, outputs].
    Attach it to the same player, with `jaxgan.generator_term` or `jaxgan.penalty`.

    Args:
      player: whose parameters.
      off_diagonal: only the products of different columns, so that their lengths are free, as in
        BigGAN: sum_W ||W^T W * (1 - I)||_F^2.
      select: from a parameter's path, such as "params/Dense_0/kernel", to whether it takes part;
        arrays with fewer than two axes never do. BigGAN leaves out its shared embedding.
    Returns:
      A function of `params` that returns a float32 scalar, units of W^4; multiply by 1e-4, as in
      BigGAN. The gradient in BigGAN's PyTorch code is half of this term's: its 1e-4 is 5e-5 here.
    Raises:
      ValueError: if player is unknown. When called, if no parameter takes part.
    Source: Brock et al. 2017, section 3.2, https://arxiv.org/abs/1609.07093, with squares; Brock et
      al. 2019 (BigGAN), equation 3, https://arxiv.org/abs/1809.11096
    """
    check_choice(player=(player, ("generator", "discriminator")))

    def orthogonality(params: Params) -> Array:
        named = jax.tree_util.tree_leaves_with_path(getattr(params, player))
        kernels = [w for path, w in named if jnp.ndim(w) > 1 and select(_name(path))]
        if not kernels:
            raise ValueError(
                f"select takes none of the {player}'s parameters: "
                f"{', '.join(_name(path) for path, _ in named)}"
            )
        return jnp.sum(jnp.stack([_excess(w, off_diagonal) for w in kernels]))

    return orthogonality


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _excess(kernel: Array, off_diagonal: bool) -> Array:
    w = kernel.reshape(-1, kernel.shape[-1]).astype(jnp.float32)
    identity = jnp.eye(w.shape[1], dtype=jnp.float32)
    product = w.T @ w
    # ||W^T W * (1 - I)||_F^2, or ||W^T W - I||_F^2
    return jnp.sum((product * (1.0 - identity) if off_diagonal else product - identity) ** 2)
