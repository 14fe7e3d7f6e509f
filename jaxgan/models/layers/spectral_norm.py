"""Spectral normalization of a layer's weights."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.types import Array

_INITIAL_ITERATIONS = 15


class SpectralNorm(nn.Module):
    """A layer whose weight matrices are used divided by their largest singular value.

    `SpectralNorm(nn.Dense(3))(x, train=train)`. The layer's own parameters stay as they are. Each
    with two or more axes counts as a matrix W [all others, last axis], and its singular value is
    sigma = v' W u, where u comes from power iteration and v = W u / |W u|. Only the vectors u are
    kept, in the collection "spectral_norm"; sigma follows the weights of the moment.

    Attributes:
      layer: any one Linen layer with a weight matrix (dense, convolution, embedding).
      iterations: steps of power iteration in each training pass.
    Source: Miyato et al. 2018, section 2.1 and appendix A, https://arxiv.org/abs/1802.05957
    """

    layer: nn.Module
    iterations: int = 1

    @nn.compact
    def __call__(self, *inputs: Any, train: bool | None) -> Any:
        """The layer's output on its inputs; the vectors u move on in training only.

        Raises:
          ValueError: if iterations is not positive, train is neither True nor False, or the layer
            has no weight matrix of its own.
        """
        if self.iterations < 1:
            raise ValueError(f"iterations must be positive, got {self.iterations}")
        if not isinstance(train, bool):
            raise ValueError(f"train must be True or False for spectral norm, got {train!r}")
        if self.is_initializing():
            self.layer(*inputs)
        weights = self.layer.variables.get("params", {})
        if all(weight.ndim < 2 for weight in jax.tree.leaves(weights)):
            raise ValueError(
                f"{type(self.layer).__name__} has no weight matrix of its own: wrap single layers"
            )
        used = jax.tree_util.tree_map_with_path(
            lambda path, weight: self._normalised(path, weight, train), weights
        )
        run = nn.map_variables(
            lambda layer: layer(*inputs), "params", trans_in_fn=lambda _: {"params": used}
        )
        return run(self.layer)

    def _normalised(self, path: tuple, weight: Array, train: bool) -> Array:
        if weight.ndim < 2:
            return weight
        matrix = weight.astype(jnp.float32).reshape(-1, weight.shape[-1])
        constant = jax.lax.stop_gradient(matrix)
        vector = self.variable(
            "spectral_norm",
            "/".join(entry.key for entry in path),
            lambda: _power_iteration(constant, self._start(matrix), _INITIAL_ITERATIONS),
        )
        # An average of unit vectors, as the EMA of a generator keeps it, is shorter than 1.
        u = _unit(vector.value, vector.value)
        if train and not self.is_initializing():
            vector.value = u = _power_iteration(constant, u, self.iterations)
        v = _unit(_product(constant, u), jnp.zeros(len(matrix), jnp.float32))
        sigma = _product(v, _product(matrix, u))
        return (weight / jnp.where(sigma > 0, sigma, 1.0)).astype(weight.dtype)

    def _start(self, matrix: Array) -> Array:
        direction = jax.random.normal(self.make_rng("params"), matrix.shape[1:], jnp.float32)
        return _unit(direction, direction)


def _power_iteration(matrix: Array, u: Array, iterations: int) -> Array:
    return jax.lax.fori_loop(0, iterations, _power_step, (matrix, u))[1]


def _power_step(_: Any, carry: tuple[Array, Array]) -> tuple[Array, Array]:
    matrix, u = carry
    v = _unit(_product(matrix, u), jnp.zeros(len(matrix), jnp.float32))
    # A zero matrix turns everything into 0, from where no step leads away: u then stays.
    return matrix, _unit(_product(v, matrix), u)


def _product(a: Array, b: Array) -> Array:
    return jnp.dot(a, b, precision="highest")


def _unit(x: Array, otherwise: Array) -> Array:
    """The vector x / |x|, or what is given otherwise where x is 0."""
    largest = jnp.max(jnp.abs(x))
    # Scaled first: the squares of very small and very large weights leave float32.
    x = x / jnp.where(largest > 0, largest, 1.0)
    return jnp.where(largest > 0, x / jnp.sqrt(jnp.maximum(jnp.sum(x**2), 1.0)), otherwise)
