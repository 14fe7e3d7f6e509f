"""Layers of residual networks in NumPy, in the order of operations of the authors' code."""

import jax
import jax.numpy as jnp
import numpy as np
from arrays import normal

KEY = jax.random.key(0)


def drawn(module, *inputs):
    """Variables of the right shapes, from N(0, 1) but for batch statistics that nothing uses."""
    tree = jax.eval_shape(lambda key: module.init(key, *inputs), KEY)
    return jax.tree.map(lambda leaf: normal(*leaf.shape, seed=leaf.size), tree)


def convolved(x, kernel, bias=0.0):
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    _, height, width, _ = x.shape
    x = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    places = np.ndindex(3, 3)
    return bias + sum(x[:, i : i + height, j : j + width] @ kernel[i, j] for i, j in places)


def doubled(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def pooled(x):
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).mean((2, 4))


def standardised(x, scale, bias):
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return scale * (x - mean) / np.sqrt(var + 1e-5) + bias


def relu(x):
    return np.maximum(x, 0)


def with_exact_vectors(variables):
    """The variables with the first singular vectors, and the weights divided by their norms."""
    vectors, weights = {}, {}
    # SpectralNorm_0 wraps Conv_0, and so on
    layers = [name for name in variables["spectral_norm"] if name.startswith("SpectralNorm")]
    params = {name: layer for name, layer in variables["params"].items() if "kernel" in layer}
    assert len(layers) == len(params)
    for wrapper, (name, layer) in zip(layers, params.items(), strict=True):
        matrix = np.asarray(layer["kernel"], np.float64).reshape(-1, layer["kernel"].shape[-1])
        _, sigma, rows = np.linalg.svd(matrix, full_matrices=False)
        vectors[wrapper] = {"kernel": jnp.float32(rows[0])}
        weights[name] = {
            "kernel": np.asarray(layer["kernel"], np.float64) / sigma[0],
            "bias": np.asarray(layer.get("bias", 0.0), np.float64),
        }
    kept = variables["spectral_norm"]
    vectors = {name: vectors.get(name, own) for name, own in kept.items()}
    assert jax.tree.structure(vectors) == jax.tree.structure(kept)
    return {**variables, "spectral_norm": vectors}, weights
