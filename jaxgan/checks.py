"""Refusals of arguments that are no good; each names the argument, and says what came."""

import difflib
import numbers
import warnings
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp


def check_positive(**counts: int):
    """Raises a ValueError that names the first count that is not a positive int."""
    for name, count in counts.items():
        if not isinstance(count, numbers.Integral) or isinstance(count, bool) or count < 1:
            raise ValueError(f"{name} must be a positive int, got {count!r}")
        if count >= 2**31:
            raise ValueError(f"{name} must be less than 2**31, got {count}")


def check_seed(seed: int):
    """Raises a ValueError unless a seed has at most 32 bits: jax leaves further ones out."""
    if not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be an int from 0 to 2**32 - 1, got {seed!r}")


def check_choice(**choices: tuple[str, tuple[str, ...]]):
    """Raises a ValueError that names the first `(value, allowed)` where it is not."""
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def check_key(key: Any):
    """Raises a ValueError unless it is one PRNG key; the older uint32 keys are fine too.

    Warns of keys other than threefry's: what is drawn from them depends on the number of devices.
    """
    wanted = "key must be a PRNG key such as jax.random.key(0)"
    if not hasattr(key, "dtype") or not hasattr(key, "shape"):
        raise ValueError(f"{wanted}, got {type(key).__name__}")
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if not typed and (key.dtype != jnp.uint32 or len(key.shape) == 0):
        raise ValueError(f"{wanted}, got an array {key.dtype}{list(key.shape)}")
    if len(key.shape) > (0 if typed else 1):
        raise ValueError(f"{wanted}, got an array of keys, {list(key.shape)}: pass one of them")
    if typed and str(jax.random.key_impl(key)) != "threefry2x32":
        warnings.warn(
            f"key is of the kind {jax.random.key_impl(key)}: its numbers depend on how a batch is "
            "split over devices and calls; jax.random.key(0, impl='threefry2x32') does not",
            stacklevel=3,
        )


def check_samples(x: Any):
    """Raises a ValueError unless samples are a floating array of at least one."""
    if not hasattr(x, "dtype"):
        raise ValueError(
            f"batch must be an array of samples or a Batch, got {type(x).__name__}: pass "
            "jnp.asarray(samples)"
        )
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"samples must be floating, got {x.dtype}: scale them for the networks, for "
            "example x / 127.5 - 1 for bytes and a tanh"
        )
    if not x.size:
        raise ValueError(f"batch must hold samples, got shape {x.shape}")


def check_state(state: Any, wanted: Any):
    """Raises a ValueError if a state has not the structure, shapes and dtypes of a GAN's own.

    Args:
      state: a pytree of arrays.
      wanted: what the GAN's `init` gives, as arrays or `jax.ShapeDtypeStruct`.
    """
    present, own = _described(state), _described(wanted)
    for name in [*own, *present]:
        if present.get(name) != own.get(name):
            raise ValueError(
                f"state belongs to another GAN: its {name} is {present.get(name, 'missing')}, "
                f"this GAN's is {own.get(name, 'missing')}"
            )
    containers: tuple[Any, Any] = (jax.tree.structure(state), jax.tree.structure(wanted))
    if containers[0] != containers[1]:
        raise ValueError(
            "state has other containers than this GAN's, such as lists for tuples: restore it into "
            "the structure of jaxgan.init"
        )


def _described(tree: Any) -> dict[str, str]:
    """Shape and dtype of each array of a tree, by its name."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): (
            f"{jax.dtypes.canonicalize_dtype(jnp.result_type(x), allow_extended_dtype=True)}"
            f"{list(jnp.shape(x))}"
        )
        for path, x in jax.tree_util.tree_leaves_with_path(tree)
    }


def closest(name: str, known: Iterable[str]) -> str:
    """A question for the end of a message on an unknown name; nothing if no known one is near.

    >>> closest("digts", ["digits", "spiral"])
    " Did you mean 'digits'?"
    """
    near = difflib.get_close_matches(name.lower(), list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
