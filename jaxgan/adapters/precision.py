"""Networks that compute in bfloat16, with parameters, statistics, gradients and losses in float32.

bfloat16 has the range of float32 and 8 significant bits. Nothing overflows that float32 would
hold, so no loss is scaled; but logits and samples come in steps of 1/256 of their size, which is
too coarse for data in the plane and for critics with large logits.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.choices import Precision
from jaxgan.types import GAN, Network, PyTree


def gan_in_precision(gan: GAN, precision: Precision) -> GAN:
    """A GAN whose two networks compute in a precision; losses and penalties stay in float32.

    Two runs from one key drift apart step by step, as with any rounding, so means are compared: of
    a small MLP pair and a small DCGAN, each metric's mean over the last 20 of 100 steps lies within
    .05 + 5 % of that in float32. (Seen with three seeds: at most half of that, mostly a tenth.)

    Args:
      gan: the setting; all its arrays stay in float32.
      precision: "float32" or "bfloat16".
    Raises:
      ValueError: as `with_compute_dtype` does.
    """
    return dataclasses.replace(
        gan,
        generator=with_compute_dtype(gan.generator, precision),
        discriminator=with_compute_dtype(gan.discriminator, precision),
    )


def with_compute_dtype(network: Network, dtype: Any) -> Network:
    """A network that computes in another floating type; float32 is all that is seen from outside.

    Floating parameters and inputs are rounded before the network runs, and its outputs are float32
    again. The model state (batch statistics, spectral-norm vectors) is handed over in float32 and
    keeps its types. Gradients with respect to parameters and inputs are float32.

    Args:
      network: of layers that compute in the type of their inputs and parameters, as those of
        jaxgan and most of flax do. (`nnx.BatchNorm` gives float32, in which all after it is then
        computed; and the gradients of what flax broadcasts, such as a convolution's bias, are
        summed in bfloat16, where XLA on CPU loses most of a long sum.)
      dtype: bfloat16, or float32, which leaves the network as it is.
    Raises:
      ValueError: if it is another type. float16 overflows at 65,504: StyleGAN2-ADA could use it in
        the layers of the highest resolutions only, with all activations clamped to 256.
    Source: Karras et al. 2020 (a), section "mixed-precision training" of the appendix,
      https://arxiv.org/abs/2006.06676
    """
    kind = _checked(dtype)
    if kind == jnp.float32:
        return network

    def apply(params, model_state, *inputs, keys, train, axis_name=None):
        params, inputs = _floats_as((params, inputs), kind)
        output, changed = network.apply(
            params, model_state, *inputs, keys=keys, train=train, axis_name=axis_name
        )
        return _floats_as(output, jnp.dtype(jnp.float32)), _like(changed, model_state)

    return network._replace(apply=apply)


def _checked(dtype: Any) -> jnp.dtype:
    try:
        kind = jnp.dtype(dtype)
    except TypeError:
        raise ValueError(f"precision must be float32 or bfloat16, got {dtype!r}") from None
    if kind == jnp.float16:
        raise ValueError(
            "precision float16 is refused: its largest number is 65,504, and the activations and "
            "penalties of GANs go beyond; use bfloat16, which has the range of float32"
        )
    if kind not in (jnp.float32, jnp.bfloat16):
        raise ValueError(f"precision must be float32 or bfloat16, got {kind}")
    return kind


def _floats_as(tree: PyTree, kind: jnp.dtype) -> PyTree:
    def leaf(x):
        return x.astype(kind) if jnp.issubdtype(jnp.result_type(x), jnp.floating) else x

    return jax.tree.map(leaf, tree)


def _like(new: PyTree, old: PyTree) -> PyTree:
    return jax.tree.map(lambda x, y: x.astype(y.dtype), new, old)
