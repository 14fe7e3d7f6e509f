"""Argument checks; each error names the argument, what was expected and what was passed."""

import difflib
import math
import numbers
import warnings
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp


def check_positive(**counts: int):
    """Check that counts are positive ints below 2**31.

    Args:
      counts: values by the name of their argument.
    Raises:
      ValueError: if one is not; the message names the first.
    """
    for name, count in counts.items():
        if not isinstance(count, numbers.Integral) or isinstance(count, bool) or count < 1:
            raise ValueError(f"{name} must be a positive int, got {count!r}")
        if count >= 2**31:
            raise ValueError(f"{name} must be less than 2**31, got {count}")


def check_not_negative(**given: Any):
    """Raises a ValueError unless all numbers are finite and not negative; traced ones pass.

    Args:
      given: numbers by the name of their argument.
    """
    for name, number in given.items():
        if isinstance(number, jax.core.Tracer):
            continue
        is_number = isinstance(number, numbers.Real | jax.Array) and not isinstance(number, bool)
        if not is_number or not 0 <= number < math.inf:
            raise ValueError(f"{name} must be a finite number, 0 or more, got {number!r}")


def check_seed(seed: int):
    """Check that a seed is an int of at most 32 bits; JAX ignores the higher bits.

    Raises:
      ValueError: if it is not.
    """
    if not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be an int from 0 to 2**32 - 1, got {seed!r}")


def check_choice(**choices: tuple[str, tuple[str, ...]]):
    """Check that values are among those allowed.

    Args:
      choices: pairs `(value, allowed)` by the name of their argument.
    Raises:
      ValueError: if a value is not allowed; the message suggests the closest one.
    """
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            near = closest(str(value), allowed)
            message = f"{name} must be one of {', '.join(allowed)}, got {value!r}"
            raise ValueError(f"{message}.{near}" if near else message)


def check_key(key: Any):
    """Check that `key` is a single PRNG key, typed or of the older uint32 form.

    Raises:
      ValueError: if it is not.
    Warns:
      UserWarning: if it is not a threefry key; others give numbers that depend on the number of
        devices.
    """
    message = "key must be a PRNG key such as jax.random.key(0)"
    if not hasattr(key, "dtype") or not hasattr(key, "shape"):
        raise ValueError(f"{message}, got {type(key).__name__}")
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if not typed and (key.dtype != jnp.uint32 or len(key.shape) == 0):
        raise ValueError(f"{message}, got an array {key.dtype}{list(key.shape)}")
    if len(key.shape) > (0 if typed else 1):
        raise ValueError(f"{message}, got an array of keys, {list(key.shape)}: pass one of them")
    if typed and str(jax.random.key_impl(key)) != "threefry2x32":
        warnings.warn(
            f"key uses the PRNG {jax.random.key_impl(key)}, whose numbers depend on how a batch is "
            "split over devices and calls; use jax.random.key(0, impl='threefry2x32')",
            stacklevel=3,
        )


def check_samples(x: Any):
    """Check that samples are a non-empty floating-point array, or a tree of such arrays.

    Raises:
      ValueError: if they are not, or the arrays of a tree differ in the number of samples.
    """
    leaves = jax.tree.leaves(x)
    if not leaves or not all(hasattr(leaf, "dtype") for leaf in leaves):
        raise ValueError(
            f"batch must be an array of samples or a Batch, got {type(x).__name__}: pass "
            "jnp.asarray(samples)"
        )
    for leaf in leaves:
        _check_array_of_samples(leaf)
    sizes = [leaf.shape[:1] for leaf in leaves]
    if len(set(sizes)) > 1:
        shapes = [leaf.shape for leaf in leaves]
        raise ValueError(f"all arrays of samples need the same number of samples, got {shapes}")


def _check_array_of_samples(x: Any):
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"samples must be floating, got {x.dtype}: scale them to the generator's range, such "
            "as x / 127.5 - 1 for uint8 data and a tanh generator"
        )
    if not x.size:
        raise ValueError(f"batch must hold at least one sample, got shape {x.shape}")


def check_one_array(name: str, x: Any):
    """Raises a ValueError unless samples are one array, for what cannot treat a tree of them."""
    if not hasattr(x, "ndim"):
        raise ValueError(
            f"{name} needs samples that are one array [batch, ...], got {type(x).__name__}"
        )


def check_state(state: Any, expected: Any):
    """Check that a state has the structure, shapes and dtypes of a GAN's own state.

    Args:
      state: a pytree of arrays.
      expected: the state that the GAN's `init` returns, as arrays or `jax.ShapeDtypeStruct`.
    Raises:
      ValueError: if they differ; the message names the first array that does.
    """
    present, own = _described(state), _described(expected)
    for name in [*own, *present]:
        if present.get(name) != own.get(name):
            raise ValueError(
                f"state belongs to another GAN: {name} is {present.get(name, 'missing')}, "
                f"this GAN has {own.get(name, 'missing')}"
            )
    containers: tuple[Any, Any] = (jax.tree.structure(state), jax.tree.structure(expected))
    if containers[0] != containers[1]:
        raise ValueError(
            "state has other containers than this GAN's state, such as lists instead of tuples: "
            "restore it into the structure that jaxgan.init returns"
        )


def _described(tree: Any) -> dict[str, str]:
    """Dtype and shape of each array of a tree, by the array's path."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): (
            f"{jax.dtypes.canonicalize_dtype(jnp.result_type(x), allow_extended_dtype=True)}"
            f"{list(jnp.shape(x))}"
        )
        for path, x in jax.tree_util.tree_leaves_with_path(tree)
    }


def closest(name: str, known: Iterable[str]) -> str:
    """A "did you mean" question for an unknown name; empty if no known name is similar.

    Args:
      name: unknown name.
      known: names to compare with.

    >>> closest("digts", ["digits", "spiral"])
    " Did you mean 'digits'?"
    """
    near = difflib.get_close_matches(name.lower(), list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
