"""Normalisation layers, which give the same numbers on any number of devices."""

import functools
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.parallel.global_batch import mean_over_devices
from jaxgan.types import Array, Network, PyTree

Initializer = Callable[..., Array]

_REFERENCE_SEED = 0x726566  # unlikely to be chosen as a seed elsewhere


# --- Batch normalisation


def around_one(std: float = 0.02) -> Initializer:
    """Initialiser of scales from N(1, std^2), as in DCGAN: `BatchNorm(scale_init=around_one())`.

    Source: the code of Radford et al. 2016, https://github.com/Newmu/dcgan_code
    """

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return 1.0 + std * jax.random.normal(key, shape, dtype)

    return init


class BatchNorm(nn.Module):
    """Batch normalisation with the statistics of the global batch.

    y = scale (x - mean) / sqrt(var + epsilon) + bias,  var = mean of (x - mean)^2

    Running statistics for evaluation are in the collection "batch_stats". Unlike in PyTorch, their
    variance is the biased one (PyTorch: times N / (N - 1)). In GAN training a network's running
    statistics change in its own player's updates only.

    Use `use_bias=False` in the preceding layer: batch norm cancels its bias, whose gradient is pure
    rounding noise that Adam would amplify.

    Attributes:
      use_bias: whether to add a bias per channel.
      use_scale: whether to multiply by a scale per channel.
      momentum: decay of the running statistics per training pass.
      epsilon: added to the variance.
      scale_init: initialiser of the scales; see `around_one`.
      use_running: whether passes outside training use the running statistics, by which each sample
        is normalised independently of the others; or else those of the batch, as in training.
    Source: Ioffe & Szegedy 2015, algorithms 1 and 2, https://arxiv.org/abs/1502.03167
    """

    use_bias: bool = True
    use_scale: bool = True
    momentum: float = 0.9
    epsilon: float = 1e-5
    scale_init: Initializer = nn.initializers.ones
    use_running: bool = True

    @nn.compact
    def __call__(self, x: Array, train: bool, axis_name: str | None = None) -> Array:
        """Normalised x [batch, ..., channels]; running statistics change in training only."""
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, x.shape[-1:], jnp.float32)
        running_var = self.variable("batch_stats", "var", jnp.ones, x.shape[-1:], jnp.float32)
        shape = (*[1] * (x.ndim - 1), -1)
        if train or not self.use_running:
            axes = tuple(range(x.ndim - 1))
            y, mean, var = _standardised_by_own(x, axes, self.epsilon, axis_name)
        else:
            mean, var = running_mean.value.reshape(shape), running_var.value.reshape(shape)
            y = _standardised(x, mean, var, self.epsilon)
        if train and not self.is_initializing():
            for running, new in ((running_mean, mean), (running_var, var)):
                running.value = self.momentum * running.value + (1 - self.momentum) * new.ravel()
        return _affine(self, y).astype(x.dtype)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def _standardised_by_own(
    x: Array, axes: tuple[int, ...], epsilon: float, axis_name: str | None = None
) -> tuple[Array, Array, Array]:
    """Standardises x by its own moments over axes and devices; returns the moments too.

    Its derivative reads x less often than that of the operations one by one.
    """
    mean, var = _moments(x, axes, axis_name)
    return _standardised(x, mean, var, epsilon), mean, var


@_standardised_by_own.defjvp
def _tangents_of_standardised(axes, epsilon, axis_name, primals, tangents):
    (x,), (dx,) = primals, tangents
    y, mean, var = _standardised_by_own(x, axes, epsilon, axis_name)

    def average(z):
        return mean_over_devices(jnp.mean(z, axes, keepdims=True), axis_name)

    dx = dx.astype(jnp.float32)
    inverse, dmean, slope = jax.lax.rsqrt(var + epsilon), average(dx), average(dx * y)
    # The variance changes by 2 average(dx (x - mean)) = 2 slope / inverse.
    return (y, mean, var), (inverse * (dx - dmean - y * slope), dmean, 2.0 * slope / inverse)


def _moments(x: Array, axes: tuple[int, ...], axis_name: str | None = None) -> tuple[Array, Array]:
    """Mean and variance over axes (kept with size 1) and devices, in float32."""
    x = x.astype(jnp.float32)
    mean = mean_over_devices(jnp.mean(x, axes, keepdims=True), axis_name)
    # Not E x^2 - mean^2, which would cancel where the mean is large.
    return mean, mean_over_devices(jnp.mean((x - mean) ** 2, axes, keepdims=True), axis_name)


def _standardised(x: Array, mean: Array, var: Array, epsilon: float) -> Array:
    return (x - mean) * jax.lax.rsqrt(var + epsilon)


def _affine(module: "BatchNorm | InstanceNorm | VirtualBatchNorm", x: Array) -> Array:
    if module.use_scale:
        x = x * _channels(module, "scale", module.scale_init, x)
    if module.use_bias:
        x = x + _channels(module, "bias", nn.initializers.zeros, x)
    return x


def _channels(module: nn.Module, name: str, init: Initializer, x: Array) -> Array:
    """A parameter per channel of x, [1, ..., channels]."""
    return module.param(name, init, x.shape[-1:], jnp.float32).reshape(*[1] * (x.ndim - 1), -1)


# --- Instance normalisation


class InstanceNorm(nn.Module):
    """Instance normalisation: each channel of each sample is normalised over its positions.

    y = scale (x - mean) / sqrt(var + epsilon) + bias, in training and in evaluation

    Attributes:
      use_bias: whether to add a bias per channel.
      use_scale: whether to multiply by a scale per channel.
      epsilon: added to the variance.
      scale_init: initialiser of the scales; see `around_one`.
    Source: Ulyanov et al. 2016, equation 2, https://arxiv.org/abs/1607.08022
    """

    use_bias: bool = True
    use_scale: bool = True
    epsilon: float = 1e-5
    scale_init: Initializer = nn.initializers.ones

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalised x [batch, ..., channels].

        Raises:
          ValueError: if x has a single position, whose output would always be the bias.
        """
        if x.ndim < 3 or math.prod(x.shape[1:-1]) < 2:
            raise ValueError(
                "InstanceNorm needs x [batch, ..., channels] with at least two positions, "
                f"got shape {x.shape}"
            )
        y, _, _ = _standardised_by_own(x, tuple(range(1, x.ndim - 1)), self.epsilon)
        return _affine(self, y).astype(x.dtype)


# --- Virtual batch normalisation


class VirtualBatchNorm(nn.Module):
    """Virtual batch normalisation by a fixed reference batch, independent of the other samples.

    The first n samples of the input are the reference batch, which is normalised by its own
    statistics. Each other sample is normalised by the statistics of the n + 1 samples of reference
    batch and itself. A network with this layer must be wrapped in `with_reference`.

    Attributes:
      num_reference: n, the size of the reference batch.
      use_bias: whether to add a bias per channel.
      use_scale: whether to multiply by a scale per channel.
      epsilon: added to the variance.
      scale_init: initialiser of the scales; see `around_one`.
    Source: Salimans et al. 2016, section 3.5, https://arxiv.org/abs/1606.03498
    """

    num_reference: int
    use_bias: bool = True
    use_scale: bool = True
    epsilon: float = 1e-5
    scale_init: Initializer = nn.initializers.ones

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalised x [num_reference + batch, ..., channels].

        Raises:
          ValueError: if x holds no sample after the reference batch, or the network was not
            initialised in `with_reference` with the same number of reference samples.
        """
        n = self.num_reference
        # Without this check, real samples would silently be used as the reference batch.
        if len(x) <= n or (self.is_initializing() and len(x) != n + 1):
            raise ValueError(
                f"VirtualBatchNorm(num_reference={n}) got a batch of {len(x)}: wrap the network in "
                f"with_reference, with a reference batch of {n} samples"
            )
        spatial = tuple(range(1, x.ndim - 1))
        reference, samples = x[:n], x[n:]
        mean, var = _moments(reference, (0, *spatial))
        own_mean, own_var = _moments(samples, spatial)
        # With w = 1 / (n + 1) and d = mean_i - mean:
        # mean_i' = mean + w d,  var_i' = (1 - w) var + w var_i + w (1 - w) d^2
        w, d = 1 / (n + 1), own_mean - mean
        joint_mean, joint_var = mean + w * d, (1 - w) * var + w * own_var + w * (1 - w) * d**2
        y = [
            _standardised(reference, mean, var, self.epsilon),
            _standardised(samples, joint_mean, joint_var, self.epsilon),
        ]
        return _affine(self, jnp.concatenate(y)).astype(x.dtype)


def with_reference(network: Network, reference: Callable[[Array], PyTree]) -> Network:
    """A network with a fixed reference batch in front of every batch; see `VirtualBatchNorm`.

    The reference batch is part of the model state, is the same on every device and in every pass,
    and its outputs are dropped. Do not combine it with other layers that look across samples
    (`BatchNorm`, minibatch layers): they would include it once per device.

    Args:
      network: network with `VirtualBatchNorm` layers, such as the result of `from_linen`.
      reference: `key -> inputs`, called once per `init`: samples or latents [num_reference, ...],
        or a tuple of them and the condition if the network takes both.
    Returns:
      A network with the inputs of `network`.
    Raises:
      ValueError: if the network is packed. In `init`, if the reference batch has other shapes than
        the network's inputs.
    """
    if network.pack > 1:
        raise ValueError("with_reference needs an unpacked network: call packed on its result")

    def init(key, *inputs):
        network_key, reference_key = jax.random.split(key)
        kept = reference(reference_key)
        kept = tuple(kept) if isinstance(kept, tuple) else (kept,)
        _check_like(kept, inputs)
        # A single sample, so that VirtualBatchNorm can check the size of the reference batch.
        one = jax.tree.map(lambda x: x[:1], inputs)
        params, state = network.init(network_key, *_joined(kept, one))
        return params, {"network": state, "reference": kept}

    def apply(params, model_state, *inputs, keys, train, axis_name=None):
        kept = model_state["reference"]
        number = len(kept[0])
        reference_key = jax.random.key(_REFERENCE_SEED, impl=jax.random.key_impl(keys))
        output, state = network.apply(
            params,
            model_state["network"],
            *_joined(kept, inputs),
            keys=jnp.concatenate([jax.random.split(reference_key, number), keys]),
            train=train,
            axis_name=axis_name,
        )
        output = jax.tree.map(lambda y: y[number:], output)
        return output, {"network": state, "reference": kept}

    return network._replace(init=init, apply=apply)


def _joined(reference: tuple, inputs: tuple) -> tuple:
    # In the dtype of the inputs, which may be narrower than that of the stored reference batch.
    return jax.tree.map(lambda r, x: jnp.concatenate([r.astype(x.dtype), x]), reference, inputs)


def _check_like(reference: tuple, inputs: tuple):
    def shapes(tree):
        return jax.tree.map(lambda x: jnp.shape(x)[1:], tree)

    if shapes(reference) != shapes(inputs):
        raise ValueError(
            f"reference returned samples of shapes {shapes(reference)}, but the network's inputs "
            f"have shapes {shapes(inputs)}"
        )


class PixelNorm(nn.Module):
    """Pixel norm: scales the feature vector at each position to a mean square of 1.

    y = x / sqrt(mean over channels of x^2 + epsilon)

    Attributes:
      epsilon: added to the mean square, so that a zero vector stays zero.
    Source: Karras et al. 2018, section 4.2, https://arxiv.org/abs/1710.10196
    """

    epsilon: float = 1e-8

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalised x [batch, ..., channels]."""
        square = jnp.mean(x.astype(jnp.float32) ** 2, axis=-1, keepdims=True)
        return (x * jax.lax.rsqrt(square + self.epsilon)).astype(x.dtype)
