"""Eigenvalues of maps of any pytrees: of a game's vector field, or of a round of updates."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxgan.checks import check_choice, check_positive
from jaxgan.games.field import Game, at_point, vector_field
from jaxgan.types import Array, Params, PyTree

Which = Literal["largest real part", "smallest real part", "largest magnitude"]
_ARPACK = {"largest real part": "LR", "smallest real part": "SR", "largest magnitude": "LM"}


def jacobian(function: Callable[[PyTree], PyTree], point: PyTree) -> Array:
    """The Jacobian [n, n] of a map of a pytree to one like it, by its n floating numbers.

    Args:
      function: such as a round of a game, or `vector_field` with its game bound.
      point: where it is taken. Leaves that are not floating, such as counters, stay as they are.
    """
    flat, whole = _floating(point)
    return jax.jacrev(lambda x: _floating(function(whole(x)))[0])(flat)


def eigenvalues(function: Callable[[PyTree], PyTree], point: PyTree) -> Array:
    """All eigenvalues, complex [n], of the Jacobian of a map of a pytree to one like it.

    An equilibrium is stable if all eigenvalues of the vector field have a negative real part, or
    if all eigenvalues of a round are less than 1 in absolute value. On CPU only.

    Args:
      function: such as a round of a game, or `vector_field` with its game bound.
      point: where it is taken.
    """
    return jnp.linalg.eigvals(jacobian(function, point))


def _floating(tree: PyTree) -> tuple[Array, Callable[[Array], PyTree]]:
    """The floating numbers of a tree, [n], and the function that puts others in their place."""
    leaves, structure = jax.tree.flatten(jax.tree.map(jnp.asarray, tree))
    places = [i for i, x in enumerate(leaves) if jnp.issubdtype(x.dtype, jnp.floating)]
    flat, unravel = ravel_pytree([leaves[i] for i in places])

    def whole(x: Array) -> PyTree:
        new = list(leaves)
        for i, leaf in zip(places, unravel(x), strict=True):
            new[i] = leaf
        return jax.tree.unflatten(structure, new)

    return flat, whole


def field_eigenvalues(game: Game, params: Params) -> Array:
    """All eigenvalues, complex [n], of the Jacobian of the game's `vector_field`.

    Args:
      game: the game.
      params: both players' parameters, n numbers in all: a few hundred at most.
    """
    return eigenvalues(lambda point: vector_field(game, point), params)


def leading_eigenvalues(
    game: Game, params: Params, num: int = 6, which: Which = "largest real part"
) -> np.ndarray:
    """The leading eigenvalues of the Jacobian of `vector_field`, without the matrix.

    They are found by Arnoldi iteration (ARPACK, through SciPy) from Jacobian products, so that
    networks can be of any size. It runs on the host: call it outside `jit`.

    Args:
      game: the game.
      params: both players' parameters.
      num: how many, less than the number of parameters minus one.
      which: "largest real part", "smallest real part" or "largest magnitude".
    Returns:
      complex64 [num], the leading one first.
    Raises:
      ValueError: if an argument is out of range.
    Source: for GANs, Berard et al. 2020, section 4, https://arxiv.org/abs/1906.04848
    """
    check_positive(num=num)
    check_choice(which=(which, tuple(_ARPACK)))
    flat, whole = _floating(params)
    if num > flat.size - 2:
        raise ValueError(
            f"num must be at most {flat.size - 2} for {flat.size} parameters, got {num}: use "
            "field_eigenvalues for small games"
        )
    from scipy.sparse.linalg import LinearOperator, eigs

    @jax.jit
    def product(point: Array, u: Array) -> Array:
        return _floating(at_point(game, whole(point)).product(whole(u)))[0]

    def matvec(u: Any) -> np.ndarray:
        return np.asarray(product(flat, jnp.asarray(u.reshape(-1), flat.dtype)))

    operator = LinearOperator((flat.size, flat.size), matvec=matvec, dtype=np.float32)
    # A fixed start, since ARPACK's own is random.
    start = np.random.default_rng(0).standard_normal(flat.size).astype(np.float32)
    found = eigs(operator, num, which=_ARPACK[which], v0=start, return_eigenvectors=False)
    order = {"LR": -found.real, "SR": found.real, "LM": -abs(found)}[_ARPACK[which]]
    return found[np.argsort(order, kind="stable")]
