"""Layers that flax lacks, or whose results would depend on the number of devices."""

import math
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers.convolution import Implementation, Padding, conv, conv_transpose
from jaxgan.models.layers.normalization import SpectralNorm
from jaxgan.parallel.global_batch import gather, mean_over_devices, sample_index
from jaxgan.types import Array

# --- Noise


class Dropout(nn.Module):
    """Dropout with one mask a sample, drawn from that sample's key.

    So the masks are the same however the batch is split.

    Attributes:
      rate: share of values set to 0, in [0, 1); the others are divided by the share kept.
    Source: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
    """

    rate: float

    @nn.compact
    def __call__(self, x: Array, keys: Array, train: bool) -> Array:
        """Dropped-out x [batch, ...]; x itself outside training.

        Raises:
          ValueError: if the rate is out of range.
        """
        if not 0.0 <= self.rate < 1.0:
            raise ValueError(f"rate must lie in [0, 1), got {self.rate}")
        if not train or self.rate == 0.0:
            return x
        # Layers of one network share the sample keys: each folds in its own place.
        place = zlib.crc32("/".join(self.path).encode())
        keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, place)
        words = random_words(keys, math.prod(x.shape[1:])).reshape(x.shape)
        kept = words >= jnp.uint32(round(self.rate * 2**32))
        return jnp.where(kept, x * (1.0 / (1.0 - self.rate)), 0)


def random_words(keys: Array, num: int) -> Array:
    """Uniform uint32 [batch, num], a row from each key, good enough for masks and fast.

    Threefry gives each row the start and the stride of a counter; an integer hash makes words of
    it. XLA fuses that into whatever uses the words, which it cannot do with threefry's own loop:
    dropout then costs next to nothing on CPU.
    """
    start, stride = jnp.split(jax.vmap(lambda key: jax.random.bits(key, (2,)))(keys), 2, axis=1)
    x = start + (stride | 1) * jnp.arange(num, dtype=jnp.uint32)[None, :]
    # The hash of 32 bits that the search of https://github.com/skeeto/hash-prospector found to
    # have the least bias with two multiplications.
    x = (x ^ (x >> 16)) * jnp.uint32(0x21F0AAAD)
    x = (x ^ (x >> 15)) * jnp.uint32(0xD35A2D97)
    return x ^ (x >> 15)


# --- Each sample for itself


class PixelNorm(nn.Module):
    """Feature vectors at each place scaled to a mean square of 1; no parameters.

    y = x / sqrt(mean over channels of x^2 + epsilon)

    Attributes:
      epsilon: keeps a vector of zeros at zero.
    Source: Karras et al. 2018, section 4.2, https://arxiv.org/abs/1710.10196
    """

    epsilon: float = 1e-8

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalised x [batch, ..., channels]."""
        square = jnp.mean(x.astype(jnp.float32) ** 2, axis=-1, keepdims=True)
        return (x * jax.lax.rsqrt(square + self.epsilon)).astype(x.dtype)


class SelfAttention(nn.Module):
    """Each place of an image adds what it attends to at all places of the same image.

    y = x + gamma (softmax(q k') v) W_o,  q = x W_q,  k = x W_k,  v = x W_v

    The learnt gamma starts at 0, so the layer starts as the identity. Queries and keys have an
    eighth of the channels, values half.

    Attributes:
      pool: take the maximum of keys and values over 2 x 2 places, as the authors' code does, where
        all sides are even; that saves three quarters of the work.
      spectral_norm: use the weights W divided by their largest singular value.
    Source: Zhang et al. 2019, section 3, https://arxiv.org/abs/1805.08318
    """

    pool: bool = True
    spectral_norm: bool = False

    @nn.compact
    def __call__(self, x: Array, train: bool | None = None) -> Array:
        """Attended x [batch, ..., channels], with one spatial axis or more.

        `train` is needed with spectral norm only.

        Raises:
          ValueError: if x has no spatial axis, or spectral norm is not told whether to train.
        """
        if x.ndim < 3:
            raise ValueError(f"x must be [batch, ..., channels] with places, got shape {x.shape}")
        channels = x.shape[-1]

        def dense(x: Array, features: int) -> Array:
            layer = Dense(max(features, 1), use_bias=False)
            return SpectralNorm(layer)(x, train=train) if self.spectral_norm else layer(x)

        q, k, v = dense(x, channels // 8), dense(x, channels // 8), dense(x, channels // 2)
        if self.pool and all(side % 2 == 0 for side in x.shape[1:-1]):
            k, v = _pooled(k), _pooled(v)
        q, k, v = (part.reshape(len(x), -1, part.shape[-1]) for part in (q, k, v))
        scores = jnp.einsum("bqc,bkc->bqk", q, k).astype(jnp.float32)
        attended = jnp.einsum("bqk,bkc->bqc", jax.nn.softmax(scores).astype(v.dtype), v)
        gamma = self.param("gamma", nn.initializers.zeros, (), jnp.float32)
        added = _float32(gamma) * dense(attended, channels).reshape(x.shape)
        return x + added.astype(x.dtype)


def _pooled(x: Array) -> Array:
    """The maximum over two places along each spatial axis, all even; differentiable twice."""
    pairs = [size for side in x.shape[1:-1] for size in (side // 2, 2)]
    return jnp.max(x.reshape(len(x), *pairs, x.shape[-1]), axis=tuple(range(2, 2 * x.ndim - 3, 2)))


# --- Across samples


class MinibatchStd(nn.Module):
    """The deviation between samples as one further channel, so that a lack of variety shows.

    s = mean over features and places of sqrt(var over samples + epsilon)

    Attributes:
      group_size: None compares all samples of the global batch; a number, each so many
        consecutive samples among themselves.
      epsilon: added to the variance; keeps derivatives finite where all samples are the same.
    Source: Karras et al. 2018, section 3, https://arxiv.org/abs/1710.10196
    """

    group_size: int | None = None
    epsilon: float = 1e-8

    @nn.compact
    def __call__(self, x: Array, axis_name: str | None = None) -> Array:
        """Channels of x [batch, ..., channels], then s: [batch, ..., channels + 1].

        Raises:
          ValueError: if the batch on one device is not a number of whole groups.
        """
        size = len(x) if self.group_size is None else self.group_size
        if size < 1 or len(x) % size:
            raise ValueError(f"group_size={size} does not divide {len(x)} samples on a device")
        over = axis_name if self.group_size is None else None
        groups = x.astype(jnp.float32).reshape(-1, size, *x.shape[1:])
        mean = mean_over_devices(jnp.mean(groups, axis=1, keepdims=True), over)
        var = mean_over_devices(jnp.mean((groups - mean) ** 2, axis=1), over)
        deviation = jnp.sqrt(var + self.epsilon)
        s = jnp.mean(deviation, axis=tuple(range(1, x.ndim)))  # [groups]
        s = jnp.repeat(s, size).reshape(-1, *[1] * (x.ndim - 1))
        s = jnp.broadcast_to(s, (*x.shape[:-1], 1)).astype(x.dtype)
        return jnp.concatenate([x, s], axis=-1)


class MinibatchDiscrimination(nn.Module):
    """How close each sample is to the others of the global batch, by learnt kernels.

    M = x T,  o_b(i) = sum over j != i of exp(-|M_ib - M_jb|_1)

    The paper's sum has the term j = i too, which is always 1; like the authors' code we leave it
    out. The sum grows with the global batch, so evaluate at the size of training.

    Attributes:
      num_kernels: number of features o_b added.
      kernel_dim: length of each vector M_ib.
    Source: Salimans et al. 2016, section 3.2, https://arxiv.org/abs/1606.03498
    """

    num_kernels: int = 50
    kernel_dim: int = 5

    @nn.compact
    def __call__(self, x: Array, axis_name: str | None = None) -> Array:
        """Features x [batch, features], then o: [batch, features + num_kernels].

        Raises:
          ValueError: if x has another number of axes.
        """
        if x.ndim != 2:
            raise ValueError(f"x must be [batch, features], got shape {x.shape}")
        m = Dense(self.num_kernels * self.kernel_dim, use_bias=False, name="T")(x)
        m = m.astype(jnp.float32).reshape(len(x), self.num_kernels, self.kernel_dim)
        everyone = gather(m, axis_name)
        distance = jnp.sum(jnp.abs(m[:, None] - everyone[None]), axis=-1)  # [here, all, kernels]
        here, there = sample_index(len(x), axis_name), jnp.arange(len(everyone))
        other = (here[:, None] != there[None]).astype(jnp.float32)
        o = jnp.sum(jnp.exp(-distance) * other[:, :, None], axis=1)
        return jnp.concatenate([x, o.astype(x.dtype)], axis=-1)


# --- Dense layers and convolutions
# Like all layers here, they compute in the type of x and of the parameters. In bfloat16, what is
# broadcast is broadcast in float32, because its gradient is a sum over all places it went to: XLA
# on CPU adds in bfloat16 what is bfloat16, and loses 98 % of the sum of 50,000 numbers.


class Dense(nn.Module):
    """A linear map of the last axis, with a bias; parameters as those of flax's own Dense.

    Attributes:
      features: length of the output's last axis.
      use_bias: whether to add one; leave it out before a batch norm.
      kernel_init: draws the kernel [in, features].
    """

    features: int
    use_bias: bool = True
    kernel_init: Callable = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [..., features] of x [..., in]."""
        kernel = self.param("kernel", self.kernel_init, (x.shape[-1], self.features), jnp.float32)
        return with_bias(self, jnp.dot(x, kernel))


class Conv(nn.Module):
    """A layer of `conv` along all axes but the first and last, with a bias.

    Attributes:
      features: channels of the output.
      kernel_size: of all axes, or one an axis.
      stride: of all axes, or one an axis.
      padding: as for `conv`.
      use_bias: whether to add one; leave it out before a batch norm.
      kernel_init: draws the kernel [*kernel_size, in, features].
      implementation: as for `conv`.
    """

    features: int
    kernel_size: int | Sequence[int] = 3
    stride: int | Sequence[int] = 1
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Callable = nn.initializers.lecun_normal()
    implementation: Implementation = "auto"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [batch, *size, features] of x [batch, *size, in]."""
        return _layer(self, conv, x)


class ConvTranspose(nn.Module):
    """A layer of `conv_transpose`, with a bias; attributes as those of `Conv`."""

    features: int
    kernel_size: int | Sequence[int] = 4
    stride: int | Sequence[int] = 2
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Callable = nn.initializers.lecun_normal()
    implementation: Implementation = "auto"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [batch, *size, features] of x [batch, *size, in]."""
        return _layer(self, conv_transpose, x)


def _layer(layer: Conv | ConvTranspose, function: Callable, x: Array) -> Array:
    size = layer.kernel_size
    window = (size,) * (x.ndim - 2) if isinstance(size, int) else tuple(size)
    shape = (*window, x.shape[-1], layer.features)
    kernel = layer.param("kernel", layer.kernel_init, shape, jnp.float32)
    return with_bias(layer, function(x, kernel, layer.stride, layer.padding, layer.implementation))


def with_bias(layer: Any, y: Array) -> Array:
    """What a layer made plus its bias [features], if its `use_bias` says so; called within it."""
    if not layer.use_bias:
        return y
    bias = layer.param("bias", nn.initializers.zeros_init(), (layer.features,), jnp.float32)
    # Broadcast in float32: the gradient is a sum over all places.
    return (y + _float32(bias).reshape((1,) * (y.ndim - 1) + (-1,))).astype(y.dtype)


def _float32(x: Array) -> Array:
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
